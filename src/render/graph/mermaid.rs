//! Mermaid, which GitHub draws in Markdown between ```` ```mermaid ```` and ```` ``` ````.
//!
//! Every id has a prefix, because a bare `end`, `default` or `style` is a word of the language. A hyphen becomes an
//! underscore, which no DNS label has, so that `a--b` is no arrow and two names never become one.

use std::fmt::Write as _;

use super::{
    FABRIC, cbr0_lines, containers, eth0_lines, externals_shown, impaired_lines, inside, ip_lines, more,
    more_nodes, net_lines, nodes_shown, pods_shown, router_ports, routers,
};
use crate::model::{Lab, Node};
use crate::plan::veth_names;

/// The drawing.
pub fn mermaid(lab: &Lab) -> String {
    let mut out = format!("---\ntitle: {}\n---\nflowchart TB\n", quoted(&lab.name));
    for (place, segment) in lab.segments.iter().enumerate() {
        let mut label = vec![format!("segment {}", segment.name)];
        label.extend(net_lines(&segment.subnet));
        label.extend(impaired_lines(segment.impair));
        // Writing to a String cannot fail.
        let _ = writeln!(out, "  {}[[{}]]", id("segment", &segment.name), lines(label));
        let (nodes, hidden) = nodes_shown(lab, place);
        for node in nodes {
            draw(&mut out, lab, node);
            let cable = match impaired_lines(node.impair) {
                none if none.is_empty() => "---".to_owned(),
                some => format!("---|{}|", lines(some)),
            };
            let _ = writeln!(out, "  {} {cable} {}", id("segment", &segment.name), id("eth0", &node.name));
        }
        if !hidden.is_empty() {
            let rest = id("nodes", &segment.name);
            let _ = writeln!(out, "  {rest}[{}]", lines(more_nodes(&hidden)));
            let _ = writeln!(out, "  {} --- {rest}", id("segment", &segment.name));
        }
    }
    for router in &routers(lab) {
        let here = id("router", &router.name);
        let _ = writeln!(out, "  {here}{{{{{}}}}}", quoted(&format!("router {}", router.name)));
        for (number, (segment, port)) in router_ports(router).into_iter().enumerate() {
            let segment = id("segment", &lab.segments[segment].name);
            // What a line begins with stands above what it ends at: the router comes between its segments.
            let (from, to) = if number == 0 { (&segment, &here) } else { (&here, &segment) };
            let _ = writeln!(out, "  {from} ---|{}| {to}", lines(port));
        }
    }
    draw_externals(&mut out, lab);
    out
}

fn draw_externals(out: &mut String, lab: &Lab) {
    let fabric = id("router", FABRIC);
    let (externals, hidden) = externals_shown(lab);
    for external in externals {
        let here = id("external", &external.name);
        let label = labelled(&format!("external {}", external.name), ip_lines(&external.address));
        // Writing to a String cannot fail.
        let _ = writeln!(out, "  {here}([{}])", lines(label));
        let _ = writeln!(out, "  {fabric} --- {here}");
    }
    if hidden > 0 {
        let rest = id("externals", "more");
        let _ = writeln!(out, "  {rest}([{}])", quoted(&more(hidden, "external host")));
        let _ = writeln!(out, "  {fabric} --- {rest}");
    }
}

fn draw(out: &mut String, lab: &Lab, node: &Node) {
    let name = &node.name;
    let (eth0, cbr0) = (id("eth0", name), id("cbr0", name));
    let _ = writeln!(out, "  subgraph {}[{}]", id("node", name), quoted(&format!("node {name}")));
    let _ = writeln!(out, "    {eth0}[{}]", lines(labelled("eth0", eth0_lines(lab, node))));
    let _ = writeln!(out, "    {cbr0}[[{}]]", lines(labelled("cbr0", cbr0_lines(lab, node))));
    let _ = writeln!(out, "    {eth0} -.-|{}| {cbr0}", quoted(inside(lab)));
    let (pods, hidden) = pods_shown(node);
    for (pod, veth) in pods.iter().zip(veth_names(node)) {
        let here = id("pod", &pod.name);
        let mut label = labelled(&pod.name, ip_lines(&pod.address));
        label.extend(containers(pod));
        let _ = writeln!(out, "    {here}({})", lines(label));
        let cable = lines(labelled(&veth, impaired_lines(pod.impair)));
        let _ = writeln!(out, "    {cbr0} ---|{cable}| {here}");
    }
    if hidden > 0 {
        let rest = id("pods", name);
        let _ = writeln!(out, "    {rest}({})", quoted(&more(hidden, "pod")));
        let _ = writeln!(out, "    {cbr0} --- {rest}");
    }
    out.push_str("  end\n");
}

/// A name as Mermaid takes it.
pub(in crate::render) fn id(kind: &str, name: &str) -> String {
    format!("{kind}_{}", name.replace('-', "_"))
}

fn labelled(name: &str, addresses: Vec<String>) -> Vec<String> {
    std::iter::once(name.to_owned()).chain(addresses).collect()
}

/// One label of several lines.
fn lines(lines: Vec<String>) -> String {
    let trimmed: Vec<String> = lines.into_iter().map(|line| line.trim_start().to_owned()).collect();
    quoted(&trimmed.join("<br/>"))
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}
