//! The switches of the underlay and their subnets.

use ipnet::IpNet;

use super::address::{Addresses, Family};
use super::build::{Context, SMALLEST_MTU, SMALLEST_MTU_V6};
use super::ipam::{self, Hosts};
use super::pool::PodPool;
use super::ranges::{self, Networks, Written, overlap};
use super::{Segment, impair};
use crate::diag::{Code, Diagnostic, Span};
use crate::spec::{Document, Row};

/// The subnet of the first segment unless the file names one.
const DEFAULT_V4: &str = "192.168.66.0/24";
const DEFAULT_V6: &str = "fd00:66::/64";
/// The segment's name in a file that names none.
pub(super) const DEFAULT_NAME: &str = "underlay";

/// Far beyond what a lab has, and few enough to know every path between two of them.
const MOST_SEGMENTS: usize = 1000;

/// The segments, and what errors have to know about them.
pub(super) struct Segments {
    pub(super) all: Vec<Segment>,
    /// Where each was named; empty for the one that netlab makes by itself.
    pub(super) spans: Vec<Span>,
    /// Those whose subnet is a guess, because what the file says was refused.
    pub(super) guessed: Vec<bool>,
    /// Where a segment's own MTU is written.
    pub(super) mtu_spans: Vec<Option<Span>>,
}

/// The segments with their subnets, and where each was named.
pub(super) fn build(document: &Document, pool: &PodPool, mtu: u32, context: &mut Context) -> Segments {
    let underlay = document.underlay.as_ref().and_then(|row| row.value.cidr.as_ref());
    let underlay = ranges::networks(underlay, "cidr", context);
    check_families("the underlay", &underlay, pool, context);
    let default = [Row { span: 0..0, value: crate::spec::Segment::default() }];
    let implied = document.segment.is_empty();
    let rows = if implied { &default[..] } else { &document.segment[..] };
    let own: Vec<Networks> =
        rows.iter().map(|row| ranges::networks(row.value.cidr.as_ref(), "cidr", context)).collect();
    if rows.len() > MOST_SEGMENTS {
        let message = format!("{} segments are more than netlab joins", rows.len());
        let label = format!("the first of more than {MOST_SEGMENTS}");
        context.push(Diagnostic::new(Code::TooLarge, message, rows[0].span.clone(), label));
        return Segments { all: Vec::new(), spans: Vec::new(), guessed: Vec::new(), mtu_spans: Vec::new() };
    }
    let mut subnets = Subnets::new(&underlay, &own);
    let mut segments =
        Segments { all: Vec::new(), spans: Vec::new(), guessed: Vec::new(), mtu_spans: Vec::new() };
    for (row, own) in rows.iter().zip(&own) {
        let name = if implied {
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
        check_families(&format!("segment `{name}`"), own, pool, context);
        let mut subnet = Addresses::default();
        let mut guessed = own.guessed || underlay.guessed;
        for family in Family::ALL.into_iter().filter(|family| pool.cidr.get(*family).is_some()) {
            let written = match own.get(family) {
                Some(written) => Some(written.clone()),
                None => subnets.next(family, &span),
            };
            let Some(written) = written else {
                guessed = true;
                let message = format!("no {} subnet is left for segment `{name}`", family.name());
                let label = "nothing is free after the segments before it";
                let diagnostic = Diagnostic::new(Code::SegmentTooSmall, message, span.clone(), label);
                context.push(diagnostic.help("write its subnet, for example: cidr = \"192.168.66.0/24\""));
                continue;
            };
            guessed |= !check_room(name, &written, context);
            if !guessed {
                check_overlap(name, &written, pool, &subnets.used, context);
            }
            subnet.set(written.net);
            subnets.used.push(written);
        }
        let impair = impair::read(row.value.impair.as_ref(), impair::Whose::Segment, context);
        let own_mtu = own_mtu(row, mtu, pool, context);
        segments.all.push(Segment { name: name.to_owned(), subnet, mtu: own_mtu.unwrap_or(mtu), impair });
        segments.mtu_spans.push(own_mtu.and(row.value.mtu.as_ref()).map(|field| field.span.clone()));
        segments.spans.push(span);
        segments.guessed.push(guessed);
    }
    segments
}

/// The MTU of a segment that has its own: at most the underlay's, which everything else is made for.
fn own_mtu(
    row: &Row<crate::spec::Segment>,
    underlay: u32,
    pool: &PodPool,
    context: &mut Context,
) -> Option<u32> {
    let least = if pool.cidr.v6.is_some() { SMALLEST_MTU_V6 } else { SMALLEST_MTU };
    let bounds = i64::from(least)..=i64::from(underlay.max(least));
    let why =
        "a segment carries at most what [cluster] mtu says of the underlay, 1500 by default; IPv6 needs 1280";
    u32::try_from(context.number("mtu", row.value.mtu.as_ref(), bounds, why)?).ok()
}

/// Gives subnets to the segments that name none: the underlay's own, then the next ones of its size that are free.
struct Subnets<'a> {
    underlay: &'a Networks,
    /// What segments write themselves, wherever in the file: nobody else is given that.
    pinned: Vec<IpNet>,
    used: Vec<Written>,
    /// Where the search goes on, by family.
    cursor: [Option<IpNet>; 2],
}

impl<'a> Subnets<'a> {
    fn new(underlay: &'a Networks, own: &[Networks]) -> Self {
        let pinned = own.iter().flat_map(|own| &own.list).map(|written| written.net).collect();
        Self { underlay, pinned, used: Vec::new(), cursor: [None, None] }
    }

    /// The next one of a family for the segment that was named at `span`.
    fn next(&mut self, family: Family, span: &Span) -> Option<Written> {
        let (place, default) = match family {
            Family::V4 => (0, DEFAULT_V4),
            Family::V6 => (1, DEFAULT_V6),
        };
        let (first, mut candidate) = match (self.cursor[place], self.underlay.get(family)) {
            (Some(cursor), _) => (false, cursor),
            // What the file says is the first segment's; if that overlaps with something, the file is wrong.
            (None, Some(written)) => {
                self.cursor[place] = Some(written.net);
                return Some(written.clone());
            }
            (None, None) => (true, default.parse().ok()?),
        };
        if !first {
            candidate = after(&candidate, candidate.prefix_len())?;
        }
        let others = || self.used.iter().map(|written| written.net).chain(self.pinned.iter().copied());
        while let Some(other) = others().find(|other| overlap(other, &candidate)) {
            let larger = if other.prefix_len() < candidate.prefix_len() { other } else { candidate };
            candidate = after(&larger, candidate.prefix_len())?;
        }
        self.cursor[place] = Some(candidate);
        Some(Written { net: candidate, span: span.clone() })
    }
}

/// The network of that prefix length that begins where `net` ends; none beyond the addresses that interfaces may have.
fn after(net: &IpNet, prefix_len: u8) -> Option<IpNet> {
    let family = Family::of(net);
    let next = ipam::number(net.network()).checked_add(ipam::size(family, net.prefix_len()))?;
    if family == Family::V4 && next > u128::from(u32::MAX) {
        return None;
    }
    let net = IpNet::new(ipam::address(family, next), prefix_len).ok()?;
    ranges::reserved(&net).is_none().then_some(net)
}

/// Subnets of a family that the lab does not have.
fn check_families(whose: &str, own: &Networks, pool: &PodPool, context: &mut Context) {
    if pool.guessed {
        return;
    }
    for written in own.list.iter().filter(|written| pool.cidr.get(Family::of(&written.net)).is_none()) {
        let family = Family::of(&written.net).name();
        let message = format!("{whose} has an {family} subnet, but pods have no {family}");
        let label = format!("{family} here");
        let diagnostic = Diagnostic::new(Code::FamilyMismatch, message, written.span.clone(), label);
        context.push(
            diagnostic.help("give [cluster] pod_cidr a range of that family too, or leave this one out"),
        );
    }
}

/// Whether there is room for two hosts, which is the least that makes a link.
fn check_room(name: &str, written: &Written, context: &mut Context) -> bool {
    if Hosts::has_room(&written.net) {
        return true;
    }
    let message = format!("segment `{name}` has no room in {}", written.net);
    let label = match Family::of(&written.net) {
        Family::V4 => "a /30 holds two hosts",
        Family::V6 => "a /126 holds three hosts",
    };
    let diagnostic = Diagnostic::new(Code::SegmentTooSmall, message, written.span.clone(), label);
    context.push(diagnostic.help("give it a larger subnet, such as 192.168.66.0/24 or fd00:66::/64"));
    false
}

/// Whose a range is that somebody else has too.
const SEGMENT: &str = "another segment's";

fn check_overlap(name: &str, own: &Written, pool: &PodPool, used: &[Written], context: &mut Context) {
    let pods = pool.written(Family::of(&own.net)).filter(|_| !pool.guessed);
    let clash = used.iter().map(|other| (other, SEGMENT)).chain(pods.map(|pods| (pods, "the pod range")));
    for (other, what) in clash.filter(|(other, _)| overlap(&other.net, &own.net)) {
        let message = format!("segment `{name}`'s subnet {} overlaps with {}, {what}", own.net, other.net);
        let (mine, theirs) = (format!("{} here", own.net), format!("{} is {what}", other.net));
        let diagnostic = if own.span.is_empty() {
            let label = format!("{} here", other.net);
            Diagnostic::new(Code::OverlappingRanges, message, other.span.clone(), label)
                .also(0..0, format!("a lab's nodes are in {}", own.net))
        } else {
            Diagnostic::new(Code::OverlappingRanges, message, own.span.clone(), mine)
                .also(other.span.clone(), theirs)
        };
        context.push(diagnostic.help(if what == SEGMENT {
            "give both subnets that share no address, for example 192.168.66.0/24 and 192.168.67.0/24"
        } else {
            "every segment and the pod range need ranges of their own, for example: [underlay] cidr = \"172.16.66.0/24\""
        }));
    }
}

/// The segment of that name, or a diagnostic.
pub(super) fn find(segments: &[Segment], name: &str, at: &Span, context: &mut Context) -> Option<usize> {
    let found = segments.iter().position(|segment| segment.name == name);
    if found.is_none() {
        context.unknown("segment", name, at, || segments.iter().map(|segment| segment.name.as_str()));
    }
    found
}
