//! Graphviz: `netlab graph FILE --format dot | dot -Tsvg > lab.svg`.
//!
//! Every id and value is quoted, and every id begins with its kind, so that no name is a keyword or another's.

use std::fmt::Write as _;

use super::{
    FABRIC, cbr0_lines, containers, eth0_lines, externals_shown, impaired_lines, inside, ip_lines, more,
    more_nodes, net_lines, nodes_shown, pods_shown, router_ports, routers,
};
use crate::model::{Lab, Node};
use crate::plan::veth_names;

/// The drawing.
pub fn dot(lab: &Lab) -> String {
    let mut out = format!("graph {} {{\n", quoted(&lab.name));
    out.push_str("  graph [fontname=\"Helvetica\", labelloc=\"t\", label=");
    out.push_str(&quoted(&lab.name));
    out.push_str("];\n  node [fontname=\"Helvetica\", shape=\"box\"];\n");
    out.push_str("  edge [fontname=\"Helvetica\", fontsize=\"10\"];\n");
    for (place, segment) in lab.segments.iter().enumerate() {
        let switch = id("segment", &segment.name);
        let mut label = vec![format!("segment {}", segment.name)];
        label.extend(net_lines(&segment.subnet));
        label.extend(impaired_lines(segment.impair));
        // Writing to a String cannot fail.
        let _ = writeln!(out, "  {switch} [label={}, shape=\"box3d\"];", lines(&label));
        let (nodes, hidden) = nodes_shown(lab, place);
        for node in nodes {
            draw(&mut out, lab, node);
            let label = match impaired_lines(node.impair) {
                none if none.is_empty() => String::new(),
                some => format!(" [label={}]", lines(&some)),
            };
            let _ = writeln!(out, "  {switch} -- {}{label};", id("eth0", &node.name));
        }
        if !hidden.is_empty() {
            let rest = id("nodes", &segment.name);
            let _ = writeln!(out, "  {rest} [label={}, style=\"dashed\"];", lines(&more_nodes(&hidden)));
            let _ = writeln!(out, "  {switch} -- {rest};");
        }
    }
    for router in &routers(lab) {
        let here = id("router", &router.name);
        let label = quoted(&format!("router {}", router.name));
        let _ = writeln!(out, "  {here} [label={label}, shape=\"hexagon\"];");
        for (number, (segment, port)) in router_ports(router).into_iter().enumerate() {
            let switch = id("segment", &lab.segments[segment].name);
            // What a line begins with stands above what it ends at: the router comes between its segments.
            let (from, to) = if number == 0 { (&switch, &here) } else { (&here, &switch) };
            let _ = writeln!(out, "  {from} -- {to} [label={}];", lines(&port));
        }
    }
    draw_externals(&mut out, lab);
    out.push_str("}\n");
    out
}

fn draw_externals(out: &mut String, lab: &Lab) {
    let fabric = id("router", FABRIC);
    let (externals, hidden) = externals_shown(lab);
    let drawn = externals.iter().map(|external| {
        let label = named(&format!("external {}", external.name), ip_lines(&external.address));
        (id("external", &external.name), label, "")
    });
    let rest = (hidden > 0)
        .then(|| (id("externals", "more"), quoted(&more(hidden, "external host")), ", style=\"dashed\""));
    for (here, label, style) in drawn.chain(rest) {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "  {here} [label={label}, shape=\"ellipse\"{style}];");
        let _ = writeln!(out, "  {fabric} -- {here};");
    }
}

fn draw(out: &mut String, lab: &Lab, node: &Node) {
    let name = &node.name;
    let (eth0, cbr0) = (id("eth0", name), id("cbr0", name));
    // Graphviz draws a box around a subgraph whose name begins with `cluster`.
    let _ = writeln!(out, "  subgraph {} {{", id("cluster", name));
    let _ = writeln!(out, "    graph [label={}];", quoted(&format!("node {name}")));
    let _ = writeln!(out, "    {eth0} [label={}];", named("eth0", eth0_lines(lab, node)));
    let _ = writeln!(out, "    {cbr0} [label={}, shape=\"box3d\"];", named("cbr0", cbr0_lines(lab, node)));
    let _ = writeln!(out, "    {eth0} -- {cbr0} [label={}, style=\"dotted\"];", quoted(inside(lab)));
    let (pods, hidden) = pods_shown(node);
    for (pod, veth) in pods.iter().zip(veth_names(node)) {
        let here = id("pod", &pod.name);
        let label = named(&pod.name, ip_lines(&pod.address).into_iter().chain(containers(pod)));
        let _ = writeln!(out, "    {here} [label={label}, style=\"rounded\"];");
        let _ = writeln!(out, "    {cbr0} -- {here} [label={}];", named(&veth, impaired_lines(pod.impair)));
    }
    if hidden > 0 {
        let rest = id("pods", name);
        let label = quoted(&more(hidden, "pod"));
        let _ = writeln!(out, "    {rest} [label={label}, style=\"rounded,dashed\"];");
        let _ = writeln!(out, "    {cbr0} -- {rest};");
    }
    out.push_str("  }\n");
}

fn id(kind: &str, name: &str) -> String {
    quoted(&format!("{kind} {name}"))
}

fn named(name: &str, addresses: impl IntoIterator<Item = String>) -> String {
    let all: Vec<String> = std::iter::once(name.to_owned()).chain(addresses).collect();
    lines(&all)
}

/// One label of several lines: `\n` is a line break of Graphviz's own.
fn lines(lines: &[String]) -> String {
    let trimmed: Vec<&str> = lines.iter().map(|line| line.trim_start()).collect();
    quoted(&trimmed.join("\\n"))
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}
