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
    /// The queueing disciplines that have dropped anything.
    pub queues: Vec<Dropping>,
}

/// A queueing discipline that has dropped frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropping {
    /// Its interface.
    pub link: String,
    /// What it is called: `tbf`, `netem`, …
    pub kind: String,
    /// How many.
    pub dropped: u64,
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
        queues: dropping(&mut reader)?,
    })
}

fn dropping(reader: &mut Reader) -> Result<Vec<Dropping>> {
    let request = RouteNetlinkMessage::GetQueueDiscipline(TcMessage::default());
    let mut found = Vec::new();
    for answer in reader.dump("queueing disciplines", &request)? {
        let RouteNetlinkMessage::NewQueueDiscipline(message) = answer else { continue };
        let dropped = dropped(&message);
        // Nearly none has dropped anything, and only of those that have the interface's name is asked for.
        if dropped == 0 {
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
            found.push(Dropping { link, kind: kind.unwrap_or_default(), dropped });
        }
    }
    Ok(found)
}

fn dropped(message: &TcMessage) -> u64 {
    let parts = message.attributes.iter().filter_map(|attribute| match attribute {
        TcAttribute::Stats2(parts) => Some(parts),
        _ => None,
    });
    parts
        .flatten()
        .find_map(|part| match part {
            TcStats2::Queue(queue) => Some(u64::from(queue.drops)),
            _ => None,
        })
        .unwrap_or(0)
}
