//! Layer 3: routes, forwarding, neighbours.

use super::super::table::{columns, table};
use super::super::{Inspection, Neighbour, Route};
use super::tunnel::named;
use super::{addresses, is_link_local};
use crate::render::count;

/// More interfaces than this are told as a number.
const INTERFACES_SHOWN: usize = 4;

pub(super) fn routes(routes: &[Route]) -> Vec<String> {
    let shown = routes.iter().filter(|route| !is_link_local(route.to.addr()));
    let rows: Vec<[String; 2]> = shown.map(|route| [destination(route), way(route)]).collect();
    if rows.is_empty() {
        return vec!["ROUTES".into(), "  none: a packet for any other place is refused here".into()];
    }
    let mut lines =
        vec!["ROUTES: of those that match a packet, the one with the longest prefix wins".to_owned()];
    lines.extend(columns(&rows));
    lines
}

/// As `ip route` says it.
fn destination(route: &Route) -> String {
    let to = match route.to.prefix_len() {
        0 => "default".to_owned(),
        all if all == route.to.max_prefix_len() => route.to.addr().to_string(),
        _ => route.to.to_string(),
    };
    if route.kind == "unicast" { to } else { format!("{} {to}", route.kind) }
}

/// `via 192.168.66.12 (node2 eth0) dev eth0`
fn way(route: &Route) -> String {
    let hops = route.hops.iter().map(|hop| {
        let way = match (&hop.via, &hop.owner) {
            (Some(via), Some(owner)) => format!("via {via} ({owner}) dev {}", hop.interface),
            (Some(via), None) => format!("via {via} dev {}", hop.interface),
            (None, _) => format!("dev {} (on the link, no router between)", hop.interface),
        };
        match &hop.encap {
            Some(encap) => format!("{way}, wrapped for {}", named(encap.to, encap.owner.as_deref())),
            None => way,
        }
    });
    let hops = hops.collect::<Vec<_>>().join(" or ");
    // IPv6: 1024 is what a route gets that asks for none, 256 one that the kernel adds for an address.
    let usual = if route.to.addr().is_ipv6() { [256, 1024] } else { [0, 0] };
    if usual.contains(&route.metric) { hops } else { format!("{hops} metric {}", route.metric) }
}

pub(super) fn forwarding(inspection: &Inspection) -> Vec<String> {
    let forwarding = &inspection.forwarding;
    let verdict = |on: bool| match on {
        true => "1: packets for others are passed on",
        false => "0: packets for others are dropped",
    };
    let mut lines = vec!["FORWARDING".to_owned()];
    lines.push(format!("  net.ipv4.ip_forward = {}", verdict(forwarding.ipv4)));
    let speaks_v6 = addresses(inspection).any(|address| address.is_ipv6());
    if let Some(on) = forwarding.ipv6.filter(|on| *on || speaks_v6) {
        lines.push(format!("  net.ipv6.conf.all.forwarding = {}", verdict(on)));
    }
    for (value, rule) in [(1, "where it came in"), (2, "some interface")] {
        let filters = forwarding.rp_filter.iter().filter(|filter| filter.value == value);
        let names: Vec<&str> = filters.map(|filter| filter.interface.as_str()).collect();
        if names.is_empty() {
            continue;
        }
        let many = u64::try_from(names.len()).unwrap_or(u64::MAX);
        let on = if names.len() > INTERFACES_SHOWN { count(many, "interface") } else { names.join(", ") };
        lines.push(format!("  rp_filter = {value} on {on}:"));
        lines.push(format!("    a packet is dropped unless its source is routed by {rule}"));
    }
    lines
}

pub(super) fn neighbours(neighbours: &[Neighbour]) -> Vec<String> {
    if neighbours.is_empty() {
        return vec!["NEIGHBOURS".into(), "  none: nobody has asked by ARP lately".into()];
    }
    let rows = neighbours.iter().map(|neighbour| {
        let mac = match (neighbour.mac, neighbour.state.as_str()) {
            (Some(mac), _) => mac.to_string(),
            (None, "failed") => "nobody answered".into(),
            (None, _) => "asking".into(),
        };
        let owner = neighbour.owner.clone().unwrap_or_default();
        [neighbour.address.to_string(), neighbour.interface.clone(), mac, neighbour.state.clone(), owner]
    });
    let v6 = neighbours.iter().any(|neighbour| neighbour.address.is_ipv6());
    let how = match neighbours.iter().all(|neighbour| neighbour.state == "permanent") {
        true => "given, not asked for",
        false if v6 => "by ARP and ND",
        false => "by ARP",
    };
    let mut lines = vec![format!("NEIGHBOURS: which MAC is behind which address on the link, {how}")];
    lines.extend(table(["ADDRESS", "DEV", "MAC", "STATE", "WHOSE"], rows));
    lines
}
