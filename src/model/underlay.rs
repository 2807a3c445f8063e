//! Who has which address on the segments, and the routers between them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::address::{Addresses, Family};
use super::build::Context;
use super::ipam::{self, Hosts};
use super::nodes::{Draft, Drafts};
use super::segments::{self, Segments};
use super::{Router, RouterPort, Segment, ports};
use crate::diag::{Code, Diagnostic, Span};
use crate::spec::{Document, Field};

/// Nodes begin at this host of their segment, and routers at the first, so that `.1` is a router as people expect.
const FIRST_NODE: u128 = 11;

/// The hosts of every segment, and who has taken which.
pub(super) struct Pools {
    hosts: Vec<BTreeMap<Family, Hosts>>,
    subnets: Vec<(String, Addresses)>,
    spans: Vec<Span>,
    owners: BTreeMap<IpAddr, (String, Span)>,
    /// Segments about which there is nothing more to say: full, or with a subnet that is a guess.
    silent: Vec<bool>,
    /// How many nodes and routers are plugged into each.
    plugs: Vec<usize>,
    /// Whether the fabric has an address on each, too.
    fabric_routes: bool,
}

impl Pools {
    /// Pools of all segments, with what nodes pin already taken.
    pub(super) fn new(
        document: &Document,
        segments: &Segments,
        drafts: &Drafts<'_>,
        context: &mut Context,
    ) -> Self {
        let hosts = |segment: &Segment| {
            segment.subnet.iter().map(|net| (Family::of(&net), Hosts::new(net, 1))).collect()
        };
        let mut pools = Self {
            hosts: segments.all.iter().map(hosts).collect(),
            subnets: segments.all.iter().map(|segment| (segment.name.clone(), segment.subnet)).collect(),
            spans: segments.spans.clone(),
            owners: BTreeMap::new(),
            silent: segments.guessed.clone(),
            plugs: plugs(document, &segments.all, drafts),
            fabric_routes: false,
        };
        for draft in &drafts.nodes {
            for (address, span) in &draft.pinned {
                pools.pin(draft.segment, &draft.name, *address, span, context);
            }
        }
        pools.check_ports(document, drafts, context);
        pools
    }

    fn pin(&mut self, segment: usize, name: &str, address: IpAddr, span: &Span, context: &mut Context) {
        let Some((segment_name, subnet)) = self.subnets.get(segment).cloned() else { return };
        if self.silent[segment] {
            return;
        }
        let family = Family::of_address(&address);
        let Some(hosts) = self.hosts[segment].get_mut(&family) else {
            let message = format!("`{name}` has an {0} address, but this lab has no {0}", family.name());
            let diagnostic = Diagnostic::new(
                Code::FamilyMismatch,
                message,
                span.clone(),
                format!("{} here", family.name()),
            );
            context.push(
                diagnostic.help("give [cluster] pod_cidr a range of that family too, or leave this one out"),
            );
            return;
        };
        if !hosts.allows(address) {
            let net = subnet.get(family).map(|net| net.to_string()).unwrap_or_default();
            let message = format!("{address} is no host address of segment `{segment_name}`");
            let label = format!("not a host of {net}");
            let diagnostic = Diagnostic::new(Code::OutsideRange, message, span.clone(), label);
            let diagnostic = diagnostic.also(self.spans[segment].clone(), format!("its subnet is {net}"));
            context.push(diagnostic.help(
                "a host address is inside the subnet, and neither the subnet's own address nor its broadcast address",
            ));
            return;
        }
        if !hosts.take(address) {
            let message = format!("{address} is given twice");
            let diagnostic =
                Diagnostic::new(Code::AddressTaken, message, span.clone(), format!("for `{name}`"));
            let diagnostic = match self.owners.get(&address) {
                Some((owner, first)) => diagnostic.also(first.clone(), format!("`{owner}` has it already")),
                None => diagnostic,
            };
            context.push(diagnostic);
            return;
        }
        self.owners.insert(address, (name.to_owned(), span.clone()));
    }

    /// From here on addresses are given to nodes.
    pub(super) fn start_nodes(&mut self) {
        for (hosts, (_, subnet)) in self.hosts.iter_mut().zip(&self.subnets) {
            for net in subnet.iter() {
                if let Some(hosts) = hosts.get_mut(&Family::of(&net)) {
                    hosts.restart(FIRST_NODE);
                }
            }
        }
    }

    /// The next free addresses of a segment for who was named at `at`, in the families that `pinned` has none of.
    pub(super) fn next(
        &mut self,
        segment: usize,
        (name, at): (&str, &Span),
        pinned: &[(IpAddr, Span)],
        context: &mut Context,
    ) -> Addresses {
        let mut given = Addresses::default();
        let Some((_, subnet)) = self.subnets.get(segment) else { return given };
        for net in subnet.iter() {
            let family = Family::of(&net);
            let own = pinned
                .iter()
                .map(|(address, _)| *address)
                .find(|address| Family::of_address(address) == family);
            let address = match own {
                Some(address) => IpNet::new(address, net.prefix_len()).ok(),
                None => self.hosts[segment].get_mut(&family).and_then(Hosts::next),
            };
            match address {
                Some(address) => given.set(address),
                None if self.silent[segment] => {}
                None => {
                    self.silent[segment] = true;
                    context.push(self.too_small(segment, net, name, at));
                }
            }
        }
        given
    }

    fn too_small(&self, segment: usize, net: IpNet, name: &str, at: &Span) -> Diagnostic {
        let (segment_name, plugs) = (&self.subnets[segment].0, self.plugs[segment]);
        let capacity = Hosts::capacity(&net);
        let whom = if self.fabric_routes { "the fabric and " } else { "" };
        let message = format!(
            "segment `{segment_name}` has {capacity} addresses for {whom}{plugs} nodes and routers: {net}"
        );
        let label = format!("nothing is left for `{name}`");
        let diagnostic = Diagnostic::new(Code::SegmentTooSmall, message, at.clone(), label);
        let place = &self.spans[segment];
        let table = if place.is_empty() { "[underlay]" } else { "[[segment]]" };
        let diagnostic = if place.is_empty() {
            diagnostic
        } else {
            diagnostic.also(place.clone(), format!("{net} holds {capacity}"))
        };
        // Beside them the subnet's own address and, in IPv4, its broadcast address.
        let wider = ipam::holding(Family::of(&net), plugs + usize::from(self.fabric_routes) + 2);
        match IpNet::new(net.network(), wider) {
            Ok(wider) => diagnostic.help(format!("write for example: {table} cidr = \"{}\"", wider.trunc())),
            Err(_) => diagnostic,
        }
    }

    /// Says so when a segment has more plugs than a bridge has ports.
    fn check_ports(&self, document: &Document, drafts: &Drafts<'_>, context: &mut Context) {
        let crowded = self.plugs.iter().enumerate().filter(|(_, plugs)| **plugs > ports::OF_A_BRIDGE);
        for (segment, plugs) in crowded {
            let (name, at) = (&self.subnets[segment].0, &self.spans[segment]);
            let node = drafts.nodes.iter().rfind(|draft| draft.segment == segment);
            let router = || joined(document).filter(|(joined, _)| joined == name).last().map(|(_, at)| at);
            let Some(last) = node.map(Draft::segment_span).or_else(router) else { continue };
            let message = format!("segment `{name}` has {plugs} nodes and routers");
            let label = format!("a Linux bridge has {} ports", ports::OF_A_BRIDGE);
            let diagnostic = Diagnostic::new(Code::TooLarge, message, last, label);
            let diagnostic =
                if at.is_empty() { diagnostic } else { diagnostic.also(at.clone(), "the segment") };
            context.push(diagnostic.help("spread the nodes over several segments joined by a router"));
        }
    }
}

/// The segments that routers say they join, and where they do.
fn joined(document: &Document) -> impl Iterator<Item = (&str, Span)> {
    document.router.iter().flat_map(|row| row.value.segments.iter().flat_map(Field::items))
}

/// How many nodes and routers are plugged into each segment.
fn plugs(document: &Document, segments: &[Segment], drafts: &Drafts<'_>) -> Vec<usize> {
    let mut plugs = vec![0; segments.len()];
    for draft in &drafts.nodes {
        if let Some(count) = plugs.get_mut(draft.segment) {
            *count += 1;
        }
    }
    for (name, _) in joined(document) {
        if let Some(place) = segments.iter().position(|segment| segment.name == name) {
            plugs[place] += 1;
        }
    }
    plugs
}

/// The fabric's own addresses, one on each segment.
pub(super) fn fabric(all: &[Segment], pools: &mut Pools, context: &mut Context) -> Vec<Addresses> {
    pools.fabric_routes = true;
    let segments = 0..all.len();
    segments
        .map(|place| {
            let at = pools.spans[place].clone();
            pools.next(place, ("fabric", &at), &[], context)
        })
        .collect()
}

/// The routers with their addresses.
pub(super) fn routers(
    document: &Document,
    all: &[Segment],
    pools: &mut Pools,
    context: &mut Context,
) -> Vec<Router> {
    let mut routers = Vec::new();
    for row in &document.router {
        let name = context.required(row.value.name.as_ref(), "name", "router", &row.span, "\"router1\"");
        let joined = context.required(
            row.value.segments.as_ref(),
            "segments",
            "router",
            &row.span,
            "[\"rack1\", \"rack2\"]",
        );
        let Some((name, span)) = name else { continue };
        if let Err(diagnostic) = context.names.enter("router", name, &span) {
            context.push(diagnostic);
        }
        let Some((_, joined_span)) = joined else { continue };
        let mut ports: Vec<RouterPort> = Vec::new();
        let mut wrong = false;
        for (segment, at) in row.value.segments.iter().flat_map(Field::items) {
            let Some(place) = segments::find(all, segment, &at, context) else {
                wrong = true;
                continue;
            };
            if ports.iter().any(|port| port.segment == place) {
                wrong = true;
                let message = format!("router `{name}` is plugged into segment `{segment}` twice");
                let diagnostic = Diagnostic::new(Code::BadRouter, message, at, "the second time");
                context.push(
                    diagnostic
                        .help("a second cable to the same switch joins nothing more: name another segment"),
                );
                continue;
            }
            ports.push(RouterPort { segment: place, address: pools.next(place, (name, &at), &[], context) });
        }
        if ports.len() < 2 && !wrong {
            let message = format!("router `{name}` joins nothing");
            let diagnostic =
                Diagnostic::new(Code::BadRouter, message, joined_span, "fewer than two segments");
            context.push(diagnostic.help("a router forwards between two segments or more"));
        }
        routers.push(Router { name: name.clone(), ports });
    }
    pools.start_nodes();
    routers
}
