//! Nodes: expanding `count`, placing them on segments, giving each its slice of the pod range.

use std::net::IpAddr;

use ipnet::IpNet;

use super::address::{Addresses, Family};
use super::build::Context;
use super::ipam::{self, Hosts, Slices};
use super::pool::PodPool;
use super::ranges::{self, Written, overlap};
use super::underlay::Pools;
use super::{DataPath, Impairment, Lab, Node, SourceDestCheck, cloud, impair, ports, segments};
use crate::diag::{Code, Diagnostic, Span, quoted};
use crate::spec::{self, Document, Field, Names, Pods};

/// Far beyond what one machine holds, and small enough to count.
const MOST_NODES: usize = 10_000;
const MOST_PODS: usize = 100_000;

/// A node as it was asked for.
pub(super) struct Draft<'a> {
    pub(super) name: String,
    pub(super) name_span: Span,
    /// Index of its segment; one that does not exist where the file names an unknown one.
    pub(super) segment: usize,
    segment_span: Option<&'a Span>,
    pub(super) pinned: Vec<(IpAddr, Span)>,
    pod_cidr: Option<&'a Field<Names>>,
    source_dest_check: SourceDestCheck,
    impair: Option<Impairment>,
    pub(super) pods: Option<(&'a Pods, &'a Span)>,
}

impl Draft<'_> {
    /// The place that decides the node's segment.
    pub(super) fn segment_span(&self) -> Span {
        self.segment_span.unwrap_or(&self.name_span).clone()
    }

    /// Whether the file says which slice is the node's.
    pub(super) fn pins_slice(&self) -> bool {
        self.pod_cidr.is_some()
    }
}

/// The nodes as they were asked for, in order.
pub(super) struct Drafts<'a> {
    pub(super) nodes: Vec<Draft<'a>>,
}

/// Expands `count`, checks names and finds segments.
pub(super) fn expand<'a>(document: &'a Document, lab: &Lab, context: &mut Context) -> Drafts<'a> {
    let mut nodes = Vec::new();
    let mut pods = 0usize;
    if document.node.is_empty() && !context.incomplete {
        let diagnostic =
            Diagnostic::new(Code::NoNodes, "this topology has no nodes", 0..0, "no [[node]] in this file");
        context.push(
            diagnostic.help("the smallest lab is:\n[[node]]\nname = \"node1\"\npods = [\"pod1\", \"pod2\"]"),
        );
    }
    for row in &document.node {
        let node = &row.value;
        let name = context.required(node.name.as_ref(), "name", "node", &row.span, "\"node1\"");
        let (count, each) = sizes(node, lab.data_path, context);
        pods = pods.saturating_add(each.saturating_mul(count));
        if pods > MOST_PODS || nodes.len() + count > MOST_NODES {
            let message = format!("{} nodes and {pods} pods are too many", nodes.len() + count);
            let place = name.map_or_else(|| row.span.clone(), |(_, span)| span);
            let label = "with these";
            let diagnostic = Diagnostic::new(Code::TooLarge, message, place, label);
            context.push(diagnostic.help(format!(
                "at most {MOST_NODES} nodes and {MOST_PODS} pods: each is a process and a network namespace"
            )));
            context.incomplete = true;
            return Drafts { nodes: Vec::new() };
        }
        let segment = match &node.segment {
            None => Some(0),
            Some(Field { value: Some(name), span }) => segments::find(&lab.segments, name, span, context),
            Some(_) => None,
        };
        let pinned = ranges::addresses(node.ip.as_ref(), context);
        check_count(node, count, context);
        let source_dest_check = cloud::source_dest_check(document, node, lab, context);
        let impair = impair::read(node.impair.as_ref(), impair::Whose::NodeOrPod, context);
        let name_is_missing = name.is_none();
        // A node without a name is drafted all the same, so that what is wrong with its pods is told too.
        let (base, span) = name.map_or(("(no name)", row.span.clone()), |(name, span)| (name.as_str(), span));
        let mut broken = name_is_missing;
        for place in 1..=count {
            let name = if node.count.is_some() { format!("{base}{place}") } else { base.to_owned() };
            if !broken && let Err(diagnostic) = context.names.enter("node", &name, &span) {
                broken = true;
                context.push(match node.count {
                    Some(_) => {
                        diagnostic.help(format!("`count` puts a number behind each name: {}", quoted(&name)))
                    }
                    None => diagnostic,
                });
            }
            context.incomplete |= broken && (count > 1 || each > 0);
            if broken && place > 1 {
                break;
            }
            let pods = match &node.pods {
                Some(Field { value: Some(pods), span }) => Some((pods, span)),
                _ => None,
            };
            let first = place == 1;
            nodes.push(Draft {
                name,
                name_span: span.clone(),
                segment: segment.unwrap_or(usize::MAX),
                segment_span: node.segment.as_ref().map(|field| &field.span),
                pinned: if first { pinned.clone() } else { Vec::new() },
                pod_cidr: node.pod_cidr.as_ref().filter(|_| first),
                source_dest_check,
                impair,
                pods: pods.filter(|(pods, _)| match pods {
                    Pods::Count(_) => each > 0 && !broken,
                    Pods::Names(_) => first,
                }),
            });
        }
    }
    Drafts { nodes }
}

/// How many nodes a table stands for, and how many pods each gets by number.
fn sizes(node: &spec::Node, data_path: DataPath, context: &mut Context) -> (usize, usize) {
    let most = i64::try_from(MOST_NODES).unwrap_or(i64::MAX);
    let count =
        context.number("count", node.count.as_ref(), 1..=most, "each node is a network namespace of its own");
    let each = match &node.pods {
        Some(Field { value: Some(Pods::Count(number)), span }) => {
            let field = Field { span: span.clone(), value: Some(*number) };
            let (most, why) = ports::for_pods(data_path);
            let why = format!("every pod is a port of its node's bridge, and {why}");
            context.number("pods", Some(&field), 0..=i64::try_from(most).unwrap_or(i64::MAX), &why)
        }
        Some(Field { value: Some(Pods::Names(_)), .. }) | None => Some(0),
        Some(Field { value: None, .. }) => None,
    };
    context.incomplete |= (count.is_none() && node.count.is_some()) || each.is_none();
    let size = |number: Option<i64>, default| number.and_then(|n| usize::try_from(n).ok()).unwrap_or(default);
    (size(count, 1), size(each, 0))
}

/// What names one thing cannot stand beside a `count` of several.
fn check_count(node: &spec::Node, count: usize, context: &mut Context) {
    if count < 2 {
        return;
    }
    let at = node.count.as_ref().map_or(0..0, |field| field.span.clone());
    let mut clash = |span: &Span, key: &str, help: &str| {
        let message = format!("`{key}` cannot be the same on {count} nodes");
        let diagnostic = Diagnostic::new(Code::DuplicateName, message, span.clone(), "for one node only");
        context.push(diagnostic.also(at.clone(), format!("{count} nodes")).help(help));
    };
    if let Some(Field { value: Some(Pods::Names(names)), span }) = &node.pods
        && !names.is_empty()
    {
        clash(span, "pods", "write a number: each node gets that many pods, named after the node");
    }
    for (key, field) in [("ip", &node.ip), ("pod_cidr", &node.pod_cidr)] {
        if let Some(field) = field {
            clash(
                &field.span,
                key,
                "leave it out, and each node gets its own; or write one [[node]] for each",
            );
        }
    }
}

/// Gives every node its addresses and its slice.
pub(super) fn build(
    drafts: &Drafts<'_>,
    pool: &PodPool,
    pools: &mut Pools,
    context: &mut Context,
) -> Vec<Node> {
    let mut slices: Vec<Slices> = pool
        .networks
        .list
        .iter()
        .map(|written| Slices::new(written.net, pool.mask(Family::of(&written.net))))
        .collect();
    let pinned = pin_slices(drafts, pool, &mut slices, context);
    let mut full = pool.guessed;
    let mut nodes = Vec::with_capacity(drafts.nodes.len());
    for (draft, pinned) in drafts.nodes.iter().zip(pinned) {
        let address = pools.next(draft.segment, (&draft.name, &draft.name_span), &draft.pinned, context);
        let mut pod_cidr = Addresses::default();
        for (written, slices) in pool.networks.list.iter().zip(&mut slices) {
            let family = Family::of(&written.net);
            match pinned.get(family).or_else(|| slices.next()) {
                Some(slice) => pod_cidr.set(slice),
                None if full => {}
                None => {
                    full = true;
                    let capacity = slices.capacity();
                    context.push(range_too_small(written, pool.mask(family), capacity, draft, drafts));
                }
            }
        }
        let gateway = pod_cidr.iter().filter_map(|slice| gateway(&slice)).collect();
        nodes.push(Node {
            name: draft.name.clone(),
            segment: draft.segment,
            address,
            pod_cidr,
            gateway,
            source_dest_check: draft.source_dest_check,
            impair: draft.impair,
            pods: vec![],
        });
    }
    nodes
}

/// cbr0's address: the first host of the slice.
pub(super) fn gateway(slice: &IpNet) -> Option<IpNet> {
    let first = ipam::address(Family::of(slice), ipam::number(slice.network()) + 1);
    IpNet::new(first, slice.prefix_len()).ok()
}

fn range_too_small(
    range: &Written,
    mask: u8,
    capacity: u128,
    first_without: &Draft<'_>,
    drafts: &Drafts<'_>,
) -> Diagnostic {
    let (family, count) = (Family::of(&range.net), drafts.nodes.len());
    let message = format!("the pod range {} is too small for {count} nodes", range.net);
    let label = format!("nothing is left for `{}`", first_without.name);
    let diagnostic = Diagnostic::new(Code::PodRangeTooSmall, message, first_without.name_span.clone(), label);
    let slices = if capacity == 1 { "slice" } else { "slices" };
    let label = format!("{} holds {capacity} {slices} of /{mask}", range.net);
    let diagnostic = diagnostic.also(range.span.clone(), label);
    let wider = mask.saturating_sub(family.bits() - ipam::holding(family, count));
    let wider = IpNet::new(range.net.network(), wider).map(|net| net.trunc());
    let key = if family == Family::V4 { "node_mask" } else { "node_mask_v6" };
    diagnostic.help(match wider {
        Ok(net) if net.prefix_len() < range.net.prefix_len() && ranges::reserved(&net).is_none() => {
            format!("widen the range, for example pod_cidr = \"{net}\", or make `{key}` larger, so that slices are smaller")
        }
        _ => format!("widen the range, or make `{key}` larger, so that slices are smaller"),
    })
}

fn pin_slices(
    drafts: &Drafts<'_>,
    pool: &PodPool,
    slices: &mut [Slices],
    context: &mut Context,
) -> Vec<Addresses> {
    let mut seen: Vec<(IpNet, Span, String)> = Vec::new();
    let mut all = Vec::with_capacity(drafts.nodes.len());
    for draft in &drafts.nodes {
        let mut own = Addresses::default();
        for written in ranges::networks(draft.pod_cidr, "pod_cidr", context).list {
            let (net, span, family) = (written.net, written.span, Family::of(&written.net));
            if pool.guessed {
                continue;
            }
            let Some(place) = pool.networks.list.iter().position(|range| Family::of(&range.net) == family)
            else {
                let message =
                    format!("`{}` has an {1} slice {net}, but pods have no {1}", draft.name, family.name());
                let label = format!("{} here", family.name());
                let diagnostic = Diagnostic::new(Code::FamilyMismatch, message, span, label);
                context.push(
                    diagnostic
                        .help("give [cluster] pod_cidr a range of that family too, or leave this one out"),
                );
                continue;
            };
            let range = &pool.networks.list[place];
            if !range.net.contains(&net) {
                let message = format!("`{}`'s pod CIDR {net} is outside the cluster's", draft.name);
                let diagnostic = Diagnostic::new(Code::OutsideRange, message, span, "outside");
                let label = format!("the pod range is {}", range.net);
                context.push(diagnostic.also(range.span.clone(), label));
            } else if !Hosts::has_room(&net) {
                let message =
                    format!("`{}`'s pod CIDR {net} has no room for a gateway and a pod", draft.name);
                let diagnostic = Diagnostic::new(Code::SliceTooSmall, message, span, "too small");
                context.push(diagnostic.help("the smallest slice is a /30, or a /126 in IPv6"));
            } else if slices[place].take(net) {
                own.set(net);
                seen.push((net, span, draft.name.clone()));
            } else {
                let message = format!("`{}`'s pod CIDR {net} overlaps with another node's", draft.name);
                let diagnostic =
                    Diagnostic::new(Code::OverlappingRanges, message, span, format!("{net} here"));
                let other = seen.iter().find(|(other, ..)| overlap(other, &net));
                let diagnostic = diagnostic
                    .help("each address belongs to one node: give this one another slice, or leave it out");
                context.push(match other {
                    Some((other, at, name)) => diagnostic.also(at.clone(), format!("{other} is `{name}`'s")),
                    None => diagnostic,
                });
            }
        }
        all.push(own);
    }
    all
}
