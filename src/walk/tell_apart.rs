//! Which frames carry the packet that is followed, its answer, or an error about either.
//!
//! What identifies a packet survives routers and translation: the number at the start of its data, or TCP's sequence
//! number. What does not carry that is known by something that it shares with a frame that does: addresses and ports
//! turned round, the identification of fragments, the counter of an encrypted message.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use super::packet::{Carries, Ends, Layer, Read};
use super::{Direction, Mark, Probe, Sighting};
use crate::packet::decode::{Fragment, Header, Kind, Meaning, Tcp, TcpFlags, WIREGUARD_TAG, Wireguard};

/// What a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Class {
    /// The packet.
    Request,
    /// Its answer.
    Reply,
    /// An ICMP error about either, by its type and code.
    Error(u8, u8),
}

/// What `WireGuard` rounds the length of a packet up to, in bytes.
const WIREGUARD_BLOCK: usize = 16;

/// Looks at frames in the order of time.
pub(super) struct Teller {
    probe: Probe,
    /// From whom and for whom the packet was, before and after each translation.
    ends: HashSet<Ends>,
    /// The number of the first byte of a connection.
    sequence: Option<u32>,
    fragments: HashMap<(IpAddr, IpAddr, u32), Class>,
    encrypted: HashMap<(u32, u64), Class>,
    /// What a place has just handed to `WireGuard`: the class and the length of a packet.
    handed_over: HashMap<String, (Class, usize)>,
}

impl Teller {
    pub(super) fn new(probe: Probe) -> Self {
        Self {
            probe,
            ends: HashSet::new(),
            sequence: None,
            fragments: HashMap::new(),
            encrypted: HashMap::new(),
            handed_over: HashMap::new(),
        }
    }

    /// What a frame carries, if it has to do with the packet.
    pub(super) fn class(&mut self, sighting: &Sighting, read: &Read<'_>) -> Option<Class> {
        let layer = read.packet.inner()?;
        self.encrypted(sighting, layer).or_else(|| {
            let class = self.by_content(layer, read).or_else(|| self.by_fragment(layer, read))?;
            self.note(sighting, layer, read, class);
            Some(class)
        })
    }

    fn by_content(&self, layer: &Layer, read: &Read<'_>) -> Option<Class> {
        let data = read.data(&read.headers);
        match layer.carries {
            Carries::Icmp(icmp) if icmp.is_error() => {
                self.is_quoted(read).then_some(Class::Error(icmp.kind, icmp.code))
            }
            Carries::Icmp(icmp) => match (icmp.meaning, self.probe.mark) {
                (Meaning::EchoRequest(_), Mark::Echo(nonce)) => begins(data, nonce).then_some(Class::Request),
                (Meaning::EchoReply(_), Mark::Echo(nonce)) => begins(data, nonce).then_some(Class::Reply),
                _ => None,
            },
            Carries::Udp(..) => {
                let Mark::Udp(_, nonce) = self.probe.mark else { return None };
                let ends = layer.ends()?;
                if self.ends.contains(&ends.reversed()) {
                    return Some(Class::Reply);
                }
                begins(data, nonce).then_some(Class::Request)
            }
            Carries::Tcp(tcp) => self.segment(layer, &tcp),
            _ => None,
        }
    }

    /// Only what begins a connection, and what answers that: a connection is more than one packet and its answer.
    fn segment(&self, layer: &Layer, tcp: &Tcp) -> Option<Class> {
        let Mark::Tcp { to, from } = self.probe.mark else { return None };
        let flags = tcp.flags;
        match self.sequence {
            Some(sequence) if flags.has(TcpFlags::SYN | TcpFlags::RST) && flags.has(TcpFlags::ACK) => {
                let answers = tcp.acknowledgment == Some(sequence.wrapping_add(1));
                (answers && tcp.sequence != sequence).then_some(Class::Reply)
            }
            Some(sequence) => {
                (flags.has(TcpFlags::SYN) && tcp.sequence == sequence).then_some(Class::Request)
            }
            None => {
                let is_first = flags.has(TcpFlags::SYN) && !flags.has(TcpFlags::ACK);
                let is_ours = tcp.to == to && tcp.from == from && layer.ip?.to == self.probe.to;
                (is_first && is_ours).then_some(Class::Request)
            }
        }
    }

    /// Whether the packet that an error quotes is the one that is followed, or its answer.
    fn is_quoted(&self, read: &Read<'_>) -> bool {
        let data = read.data(&read.quoted);
        match self.probe.mark {
            Mark::Echo(nonce) => begins(data, nonce),
            Mark::Udp(_, nonce) => begins(data, nonce) || self.has_ends(&read.quoted),
            Mark::Tcp { .. } => read.quoted.iter().any(|header| match header.kind {
                Kind::Tcp(tcp) => self.sequence == Some(tcp.sequence),
                _ => false,
            }),
        }
    }

    fn has_ends(&self, quoted: &[Header]) -> bool {
        let ip = quoted.iter().find_map(|header| match header.kind {
            Kind::Ip(ip) => Some(ip),
            _ => None,
        });
        let ports = quoted.iter().find_map(|header| match header.kind {
            Kind::Udp(udp) => Some((udp.from, udp.to)),
            _ => None,
        });
        ip.zip(ports).is_some_and(|(ip, (from, to))| {
            let ends = Ends { from: (ip.from, Some(from)), to: (ip.to, Some(to)) };
            self.ends.contains(&ends) || self.ends.contains(&ends.reversed())
        })
    }

    /// The pieces of a packet that was taken apart: only the first has what it is known by.
    fn by_fragment(&self, layer: &Layer, read: &Read<'_>) -> Option<Class> {
        self.fragments.get(&fragment(layer, read)?).copied()
    }

    /// An encrypted packet is known by when and how long it was when it left, and from then on by its number.
    fn encrypted(&mut self, sighting: &Sighting, layer: &Layer) -> Option<Class> {
        let Carries::Wireguard(Wireguard::Data { receiver, counter }) = layer.carries else { return None };
        let known = self.encrypted.get(&(receiver, counter)).copied();
        if known.is_some() || sighting.direction != Direction::Out {
            return known;
        }
        let (class, length) = *self.handed_over.get(&sighting.place)?;
        // Ethernet, IP, UDP and WireGuard's own header come before what is encrypted.
        let headers = 14 + if layer.ip?.is_v4() { 20 } else { 40 } + 8 + 16;
        let encrypted = layer.bytes.checked_sub(headers + WIREGUARD_TAG)?;
        if (length..length + WIREGUARD_BLOCK).contains(&encrypted) {
            self.handed_over.remove(&sighting.place);
            self.encrypted.insert((receiver, counter), class);
            return Some(class);
        }
        None
    }

    /// Remembers by what other frames of the same packet are known.
    fn note(&mut self, sighting: &Sighting, layer: &Layer, read: &Read<'_>, class: Class) {
        if class == Class::Request {
            self.ends.extend(layer.ends());
            if let Carries::Tcp(tcp) = layer.carries {
                self.sequence = Some(tcp.sequence);
            }
        }
        if let Some(key) = fragment(layer, read) {
            self.fragments.insert(key, class);
        }
        // An interface without Ethernet is a tunnel for packets.
        let is_tunnel = read.packet.outer().is_some_and(|outer| outer.ethernet.is_none());
        if is_tunnel && sighting.direction == Direction::Out && !is_later_piece(read) {
            self.handed_over.insert(sighting.place.clone(), (class, layer.bytes));
        }
    }
}

fn begins(data: &[u8], nonce: u64) -> bool {
    data.starts_with(&nonce.to_be_bytes())
}

/// Whether a frame has a later piece of a packet that was taken apart.
pub(super) fn is_later_piece(read: &Read<'_>) -> bool {
    read.packet.inner().and_then(|layer| piece(layer, read)).is_some_and(|found| found.offset > 0)
}

/// What all pieces of a packet share, if it is one.
fn fragment(layer: &Layer, read: &Read<'_>) -> Option<(IpAddr, IpAddr, u32)> {
    let ip = layer.ip?;
    piece(layer, read).map(|found| (ip.from, ip.to, found.id))
}

fn piece(layer: &Layer, read: &Read<'_>) -> Option<Fragment> {
    let ip = layer.ip?;
    let of_v6 = read.headers.iter().rev().find_map(|header| match header.kind {
        Kind::Ipv6Fragment(fragment) => Some(fragment),
        _ => None,
    });
    if ip.is_v4() { ip.fragment.filter(Fragment::is_part) } else { of_v6 }
}
