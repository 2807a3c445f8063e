//! A captured frame as a walk looks at it: what is wrapped in what, and whom each part is from and for.

use std::net::IpAddr;

use crate::packet::decode::{
    Ethernet, Header, Icmp, Ip, Kind, MacAddress, Tcp, VirtualNetwork, Wireguard, decode_from,
};

use super::Sighting;

/// A captured frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// Its bytes as captured, Ethernet header included where there is one.
    pub bytes: usize,
    /// Its parts, outermost first: more than one where it is wrapped in others.
    pub layers: Vec<Layer>,
}

/// One packet of those that are wrapped in each other, with the Ethernet header before it, if it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Its Ethernet addresses.
    pub ethernet: Option<Ethernet>,
    /// Its IP header; none of ARP and its like.
    pub ip: Option<Ip>,
    /// What IP carries.
    pub carries: Carries,
    /// Bytes from its beginning to the frame's end.
    pub bytes: usize,
}

/// What IP carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carries {
    /// ICMP or ICMPv6.
    Icmp(Icmp),
    /// UDP, with its ports.
    Udp(u16, u16),
    /// TCP.
    Tcp(Tcp),
    /// The next layer, by VXLAN.
    Vxlan(VirtualNetwork),
    /// The next layer, by Geneve.
    Geneve(VirtualNetwork),
    /// The next layer, by GRE.
    Gre,
    /// The next layer, as it is.
    Ip,
    /// The next layer, encrypted.
    Wireguard(Wireguard),
    /// Anything else.
    Other,
}

/// Whom an IP packet is from and for, with the ports of TCP and UDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ends {
    /// Its source.
    pub from: (IpAddr, Option<u16>),
    /// Its target.
    pub to: (IpAddr, Option<u16>),
}

impl Ends {
    /// Those of an answer.
    pub(super) fn reversed(self) -> Self {
        Self { from: self.to, to: self.from }
    }
}

impl Packet {
    /// The innermost layer: what the tunnels carry.
    pub fn inner(&self) -> Option<&Layer> {
        self.layers.last()
    }

    /// The outermost layer: what the interface has to do with.
    pub fn outer(&self) -> Option<&Layer> {
        self.layers.first()
    }
}

impl Layer {
    /// Whom it is from and for.
    pub fn ends(&self) -> Option<Ends> {
        let ip = self.ip?;
        let (from, to) = match self.carries {
            Carries::Udp(from, to) => (Some(from), Some(to)),
            Carries::Tcp(tcp) => (Some(tcp.from), Some(tcp.to)),
            _ => (None, None),
        };
        Some(Ends { from: (ip.from, from), to: (ip.to, to) })
    }

    /// Its Ethernet addresses: from whom, and for whom.
    pub fn macs(&self) -> Option<(MacAddress, MacAddress)> {
        self.ethernet.map(|ethernet| (ethernet.from, ethernet.to))
    }
}

/// A frame, taken apart.
pub(super) struct Read<'a> {
    pub(super) packet: Packet,
    /// The headers that are not of a packet that an ICMP error quotes.
    pub(super) headers: Vec<Header>,
    /// The headers of such a packet.
    pub(super) quoted: Vec<Header>,
    bytes: &'a [u8],
}

impl<'a> Read<'a> {
    pub(super) fn new(sighting: &'a Sighting) -> Self {
        let bytes = sighting.bytes.as_slice();
        let (quoted, headers): (Vec<Header>, Vec<Header>) =
            decode_from(sighting.start, bytes).into_iter().partition(|header| header.quoted);
        let packet = Packet { bytes: bytes.len(), layers: layers(&headers, bytes.len()) };
        Self { packet, headers, quoted, bytes }
    }

    /// The data that the innermost of these headers carry.
    pub(super) fn data(&self, headers: &[Header]) -> &'a [u8] {
        let data = headers.iter().find(|header| header.kind == Kind::Data);
        data.and_then(|header| self.bytes.get(header.at..header.end())).unwrap_or_default()
    }
}

fn layers(headers: &[Header], length: usize) -> Vec<Layer> {
    let mut layers: Vec<Layer> = Vec::new();
    let mut ethernet = None;
    for header in headers {
        let bytes = length - header.at;
        match header.kind {
            Kind::Ethernet(found) => ethernet = Some((found, bytes)),
            Kind::Ip(ip) => {
                // One that follows another at once is what that carries.
                if let Some(last) = layers.last_mut()
                    && last.carries == Carries::Other
                    && ethernet.is_none()
                {
                    last.carries = Carries::Ip;
                }
                let (ethernet, bytes) =
                    ethernet.take().map_or((None, bytes), |(it, bytes)| (Some(it), bytes));
                layers.push(Layer { ethernet, ip: Some(ip), carries: Carries::Other, bytes });
            }
            ref kind => {
                if let Some(last) = layers.last_mut()
                    && let Some(carries) = carries(kind)
                {
                    last.carries = carries;
                }
            }
        }
    }
    layers.extend(ethernet.map(|(ethernet, bytes)| Layer {
        ethernet: Some(ethernet),
        ip: None,
        carries: Carries::Other,
        bytes,
    }));
    layers
}

fn carries(kind: &Kind) -> Option<Carries> {
    Some(match kind {
        Kind::Icmp(icmp) => Carries::Icmp(*icmp),
        Kind::Udp(udp) => Carries::Udp(udp.from, udp.to),
        Kind::Tcp(tcp) => Carries::Tcp(*tcp),
        Kind::Vxlan(network) => Carries::Vxlan(*network),
        Kind::Geneve(network) => Carries::Geneve(*network),
        Kind::Gre(_) => Carries::Gre,
        Kind::Wireguard(message) => Carries::Wireguard(*message),
        _ => return None,
    })
}
