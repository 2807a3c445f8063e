//! `l2`: one flat layer-2 pod network. Each node's eth0 is a port of its cbr0, so the switches of all nodes and of the
//! underlay are one: pods ARP for each other across it, and no router is passed.
//!
//! A port of a bridge has no addresses, so the node's own are on cbr0, beside the gateway address. Pods and gateways have
//! the cluster's prefix length, not their node's: that is what makes them ask for each other (model/flat.rs).

use super::link::Link;
use super::node::NO_REDIRECTS;
use super::op::{Absent, Op};
use crate::model::{Family, Lab};

/// A pod that sends to another node's own address has its gateway send it on by the interface that it came by. Such a
/// router tells of the shorter way; pods would remember it, and their paths would change while somebody looks.
pub(super) fn node_settings() -> Vec<Op> {
    NO_REDIRECTS.to_vec()
}

/// The kernel has no switch for *sending* redirects in IPv6: so pods do not believe them.
pub(super) fn pod_settings(lab: &Lab) -> Vec<Op> {
    let has_v6 = lab.families().any(|family| family == Family::V6);
    let ignore =
        Op::Sysctl { path: "net/ipv6/conf/default/accept_redirects", value: "0", absent: Absent::Fails };
    has_v6.then_some(ignore).into_iter().collect()
}

/// The cable to the other nodes, as a socket of the pods' switch.
pub(super) fn eth0_into_cbr0() -> Op {
    Op::Enslave { link: Link::eth0(), bridge: Link::cbr0() }
}
