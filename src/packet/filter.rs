//! Which frames somebody wants to see, in tcpdump's words: `icmp and host pod4`, `not arp`, `(udp or tcp) and port 53`.
//!
//! A frame is looked at down to what its tunnels carry, but not into what ICMP errors quote: those are about another
//! packet. `and` and `or` count the same in tcpdump and not elsewhere, so where that makes a difference parentheses say it.

mod read;

use std::net::IpAddr;
use std::ops::Range;

use ipnet::IpNet;

use super::decode::{Arp, Header, Kind};

pub use read::{begins, words};

/// What a frame must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// It has a header of that kind.
    Is(Protocol),
    /// It comes from, or goes to, one of these addresses.
    Host(Side, Vec<IpAddr>),
    /// It comes from, or goes to, an address of this network.
    Net(Side, IpNet),
    /// It comes from, or goes to, this port of UDP or TCP.
    Port(Side, u16),
    /// It is not so.
    Not(Box<Self>),
    /// It is both.
    Both(Box<Self>, Box<Self>),
    /// It is one of the two, or both.
    Either(Box<Self>, Box<Self>),
}

/// Which end of a packet is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Where it comes from.
    Source,
    /// Where it goes.
    Destination,
    /// Either of the two.
    Any,
}

/// A kind of header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// A question for an Ethernet address, or its answer.
    Arp,
    /// ICMP of IPv4.
    Icmp,
    /// ICMP of IPv6, neighbour discovery included.
    Icmp6,
    /// IPv4.
    Ip,
    /// IPv6.
    Ip6,
    /// TCP.
    Tcp,
    /// UDP, and tunnels in it.
    Udp,
    /// VXLAN.
    Vxlan,
    /// Geneve.
    Geneve,
    /// GRE.
    Gre,
    /// IP in IP.
    Ipip,
    /// `WireGuard`.
    Wireguard,
}

/// What is wrong with a filter, and where in its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The bytes of the text that it is about; none at its end.
    pub at: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do instead.
    pub help: String,
    /// Words of which one may have been meant.
    pub meant: Vec<String>,
}

/// The names that a filter may use.
pub trait Hosts {
    /// The addresses of a name, of both families.
    fn addresses(&self, name: &str) -> Option<Vec<IpAddr>>;
    /// All names.
    fn names(&self) -> Vec<String>;
}

/// Reads a filter.
///
/// # Errors
/// If it is none.
pub fn read(text: &str, hosts: &dyn Hosts) -> Result<Filter, Wrong> {
    read::read(text, hosts)
}

impl Filter {
    /// Whether a frame of these headers is wanted.
    pub fn matches(&self, headers: &[Header]) -> bool {
        match self {
            Self::Is(protocol) => protocol.is_in(headers),
            Self::Host(side, wanted) => any_address(*side, headers, |address| wanted.contains(&address)),
            Self::Net(side, net) => any_address(*side, headers, |address| net.contains(&address)),
            Self::Port(side, port) => own(headers).any(|kind| match kind {
                Kind::Udp(udp) => side.picks(udp.from, udp.to).contains(&Some(*port)),
                Kind::Tcp(tcp) => side.picks(tcp.from, tcp.to).contains(&Some(*port)),
                _ => false,
            }),
            Self::Not(other) => !other.matches(headers),
            Self::Both(one, other) => one.matches(headers) && other.matches(headers),
            Self::Either(one, other) => one.matches(headers) || other.matches(headers),
        }
    }
}

impl Filter {
    /// Whether it lets nothing through that is TCP over IP over Ethernet, without a tunnel: what most of a network's frames
    /// are, and what can be kept away cheaply.
    pub fn never_tcp(&self) -> bool {
        let is_never = |version| self.on_tcp(version) == Some(false);
        is_never(Protocol::Ip) && is_never(Protocol::Ip6)
    }

    /// What it says of such a frame over that version of IP, where that depends on nothing else.
    fn on_tcp(&self, version: Protocol) -> Option<bool> {
        match self {
            Self::Is(protocol) => Some([Protocol::Tcp, version].contains(protocol)),
            Self::Host(..) | Self::Net(..) | Self::Port(..) => None,
            Self::Not(other) => other.on_tcp(version).map(|is| !is),
            Self::Both(one, other) => match (one.on_tcp(version), other.on_tcp(version)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (one, other) => one.and(other),
            },
            Self::Either(one, other) => match (one.on_tcp(version), other.on_tcp(version)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (one, other) => one.and(other),
            },
        }
    }
}

impl Side {
    /// Those of the two ends that are meant.
    fn picks<T>(self, from: T, to: T) -> [Option<T>; 2] {
        match self {
            Self::Source => [Some(from), None],
            Self::Destination => [None, Some(to)],
            Self::Any => [Some(from), Some(to)],
        }
    }
}

/// The headers of the frame's own, and not of what an ICMP error quotes.
fn own(headers: &[Header]) -> impl Iterator<Item = &Kind> {
    headers.iter().filter(|header| !header.quoted).map(|header| &header.kind)
}

/// Whether an address that is meant passes a test. ARP's count, since they are what it is about.
fn any_address(side: Side, headers: &[Header], wanted: impl Fn(IpAddr) -> bool) -> bool {
    own(headers).any(|kind| {
        let ends = match kind {
            Kind::Ip(ip) => side.picks(ip.from, ip.to),
            Kind::Arp(Arp { sender, target, .. }) => side.picks(sender.1.into(), target.1.into()),
            _ => return false,
        };
        ends.into_iter().flatten().any(&wanted)
    })
}

impl Protocol {
    /// All of them, by the words that stand for them.
    pub const ALL: [(&'static str, Self); 12] = [
        ("arp", Self::Arp),
        ("icmp", Self::Icmp),
        ("icmp6", Self::Icmp6),
        ("ip", Self::Ip),
        ("ip6", Self::Ip6),
        ("tcp", Self::Tcp),
        ("udp", Self::Udp),
        ("vxlan", Self::Vxlan),
        ("geneve", Self::Geneve),
        ("gre", Self::Gre),
        ("ipip", Self::Ipip),
        ("wireguard", Self::Wireguard),
    ];

    fn is_in(self, headers: &[Header]) -> bool {
        if self == Self::Ipip {
            let own: Vec<&Kind> = own(headers).collect();
            return own.windows(2).any(|pair| matches!(pair, [Kind::Ip(_), Kind::Ip(_)]));
        }
        own(headers).any(|kind| match (self, kind) {
            (Self::Icmp, Kind::Icmp(icmp)) => icmp.is_v4(),
            (Self::Icmp6, Kind::Icmp(icmp)) => !icmp.is_v4(),
            (Self::Ip, Kind::Ip(ip)) => ip.is_v4(),
            (Self::Ip6, Kind::Ip(ip)) => !ip.is_v4(),
            (Self::Arp, Kind::Arp(_))
            | (Self::Tcp, Kind::Tcp(_))
            | (Self::Udp, Kind::Udp(_))
            | (Self::Vxlan, Kind::Vxlan(_))
            | (Self::Geneve, Kind::Geneve(_))
            | (Self::Gre, Kind::Gre(_))
            | (Self::Wireguard, Kind::Wireguard(_)) => true,
            _ => false,
        })
    }
}

#[cfg(test)]
mod tests;
