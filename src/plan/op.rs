//! One thing to ask of the kernel.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::Serialize;

use super::link::{Link, Mac};
use super::nftables::Table;
use super::qdisc::Qdisc;
use super::tunnel::{TTL, Tunnel};
use super::wireguard::Wireguard;

/// One thing to ask of the kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "op", rename_all = "kebab-case")]
pub enum Op {
    /// Write a kernel setting.
    Sysctl {
        /// The path below `/proc/sys`, such as `net/ipv4/ip_forward`.
        path: &'static str,
        /// What is written.
        value: &'static str,
        /// What it means when the kernel has no such setting.
        absent: Absent,
    },
    /// Make a bridge and bring it up: no spanning tree, no forward delay, no multicast snooping, no VLANs.
    Bridge {
        /// The bridge.
        link: Link,
        /// Its address, set so that it does not follow its ports'.
        mac: Mac,
        /// Its MTU.
        mtu: u32,
    },
    /// Make a cable, both ends in place, the near end up and, where a bridge is named, a port of it.
    Veth {
        /// The end in this namespace.
        near: End,
        /// The bridge that the near end is a port of.
        bridge: Option<Link>,
        /// Index of the namespace of the far end.
        far_namespace: usize,
        /// The end over there.
        far: End,
        /// The MTU of both.
        mtu: u32,
    },
    /// Let a bridge port send frames back where they came from (a pod that reaches itself by a service address).
    Hairpin {
        /// The port.
        link: Link,
    },
    /// Make an interface that is there already a port of a bridge.
    Enslave {
        /// The interface.
        link: Link,
        /// The bridge.
        bridge: Link,
    },
    /// Bring an interface up.
    Up {
        /// The interface.
        link: Link,
    },
    /// Turn checksum and segmentation offload off.
    Offload {
        /// The interface.
        link: Link,
        /// Which.
        offloads: Offloads,
    },
    /// Give an interface an address.
    Address {
        /// The interface.
        link: Link,
        /// The address with its prefix length.
        address: IpNet,
    },
    /// Add a route.
    Route(Route),
    /// Add a permanent neighbour entry.
    Neighbour {
        /// The interface behind which the neighbour is.
        link: Link,
        /// The neighbour's address.
        address: IpAddr,
        /// The neighbour's Ethernet address.
        mac: Mac,
    },
    /// Let an interface impair what it sends.
    Impair {
        /// The interface.
        link: Link,
        /// How.
        qdisc: Qdisc,
    },
    /// Add packet filter rules, all or none.
    Nftables {
        /// The tables.
        tables: Vec<Table>,
    },
    /// Make a tunnel device, still down.
    Tunnel(Tunnel),
    /// Give a `WireGuard` device its key and its peers.
    Wireguard(Wireguard),
    /// Have no IPv6 link-local address: nobody else is on the link.
    NoLinkLocal {
        /// The interface.
        link: Link,
    },
    /// Add a permanent entry to a tunnel's forwarding database.
    Fdb {
        /// The tunnel.
        link: Link,
        /// The Ethernet address of a far end.
        mac: Mac,
        /// The node that has it.
        to: IpAddr,
    },
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Route {
    /// The destination; `0.0.0.0/0` and `::/0` are the default routes.
    pub to: IpNet,
    /// The next hop; without one, the destination itself is behind the interface.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<IpAddr>,
    /// The interface.
    pub link: Link,
    /// Whether the next hop has to be in a subnet of the interface.
    #[serde(skip_serializing_if = "NextHop::is_checked")]
    pub next_hop: NextHop,
    /// The address from which packets of the place's own go there; without one, the kernel takes the nearest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<IpAddr>,
    /// The tunnel header that the route puts on (a lightweight tunnel, `encap ip`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encap: Option<Encap>,
}

/// Whether the kernel checks that it can reach a next hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NextHop {
    /// It must be in a subnet of the interface.
    #[default]
    Checked,
    /// It is taken to be behind the interface, whatever the interface's subnets are (`onlink`).
    OnLink,
}

impl NextHop {
    fn is_checked(&self) -> bool {
        *self == Self::Checked
    }
}

/// What a route tells a tunnel device that works by the packet (`external`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Encap {
    /// The virtual network; none leaves it out of the header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<u32>,
    /// The tunnel's far end.
    pub to: IpAddr,
}

impl fmt::Display for Encap {
    /// As `ip route` wants to be told of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (family, ttl) = match self.to {
            IpAddr::V4(_) => ("ip", "ttl"),
            IpAddr::V6(_) => ("ip6", "hoplimit"),
        };
        let id = self.id.map(|id| format!("id {id} ")).unwrap_or_default();
        write!(f, "encap {family} {id}dst {} {ttl} {TTL}", self.to)
    }
}

impl Op {
    /// A route by way of a next hop in a subnet of the interface.
    pub(super) fn route(to: IpNet, via: IpAddr, link: Link) -> Self {
        Self::Route(Route { to, via: Some(via), link, next_hop: NextHop::Checked, source: None, encap: None })
    }
}

/// One end of a cable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct End {
    /// The interface.
    pub link: Link,
    /// Its Ethernet address.
    pub mac: Mac,
}

/// What it means when the kernel lacks a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Absent {
    /// The lab cannot be built.
    Fails,
    /// What it would switch off is not there either.
    IsFine,
}

/// Which offloads are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Offloads {
    /// Transmit checksums, scatter-gather, segmentation and receive merging: `ethtool -K … tx off sg off tso off gso off
    /// gro off`.
    All,
}

impl fmt::Display for Op {
    /// What the operation makes, as error messages name it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sysctl { path, value, .. } => write!(f, "sysctl {} = {value}", path.replace('/', ".")),
            Self::Bridge { link, .. } => write!(f, "bridge {}", link.name),
            Self::Veth { near, far, .. } => write!(f, "cable {} to {}", near.link.name, far.link.name),
            Self::Hairpin { link } => write!(f, "hairpin mode of {}", link.name),
            Self::Enslave { link, bridge } => write!(f, "{} as a port of {}", link.name, bridge.name),
            Self::Up { link } => write!(f, "link {} up", link.name),
            Self::Offload { link, .. } => write!(f, "offload of {}", link.name),
            Self::Address { link, address } => write!(f, "address {address} on {}", link.name),
            Self::Route(Route { to, via: Some(via), .. }) => write!(f, "route {to} via {via}"),
            Self::Route(Route { to, link, .. }) => write!(f, "route {to} on {}", link.name),
            Self::Neighbour { link, address, mac } => write!(f, "neighbour {address} {mac} on {}", link.name),
            Self::Nftables { tables } => {
                let names: Vec<String> = tables.iter().map(ToString::to_string).collect();
                write!(f, "nftables table {}", names.join(" and table "))
            }
            Self::Tunnel(tunnel) => write!(f, "tunnel {}", tunnel.link.name),
            Self::Wireguard(wireguard) => write!(f, "key and peers of {}", wireguard.link.name),
            Self::NoLinkLocal { link } => write!(f, "no link-local address on {}", link.name),
            Self::Fdb { link, mac, to } => write!(f, "forwarding entry {mac} to {to} on {}", link.name),
            Self::Impair { link, qdisc } => {
                write!(f, "{} on {}: {}", qdisc.kind(), link.name, qdisc.impair())
            }
        }
    }
}
