//! Pods: who lives where, with which addresses and containers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use super::address::{Addresses, Family};
use super::build::Context;
use super::containers::{containers, texts};
use super::ipam::{self, Hosts};
use super::nodes::{Draft, Drafts};
use super::pool::PodPool;
use super::{Container, DataPath, Impairment, Node, Pod, impair, ports, ranges};
use crate::diag::{Code, Diagnostic, Span, quoted};
use crate::spec::{self, Document, Field, Pods, Row};

/// Pods begin at the second host of their node's slice; the first is the gateway.
const FIRST_POD: u128 = 2;

/// A pod as it was asked for.
struct PodDraft {
    name: String,
    span: Span,
    pinned: Vec<(IpAddr, Span)>,
    labels: BTreeMap<String, String>,
    impair: Option<Impairment>,
    containers: Vec<Container>,
}

impl PodDraft {
    fn new(name: String, span: Span) -> Self {
        Self { name, span, pinned: Vec::new(), labels: BTreeMap::new(), impair: None, containers: Vec::new() }
    }
}

/// Puts pods on the nodes and gives them addresses.
pub(super) fn build(
    document: &Document,
    drafts: &Drafts<'_>,
    (pool, data_path): (&PodPool, DataPath),
    nodes: &mut [Node],
    context: &mut Context,
) {
    let mut placement = Placement::new(drafts, context);
    for row in &document.pod {
        placement.describe(row, context);
    }
    let mut small = BTreeSet::new();
    for ((node, draft), pods) in nodes.iter_mut().zip(&drafts.nodes).zip(placement.pods) {
        give_addresses(node, draft, pods, (pool, data_path), &mut small, context);
    }
}

/// Who lives where.
struct Placement<'a> {
    nodes: BTreeMap<&'a str, usize>,
    node_names: Vec<&'a str>,
    /// The pods of each node.
    pods: Vec<Vec<PodDraft>>,
    /// Every pod: its node, and its place there.
    index: BTreeMap<String, (usize, usize)>,
    /// The pods that have a `[[pod]]`, with the place of its name.
    described: BTreeMap<&'a str, Span>,
}

/// The pods in a node's own `pods`.
fn listed(draft: &Draft<'_>, told: &mut BTreeSet<usize>, context: &mut Context) -> Vec<PodDraft> {
    let Some((pods, span)) = draft.pods else { return Vec::new() };
    let names: Vec<(String, Span)> = match pods {
        Pods::Count(count) => {
            (1..=*count).map(|place| (format!("{}-pod{place}", draft.name), span.clone())).collect()
        }
        Pods::Names(names) => {
            names.iter().filter_map(|field| Some((field.value.clone()?, field.span.clone()))).collect()
        }
    };
    let mut drafts = Vec::new();
    for (name, span) in names {
        match context.names.enter("pod", &name, &span) {
            Ok(()) => drafts.push(PodDraft::new(name, span)),
            Err(diagnostic) => {
                context.names.refuse(&name);
                if matches!(pods, Pods::Names(_)) {
                    context.push(diagnostic);
                    continue;
                }
                // One number makes the pods of many nodes: one error is enough for them.
                if told.insert(span.start) {
                    let help = format!("a counted pod is named after its node: {}", quoted(&name));
                    context.push(diagnostic.help(help));
                }
                context.incomplete = true;
                break;
            }
        }
    }
    drafts
}

impl<'a> Placement<'a> {
    /// The pods that nodes list themselves.
    fn new(drafts: &'a Drafts<'_>, context: &mut Context) -> Self {
        let node_names: Vec<&str> = drafts.nodes.iter().map(|draft| draft.name.as_str()).collect();
        let nodes = node_names.iter().enumerate().map(|(place, name)| (*name, place)).collect();
        let mut told = BTreeSet::new();
        let pods: Vec<Vec<PodDraft>> =
            drafts.nodes.iter().map(|draft| listed(draft, &mut told, context)).collect();
        let mut index = BTreeMap::new();
        for (node, pods) in pods.iter().enumerate() {
            for (place, pod) in pods.iter().enumerate() {
                index.insert(pod.name.clone(), (node, place));
            }
        }
        Self { nodes, node_names, pods, index, described: BTreeMap::new() }
    }

    /// A `[[pod]]`: a new pod, or more about one that a node lists.
    fn describe(&mut self, row: &'a Row<spec::Pod>, context: &mut Context) {
        let pod = &row.value;
        let pinned = ranges::addresses(pod.ip.as_ref(), context);
        let containers = containers(pod, context);
        let labels = texts(pod.labels.as_ref());
        let impair = impair::read(pod.impair.as_ref(), impair::Whose::NodeOrPod, context);
        let name = context.required(pod.name.as_ref(), "name", "pod", &row.span, "\"pod1\"");
        let Some((name, span)) = name else { return };
        if let Some(first) = self.described.get(name.as_str()) {
            let message = format!("pod {} is described twice", quoted(name));
            let label = "the second [[pod]] of this name";
            let diagnostic = Diagnostic::new(Code::DuplicateName, message, span, label);
            context
                .push(diagnostic.also(first.clone(), "the first").help("one [[pod]] says all about a pod"));
            return;
        }
        self.described.insert(name, span.clone());
        let Some((node, place)) = self.place(pod, name, &span, context) else {
            context.names.refuse(name);
            return;
        };
        let draft = &mut self.pods[node][place];
        *draft = PodDraft { pinned, labels, impair, containers, ..PodDraft::new(name.clone(), span) };
    }

    /// The node of a described pod and its place there, or a diagnostic.
    fn place(
        &mut self,
        pod: &spec::Pod,
        name: &str,
        span: &Span,
        context: &mut Context,
    ) -> Option<(usize, usize)> {
        let node = match &pod.node {
            Some(Field { value: None, .. }) => return None,
            Some(Field { value: Some(node), span }) => Some((self.find_node(node, span, context)?, span)),
            None => None,
        };
        match (self.index.get(name).copied(), node) {
            (Some((listed, place)), Some((node, at))) if listed != node => {
                let message = format!("pod `{name}` is placed on two nodes");
                let label = format!("on `{}` here", self.node_names[node]);
                let diagnostic = Diagnostic::new(Code::PlacedTwice, message, at.clone(), label);
                let other = format!("listed by `{}` here", self.node_names[listed]);
                let first = self.pods[listed][place].span.clone();
                context.push(diagnostic.also(first, other).help("keep one of the two"));
                None
            }
            (Some(found), _) => Some(found),
            (None, Some((node, _))) => {
                if let Err(diagnostic) = context.names.enter("pod", name, span) {
                    context.push(diagnostic);
                    return None;
                }
                let found = (node, self.pods[node].len());
                self.pods[node].push(PodDraft::new(name.to_owned(), span.clone()));
                self.index.insert(name.to_owned(), found);
                Some(found)
            }
            (None, None) if context.incomplete || context.names.is_refused(name) => None,
            (None, None) => {
                let message = format!("pod {} is on no node", quoted(name));
                let label = "no node lists it, and it names none";
                let diagnostic = Diagnostic::new(Code::MissingKey, message, span.clone(), label);
                let known = self.index.keys().map(String::as_str);
                let diagnostic = context.suggest(diagnostic, name, known);
                let node = self.node_names.first().copied().unwrap_or("node1");
                context.push(diagnostic.help(format!("write for example: node = \"{node}\"")));
                None
            }
        }
    }

    fn find_node(&self, name: &str, at: &Span, context: &mut Context) -> Option<usize> {
        let found = self.nodes.get(name).copied();
        if found.is_none() {
            context.unknown("node", name, at, || self.node_names.iter().copied());
        }
        found
    }
}

/// Pins first, in the file's order, then the rest in order.
fn give_addresses(
    node: &mut Node,
    draft: &Draft<'_>,
    pods: Vec<PodDraft>,
    (pool, data_path): (&PodPool, DataPath),
    small: &mut BTreeSet<(Family, usize)>,
    context: &mut Context,
) {
    let (most, why) = ports::for_pods(data_path);
    if pods.len() > most {
        let message = format!("`{}` has {} pods, and there is room for {most}", node.name, pods.len());
        let label = why;
        let diagnostic = Diagnostic::new(Code::TooLarge, message, draft.name_span.clone(), label);
        context.push(diagnostic.help("spread the pods over more nodes"));
        context.incomplete = true;
        return;
    }
    let mut given = vec![Addresses::default(); pods.len()];
    for slice in node.pod_cidr.iter().filter(|_| !pool.guessed) {
        let family = Family::of(&slice);
        let mut hosts = Hosts::new(slice, FIRST_POD);
        let gateway = node.gateway.get(family).map(|net| net.addr());
        let mut owners: Vec<(IpAddr, String, Span)> = Vec::new();
        if let Some(gateway) = gateway {
            hosts.take(gateway);
            owners.push((gateway, format!("cbr0 of `{}`, the gateway,", node.name), draft.name_span.clone()));
        }
        for (pod, given) in pods.iter().zip(&mut given) {
            let own = pod.pinned.iter().find(|(address, _)| Family::of_address(address) == family);
            let Some((address, span)) = own else { continue };
            if !hosts.allows(*address) {
                let message = format!("{address} is no pod address of `{}`", node.name);
                let label = format!("`{}` needs a host address of {slice}", pod.name);
                let diagnostic = Diagnostic::new(Code::OutsideRange, message, span.clone(), label);
                context.push(diagnostic.help(if slice.contains(address) {
                    "the first address of a slice names the network, and IPv4's last one is for broadcasts"
                } else {
                    "a pod's address comes from its node's slice, or the other nodes' routes would not find it"
                }));
            } else if hosts.take(*address) {
                owners.push((*address, format!("`{}`", pod.name), span.clone()));
                given.set(IpNet::new(*address, slice.prefix_len()).unwrap_or(slice));
            } else {
                let message = format!("{address} is given twice");
                let diagnostic =
                    Diagnostic::new(Code::AddressTaken, message, span.clone(), format!("for `{}`", pod.name));
                let owner = owners.iter().find(|(owned, ..)| owned == address);
                context.push(match owner {
                    Some((_, name, at)) => diagnostic.also(at.clone(), format!("{name} has it already")),
                    None => diagnostic,
                });
            }
        }
        for (pod, given) in pods.iter().zip(&mut given) {
            if pod.pinned.iter().any(|(address, _)| Family::of_address(address) == family) {
                continue;
            }
            let Some(address) = hosts.next() else {
                // One `count` or `pods` number makes many pods of one place: one error is enough for them.
                if !small.insert((family, pod.span.start)) {
                    break;
                }
                let message = format!("`{}`'s slice {slice} is too small for {} pods", node.name, pods.len());
                let label = format!("nothing is left for `{}`", pod.name);
                let room = Hosts::capacity(&slice).saturating_sub(1);
                let diagnostic = Diagnostic::new(Code::SliceTooSmall, message, pod.span.clone(), label);
                let plural = if room == 1 { "" } else { "s" };
                let wider = ipam::holding(family, pods.len() + 3);
                let remedy = match family {
                    _ if draft.pins_slice() => format!("give this node a pod_cidr of /{wider}"),
                    Family::V4 => format!("write for example node_mask = {wider} in [cluster]"),
                    Family::V6 => format!("write for example node_mask_v6 = {wider} in [cluster]"),
                };
                context.push(diagnostic.help(format!(
                    "a /{} holds {room} pod{plural} beside cbr0; {remedy}, or spread the pods over more nodes",
                    slice.prefix_len(),
                )));
                break;
            };
            given.set(address);
        }
    }
    for pod in &pods {
        for (address, span) in &pod.pinned {
            let family = Family::of_address(address);
            if pool.cidr.get(family).is_none() && !pool.guessed {
                let message =
                    format!("`{}` has an {1} address, but pods have no {1}", pod.name, family.name());
                let label = format!("{} here", family.name());
                let diagnostic = Diagnostic::new(Code::FamilyMismatch, message, span.clone(), label);
                context.push(
                    diagnostic
                        .help("give [cluster] pod_cidr a range of that family too, or leave this one out"),
                );
            }
        }
    }
    node.pods = pods
        .into_iter()
        .zip(given)
        .map(|(pod, address)| Pod {
            name: pod.name,
            address,
            labels: pod.labels,
            impair: pod.impair,
            containers: pod.containers,
        })
        .collect();
}
