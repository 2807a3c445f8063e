//! A packet that nobody sent, made as its sender's kernel would make it, wrapped and taken out again.

use std::net::IpAddr;

use super::Sending;
use crate::packet::decode::{
    Ethernet, Fragment, Icmp, Ip, MacAddress, Tcp, TcpFlags, VirtualNetwork, WIREGUARD_TAG, Wireguard,
};
use crate::probe::{Attempt, DontFragment};
use crate::walk::packet::{Carries, Layer, Packet};

/// `EtherType`s and protocol numbers, from IEEE's and IANA's registries.
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const ICMP: u8 = 1;
const IP_IN_IP: u8 = 4;
const TCP: u8 = 6;
const UDP: u8 = 17;
const GRE: u8 = 47;
const ICMPV6: u8 = 58;

/// What Linux puts into packets of its own where nobody says otherwise; what a place says is put in when it sends it.
const TTL: u8 = 64;
/// Bytes of headers.
const ETHERNET: usize = 14;
const UDP_HEADER: usize = 8;
/// What begins a TCP connection, with the options that Linux offers.
const TCP_HEADER: usize = 40;
/// VXLAN's and Geneve's header, of which both have eight bytes.
const VIRTUAL_NETWORK: usize = 8;
const GRE_HEADER: usize = 4;
const WIREGUARD_HEADER: usize = 16;
/// What `WireGuard` rounds the length of a packet up to.
const WIREGUARD_BLOCK: usize = 16;

/// A packet under way.
#[derive(Debug, Clone)]
pub(super) struct Parcel {
    /// Outermost first.
    layers: Vec<Layer>,
    /// What is encrypted in it.
    hidden: Option<Box<Parcel>>,
    /// How many bytes it carried before it was taken apart.
    carried: usize,
    /// In how many pieces it is, and in how many what is wrapped in it, outermost first: pieces are wrapped one by one.
    pieces: Vec<usize>,
}

/// What a tunnel puts around a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrapping {
    Vxlan(u32),
    Geneve(u32),
    Ip,
    Gre,
    Wireguard,
}

impl Parcel {
    /// The packet that a walk follows; `from` is not known before a route is found.
    pub(super) fn request(sending: &Sending, from: IpAddr, to: IpAddr) -> Self {
        let (carries, protocol, carried) = match &sending.attempt {
            Attempt::Tcp { port } => {
                let flags = TcpFlags(TcpFlags::SYN);
                let tcp = Tcp { from: 0, to: *port, sequence: 0, acknowledgment: None, flags };
                (Carries::Tcp(tcp), TCP, TCP_HEADER)
            }
            Attempt::Udp { port } => (Carries::Udp(0, *port), UDP, UDP_HEADER + usize::from(sending.data)),
            Attempt::Ping { .. } | Attempt::Traceroute(_) => {
                echo(Icmp::echo_request(to), usize::from(sending.data))
            }
        };
        let mut parcel = Self::new(from, to, protocol, carries, carried);
        let dont_fragment = sending.dont_fragment != DontFragment::Clear;
        parcel.edit(|ip| ip.dont_fragment = dont_fragment);
        parcel
    }

    /// What its target answers, as far as nobody has to listen for it.
    pub(super) fn answer(&self) -> Option<Self> {
        let layer = self.layers.last()?;
        let ip = layer.ip?;
        let (carries, dont_fragment) = match layer.carries {
            Carries::Tcp(tcp) => {
                let flags = TcpFlags(TcpFlags::SYN | TcpFlags::ACK);
                (Carries::Tcp(Tcp { from: tcp.to, to: tcp.from, flags, ..tcp }), true)
            }
            Carries::Udp(from, to) => (Carries::Udp(to, from), true),
            Carries::Icmp(_) => (Carries::Icmp(Icmp::echo_reply(ip.to)), false),
            _ => return None,
        };
        let mut answer = Self::new(ip.to, ip.from, ip.protocol, carries, self.carried);
        answer.edit(|ip| ip.dont_fragment = dont_fragment);
        Some(answer)
    }

    fn new(from: IpAddr, to: IpAddr, protocol: u8, carries: Carries, carried: usize) -> Self {
        let length = header(to) + carried;
        let fragment = to.is_ipv4().then_some(Fragment { id: 0, offset: 0, more: false });
        // In IPv6 no router ever takes a packet apart.
        let dont_fragment = to.is_ipv6();
        let ip = Ip { from, to, ttl: TTL, protocol, length, dont_fragment, fragment };
        let layer = Layer { ethernet: None, ip: Some(ip), carries, bytes: length };
        Self { layers: vec![layer], hidden: None, carried, pieces: vec![1] }
    }

    /// As an interface shows it.
    pub(super) fn seen(&self) -> Packet {
        Packet { bytes: self.layers.first().map_or(0, |layer| layer.bytes), layers: self.layers.clone() }
    }

    /// The header that routers look at.
    pub(super) fn ip(&self) -> Option<Ip> {
        self.layers.first()?.ip
    }

    /// Changes that header.
    pub(super) fn edit(&mut self, change: impl FnOnce(&mut Ip)) {
        if let Some(ip) = self.layers.first_mut().and_then(|layer| layer.ip.as_mut()) {
            change(ip);
            ip.dont_fragment |= ip.to.is_ipv6();
        }
    }

    /// Makes it the first of the pieces that fit an MTU: all but the last carry a multiple of eight bytes.
    pub(super) fn cut(&mut self, mtu: usize) {
        let mut others = 0;
        self.edit(|ip| {
            let own = header(ip.to);
            // IPv6 says it in a header of its own.
            let header = own + if ip.to.is_ipv6() { 8 } else { 0 };
            let piece = (mtu.saturating_sub(header) & !7).max(8);
            others = (ip.length - own).div_ceil(piece) - 1;
            ip.length = header + piece;
            ip.dont_fragment = false;
        });
        self.pieces[0] += others;
    }

    /// In how many pieces it is.
    pub(super) fn pieces(&self) -> usize {
        self.pieces[0]
    }

    /// Gives it an Ethernet header, or takes that off.
    pub(super) fn address(&mut self, macs: Option<(MacAddress, MacAddress)>) {
        let Some(layer) = self.layers.first_mut() else { return };
        let carries = if layer.ip.is_some_and(|ip| ip.is_v4()) { IPV4 } else { IPV6 };
        layer.ethernet = macs.map(|(from, to)| Ethernet { to, from, carries });
        let link = if macs.is_some() { ETHERNET } else { 0 };
        layer.bytes = link + layer.ip.map_or(0, |ip| ip.length);
    }

    /// Puts it into another packet.
    pub(super) fn wrap(self, wrapping: Wrapping, from: IpAddr, to: IpAddr) -> Self {
        let inner = self.layers.first().map_or(0, |layer| layer.bytes);
        let (carries, protocol, header) = match wrapping {
            Wrapping::Vxlan(id) => (Carries::Vxlan(VirtualNetwork { id }), UDP, UDP_HEADER + VIRTUAL_NETWORK),
            Wrapping::Geneve(id) => {
                (Carries::Geneve(VirtualNetwork { id }), UDP, UDP_HEADER + VIRTUAL_NETWORK)
            }
            Wrapping::Ip => (Carries::Ip, IP_IN_IP, 0),
            Wrapping::Gre => (Carries::Gre, GRE, GRE_HEADER),
            Wrapping::Wireguard => {
                let encrypted = inner.next_multiple_of(WIREGUARD_BLOCK) + WIREGUARD_TAG;
                let data = Carries::Wireguard(Wireguard::Data { receiver: 0, counter: 0 });
                let outer = Self::new(from, to, UDP, data, UDP_HEADER + WIREGUARD_HEADER + encrypted);
                let pieces = vec![self.pieces()];
                return Self { hidden: Some(Box::new(self)), pieces, ..outer };
            }
        };
        let mut outer = Self::new(from, to, protocol, carries, header + inner);
        outer.carried = self.carried;
        outer.pieces = [&self.pieces[..1], &self.pieces].concat();
        outer.layers.extend(self.layers);
        outer
    }

    /// What it was wrapped with, if it was.
    pub(super) fn wrapping(&self) -> Option<Wrapping> {
        Some(match self.layers.first()?.carries {
            Carries::Vxlan(network) => Wrapping::Vxlan(network.id),
            Carries::Geneve(network) => Wrapping::Geneve(network.id),
            Carries::Ip => Wrapping::Ip,
            Carries::Gre => Wrapping::Gre,
            Carries::Wireguard(_) => Wrapping::Wireguard,
            _ => return None,
        })
    }

    /// Takes out what it was wrapped around.
    pub(super) fn unwrap_once(&mut self) {
        match self.hidden.take() {
            Some(hidden) => *self = *hidden,
            None => {
                self.layers.remove(0);
                self.pieces.remove(0);
            }
        }
    }

    /// For whom it is on its link.
    pub(super) fn receiver(&self) -> Option<MacAddress> {
        self.layers.first()?.macs().map(|(_, to)| to)
    }
}

fn echo(icmp: Icmp, data: usize) -> (Carries, u8, usize) {
    (Carries::Icmp(icmp), if icmp.is_v4() { ICMP } else { ICMPV6 }, 8 + data)
}

/// The length of an IP header of an address's family.
fn header(of: IpAddr) -> usize {
    if of.is_ipv4() { 20 } else { 40 }
}
