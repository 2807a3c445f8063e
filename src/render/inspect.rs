//! What a place has in its kernel right now, with the lab's names: as JSON these structures themselves, as text for people.

mod owners;
mod table;
mod text;

pub use owners::Owners;
pub(super) use table::table;
pub use text::inspection_text;

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use serde::Serialize;

use crate::model::Impair;
use crate::plan::{Kind, Mac};

/// Everything about one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// The lab.
    pub lab: String,
    /// The place.
    pub name: String,
    /// What the place stands for.
    pub kind: Kind,
    /// Its interfaces, by index; ports of bridges too.
    pub interfaces: Vec<Interface>,
    /// Its bridges, with their ports.
    pub bridges: Vec<Bridge>,
    /// The forwarding databases of its bridges and tunnels.
    pub fdb: Vec<FdbEntry>,
    /// Its main routing tables.
    pub routes: Vec<Route>,
    /// Its packet filter.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nftables: Vec<Chain>,
    /// The fabric's routes as a cloud's console shows them, where it routes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub route_table: Vec<RouteTableRow>,
    /// What the fabric checks at the plugs of nodes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub source_dest_checks: Vec<Check>,
    /// Whether and how it forwards.
    pub forwarding: Forwarding,
    /// The neighbours that it knows or asks for.
    pub neighbours: Vec<Neighbour>,
}

/// A chain of packet filter rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Chain {
    /// The table's family and name, such as `inet netlab`.
    pub table: String,
    /// Its own name.
    pub name: String,
    /// `nat`, `filter` or `route`; none where it is only for other chains to use.
    pub kind: Option<String>,
    /// Its rules, in order.
    pub rules: Vec<Rule>,
}

/// A packet filter rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// As `nft` writes it; none where it says more than netlab can read.
    pub text: Option<String>,
    /// How many packets it has decided on, where it counts.
    pub packets: Option<u64>,
}

/// An interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Interface {
    /// Its index.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// The kernel's word for its kind: `veth`, `bridge`, `loopback`, …
    pub kind: String,
    /// Whether frames can pass.
    pub state: LinkState,
    /// Its MTU in bytes.
    pub mtu: u32,
    /// Its Ethernet address.
    pub mac: Option<Mac>,
    /// Its addresses.
    pub addresses: Vec<IpNet>,
    /// The bridge that it is a port of.
    pub bridge: Option<String>,
    /// What its cable is plugged into.
    pub peer: Option<Peer>,
    /// What it does to frames that it sends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub impair: Option<Impair>,
    /// What it is as a tunnel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tunnel: Option<Tunnel>,
}

/// A tunnel. What its kind does not have is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tunnel {
    /// The virtual network (VNI).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<u32>,
    /// The UDP port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The address that its packets come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local: Option<IpAddr>,
    /// Whether it learns from what comes in which end has an Ethernet address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub learns: Option<bool>,
    /// Whether routes say where a packet goes (`external`).
    pub by_route: bool,
    /// The peers of a `WireGuard` device.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub peers: Vec<TunnelPeer>,
}

/// Another node that a `WireGuard` device exchanges packets with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TunnelPeer {
    /// The node that has that key.
    pub node: Option<String>,
    /// Its public key.
    pub public_key: String,
    /// Where its packets go.
    pub endpoint: Option<SocketAddr>,
    /// What is behind it.
    pub allowed: Vec<IpNet>,
}

/// Whether frames can pass an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkState {
    /// They can.
    Up,
    /// It is up, but the other end is not.
    NoCarrier,
    /// It is down.
    Down,
}

/// The other end of a cable. What is unknown is in a namespace that is not the lab's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Peer {
    /// The place.
    pub place: Option<String>,
    /// The interface there.
    pub interface: Option<String>,
    /// Its index there.
    pub index: u32,
    /// Its Ethernet address.
    pub mac: Option<Mac>,
    /// The bridge that it is a port of, there.
    pub bridge: Option<String>,
}

/// A bridge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bridge {
    /// Its name.
    pub name: String,
    /// Whether it speaks the spanning tree protocol.
    pub spanning_tree: bool,
    /// Seconds without a frame after which a learned address is forgotten.
    pub ageing_seconds: u32,
    /// Its ports.
    pub ports: Vec<Port>,
}

/// A port of a bridge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Port {
    /// Its index.
    pub index: u32,
    /// Its name.
    pub interface: String,
    /// `forwarding`, `disabled`, …
    pub state: String,
    /// Whether frames may leave where they came in.
    pub hairpin: bool,
    /// Its Ethernet address.
    pub mac: Option<Mac>,
    /// The pod or node behind it.
    pub peer: Option<Peer>,
    /// What it does to frames that it sends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub impair: Option<Impair>,
}

/// An entry of a forwarding database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FdbEntry {
    /// The Ethernet address.
    pub mac: Mac,
    /// Whose it is.
    pub owner: Option<String>,
    /// The bridge; `None` for a tunnel's own database, which `bridge fdb` marks `self`.
    pub bridge: Option<String>,
    /// The port, or the bridge itself, or the tunnel.
    pub interface: String,
    /// The VLAN, where the bridge tells VLANs apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vlan: Option<u16>,
    /// The tunnel's far end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<IpAddr>,
    /// Whose address that is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_owner: Option<String>,
    /// How it came to be there.
    pub origin: Origin,
}

/// How an entry came into a forwarding database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// From a frame that came in.
    Learned,
    /// Somebody added it.
    Static,
    /// In a bridge, it is the port's or the bridge's own address; in a tunnel, somebody added it.
    Permanent,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Route {
    /// Where it leads; `0.0.0.0/0` and `::/0` are the default routes.
    pub to: IpNet,
    /// `unicast`, `blackhole`, `unreachable`, …
    pub kind: String,
    /// Where packets are handed to: several for a multipath route, none for a blackhole.
    pub hops: Vec<Hop>,
    /// Who made it, as iproute2 names it: `kernel`, `static`, …
    pub protocol: String,
    /// The address that packets from here get.
    pub source: Option<IpAddr>,
    /// Its metric; lower is better.
    pub metric: u32,
}

/// A row of a cloud's route table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RouteTableRow {
    /// Where it leads.
    pub destination: IpNet,
    /// Who gets the packets: a node's name, `local` for a segment of the fabric's own, or else the route's kind.
    pub target: String,
    /// The target's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
}

/// A packet filter at a plug: what a node sends in another's name, or gets for another, is dropped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Who is plugged in there.
    pub target: String,
    /// What is checked: `source` of what the target sends, `destination` of what is sent to it.
    pub field: &'static str,
    /// The rule, as `nft` writes it.
    pub rule: String,
}

/// Where a route hands packets to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hop {
    /// The next router; `None` where the destination itself is on the link.
    pub via: Option<IpAddr>,
    /// Whose address that is.
    pub owner: Option<String>,
    /// The interface.
    pub interface: String,
    /// What the route tells the tunnel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encap: Option<Encap>,
}

/// What a route tells a tunnel: whom the packet is wrapped for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Encap {
    /// The virtual network, where it is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<u32>,
    /// The tunnel's far end.
    pub to: IpAddr,
    /// Whose address that is.
    pub owner: Option<String>,
}

/// An entry of the neighbour table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Neighbour {
    /// Its address.
    pub address: IpAddr,
    /// Whose address that is.
    pub owner: Option<String>,
    /// Its Ethernet address, if it is known.
    pub mac: Option<Mac>,
    /// The interface behind which it is.
    pub interface: String,
    /// `reachable`, `stale`, `permanent`, `failed`, …
    pub state: String,
}

/// Whether and how a place forwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Forwarding {
    /// `net.ipv4.ip_forward`.
    pub ipv4: bool,
    /// `net.ipv6.conf.all.forwarding`; `None` where the kernel has no IPv6.
    pub ipv6: Option<bool>,
    /// Interfaces that drop packets by where they come from.
    pub rp_filter: Vec<ReversePath>,
}

/// Reverse path filtering of an interface, as it takes effect: the higher of its own setting and `all`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReversePath {
    /// The interface.
    pub interface: String,
    /// 1: the source must be routed back by the same interface; 2: by some interface.
    pub value: u8,
}

#[cfg(test)]
mod tests;
