//! The fabric as a cloud's console shows it: who gets what, and whose packets are checked.

use std::net::IpAddr;

use crate::kernel::inspect::Found;
use crate::model::Lab;
use crate::plan::nftables::{Hook, Table, Verdict};
use crate::plan::{Kind, Sandbox};
use crate::render::inspect::{Check, RouteTableRow};

/// The rows of the live route table; none where the place is not a fabric that routes.
pub(super) fn route_table(found: &Found, lab: &Lab, sandbox: &Sandbox) -> Vec<RouteTableRow> {
    if sandbox.kind != Kind::Fabric || lab.fabric.is_empty() {
        return Vec::new();
    }
    let routes = found.routes.iter().map(|route| {
        let address = route.hops.first().and_then(|hop| hop.via);
        let target = match address {
            Some(address) => owner(lab, address),
            None if route.kind == "unicast" => {
                link_target(found, lab, route.hops.first().map(|hop| hop.link))
            }
            None => route.kind.clone(),
        };
        RouteTableRow { destination: route.to, target, address }
    });
    // What a switch knows of its own wire only is no route of the cloud's.
    routes.filter(|row| !is_link_local(row.destination.addr())).collect()
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local() || address.is_multicast(),
    }
}

/// The node that has an address now, as the lab gave it.
fn owner(lab: &Lab, address: IpAddr) -> String {
    let node = lab.nodes.iter().find(|node| node.address.ips().any(|ip| ip == address));
    let router = || {
        lab.routers
            .iter()
            .find(|router| router.ports.iter().any(|port| port.address.ips().any(|ip| ip == address)))
    };
    match (node, router()) {
        (Some(node), _) => node.name.clone(),
        (None, Some(router)) => router.name.clone(),
        (None, None) => "nobody of this lab".to_owned(),
    }
}

/// Who is at the other end of a cable; on a switch, everybody.
fn link_target(found: &Found, lab: &Lab, index: Option<u32>) -> String {
    let link = found.links.iter().find(|link| Some(link.index) == index);
    let peer = link.and_then(|link| link.peer.as_ref()?.namespace.clone());
    let known = |name: &String| lab.targets().any(|target| target == name);
    peer.filter(known).unwrap_or_else(|| "local".to_owned())
}

/// The checks at plugs, from the live packet filter rules.
pub(super) fn source_dest_checks(found: &Found) -> Vec<Check> {
    let target = |device: &str| {
        let link = found.links.iter().find(|link| link.name == device);
        let peer = link.and_then(|link| link.peer.as_ref()?.namespace.clone());
        peer.unwrap_or_else(|| device.to_owned())
    };
    let checks = |table: &Table| {
        let chains = table.chains.iter().flat_map(|chain| {
            let (device, field) = match &chain.hook {
                Hook::Ingress { device } => (device.as_ref(), "source"),
                Hook::Egress { device } => (device.as_ref(), "destination"),
                Hook::NatPostrouting => return Vec::new(),
            };
            let drops = chain.rules.iter().filter(|rule| rule.verdict == Verdict::Drop);
            drops.map(|rule| Check { target: target(device), field, rule: rule.to_string() }).collect()
        });
        chains.collect::<Vec<_>>()
    };
    found.filters.iter().flat_map(checks).collect()
}
