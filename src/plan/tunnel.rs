//! What all overlays share: the tunnel device of a node, its addresses, and who is at the other ends.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use serde::Serialize;

use super::data_path::Why;
use super::host_gw;
use super::link::{Link, Mac};
use super::op::{Encap, NextHop, Op, Route};
use crate::model::{Addresses, DataPath, Family, Lab, Node, Overlay};

/// The tunnel device of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tunnel {
    /// The interface.
    pub link: Link,
    /// Its Ethernet address, where frames of its own are in the tunnel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac: Option<Mac>,
    /// Its MTU in bytes: what the underlay leaves.
    pub mtu: u32,
    /// How it wraps packets.
    pub kind: TunnelKind,
}

/// How a tunnel wraps packets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum TunnelKind {
    /// Ethernet frames in UDP; a forwarding database says which frame goes to which node.
    Vxlan {
        /// The virtual network (VNI).
        id: u32,
        /// The UDP port.
        port: u16,
        /// The node's own address.
        local: IpAddr,
        /// The interface by which packets leave.
        dev: Link,
    },
    /// Ethernet frames in UDP; routes say which packet goes to which node.
    Geneve {
        /// The UDP port.
        port: u16,
    },
    /// IPv4 in IPv4; a route's next hop is the node.
    Ipip {
        /// The node's own address.
        local: Ipv4Addr,
    },
    /// IP in GRE over IPv4; routes say which packet goes to which node.
    Gre,
    /// The same over IPv6.
    Ip6Gre,
    /// Encrypted IP in UDP; keys and peers come with [`Op::Wireguard`].
    Wireguard,
}

impl TunnelKind {
    /// What people call it.
    pub fn title(&self) -> &'static str {
        match self {
            Self::Vxlan { .. } => "VXLAN",
            Self::Geneve { .. } => "Geneve",
            Self::Ipip { .. } => "IP in IP",
            Self::Gre => "GRE",
            Self::Ip6Gre => "GRE over IPv6",
            Self::Wireguard => "WireGuard",
        }
    }
}

/// The time to live of packets that tunnels make, as of any that a node sends by itself (`net.ipv4.ip_default_ttl`). The
/// devices that are not on UDP would otherwise copy it from the packet inside, and a traceroute would end at the first
/// router of the underlay.
pub const TTL: u8 = 64;

/// The interface by which a data path's packets leave a node, where it is a tunnel.
pub fn tunnel_name(data_path: DataPath) -> Option<&'static str> {
    match data_path {
        DataPath::L2 | DataPath::HostGw | DataPath::Cloud => None,
        DataPath::Vxlan => Some("flannel.1"),
        DataPath::Geneve => Some("geneve1"),
        DataPath::Ipip => Some("flannel.ipip"),
        DataPath::Gre => Some("gre1"),
        DataPath::Wireguard => Some("wg0"),
    }
}

/// The addresses of a node's tunnel device: those of its slices themselves, as flannel has it. No pod has them, and every
/// other node knows the way to them, because it has a route to the slice.
pub fn tunnel_addresses(node: &Node) -> Addresses {
    node.pod_cidr.iter().map(|slice| IpNet::from(slice.network())).collect()
}

/// A node with what its place in the lab says about its tunnel.
pub(super) struct Here<'a> {
    pub(super) lab: &'a Lab,
    number: usize,
}

impl<'a> Here<'a> {
    pub(super) fn new(lab: &'a Lab, number: usize) -> Self {
        Self { lab, number }
    }

    pub(super) fn node(&self) -> &'a Node {
        &self.lab.nodes[self.number]
    }

    /// The tunnel device's name and index.
    pub(super) fn link(&self) -> Link {
        Link::tunnel(tunnel_name(self.lab.data_path).unwrap_or_default())
    }

    /// The address by which other nodes know this one.
    pub(super) fn local(&self) -> Option<IpAddr> {
        self.outside(self.node())
    }

    fn outside(&self, node: &Node) -> Option<IpAddr> {
        node.address.get(self.lab.outside()).map(|net| net.addr())
    }

    /// The nodes at the other ends, with the address that packets to them are wrapped for.
    pub(super) fn far_ends(&self) -> impl Iterator<Item = (&'a Node, IpAddr)> + '_ {
        self.numbered_far_ends().map(|(_, node, outside)| (node, outside))
    }

    /// The same with their numbers in the lab.
    pub(super) fn numbered_far_ends(&self) -> impl Iterator<Item = (usize, &'a Node, IpAddr)> + '_ {
        let here = self.node();
        let others = self.lab.nodes.iter().enumerate().filter(|(place, _)| *place != self.number);
        let in_tunnel = others.filter(|(_, node)| match self.lab.overlay {
            Overlay::Everywhere => true,
            Overlay::BetweenSegments => node.segment != here.segment,
        });
        in_tunnel.filter_map(|(number, node)| Some((number, node, self.outside(node)?)))
    }

    /// The device itself, up and with its addresses.
    pub(super) fn device(&self, kind: TunnelKind, mac: Option<Mac>) -> Why {
        let link = self.link();
        let why = format!("{}: this node's end of the tunnels", link.name);
        let tunnel = Tunnel { link: link.clone(), mac, mtu: self.lab.tunnel_mtu(), kind };
        let mut ops = vec![Op::Tunnel(tunnel)];
        if self.lab.families().any(|family| family == Family::V6) {
            ops.push(Op::NoLinkLocal { link: link.clone() });
        }
        ops.extend(self.up());
        (why, ops)
    }

    /// Brings the device up and gives it its addresses.
    fn up(&self) -> impl Iterator<Item = Op> + use<> {
        let link = self.link();
        let addresses = tunnel_addresses(self.node());
        let up = Op::Up { link: link.clone() };
        std::iter::once(up)
            .chain(addresses.iter().map(move |address| Op::Address { link: link.clone(), address }))
    }

    /// The Ethernet addresses of the other ends: known, not learnt.
    pub(super) fn neighbours(&self) -> Why {
        let entries = |(node, _): (&Node, IpAddr)| {
            let far = tunnel_addresses(node);
            let mac = Mac::of_ip(&far);
            let link = self.link();
            far.ips()
                .map(move |address| Op::Neighbour { link: link.clone(), address, mac })
                .collect::<Vec<_>>()
        };
        let why = "the other ends' Ethernet addresses: known, not learnt".into();
        (why, self.far_ends().flat_map(entries).collect())
    }

    /// A route to every slice of every node in the tunnel, by what `hop` says of the slice, the node's end and its address
    /// outside.
    pub(super) fn routes(&self, hop: impl Fn(IpAddr, IpAddr) -> (Option<IpAddr>, Option<Encap>)) -> Why {
        let link = self.link();
        let to_node = |(node, outside): (&Node, IpAddr)| {
            let route = |to: IpNet| {
                let (via, encap) = hop(to.network(), outside);
                let next_hop = if via.is_some() { NextHop::OnLink } else { NextHop::Checked };
                Op::Route(Route { to, via, link: link.clone(), next_hop, source: None, encap })
            };
            node.pod_cidr.iter().map(route).collect::<Vec<_>>()
        };
        let why = format!("{}: other nodes' pods, by way of {}", self.lab.data_path.word(), link.name);
        (why, self.far_ends().flat_map(to_node).collect())
    }

    /// Plain routes to the nodes of the same segment, where the tunnel is only for the others.
    pub(super) fn direct_routes(&self) -> Why {
        match self.lab.overlay {
            Overlay::Everywhere => (String::new(), Vec::new()),
            Overlay::BetweenSegments => {
                let (_, ops) = host_gw::node_routes(self.lab, self.number);
                ("direct: pods of nodes on the same segment, without a tunnel".into(), ops)
            }
        }
    }
}
