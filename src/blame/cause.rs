//! What can be wrong at a place.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{Planned, Stage};
use crate::plan::Mac;

/// An address with what the lab calls its owner, where it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The address.
    pub address: IpAddr,
    /// Such as `pod4` or `node1 cbr0`.
    pub owner: Option<String>,
}

/// Why a place does not pass a packet on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// The lab gave the address to nobody.
    NobodyHas {
        /// The address.
        to: IpAddr,
    },
    /// No route matches.
    NoRoute {
        /// The packet's target.
        to: IpAddr,
        /// What the lab gave the place for it, and who is the next router of that.
        planned: Option<(Planned, Option<Named>)>,
    },
    /// The place is beyond the cluster, and the address a pod's.
    Outside {
        /// The pod.
        pod: Named,
        /// The node that let the packet out with the pod's own address, where this is about the answer to that.
        kept_by: Option<String>,
    },
    /// A route matches, and it is one that drops.
    Refuses {
        /// The packet's target.
        to: IpAddr,
        /// Where the route leads.
        route: IpNet,
        /// `blackhole`, `unreachable`, `prohibit` or `throw`.
        kind: String,
    },
    /// The kernel refuses for a reason that its tables do not show.
    Denies {
        /// The packet's target.
        to: IpAddr,
        /// Its words and the error's name.
        said: String,
    },
    /// Reverse path filtering drops what came in by an interface.
    ReversePath {
        /// The interface.
        link: String,
        /// The packet's source.
        from: IpAddr,
        /// `strict` or `loose`.
        how: &'static str,
    },
    /// The place hands the packet to another than it was planned to.
    WrongHop {
        /// The packet's target.
        to: IpAddr,
        /// The next router; `None` where the target itself is looked for on the link.
        via: Option<Named>,
        /// The interface.
        link: String,
        /// As it should be.
        planned: Option<(Planned, Option<Named>)>,
    },
    /// The place keeps the packet, and it is another's.
    Keeps {
        /// Whose it is.
        to: Named,
    },
    /// The place has an address that is another's.
    AlsoHas {
        /// Whose it is.
        address: Named,
    },
    /// Rules have a place look for routes elsewhere than in its main table.
    Ruled {
        /// The packet's target.
        to: IpAddr,
        /// The table that has the route; none where the packet is refused.
        table: Option<u32>,
        /// The rules, as `ip rule` writes them.
        rules: Vec<String>,
    },
    /// An interface has its address with another length.
    WrongLength {
        /// Its name.
        link: String,
        /// The address that it has.
        address: IpNet,
        /// As it should be.
        planned: IpNet,
    },
    /// A packet filter drops what passes an interface.
    Filtered {
        /// The interface.
        link: String,
        /// The place at the other end of its cable.
        leads_to: String,
        /// The packet's source and target.
        packet: [Named; 2],
        /// The rule, as `nft` writes it.
        rule: String,
        /// The chain that has it, as `nft` names it.
        chain: String,
        /// Whether the lab was given it: then it is a source/destination check.
        planned: bool,
    },
    /// A packet filter within a place drops or rejects what passes its IP stack, or an interface.
    Refused {
        /// When the kernel asks it.
        stage: Stage,
        /// The chain that has it, as `nft` names it: `inet filter forward`.
        chain: String,
        /// The packet's source and target.
        packet: [Named; 2],
        /// What in the chain it is.
        by: Refuser,
    },
    /// A packet is too large for an interface, and may not be taken apart.
    TooLarge {
        /// The interface.
        link: String,
        /// Bytes that it takes.
        mtu: u32,
        /// Bytes that the packet has.
        bytes: u32,
        /// Whether it is the sender's own interface, which tells the sender at once.
        own: bool,
        /// What keeps the word that it is too large from getting back, and where, if something is known to.
        silenced: Option<(String, Box<Self>)>,
    },
    /// A bridge keeps two of its ports apart.
    Isolated {
        /// The bridge.
        bridge: String,
        /// The ports.
        ports: [String; 2],
    },
    /// The place answers no ping.
    IgnoresPings {
        /// The setting that says so.
        setting: &'static str,
    },
    /// An interface has no IPv6.
    NoIpv6 {
        /// Its name.
        link: String,
        /// The setting that says so.
        setting: String,
    },
    /// The place forwards nothing.
    NotForwarding {
        /// The setting that says so.
        setting: String,
    },
    /// An interface of the plan is not there.
    Gone {
        /// Its name.
        link: String,
        /// What a bridge's port leads to.
        leads_to: Option<String>,
    },
    /// An interface was told to be down.
    Down {
        /// Its name.
        link: String,
        /// What a bridge's port leads to.
        leads_to: Option<String>,
        /// What the kernel did about it.
        routes: Routes,
    },
    /// An interface is up, and its cable says that the other end is not.
    NoCarrier {
        /// Its name.
        link: String,
    },
    /// An interface loses frames that it sends, as it was told to.
    Loses {
        /// Its name.
        link: String,
        /// What a bridge's port leads to.
        leads_to: Option<String>,
        /// How many, in parts per million.
        ppm: u64,
    },
    /// An interface has lost its address.
    NoAddress {
        /// Its name.
        link: String,
        /// The address.
        address: IpNet,
    },
    /// A cable was taken out of its bridge.
    NotAPort {
        /// Its end at this place.
        link: String,
        /// What is at the other end.
        leads_to: String,
        /// The bridge that it belongs to.
        bridge: String,
        /// The bridge that it is a port of instead.
        now: Option<String>,
    },
    /// A bridge lets nothing through one of its ports.
    PortBlocked {
        /// The port.
        link: String,
        /// The bridge.
        bridge: String,
        /// The port's state.
        state: String,
    },
    /// The neighbour table has another Ethernet address than the neighbour.
    WrongMac {
        /// The neighbour.
        neighbour: Named,
        /// The interface behind which it is.
        link: String,
        /// What the table says.
        mac: Mac,
        /// Whose that is, if it is anybody's.
        whose: Option<String>,
        /// What it is.
        real: Mac,
        /// The entry's state.
        state: String,
    },
    /// Nobody answered when the place asked for an Ethernet address.
    Silent {
        /// The neighbour.
        neighbour: Named,
        /// The interface behind which it is.
        link: String,
        /// The entry's state.
        state: String,
    },
    /// A tunnel has lost the Ethernet address of one of its ends.
    NoNeighbour {
        /// The tunnel.
        link: String,
        /// The end's address.
        address: IpAddr,
        /// Whose that is.
        whose: String,
        /// Its Ethernet address.
        mac: Mac,
    },
    /// A tunnel's database does not lead to the node that has an Ethernet address.
    NoForward {
        /// The tunnel.
        link: String,
        /// The Ethernet address.
        mac: Mac,
        /// Whose that is.
        whose: String,
        /// Where it leads instead, if anywhere.
        now: Option<Named>,
        /// As it should be.
        planned: Named,
    },
    /// An interface takes smaller packets than planned.
    SmallMtu {
        /// Its name.
        link: String,
        /// Bytes that it takes.
        mtu: u32,
        /// Bytes that it was planned to take.
        planned: u32,
    },
    /// The packet comes back to where it was.
    Loop {
        /// The packet's target.
        to: IpAddr,
        /// The places that it passes, the first again at the end.
        places: Vec<String>,
    },
    /// The place could not be read.
    Unreadable {
        /// Why not.
        why: String,
    },
}

/// What in a packet filter's chain refuses a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refuser {
    /// This rule, as `nft` writes it.
    Rule(String),
    /// One of its rules that netlab cannot read all of, by its place from 1: whether it is about this packet is not known.
    Unread(usize),
    /// The chain's policy, and no rule comes before it.
    Policy,
    /// The chain's policy, unless one of the rules that netlab cannot read accepts the packet.
    PolicyUnless,
}

/// What became of the routes by an interface that is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Routes {
    /// The kernel has taken them away.
    Taken,
    /// There never were any: it has no address.
    None,
}
