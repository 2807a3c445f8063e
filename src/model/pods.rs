//! Pods: who lives where, with which addresses and containers.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::address::{Addresses, Family};
use super::build::Context;
use super::ipam::Hosts;
use super::names;
use super::nodes::{Draft, Drafts};
use super::{Container, Node, Pod, Restart, underlay};
use crate::diag::{Code, Diagnostic, Span};
use crate::spec::{self, Document, Field, Pods, Row};

/// Pods begin at the second host of their node's slice; the first is the gateway.
const FIRST_POD: u128 = 2;
/// Ports of one Linux bridge.
const PODS_PER_NODE: usize = 1023;

/// A pod as it was asked for.
struct PodDraft {
    name: String,
    span: Span,
    pinned: Vec<(IpAddr, Span)>,
    labels: BTreeMap<String, String>,
    containers: Vec<Container>,
}

/// Puts pods on the nodes and gives them addresses.
pub(super) fn build(document: &Document, drafts: &Drafts<'_>, nodes: &mut [Node], context: &mut Context) {
    let mut placed: Vec<Vec<PodDraft>> = drafts.nodes.iter().map(|draft| listed(draft, context)).collect();
    let mut index: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (node, pods) in placed.iter().enumerate() {
        for (place, pod) in pods.iter().enumerate() {
            index.insert(pod.name.clone(), (node, place));
        }
    }
    let mut described: BTreeMap<&str, Span> = BTreeMap::new();
    for row in &document.pod {
        describe(row, drafts, &mut placed, &mut index, &mut described, context);
    }
    for ((node, draft), pods) in nodes.iter_mut().zip(&drafts.nodes).zip(placed) {
        give_addresses(node, draft, pods, context);
    }
}

/// The pods in a node's own `pods`.
fn listed(draft: &Draft<'_>, context: &mut Context) -> Vec<PodDraft> {
    let Some(Field { value: Some(pods), span }) = &draft.row.value.pods else { return Vec::new() };
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
            Ok(()) => drafts.push(PodDraft {
                name,
                span,
                pinned: Vec::new(),
                labels: BTreeMap::new(),
                containers: Vec::new(),
            }),
            Err(diagnostic) => {
                context.push(diagnostic);
                if matches!(pods, Pods::Count(_)) {
                    break;
                }
            }
        }
    }
    drafts
}

/// A `[[pod]]`: a new pod, or more about one that a node lists.
fn describe<'a>(
    row: &'a Row<spec::Pod>,
    drafts: &Drafts<'_>,
    placed: &mut [Vec<PodDraft>],
    index: &mut BTreeMap<String, (usize, usize)>,
    described: &mut BTreeMap<&'a str, Span>,
    context: &mut Context,
) {
    let pod = &row.value;
    let pinned = underlay::addresses(pod.ip.as_ref(), context);
    let containers = containers(pod, context);
    let labels = texts(pod.labels.as_ref());
    let Some((name, span)) = context.required(pod.name.as_ref(), "name", "pod", &row.span, "\"pod1\"") else {
        return;
    };
    if let Some(first) = described.get(name.as_str()) {
        let message = format!("pod `{name}` is described twice");
        let diagnostic =
            Diagnostic::new(Code::DuplicateName, message, span, "the second [[pod]] of this name");
        context.push(diagnostic.also(first.clone(), "the first"));
        return;
    }
    described.insert(name, span.clone());
    let node = match &pod.node {
        Some(Field { value: None, .. }) => return,
        Some(Field { value: Some(node), span }) => match find_node(node, span, drafts, context) {
            Some(node) => Some((node, span)),
            None => return,
        },
        None => None,
    };
    let known = index.get(name.as_str()).copied();
    let (node, place) = match (known, node) {
        (Some((listed, place)), Some((node, at))) if listed != node => {
            let message = format!("pod `{name}` is placed on two nodes");
            let label = format!("on `{}` here", drafts.nodes[node].name);
            let diagnostic = Diagnostic::new(Code::PlacedTwice, message, at.clone(), label);
            let other = format!("listed by `{}` here", drafts.nodes[listed].name);
            context
                .push(diagnostic.also(placed[listed][place].span.clone(), other).help("keep one of the two"));
            return;
        }
        (Some(found), _) => found,
        (None, Some((node, _))) => {
            if let Err(diagnostic) = context.names.enter("pod", name, &span) {
                context.push(diagnostic);
                return;
            }
            let draft = PodDraft {
                name: name.clone(),
                span: span.clone(),
                pinned: Vec::new(),
                labels: BTreeMap::new(),
                containers: Vec::new(),
            };
            placed[node].push(draft);
            index.insert(name.clone(), (node, placed[node].len() - 1));
            (node, placed[node].len() - 1)
        }
        (None, None) => {
            let message = format!("pod `{}` is on no node", name.escape_debug());
            let diagnostic =
                Diagnostic::new(Code::MissingKey, message, span, "no node lists it, and it names none");
            let diagnostic = diagnostic.suggest(name, index.keys().map(String::as_str));
            context.push(diagnostic.help("write for example: node = \"node1\""));
            return;
        }
    };
    let draft = &mut placed[node][place];
    draft.pinned = pinned;
    draft.labels = labels;
    draft.containers = containers;
    draft.span = span;
}

fn find_node(name: &str, at: &Span, drafts: &Drafts<'_>, context: &mut Context) -> Option<usize> {
    let found = drafts.nodes.iter().position(|draft| draft.name == name);
    if found.is_none() {
        let message = format!("there is no node `{}`", name.escape_debug());
        let diagnostic = Diagnostic::new(Code::UnknownName, message, at.clone(), "not in this file");
        let names = || drafts.nodes.iter().map(|draft| draft.name.as_str());
        let diagnostic = diagnostic.suggest(name, names());
        let known: Vec<&str> = names().take(8).collect();
        let help =
            if diagnostic.help.is_empty() { Some(format!("nodes here: {}", known.join(", "))) } else { None };
        context.push(help.into_iter().fold(diagnostic, Diagnostic::help));
    }
    found
}

fn texts(fields: Option<&BTreeMap<String, Field<String>>>) -> BTreeMap<String, String> {
    let fields = fields.into_iter().flatten();
    fields.filter_map(|(key, field)| Some((key.clone(), field.value.clone()?))).collect()
}

fn containers(pod: &spec::Pod, context: &mut Context) -> Vec<Container> {
    let mut seen: BTreeMap<String, Span> = BTreeMap::new();
    let mut all = Vec::new();
    for row in pod.container.iter().flatten() {
        let container = &row.value;
        let restart = match context.word("restart", container.restart.as_ref()) {
            Some(("on-failure", _)) => Restart::OnFailure,
            Some(("never", _)) => Restart::Never,
            _ => Restart::Always,
        };
        let example = "[\"netlab\", \"serve\", \"http:80\"]";
        let command =
            context.required(container.command.as_ref(), "command", "container", &row.span, example);
        let words: Option<Vec<String>> =
            command.as_ref().map(|(words, _)| words.iter().filter_map(|word| word.value.clone()).collect());
        if let (Some(words), Some((_, at))) = (&words, &command)
            && words.first().is_none_or(String::is_empty)
        {
            let diagnostic =
                Diagnostic::new(Code::BadContainer, "this container has nothing to run", at.clone(), "empty");
            context.push(diagnostic.help(format!("write for example: command = {example}")));
        }
        for (key, field) in container.env.iter().flatten() {
            if key.is_empty() || key.contains(['=', '\0']) {
                let message = format!("`{}` cannot be an environment variable", key.escape_debug());
                context.push(Diagnostic::new(
                    Code::BadContainer,
                    message,
                    field.span.clone(),
                    "in this name",
                ));
            }
        }
        let name = context.required(container.name.as_ref(), "name", "container", &row.span, "\"web\"");
        let Some((name, span)) = name else { continue };
        if let Err(why) = names::check_name(name) {
            context.push(names::invalid("container", name, span.clone(), why));
            continue;
        }
        if let Some(first) = seen.insert(name.clone(), span.clone()) {
            let message = format!("two containers of one pod are called `{name}`");
            let diagnostic = Diagnostic::new(Code::DuplicateName, message, span, "the second");
            context.push(diagnostic.also(first, "the first"));
            continue;
        }
        let (name, command) = (name.clone(), words.unwrap_or_default());
        all.push(Container { name, command, env: texts(container.env.as_ref()), restart });
    }
    all
}

/// Pins first, in the file's order, then the rest in order.
fn give_addresses(node: &mut Node, draft: &Draft<'_>, pods: Vec<PodDraft>, context: &mut Context) {
    if pods.len() > PODS_PER_NODE {
        let message = format!("`{}` has {} pods", node.name, pods.len());
        let label = format!("a Linux bridge has {PODS_PER_NODE} ports");
        context.push(Diagnostic::new(Code::TooLarge, message, draft.name_span.clone(), label));
        return;
    }
    let mut given = vec![Addresses::default(); pods.len()];
    for slice in node.pod_cidr.iter() {
        let family = Family::of(&slice);
        let mut hosts = Hosts::new(slice, FIRST_POD);
        let gateway = node.gateway.get(family).map(|net| net.addr());
        let mut owners: Vec<(IpAddr, String, Span)> = Vec::new();
        if let Some(gateway) = gateway {
            hosts.take(gateway);
            owners.push((gateway, format!("{}'s cbr0", node.name), draft.name_span.clone()));
        }
        for (pod, given) in pods.iter().zip(&mut given) {
            let own = pod.pinned.iter().find(|(address, _)| Family::of_address(address) == family);
            let Some((address, span)) = own else { continue };
            if !hosts.allows(*address) {
                let message = format!("{address} is not in `{}`'s slice", node.name);
                let label = format!("`{}` must be in {slice}", pod.name);
                context.push(Diagnostic::new(Code::OutsideRange, message, span.clone(), label));
            } else if hosts.take(*address) {
                owners.push((*address, pod.name.clone(), span.clone()));
                given.set(IpNet::new(*address, slice.prefix_len()).unwrap_or(slice));
            } else {
                let message = format!("{address} is given twice");
                let diagnostic =
                    Diagnostic::new(Code::AddressTaken, message, span.clone(), format!("for `{}`", pod.name));
                let owner = owners.iter().find(|(owned, ..)| owned == address);
                context.push(match owner {
                    Some((_, name, at)) => diagnostic.also(at.clone(), format!("`{name}` has it already")),
                    None => diagnostic,
                });
            }
        }
        for (pod, given) in pods.iter().zip(&mut given) {
            if pod.pinned.iter().any(|(address, _)| Family::of_address(address) == family) {
                continue;
            }
            let Some(address) = hosts.next() else {
                let message = format!("`{}`'s slice {slice} is too small for {} pods", node.name, pods.len());
                let label = format!("nothing is left for `{}`", pod.name);
                let room = Hosts::capacity(&slice).saturating_sub(1);
                let diagnostic = Diagnostic::new(Code::SliceTooSmall, message, pod.span.clone(), label);
                context.push(diagnostic.help(format!(
                    "a /{} holds {room} pods beside cbr0; make node_mask smaller, or spread the pods over more nodes",
                    slice.prefix_len()
                )));
                break;
            };
            given.set(address);
        }
    }
    for pod in &pods {
        for (address, span) in &pod.pinned {
            let family = Family::of_address(address);
            if node.pod_cidr.get(family).is_none() {
                let message =
                    format!("`{}` has an {1} address, but pods have no {1}", pod.name, family.name());
                let label = format!("{} here", family.name());
                context.push(Diagnostic::new(Code::FamilyMismatch, message, span.clone(), label));
            }
        }
    }
    node.pods = pods
        .into_iter()
        .zip(given)
        .map(|(pod, address)| Pod { name: pod.name, address, labels: pod.labels, containers: pod.containers })
        .collect();
}
