//! Causes in plain words, for somebody who is learning why.

use std::fmt;

use ipnet::IpNet;

use super::cause::{Cause, Named, Refuser, Routes};
use super::facts::Stage;
use super::map::Planned;
use crate::model::Impair;

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.owner {
            Some(owner) => write!(f, "{} ({owner})", self.address),
            None => write!(f, "{} (the lab gave it to nobody)", self.address),
        }
    }
}

/// A network as `ip route` writes it.
pub(super) fn network(net: IpNet) -> String {
    match net.prefix_len() {
        0 => "default".to_owned(),
        length if length == net.max_prefix_len() => net.addr().to_string(),
        _ => net.to_string(),
    }
}

fn planned(planned: &(Planned, Option<Named>)) -> String {
    let (Planned { to, link, .. }, via) = planned;
    match via {
        Some(via) => format!("{} via {via}", network(*to)),
        None => format!("{} on {link}", network(*to)),
    }
}

fn cable(leads_to: &Option<String>) -> String {
    leads_to.as_ref().map(|there| format!(", the cable to {there}")).unwrap_or_default()
}

impl Cause {
    /// What is wrong at `place`, in plain words.
    pub fn text(&self, place: &str) -> String {
        match self {
            Self::NobodyHas { to } => format!("the lab gave the address {to} to nobody"),
            Self::NoRoute { to, planned: Some(was) } => {
                format!("{place} has no route to {to}: it was given {}, and that is gone", planned(was))
            }
            Self::NoRoute { to, planned: None } => {
                format!("{place} has no route to {to}, and the lab gives it none")
            }
            Self::Outside { pod, kept_by: None } => {
                format!("{place} has no route to {pod}: nobody outside has one to pods, and nobody has to")
            }
            Self::Outside { pod, kept_by: Some(node) } => format!(
                "{place} has no route to {pod}, as nobody outside has one to pods; {node} let the packet out with the \
                 pod's own address instead of its own: it does not masquerade it"
            ),
            Self::Refuses { to, route, kind } => format!(
                "{place} has a {kind} route to {}: it {} for {to}",
                network(*route),
                match kind.as_str() {
                    "blackhole" => "drops, without a word, every packet",
                    "prohibit" => "answers `prohibited` to every packet",
                    _ => "answers `unreachable` to every packet",
                }
            ),
            Self::Denies { to, said } => format!("{place}'s kernel does not route packets for {to}: {said}"),
            Self::ReversePath { link, from, how } => format!(
                "{place} drops packets from {from} that come in by {link}: reverse path filtering (rp_filter) is {how} \
                 there, and {}",
                match *how {
                    "strict" => format!("its own route to {from} does not lead out by {link}"),
                    _ => format!("it has no route to {from} of its own"),
                }
            ),
            Self::WrongHop { to, via, link, planned: should } => {
                let does = match via {
                    Some(via) => format!("{place} sends packets for {to} to {via}"),
                    None => format!("{place} takes {to} for a neighbour on {link}"),
                };
                match should {
                    Some(should) => format!("{does}; it was given {}", planned(should)),
                    None => format!("{does}; the lab gave it no such route"),
                }
            }
            Self::Keeps { to } => format!("{place} keeps packets for {to} as if that were its own address"),
            Self::AlsoHas { address: Named { address, owner } } => {
                let whose = owner.as_ref().map_or("another's".to_owned(), |owner| format!("{owner}'s"));
                format!(
                    "{place} also has {address}, which is {whose}: what {place} sends there stays where it is, and what \
                     comes from there is not answered"
                )
            }
            Self::Ruled { to, table, rules } => {
                let rules = format!("`{}`", rules.join("`, `"));
                match table {
                    Some(table) => format!(
                        "{place} sends packets for {to} as table {table} says, and not as its main table does: see `ip \
                         rule`, which has {rules}"
                    ),
                    None => format!(
                        "{place}'s kernel does not route packets for {to}, and no route of its main table says so: see \
                         `ip rule`, which has {rules}"
                    ),
                }
            }
            Self::WrongLength { link, address, planned } => format!(
                "{link} of {place} has the address {address} instead of {planned}: it takes {} for its neighbours",
                if address.prefix_len() < planned.prefix_len() { "others than its own" } else { "too few" }
            ),
            Self::Filtered { link, leads_to, packet: [from, to], rule, planned: true, .. } => format!(
                "{place} drops the packet from {from} to {to} at its port {link}, because {leads_to}'s source/destination \
                 check is on: `{rule}`. Every machine of a cloud has this check until somebody turns it off; a node with \
                 pods needs it off (source_dest_check in the topology file)"
            ),
            Self::Filtered { link, leads_to, packet: [from, to], rule, chain, planned: false } => format!(
                "{place} drops the packet from {from} to {to} at its port {link}, the cable to {leads_to}: a packet filter \
                 says so, `{rule}` in the chain {chain}"
            ),
            Self::Refused { stage, chain, packet: [from, to], by } => {
                let what = match by {
                    Refuser::Rule(rule) => format!("`{rule}`"),
                    Refuser::Unread(number) => format!("its rule {number}, if that is about this packet"),
                    Refuser::Policy => "its policy is drop, and no rule lets this packet through".to_owned(),
                    Refuser::PolicyUnless => {
                        "its policy is drop, unless one of its rules lets this packet through".to_owned()
                    }
                };
                let does = match by {
                    Refuser::Rule(_) | Refuser::Policy => "drops",
                    Refuser::Unread(_) | Refuser::PolicyUnless => "may drop",
                };
                let when = match stage {
                    Stage::Ingress(link) | Stage::Egress(link) => format!("{} of {link}", stage.word()),
                    _ => stage.word().to_owned(),
                };
                format!(
                    "a packet filter of {place} {does} the packet from {from} to {to}: chain {chain} (hook {when}), {what}"
                )
            }
            Self::TooLarge { link, mtu, bytes, own: true, .. } => format!(
                "the packet is too large: it has {bytes} bytes, {link} of {place} takes {mtu}, and it may not be taken \
                 apart; {place}'s own kernel refuses to send it"
            ),
            Self::TooLarge { link, mtu, bytes, silenced, .. } => {
                let large = format!(
                    "the packet is too large: it has {bytes} bytes, {link} of {place} takes {mtu}, and it may not be \
                     taken apart"
                );
                match silenced {
                    None => format!("{large}; {place} says so by ICMP to who sent it"),
                    Some((there, cause)) => format!(
                        "{large}; what {place} says about that by ICMP does not get back, a path MTU black hole: {}",
                        cause.text(there)
                    ),
                }
            }
            Self::Isolated { bridge, ports: [one, other] } => format!(
                "{place}'s {bridge} has its ports {one} and {other} isolated: it lets no frame through from one to the \
                 other"
            ),
            Self::IgnoresPings { setting } => {
                format!(
                    "{place} answers no ping: {setting} is 1; nothing else is found to be wrong on the way"
                )
            }
            Self::NoIpv6 { link, setting } => format!(
                "{link} of {place} has no IPv6: {setting} is 1, and with it the kernel took away all IPv6 addresses and \
                 routes there"
            ),
            Self::NotForwarding { setting } => format!(
                "{place} does not forward: {setting} is 0, so it drops every packet that is not for itself"
            ),
            Self::Gone { link, leads_to } => {
                format!("{place} has lost its interface {link}{}", cable(leads_to))
            }
            Self::Down { link, leads_to, routes } => format!(
                "{link} of {place}{} is down: nothing passes it{}",
                if leads_to.is_some() { cable(leads_to) + "," } else { String::new() },
                match routes {
                    Routes::Taken => ", and the kernel took away the routes that lead out by it",
                    Routes::None => "",
                }
            ),
            Self::NoCarrier { link } => {
                format!("{link} of {place} is up, but has no carrier: the other end of its cable is off")
            }
            Self::Loses { link, leads_to, ppm } => {
                let impair = Impair { loss_ppm: Some(*ppm), ..Impair::default() };
                let comma = if leads_to.is_some() { "," } else { "" };
                format!(
                    "{link} of {place}{}{comma} loses what it sends, as it was told to ({impair})",
                    cable(leads_to)
                )
            }
            Self::NoAddress { link, address } => format!(
                "{link} of {place} has lost its address {address}: nobody answers for {}",
                address.addr()
            ),
            Self::NotAPort { link, leads_to, bridge, now } => {
                let now = now.as_ref().map(|now| format!(", but of {now}")).unwrap_or_default();
                format!(
                    "{link} of {place}, the cable to {leads_to}, is no port of {bridge}{now}: no frame gets from one \
                     to the other"
                )
            }
            Self::PortBlocked { link, bridge, state } => {
                format!("{place}'s {bridge} has its port {link} in state `{state}`: it lets no frame through")
            }
            Self::WrongMac { neighbour, link, mac, whose, real, state } => {
                let whose = whose.as_ref().map_or("nobody's".to_owned(), |whose| format!("{whose}'s"));
                format!(
                    "{place} has a wrong neighbour entry on {link} ({state}): it takes {neighbour} to be at {mac}, which \
                     is {whose}; it is at {real}"
                )
            }
            Self::Silent { neighbour, link, state } => {
                let how = if neighbour.address.is_ipv4() { "ARP" } else { "neighbour discovery" };
                format!("{place} asked for {neighbour} on {link} by {how}, and nobody answered (`{state}`)")
            }
            Self::NoNeighbour { link, address, whose, mac } => format!(
                "{place} has lost its neighbour entry for {address} ({whose}) on {link}, which said {mac}: on a tunnel \
                 that learns nothing, nobody answers when it asks"
            ),
            Self::NoForward { link, mac, whose, now, planned } => match now {
                Some(now) => format!(
                    "{place}'s {link} sends frames for {mac} ({whose}) to {now}; its forwarding database was given {planned}"
                ),
                None => format!(
                    "{place}'s {link} has no forwarding entry for {mac} ({whose}): it was given {planned}, and without it \
                     the frame goes nowhere"
                ),
            },
            Self::SmallMtu { link, mtu, planned } => format!(
                "{link} of {place} has an MTU of {mtu} bytes instead of {planned}: larger packets do not pass it whole"
            ),
            Self::Loop { to, places } => {
                format!("packets for {to} go round in circles: {}", places.join(" → "))
            }
            Self::Unreadable { why } => why.clone(),
        }
    }
}
