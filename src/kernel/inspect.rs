//! What a namespace of a running lab has right now: read from the kernel, not from the plan.
//!
//! Interfaces are joined to their other ends. The other ends are in other namespaces, but no other namespace is entered:
//! one netlink socket may ask about each namespace whose descriptor this process holds.

mod link;
mod lookup;
mod neighbour;
mod peer;
pub(super) mod reader;
mod route;
mod rule;
mod tunnel;

use std::fs::{self, File};
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt as _;

use ipnet::IpNet;

use super::enter::{Place, enter_network};
use super::error::Result;
use super::{nftables, qdisc};
use crate::plan::nftables::Table;
use crate::plan::{Encap, Kind, Mac, Qdisc, Sandbox};
use reader::Reader;

pub use super::nftables::{FoundChain, FoundRule};
pub use super::wireguard::FoundPeer;
pub(super) use link::request_for as link_request;
pub use lookup::{Answer, Lookup, Question};
pub(super) use neighbour::{neighbours, permanent};

/// What a namespace has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its interfaces, by index.
    pub links: Vec<Link>,
    /// Its main routing tables, IPv4 first, in the kernel's order.
    pub routes: Vec<Route>,
    /// The rules that choose a table, IPv4 first, without those that the kernel makes by itself.
    pub rules: Vec<Rule>,
    /// The neighbours that it knows or asks for, by interface and address.
    pub neighbours: Vec<Neighbour>,
    /// The forwarding databases of its bridges and tunnels.
    pub fdb: Vec<FdbEntry>,
    /// Its packet filter.
    pub chains: Vec<FoundChain>,
    /// The packet filter rules at its interfaces, as far as netlab can read them.
    pub filters: Vec<Table>,
    /// Whether and how it forwards.
    pub forwarding: Forwarding,
    /// `net.ipv4.ip_default_ttl`.
    pub ttl_v4: Option<u8>,
    /// `net.ipv4.icmp_echo_ignore_all`.
    pub ignores_pings_v4: bool,
    /// `net.ipv6.icmp.echo_ignore_all`.
    pub ignores_pings_v6: bool,
}

/// An interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its index.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// The kernel's word for its kind: `veth`, `bridge`, `loopback`, …
    pub kind: String,
    /// Whether it was told to be up.
    pub up: bool,
    /// Whether its other end is up too.
    pub carrier: bool,
    /// Its MTU in bytes.
    pub mtu: u32,
    /// Its Ethernet address; loopback has none.
    pub mac: Option<Mac>,
    /// Its addresses, IPv4 first.
    pub addresses: Vec<IpNet>,
    /// Index of the bridge that it is a port of.
    pub master: Option<u32>,
    /// What it is as a bridge's port.
    pub port: Option<Port>,
    /// What it is as a bridge.
    pub bridge: Option<Bridge>,
    /// The other end, where it is a cable.
    pub peer: Option<Peer>,
    /// What it does to frames that it sends.
    pub qdisc: Option<Qdisc>,
    /// What it is as a tunnel.
    pub tunnel: Option<Tunnel>,
    /// `net.ipv4.conf.<name>.rp_filter`, as it is set for this interface alone.
    pub rp_filter: u8,
    /// `net.ipv4.conf.<name>.forwarding`: whether IPv4 packets that come in by it are forwarded.
    pub forwards_v4: bool,
    /// `net.ipv6.conf.<name>.hop_limit`: that of packets which leave by it.
    pub hop_limit: Option<u8>,
    /// `net.ipv6.conf.<name>.disable_ipv6`: whether it has no IPv6 at all.
    pub disabled_v6: bool,
    /// `IFLA_LINK` and `IFLA_LINK_NETNSID`: where the other end is.
    far: Option<(u32, Option<i32>)>,
}

/// A tunnel. What a kind of tunnel does not have is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tunnel {
    /// The virtual network (VNI).
    pub id: Option<u32>,
    /// The UDP port.
    pub port: Option<u16>,
    /// The address that its packets come from.
    pub local: Option<IpAddr>,
    /// Whether it learns from what comes in which end has an Ethernet address.
    pub learns: Option<bool>,
    /// Whether routes say where a packet goes (`external`).
    pub by_route: bool,
    /// The peers of a `WireGuard` device.
    pub peers: Vec<FoundPeer>,
}

/// A port of a bridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// `forwarding`, `disabled`, …
    pub state: String,
    /// Whether frames may leave where they came in.
    pub hairpin: bool,
    /// Whether frames from it may not leave by other ports of which this is so.
    pub isolated: bool,
}

/// A bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bridge {
    /// Whether it speaks the spanning tree protocol.
    pub spanning_tree: bool,
    /// Seconds without a frame after which a learned address is forgotten.
    pub ageing: u32,
}

/// The other end of a cable. What is `None` is in a namespace that was not among those asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its index, in its own namespace.
    pub index: u32,
    /// The namespace's name in the lab.
    pub namespace: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Its Ethernet address.
    pub mac: Option<Mac>,
    /// The bridge that it is a port of.
    pub bridge: Option<String>,
}

/// A route of the main table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Where it leads; `0.0.0.0/0` and `::/0` are the default routes.
    pub to: IpNet,
    /// The kernel's word for what it does: `unicast`, `blackhole`, `unreachable`, …
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

/// Where a route hands packets to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// The next router; `None` where the destination itself is on the link.
    pub via: Option<IpAddr>,
    /// Index of the interface.
    pub link: u32,
    /// What the route tells the tunnel.
    pub encap: Option<Encap>,
}

/// A rule by which a table is chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its number: lower ones are asked first.
    pub preference: u32,
    /// Whether it is about IPv6.
    pub is_ipv6: bool,
    /// The table that it leads to, if it leads to one.
    pub table: Option<u32>,
    /// As `ip rule` writes it.
    pub text: String,
}

/// An entry of the neighbour table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// Its address.
    pub address: IpAddr,
    /// Its Ethernet address, if it is known.
    pub mac: Option<Mac>,
    /// Index of the interface behind which it is.
    pub link: u32,
    /// The kernel's word: `reachable`, `stale`, `permanent`, `failed`, …
    pub state: String,
}

/// An entry of a forwarding database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FdbEntry {
    /// The Ethernet address.
    pub mac: Mac,
    /// Index of the interface that leads to it.
    pub link: u32,
    /// Index of the bridge whose database it is in; `None` for a tunnel's own.
    pub bridge: Option<u32>,
    /// The VLAN, where the bridge tells VLANs apart.
    pub vlan: Option<u16>,
    /// The tunnel's far end.
    pub to: Option<IpAddr>,
    /// How it came to be there.
    pub origin: Origin,
}

/// How an entry came into a forwarding database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// A frame from that address came in; it is forgotten some time after the last.
    Learned,
    /// Somebody added it, and it stays.
    Static,
    /// In a bridge, it is the port's or the bridge's own address; in a tunnel, somebody added it.
    Permanent,
}

/// Whether and how a namespace forwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forwarding {
    /// `net.ipv4.ip_forward`.
    pub v4: bool,
    /// `net.ipv6.conf.all.forwarding`; `None` where the kernel has no IPv6.
    pub v6: Option<bool>,
    /// `net.ipv6.conf.all.disable_ipv6`, of which interfaces have had the last word since.
    pub disabled_v6: bool,
    /// `net.ipv4.conf.all.rp_filter`; the kernel takes the higher of it and the interface's own.
    pub rp_filter: u8,
}

/// Moves this process, which must have one thread, into a namespace and reads what is there. The other ends of its cables
/// are looked for in `others`.
///
/// # Errors
/// If the namespace cannot be entered, or the kernel does not say what is in it.
pub fn inspect(place: &Place<'_>, others: &[&Sandbox]) -> Result<Found> {
    // From inside the lab's user namespace, the others' /proc entries are out of reach.
    let others: Vec<(&str, File)> =
        others.iter().filter_map(|other| Some((other.name.as_str(), descriptor(other)?))).collect();
    enter_network(place)?;
    let here = &place.sandbox.name;
    let mut reader = Reader::open(here)?;
    let mut links = link::links(&mut reader)?;
    peer::join(&mut reader, here, &mut links, &others)?;
    let mut qdiscs = qdisc::all(&mut reader)?;
    for link in &mut links {
        link.qdisc = qdiscs.remove(&link.index);
    }
    // Asking may have the kernel load a module.
    let chains = if may_have_rules(place.sandbox.kind) { nftables::chains(here)? } else { Vec::new() };
    let mut found = Found {
        routes: route::routes(&mut reader)?,
        rules: rule::rules(&mut reader)?,
        neighbours: neighbours(&mut reader)?,
        fdb: neighbour::fdb(&mut reader)?,
        filters: nftables::at_interfaces(&chains),
        chains,
        forwarding: forwarding(),
        ttl_v4: setting("ipv4/ip_default_ttl"),
        ignores_pings_v4: setting("ipv4/icmp_echo_ignore_all").is_some_and(|value| value != 0),
        ignores_pings_v6: setting("ipv6/icmp/echo_ignore_all").is_some_and(|value| value != 0),
        links,
    };
    tunnel::add_peers(&mut found);
    Ok(found)
}

/// Whether places of that kind ever get packet filter rules from netlab.
fn may_have_rules(kind: Kind) -> bool {
    match kind {
        Kind::Fabric | Kind::Node => true,
        Kind::Router | Kind::External | Kind::Pod => false,
    }
}

/// A descriptor of a sandbox's network namespace; `None` if it is gone, which only leaves a cable's end without a name.
fn descriptor(sandbox: &Sandbox) -> Option<File> {
    let file = File::open(format!("/proc/{}/ns/net", sandbox.pid)).ok()?;
    (file.metadata().ok()?.ino() == sandbox.inode).then_some(file)
}

/// /proc/sys/net shows the namespace of the process that looks.
fn setting(path: &str) -> Option<u8> {
    fs::read_to_string(format!("/proc/sys/net/{path}")).ok()?.trim().parse().ok()
}

fn forwarding() -> Forwarding {
    Forwarding {
        v4: setting("ipv4/ip_forward").is_some_and(|value| value != 0),
        v6: setting("ipv6/conf/all/forwarding").map(|value| value != 0),
        disabled_v6: setting("ipv6/conf/all/disable_ipv6").is_some_and(|value| value != 0),
        rp_filter: setting("ipv4/conf/all/rp_filter").unwrap_or(0),
    }
}
