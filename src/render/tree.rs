//! A lab as a tree: segments, nodes, pods, with their addresses.

use std::fmt::Write as _;

use super::{count, impair};
use crate::model::{Addresses, Impairment, Lab, Neighbours, Node, Pod, SourceDestCheck};

/// More pods than this in a lab, and each node's are told as a range.
const PODS_SHOWN: usize = 24;
/// More nodes of one segment than this, and only the first half of it is shown.
const NODES_SHOWN: usize = 24;

/// How much of a large lab is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Every pod of every node.
    Whole,
    /// As much as a screen holds.
    Brief,
}

/// What stands behind a name in the tree, such as a container's state; for commands that know more than the model.
pub type Remark<'a> = &'a dyn Fn(&str) -> Option<String>;

/// `2 nodes, 4 pods`: what a lab has of everything.
pub fn summary(lab: &Lab) -> String {
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let mut parts = vec![
        count(number(lab.nodes.len()), "node"),
        count(number(lab.pods().count()), "pod"),
        count(number(lab.segments.len()), "segment"),
    ];
    if !lab.routers.is_empty() {
        parts.push(count(number(lab.routers.len()), "router"));
    }
    if !lab.externals.is_empty() {
        parts.push(count(number(lab.externals.len()), "external host"));
    }
    let containers: usize = lab.pods().map(|(_, pod)| pod.containers.len()).sum();
    if containers > 0 {
        parts.push(count(number(containers), "container"));
    }
    parts.join(", ")
}

/// `data path vxlan, MTU 1500, 1450 in pods`: how packets get from node to node, and how large they may be.
pub fn data_path(lab: &Lab) -> String {
    let inside = if lab.pod_mtu == lab.mtu { String::new() } else { format!(", {} in pods", lab.pod_mtu) };
    format!("data path {}, MTU {}{inside}", lab.data_path.word(), lab.mtu)
}

/// The tree itself, one line a thing.
pub fn tree(lab: &Lab, extent: Extent, remark: Remark<'_>) -> String {
    let mut out = String::new();
    for (place, segment) in lab.segments.iter().enumerate() {
        let _ = writeln!(out, "{}  {}{}", segment.name, nets(&segment.subnet), impaired(segment.impair));
        let mut lines: Vec<(String, Vec<String>)> = Vec::new();
        if let Some(fabric) = lab.fabric.get(place) {
            lines.push((format!("fabric  {} (router)", ips(fabric)), Vec::new()));
        }
        for router in &lab.routers {
            let here = router.ports.iter().enumerate().find(|(_, port)| port.segment == place);
            if let Some((number, port)) = here {
                lines.push((
                    format!("{}  eth{number} {} (router)", router.name, ips(&port.address)),
                    Vec::new(),
                ));
            }
        }
        let nodes: Vec<&Node> = lab.nodes.iter().filter(|node| node.segment == place).collect();
        let width = nodes.iter().map(|node| node.name.len()).max().unwrap_or(0);
        let every_pod = extent == Extent::Whole || lab.pods().count() <= PODS_SHOWN;
        let most = if extent == Extent::Whole { usize::MAX } else { NODES_SHOWN };
        for node in shown(&nodes, most) {
            lines.push(match node {
                Shown::One(node) if every_pod => {
                    (with(node_line(node, width), remark(&node.name)), pods(node, remark))
                }
                Shown::One(node) => (
                    with(format!("{}{}", node_line(node, width), range(node)), remark(&node.name)),
                    Vec::new(),
                ),
                Shown::More(count) => (format!("… {count} more nodes"), Vec::new()),
            });
        }
        let last = lines.len().saturating_sub(1);
        for (number, (line, below)) in lines.into_iter().enumerate() {
            let (mark, bar) = if number == last { ("└─", "  ") } else { ("├─", "│ ") };
            let _ = writeln!(out, "{mark} {line}");
            for line in below {
                let _ = writeln!(out, "{bar} {line}");
            }
        }
    }
    for external in &lab.externals {
        let _ =
            writeln!(out, "{}  {}  beyond the cluster, by the fabric", external.name, ips(&external.address));
    }
    if lab.neighbours != Neighbours::Learn {
        let _ = writeln!(
            out,
            "neighbour entries are permanent: learning them all would overflow the kernel's table (gc_thresh3)"
        );
    }
    out
}

fn node_line(node: &Node, width: usize) -> String {
    let check = match node.source_dest_check {
        SourceDestCheck::On => "  source/destination check",
        SourceDestCheck::Off => "",
    };
    let impaired = impaired(node.impair);
    format!("{:width$}  {}  cbr0 {}{check}{impaired}", node.name, ips(&node.address), nets(&node.gateway))
}

/// `  impaired: delay 10ms`, `  impaired out: loss 1%`
fn impaired(impairment: Option<Impairment>) -> String {
    let Some(Impairment { impair, direction }) = impairment else { return String::new() };
    format!("  {}: {impair}", impair::words(direction))
}

/// `  10 pods, node1-pod1 10.244.1.2 to node1-pod10 10.244.1.11`
fn range(node: &Node) -> String {
    let end = |pod: &Pod| {
        format!("{} {}", pod.name, pod.address.primary().map(|ip| ip.to_string()).unwrap_or_default())
    };
    match (node.pods.first(), node.pods.last()) {
        (Some(first), Some(last)) if node.pods.len() > 1 => {
            format!("  {} pods, {} to {}", node.pods.len(), end(first), end(last))
        }
        (Some(first), _) => format!("  {}", end(first)),
        _ => String::new(),
    }
}

fn pods(node: &Node, remark: Remark<'_>) -> Vec<String> {
    let width = node.pods.iter().map(|pod| pod.name.len()).max().unwrap_or(0);
    let last = node.pods.len().saturating_sub(1);
    let lines = |(number, pod): (usize, &Pod)| {
        let (mark, bar) = if number == last { ("└─", "  ") } else { ("├─", "│ ") };
        let line = format!("{mark} {:width$}  {}{}", pod.name, ips(&pod.address), impaired(pod.impair));
        let containers = pod.containers.iter().map(|container| {
            let name = format!("{}/{}", pod.name, container.name);
            with(format!("{bar} · {}: {}", container.name, container.command.join(" ")), remark(&name))
        });
        std::iter::once(with(line, remark(&pod.name))).chain(containers).collect::<Vec<_>>()
    };
    node.pods.iter().enumerate().flat_map(lines).collect()
}

enum Shown<'a, T> {
    One(&'a T),
    More(usize),
}

/// All of a list, or the first few and how many more there are.
fn shown<'a, T>(all: &[&'a T], most: usize) -> impl Iterator<Item = Shown<'a, T>> {
    let few = if all.len() > most { most / 2 } else { all.len() };
    let more = (all.len() > few).then(|| Shown::More(all.len() - few));
    let ones: Vec<Shown<'a, T>> = all[..few].iter().map(|one| Shown::One(*one)).collect();
    ones.into_iter().chain(more)
}

fn with(line: String, remark: Option<String>) -> String {
    match remark {
        Some(remark) => format!("{line}  {remark}"),
        None => line,
    }
}

/// Addresses without prefix lengths.
pub fn ips(addresses: &Addresses) -> String {
    let all: Vec<String> = addresses.ips().map(|ip| ip.to_string()).collect();
    all.join(" ")
}

/// Addresses or networks with prefix lengths.
pub fn nets(addresses: &Addresses) -> String {
    let all: Vec<String> = addresses.iter().map(|net| net.to_string()).collect();
    all.join(" ")
}
