//! Whether the underlay hangs together: something is plugged into every segment, and all of it is reached.

use super::Lab;
use super::build::Context;
use super::nodes::Drafts;
use super::routes::{Distances, Paths};
use super::segments::Segments;
use crate::diag::{Code, Diagnostic};
use crate::spec::Document;

/// Checks a lab of which nothing else is wrong: its routers are those of the document, in order.
pub(super) fn check(
    document: &Document,
    lab: &Lab,
    segments: &Segments,
    drafts: &Drafts<'_>,
    context: &mut Context,
) {
    check_unused(lab, segments, context);
    // Where the fabric routes, it joins all segments: for a cloud, or as the way to hosts beyond the cluster.
    if !lab.fabric.is_empty() {
        return;
    }
    let Some(first) = lab.nodes.first() else { return };
    let distances = Paths::new(lab).distances(first.segment);
    check_nodes(lab, &distances, drafts, context);
    check_routers(document, lab, &distances, drafts, context);
}

fn check_unused(lab: &Lab, segments: &Segments, context: &mut Context) {
    for (place, (segment, span)) in lab.segments.iter().zip(&segments.spans).enumerate() {
        let mut ports = lab.routers.iter().flat_map(|router| &router.ports);
        let used =
            lab.nodes.iter().any(|node| node.segment == place) || ports.any(|port| port.segment == place);
        if used {
            continue;
        }
        let name = &segment.name;
        let message = format!("nothing is plugged into segment `{name}`");
        let diagnostic =
            Diagnostic::new(Code::UnusedSegment, message, span.clone(), "no node and no router names it");
        context.push(diagnostic.help(format!(
            "write segment = \"{name}\" in a [[node]], or name it in the `segments` of a [[router]]; or leave it out"
        )));
    }
}

/// Every segment with a node on it must be reachable from the first node's.
fn check_nodes(lab: &Lab, distances: &Distances, drafts: &Drafts<'_>, context: &mut Context) {
    let first = &lab.nodes[0];
    let mut said = Vec::new();
    for (node, draft) in lab.nodes.iter().zip(&drafts.nodes) {
        if distances.reaches(node.segment) || said.contains(&node.segment) {
            continue;
        }
        said.push(node.segment);
        let (here, there) = (&lab.segments[node.segment].name, &lab.segments[first.segment].name);
        let message = format!("no router joins segment `{here}` with segment `{there}`");
        let label = format!("`{}` is on `{here}`", node.name);
        context.push(
            Diagnostic::new(Code::BadRouter, message, draft.segment_span(), label)
                .also(drafts.nodes[0].segment_span(), format!("`{}` is on `{there}`", first.name))
                .help(joining(there, here)),
        );
    }
}

/// What to add, so that two segments are joined.
fn joining(one: &str, other: &str) -> String {
    format!("add a router:\n[[router]]\nname = \"router1\"\nsegments = [\"{one}\", \"{other}\"]")
}

/// A router that no node reaches joins segments that nobody is on. Where there are nodes, those have been told of.
fn check_routers(
    document: &Document,
    lab: &Lab,
    distances: &Distances,
    drafts: &Drafts<'_>,
    context: &mut Context,
) {
    let first = &lab.nodes[0];
    for (router, row) in lab.routers.iter().zip(&document.router) {
        let has_nodes = |segment: usize| lab.nodes.iter().any(|node| node.segment == segment);
        let mut segments = router.ports.iter().map(|port| port.segment);
        if segments.clone().any(|segment| distances.reaches(segment) || has_nodes(segment)) {
            continue;
        }
        let Some((here, joined)) = segments.next().zip(row.value.segments.as_ref()) else { continue };
        let (here, there) = (&lab.segments[here].name, &lab.segments[first.segment].name);
        let message = format!("no way leads from `{}` to router `{}`", first.name, router.name);
        let label = "no node is on these, and no router joins them with others";
        context.push(
            Diagnostic::new(Code::BadRouter, message, joined.span.clone(), label)
                .also(drafts.nodes[0].segment_span(), format!("`{}` is on `{there}`", first.name))
                .help(joining(there, here)),
        );
    }
}
