//! Pods: a sandbox with one interface, whose other end is a port of the node's cbr0.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::link::{FIRST_VETH, Link, Mac, veth_names};
use super::node::{NO_LINK_LOCAL, link_settings, veth_ends_up};
use super::op::{Absent, End, Op};
use super::{Kind, Namespace, Step, data_path, neighbours};
use crate::model::{Family, Lab};

/// A new namespace has the host's setting, which Docker and its like turn on; a pod forwards nothing.
pub(super) const NO_FORWARDING: Op =
    Op::Sysctl { path: "net/ipv4/ip_forward", value: "0", absent: Absent::Fails };

/// In labs with IPv6: addresses are usable at once, and nobody asks for a router.
pub(super) const WITH_V6: [Op; 2] = [
    Op::Sysctl { path: "net/ipv6/conf/default/accept_dad", value: "0", absent: Absent::Fails },
    Op::Sysctl { path: "net/ipv6/conf/default/accept_ra", value: "0", absent: Absent::Fails },
];

/// Adds the namespaces of a node's pods; `node_namespace` is the index of the node's own.
pub(super) fn pods(lab: &Lab, number: usize, node_namespace: usize, namespaces: &mut Vec<Namespace>) {
    let node = &lab.nodes[number];
    let mut settings = vec![NO_FORWARDING];
    if lab.families().any(|family| family == Family::V6) {
        settings.extend(WITH_V6);
    } else {
        settings.push(NO_LINK_LOCAL);
    }
    settings.extend(data_path::pod_settings(lab));
    for (place, (pod, veth)) in node.pods.iter().zip(veth_names(node)).enumerate() {
        let here = namespaces.len();
        let index = FIRST_VETH + u32::try_from(place).unwrap_or(0);
        let near = End { link: Link::named(veth, index), mac: Mac::of_port(number + 1, index) };
        let far = End { link: Link::pod_eth0(), mac: Mac::of_ip(&pod.address) };
        let mut cable = vec![Op::Veth {
            near: near.clone(),
            bridge: Some(Link::cbr0()),
            far_namespace: here,
            far,
            mtu: lab.pod_mtu,
        }];
        cable.extend(link_settings(lab, &near.link));
        cable.push(Op::Hairpin { link: near.link });
        cable.extend(neighbours::of_gateway(lab, pod));
        let eth0 = Link::pod_eth0();
        let mut inside = veth_ends_up(lab, &eth0);
        inside.extend(pod.address.iter().map(|address| Op::Address { link: eth0.clone(), address }));
        inside.extend(
            node.gateway
                .iter()
                .map(|gateway| Op::route(default_route(Family::of(&gateway)), gateway.addr(), eth0.clone())),
        );
        let mut steps = vec![
            Step {
                run_in: here,
                why: "a pod's settings, before it has a link".into(),
                ops: settings.clone(),
            },
            Step {
                run_in: node_namespace,
                why: format!("{}'s cable: a port of {}'s cbr0", pod.name, node.name),
                ops: cable,
            },
            Step { run_in: here, why: "eth0, and cbr0 as the way to everywhere else".into(), ops: inside },
        ];
        let known = neighbours::of_pod(lab, node, pod);
        if !known.is_empty() {
            steps.push(Step { run_in: here, why: "neighbours: known, not learnt".into(), ops: known });
        }
        namespaces.push(Namespace { name: pod.name.clone(), kind: Kind::Pod, steps });
    }
}

pub(super) fn default_route(family: Family) -> IpNet {
    match family {
        Family::V4 => IpNet::V4(Ipv4Net::default()),
        Family::V6 => IpNet::V6(Ipv6Net::default()),
    }
}
