//! A host beyond the cluster: a cable straight to the fabric's router, and routes to the nodes' subnets, but none to pods.
//!
//! The cable has no subnet (it is unnumbered): the host's address is its own and nobody else's, as providers give public
//! addresses out, so any two externals may have any two addresses. What a router is called there is then a matter of
//! convention: 169.254.1.1 and fe80::1, as Calico names the far end of a pod's cable. Nobody has these addresses; whom
//! they stand for is in the neighbour table.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::link::{FIRST_PLUG, Link, Mac, interface_name};
use super::node::{NO_LINK_LOCAL, link_settings, veth_ends_up};
use super::op::{Absent, End, NextHop, Op, Route};
use super::pod::{NO_FORWARDING, WITH_V6};
use super::{Kind, Namespace, Step, underlay};
use crate::model::{Addresses, Family, Lab};

/// What a router at the other end of an unnumbered cable is called.
const FABRIC_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 1, 1));
const FABRIC_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1));

/// The host reads whatever comes, from whomever: whether it can answer is another matter. A new namespace has the host's
/// setting, and distributions have it check.
const NO_RP_FILTER: [Op; 2] = [
    Op::Sysctl { path: "net/ipv4/conf/all/rp_filter", value: "0", absent: Absent::Fails },
    Op::Sysctl { path: "net/ipv4/conf/default/rp_filter", value: "0", absent: Absent::Fails },
];

/// An external's namespace.
pub(super) fn external(lab: &Lab, number: usize, here: usize) -> Namespace {
    let external = &lab.externals[number];
    let has_v6 = external.address.v6.is_some();
    let mut settings = vec![NO_FORWARDING];
    settings.extend(NO_RP_FILTER);
    if has_v6 {
        settings.extend(WITH_V6);
    } else {
        settings.push(NO_LINK_LOCAL);
    }
    let index =
        FIRST_PLUG + u32::try_from(underlay::router_plugs(lab) + lab.nodes.len() + number).unwrap_or(0);
    let near = End { link: Link::named(interface_name(&external.name), index), mac: Mac::of_port(0, index) };
    let eth0 = Link::eth0();
    let far = End { link: eth0.clone(), mac: Mac::of_ip(&external.address) };
    let mut cable =
        vec![Op::Veth { near: near.clone(), bridge: None, far_namespace: here, far, mtu: lab.mtu }];
    cable.extend(link_settings(lab, &near.link));
    cable.extend(external.address.iter().map(|net| on_link(net, &near.link)));
    let mut inside = veth_ends_up(lab, &eth0);
    inside.extend(external.address.iter().map(|address| Op::Address { link: eth0.clone(), address }));
    let routers = external.address.iter().map(|net| fabric(Family::of(&net)));
    inside.extend(routers.map(|address| Op::Neighbour { link: eth0.clone(), address, mac: near.mac }));
    let others = lab.externals.iter().filter(|other| other.name != external.name);
    let known = lab.segments.iter().map(|segment| &segment.subnet).chain(others.map(|other| &other.address));
    let routes: Vec<Op> = known.flat_map(Addresses::iter).map(|net| by_fabric(net, &eth0)).collect();
    let step = |run_in, why: &str, ops| Step { run_in, why: why.to_owned(), ops };
    let steps = vec![
        step(here, "a host's settings, before it has a link", settings),
        step(0, &format!("a cable to {}, and the way to it", external.name), cable),
        step(here, "eth0: an address without a subnet, and who is at the other end", inside),
        step(here, "the nodes, by the fabric; pods are nobody that it knows of", routes),
    ];
    Namespace { name: external.name.clone(), kind: Kind::External, steps }
}

fn fabric(family: Family) -> IpAddr {
    match family {
        Family::V4 => FABRIC_V4,
        Family::V6 => FABRIC_V6,
    }
}

/// The fabric's route to the host at the other end of a cable.
fn on_link(to: IpNet, link: &Link) -> Op {
    Op::Route(Route {
        to,
        via: None,
        link: link.clone(),
        next_hop: NextHop::Checked,
        source: None,
        encap: None,
    })
}

fn by_fabric(to: IpNet, link: &Link) -> Op {
    let via = Some(fabric(Family::of(&to)));
    Op::Route(Route { to, via, link: link.clone(), next_hop: NextHop::OnLink, source: None, encap: None })
}
