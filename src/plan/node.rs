//! A node: its settings, its cable to the switch, its cbr0, and the routes that the data path gives it.

use super::link::{Link, Mac};
use super::op::{Absent, Offloads, Op};
use super::wireguard::Keys;
use super::{Kind, Namespace, Step, data_path, l2, masquerade, neighbours, underlay};
use crate::model::{Family, Lab, Offload, RpFilter};

/// What every forwarding namespace has, before any link exists.
const FORWARDING: [Op; 5] = [
    Op::Sysctl { path: "net/ipv4/ip_forward", value: "1", absent: Absent::Fails },
    // 0: no ICMP error is rate-limited, or a traceroute would miss hops.
    Op::Sysctl { path: "net/ipv4/icmp_ratemask", value: "0", absent: Absent::Fails },
    Op::Sysctl { path: "net/bridge/bridge-nf-call-iptables", value: "0", absent: Absent::IsFine },
    Op::Sysctl { path: "net/bridge/bridge-nf-call-ip6tables", value: "0", absent: Absent::IsFine },
    Op::Sysctl { path: "net/bridge/bridge-nf-call-arptables", value: "0", absent: Absent::IsFine },
];

/// The same for IPv6, in labs that have it.
const FORWARDING_V6: [Op; 3] = [
    Op::Sysctl { path: "net/ipv6/conf/all/forwarding", value: "1", absent: Absent::Fails },
    Op::Sysctl { path: "net/ipv6/conf/default/accept_dad", value: "0", absent: Absent::Fails },
    Op::Sysctl { path: "net/ipv6/icmp/ratelimit", value: "0", absent: Absent::Fails },
];

/// In labs without IPv6: interfaces get no link-local address, so nothing of IPv6 is on the wire.
pub(super) const NO_LINK_LOCAL: Op =
    Op::Sysctl { path: "net/ipv6/conf/default/addr_gen_mode", value: "1", absent: Absent::IsFine };

/// A router whose two ways lead over one segment does not tell the sender of the shorter one: a lab's paths stay as they
/// are. The kernel sends redirects if `all` or the interface's own setting, which it has from `default`, says so.
pub(super) const NO_REDIRECTS: [Op; 2] = [
    Op::Sysctl { path: "net/ipv4/conf/all/send_redirects", value: "0", absent: Absent::Fails },
    Op::Sysctl { path: "net/ipv4/conf/default/send_redirects", value: "0", absent: Absent::Fails },
];

/// The settings of a namespace that forwards.
pub(super) fn forwarding(lab: &Lab) -> Vec<Op> {
    let mut settings = FORWARDING.to_vec();
    settings.extend(rp_filter(lab));
    if lab.families().any(|family| family == Family::V6) {
        settings.extend(FORWARDING_V6);
    } else {
        settings.push(NO_LINK_LOCAL);
    }
    settings
}

/// Reverse path filtering; the kernel takes the higher of `all` and the interface's own, which it has from `default`.
fn rp_filter(lab: &Lab) -> [Op; 2] {
    let value = match lab.rp_filter {
        RpFilter::Off => "0",
        RpFilter::Strict => "1",
        RpFilter::Loose => "2",
    };
    [
        Op::Sysctl { path: "net/ipv4/conf/all/rp_filter", value, absent: Absent::Fails },
        Op::Sysctl { path: "net/ipv4/conf/default/rp_filter", value, absent: Absent::Fails },
    ]
}

/// What a cable's end gets beside its cable.
pub(super) fn link_settings(lab: &Lab, link: &Link) -> Option<Op> {
    let off = lab.offload == Offload::Off;
    off.then(|| Op::Offload { link: link.clone(), offloads: Offloads::All })
}

/// Brings loopback and a cable's far end up.
pub(super) fn veth_ends_up(lab: &Lab, link: &Link) -> Vec<Op> {
    let first = (link.name == "eth0").then(|| Op::Up { link: Link::lo() });
    first.into_iter().chain(link_settings(lab, link)).chain([Op::Up { link: link.clone() }]).collect()
}

/// A node's namespace, without its pods.
pub(super) fn node(
    lab: &Lab,
    number: usize,
    here: usize,
    routes: &underlay::Routes,
    keys: &Keys,
) -> Namespace {
    let node = &lab.nodes[number];
    let step = |why: &str, ops: Vec<Op>| Step { run_in: here, why: why.to_owned(), ops };
    let settings = forwarding(lab).into_iter().chain(data_path::node_settings(lab)).collect();
    let plug = underlay::router_plugs(lab) + number;
    let eth0 = Link::eth0();
    let uplink = data_path::uplink(lab);
    let own = || node.address.iter().map(|address| Op::Address { link: uplink.clone(), address });
    let mut cable_end = veth_ends_up(lab, &eth0);
    let mut bridge =
        vec![Op::Bridge { link: Link::cbr0(), mac: Mac::of_ip(&node.gateway), mtu: lab.pod_mtu }];
    bridge.extend(node.gateway.iter().map(|address| Op::Address { link: Link::cbr0(), address }));
    let mut steps = vec![
        step("a node forwards between its pods and the underlay, and answers every expired TTL", settings),
        underlay::cable(lab, node.segment, plug, &node.name, here, eth0.clone(), &node.address),
    ];
    if uplink == eth0 {
        cable_end.extend(own());
        steps.push(step("eth0: the node's own address on the underlay", cable_end));
        steps.push(step("cbr0: the switch of the pods, and their default gateway", bridge));
    } else {
        bridge.extend(own());
        bridge.push(l2::eth0_into_cbr0());
        steps.push(step("eth0: the cable, which needs no address", cable_end));
        let why = "cbr0: the switch of the pods and of eth0, with their gateway's address and the node's own";
        steps.push(step(why, bridge));
    }
    let segments = routes.of_node(lab, node.segment, &uplink);
    if !segments.is_empty() {
        steps.push(step("other segments, by the router", segments));
    }
    let outside = underlay::default_routes(lab, node, &uplink);
    if !outside.is_empty() {
        steps.push(step("everything else, by the fabric's router", outside));
    }
    let fabric = data_path::fabric_steps(lab, number);
    steps.extend(fabric.into_iter().map(|(why, ops)| Step { run_in: 0, why, ops }));
    steps.extend(masquerade::node_rules(lab, number).map(|rules| step(masquerade::WHY, vec![rules])));
    steps.extend(data_path::node_steps(lab, number, keys).into_iter().map(|(why, ops)| step(&why, ops)));
    let known = neighbours::of_fabric(lab, node);
    if !known.is_empty() {
        steps.push(Step { run_in: 0, why: "the node: known, not learnt".into(), ops: known });
    }
    let nodes = neighbours::of_node(lab, number);
    if !nodes.is_empty() {
        steps.push(step("the other nodes of the segment: known, not learnt", nodes));
    }
    Namespace { name: node.name.clone(), kind: Kind::Node, steps }
}
