//! The kinds of headers.

use super::{Arp, Ethernet, Fragment, Gre, Icmp, Ip, Tcp, Udp, VirtualNetwork, Wireguard};

/// What one part of a frame is, with what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Ethernet's header.
    Ethernet(Ethernet),
    /// The tag of a VLAN (IEEE 802.1Q), with its number.
    Vlan(u16),
    /// A question for an Ethernet address, or its answer.
    Arp(Arp),
    /// The header of IPv4 or IPv6.
    Ip(Ip),
    /// Options that IPv6 puts before what it carries.
    Ipv6Options,
    /// IPv6's header of a fragment.
    Ipv6Fragment(Fragment),
    /// A message of ICMP or ICMPv6; of an error, without the packet that it quotes.
    Icmp(Icmp),
    /// UDP's header.
    Udp(Udp),
    /// TCP's header.
    Tcp(Tcp),
    /// VXLAN's header (RFC 7348).
    Vxlan(VirtualNetwork),
    /// Geneve's header (RFC 8926).
    Geneve(VirtualNetwork),
    /// The header of GRE (RFC 2784, RFC 2890).
    Gre(Gre),
    /// `WireGuard`'s header.
    Wireguard(Wireguard),
    /// What only the tunnel's far end can read.
    Encrypted,
    /// What somebody sent, or what is not understood.
    Data,
    /// What fills a frame up to its least size.
    Padding,
    /// The beginning of a header of that name, whose end is missing, or which contradicts itself.
    Cut(&'static str),
}

impl Kind {
    /// What it is called: `Ethernet`, `IPv4`, `VXLAN`, …
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ethernet(_) => "Ethernet",
            Self::Vlan(_) => "VLAN",
            Self::Arp(_) => "ARP",
            Self::Ip(ip) if ip.is_v4() => "IPv4",
            Self::Ip(_) => "IPv6",
            Self::Ipv6Options => "IPv6 options",
            Self::Ipv6Fragment(_) => "IPv6 fragment",
            Self::Icmp(icmp) if icmp.is_v4() => "ICMP",
            Self::Icmp(_) => "ICMPv6",
            Self::Udp(_) => "UDP",
            Self::Tcp(_) => "TCP",
            Self::Vxlan(_) => "VXLAN",
            Self::Geneve(_) => "Geneve",
            Self::Gre(_) => "GRE",
            Self::Wireguard(_) => "WireGuard",
            Self::Encrypted => "encrypted",
            Self::Data => "data",
            Self::Padding => "padding",
            Self::Cut(name) => name,
        }
    }
}
