//! The fabric's switches, and routers between them.

use std::net::IpAddr;

use ipnet::IpNet;

use super::link::{ETH0, FIRST_PLUG, FIRST_SWITCH, Link, Mac, interface_name};
use super::node::{NO_REDIRECTS, forwarding, link_settings, veth_ends_up};
use super::op::{Absent, End, NextHop, Op, Route};
use super::pod::default_route;
use super::{Kind, Namespace, Step};
use crate::model::{Addresses, Family, Lab, Node, Paths};

/// A switch has no addresses of its own, and makes none.
const SWITCH: [Op; 4] = [
    Op::Sysctl { path: "net/ipv6/conf/default/addr_gen_mode", value: "1", absent: Absent::IsFine },
    Op::Sysctl { path: "net/bridge/bridge-nf-call-iptables", value: "0", absent: Absent::IsFine },
    Op::Sysctl { path: "net/bridge/bridge-nf-call-ip6tables", value: "0", absent: Absent::IsFine },
    Op::Sysctl { path: "net/bridge/bridge-nf-call-arptables", value: "0", absent: Absent::IsFine },
];

/// The bridge of a segment, in the fabric.
pub(super) fn switch(lab: &Lab, segment: usize) -> Link {
    let index = FIRST_SWITCH + u32::try_from(segment).unwrap_or(0);
    Link::named(interface_name(&lab.segments[segment].name), index)
}

/// The Ethernet address of a segment's switch, where it has one of its own.
pub(super) fn switch_mac(lab: &Lab, segment: usize) -> Mac {
    Mac::of_port(0, switch(lab, segment).index)
}

/// The namespace of the switches.
pub(super) fn fabric(lab: &Lab) -> Namespace {
    let settings = if lab.fabric.is_empty() {
        Step {
            run_in: 0,
            why: "a switch has no addresses, and firewalls do not look into it".into(),
            ops: SWITCH.to_vec(),
        }
    } else {
        let why =
            "the fabric's router forwards, answers every expired TTL, and sends nobody elsewhere".into();
        Step { run_in: 0, why, ops: forwarding(lab).into_iter().chain(NO_REDIRECTS).collect() }
    };
    let lo = Step { run_in: 0, why: "loopback".into(), ops: vec![Op::Up { link: Link::lo() }] };
    let switches = lab.segments.iter().enumerate().map(|(place, segment)| {
        let link = switch(lab, place);
        let mac = switch_mac(lab, place);
        let subnets: Vec<String> = segment.subnet.iter().map(|net| net.to_string()).collect();
        let why = format!("segment {}: the switch of {}", segment.name, subnets.join(" and "));
        let mut ops = vec![Op::Bridge { link: link.clone(), mac, mtu: segment.mtu }];
        ops.extend(fabric_addresses(lab, place, &link));
        Step { run_in: 0, why, ops }
    });
    let steps = [settings, lo].into_iter().chain(switches).collect();
    Namespace { name: "fabric".into(), kind: Kind::Fabric, steps }
}

/// The fabric's own addresses on a segment, where it routes.
fn fabric_addresses(lab: &Lab, segment: usize, link: &Link) -> Vec<Op> {
    let own = lab.fabric.get(segment).into_iter().flat_map(Addresses::iter);
    own.map(|address| Op::Address { link: link.clone(), address }).collect()
}

/// A node's way to everything that it has no other route to, where the fabric routes. Where the interface has the pods'
/// gateway address too, the node's packets must not go out with that (see masquerade.rs).
pub(super) fn default_routes(lab: &Lab, node: &Node, link: &Link) -> Vec<Op> {
    let fabric = lab.fabric.get(node.segment).into_iter().flat_map(Addresses::iter);
    let route = |net: IpNet| {
        let family = Family::of(&net);
        let own = node.address.get(family).filter(|_| *link == Link::cbr0());
        Op::Route(Route {
            to: default_route(family),
            via: Some(net.addr()),
            link: link.clone(),
            next_hop: NextHop::Checked,
            source: own.map(|own| own.addr()),
            encap: None,
        })
    };
    fabric.map(route).collect()
}

/// The cable from a segment's switch to a namespace's interface. `port` numbers the plugs of the fabric.
pub(super) fn cable(
    lab: &Lab,
    segment: usize,
    port: usize,
    owner: &str,
    here: usize,
    far: Link,
    address: &Addresses,
) -> Step {
    let index = FIRST_PLUG + u32::try_from(port).unwrap_or(0);
    let link = Link::named(interface_name(owner), index);
    let near = End { mac: Mac::of_port(0, index), link };
    let why = format!("a cable from switch {} to {}", lab.segments[segment].name, owner);
    let far = End { mac: Mac::of_ip(address), link: far };
    let bridge = Some(switch(lab, segment));
    let mut ops = vec![Op::Veth {
        near: near.clone(),
        bridge,
        far_namespace: here,
        far,
        mtu: lab.segments[segment].mtu,
    }];
    ops.extend(link_settings(lab, &near.link));
    Step { run_in: 0, why, ops }
}

/// How many plugs routers have: those of nodes come after them.
pub(super) fn router_plugs(lab: &Lab) -> usize {
    lab.routers.iter().map(|router| router.ports.len()).sum()
}

/// A router's namespace.
pub(super) fn router(lab: &Lab, number: usize, here: usize, routes: &Routes) -> Namespace {
    let router = &lab.routers[number];
    let before: usize = lab.routers[..number].iter().map(|router| router.ports.len()).sum();
    let settings = forwarding(lab);
    let why = "a router forwards, and answers every expired TTL".into();
    let mut steps = vec![Step { run_in: here, why, ops: settings }];
    for (place, port) in router.ports.iter().enumerate() {
        let link = router_port(place);
        let plug = if router.ports.len() == 1 {
            router.name.clone()
        } else {
            format!("{}.{}", router.name, link.name)
        };
        steps.push(cable(lab, port.segment, before + place, &plug, here, link.clone(), &port.address));
        let mut ops = veth_ends_up(lab, &link);
        ops.extend(port.address.iter().map(|address| Op::Address { link: link.clone(), address }));
        let why = format!("{}: {}'s place on {}", link.name, router.name, lab.segments[port.segment].name);
        steps.push(Step { run_in: here, why, ops });
    }
    let ops = routes.of_router(lab, number);
    if !ops.is_empty() {
        steps.push(Step { run_in: here, why: "segments beyond the next router".into(), ops });
    }
    Namespace { name: router.name.clone(), kind: Kind::Router, steps }
}

fn router_port(place: usize) -> Link {
    Link::named(format!("eth{place}"), ETH0 + u32::try_from(place).unwrap_or(0))
}

/// Next hops between segments, found once.
pub(super) struct Routes {
    /// `nodes[from][to]`: the router that nodes on `from` send to.
    nodes: Vec<Vec<Option<usize>>>,
    /// `routers[router]`: where a router sends for the segments that it is not on itself: the segment, its own port
    /// towards it, and the next router.
    routers: Vec<Vec<(usize, usize, usize)>>,
}

impl Routes {
    pub(super) fn new(lab: &Lab) -> Self {
        let paths = Paths::new(lab);
        let count = lab.segments.len();
        let mut nodes = vec![vec![None; count]; count];
        let mut routers = vec![Vec::new(); lab.routers.len()];
        for to in 0..count {
            let distances = paths.distances(to);
            for (from, row) in nodes.iter_mut().enumerate().filter(|(from, _)| *from != to) {
                row[to] = paths.next_router(from, &distances);
            }
            for (number, router) in lab.routers.iter().enumerate() {
                if router.ports.iter().any(|port| port.segment == to) {
                    continue;
                }
                let onward = paths.onward(number, &distances);
                routers[number].extend(onward.map(|(place, next)| (to, place, next)));
            }
        }
        Self { nodes, routers }
    }

    /// Routes of a node on a segment to every other segment.
    pub(super) fn of_node(&self, lab: &Lab, segment: usize, link: &Link) -> Vec<Op> {
        let reachable =
            self.nodes[segment].iter().enumerate().filter_map(|(to, router)| Some((to, (*router)?)));
        reachable.flat_map(|(to, router)| hops(lab, segment, to, router, link)).collect()
    }

    fn of_router(&self, lab: &Lab, number: usize) -> Vec<Op> {
        let ports = &lab.routers[number].ports;
        let routes = self.routers[number].iter();
        routes
            .flat_map(|(to, place, next)| hops(lab, ports[*place].segment, *to, *next, &router_port(*place)))
            .collect()
    }
}

/// The routes from one segment to another by a router, one a family.
fn hops(lab: &Lab, from: usize, to: usize, router: usize, link: &Link) -> Vec<Op> {
    let ports = &lab.routers[router].ports;
    let Some(port) = ports.iter().find(|port| port.segment == from) else { return Vec::new() };
    let hop = |net: IpNet| {
        let via: IpAddr = port.address.get(Family::of(&net))?.addr();
        Some(Op::route(net, via, link.clone()))
    };
    lab.segments[to].subnet.iter().filter_map(hop).collect()
}
