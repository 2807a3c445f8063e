//! What a frame says, header by header, from Ethernet down to the data that somebody sent: through tunnels to the packet
//! inside, and into the packet that an ICMP error quotes.
//!
//! Nothing is refused: what is cut short or not understood ends the list, as [`Kind::Cut`] or [`Kind::Data`].

mod icmp;
mod internet;
mod kind;
mod link;
mod transport;
mod tunnel;

pub use icmp::{Echo, Icmp, Meaning};
pub use internet::{Fragment, Ip};
pub use kind::Kind;
pub use link::{Arp, ArpOperation, Ethernet, MacAddress};
pub use transport::{Tcp, TcpFlags, Udp};
pub use tunnel::{Gre, VirtualNetwork, WIREGUARD_TAG, Wireguard};

/// One header, or what comes after the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Where in the frame it begins.
    pub at: usize,
    /// How many bytes it has.
    pub bytes: usize,
    /// What it says.
    pub kind: Kind,
    /// Whether it is of the packet that an ICMP error quotes, and not of the frame's own.
    pub quoted: bool,
}

impl Header {
    /// The first byte after it.
    pub fn end(&self) -> usize {
        self.at + self.bytes
    }
}

/// What comes next in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Ethernet,
    /// What an `EtherType` names.
    Type(u16),
    /// What IP's protocol number, or next header, names.
    Protocol(u8),
    /// What a UDP datagram from and to such ports carries.
    Ports([u16; 2]),
    /// A packet of which an ICMP error shows the beginning.
    Quote(u16),
    /// What only the tunnel's far end can read.
    Encrypted,
    Data,
    /// Nothing: the header is all of it.
    Nothing,
}

/// A header as it was read.
struct Read {
    bytes: usize,
    kind: Kind,
    next: Next,
    /// Where what it carries ends, counted from its own beginning, if it says so.
    until: Option<usize>,
}

impl Read {
    fn new(bytes: usize, kind: Kind, next: Next) -> Self {
        Self { bytes, kind, next, until: None }
    }
}

/// What a captured frame begins with, which its interface decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// An Ethernet header.
    Ethernet,
    /// An IP header, of which the first four bits tell the version: tunnels for packets have no more.
    Ip,
}

/// The headers of an Ethernet frame, outermost first; their bytes add up to its length.
pub fn decode(frame: &[u8]) -> Vec<Header> {
    decode_from(Start::Ethernet, frame)
}

/// The headers of what begins so, outermost first; their bytes add up to its length.
pub fn decode_from(start: Start, frame: &[u8]) -> Vec<Header> {
    let mut headers = Vec::new();
    let mut next = match (start, frame.first().map(|first| first >> 4)) {
        (Start::Ethernet, _) => Next::Ethernet,
        (Start::Ip, Some(6)) => Next::Type(link::IPV6),
        (Start::Ip, _) => Next::Type(link::IPV4),
    };
    let (mut at, mut end, mut quoted) = (0, frame.len(), false);
    while at < end {
        let bytes = &frame[at..end];
        let mut read = read(bytes, next).unwrap_or_else(|kind| Read::new(bytes.len(), kind, Next::Nothing));
        if read.bytes > bytes.len() {
            read = Read::new(bytes.len(), Kind::Cut(read.kind.name()), Next::Nothing);
        }
        headers.push(Header { at, bytes: read.bytes, kind: read.kind, quoted });
        // A quoted packet is longer than what is shown of it.
        end = read.until.map_or(end, |until| (at + until.max(read.bytes)).min(end));
        at += read.bytes;
        next = read.next;
        if let Next::Quote(kind) = next {
            (next, quoted) = (Next::Type(kind), true);
        }
    }
    let after = headers.last().map_or(0, Header::end);
    if after < frame.len() {
        let kind = if headers.is_empty() { Kind::Data } else { Kind::Padding };
        headers.push(Header { at: after, bytes: frame.len() - after, kind, quoted: false });
    }
    headers
}

/// Reads the header that these bytes begin with. Where there is none: what they are instead.
fn read(bytes: &[u8], next: Next) -> Result<Read, Kind> {
    match next {
        Next::Ethernet | Next::Type(link::BRIDGED) => link::ethernet(bytes),
        Next::Type(link::ARP) => link::arp(bytes),
        Next::Type(link::VLAN) => link::vlan(bytes),
        Next::Type(link::IPV4) | Next::Protocol(internet::IPV4) => internet::v4(bytes),
        Next::Type(link::IPV6) | Next::Protocol(internet::IPV6) => internet::v6(bytes),
        Next::Protocol(internet::HOP_BY_HOP | internet::DESTINATION_OPTIONS) => internet::options(bytes),
        Next::Protocol(internet::FRAGMENT) => internet::fragment(bytes),
        Next::Protocol(internet::ICMP) => icmp::v4(bytes),
        Next::Protocol(internet::ICMPV6) => icmp::v6(bytes),
        Next::Protocol(internet::TCP) => transport::tcp(bytes),
        Next::Protocol(internet::UDP) => transport::udp(bytes),
        Next::Protocol(internet::GRE) => tunnel::gre(bytes),
        Next::Ports(ports) => tunnel::of_ports(bytes, ports),
        Next::Encrypted => Err(Kind::Encrypted),
        Next::Type(_) | Next::Protocol(_) | Next::Quote(_) | Next::Data | Next::Nothing => Err(Kind::Data),
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(array(bytes, at)?))
}

fn long_number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(array(bytes, at)?))
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

#[cfg(test)]
mod tests;
