//! Permanent neighbour entries, for labs whose worst case would overflow the kernel's one neighbour table.

use super::link::{Link, Mac};
use super::op::Op;
use crate::model::{Addresses, Lab, Neighbours, Node, Pod};

fn entries<'a>(link: &'a Link, address: &'a Addresses) -> impl Iterator<Item = Op> + use<'a> {
    let mac = Mac::of_ip(address);
    address.ips().map(move |ip| Op::Neighbour { link: link.clone(), address: ip, mac })
}

/// The other nodes of a node's segment.
pub(super) fn of_node(lab: &Lab, number: usize) -> Vec<Op> {
    if lab.neighbours == Neighbours::Learn {
        return Vec::new();
    }
    let here = &lab.nodes[number];
    let others =
        lab.nodes.iter().enumerate().filter(|(place, node)| *place != number && node.segment == here.segment);
    others.flat_map(|(_, node)| entries(&Link::eth0(), &node.address).collect::<Vec<_>>()).collect()
}

/// A pod, as its node knows it.
pub(super) fn of_gateway(lab: &Lab, pod: &Pod) -> Vec<Op> {
    if lab.neighbours == Neighbours::Learn {
        return Vec::new();
    }
    entries(&Link::cbr0(), &pod.address).collect()
}

/// A pod's gateway and, where those would overflow the table, the other pods of its node.
pub(super) fn of_pod(lab: &Lab, node: &Node, pod: &Pod) -> Vec<Op> {
    if lab.neighbours == Neighbours::Learn {
        return Vec::new();
    }
    let eth0 = Link::pod_eth0();
    let mut ops: Vec<Op> = entries(&eth0, &node.gateway).collect();
    if lab.neighbours == Neighbours::StaticAll {
        let others = node.pods.iter().filter(|other| other.name != pod.name);
        ops.extend(others.flat_map(|other| entries(&eth0, &other.address).collect::<Vec<_>>()));
    }
    ops
}
