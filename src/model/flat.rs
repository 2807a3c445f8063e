//! `l2`: one flat network, and what it asks of addresses and segments.

use ipnet::IpNet;

use super::address::{Addresses, Family};
use super::build::Context;
use super::nodes::Drafts;
use super::{Lab, Node};
use crate::diag::{Code, Diagnostic};

/// Gives pods and gateways the prefix length of the whole pod range: each then takes every other for a neighbour, and asks
/// for its Ethernet address instead of sending to the gateway.
pub(super) fn widen(lab: &mut Lab) {
    let range = lab.pod_cidr;
    let widened = |addresses: &Addresses| -> Addresses {
        let wide = |net: IpNet| IpNet::new(net.addr(), range.get(Family::of(&net))?.prefix_len()).ok();
        addresses.iter().map(|net| wide(net).unwrap_or(net)).collect()
    };
    for node in &mut lab.nodes {
        node.gateway = widened(&node.gateway);
        for pod in &mut node.pods {
            pod.address = widened(&pod.address);
        }
    }
}

/// A flat network ends where its switches end: nodes beyond a router would ARP for pods that never hear them.
pub(super) fn check_one_segment(lab: &Lab, drafts: &Drafts<'_>, context: &mut Context) {
    let nodes = || lab.nodes.iter().zip(&drafts.nodes);
    let Some((first, first_draft)) = nodes().next() else { return };
    let Some((other, draft)) = nodes().find(|(node, _)| node.segment != first.segment) else { return };
    let segment = |node: &Node| lab.segments[node.segment].name.clone();
    let message = format!("l2 cannot join `{}` and `{}`: they share no segment", first.name, other.name);
    let label = format!("`{}` is on segment `{}`", other.name, segment(other));
    let diagnostic = Diagnostic::new(Code::L2AcrossSegments, message, draft.segment_span(), label);
    context.push(
        diagnostic
            .also(first_draft.segment_span(), format!("`{}` is on segment `{}`", first.name, segment(first)))
            .help("pods of a flat layer-2 network ask for each other by ARP and ND, which no router passes on")
            .help("put all nodes on one segment, or take a data path that crosses routers: cloud, or an overlay such as vxlan"),
    );
}
