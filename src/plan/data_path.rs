//! Which data path plans what. Adding one is a file beside this one and an arm here.

use super::link::Link;
use super::op::Op;
use super::tunnel::Here;
use super::wireguard::Keys;
use super::{cloud, geneve, gre, host_gw, ipip, l2, vxlan, wireguard};
use crate::model::{DataPath, Lab};

/// A reason, and what is made for it.
pub(super) type Why = (String, Vec<Op>);

/// What a node gets so that its pods meet those of other nodes.
pub(super) fn node_steps(lab: &Lab, number: usize, keys: &Keys) -> Vec<Why> {
    let mut steps = match lab.data_path {
        DataPath::HostGw => vec![host_gw::node_routes(lab, number)],
        DataPath::Vxlan => vxlan::node_steps(&Here::new(lab, number)),
        DataPath::Geneve => geneve::node_steps(&Here::new(lab, number)),
        DataPath::Ipip => ipip::node_steps(&Here::new(lab, number)),
        DataPath::Gre => gre::node_steps(&Here::new(lab, number)),
        // What it needs is there before anything is routed, or not on the node at all.
        DataPath::L2 | DataPath::Cloud => Vec::new(),
        DataPath::Wireguard => wireguard::node_steps(&Here::new(lab, number), keys),
    };
    steps.retain(|(_, ops)| !ops.is_empty());
    steps
}

/// What the fabric gets because of a node, once that node's cable is there.
pub(super) fn fabric_steps(lab: &Lab, number: usize) -> Vec<Why> {
    let mut steps = match lab.data_path {
        DataPath::Cloud => cloud::fabric_steps(lab, number),
        _ => Vec::new(),
    };
    steps.retain(|(_, ops)| !ops.is_empty());
    steps
}

/// What a forwarding namespace of the kind of a node has beside the settings of all that forward.
pub(super) fn node_settings(lab: &Lab) -> Vec<Op> {
    match lab.data_path {
        DataPath::L2 => l2::node_settings(),
        _ => Vec::new(),
    }
}

/// What a pod has beside the settings of all pods.
pub(super) fn pod_settings(lab: &Lab) -> Vec<Op> {
    match lab.data_path {
        DataPath::L2 => l2::pod_settings(lab),
        _ => Vec::new(),
    }
}

/// The interface of nodes that has the node's own address on the underlay, and that leads to other nodes.
pub fn uplink(lab: &Lab) -> Link {
    match lab.data_path {
        DataPath::L2 => Link::cbr0(),
        _ => Link::eth0(),
    }
}
