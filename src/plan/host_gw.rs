//! `host-gw`: every node has a route to every other node's pod CIDR by way of that node's address, as flannel's host-gw
//! backend, kubenet and Calico without encapsulation do it. The nodes must share a segment.

use super::link::Link;
use super::op::Op;
use crate::model::{Family, Lab};

/// One route a node and family, in the order of the nodes.
pub(super) fn node_routes(lab: &Lab, number: usize) -> (String, Vec<Op>) {
    let here = &lab.nodes[number];
    let others =
        lab.nodes.iter().enumerate().filter(|(place, node)| *place != number && node.segment == here.segment);
    let routes = others.flat_map(|(_, node)| {
        node.pod_cidr.iter().filter_map(|to| {
            let via = node.address.get(Family::of(&to))?.addr();
            Some(Op::route(to, via, Link::eth0()))
        })
    });
    ("host-gw: every other node's pods, by way of that node".into(), routes.collect())
}
