//! One thing to ask of the kernel.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::Serialize;

use super::link::{Link, Mac};
use super::qdisc::Qdisc;

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
    Route {
        /// The destination; `0.0.0.0/0` and `::/0` are the default routes.
        to: IpNet,
        /// The next hop.
        via: IpAddr,
        /// The interface to it.
        link: Link,
    },
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
            Self::Up { link } => write!(f, "link {} up", link.name),
            Self::Offload { link, .. } => write!(f, "offload of {}", link.name),
            Self::Address { link, address } => write!(f, "address {address} on {}", link.name),
            Self::Route { to, via, .. } => write!(f, "route {to} via {via}"),
            Self::Neighbour { link, address, mac } => write!(f, "neighbour {address} {mac} on {}", link.name),
            Self::Impair { link, qdisc } => {
                write!(f, "{} on {}: {}", qdisc.kind(), link.name, qdisc.impair())
            }
        }
    }
}
