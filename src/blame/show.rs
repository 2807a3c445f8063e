//! Commands that show what is wrong, for somebody who wants to see it with their own eyes. None of them changes anything.

use std::net::IpAddr;

use super::cause::Cause;
use super::facts::Packet;
use super::mend::exec;
use super::{Blame, LookUp};

/// Those for what was blamed, with what the place was asked before.
pub(super) fn show(blame: &Blame, lookups: &[LookUp]) -> Vec<String> {
    let place = &blame.place;
    let asked = lookups.iter().rfind(|lookup| lookup.place == *place).map(|lookup| &lookup.packet);
    let mut commands = of(place, &blame.cause, asked);
    if let Cause::TooLarge { silenced: Some((there, cause)), .. } = &blame.cause {
        commands.extend(of(there, cause, asked));
    }
    if let Cause::Unreadable { .. } = blame.cause {
        commands.push("netlab status".to_owned());
    }
    commands
}

fn of(place: &str, cause: &Cause, asked: Option<&Packet>) -> Vec<String> {
    words(cause, asked).iter().map(|words| exec(place, words)).collect()
}

fn words(cause: &Cause, asked: Option<&Packet>) -> Vec<String> {
    let route = || asked.map(route).into_iter();
    match cause {
        Cause::NobodyHas { .. }
        | Cause::NoRoute { .. }
        | Cause::Outside { .. }
        | Cause::Refuses { .. }
        | Cause::Denies { .. }
        | Cause::WrongHop { .. }
        | Cause::Keeps { .. }
        | Cause::Loop { .. } => {
            let to = asked.map(|packet| packet.to);
            route().chain(to.map(|to| format!("{} show", ip_route(to)))).collect()
        }
        Cause::Ruled { to, .. } => {
            let rules = if to.is_ipv6() { "ip -6 rule" } else { "ip rule" };
            route().chain([rules.to_owned()]).collect()
        }
        Cause::ReversePath { link, from, .. } => vec![
            format!("sysctl net.ipv4.conf.all.rp_filter net.ipv4.conf.{link}.rp_filter"),
            format!("ip route get {from}"),
        ],
        Cause::AlsoHas { .. } | Cause::NoAddress { .. } => vec!["ip addr".to_owned()],
        Cause::WrongLength { link, .. } => vec![format!("ip addr show dev {link}")],
        Cause::Filtered { chain, .. } | Cause::Refused { chain, .. } => {
            vec![format!("nft list chain {chain}")]
        }
        Cause::Isolated { ports, .. } => {
            ports.iter().map(|port| format!("bridge -d link show dev {port}")).collect()
        }
        Cause::IgnoresPings { setting } => vec![format!("sysctl {setting}")],
        Cause::NoIpv6 { setting, .. } | Cause::NotForwarding { setting } => vec![format!("sysctl {setting}")],
        // Of what is gone nothing can be shown but what is left.
        Cause::Gone { .. } => vec!["ip link".to_owned()],
        Cause::Down { link, .. }
        | Cause::NoCarrier { link }
        | Cause::SmallMtu { link, .. }
        | Cause::TooLarge { link, .. } => {
            vec![format!("ip link show dev {link}")]
        }
        Cause::Loses { link, .. } => vec![format!("tc -s qdisc show dev {link}")],
        Cause::NotAPort { link, .. } | Cause::PortBlocked { link, .. } => {
            vec![format!("bridge link show dev {link}")]
        }
        Cause::WrongMac { link, .. } | Cause::Silent { link, .. } | Cause::NoNeighbour { link, .. } => {
            vec![format!("ip neigh show dev {link}")]
        }
        Cause::NoForward { link, .. } => vec![format!("bridge fdb show dev {link}")],
        Cause::Unreadable { .. } => Vec::new(),
    }
}

/// The question that the kernel was asked.
fn route(Packet { from, to, entered }: &Packet) -> String {
    let from = from.filter(|_| entered.is_some()).map(|from| format!(" from {from}")).unwrap_or_default();
    let entered = entered.as_ref().map(|link| format!(" iif {link}")).unwrap_or_default();
    format!("{} get {to}{from}{entered}", ip_route(*to))
}

fn ip_route(to: IpAddr) -> &'static str {
    if to.is_ipv6() { "ip -6 route" } else { "ip route" }
}
