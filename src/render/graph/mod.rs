//! Drawings of a topology: boxes and lines for the terminal, Mermaid, Graphviz.
//!
//! Names need no escaping in any of them: lab, segment, router, node, pod and container names are DNS labels.

mod dot;
pub(in crate::render) mod mermaid;
mod text;

pub use dot::dot;
pub use mermaid::mermaid;
pub use text::text;

use super::{count, impair};
use crate::model::{Addresses, DataPath, External, Impairment, Lab, Node, Pod, Router, RouterPort};

/// More pods of one node than this are counted instead of drawn.
const PODS_SHOWN: usize = 12;
/// More nodes of one segment than this are counted, all but the first few.
const NODES_SHOWN: usize = 8;
/// How many nodes are drawn where there are too many.
const NODES_FEW: usize = 4;

/// A node's pods as far as they are drawn, and how many more there are.
fn pods_shown(node: &Node) -> (&[Pod], usize) {
    let (few, more) = node.pods.split_at(node.pods.len().min(PODS_SHOWN));
    (few, more.len())
}

/// A segment's nodes as far as they are drawn, and those that are not.
fn nodes_shown(lab: &Lab, segment: usize) -> (Vec<&Node>, Vec<&Node>) {
    let mut few: Vec<&Node> = lab.nodes.iter().filter(|node| node.segment == segment).collect();
    let most = if few.len() > NODES_SHOWN { NODES_FEW } else { few.len() };
    let more = few.split_off(most);
    (few, more)
}

/// `… 88 more pods`
fn more(number: usize, thing: &str) -> String {
    format!("… {}", count(u64::try_from(number).unwrap_or(u64::MAX), &format!("more {thing}")))
}

/// What the nodes that are not drawn have in common: how many, and the last.
fn more_nodes(nodes: &[&Node]) -> Vec<String> {
    let mut lines = vec![more(nodes.len(), "node")];
    lines.extend(nodes.last().map(|last| format!("up to {}", last.name)));
    lines
}

/// Plain addresses, one a line.
fn ip_lines(addresses: &Addresses) -> Vec<String> {
    addresses.ips().map(|ip| ip.to_string()).collect()
}

/// Networks or addresses with their prefix lengths, one a line.
fn net_lines(addresses: &Addresses) -> Vec<String> {
    addresses.iter().map(|net| net.to_string()).collect()
}

/// `containers web, proxy`, if the pod has any.
fn containers(pod: &Pod) -> Option<String> {
    let names: Vec<&str> = pod.containers.iter().map(|container| container.name.as_str()).collect();
    match names.len() {
        0 => None,
        1 => Some(format!("container {}", names[0])),
        _ => Some(format!("containers {}", names.join(", "))),
    }
}

/// The addresses of a node's eth0, as far as it has any.
fn eth0_lines(lab: &Lab, node: &Node) -> Vec<String> {
    if lab.data_path == DataPath::L2 { Vec::new() } else { ip_lines(&node.address) }
}

/// The addresses of a node's cbr0.
fn cbr0_lines(lab: &Lab, node: &Node) -> Vec<String> {
    let mut lines = net_lines(&node.gateway);
    if lab.data_path == DataPath::L2 {
        lines.extend(net_lines(&node.address));
    }
    lines
}

/// What there is between a node's eth0 and its cbr0.
fn inside(lab: &Lab) -> &'static str {
    if lab.data_path == DataPath::L2 { "a port of it" } else { "routed" }
}

/// `impaired out: delay 10ms`, with a line for each further value.
fn impaired_lines(impairment: Option<Impairment>) -> Vec<String> {
    impairment.map_or_else(Vec::new, |impairment| {
        labelled(&format!("{}:", impair::words(impairment.direction)), impair::each(&impairment.impair))
    })
}

/// The hosts beyond the cluster as far as they are drawn, and how many more there are: they are plugged into the fabric.
fn externals_shown(lab: &Lab) -> (&[External], usize) {
    let (few, more) = lab.externals.split_at(lab.externals.len().min(NODES_SHOWN));
    (few, more.len())
}

/// What joins segments: the routers and, where it routes, the fabric.
fn routers(lab: &Lab) -> Vec<Router> {
    let ports = lab.fabric.iter().enumerate();
    let ports: Vec<RouterPort> =
        ports.map(|(segment, address)| RouterPort { segment, address: *address }).collect();
    let fabric = (!ports.is_empty()).then(|| Router { name: FABRIC.into(), ports });
    lab.routers.iter().cloned().chain(fabric).collect()
}

/// The fabric's name, which no router has.
const FABRIC: &str = "fabric";

/// A router's places: the index of the segment, and `eth0 192.168.66.1` with a line for each further address. The fabric
/// is plugged into nothing: the switches are its own.
fn router_ports(router: &Router) -> Vec<(usize, Vec<String>)> {
    let line = |(number, port): (usize, &RouterPort)| match router.name.as_str() {
        FABRIC => (port.segment, ip_lines(&port.address)),
        _ => (port.segment, labelled(&format!("eth{number}"), ip_lines(&port.address))),
    };
    router.ports.iter().enumerate().map(line).collect()
}

/// Lines with a word before the first, and as much space before the others.
fn labelled(label: &str, lines: Vec<String>) -> Vec<String> {
    let blank = " ".repeat(label.chars().count());
    let mark =
        |(number, line): (usize, String)| format!("{} {line}", if number == 0 { label } else { &blank });
    lines.into_iter().enumerate().map(mark).collect()
}
