//! Nodes: expanding `count`, placing them on segments, giving each its slice of the pod range.

use std::net::IpAddr;

use ipnet::IpNet;

use super::address::{Addresses, Family};
use super::build::Context;
use super::ipam::{self, Hosts, Slices};
use super::underlay::{self, Pools, Written, overlap};
use super::{Lab, Node};
use crate::diag::{Code, Diagnostic, Span};
use crate::spec::{self, Cluster, Document, Field, Pods, Row};

const DEFAULT_POD_CIDR: &str = "10.244.0.0/16";
/// Ports of one Linux bridge: what bounds the pods of a node.
const PODS_PER_NODE: i64 = 1023;
/// Far beyond what one machine holds, and small enough to count.
const MOST_NODES: i64 = 10_000;
const MOST_PODS: usize = 100_000;

/// The cluster's pod range and how it is sliced.
pub(super) struct PodPool {
    pub(super) cidr: Addresses,
    written: Vec<Written>,
    masks: [u8; 2],
}

impl PodPool {
    /// The range of a family with the place that names it.
    pub(super) fn written(&self, family: Family) -> Option<(IpNet, Span)> {
        let written = self.written.iter().find(|written| Family::of(&written.net) == family)?;
        Some((written.net, written.span.clone()))
    }

    fn mask(&self, family: Family) -> u8 {
        match family {
            Family::V4 => self.masks[0],
            Family::V6 => self.masks[1],
        }
    }
}

/// Reads the pod range and the masks.
pub(super) fn pod_pool(cluster: &Cluster, context: &mut Context) -> PodPool {
    let mut written = underlay::networks(cluster.pod_cidr.as_ref(), "pod_cidr", context);
    if written.is_empty() {
        let span = cluster.pod_cidr.as_ref().map_or(0..0, |field| field.span.clone());
        if cluster
            .pod_cidr
            .as_ref()
            .is_some_and(|field| field.value.as_ref().is_some_and(|names| names.0.is_empty()))
        {
            let message = "`pod_cidr` is an empty list";
            let diagnostic = Diagnostic::new(Code::InvalidAddress, message, span.clone(), "no network");
            context.push(diagnostic.help("write one network, or one of IPv4 and one of IPv6"));
        }
        written.extend(DEFAULT_POD_CIDR.parse().ok().map(|net| Written { net, span }));
    }
    let cidr: Addresses = written.iter().map(|written| written.net).collect();
    let mut pool = PodPool { cidr, written, masks: [24, 64] };
    let keys = [
        ("node_mask", &cluster.node_mask, Family::V4, 30),
        ("node_mask_v6", &cluster.node_mask_v6, Family::V6, 126),
    ];
    for (place, (key, field, family, longest)) in keys.into_iter().enumerate() {
        let Some((range, span)) = pool.written(family) else {
            if let Some(field) = field {
                let message = format!("`{key}` is given, but pods have no {}", family.name());
                let label = format!("nothing to slice in {}", family.name());
                context.push(Diagnostic::new(Code::FamilyMismatch, message, field.span.clone(), label));
            }
            continue;
        };
        let given = context.number(key, field.as_ref(), 1, longest);
        let mask = given.and_then(|mask| u8::try_from(mask).ok());
        // A range smaller than the default slice is one node's.
        pool.masks[place] = mask.unwrap_or_else(|| pool.masks[place].max(range.prefix_len()));
        if mask.is_some_and(|mask| mask < range.prefix_len()) {
            let field_span = field.as_ref().map_or(0..0, |field| field.span.clone());
            let message = format!("a node's slice would be larger than the pod range {range}");
            let label = format!("a /{} for each node", pool.masks[place]);
            let diagnostic = Diagnostic::new(Code::PodRangeTooSmall, message, field_span, label);
            context.push(diagnostic.also(span, format!("the whole range is a /{}", range.prefix_len())));
            pool.masks[place] = range.prefix_len();
        }
    }
    pool
}

/// A node as it was asked for.
pub(super) struct Draft<'a> {
    pub(super) name: String,
    pub(super) row: &'a Row<spec::Node>,
    pub(super) name_span: Span,
    pub(super) segment: usize,
    pub(super) pinned: Vec<(IpAddr, Span)>,
}

impl Draft<'_> {
    /// The place that decides the node's segment.
    pub(super) fn segment_span(&self) -> Span {
        self.row.value.segment.as_ref().map_or_else(|| self.name_span.clone(), |field| field.span.clone())
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
    if document.node.is_empty() {
        let diagnostic =
            Diagnostic::new(Code::NoNodes, "this topology has no nodes", 0..0, "no [[node]] in this file");
        context.push(
            diagnostic.help("the smallest lab is:\n[[node]]\nname = \"node1\"\npods = [\"pod1\", \"pod2\"]"),
        );
    }
    for row in &document.node {
        let node = &row.value;
        let name = context.required(node.name.as_ref(), "name", "node", &row.span, "\"node1\"");
        let count = context.number("count", node.count.as_ref(), 1, MOST_NODES);
        if let Some(Field { value: Some(Pods::Count(number)), span }) = &node.pods {
            let field = Field { span: span.clone(), value: Some(*number) };
            context.number("pods", Some(&field), 0, PODS_PER_NODE);
            let each = usize::try_from(*number).unwrap_or(0);
            pods = pods.saturating_add(each.saturating_mul(usize::try_from(count.unwrap_or(1)).unwrap_or(1)));
            if pods > MOST_PODS {
                let message = format!("more than {MOST_PODS} pods");
                context.push(Diagnostic::new(
                    Code::TooLarge,
                    message,
                    span.clone(),
                    "too many for one machine",
                ));
                return Drafts { nodes };
            }
        }
        let segment = match &node.segment {
            None => Some(0),
            Some(Field { value: Some(name), span }) => {
                underlay::find_segment(&lab.segments, name, span, context)
            }
            Some(_) => None,
        };
        let pinned = underlay::addresses(node.ip.as_ref(), context);
        if node.count.is_some() {
            check_count(node, count.unwrap_or(2), context);
        }
        let Some((name, span)) = name else { continue };
        for place in 1..=count.unwrap_or(1) {
            let name = if node.count.is_some() { format!("{name}{place}") } else { name.clone() };
            if let Err(diagnostic) = context.names.enter("node", &name, &span) {
                context.push(diagnostic);
                break;
            }
            let pinned = if place == 1 { pinned.clone() } else { Vec::new() };
            nodes.push(Draft {
                name,
                row,
                name_span: span.clone(),
                segment: segment.unwrap_or(usize::MAX),
                pinned,
            });
        }
    }
    Drafts { nodes }
}

/// What names one thing cannot stand beside a `count` of several.
fn check_count(node: &spec::Node, count: i64, context: &mut Context) {
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
    let users: Vec<usize> = drafts.nodes.iter().map(|draft| draft.segment).collect();
    pools.check_ports(&users, context);
    let mut slices: Vec<Slices> = pool
        .written
        .iter()
        .map(|written| Slices::new(written.net, pool.mask(Family::of(&written.net))))
        .collect();
    let pinned = pin_slices(drafts, pool, &mut slices, context);
    let mut full = false;
    let mut nodes = Vec::with_capacity(drafts.nodes.len());
    for (draft, pinned) in drafts.nodes.iter().zip(pinned) {
        let address = pools.next(draft.segment, &draft.pinned, context);
        let mut pod_cidr = Addresses::default();
        for (written, slices) in pool.written.iter().zip(&mut slices) {
            let family = Family::of(&written.net);
            match pinned.get(family).or_else(|| slices.next()) {
                Some(slice) => pod_cidr.set(slice),
                None if full => {}
                None => {
                    full = true;
                    context.push(range_too_small(written, pool.mask(family), slices.capacity(), drafts));
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

fn range_too_small(written: &Written, mask: u8, capacity: u128, drafts: &Drafts<'_>) -> Diagnostic {
    let count = drafts.nodes.len();
    let message = format!("the pod range {} is too small for {count} nodes", written.net);
    let label = format!("holds {capacity} slices of /{mask}");
    let first_without = usize::try_from(capacity).ok().and_then(|place| drafts.nodes.get(place));
    let diagnostic = Diagnostic::new(Code::PodRangeTooSmall, message, written.span.clone(), label);
    let diagnostic = match first_without {
        Some(draft) => {
            diagnostic.also(draft.name_span.clone(), format!("nothing is left for `{}`", draft.name))
        }
        None => diagnostic,
    };
    let bits = u8::try_from(count.next_power_of_two().trailing_zeros()).unwrap_or(0);
    let range = mask.saturating_sub(bits);
    let help = match IpNet::new(written.net.network(), range) {
        Ok(net) => {
            format!("widen the range, for example pod_cidr = \"{}\", or make node_mask larger", net.trunc())
        }
        Err(_) => "widen pod_cidr or make node_mask larger".into(),
    };
    diagnostic.help(help)
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
        for written in underlay::networks(draft.row.value.pod_cidr.as_ref(), "pod_cidr", context) {
            let (net, span, family) = (written.net, written.span, Family::of(&written.net));
            let Some(place) = pool.written.iter().position(|range| Family::of(&range.net) == family) else {
                let message =
                    format!("`{}` has an {1} slice {net}, but pods have no {1}", draft.name, family.name());
                let label = format!("{} here", family.name());
                context.push(Diagnostic::new(Code::FamilyMismatch, message, span, label));
                continue;
            };
            let range = &pool.written[place];
            if !range.net.contains(&net) {
                let message = format!("`{}`'s pod CIDR {net} is outside the cluster's", draft.name);
                let diagnostic = Diagnostic::new(Code::OutsideRange, message, span, "outside");
                let label = format!("the pod range is {}", range.net);
                context.push(diagnostic.also(range.span.clone(), label));
            } else if Hosts::capacity(&net) < 2 || (net.addr().is_ipv6() && net.prefix_len() > 126) {
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
