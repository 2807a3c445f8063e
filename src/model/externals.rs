//! Hosts beyond the cluster, and whose traffic to where keeps its source address.

use std::net::IpAddr;

use ipnet::IpNet;

use super::address::{Addresses, Family};
use super::build::Context;
use super::pool::PodPool;
use super::ranges::{self, overlap};
use super::segments::Segments;
use super::{External, Lab, ipam};
use crate::diag::{Code, Diagnostic, Span};
use crate::spec::{Cluster, Document};

/// Where externals begin that name no address: in the networks that are kept free for examples (TEST-NET-3 of RFC 5737,
/// and RFC 3849), which nobody in the real Internet has.
const FIRST_V4: &str = "203.0.113.10";
const FIRST_V6: &str = "2001:db8:113::10";
/// Addresses that only neighbours can use (RFC 3927): the cable to an external itself has one.
const LINK_LOCAL: &str = "169.254.0.0/16";

/// What every external serves: HTTP, which tells who asked, echo by TCP and UDP, and STUN, which tells by UDP.
pub const SERVICES: [&str; 3] = ["http:80", "echo:7", "stun:3478"];
/// How many sockets listen then: one for HTTP, two each for the others.
pub const SOCKETS: usize = 5;

/// The externals with their addresses.
pub(super) fn build(
    document: &Document,
    pool: &PodPool,
    segments: &Segments,
    context: &mut Context,
) -> Vec<External> {
    let mut taken = Taken::default();
    let rows: Vec<_> =
        document.external.iter().map(|row| (row, pinned(row, pool, &mut taken, context))).collect();
    let mut externals = Vec::new();
    for (row, pinned) in rows {
        let name = context.required(row.value.name.as_ref(), "name", "external", &row.span, "\"internet\"");
        let Some((name, span)) = name else { continue };
        if let Err(diagnostic) = context.names.enter("external", name, &span) {
            context.push(diagnostic);
        }
        let mut address = Addresses::default();
        for family in Family::ALL.into_iter().filter(|family| pool.cidr.get(*family).is_some()) {
            let own = pinned.iter().find(|(ip, _)| Family::of_address(ip) == family).cloned();
            let Some((ip, at)) = own.or_else(|| Some((taken.next(family)?, span.clone()))) else { continue };
            check_outside(name, ip, &at, pool, segments, context);
            address.set(ip.into());
        }
        externals.push(External { name: name.clone(), address });
    }
    externals
}

/// The addresses that an external's table names, those that are wrong left out.
fn pinned(
    row: &crate::spec::Row<crate::spec::External>,
    pool: &PodPool,
    taken: &mut Taken,
    context: &mut Context,
) -> Vec<(IpAddr, Span)> {
    let mut right = ranges::addresses(row.value.ip.as_ref(), context);
    right.retain(|(ip, span)| {
        let family = Family::of_address(ip);
        let refusal = not_a_host(*ip, span)
            .or_else(|| (pool.cidr.get(family).is_none() && !pool.guessed).then(|| no_family(family, span)));
        let refusal = refusal.or_else(|| taken.take(*ip, span));
        let fine = refusal.is_none();
        refusal.into_iter().for_each(|diagnostic| context.push(diagnostic));
        fine
    });
    right
}

fn not_a_host(ip: IpAddr, span: &Span) -> Option<Diagnostic> {
    let net = IpNet::from(ip);
    let link_local: IpNet = LINK_LOCAL.parse().ok()?;
    let (range, what) = ranges::reserved(&net)
        .or_else(|| overlap(&link_local, &net).then_some((link_local, "link-local")))?;
    let message = format!("{ip} is no address of a host: {range} is {what}");
    let diagnostic = Diagnostic::new(Code::InvalidAddress, message, span.clone(), what);
    Some(diagnostic.help(
        "any address of the public Internet will do, such as 203.0.113.10 or 8.8.8.8: the lab is sealed",
    ))
}

fn no_family(family: Family, span: &Span) -> Diagnostic {
    let message = format!("an external has an {0} address, but this lab has no {0}", family.name());
    let diagnostic =
        Diagnostic::new(Code::FamilyMismatch, message, span.clone(), format!("{} here", family.name()));
    diagnostic.help("give [cluster] pod_cidr a range of that family too, or leave this one out")
}

/// Addresses that an external may have: of the ranges that are kept for examples (RFC 5737, RFC 3849), and known ones.
const OUTSIDE: [&str; 6] =
    ["203.0.113.10", "198.51.100.10", "8.8.8.8", "2001:db8:113::10", "3fff:113::10", "2001:4860:4860::8888"];

/// Nobody has two places: an address of the cluster's own ranges is in the cluster.
fn check_outside(
    name: &str,
    ip: IpAddr,
    at: &Span,
    pool: &PodPool,
    segments: &Segments,
    context: &mut Context,
) {
    let net = IpNet::from(ip);
    let family = Family::of_address(&ip);
    let pods = pool.written(family).filter(|_| !pool.guessed);
    let pods = pods.map(|written| ("the pod range".to_owned(), written.net, written.span.clone()));
    let known = segments.all.iter().zip(&segments.spans).zip(&segments.guessed);
    let subnets = known.filter(|(_, guessed)| !**guessed).filter_map(|((segment, span), _)| {
        Some((format!("segment `{}`", segment.name), segment.subnet.get(family)?, span.clone()))
    });
    let ranges: Vec<_> = pods.into_iter().chain(subnets).collect();
    let inside = |net: &IpNet| ranges.iter().find(|(_, range, _)| overlap(range, net));
    let Some((what, range, span)) = inside(&net) else { return };
    let outside = OUTSIDE.into_iter().filter_map(|text| text.parse::<IpAddr>().ok());
    let mut free = outside
        .filter(|ip| Family::of_address(ip) == family && inside(&IpNet::from(*ip)).is_none())
        .map(|ip| format!(", such as {ip}"));
    let message = format!("`{name}` is outside the cluster, but {ip} is inside {what}");
    let label = format!("{ip} is in {range}");
    let diagnostic = Diagnostic::new(Code::ExternalInside, message, at.clone(), label);
    let diagnostic =
        if span.is_empty() { diagnostic } else { diagnostic.also(span.clone(), format!("{what}: {range}")) };
    let free = free.next().unwrap_or_default();
    context.push(
        diagnostic
            .help("who is in the cluster's ranges is looked for in the cluster, and never found outside")
            .help(format!("give it an `ip` of the outside world{free}")),
    );
}

/// Who has which address, and which is next.
#[derive(Default)]
struct Taken {
    all: Vec<(IpAddr, Span)>,
    given: [u128; 2],
}

impl Taken {
    fn take(&mut self, ip: IpAddr, span: &Span) -> Option<Diagnostic> {
        if let Some((_, first)) = self.all.iter().find(|(other, _)| *other == ip) {
            let message = format!("{ip} is given twice");
            let diagnostic = Diagnostic::new(Code::AddressTaken, message, span.clone(), "the second");
            return Some(diagnostic.also(first.clone(), "the first"));
        }
        self.all.push((ip, span.clone()));
        None
    }

    fn next(&mut self, family: Family) -> Option<IpAddr> {
        let (place, first) = match family {
            Family::V4 => (0, FIRST_V4),
            Family::V6 => (1, FIRST_V6),
        };
        let first: IpAddr = first.parse().ok()?;
        loop {
            let ip = ipam::address(family, ipam::number(first) + self.given[place]);
            self.given[place] += 1;
            if self.all.iter().all(|(other, _)| *other != ip) {
                return Some(ip);
            }
        }
    }
}

/// Where pods are seen with their own addresses: always by each other, and unless the file says otherwise by the nodes.
/// `None` where nothing is translated at all, because there is no way out.
pub(super) fn not_masqueraded(cluster: &Cluster, lab: &Lab, context: &mut Context) -> Option<Vec<IpNet>> {
    let field = cluster.non_masquerade_cidrs.as_ref();
    if field.is_none() && lab.externals.is_empty() {
        return None;
    }
    let written = ranges::any_networks(field, context);
    for other in written.iter().filter(|other| lab.pod_cidr.get(Family::of(&other.net)).is_none()) {
        let family = Family::of(&other.net).name();
        let message = format!("{} is {family}, but pods have no {family}", other.net);
        let diagnostic =
            Diagnostic::new(Code::FamilyMismatch, message, other.span.clone(), "no pod can go there");
        context.push(diagnostic.help("leave it out, or give [cluster] pod_cidr a range of that family too"));
    }
    let written = written.into_iter().map(|written| written.net);
    let default = lab.segments.iter().flat_map(|segment| segment.subnet.iter());
    let mut all: Vec<IpNet> = lab.pod_cidr.iter().collect();
    let more: Vec<IpNet> = if field.is_some() { written.collect() } else { default.collect() };
    for net in more {
        if !all.contains(&net) {
            all.push(net);
        }
    }
    Some(all)
}
