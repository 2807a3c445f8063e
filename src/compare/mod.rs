//! PURE. What `netlab compare` wants to know of each data path, and what was found.

mod largest;
mod pair;
mod wire;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::model::{DataPath, Family};
use crate::packet::frame::Layer;

pub use largest::LargestPing;
pub use pair::{End, NoPair, Pair};
pub use wire::find;

/// Bytes of data in the ping whose way is measured: with its header of eight, 64, as ping says `64 bytes from`.
pub const PING_DATA: u16 = 56;
/// So many pings, one after the other, have their median taken.
pub const PINGS: u64 = 200;

/// Data paths, compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The lab's name.
    pub lab: String,
    /// The topology file.
    pub file: String,
    /// Between whom it was measured.
    pub pair: Pair,
    /// By which of their addresses.
    pub family: Family,
    /// For how long TCP was measured, in seconds.
    pub seconds: f64,
    /// Whether somebody stopped it before all data paths had their turn.
    pub interrupted: bool,
    /// Each data path, in the order in which they were asked for.
    pub rows: Vec<Row>,
}

/// One data path.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Which.
    pub data_path: DataPath,
    /// What came of it.
    pub end: RowEnd,
}

/// What came of a data path.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowEnd {
    /// A lab came up, and this was found.
    Measured(Box<Measured>),
    /// The topology does not allow it.
    NotAllowed(String),
    /// This kernel lacks something that it needs.
    Lacks(String),
    /// The lab did not come up, or could not be looked at, for another reason.
    Error(String),
    /// Its turn was stopped, or did not come any more.
    Stopped,
}

/// What was measured, or why not.
pub type Cell<T> = Result<T, String>;

/// What was found on one data path.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Those whom a traceroute meets, the target last.
    pub path: Cell<Vec<Hop>>,
    /// The TTL that a reply to a ping has left when it arrives.
    pub ttl: Cell<u8>,
    /// A ping on the underlay.
    pub ping: Cell<OnWire>,
    /// A TCP segment as large as they come, on the underlay.
    pub segment: Cell<OnWire>,
    /// Bytes of data in the largest ping that nobody has to cut.
    pub largest: Cell<u16>,
    /// The median of many pings' round-trip times, in milliseconds.
    pub rtt_ms: Cell<f64>,
    /// What TCP carries in one direction, in bits of data a second.
    pub bits_per_second: Cell<f64>,
    /// What the data path put into each node, and into the fabric.
    pub entries: Cell<Vec<Entries>>,
}

/// One hop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// What the lab calls it.
    pub name: Option<String>,
    /// Its address; none where it did not answer.
    pub address: Option<IpAddr>,
}

/// A packet as it left the source's node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnWire {
    /// Bytes that somebody wanted to send: a ping's ICMP message, a segment's data.
    pub payload_bytes: usize,
    /// Bytes of the frame that they were in, its Ethernet header included.
    pub wire_bytes: usize,
    /// The parts of that frame, outermost first.
    pub layers: Vec<Layer>,
}

/// What a data path put into the kernel of a place: nothing that was learnt, and nothing that the kernel made by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entries {
    /// The node, or the fabric.
    pub place: String,
    /// Whether it is a node.
    pub is_node: bool,
    /// Routes of the main tables.
    pub routes: usize,
    /// Entries of forwarding databases.
    pub fdb: usize,
    /// Permanent neighbours.
    pub neighbours: usize,
}

impl OnWire {
    /// How many bytes more than the payload are on the wire, in percent of that.
    pub fn overhead_percent(&self) -> f64 {
        let more = self.wire_bytes as f64 - self.payload_bytes as f64;
        more * 100.0 / self.payload_bytes as f64
    }
}

impl Measured {
    /// Nothing was found, for one reason.
    pub fn nothing(why: &str) -> Self {
        let why = || why.to_owned();
        Self {
            path: Err(why()),
            ttl: Err(why()),
            ping: Err(why()),
            segment: Err(why()),
            largest: Err(why()),
            rtt_ms: Err(why()),
            bits_per_second: Err(why()),
            entries: Err(why()),
        }
    }

    /// What could not be measured, and why.
    pub fn failures(&self) -> Vec<(&'static str, &str)> {
        let all = [
            ("hops", self.path.as_ref().err()),
            ("TTL", self.ttl.as_ref().err()),
            ("ping", self.ping.as_ref().err()),
            ("TCP segment", self.segment.as_ref().err()),
            ("largest ping", self.largest.as_ref().err()),
            ("RTT", self.rtt_ms.as_ref().err()),
            ("TCP rate", self.bits_per_second.as_ref().err()),
            ("entries", self.entries.as_ref().err()),
        ];
        all.into_iter().filter_map(|(what, why)| Some((what, why?.as_str()))).collect()
    }

    /// The most of each kind of entry that any one node has.
    pub fn most_entries(&self) -> Option<Entries> {
        let nodes = self.entries.as_ref().ok()?.iter().filter(|entries| entries.is_node);
        nodes.fold(None, |most, entries| {
            let most: Entries = most.unwrap_or_default();
            Some(Entries {
                place: String::new(),
                is_node: true,
                routes: most.routes.max(entries.routes),
                fdb: most.fdb.max(entries.fdb),
                neighbours: most.neighbours.max(entries.neighbours),
            })
        })
    }
}

impl Row {
    /// What was measured, if a lab came up.
    pub fn measured(&self) -> Option<&Measured> {
        match &self.end {
            RowEnd::Measured(measured) => Some(measured),
            RowEnd::NotAllowed(_) | RowEnd::Lacks(_) | RowEnd::Error(_) | RowEnd::Stopped => None,
        }
    }
}

/// How a comparison ended, as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// All that could be compared was measured.
    Fine,
    /// Something could not be measured.
    Failed,
    /// Something went wrong with netlab or the machine.
    Error,
    /// This kernel can make no lab for any of the data paths.
    NothingHere,
}

impl Comparison {
    /// How it ended.
    pub fn verdict(&self) -> Verdict {
        let any = |is: fn(&Row) -> bool| self.rows.iter().any(is);
        if any(|row| row.measured().is_some_and(|measured| !measured.failures().is_empty())) {
            Verdict::Failed
        } else if any(|row| matches!(row.end, RowEnd::Error(_))) {
            Verdict::Error
        } else if any(|row| row.measured().is_some()) {
            Verdict::Fine
        } else {
            Verdict::NothingHere
        }
    }

    /// The data path whose throughput is called 100 %, with that in bits a second: host-gw, which adds nothing to a packet,
    /// or else the fastest.
    pub fn yardstick(&self) -> Option<(DataPath, f64)> {
        let rates = self.rows.iter().filter_map(|row| {
            let rate = row.measured()?.bits_per_second.as_ref().ok()?;
            Some((row.data_path, *rate)).filter(|(_, rate)| *rate > 0.0)
        });
        let rates: Vec<(DataPath, f64)> = rates.collect();
        let plain = rates.iter().find(|(data_path, _)| *data_path == DataPath::HostGw);
        plain.or_else(|| rates.iter().max_by(|one, other| one.1.total_cmp(&other.1))).copied()
    }
}

#[cfg(test)]
mod tests;
