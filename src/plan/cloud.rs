//! `cloud`: a cloud's VPC route table. Nodes know nothing of each other's pods: they have a default route, and the
//! fabric's router, which clouds call the implicit router of the VPC, owns the routes `pod CIDR → node`.

use super::data_path::Why;
use super::op::Op;
use super::underlay::switch;
use crate::model::{Family, Lab};

/// A node's rows of the route table.
pub(super) fn fabric_steps(lab: &Lab, number: usize) -> Vec<Why> {
    let node = &lab.nodes[number];
    let link = switch(lab, node.segment);
    let routes = node.pod_cidr.iter().filter_map(|to| {
        let via = node.address.get(Family::of(&to))?.addr();
        Some(Op::route(to, via, link.clone()))
    });
    vec![(format!("the route table: {}'s pods, by way of {}", node.name, node.name), routes.collect())]
}
