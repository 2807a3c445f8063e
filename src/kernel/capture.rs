//! Hearing what passes the interfaces of a running lab, in any number of its namespaces at once.
//!
//! One packet socket a namespace, unbound and not promiscuous: a bridge that is made promiscuous shows frames that its IP
//! stack never gets. Frames come in blocks of memory that the kernel shares (`TPACKET_V3`), with the kernel's time stamps.
//!
//! An open socket keeps its namespace alive, and with it cables and bridges of a lab that has ended: whoever listens asks
//! [`Ears::gone`], and stops.

mod block;
mod crowd;
mod interface;
mod program;
mod ring;
mod wait;

use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::enter::{Place, holder_of, user};
use super::error::{Error, Result};
use super::process;
use crate::packet::heard::Heard;
use crate::plan::Sandbox;
use block::Raw;
use ring::Ring;

pub use interface::Interface;
pub use wait::{Woken, wait};

/// Memory for all rings together, in bytes, as long as each can have a useful share of it.
const MEMORY: usize = 128 << 20;

/// A block that has room for several of the largest frames (64 KiB and headers), in bytes.
const LARGE_BLOCK: usize = 256 << 10;
/// A block for the beginnings of frames; a whole frame that is longer than this is cut.
const SMALL_BLOCK: usize = 32 << 10;
/// More blocks than these buy nothing: a reader that is that far behind does not catch up.
const BLOCKS: usize = 64;
/// With fewer, the kernel has nowhere to write while one is read.
const FEWEST: usize = 2;

/// How long a frame may wait in a block that is not full.
const RETIRE: Duration = Duration::from_millis(10);

/// After this time a frame is surely in a block that can be read: the kernel looks every 10 ms (`RETIRE`), at the next tick of
/// its timers, and lets one look pass before it hands over a block that has just been begun.
pub const LATENCY: Duration = Duration::from_millis(50);

/// Bytes that have the headers of every frame, through a tunnel and into what an ICMP error in it quotes.
const HEADERS: usize = 512;
/// More than any frame has.
const WHOLE: usize = 256 << 10;

/// Marks a process among what is watched.
const HOLDER: u64 = 1;
/// Events that are looked at together.
const EVENTS: usize = 256;

/// How much of each frame is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Its headers: many more frames find room.
    Headers,
    /// So many bytes.
    First(usize),
    /// All of it.
    Whole,
}

/// What the kernel itself keeps away, so that it takes no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptAway {
    /// Nothing.
    Nothing,
    /// TCP over IP over Ethernet, without a tunnel.
    PlainTcp,
}

/// Where to listen.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// The namespace.
    pub sandbox: &'a Sandbox,
    /// The interfaces there, by name; `None`: all of them, also those that somebody makes later.
    pub interfaces: Option<Vec<String>>,
}

/// How many frames passed in a namespace, and how many of them were lost because nobody read them in time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Those that passed the interfaces that are wanted.
    pub passed: u64,
    /// Those of them that were lost.
    pub dropped: u64,
}

/// What was heard since the last time.
pub struct Drained {
    /// The frames, each namespace's in the order in which they passed.
    pub frames: Vec<Heard>,
    /// Every frame up to this time, in nanoseconds since 1970, has been heard.
    pub complete: u64,
}

/// One namespace.
struct Ear {
    ring: Ring,
    holder: OwnedFd,
    name: String,
    /// Numbers in [`Ears::interfaces`] by the kernel's index; `None` for those that are not wanted.
    known: BTreeMap<u32, Option<usize>>,
    /// Whether interfaces that turn up are wanted.
    all: bool,
    ended: bool,
}

/// Listeners in some namespaces of a running lab.
pub struct Ears {
    ears: Vec<Ear>,
    interfaces: Vec<Interface>,
    epoll: Epoll,
}

impl AsFd for Ears {
    /// Readable when there is something to [`Ears::drain`], or a namespace is gone.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.0.as_fd()
    }
}

impl Drop for Ears {
    fn drop(&mut self) {
        crowd::each(std::mem::take(&mut self.ears), drop);
    }
}

impl Ears {
    /// Moves this process, which must have one thread, through the namespaces, and listens there from now on.
    ///
    /// # Errors
    /// [`Error::NoInterface`] if one that is wanted is not there; or if a namespace cannot be entered or is gone, or the
    /// kernel gives no packet socket.
    pub fn open(wanted: &[Wanted<'_>], extent: Extent, kept_away: KeptAway) -> Result<Self> {
        // A ring and a process for each.
        process::raise_descriptor_limit();
        // From inside the lab's user namespace, the others' /proc entries are out of reach: all are looked up first.
        let doors = wanted.iter().map(|one| holder_of(&Place { sandbox: one.sandbox }));
        let doors: Vec<OwnedFd> = doors.collect::<Result<_>>()?;
        let epoll =
            Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map_err(Error::call("watching many sockets"))?;
        let mut open = Self { ears: Vec::new(), interfaces: Vec::new(), epoll };
        let size = ring::Size { kept_away, ..size(wanted.len(), extent) };
        if let (Some(one), Some(door)) = (wanted.first(), doors.first()) {
            // All namespaces of a lab belong to one user namespace, which only a process with one thread can enter.
            setns(door.as_fd(), user(&Place { sandbox: one.sandbox }) | CloneFlags::CLONE_NEWNET)
                .map_err(Error::call(format!("entering {}", one.sandbox.name)))?;
        }
        let places: Vec<_> = wanted.iter().zip(doors).collect();
        let opened = crowd::each(places, |(one, door)| opened(one, door, &size));
        for (one, opened) in wanted.iter().zip(opened) {
            open.listen(one, opened?)?;
        }
        // Only now, so that none hears more of the beginning than the others.
        for ear in &open.ears {
            ear.ring.start().map_err(Error::io(format!("{}: listening", ear.name)))?;
        }
        Ok(open)
    }

    /// Watches the socket of a namespace.
    fn listen(&mut self, wanted: &Wanted<'_>, opened: Opened) -> Result<()> {
        let Opened { ring, holder, there } = opened;
        let name = &wanted.sandbox.name;
        let mut ear = Ear {
            ring,
            holder,
            name: name.clone(),
            known: BTreeMap::new(),
            all: wanted.interfaces.is_none(),
            ended: false,
        };
        for wanted in wanted.interfaces.iter().flatten() {
            if !there.iter().any(|(_, found)| found == wanted) {
                let there = there.iter().map(|(_, found)| found.clone()).collect();
                return Err(Error::NoInterface { place: name.clone(), interface: wanted.clone(), there });
            }
        }
        for (index, found) in &there {
            let is_wanted = wanted.interfaces.as_ref().is_none_or(|names| names.contains(found));
            let number = is_wanted.then(|| self.add(name, &ear.ring, *index));
            ear.known.insert(*index, number);
        }
        let indices: Vec<u32> =
            ear.known.iter().filter_map(|(index, number)| number.map(|_| *index)).collect();
        ear.ring.only((!ear.all).then_some(indices.as_slice())).map_err(opening(name))?;
        let number = self.ears.len() as u64;
        for (descriptor, key) in [(ear.ring.as_fd(), number << 1), (ear.holder.as_fd(), number << 1 | HOLDER)]
        {
            let event = EpollEvent::new(EpollFlags::EPOLLIN, key);
            self.epoll.add(descriptor, event).map_err(Error::call("watching a socket"))?;
        }
        self.ears.push(ear);
        Ok(())
    }

    /// Gives an interface a number.
    fn add(&mut self, place: &str, ring: &Ring, index: u32) -> usize {
        self.interfaces.push(interface::describe(ring, place, index));
        self.interfaces.len() - 1
    }

    /// The interfaces that are listened on; more of them may follow when frames have been heard.
    pub fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    /// Takes what was heard.
    ///
    /// # Errors
    /// If a socket fails.
    pub fn drain(&mut self) -> Result<Drained> {
        let mut frames = Vec::new();
        // What passed that long before now is in the blocks that are read after now.
        let mut complete = now().saturating_sub(LATENCY.as_nanos() as u64);
        for number in 0..self.ears.len() {
            let before = frames.len();
            let whole = self.drain_one(number, &mut frames);
            // Where the kernel writes faster than this reads, the rest comes next time.
            if let (false, Some(last)) = (whole, frames[before..].last()) {
                complete = complete.min(last.time);
            }
        }
        Ok(Drained { frames, complete })
    }

    /// Reads one ring, once round at most; gives back whether nothing is left in it.
    fn drain_one(&mut self, number: usize, frames: &mut Vec<Heard>) -> bool {
        for _ in 0..self.ears[number].ring.blocks() {
            let Some(raws) = self.ears[number].ring.take() else { return true };
            for raw in raws {
                frames.extend(self.named(number, raw));
            }
        }
        false
    }

    /// A frame with its interface's number; `None` of one that is not wanted.
    fn named(&mut self, number: usize, raw: Raw) -> Option<Heard> {
        // Loopback shows each frame twice, and what goes in is what came out.
        if raw.is_loopback() && raw.is_outgoing() {
            return None;
        }
        let interface = match self.ears[number].known.get(&raw.index) {
            Some(known) => (*known)?,
            None if self.ears[number].all => {
                let ear = &self.ears[number];
                self.interfaces.push(interface::describe(&ear.ring, &ear.name, raw.index));
                let new = self.interfaces.len() - 1;
                self.ears[number].known.insert(raw.index, Some(new));
                new
            }
            None => return None,
        };
        Some(raw.heard(interface))
    }

    /// How many frames passed and were lost, by namespace, since listening began.
    ///
    /// # Errors
    /// If the kernel does not say.
    pub fn counts(&mut self) -> Result<Vec<(String, Counts)>> {
        let mut all = Vec::new();
        for ear in &mut self.ears {
            let counts = ear.ring.counts().map_err(Error::io(format!("{}: asking for drops", ear.name)))?;
            all.push((ear.name.clone(), counts));
        }
        Ok(all)
    }

    /// How many frames have found room so far, namespace by namespace, in blocks that can be read or not yet.
    ///
    /// # Errors
    /// If the kernel does not say.
    pub fn arrived(&mut self) -> Result<Vec<u64>> {
        let counts = self.counts()?;
        Ok(counts.iter().map(|(_, counts)| counts.passed.saturating_sub(counts.dropped)).collect())
    }

    /// Whether so many have been taken. A busy machine may hand a block over later than its timer should.
    pub fn has_taken(&self, arrived: &[u64]) -> bool {
        self.ears.iter().zip(arrived).all(|(ear, arrived)| ear.ring.taken() >= *arrived)
    }

    /// The namespaces whose processes have ended, as far as that is known.
    ///
    /// # Errors
    /// If the kernel does not say.
    pub fn gone(&mut self) -> Result<Vec<&str>> {
        let mut events = [EpollEvent::empty(); EVENTS];
        // What is not among these will be the next time: the kernel goes round.
        let count = match self.epoll.wait(&mut events, EpollTimeout::ZERO) {
            Ok(count) => count,
            Err(Errno::EINTR) => 0,
            Err(errno) => return Err(Error::call("watching the lab's processes")(errno)),
        };
        for event in &events[..count] {
            let number = (event.data() >> 1) as usize;
            if let (true, Some(ear)) = (event.data() & HOLDER != 0, self.ears.get_mut(number)) {
                ear.ended = true;
                // It would be ready for ever.
                let _ = self.epoll.delete(&ear.holder);
            }
        }
        Ok(self.ears.iter().filter(|ear| ear.ended).map(|ear| ear.name.as_str()).collect())
    }

    /// In how many namespaces this listens.
    pub fn places(&self) -> usize {
        self.ears.len()
    }
}

/// A namespace's socket, which does not hear anything yet.
struct Opened {
    ring: Ring,
    holder: OwnedFd,
    /// The interfaces there, by index and name.
    there: Vec<(u32, String)>,
}

/// Moves the calling thread into a namespace, and makes a socket there.
fn opened(wanted: &Wanted<'_>, holder: OwnedFd, size: &ring::Size) -> Result<Opened> {
    let name = &wanted.sandbox.name;
    setns(holder.as_fd(), CloneFlags::CLONE_NEWNET).map_err(Error::call(format!("entering {name}")))?;
    let ring = Ring::open(size).map_err(opening(name))?;
    let there = interface::all().map_err(Error::call(format!("{name}: listing interfaces")))?;
    Ok(Opened { ring, holder, there })
}

fn opening(name: &str) -> impl FnOnce(std::io::Error) -> Error {
    Error::io(format!("{name}: opening a packet socket"))
}

/// What each ring may take.
fn size(places: usize, extent: Extent) -> ring::Size {
    let share = MEMORY / places.max(1);
    let snap = match extent {
        Extent::Headers => HEADERS,
        Extent::First(bytes) => bytes.min(WHOLE),
        Extent::Whole => WHOLE,
    };
    // Several of them find room in a small block, or there is no room for large ones.
    let block =
        if snap <= SMALL_BLOCK / 8 || share < FEWEST * LARGE_BLOCK { SMALL_BLOCK } else { LARGE_BLOCK };
    let most = if block == LARGE_BLOCK { BLOCKS / 2 } else { BLOCKS };
    ring::Size {
        block,
        blocks: (share / block).clamp(FEWEST, most),
        snap,
        retire: RETIRE,
        kept_away: KeptAway::Nothing,
    }
}

/// Nanoseconds since 1970, as the kernel stamps frames.
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_whatever_the_number_of_namespaces() {
        for extent in [Extent::Headers, Extent::First(9000), Extent::Whole] {
            for places in [0, 1, 7, 20, 111, 511, 512, 513, 1101, 2048] {
                let size = size(places, extent);
                assert!(size.blocks >= FEWEST, "{places}");
                assert!(size.block * size.blocks * places <= MEMORY, "{extent:?} {places}");
            }
        }
        assert_eq!(size(5001, Extent::Whole).block * size(5001, Extent::Whole).blocks, 64 << 10);
    }

    #[test]
    fn a_few_namespaces_have_room_for_the_largest_frames() {
        for places in [1, 7, 111] {
            assert!(size(places, Extent::Whole).block >= 128 << 10, "{places}");
        }
    }
}
