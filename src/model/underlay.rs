//! Segments, routers, and who has which address on them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::address::{Addresses, Family};
use super::build::Context;
use super::ipam::{self, Hosts};
use super::nodes::{Drafts, PodPool};
use super::{Router, RouterPort, Segment};
use crate::diag::{Code, Diagnostic, Span};
use crate::spec::{Document, Field, Names, Row};

/// The subnet of the first segment unless the file names one.
const DEFAULT_V4: &str = "192.168.66.0/24";
const DEFAULT_V6: &str = "fd00:66::/64";
/// The segment's name in a file that names none.
const DEFAULT_NAME: &str = "underlay";
/// Nodes begin at this host of their segment, and routers at the first, so that `.1` is a router as people expect.
const FIRST_NODE: u128 = 11;
/// Ports of one Linux bridge (`BR_MAX_PORTS` is 1 << 10, and port 0 is not used).
const BRIDGE_PORTS: usize = 1023;

/// A network as it was written.
pub(super) struct Written {
    pub(super) net: IpNet,
    pub(super) span: Span,
}

/// The networks of a `cidr`-like key: at most one of each family.
pub(super) fn networks(field: Option<&Field<Names>>, key: &str, context: &mut Context) -> Vec<Written> {
    let mut all: Vec<Written> = Vec::new();
    for (text, span) in field.iter().flat_map(|field| field.items()) {
        let net: IpNet = match text.parse() {
            Ok(net) => net,
            Err(_) => {
                let message = format!("`{}` is not a network", text.escape_debug());
                let help = match text.parse::<IpAddr>() {
                    Ok(address) => format!("write the prefix length too, such as {address}/24"),
                    Err(_) => "a network is an address and a prefix length, such as 10.244.0.0/16".into(),
                };
                context.push(Diagnostic::new(Code::InvalidAddress, message, span, "not a CIDR").help(help));
                continue;
            }
        };
        if net.trunc() != net {
            let message = format!("`{net}` is an address in a network, not a network");
            let help = format!("the network is {}", net.trunc());
            context
                .push(Diagnostic::new(Code::InvalidAddress, message, span, "host bits are set").help(help));
            continue;
        }
        if let Some(other) = all.iter().find(|other| Family::of(&other.net) == Family::of(&net)) {
            let message = format!("`{key}` has two {} networks", Family::of(&net).name());
            let diagnostic = Diagnostic::new(Code::FamilyMismatch, message, span, "the second");
            let diagnostic = diagnostic.also(other.span.clone(), "the first");
            context.push(diagnostic.help("dual stack is one IPv4 and one IPv6 network"));
            continue;
        }
        all.push(Written { net, span });
    }
    all
}

/// The addresses of an `ip`-like key: at most one of each family.
pub(super) fn addresses(field: Option<&Field<Names>>, context: &mut Context) -> Vec<(IpAddr, Span)> {
    let mut all: Vec<(IpAddr, Span)> = Vec::new();
    for (text, span) in field.iter().flat_map(|field| field.items()) {
        match text.parse::<IpAddr>() {
            Ok(address) if all.iter().any(|(other, _)| other.is_ipv4() == address.is_ipv4()) => {
                let message =
                    format!("two {} addresses where one can be", Family::of_address(&address).name());
                context.push(Diagnostic::new(
                    Code::FamilyMismatch,
                    message,
                    span,
                    "the second of its family",
                ));
            }
            Ok(address) => all.push((address, span)),
            Err(_) => {
                let message = format!("`{}` is not an address", text.escape_debug());
                let help = match text.parse::<IpNet>() {
                    Ok(net) => format!("the prefix length is known already: write \"{}\"", net.addr()),
                    Err(_) => "an address is for example 10.244.1.7 or fd00:244:0:1::7".into(),
                };
                context
                    .push(Diagnostic::new(Code::InvalidAddress, message, span, "not an address").help(help));
            }
        }
    }
    all
}

/// The segments with their subnets, and where each was named.
pub(super) fn segments(
    document: &Document,
    pool: &PodPool,
    context: &mut Context,
) -> (Vec<Segment>, Vec<Span>) {
    let underlay = document.underlay.as_ref();
    let given = networks(underlay.and_then(|row| row.value.cidr.as_ref()), "cidr", context);
    let mut used: Vec<Written> = Vec::new();
    let mut segments = Vec::new();
    let mut spans = Vec::new();
    let default =
        [Row { span: underlay.map_or(0..0, |row| row.span.clone()), value: crate::spec::Segment::default() }];
    let rows = if document.segment.is_empty() { &default[..] } else { &document.segment[..] };
    for row in rows {
        let name = if document.segment.is_empty() {
            Some((DEFAULT_NAME, row.span.clone()))
        } else {
            let name = context.required(row.value.name.as_ref(), "name", "segment", &row.span, "\"rack1\"");
            name.map(|(name, span)| (name.as_str(), span))
        };
        let Some((name, span)) = name else { continue };
        if let Err(diagnostic) = context.names.enter("segment", name, &span) {
            context.push(diagnostic);
            continue;
        }
        let own = networks(row.value.cidr.as_ref(), "cidr", context);
        let mut subnet = Addresses::default();
        for family in Family::ALL.into_iter().filter(|family| pool.cidr.get(*family).is_some()) {
            let written = own.iter().find(|written| Family::of(&written.net) == family);
            let (net, at) = match written {
                Some(written) => (written.net, written.span.clone()),
                None => {
                    let Some(net) = automatic(family, &given, &used) else { continue };
                    let at =
                        given.iter().find(|written| written.net == net).map(|written| written.span.clone());
                    (net, at.unwrap_or_else(|| span.clone()))
                }
            };
            check_subnet(name, net, &at, pool, &used, context);
            used.push(Written { net, span: at });
            subnet.set(net);
        }
        for written in
            own.iter().chain(&given).filter(|written| pool.cidr.get(Family::of(&written.net)).is_none())
        {
            let family = Family::of(&written.net).name();
            let message = format!("segment `{name}` has an {family} subnet, but pods have no {family}");
            let label = format!("{family} here");
            let diagnostic = Diagnostic::new(Code::FamilyMismatch, message, written.span.clone(), label);
            context.push(
                diagnostic.help("give [cluster] pod_cidr a range of that family too, or leave this one out"),
            );
        }
        segments.push(Segment { name: name.to_owned(), subnet });
        spans.push(span);
    }
    (segments, spans)
}

/// The subnet of a segment that names none: the underlay's own, or the next one of its size that is free.
fn automatic(family: Family, given: &[Written], used: &[Written]) -> Option<IpNet> {
    let default = match family {
        Family::V4 => DEFAULT_V4,
        Family::V6 => DEFAULT_V6,
    };
    let base = given.iter().map(|written| written.net).find(|net| Family::of(net) == family);
    let base = base.or_else(|| default.parse().ok())?;
    let step = 1u128.checked_shl(u32::from(family.bits() - base.prefix_len()))?;
    let mut candidate = base;
    while used.iter().any(|other| overlap(&other.net, &candidate)) {
        let next = ipam::number(candidate.network()).checked_add(step)?;
        if family == Family::V4 && next > u128::from(u32::MAX) {
            return None;
        }
        candidate = IpNet::new(ipam::address(family, next), base.prefix_len()).ok()?;
    }
    Some(candidate)
}

fn check_subnet(name: &str, net: IpNet, at: &Span, pool: &PodPool, used: &[Written], context: &mut Context) {
    if Hosts::capacity(&net) < 2 || (net.addr().is_ipv6() && net.prefix_len() > 126) {
        let message = format!("segment `{name}` has no room in {net}");
        let diagnostic = Diagnostic::new(Code::SegmentTooSmall, message, at.clone(), "a /30 holds two hosts");
        context.push(diagnostic.help("give it a larger subnet, such as 192.168.66.0/24"));
    }
    let pods = pool.written(Family::of(&net));
    let clash = used.iter().map(|other| (other.net, other.span.clone(), "this segment"));
    let clash = clash.chain(pods.into_iter().map(|(net, span)| (net, span, "the pod range")));
    for (other, span, what) in clash.filter(|(other, ..)| overlap(other, &net)) {
        let message = format!("segment `{name}`'s subnet {net} overlaps with {other}");
        let diagnostic = Diagnostic::new(Code::OverlappingRanges, message, at.clone(), format!("{net} here"));
        let diagnostic = diagnostic.also(span, format!("{other} is {what}"));
        context.push(diagnostic.help("every segment and the pod range need ranges of their own"));
    }
}

/// Whether two networks have an address in common.
pub(super) fn overlap(one: &IpNet, other: &IpNet) -> bool {
    one.contains(other) || other.contains(one)
}

/// The hosts of every segment, and who has taken which.
pub(super) struct Pools {
    hosts: Vec<BTreeMap<Family, Hosts>>,
    subnets: Vec<(String, Addresses)>,
    spans: Vec<Span>,
    owners: BTreeMap<IpAddr, (String, Span)>,
    full: Vec<usize>,
}

impl Pools {
    /// Pools of all segments, with what nodes pin already taken.
    pub(super) fn new(
        segments: &[Segment],
        spans: &[Span],
        drafts: &Drafts<'_>,
        context: &mut Context,
    ) -> Self {
        let hosts = |segment: &Segment| {
            segment.subnet.iter().map(|net| (Family::of(&net), Hosts::new(net, 1))).collect()
        };
        let mut pools = Self {
            hosts: segments.iter().map(hosts).collect(),
            subnets: segments.iter().map(|segment| (segment.name.clone(), segment.subnet)).collect(),
            spans: spans.to_vec(),
            owners: BTreeMap::new(),
            full: Vec::new(),
        };
        for draft in &drafts.nodes {
            for (address, span) in &draft.pinned {
                pools.pin(draft.segment, &draft.name, *address, span, context);
            }
        }
        pools
    }

    fn pin(&mut self, segment: usize, name: &str, address: IpAddr, span: &Span, context: &mut Context) {
        let Some((segment_name, subnet)) = self.subnets.get(segment).cloned() else { return };
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
            let diagnostic =
                Diagnostic::new(Code::OutsideRange, message, span.clone(), format!("not a host of {net}"));
            context
                .push(diagnostic.also(self.spans[segment].clone(), format!("the segment's subnet is {net}")));
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

    /// The next free addresses of a segment, in the families that `pinned` has none of.
    pub(super) fn next(
        &mut self,
        segment: usize,
        pinned: &[(IpAddr, Span)],
        context: &mut Context,
    ) -> Addresses {
        let mut given = Addresses::default();
        let Some((name, subnet)) = self.subnets.get(segment).cloned() else { return given };
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
                None if self.full.contains(&segment) => {}
                None => {
                    self.full.push(segment);
                    let message = format!("segment `{name}` has too few addresses for its nodes and routers");
                    let label = format!("{net} holds {}", Hosts::capacity(&net));
                    let diagnostic =
                        Diagnostic::new(Code::SegmentTooSmall, message, self.spans[segment].clone(), label);
                    let wider = net.prefix_len().saturating_sub(4);
                    let help = IpNet::new(net.network(), wider)
                        .map(|net| net.trunc().to_string())
                        .unwrap_or_default();
                    context.push(diagnostic.help(format!("write for example: [underlay] cidr = \"{help}\"")));
                }
            }
        }
        given
    }

    /// Says so when a segment has more plugs than a bridge has ports.
    pub(super) fn check_ports(&self, users: &[usize], context: &mut Context) {
        for (place, ((name, _), span)) in self.subnets.iter().zip(&self.spans).enumerate() {
            let count = users.iter().filter(|user| **user == place).count();
            if count > BRIDGE_PORTS {
                let message = format!("segment `{name}` has {count} nodes");
                let label = format!("a Linux bridge has {BRIDGE_PORTS} ports");
                let diagnostic = Diagnostic::new(Code::TooLarge, message, span.clone(), label);
                context.push(diagnostic.help("spread the nodes over several segments joined by a router"));
            }
        }
    }
}

/// The routers with their addresses.
pub(super) fn routers(
    document: &Document,
    segments: &[Segment],
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
            let Some(place) = find_segment(segments, segment, &at, context) else {
                wrong = true;
                continue;
            };
            if ports.iter().any(|port| port.segment == place) {
                wrong = true;
                let message = format!("router `{name}` is plugged into segment `{segment}` twice");
                context.push(Diagnostic::new(Code::BadRouter, message, at, "the second time"));
                continue;
            }
            ports.push(RouterPort { segment: place, address: pools.next(place, &[], context) });
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

/// The segment of that name, or a diagnostic.
pub(super) fn find_segment(
    segments: &[Segment],
    name: &str,
    at: &Span,
    context: &mut Context,
) -> Option<usize> {
    let found = segments.iter().position(|segment| segment.name == name);
    if found.is_none() {
        let names = || segments.iter().map(|segment| segment.name.as_str());
        let message = format!("there is no segment `{}`", name.escape_debug());
        let diagnostic = Diagnostic::new(Code::UnknownName, message, at.clone(), "not in this file");
        let diagnostic = diagnostic.suggest(name, names());
        let known: Vec<&str> = names().take(8).collect();
        let help = if diagnostic.help.is_empty() {
            Some(format!("segments here: {}", known.join(", ")))
        } else {
            None
        };
        context.push(help.into_iter().fold(diagnostic, Diagnostic::help));
    }
    found
}
