//! The figures of a comparison: which there are, what they are called, and what each data path has for them.

use super::Measured;
use crate::compare::{Comparison, OnWire, PING_DATA};
use crate::packet::icmp::ECHO_HEADER_LEN;

/// What stands for a figure that could not be had.
const NOTHING: &str = "x";

/// Whether a figure is the same whenever it is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It is.
    Fixed,
    /// It holds for this machine, now.
    HereAndNow,
}

/// One figure.
pub(super) struct Column {
    /// What it belongs to; columns of one group stand side by side.
    pub(super) group: &'static str,
    /// Its short name.
    pub(super) head: &'static str,
    pub(super) kind: Kind,
    /// The figure of a data path.
    pub(super) cell: fn(&Measured, &Comparison) -> String,
}

const fn fixed(
    group: &'static str,
    head: &'static str,
    cell: fn(&Measured, &Comparison) -> String,
) -> Column {
    Column { group, head, kind: Kind::Fixed, cell }
}

const fn now(head: &'static str, cell: fn(&Measured, &Comparison) -> String) -> Column {
    Column { group: "here and now", head, kind: Kind::HereAndNow, cell }
}

pub(super) const PING: &str = "ping, 64 B";
pub(super) const SEGMENT: &str = "full TCP segment";
pub(super) const ENTRIES: &str = "entries per node";
const _: () = assert!(PING_DATA as usize + ECHO_HEADER_LEN == 64);

/// All figures, in order.
pub(super) const COLUMNS: [Column; 13] = [
    fixed("", "hops", |of, _| or_nothing(of.path.as_ref().map(|path| path.len().to_string()))),
    fixed("", "TTL", |of, _| or_nothing(of.ttl.as_ref().map(u8::to_string))),
    fixed(PING, "wire", |of, _| or_nothing(of.ping.as_ref().map(|ping| ping.wire_bytes.to_string()))),
    fixed(PING, "more", |of, _| or_nothing(of.ping.as_ref().map(more))),
    fixed(SEGMENT, "data", |of, _| or_nothing(of.segment.as_ref().map(|one| one.payload_bytes.to_string()))),
    fixed(SEGMENT, "wire", |of, _| or_nothing(of.segment.as_ref().map(|one| one.wire_bytes.to_string()))),
    fixed(SEGMENT, "more", |of, _| or_nothing(of.segment.as_ref().map(more))),
    fixed("largest", "ping", |of, _| or_nothing(of.largest.as_ref().map(u16::to_string))),
    fixed(ENTRIES, "routes", |of, _| {
        of.most_entries().map_or(NOTHING.into(), |most| most.routes.to_string())
    }),
    fixed(ENTRIES, "FDB", |of, _| of.most_entries().map_or(NOTHING.into(), |most| most.fdb.to_string())),
    fixed(ENTRIES, "neigh", |of, _| {
        of.most_entries().map_or(NOTHING.into(), |most| most.neighbours.to_string())
    }),
    now("RTT ms", |of, _| or_nothing(of.rtt_ms.as_ref().map(|rtt| format!("{rtt:.3}")))),
    now("TCP Gbit/s", |of, all| or_nothing(of.bits_per_second.as_ref().map(|rate| gigabits(*rate, all)))),
];

fn or_nothing(cell: Result<String, &String>) -> String {
    cell.unwrap_or_else(|_| NOTHING.to_owned())
}

/// `53%`, and one digit after the point below ten.
pub(super) fn more(wire: &OnWire) -> String {
    let percent = wire.overhead_percent();
    if percent < 9.95 { format!("{percent:.1}%") } else { format!("{percent:.0}%") }
}

/// `6.8 = 100%`
fn gigabits(rate: f64, comparison: &Comparison) -> String {
    let gigabits = rate / 1e9;
    // A slow link's are not nothing.
    let gigabits = if gigabits < 0.1 { format!("{gigabits:.3}") } else { format!("{gigabits:.1}") };
    match comparison.yardstick() {
        Some((_, all)) => format!("{gigabits} = {:>3.0}%", rate * 100.0 / all),
        None => gigabits,
    }
}
