//! An inspection for people who may never have seen a bridge: each table says what it is for, and empty ones say why.

mod cloud;
mod ethernet;
mod filter;
mod ip;
mod tunnel;

use std::net::IpAddr;

use super::{Inspection, Interface};
use crate::plan::Kind;

/// The whole page: in 80 columns where names and addresses are not too long.
#[must_use]
pub fn inspection_text(inspection: &Inspection) -> String {
    let what = match inspection.kind {
        Kind::Fabric if !inspection.route_table.is_empty() => {
            "the switches and the router of the underlay, in"
        }
        Kind::Fabric => "the switches of the underlay, in",
        Kind::Router => "a router of",
        Kind::External => "a host beyond the cluster, in",
        Kind::Node => "a node of",
        Kind::Pod => "a pod of",
    };
    let title = format!("{}: {what} lab {}", inspection.name, inspection.lab);
    let mut sections = vec![vec![title], ethernet::interfaces(inspection)];
    for bridge in &inspection.bridges {
        sections.push(ethernet::ports(bridge));
        sections.push(ethernet::bridge_fdb(inspection, bridge));
    }
    sections.extend(tunnel::fdbs(inspection));
    sections.extend(inspection.interfaces.iter().filter_map(tunnel::peers));
    sections.extend(cloud::route_table(inspection));
    sections.extend(cloud::checks(inspection));
    if addresses(inspection).next().is_some() {
        sections.push(ip::routes(&inspection.routes));
        sections.push(ip::forwarding(inspection));
        sections.extend(inspection.nftables.iter().map(filter::chain));
        sections.push(ip::neighbours(&inspection.neighbours));
    } else {
        let none = "no addresses, no routes, no neighbours: a switch looks at MAC addresses only";
        sections.push(vec![none.into()]);
        sections.extend(inspection.nftables.iter().map(filter::chain));
    }
    let sections: Vec<String> = sections.iter().map(|lines| lines.join("\n")).collect();
    format!("{}\n", sections.join("\n\n"))
}

/// The addresses by which a place can be reached from others.
fn addresses(inspection: &Inspection) -> impl Iterator<Item = IpAddr> {
    let cables = inspection.interfaces.iter().filter(|interface| interface.kind != "loopback");
    cables.flat_map(|interface| &interface.addresses).map(ipnet::IpNet::addr)
}

/// What is told with its bridge: a port without an address of its own.
fn is_only_port(interface: &Interface) -> bool {
    interface.bridge.is_some() && interface.addresses.iter().all(|net| is_link_local(net.addr()))
}

fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}
