//! Layer 3: IPv4 and IPv6, with what stands between IPv6 and what it carries.

use std::net::IpAddr;

use etherparse::{Ipv4HeaderSlice, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice};

use super::{Kind, Next, Read};

/// Protocol numbers, from IANA's registry.
pub(super) const HOP_BY_HOP: u8 = 0;
pub(super) const ICMP: u8 = 1;
pub(super) const IPV4: u8 = 4;
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
pub(super) const IPV6: u8 = 41;
pub(super) const FRAGMENT: u8 = 44;
pub(super) const GRE: u8 = 47;
pub(super) const ICMPV6: u8 = 58;
pub(super) const DESTINATION_OPTIONS: u8 = 60;

/// The header of IPv4 or IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ip {
    /// Where it comes from.
    pub from: IpAddr,
    /// Where it goes.
    pub to: IpAddr,
    /// How many more routers may pass it on, and one: TTL, or hop limit.
    pub ttl: u8,
    /// What it carries; of IPv6, what its own header says that comes next.
    pub protocol: u8,
    /// How long the packet is in bytes, this header included. Zero where it is too long for the field.
    pub length: usize,
    /// Whether routers may not take it apart; in IPv6 they never may.
    pub dont_fragment: bool,
    /// IPv4's identification, with its place in a packet that was taken apart.
    pub fragment: Option<Fragment>,
}

/// Where a fragment belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment {
    /// The number that all fragments of a packet have.
    pub id: u32,
    /// Where its data belongs in the packet's, in bytes.
    pub offset: u16,
    /// Whether another one comes after it.
    pub more: bool,
}

impl Fragment {
    /// Whether it is one of several.
    pub fn is_part(&self) -> bool {
        self.more || self.offset > 0
    }

    /// What follows the header of a fragment: only the first begins with what the packet carries.
    fn next(self, protocol: u8) -> Next {
        if self.offset == 0 { Next::Protocol(protocol) } else { Next::Data }
    }
}

impl Ip {
    /// Whether it is IPv4's.
    pub fn is_v4(&self) -> bool {
        self.from.is_ipv4()
    }
}

pub(super) fn v4(bytes: &[u8]) -> Result<Read, Kind> {
    let header = Ipv4HeaderSlice::from_slice(bytes).map_err(|_| Kind::Cut("IPv4"))?;
    let offset = header.fragments_offset().byte_offset();
    let fragment = Fragment { id: header.identification().into(), offset, more: header.more_fragments() };
    let ip = Ip {
        from: header.source_addr().into(),
        to: header.destination_addr().into(),
        ttl: header.ttl(),
        protocol: header.protocol().0,
        length: header.total_len().into(),
        dont_fragment: header.dont_fragment(),
        fragment: Some(fragment),
    };
    let until = (ip.length > 0).then_some(ip.length);
    let next = fragment.next(ip.protocol);
    Ok(Read { until, ..Read::new(header.slice().len(), Kind::Ip(ip), next) })
}

pub(super) fn v6(bytes: &[u8]) -> Result<Read, Kind> {
    let header = Ipv6HeaderSlice::from_slice(bytes).map_err(|_| Kind::Cut("IPv6"))?;
    let own = header.slice().len();
    let carried = usize::from(header.payload_length());
    let ip = Ip {
        from: header.source_addr().into(),
        to: header.destination_addr().into(),
        ttl: header.hop_limit(),
        protocol: header.next_header().0,
        length: if carried == 0 { 0 } else { own + carried },
        dont_fragment: true,
        fragment: None,
    };
    let until = (ip.length > 0).then_some(ip.length);
    Ok(Read { until, ..Read::new(own, Kind::Ip(ip), Next::Protocol(ip.protocol)) })
}

/// Hop-by-hop and destination options: eight bytes, and eight for each that they count.
pub(super) fn options(bytes: &[u8]) -> Result<Read, Kind> {
    let &[next, more, ..] = bytes else { return Err(Kind::Cut("IPv6 options")) };
    Ok(Read::new((usize::from(more) + 1) * 8, Kind::Ipv6Options, Next::Protocol(next)))
}

pub(super) fn fragment(bytes: &[u8]) -> Result<Read, Kind> {
    let header = Ipv6FragmentHeaderSlice::from_slice(bytes).map_err(|_| Kind::Cut("IPv6 fragment"))?;
    let offset = header.fragment_offset().byte_offset();
    let fragment = Fragment { id: header.identification(), offset, more: header.more_fragments() };
    let next = fragment.next(header.next_header().0);
    Ok(Read::new(header.slice().len(), Kind::Ipv6Fragment(fragment), next))
}
