//! What the kernel found, with the lab's names for its numbers.

use std::collections::HashMap;

use super::cloud;
use crate::kernel::inspect::{self as found, Found};
use crate::model::Lab;
use crate::plan::{Keys, Sandbox};
use crate::render::inspect::{
    Bridge, Chain, Encap, FdbEntry, Forwarding, Hop, Inspection, Interface, LinkState, Neighbour, Origin,
    Owners, Peer, Port, ReversePath, Route, Rule, Tunnel, TunnelPeer,
};
use crate::render::{LabNames, Names as _};

/// Names everything in what was found in a sandbox of a lab.
pub(super) fn name(found: Found, lab: &Lab, sandbox: &Sandbox) -> Inspection {
    let owners = owners(&found, lab, sandbox);
    let names = LabNames::new(lab);
    let links: HashMap<u32, String> =
        found.links.iter().map(|link| (link.index, link.name.clone())).collect();
    // An interface may have gone between two of the kernel's answers.
    let link = |index: u32| links.get(&index).cloned().unwrap_or_else(|| format!("if{index}"));
    let hop = |hop: found::Hop| Hop {
        owner: hop.via.and_then(|via| names.name(via)),
        via: hop.via,
        interface: link(hop.link),
        encap: hop.encap.map(|encap| Encap { id: encap.id, to: encap.to, owner: names.name(encap.to) }),
    };
    let keys = Keys::new(lab);
    Inspection {
        lab: lab.name.clone(),
        name: sandbox.name.clone(),
        kind: sandbox.kind,
        bridges: found.links.iter().filter_map(|bridge| self::bridge(bridge, &found.links)).collect(),
        nftables: found.chains.iter().map(chain).collect(),
        forwarding: forwarding(&found),
        route_table: cloud::route_table(&found, lab, sandbox),
        source_dest_checks: cloud::source_dest_checks(&found),
        fdb: found
            .fdb
            .into_iter()
            .map(|entry| FdbEntry {
                owner: owners.name(entry.mac),
                mac: entry.mac,
                bridge: entry.bridge.map(link),
                interface: link(entry.link),
                vlan: entry.vlan,
                to: entry.to,
                to_owner: entry.to.and_then(|to| names.name(to)),
                origin: origin(entry.origin),
            })
            .collect(),
        routes: found
            .routes
            .into_iter()
            .map(|route| Route {
                to: route.to,
                kind: route.kind,
                hops: route.hops.into_iter().map(hop).collect(),
                protocol: route.protocol,
                source: route.source,
                metric: route.metric,
            })
            .collect(),
        neighbours: found
            .neighbours
            .into_iter()
            .map(|neighbour| Neighbour {
                owner: names.name(neighbour.address).or_else(|| owners.name(neighbour.mac?)),
                address: neighbour.address,
                mac: neighbour.mac,
                interface: link(neighbour.link),
                state: neighbour.state,
            })
            .collect(),
        interfaces: found
            .links
            .into_iter()
            .map(|one| Interface {
                state: state(&one),
                index: one.index,
                name: one.name,
                kind: one.kind,
                mtu: one.mtu,
                mac: one.mac,
                addresses: one.addresses,
                bridge: one.master.map(link),
                impair: one.qdisc.map(|qdisc| qdisc.impair()),
                peer: one.peer.map(peer),
                tunnel: one.tunnel.map(|tunnel| self::tunnel(tunnel, lab, &keys)),
            })
            .collect(),
    }
}

/// Whose Ethernet addresses are whose: as planned, and over that what was seen on both ends of this place's cables.
fn owners<'a>(found: &Found, lab: &'a Lab, sandbox: &Sandbox) -> Owners<'a> {
    let mut owners = Owners::new(lab);
    for link in &found.links {
        let peer = link.peer.as_ref();
        if let Some(found::Peer { namespace: Some(place), name: Some(name), mac: Some(mac), .. }) = peer {
            owners.seen(*mac, place, name);
        }
        if let Some(mac) = link.mac {
            owners.seen(mac, &sandbox.name, &link.name);
        }
    }
    owners
}

fn state(link: &found::Link) -> LinkState {
    match (link.up, link.carrier) {
        (true, true) => LinkState::Up,
        (true, false) => LinkState::NoCarrier,
        (false, _) => LinkState::Down,
    }
}

fn peer(peer: found::Peer) -> Peer {
    Peer {
        place: peer.namespace,
        interface: peer.name,
        index: peer.index,
        mac: peer.mac,
        bridge: peer.bridge,
    }
}

fn tunnel(tunnel: found::Tunnel, lab: &Lab, keys: &Keys) -> Tunnel {
    let peer = |peer: found::FoundPeer| TunnelPeer {
        node: keys.node(peer.public_key).map(|number| lab.nodes[number].name.clone()),
        public_key: peer.public_key.to_string(),
        endpoint: peer.endpoint,
        allowed: peer.allowed,
    };
    Tunnel {
        id: tunnel.id,
        port: tunnel.port,
        local: tunnel.local,
        learns: tunnel.learns,
        by_route: tunnel.by_route,
        peers: tunnel.peers.into_iter().map(peer).collect(),
    }
}

fn bridge(link: &found::Link, all: &[found::Link]) -> Option<Bridge> {
    let settings = link.bridge?;
    let ports = all.iter().filter(|port| port.master == Some(link.index));
    let ports = ports.filter_map(|port| {
        let settings = port.port.clone()?;
        Some(Port {
            index: port.index,
            interface: port.name.clone(),
            state: settings.state,
            hairpin: settings.hairpin,
            mac: port.mac,
            peer: port.peer.clone().map(peer),
            impair: port.qdisc.map(|qdisc| qdisc.impair()),
        })
    });
    Some(Bridge {
        name: link.name.clone(),
        spanning_tree: settings.spanning_tree,
        ageing_seconds: settings.ageing,
        ports: ports.collect(),
    })
}

fn origin(origin: found::Origin) -> Origin {
    match origin {
        found::Origin::Learned => Origin::Learned,
        found::Origin::Static => Origin::Static,
        found::Origin::Permanent => Origin::Permanent,
    }
}

fn forwarding(found: &Found) -> Forwarding {
    let all = found.forwarding.rp_filter;
    // What comes in by loopback came from here.
    let cables = found.links.iter().filter(|link| link.kind != "loopback");
    let filters =
        cables.map(|link| ReversePath { interface: link.name.clone(), value: link.rp_filter.max(all) });
    Forwarding {
        ipv4: found.forwarding.v4,
        ipv6: found.forwarding.v6,
        rp_filter: filters.filter(|filter| filter.value != 0).collect(),
    }
}

fn chain(chain: &found::FoundChain) -> Chain {
    let rule = |rule: &found::FoundRule| Rule {
        text: rule.rule.as_ref().map(ToString::to_string),
        packets: rule.packets,
    };
    Chain {
        table: format!("{} {}", chain.family, chain.table),
        name: chain.name.clone(),
        kind: chain.kind.clone(),
        rules: chain.rules.iter().map(rule).collect(),
    }
}
