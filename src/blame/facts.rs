//! What the kernels of a lab say of themselves, in the words that blame is found with.

use std::net::IpAddr;
use std::rc::Rc;

use ipnet::IpNet;

use crate::model::Family;
use crate::plan::nftables::Table;
use crate::plan::{Encap, Mac, nftables};

/// Who can be asked about the places of a lab. What it cannot find out is an error that says why, and names the place.
pub trait Facts {
    /// What a place has right now.
    ///
    /// # Errors
    /// If it cannot be read, which may itself be why nothing answers.
    fn place(&mut self, name: &str) -> Result<Rc<State>, String>;

    /// What a place's kernel would do with a packet.
    ///
    /// # Errors
    /// If it cannot be asked; that it would refuse is an answer.
    fn route(&mut self, place: &str, packet: &Packet) -> Result<Decision, String>;

    /// To where the route leads by which that would be; none where that is not known.
    fn matched(&mut self, _place: &str, _packet: &Packet) -> Option<IpNet> {
        None
    }
}

/// A packet of which a route look-up wants to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// Where it says that it comes from; `None` where the place is to choose, as for a packet of its own.
    pub from: Option<IpAddr>,
    /// Where it goes.
    pub to: IpAddr,
    /// The interface by which it came in; `None` for a packet of the place's own.
    pub entered: Option<String>,
}

/// What a kernel does with a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Hands it on.
    Send {
        /// The next router; `None` where the target itself is on the link.
        via: Option<IpAddr>,
        /// The interface.
        link: String,
        /// The address that a packet of the place's own gets.
        source: Option<IpAddr>,
        /// The table that says so, where it is not the main one.
        table: Option<u32>,
        /// What the route tells a tunnel.
        encap: Option<Encap>,
        /// The MTU of the path, where the kernel knows a smaller one than the interface's.
        mtu: Option<u32>,
    },
    /// Keeps it.
    Keep,
    /// Will not have it.
    Refuse {
        /// The error's name, such as `ENETUNREACH`.
        errno: String,
        /// The C library's words for it.
        text: String,
    },
    /// Something that leads to no single place: the kernel's word for it, such as `broadcast`.
    Other(String),
}

/// What a place has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// Its interfaces.
    pub links: Vec<Link>,
    /// Its main routing tables.
    pub routes: Vec<Route>,
    /// Its rules that choose another table, without those that every kernel has.
    pub rules: Vec<Rule>,
    /// Its neighbour tables.
    pub neighbours: Vec<Neighbour>,
    /// The rules that translate sources of what leaves, in order; what of them cannot be read is left out.
    pub source_nat: Vec<nftables::Rule>,
    /// The chains that may translate targets, as `nft` names them: `ip nat prerouting`.
    pub target_nat: Vec<String>,
    /// The packet filters at its interfaces, as far as they could be read.
    pub filters: Vec<Table>,
    /// All chains of its packet filters that the kernel asks by itself, in the order in which it does.
    pub chains: Vec<FilterChain>,
    /// The forwarding databases of its tunnels.
    pub forwards: Vec<Forward>,
    /// Those of its bridges, as far as they have learnt where somebody is, or were told.
    pub switched: Vec<Switched>,
    /// `net.ipv4.ip_forward`.
    pub forwards_v4: bool,
    /// `net.ipv6.conf.all.forwarding`.
    pub forwards_v6: bool,
    /// `net.ipv4.ip_default_ttl`, where it was read.
    pub ttl_v4: Option<u8>,
    /// `net.ipv4.icmp_echo_ignore_all`.
    pub ignores_pings_v4: bool,
    /// `net.ipv6.icmp.echo_ignore_all`.
    pub ignores_pings_v6: bool,
    /// `net.ipv6.conf.all.disable_ipv6`.
    pub disabled_v6: bool,
}

/// A chain of a packet filter, as far as it could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterChain {
    /// Its table, as `nft` names it: `inet filter`.
    pub table: String,
    /// Its name.
    pub name: String,
    /// When the kernel asks it.
    pub stage: Stage,
    /// The IP family that it is asked about, if it is only one.
    pub family: Option<Family>,
    /// Whether what no rule decides is dropped.
    pub drops: bool,
    /// Its rules, in order.
    pub rules: Vec<FilterRule>,
}

/// When the kernel asks a packet filter about a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// It came in by an interface, and nobody else has seen it yet.
    Ingress(String),
    /// It is about to leave by an interface.
    Egress(String),
    /// A bridge has got it by one of its ports, and is about to send it by another.
    Bridged,
    /// The IP stack has got it, and not yet looked for its route.
    Prerouting,
    /// It is for the place itself.
    Input,
    /// It is to be passed on.
    Forward,
    /// It is the place's own.
    Output,
    /// It is about to leave, by whichever interface.
    Postrouting,
}

/// A rule of a packet filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterRule {
    /// What it says; none where netlab cannot read all of it.
    pub says: Option<nftables::Rule>,
    /// Whether it drops or rejects what it is about.
    pub refuses: bool,
    /// The number of IP's protocol, and the port that packets go to, where it is about these alone.
    pub about: (Option<u8>, Option<u16>),
    /// The number by which `nft` takes it away.
    pub handle: Option<u64>,
}

/// An interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its name.
    pub name: String,
    /// Whether it was told to be up.
    pub up: bool,
    /// Whether its other end is up too.
    pub carrier: bool,
    /// Of the frames that it sends, how many it loses: parts per million.
    pub loss_ppm: u64,
    /// Its MTU in bytes.
    pub mtu: u32,
    /// Its Ethernet address.
    pub mac: Option<Mac>,
    /// Its addresses.
    pub addresses: Vec<IpNet>,
    /// The bridge that it is a port of.
    pub bridge: Option<String>,
    /// What the bridge does with it as a port: `forwarding`, `disabled`, …
    pub port: Option<String>,
    /// Whether the bridge keeps it apart from other ports of which this is so.
    pub isolated: bool,
    /// `net.ipv4.conf.<name>.forwarding`: whether what comes in by it is forwarded.
    pub forwards_v4: bool,
    /// `net.ipv6.conf.<name>.hop_limit`, where it was read.
    pub hop_limit: Option<u8>,
    /// `net.ipv6.conf.<name>.disable_ipv6`: whether it has no IPv6 at all.
    pub disabled_v6: bool,
    /// Reverse path filtering of what comes in by it: 0 is off, 1 strict, 2 loose.
    pub rp_filter: u8,
    /// What it is as a tunnel.
    pub tunnel: Option<Tunnel>,
}

/// A tunnel's end. What a kind of tunnel does not have is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tunnel {
    /// How it wraps packets.
    pub kind: Wraps,
    /// The virtual network (VNI).
    pub id: Option<u32>,
    /// The UDP port.
    pub port: Option<u16>,
    /// The address that its packets come from.
    pub local: Option<IpAddr>,
    /// Whom it knows, and what is behind each: of `WireGuard`.
    pub peers: Vec<Peer>,
}

/// How a tunnel wraps packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wraps {
    /// Ethernet frames in UDP, by its own forwarding database.
    Vxlan,
    /// Ethernet frames in UDP, as routes say.
    Geneve,
    /// IP in IP, for the route's next hop.
    Ipip,
    /// IP in GRE, as routes say.
    Gre,
    /// Encrypted IP in UDP, by which peer has the address.
    Wireguard,
}

impl Wraps {
    /// By the kernel's word for such an interface.
    pub fn of(kind: &str) -> Option<Self> {
        Some(match kind {
            "vxlan" => Self::Vxlan,
            "geneve" => Self::Geneve,
            "ipip" => Self::Ipip,
            "gre" | "ip6gre" => Self::Gre,
            "wireguard" => Self::Wireguard,
            _ => return None,
        })
    }
}

/// Another end, as a `WireGuard` device knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The address to which its packets go, once it is known.
    pub endpoint: Option<IpAddr>,
    /// What is behind it.
    pub allowed: Vec<IpNet>,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Where it leads.
    pub to: IpNet,
    /// The kernel's word for what it does: `unicast`, `blackhole`, …
    pub kind: String,
}

/// A rule that chooses the table in which a route is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its number: lower ones are asked first.
    pub preference: u32,
    /// The family that it is about.
    pub family: Family,
    /// The table that it leads to, if it leads to one.
    pub table: Option<u32>,
    /// As `ip rule` writes it: `5: from all lookup 100`.
    pub text: String,
}

/// An entry of the neighbour table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// Its address.
    pub address: IpAddr,
    /// The interface behind which it is.
    pub link: String,
    /// Its Ethernet address, if it is known.
    pub mac: Option<Mac>,
    /// The kernel's word: `reachable`, `permanent`, `failed`, …
    pub state: String,
}

/// An entry of a bridge's forwarding database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switched {
    /// The port.
    pub link: String,
    /// An Ethernet address that is behind it.
    pub mac: Mac,
}

/// An entry of a tunnel's forwarding database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    /// The tunnel.
    pub link: String,
    /// An Ethernet address of a far end.
    pub mac: Mac,
    /// The address to which frames for it are sent.
    pub to: IpAddr,
}

impl State {
    /// The interface of that name.
    pub fn link(&self, name: &str) -> Option<&Link> {
        self.links.iter().find(|link| link.name == name)
    }

    /// Whether an address is one of the place's own, on whichever interface: any of them answers for it.
    pub fn has(&self, address: IpAddr) -> bool {
        self.links.iter().flat_map(|link| &link.addresses).any(|net| net.addr() == address)
    }

    /// An address of its own, as it was given to an interface.
    pub(super) fn given(&self, address: IpAddr) -> Option<(&Link, IpNet)> {
        let given = self.links.iter().flat_map(|link| link.addresses.iter().map(move |net| (link, *net)));
        given.into_iter().find(|(_, net)| net.addr() == address)
    }

    /// Whether it forwards packets of that family at all.
    pub fn forwards(&self, family: Family) -> bool {
        match family {
            Family::V4 => self.forwards_v4,
            Family::V6 => self.forwards_v6,
        }
    }

    /// The setting that keeps an interface from having IPv6, if one does.
    pub(super) fn without_v6(&self, link: &Link) -> Option<String> {
        let which = if self.disabled_v6 { "all" } else { &link.name };
        link.disabled_v6.then(|| format!("net.ipv6.conf.{which}.disable_ipv6"))
    }

    /// The most specific route to an address; the first, which is the one of lowest metric, where several are equal.
    pub(super) fn route(&self, to: IpAddr) -> Option<&Route> {
        let matching = self.routes.iter().filter(|route| route.to.contains(&to));
        // `max_by_key` takes the last of equals.
        matching.rev().max_by_key(|route| route.to.prefix_len())
    }

    /// What a place knows of a neighbour.
    pub fn neighbour(&self, link: &str, address: IpAddr) -> Option<&Neighbour> {
        self.neighbours.iter().find(|entry| entry.link == link && entry.address == address)
    }
}
