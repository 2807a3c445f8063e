//! What a namespace has counted: read before a packet is sent and after it was lost, the difference tells of its end.

use std::fs;

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::LinkAttribute;
use netlink_packet_route::tc::{TcAttribute, TcMessage, TcStats2};

use super::enter::{Place, enter_network};
use super::error::Result;
use super::inspect::link_request;
use super::inspect::reader::Reader;
use crate::plan::Sandbox;

/// A namespace's counters, as the kernel writes them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// `/proc/net/snmp` and `/proc/net/netstat`: lines of names, each followed by one of numbers.
    pub tables: String,
    /// `/proc/net/snmp6`: lines of a name and a number.
    pub list: String,
    /// `/proc/net/dev`: a line of numbers for each interface.
    pub links: String,
    /// The queueing disciplines that have dropped anything, or hold something back.
    pub queues: Vec<Queued>,
}

/// A queueing discipline that has dropped frames, or holds some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// Its interface.
    pub link: String,
    /// What it is called: `tbf`, `netem`, …
    pub kind: String,
    /// How many it has dropped.
    pub dropped: u64,
    /// How many wait in it now.
    pub waiting: u64,
}

/// Reads a namespace's counters. Moves this process, which must have one thread, into it.
///
/// # Errors
/// If it is gone, or cannot be entered or read.
pub fn tally(sandbox: &Sandbox) -> Result<Tally> {
    // By its process, and not by this one's: what is behind /proc/self/net need not change with the namespace at once.
    let read =
        |name: &str| fs::read_to_string(format!("/proc/{}/net/{name}", sandbox.pid)).unwrap_or_default();
    enter_network(&Place { sandbox })?;
    let mut reader = Reader::open(&sandbox.name)?;
    Ok(Tally {
        tables: read("snmp") + &read("netstat"),
        list: read("snmp6"),
        links: read("dev"),
        queues: queued(&mut reader)?,
    })
}

/// The UDP sockets of a namespace, as `/proc/net/udp` and `/proc/net/udp6` have them; nothing where they cannot be read.
pub fn udp_sockets(sandbox: &Sandbox) -> String {
    let read =
        |name: &str| fs::read_to_string(format!("/proc/{}/net/{name}", sandbox.pid)).unwrap_or_default();
    read("udp") + &read("udp6")
}

fn queued(reader: &mut Reader) -> Result<Vec<Queued>> {
    let request = RouteNetlinkMessage::GetQueueDiscipline(TcMessage::default());
    let mut found = Vec::new();
    for answer in reader.dump("queueing disciplines", &request)? {
        let RouteNetlinkMessage::NewQueueDiscipline(message) = answer else { continue };
        let (dropped, waiting) = numbers(&message);
        // Nearly none has anything to tell, and only of those that have the interface's name is asked for.
        if dropped + waiting == 0 {
            continue;
        }
        let kind = message.attributes.iter().find_map(|attribute| match attribute {
            TcAttribute::Kind(kind) => Some(kind.clone()),
            _ => None,
        });
        let index = message.header.index.cast_unsigned();
        let asked = RouteNetlinkMessage::GetLink(link_request(index));
        if let Some(RouteNetlinkMessage::NewLink(link)) = reader.get("an interface's name", &asked)? {
            let name = link.attributes.into_iter().find_map(|attribute| match attribute {
                LinkAttribute::IfName(name) => Some(name),
                _ => None,
            });
            let link = name.unwrap_or_else(|| format!("if{index}"));
            found.push(Queued { link, kind: kind.unwrap_or_default(), dropped, waiting });
        }
    }
    Ok(found)
}

/// How many frames it has dropped, and how many it holds.
fn numbers(message: &TcMessage) -> (u64, u64) {
    let parts = message.attributes.iter().filter_map(|attribute| match attribute {
        TcAttribute::Stats2(parts) => Some(parts),
        _ => None,
    });
    parts
        .flatten()
        .find_map(|part| match part {
            TcStats2::Queue(queue) => Some((u64::from(queue.drops), u64::from(queue.qlen))),
            _ => None,
        })
        .unwrap_or_default()
}
