//! Permanent neighbour entries, for labs whose worst case would overflow the kernel's one neighbour table.

use super::data_path;
use super::link::{Link, Mac};
use super::op::Op;
use super::underlay::{switch, switch_mac};
use crate::model::{Addresses, DataPath, Lab, Neighbours, Node, Pod};

fn entries<'a>(link: &'a Link, address: &'a Addresses, mac: Mac) -> impl Iterator<Item = Op> + use<'a> {
    address.ips().map(move |ip| Op::Neighbour { link: link.clone(), address: ip, mac })
}

/// Those of an interface that has the Ethernet address of its IP address.
fn own<'a>(link: &'a Link, address: &'a Addresses) -> impl Iterator<Item = Op> + use<'a> {
    entries(link, address, Mac::of_ip(address))
}

/// A node's own addresses, as others on its segment see them.
fn of_uplink<'a>(lab: &Lab, link: &'a Link, node: &'a Node) -> impl Iterator<Item = Op> + use<'a> {
    let mac = match lab.data_path {
        // eth0 has no addresses there: cbr0 answers for them, with its own Ethernet address.
        DataPath::L2 => Mac::of_ip(&node.gateway),
        _ => Mac::of_ip(&node.address),
    };
    entries(link, &node.address, mac)
}

/// The other nodes of a node's segment, and the fabric where it routes.
pub(super) fn of_node(lab: &Lab, number: usize) -> Vec<Op> {
    if lab.neighbours == Neighbours::Learn {
        return Vec::new();
    }
    let here = &lab.nodes[number];
    let uplink = data_path::uplink(lab);
    let others =
        lab.nodes.iter().enumerate().filter(|(place, node)| *place != number && node.segment == here.segment);
    let mut ops = Vec::new();
    for (_, node) in others {
        ops.extend(of_uplink(lab, &uplink, node));
        if lab.data_path == DataPath::L2 {
            // One wire with everybody: their gateway addresses are on it, and their pods.
            ops.extend(own(&uplink, &node.gateway));
            for pod in &node.pods {
                ops.extend(own(&uplink, &pod.address));
            }
        }
    }
    if let Some(fabric) = lab.fabric.get(here.segment) {
        ops.extend(entries(&uplink, fabric, switch_mac(lab, here.segment)));
    }
    ops
}

/// A node, as the fabric's router knows it.
pub(super) fn of_fabric(lab: &Lab, node: &Node) -> Vec<Op> {
    if lab.neighbours == Neighbours::Learn || lab.fabric.is_empty() {
        return Vec::new();
    }
    of_uplink(lab, &switch(lab, node.segment), node).collect()
}

/// A pod, as its node knows it.
pub(super) fn of_gateway(lab: &Lab, pod: &Pod) -> Vec<Op> {
    if lab.neighbours == Neighbours::Learn {
        return Vec::new();
    }
    own(&Link::cbr0(), &pod.address).collect()
}

/// A pod's gateway and, where those would overflow the table, the other pods on its wire.
pub(super) fn of_pod(lab: &Lab, node: &Node, pod: &Pod) -> Vec<Op> {
    if lab.neighbours == Neighbours::Learn {
        return Vec::new();
    }
    let eth0 = Link::pod_eth0();
    // Node by node, the pod's own first.
    let is_here = |other: &&Node| other.name == node.name;
    let elsewhere = lab.nodes.iter().filter(|other| lab.data_path == DataPath::L2 && !is_here(other));
    let mut ops = Vec::new();
    for on_wire in std::iter::once(node).chain(elsewhere) {
        ops.extend(own(&eth0, &on_wire.gateway));
        if lab.neighbours == Neighbours::StaticAll {
            ops.reserve(on_wire.pods.len());
            for other in on_wire.pods.iter().filter(|other| other.name != pod.name) {
                ops.extend(own(&eth0, &other.address));
            }
        }
    }
    ops
}
