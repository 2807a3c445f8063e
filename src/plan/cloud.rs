//! `cloud`: a cloud's VPC route table. Nodes know nothing of each other's pods: they have a default route, and the
//! fabric's router, which clouds call the implicit router of the VPC, owns the routes `pod CIDR → node`.
//!
//! Where the source/destination check of a node is on, the fabric looks at what passes that node's plug, on the layer of
//! the wire, so that nothing of it depends on who routes: ARP and ND pass, and of IP only what is the node's own.

use std::net::Ipv6Addr;

use ipnet::{IpNet, Ipv6Net};

use super::data_path::Why;
use super::link::interface_name;
use super::nftables::{Chain, Hook, Match, Rule, Table, TableFamily, Verdict};
use super::op::Op;
use super::underlay::switch;
use crate::model::{Family, Lab, Node, SourceDestCheck};

/// A node's rows of the route table, and its check.
pub(super) fn fabric_steps(lab: &Lab, number: usize) -> Vec<Why> {
    let node = &lab.nodes[number];
    let link = switch(lab, node.segment);
    let routes = node.pod_cidr.iter().filter_map(|to| {
        let via = node.address.get(Family::of(&to))?.addr();
        Some(Op::route(to, via, link.clone()))
    });
    let mut steps =
        vec![(format!("the route table: {}'s pods, by way of {}", node.name, node.name), routes.collect())];
    if node.source_dest_check == SourceDestCheck::On {
        let why =
            format!("the source/destination check: {} sends and gets nothing that is another's", node.name);
        steps.push((why, vec![Op::Nftables { tables: vec![check(node)] }]));
    }
    steps
}

/// In whose name IPv6 neighbours speak to each other, which never leaves the wire: nobody's yet, or a link-local one's.
const ON_THE_WIRE: [IpNet; 2] = [
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 128)),
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10)),
];
/// Whom they speak to: a link-local address, or a group.
const TO_THE_WIRE: [IpNet; 2] =
    [ON_THE_WIRE[1], IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8))];

/// The check at a node's plug, which is where the wire ends. What comes in there left the node.
fn check(node: &Node) -> Table {
    let device = interface_name(&node.name);
    let chain = |name: &str, hook, own: fn(IpNet) -> Match, wire: [IpNet; 2]| {
        let rule = |address: IpNet| {
            let wire = wire.into_iter().filter(|_| address.addr().is_ipv6());
            let matches = std::iter::once(IpNet::from(address.addr())).chain(wire).map(own).collect();
            Rule { matches, verdict: Verdict::Drop }
        };
        let rules = node.address.iter().map(rule).collect();
        Chain { name: format!("{name}-{}", node.name).into(), hook, priority: 0, rules }
    };
    let ingress = Hook::Ingress { device: device.clone().into() };
    let egress = Hook::Egress { device: device.into() };
    let chains = vec![
        chain("from", ingress, Match::not_from, ON_THE_WIRE),
        chain("to", egress, Match::not_to, TO_THE_WIRE),
    ];
    Table { family: TableFamily::Netdev, name: "netlab".into(), chains }
}
