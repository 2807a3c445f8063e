//! What a packet has become since the step before.

use std::net::IpAddr;

use super::packet::{Carries, Layer, Packet};
use crate::packet::decode::{MacAddress, Wireguard};

/// Something that was done to the packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Another sender and receiver on the link: a router took it, and sent it on by another.
    Macs {
        /// From whom and for whom it was.
        before: (MacAddress, MacAddress),
        /// From whom and for whom it is.
        now: (MacAddress, MacAddress),
    },
    /// A router counted it down.
    Ttl {
        /// What it was.
        before: u8,
        /// What it is.
        now: u8,
    },
    /// Its source was translated.
    Source {
        /// What it was.
        before: (IpAddr, Option<u16>),
        /// What it is.
        now: (IpAddr, Option<u16>),
    },
    /// Its target was translated.
    Target {
        /// What it was.
        before: (IpAddr, Option<u16>),
        /// What it is.
        now: (IpAddr, Option<u16>),
    },
    /// It was put into another packet.
    Wrapped {
        /// So many bytes more are on the wire, where both frames have an Ethernet header or neither has.
        bytes: usize,
    },
    /// It was taken out of another packet.
    Unwrapped {
        /// So many bytes fewer are on the wire.
        bytes: usize,
    },
}

/// How many packets are in each other; one that is encrypted counts, although it cannot be seen.
fn depth(packet: &Packet) -> usize {
    let hides = |layer: &Layer| matches!(layer.carries, Carries::Wireguard(Wireguard::Data { .. }));
    packet.layers.len() + usize::from(packet.inner().is_some_and(hides))
}

/// What is new.
pub(super) fn changes(before: &Packet, now: &Packet) -> Vec<Change> {
    let mut changes = Vec::new();
    let (depth_before, depth_now) = (depth(before), depth(now));
    if depth_now > depth_before {
        changes.push(Change::Wrapped { bytes: now.bytes.saturating_sub(before.bytes) });
    } else if depth_now < depth_before {
        changes.push(Change::Unwrapped { bytes: before.bytes.saturating_sub(now.bytes) });
    } else if let (Some(one), Some(other)) = (before.outer(), now.outer()) {
        changes.extend(addressed_anew(one, other));
        // What is wrapped is counted down on its outside.
        if before.layers.len() > 1 {
            changes.extend(counted_down(one, other));
        }
    }
    if let (Some(one), Some(other)) = (before.inner(), now.inner())
        && is_hidden(before) == is_hidden(now)
    {
        changes.extend(counted_down(one, other));
        changes.extend(translated(one, other));
    }
    changes
}

fn is_hidden(packet: &Packet) -> bool {
    depth(packet) > packet.layers.len()
}

fn addressed_anew(before: &Layer, now: &Layer) -> Option<Change> {
    let (before, now) = (before.macs()?, now.macs()?);
    (before != now).then_some(Change::Macs { before, now })
}

fn counted_down(before: &Layer, now: &Layer) -> Option<Change> {
    let (before, now) = (before.ip?.ttl, now.ip?.ttl);
    (now < before).then_some(Change::Ttl { before, now })
}

fn translated(before: &Layer, now: &Layer) -> Vec<Change> {
    let (Some(before), Some(now)) = (before.ends(), now.ends()) else { return Vec::new() };
    // Only the first piece of a packet that was taken apart has ports.
    let differ = |one: (IpAddr, Option<u16>), other: (IpAddr, Option<u16>)| {
        one.0 != other.0 || (one.1.is_some() && other.1.is_some() && one.1 != other.1)
    };
    let source =
        differ(before.from, now.from).then_some(Change::Source { before: before.from, now: now.from });
    let target = differ(before.to, now.to).then_some(Change::Target { before: before.to, now: now.to });
    source.into_iter().chain(target).collect()
}
