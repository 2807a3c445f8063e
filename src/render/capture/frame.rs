//! What a frame is, in words: its headers from the outside in, what is in a tunnel in brackets.

use std::net::IpAddr;

use crate::packet::decode::{
    Arp, ArpOperation, Fragment, Header, Icmp, Ip, Kind, Meaning, Tcp, TcpFlags, Udp, Wireguard,
};
use crate::render::Names;

pub(super) struct Frame<'a> {
    pub(super) names: &'a dyn Names,
    /// How long the frame is: not all of it need be there.
    pub(super) length: usize,
}

impl Frame<'_> {
    /// Headers from a frame's or packet's first one on.
    pub(super) fn tell(&self, headers: &[Header]) -> String {
        let Some((first, rest)) = headers.split_first() else { return "nothing".to_owned() };
        match &first.kind {
            Kind::Ethernet(ethernet) => match rest.first().map(|next| &next.kind) {
                Some(Kind::Ip(_) | Kind::Arp(_) | Kind::Vlan(_)) => self.tell(rest),
                _ => format!("{} > {}  type 0x{:04x}", ethernet.from, ethernet.to, ethernet.carries),
            },
            Kind::Vlan(id) => format!("VLAN {id} [ {} ]", self.tell(rest)),
            Kind::Arp(arp) => self.arp(arp),
            Kind::Ip(ip) => self.packet(ip, first.at, rest),
            other => format!("{} of {} bytes", other.name(), self.length.saturating_sub(first.at)),
        }
    }

    fn packet(&self, ip: &Ip, at: usize, rest: &[Header]) -> String {
        let end = if ip.length == 0 { self.length } else { at + ip.length };
        let what = self.carried(ip.protocol, ip.fragment, rest, end);
        let hops = if ip.is_v4() { "ttl" } else { "hop limit" };
        format!("{} > {}  {what}, {hops} {}", self.name(ip.from), self.name(ip.to), ip.ttl)
    }

    /// What a packet carries that ends there.
    fn carried(&self, protocol: u8, part: Option<Fragment>, headers: &[Header], end: usize) -> String {
        if let Some(fragment) = part.filter(Fragment::is_part) {
            let more = if fragment.more { ", more follow" } else { ", the last" };
            let what = match fragment.offset {
                0 => self.carried(protocol, None, headers, end),
                _ => format!("protocol {protocol}"),
            };
            return format!("fragment of {} at {}{more}: {what}", fragment.id, fragment.offset);
        }
        let Some((first, rest)) = headers.split_first() else { return format!("protocol {protocol}") };
        let data = end.saturating_sub(first.end());
        match &first.kind {
            Kind::Ipv6Options => self.carried(protocol, None, rest, end),
            Kind::Ipv6Fragment(fragment) => self.carried(protocol, Some(*fragment), rest, end),
            Kind::Icmp(icmp) => self.icmp(icmp, rest),
            Kind::Udp(udp) => self.udp(udp, rest),
            Kind::Tcp(tcp) => tcp_words(tcp, data),
            Kind::Gre(gre) => {
                let key = gre.key.map(|key| format!(" key {key}")).unwrap_or_default();
                format!("GRE{key} [ {} ]", self.tell(rest))
            }
            Kind::Ip(_) => format!("IPIP [ {} ]", self.tell(headers)),
            Kind::Cut(name) => format!("{name}, cut short"),
            _ => format!("protocol {protocol}, data {}", end.saturating_sub(first.at)),
        }
    }

    fn udp(&self, udp: &Udp, rest: &[Header]) -> String {
        let inside = rest.get(1..).unwrap_or_default();
        match rest.first().map(|header| &header.kind) {
            Some(Kind::Vxlan(network)) => format!("VXLAN {} [ {} ]", network.id, self.tell(inside)),
            Some(Kind::Geneve(network)) => format!("Geneve {} [ {} ]", network.id, self.tell(inside)),
            Some(Kind::Wireguard(message)) => wireguard(message),
            _ => format!("UDP {} > {}, data {}", udp.from, udp.to, usize::from(udp.length).saturating_sub(8)),
        }
    }

    fn icmp(&self, icmp: &Icmp, rest: &[Header]) -> String {
        let what = match &icmp.meaning {
            Meaning::NeighbourSolicitation(target, _) => {
                return format!("ND who has {}?", self.name((*target).into()));
            }
            Meaning::NeighbourAdvertisement(target, mac) => {
                let at = mac.map(|mac| format!(" at {mac}")).unwrap_or_default();
                return format!("ND {} is{at}", self.name((*target).into()));
            }
            _ => meaning(icmp),
        };
        let about = if rest.first().is_some_and(|header| header.quoted) {
            format!(" about [ {} ]", self.tell(rest))
        } else {
            String::new()
        };
        format!("{} {what}{about}", if icmp.is_v4() { "ICMP" } else { "ICMPv6" })
    }

    fn arp(&self, arp: &Arp) -> String {
        let (sender, target) = (self.name(arp.sender.1.into()), self.name(arp.target.1.into()));
        match arp.operation {
            // Somebody tells everybody where they are now.
            _ if arp.sender.1 == arp.target.1 => format!("ARP {sender} is at {}, to everybody", arp.sender.0),
            ArpOperation::Request => format!("ARP who has {target}? tell {sender}"),
            ArpOperation::Reply => format!("ARP {sender} is at {}", arp.sender.0),
            ArpOperation::Other(number) => format!("ARP operation {number} from {sender}"),
        }
    }

    fn name(&self, address: IpAddr) -> String {
        self.names.name(address).unwrap_or_else(|| address.to_string())
    }
}

fn tcp_words(tcp: &Tcp, data: usize) -> String {
    let ports = format!("TCP {} > {}", tcp.from, tcp.to);
    let Some(acknowledgment) = tcp.acknowledgment else { return ports };
    let flags = tcp.flags.to_string().replace(", ", "+");
    let flags = if flags.is_empty() { "no flags" } else { &flags };
    let ack = if tcp.flags.has(TcpFlags::ACK) { format!(", ack {acknowledgment}") } else { String::new() };
    format!("{ports} {flags}, seq {}{ack}, data {data}", tcp.sequence)
}

fn wireguard(message: &Wireguard) -> String {
    let what = match message {
        Wireguard::HandshakeInitiation => "handshake initiation".to_owned(),
        Wireguard::HandshakeResponse => "handshake response".to_owned(),
        Wireguard::Cookie => "cookie".to_owned(),
        Wireguard::Data { counter, .. } => format!("encrypted packet {counter}"),
    };
    format!("WireGuard {what}")
}

/// Words of IANA's registries of ICMP's and ICMPv6's types and codes.
pub(in crate::render) fn meaning(icmp: &Icmp) -> String {
    let words = match icmp.meaning {
        Meaning::EchoRequest(echo) => return format!("echo request id {} seq {}", echo.id, echo.sequence),
        Meaning::EchoReply(echo) => return format!("echo reply id {} seq {}", echo.id, echo.sequence),
        Meaning::TooBig(mtu) if icmp.is_v4() => return format!("fragmentation needed, MTU {mtu}"),
        Meaning::TooBig(mtu) => return format!("packet too big, MTU {mtu}"),
        Meaning::Unreachable => match (icmp.is_v4(), icmp.code) {
            (true, 0) => "network unreachable",
            (true, 1) | (false, 3) => "host unreachable",
            (true, 2) => "protocol unreachable",
            (true, 3) | (false, 4) => "port unreachable",
            (true, 9 | 10 | 13) | (false, 1) => "administratively prohibited",
            (false, 0) => "no route to destination",
            (_, code) => return format!("unreachable, code {code}"),
        },
        Meaning::TimeExceeded => "time exceeded",
        Meaning::BadHeader => "parameter problem",
        Meaning::Redirect => "redirect",
        Meaning::RouterSolicitation => "router solicitation",
        Meaning::RouterAdvertisement => "router advertisement",
        Meaning::Multicast => "multicast listener message",
        Meaning::NeighbourSolicitation(..) | Meaning::NeighbourAdvertisement(..) => "neighbour discovery",
        Meaning::Other => return format!("type {} code {}", icmp.kind, icmp.code),
    };
    words.to_owned()
}
