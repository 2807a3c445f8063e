//! Changing the links of a running lab: cutting cables and impairing them.

use std::collections::BTreeMap;
use std::os::fd::AsFd as _;
use std::thread::sleep;
use std::time::{Duration, Instant};

use netlink_packet_core::{NLM_F_CREATE, NLM_F_REPLACE};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::LinkFlags;
use nix::sched::{CloneFlags, setns};
use rtnetlink::LinkUnspec;

use super::enter::{Place, holder_of, user};
use super::error::{Error, Result, is_lack};
use super::inspect::reader::Reader;
use super::message::message;
use super::netlink::{Awaited, BATCH, Connection, Refusal};
use super::{process, qdisc};
use crate::plan::{Link, Op, Qdisc, Sandbox};

mod neighbours;

/// How long a cable's carrier may take to be seen at both ends; kernels before 6.8 see to it once a second.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whether an interface was told to be up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// It was.
    Up,
    /// It was not.
    Down,
}

/// Some namespaces of a running lab, each with its connection.
pub struct Live {
    rooms: BTreeMap<String, Room>,
}

struct Room {
    connection: Connection,
    reader: Reader,
}

impl Live {
    /// Moves this process, which must have one thread, through the namespaces of these sandboxes, and opens connections there.
    ///
    /// # Errors
    /// If one of them cannot be entered, or is gone.
    pub fn open<'a>(sandboxes: impl IntoIterator<Item = &'a Sandbox>) -> Result<Self> {
        process::raise_descriptor_limit();
        // From inside the lab's user namespace, the others' /proc entries are out of reach: all are looked up first.
        let mut doors = Vec::new();
        for sandbox in sandboxes {
            doors.push((sandbox, holder_of(&Place { sandbox })?));
        }
        let mut rooms = BTreeMap::new();
        let mut first = doors.first().map_or(CloneFlags::empty(), |(sandbox, _)| user(&Place { sandbox }));
        for (sandbox, door) in doors {
            setns(door.as_fd(), first | CloneFlags::CLONE_NEWNET)
                .map_err(Error::call(format!("entering {}", sandbox.name)))?;
            // All namespaces of a lab belong to one user namespace, which is entered once.
            first = CloneFlags::empty();
            let room = Room { connection: Connection::open()?, reader: Reader::open(&sandbox.name)? };
            rooms.insert(sandbox.name.clone(), room);
        }
        Ok(Self { rooms })
    }

    /// What impairs the interfaces of a place, by index.
    ///
    /// # Errors
    /// If the kernel does not say.
    pub fn qdiscs(&mut self, place: &str) -> Result<BTreeMap<u32, Qdisc>> {
        qdisc::all(&mut self.room(place)?.reader)
    }

    /// Does operations in a place. What they make takes the place of what is there.
    ///
    /// # Errors
    /// If the kernel refuses one of them.
    pub fn apply(&mut self, place: &str, ops: &[Op]) -> Result<()> {
        let requests = ops.iter().map(|op| {
            let message = match op {
                Op::Impair { link, qdisc } => {
                    RouteNetlinkMessage::NewQueueDiscipline(qdisc::replacement(link.index, qdisc))
                }
                // Nothing is made here that reaches into another namespace.
                op => message(op, |_| 0)?.0,
            };
            Ok((message, NLM_F_CREATE | NLM_F_REPLACE))
        });
        let requests = requests.collect::<Result<Vec<_>>>()?;
        let Some(Refusal { place: number, errno, said }) = self.batch(place, requests)? else {
            return Ok(());
        };
        let op = ops.get(number);
        let what = op.map_or_else(|| "an operation of netlink".to_owned(), ToString::to_string);
        Err(match op.and_then(Op::feature).filter(|_| is_lack(errno)) {
            Some(feature) => Error::Lacks(feature),
            None => Error::Refused { place: place.to_owned(), what, errno, said },
        })
    }

    /// Takes an interface's impairments away.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn clear(&mut self, place: &str, link: &Link) -> Result<()> {
        let message = RouteNetlinkMessage::DelQueueDiscipline(qdisc::root(link.index));
        self.ask(place, message, format!("taking the impairments of {} away", link.name))
    }

    /// Tells an interface to be up or down.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn set_state(&mut self, place: &str, link: &Link, state: LinkState) -> Result<()> {
        let message = LinkUnspec::new_with_index(link.index);
        let (message, word) = match state {
            LinkState::Up => (message.up(), "up"),
            LinkState::Down => (message.down(), "down"),
        };
        self.ask(place, RouteNetlinkMessage::SetLink(message.build()), format!("link {} {word}", link.name))
    }

    /// What an interface was told to be.
    ///
    /// # Errors
    /// If it is not there, or the kernel does not say.
    pub fn state(&mut self, place: &str, link: &Link) -> Result<LinkState> {
        let request = RouteNetlinkMessage::GetLink(LinkUnspec::new_with_index(link.index).build());
        let answer = self.room(place)?.reader.get("an interface", &request)?;
        match answer {
            Some(RouteNetlinkMessage::NewLink(message)) if message.header.flags.contains(LinkFlags::Up) => {
                Ok(LinkState::Up)
            }
            Some(RouteNetlinkMessage::NewLink(_)) => Ok(LinkState::Down),
            _ => Err(Error::Unexpected(format!("{place} has lost its interface {}", link.name))),
        }
    }

    /// Waits until an interface can send, its cable and its bridge with it.
    ///
    /// # Errors
    /// If that does not come to pass, or the kernel does not say.
    pub fn wait_until_up(&mut self, place: &str, links: &[&Link]) -> Result<()> {
        let awaited: Vec<(u32, Awaited)> = links.iter().map(|link| (link.index, Awaited::Up)).collect();
        let began = Instant::now();
        while !self.room(place)?.connection.are_settled(&awaited)? {
            if began.elapsed() > PATIENCE {
                let names: Vec<&str> = links.iter().map(|link| link.name.as_ref()).collect();
                return Err(Error::Unexpected(format!(
                    "{place}: {} is up, and still could not send after {} s",
                    names.join(" or "),
                    PATIENCE.as_secs()
                )));
            }
            sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Sends requests, as many at a time as a connection can take; gives back the first that was refused.
    fn batch(&mut self, place: &str, requests: Vec<(RouteNetlinkMessage, u16)>) -> Result<Option<Refusal>> {
        let connection = &mut self.room(place)?.connection;
        let mut before = 0;
        let mut requests = requests.into_iter();
        loop {
            requests.by_ref().take(BATCH).for_each(|(message, flags)| connection.queue(message, flags));
            let sent = connection.queued();
            if let Some(refusal) = connection.flush()? {
                return Ok(Some(Refusal { place: before + refusal.place, ..refusal }));
            }
            if sent == 0 {
                return Ok(None);
            }
            before += sent;
        }
    }

    fn ask(&mut self, place: &str, message: RouteNetlinkMessage, what: String) -> Result<()> {
        let connection = &mut self.room(place)?.connection;
        connection.queue(message, 0);
        match connection.flush()? {
            None => Ok(()),
            Some(Refusal { errno, said, .. }) => {
                Err(Error::Refused { place: place.to_owned(), what, errno, said })
            }
        }
    }

    fn room(&mut self, place: &str) -> Result<&mut Room> {
        let room = self.rooms.get_mut(place);
        room.ok_or_else(|| Error::Unexpected(format!("{place} was not opened")))
    }
}
