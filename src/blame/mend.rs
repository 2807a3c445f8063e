//! Commands that put a place back to how it was planned.

use std::net::IpAddr;

use ipnet::IpNet;

use super::facts::{FilterChain, Route, Rule, State};
use super::map::{Id, Map, Planned};
use super::words::network;
use crate::model::Family;
use crate::plan::{Mac, NextHop};

/// Routes that are written out; a node may have hundreds.
const WRITTEN_OUT: usize = 4;

/// A command for a place, as somebody outside of the lab types it.
pub(super) fn exec(place: &str, command: &str) -> String {
    format!("netlab exec {place} -- {command}")
}

/// What gives an interface back what it has lost: being up, its addresses, its routes. The kernel takes IPv4 routes away
/// when an interface goes down or loses its last address, and IPv6 addresses too.
pub(super) fn restore(map: &Map, place: &str, link: &str, state: &State) -> Vec<String> {
    let mut commands = Vec::new();
    if state.link(link).is_some_and(|link| !link.up) {
        commands.push(exec(place, &format!("ip link set {link} up")));
    }
    let addresses =
        map.find(place, link).map(|id| map.interface(id).addresses.as_slice()).unwrap_or_default();
    if addresses.iter().any(|net| net.addr().is_ipv6())
        && let Some(setting) = state.link(link).and_then(|link| state.without_v6(link))
    {
        commands.push(exec(place, &format!("sysctl -w {setting}=0")));
    }
    let lost: Vec<_> = addresses.iter().filter(|net| !state.has(net.addr())).collect();
    commands.extend(lost.iter().map(|net| exec(place, &format!("ip addr add {net} dev {link}"))));
    // An interface that goes down forgets its neighbours, also those that it was given.
    let forgotten = map
        .given_neighbours(place, link)
        .into_iter()
        .filter(|(address, _)| state.neighbour(link, *address).is_none_or(|entry| entry.mac.is_none()));
    let forgotten = forgotten.map(|(address, mac)| {
        exec(place, &format!("ip neigh replace {address} lladdr {mac} dev {link} nud permanent"))
    });
    let forgotten: Vec<String> = forgotten.collect();
    let routes = map.routes(place).filter(|route| route.link == link && !has(state, route));
    // Addresses bring their networks along, and so does an interface that comes up. No other route comes by itself.
    let of_address = |route: &Planned| addresses.iter().any(|address| address.trunc() == route.to);
    let returning = |route: &Planned| route.via.is_none() && of_address(route) && !commands.is_empty();
    let routes: Vec<String> =
        routes.filter(|route| !returning(route)).map(|route| add(place, &route)).collect();
    if forgotten.len() > WRITTEN_OUT {
        let more = forgotten.len() - WRITTEN_OUT;
        commands.extend(forgotten.into_iter().take(WRITTEN_OUT));
        commands.push(format!("and {more} more neighbours on {link}, which `netlab plan` shows"));
    } else {
        commands.extend(forgotten);
    }
    let more = routes.len().saturating_sub(WRITTEN_OUT);
    commands.extend(routes.into_iter().take(WRITTEN_OUT));
    if more > 0 {
        commands.push(format!("and {more} more routes by {link}, which `netlab plan` shows"));
    }
    commands
}

/// Gives an address the planned length.
pub(super) fn resize(
    map: &Map,
    place: &str,
    link: &str,
    state: &State,
    now: IpNet,
    planned: IpNet,
) -> Vec<String> {
    let mut commands = Vec::new();
    // With the last address of an interface the kernel takes its routes away: so the right one comes first.
    if !state.link(link).is_some_and(|link| link.addresses.contains(&planned)) {
        commands.push(exec(place, &format!("ip addr add {planned} dev {link}")));
    }
    commands.push(exec(place, &format!("ip addr del {now} dev {link}")));
    commands.extend(restore(map, place, link, state).into_iter().filter(|command| {
        // Its own network comes with the address.
        !command.ends_with(&format!(" {} dev {link}", network(planned.trunc())))
    }));
    commands
}

/// What only a new lab has again, such as a bridge with all its ports.
pub(super) fn anew(place: &str, link: &str) -> Vec<String> {
    vec![format!(
        "no command gives {place} its {link} back as it was: bring the lab up again, with netlab up --replace and its file"
    )]
}

/// Has an interface lose no frames any more. A bridge's port does that for what its other end gets.
pub(super) fn lossless(map: &Map, id: Id, leads_to: Option<&str>) -> Vec<String> {
    vec![match leads_to {
        Some(far) => format!("netlab impair clear {far} loss --direction in"),
        None => format!("netlab impair clear {} loss --direction out", map.place(id)),
    }]
}

/// Takes rules away.
pub(super) fn without(place: &str, rules: &[&Rule]) -> Vec<String> {
    let family = |rule: &Rule| if rule.family == Family::V6 { "ip -6" } else { "ip" };
    let del = |rule: &&Rule| exec(place, &format!("{} rule del pref {}", family(rule), rule.preference));
    rules.iter().map(del).collect()
}

/// Takes a route away that drops packets, and gives back the one whose place it took.
pub(super) fn take_away(
    map: &Map,
    place: &str,
    state: &State,
    route: &Route,
    planned: Option<&Planned>,
) -> Vec<String> {
    let mut commands =
        vec![exec(place, &format!("{} del {} {}", ip_route(route.to.addr()), route.kind, network(route.to)))];
    if let Some(planned) = planned
        && !has(state, planned)
        && map.find(place, &planned.link).is_some()
    {
        commands.push(add(place, planned));
    }
    commands
}

/// Puts the planned route in the place of the one that leads elsewhere.
pub(super) fn turn_back(
    map: &Map,
    place: &str,
    state: &State,
    to: IpAddr,
    planned: Option<&Planned>,
) -> Vec<String> {
    let Some(taken) = state.route(to) else { return Vec::new() };
    match planned {
        Some(planned) if planned.to == taken.to => {
            vec![exec(place, &format!("{} replace {}", ip_route(to), target(planned)))]
        }
        _ => {
            let gone =
                planned.filter(|planned| !has(state, planned) && map.find(place, &planned.link).is_some());
            let del = exec(place, &format!("{} del {}", ip_route(to), network(taken.to)));
            [del].into_iter().chain(gone.map(|planned| add(place, planned))).collect()
        }
    }
}

/// Corrects a neighbour entry: the lab's own is written anew, any other is learnt again.
pub(super) fn forget(map: &Map, place: &str, link: &str, neighbour: IpAddr, real: Mac) -> Vec<String> {
    let command = if map.knows(place, neighbour) {
        format!("ip neigh replace {neighbour} lladdr {real} dev {link} nud permanent")
    } else {
        format!("ip neigh del {neighbour} dev {link}")
    };
    vec![exec(place, &command)]
}

fn has(state: &State, planned: &Planned) -> bool {
    state.routes.iter().any(|route| route.to == planned.to && route.kind == "unicast")
}

fn add(place: &str, planned: &Planned) -> String {
    exec(place, &format!("{} add {}", ip_route(planned.to.addr()), target(planned)))
}

fn target(planned: &Planned) -> String {
    match planned.via {
        Some(via) if planned.next_hop == NextHop::OnLink => {
            let encap = planned.encap.map(|encap| format!("{encap} ")).unwrap_or_default();
            format!("{} {encap}via {via} dev {} onlink", network(planned.to), planned.link)
        }
        Some(via) => {
            let source = planned.source.map(|source| format!(" src {source}")).unwrap_or_default();
            format!("{} via {via}{source}", network(planned.to))
        }
        None => format!("{} dev {}", network(planned.to), planned.link),
    }
}

fn ip_route(family_of: IpAddr) -> &'static str {
    if family_of.is_ipv6() { "ip -6 route" } else { "ip route" }
}

/// Takes a rule out of a packet filter's chain.
pub(super) fn without_rule(place: &str, chain: &FilterChain, handle: u64) -> String {
    exec(place, &format!("nft delete rule {} {} handle {handle}", chain.table, chain.name))
}

/// Has a packet filter's chain let through what no rule decides.
pub(super) fn let_through(place: &str, chain: &FilterChain) -> Vec<String> {
    vec![exec(place, &format!("nft chain {} {} '{{ policy accept; }}'", chain.table, chain.name))]
}

/// Gives a node back the rules by which it translates what goes out.
pub(super) fn translation(map: &Map, node: &str) -> Vec<String> {
    let mut commands = Vec::new();
    for table in map.tables(node) {
        commands.push(exec(node, &format!("nft add table {table}")));
        for chain in &table.chains {
            commands.push(exec(node, &format!("nft add chain {table} {} '{{ {chain} }}'", chain.name)));
            let translating = chain.rules.iter().filter(|rule| rule.verdict.translates());
            let kept = chain.rules.iter().filter(|rule| !rule.verdict.translates());
            // Those that leave addresses alone must be asked first.
            commands.extend(
                kept.chain(translating)
                    .map(|rule| exec(node, &format!("nft add rule {table} {} '{rule}'", chain.name))),
            );
        }
    }
    commands
}
