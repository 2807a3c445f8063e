//! ICMP and ICMPv6, with neighbour discovery.

use std::net::{IpAddr, Ipv6Addr};

use super::link::{IPV4, IPV6, MacAddress};
use super::{Kind, Next, Read, array, long_number, number};

/// A message of ICMP or ICMPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Icmp {
    /// Which of the two it is.
    version: Version,
    /// Its type, as a number.
    pub kind: u8,
    /// Its code.
    pub code: u8,
    /// What that means.
    pub meaning: Meaning,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    V4,
    V6,
}

/// Which echo it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Echo {
    /// Its sender's number.
    pub id: u16,
    /// Its number among that sender's.
    pub sequence: u16,
}

/// What a message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// Please answer.
    EchoRequest(Echo),
    /// The answer.
    EchoReply(Echo),
    /// The packet was not delivered; the code says why.
    Unreachable,
    /// The packet is longer than the next link's MTU, in bytes.
    TooBig(u32),
    /// The packet had passed as many routers as it may.
    TimeExceeded,
    /// The packet could not be understood.
    BadHeader,
    /// There is a shorter way.
    Redirect,
    /// Who has this address? From somebody with that Ethernet address.
    NeighbourSolicitation(Ipv6Addr, Option<MacAddress>),
    /// I have this address, at that Ethernet address.
    NeighbourAdvertisement(Ipv6Addr, Option<MacAddress>),
    /// Is there a router?
    RouterSolicitation,
    /// I am a router.
    RouterAdvertisement,
    /// Who wants which multicast group.
    Multicast,
    /// Another.
    Other,
}

impl Icmp {
    /// An echo request of the family of that address.
    pub fn echo_request(of: IpAddr) -> Self {
        let (version, kind) = if of.is_ipv4() { (Version::V4, 8) } else { (Version::V6, 128) };
        let meaning = Meaning::EchoRequest(Echo { id: 0, sequence: 0 });
        Self { version, kind, code: 0, meaning }
    }

    /// The answer to one.
    pub fn echo_reply(of: IpAddr) -> Self {
        let (version, kind) = if of.is_ipv4() { (Version::V4, 0) } else { (Version::V6, 129) };
        Self { version, kind, code: 0, meaning: Meaning::EchoReply(Echo { id: 0, sequence: 0 }) }
    }

    /// Whether it is IPv4's ICMP.
    pub fn is_v4(&self) -> bool {
        self.version == Version::V4
    }

    /// Whether it is an error, which quotes the packet that it is about.
    pub fn is_error(&self) -> bool {
        matches!(
            self.meaning,
            Meaning::Unreachable
                | Meaning::TooBig(_)
                | Meaning::TimeExceeded
                | Meaning::BadHeader
                | Meaning::Redirect
        ) && (self.is_v4() || self.kind < 128)
    }

    /// Whether it belongs to neighbour discovery, which is IPv6's ARP.
    pub fn is_neighbour_discovery(&self) -> bool {
        matches!(self.meaning, Meaning::NeighbourSolicitation(..) | Meaning::NeighbourAdvertisement(..))
    }
}

/// Types of ICMP are from IANA's registry "ICMP Type Numbers"; a code of 4 of "unreachable" is RFC 1191's.
pub(super) fn v4(bytes: &[u8]) -> Result<Read, Kind> {
    let &[kind, code, _, _, ..] = bytes else { return Err(Kind::Cut("ICMP")) };
    let echo = || Some(Echo { id: number(bytes, 4)?, sequence: number(bytes, 6)? });
    let meaning = match (kind, code) {
        (0, _) => echo().map(Meaning::EchoReply),
        (8, _) => echo().map(Meaning::EchoRequest),
        (3, 4) => number(bytes, 6).map(|mtu| Meaning::TooBig(mtu.into())),
        (3, _) => Some(Meaning::Unreachable),
        (5, _) => Some(Meaning::Redirect),
        (11, _) => Some(Meaning::TimeExceeded),
        (12, _) => Some(Meaning::BadHeader),
        _ => Some(Meaning::Other),
    };
    let icmp = Icmp { version: Version::V4, kind, code, meaning: meaning.ok_or(Kind::Cut("ICMP"))? };
    Ok(Read::new(8, Kind::Icmp(icmp), if icmp.is_error() { Next::Quote(IPV4) } else { Next::Data }))
}

/// Types of ICMPv6 are from IANA's registry `ICMPv6 "type" Numbers`.
pub(super) fn v6(bytes: &[u8]) -> Result<Read, Kind> {
    let &[kind, code, _, _, ..] = bytes else { return Err(Kind::Cut("ICMPv6")) };
    let echo = || Some(Echo { id: number(bytes, 4)?, sequence: number(bytes, 6)? });
    // Options begin after the target's address: a source's link-layer address has type 1, a target's type 2 (RFC 4861).
    let target = || Some((Ipv6Addr::from(array::<16>(bytes, 8)?), bytes.get(24..)?));
    let meaning = match kind {
        1 => Some(Meaning::Unreachable),
        2 => long_number(bytes, 4).map(Meaning::TooBig),
        3 => Some(Meaning::TimeExceeded),
        4 => Some(Meaning::BadHeader),
        128 => echo().map(Meaning::EchoRequest),
        129 => echo().map(Meaning::EchoReply),
        130..=132 | 143 => Some(Meaning::Multicast),
        133 => Some(Meaning::RouterSolicitation),
        134 => Some(Meaning::RouterAdvertisement),
        135 => target().map(|(target, options)| Meaning::NeighbourSolicitation(target, option(options, 1))),
        136 => target().map(|(target, options)| Meaning::NeighbourAdvertisement(target, option(options, 2))),
        137 => Some(Meaning::Redirect),
        _ => Some(Meaning::Other),
    };
    let icmp = Icmp { version: Version::V6, kind, code, meaning: meaning.ok_or(Kind::Cut("ICMPv6"))? };
    Ok(match meaning {
        _ if icmp.is_error() => Read::new(8, Kind::Icmp(icmp), Next::Quote(IPV6)),
        Some(Meaning::EchoRequest(_) | Meaning::EchoReply(_) | Meaning::Other) => {
            Read::new(8, Kind::Icmp(icmp), Next::Data)
        }
        // These are all header.
        _ => Read::new(bytes.len(), Kind::Icmp(icmp), Next::Nothing),
    })
}

/// The Ethernet address in an option of neighbour discovery. Each option has its type, and its length in words of eight
/// bytes.
fn option(mut options: &[u8], wanted: u8) -> Option<MacAddress> {
    while let &[kind, words, ..] = options {
        if kind == wanted {
            return array(options, 2).map(MacAddress);
        }
        options = options.get(usize::from(words).max(1) * 8..)?;
    }
    None
}
