//! What of a kernel a lab can need that not every kernel has: the one place that knows the module, the option it is built
//! with, and where distributions put it. `up` names them when the kernel refuses, `doctor` before.

use serde::Serialize;

use super::nftables::TableFamily;
use super::op::Op;
use super::qdisc::Qdisc;
use super::tunnel::TunnelKind;

/// A part of the kernel that may be missing, or be a module that is not loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Feature {
    /// Virtual cables.
    Veth,
    /// Switches.
    Bridge,
    /// IPv6.
    Ipv6,
    /// Sockets that send and receive ICMP as it is on the wire.
    RawIcmp,
    /// Sockets that see every frame.
    PacketSockets,
    /// VXLAN tunnels.
    Vxlan,
    /// Geneve tunnels.
    Geneve,
    /// IP in IP.
    Ipip,
    /// GRE tunnels that take their ends from routes.
    Gre,
    /// The same over IPv6.
    Gre6,
    /// `WireGuard` tunnels.
    Wireguard,
    /// Routes that say which tunnel end they lead to (`encap ip`).
    RouteEncap,
    /// Packet filter rules that rewrite source addresses.
    NftablesNat,
    /// Packet filter rules at an interface, before and after IP sees the packet.
    NftablesNetdev,
    /// Delay, loss, duplication, reordering.
    Netem,
    /// Rate limits.
    Tbf,
}

/// What people have to know about a feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// What it is called, as it follows "this kernel lacks".
    pub name: &'static str,
    /// The modules that have it, for `modprobe -a`; none where it is never a module.
    pub modules: &'static [&'static str],
    /// The options that it is built with.
    pub config: &'static [&'static str],
    /// Where distributions put it.
    pub package: &'static str,
}

/// What every kernel for general use has.
const COMMON: &str = "usually in the kernel package itself, or in linux-modules or kernel-modules";
/// What kernels for clouds and containers leave to another package.
const EXTRA: &str = "on Ubuntu in linux-modules-extra-$(uname -r), on Fedora and RHEL in kernel-modules-extra, \
                     on Debian in linux-image-amd64";
/// What is part of the kernel or not there at all.
const BUILT_IN: &str = "never a module: another kernel has to be booted";

impl Feature {
    /// All of them; those that every lab needs come first.
    pub const ALL: [Self; 16] = [
        Self::Veth,
        Self::Bridge,
        Self::Ipv6,
        Self::RawIcmp,
        Self::PacketSockets,
        Self::Vxlan,
        Self::Geneve,
        Self::Ipip,
        Self::Gre,
        Self::Gre6,
        Self::Wireguard,
        Self::RouteEncap,
        Self::NftablesNat,
        Self::NftablesNetdev,
        Self::Netem,
        Self::Tbf,
    ];

    /// What is known about it.
    pub fn about(self) -> About {
        let about = |name, modules, config, package| About { name, modules, config, package };
        match self {
            Self::Veth => about("veth cables", &["veth"], &["CONFIG_VETH"], COMMON),
            Self::Bridge => about("bridges", &["bridge"], &["CONFIG_BRIDGE"], COMMON),
            Self::Ipv6 => about(
                "IPv6",
                &["ipv6"],
                &["CONFIG_IPV6"],
                "it may have been switched off with ipv6.disable=1 on the kernel's command line",
            ),
            Self::RawIcmp => about("raw ICMP sockets", &[], &["CONFIG_INET"], BUILT_IN),
            Self::PacketSockets => about("packet sockets", &["af_packet"], &["CONFIG_PACKET"], COMMON),
            Self::Vxlan => about("VXLAN tunnels", &["vxlan"], &["CONFIG_VXLAN"], COMMON),
            Self::Geneve => about("Geneve tunnels", &["geneve"], &["CONFIG_GENEVE"], EXTRA),
            Self::Ipip => about("IPIP tunnels", &["ipip"], &["CONFIG_NET_IPIP"], EXTRA),
            Self::Gre => {
                about("GRE tunnels", &["ip_gre"], &["CONFIG_NET_IPGRE", "CONFIG_NET_IPGRE_DEMUX"], EXTRA)
            }
            Self::Gre6 => about("GRE tunnels over IPv6", &["ip6_gre"], &["CONFIG_IPV6_GRE"], EXTRA),
            Self::Wireguard => about("WireGuard tunnels", &["wireguard"], &["CONFIG_WIREGUARD"], EXTRA),
            Self::RouteEncap => about("tunnels set by routes", &[], &["CONFIG_LWTUNNEL"], BUILT_IN),
            Self::NftablesNat => about(
                "nftables with masquerading",
                &["nf_tables", "nft_chain_nat", "nft_masq", "nft_nat"],
                &["CONFIG_NF_TABLES", "CONFIG_NFT_NAT", "CONFIG_NFT_MASQ"],
                COMMON,
            ),
            Self::NftablesNetdev => about(
                "nftables hooks at interfaces",
                &["nf_tables"],
                &["CONFIG_NF_TABLES_NETDEV", "CONFIG_NETFILTER_INGRESS", "CONFIG_NETFILTER_EGRESS"],
                COMMON,
            ),
            Self::Netem => about("network emulation", &["sch_netem"], &["CONFIG_NET_SCH_NETEM"], EXTRA),
            Self::Tbf => about("token bucket rate limits", &["sch_tbf"], &["CONFIG_NET_SCH_TBF"], COMMON),
        }
    }

    /// The word for programs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Veth => "veth",
            Self::Bridge => "bridge",
            Self::Ipv6 => "ipv6",
            Self::RawIcmp => "raw-icmp",
            Self::PacketSockets => "packet-sockets",
            Self::Vxlan => "vxlan",
            Self::Geneve => "geneve",
            Self::Ipip => "ipip",
            Self::Gre => "gre",
            Self::Gre6 => "gre6",
            Self::Wireguard => "wireguard",
            Self::RouteEncap => "route-encap",
            Self::NftablesNat => "nftables-nat",
            Self::NftablesNetdev => "nftables-netdev",
            Self::Netem => "netem",
            Self::Tbf => "tbf",
        }
    }
}

impl Op {
    /// What the kernel lacks when it says of this operation that it is not supported; none where every kernel can do it.
    pub fn feature(&self) -> Option<Feature> {
        match self {
            Self::Bridge { .. } => Some(Feature::Bridge),
            Self::Veth { .. } => Some(Feature::Veth),
            Self::Sysctl { path, .. } if path.starts_with("net/ipv6") => Some(Feature::Ipv6),
            Self::Nftables { tables } => {
                Some(if tables.iter().any(|table| table.family == TableFamily::Netdev) {
                    Feature::NftablesNetdev
                } else {
                    Feature::NftablesNat
                })
            }
            Self::Tunnel(tunnel) => Some(tunnel.kind.feature()),
            Self::Wireguard(_) => Some(Feature::Wireguard),
            Self::Impair { qdisc: Qdisc::Netem { .. }, .. } => Some(Feature::Netem),
            Self::Impair { qdisc: Qdisc::Tbf { .. }, .. } => Some(Feature::Tbf),
            Self::Route(route) if route.encap.is_some() => Some(Feature::RouteEncap),
            Self::Sysctl { .. }
            | Self::Enslave { .. }
            | Self::Hairpin { .. }
            | Self::Up { .. }
            | Self::Offload { .. }
            | Self::Address { .. }
            | Self::Route { .. }
            | Self::Neighbour { .. }
            | Self::NoLinkLocal { .. }
            | Self::Fdb { .. } => None,
        }
    }
}

impl TunnelKind {
    /// What the kernel lacks when it cannot make such a device.
    fn feature(&self) -> Feature {
        match self {
            Self::Vxlan { .. } => Feature::Vxlan,
            Self::Geneve { .. } => Feature::Geneve,
            Self::Ipip { .. } => Feature::Ipip,
            Self::Gre => Feature::Gre,
            Self::Ip6Gre => Feature::Gre6,
            Self::Wireguard => Feature::Wireguard,
        }
    }
}
