//! What a survey found, as the text that people review: the address plan, who reaches whom, and the hops.
//!
//! Nothing in it depends on when, where or by whom it was found: no time, pid, port or random number.

mod fold;
mod kinds;
mod some;
mod table;

pub use fold::{Line, deviations, fold};
pub use kinds::{OfKind, of_kinds};
pub use some::{OfNode, Share, by_node, troubled};
pub use table::{Cells, grid};

use std::fmt::Write as _;

use super::traceroute::TracerouteText;
use super::{Extent, LabNames, Names, data_path, labelled, summary, tree};
use crate::model::{Family, Lab};
use crate::probe::{Outcome, Trace, TracerouteOptions};
use crate::suite::{Between, Kind, OF_EACH_KIND, Pair, Role, Survey};

/// More pods than this, and pairs are told by their kind and not one by one.
const PODS_IN_A_TABLE: usize = 12;

/// What was found for each of a survey's pings and routes, in its order.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// The survey.
    pub survey: &'a Survey,
    /// What came of each ping.
    pub pings: &'a [Outcome],
    /// What came of each traceroute.
    pub routes: &'a [Trace],
}

/// The text of a lab's snapshot.
pub fn survey(lab: &Lab, found: &Found<'_>) -> String {
    let names = LabNames::new(lab);
    let mut out = format!("{}: {}\n{}\n\n", lab.name, summary(lab), data_path(lab));
    out.push_str(&tree(lab, Extent::Whole, &|_| None));
    for family in lab.families() {
        out.push('\n');
        out.push_str(&pings(lab, found, family, &names));
    }
    for family in lab.families() {
        out.push('\n');
        out.push_str(&routes(lab, found, family, &names));
    }
    out
}

/// Where a lab has both families, a heading says which one is meant.
fn of_family(lab: &Lab, family: Family) -> String {
    if lab.families().count() > 1 { format!(", {}", family.name()) } else { String::new() }
}

/// Whether pairs are told one by one.
pub(super) fn has_table(survey: &Survey) -> bool {
    survey.whole.is_none()
        && survey.places.iter().filter(|place| place.role == Role::Pod).count() <= PODS_IN_A_TABLE
}

/// All pairs of a family: one by one in a table or, where they are too many, by kind. Pairs that are not told so, or not by
/// their answer, are [`deviations`]; a word that leads over to them comes last.
pub fn kinds_or_grid(found: &Found<'_>, family: Family) -> String {
    let (mut out, more) = if has_table(found.survey) {
        (grid(&Cells::of(found, family)), "\n")
    } else {
        (kinds::kinds(found, family), "\nexcept\n")
    };
    if !deviations(found, family, &|_| None).is_empty() {
        out.push_str(more);
    }
    out
}

/// The pairs that are [`deviations`], in as few lines as say it exactly; one by one where only some pairs were asked.
pub fn lines(found: &Found<'_>, family: Family, names: &dyn Names) -> Vec<Line> {
    let deviating = deviations(found, family, names);
    match found.survey.whole {
        None => fold(found.survey, &deviating),
        Some(_) => some::lines(found, &deviating),
    }
}

/// What comes after the table or the kinds: the pairs that are [`deviations`], or of very many the first.
pub fn exceptions(found: &Found<'_>, family: Family, names: &dyn Names) -> String {
    match found.survey.whole {
        None => lines(found, family, names).iter().map(|line| format!("  {}\n", line.text)).collect(),
        Some(_) => some::exceptions(found, family, names),
    }
}

fn pings(lab: &Lab, found: &Found<'_>, family: Family, names: &LabNames) -> String {
    let of_family = of_family(lab, family);
    let mut out = String::new();
    if has_table(found.survey) {
        let _ = writeln!(out, "ping{of_family}: the TTL of each reply; a row asks, a column answers\n");
    } else {
        let pairs = found.survey.pings.iter().filter(|pair| pair.family == family).count();
        let places = found.survey.places.len();
        let whose =
            if lab.externals.is_empty() { "pods and nodes" } else { "pods, nodes and external hosts" };
        let _ = match &found.survey.whole {
            None => writeln!(out, "ping{of_family}: all {pairs} pairs of {places} {whose}\n"),
            Some(whole) => {
                let places = found.survey.askers().count();
                let of = |((of, kind), count): (&(Family, Kind), &usize)| {
                    (*of == family && kind.to != Role::Gateway).then_some(*count)
                };
                let all: usize = whole.iter().filter_map(of).sum();
                writeln!(
                    out,
                    "ping{of_family}: {places} {whose} are too many to ask all {all} pairs.\n\
                     Every pod asks its gateway, and of each kind all or {OF_EACH_KIND} pairs do, spread evenly:\n"
                )
            }
        };
    }
    out.push_str(&kinds_or_grid(found, family));
    out.push_str(&exceptions(found, family, names));
    out
}

fn routes(lab: &Lab, found: &Found<'_>, family: Family, names: &LabNames) -> String {
    let mut out = format!("traceroute{}\n", of_family(lab, family));
    let routes = found.survey.routes.iter().zip(found.routes);
    for (pair, trace) in routes.filter(|(pair, _)| pair.family == family) {
        out.push_str(&route(found.survey, pair, trace, names));
    }
    out
}

/// One route, hop by hop.
fn route(survey: &Survey, pair: &Pair, trace: &Trace, names: &LabNames) -> String {
    let (from, to) = (&survey.places[pair.from], &survey.places[pair.to]);
    let mut out = format!("\n{} → {} ({})\n", from.name, to.name, describe(survey.kind(pair)));
    for hop in &trace.hops {
        let _ = writeln!(
            out,
            "{:3}  {}",
            hop.ttl,
            hop.answers.first().map_or_else(String::new, |answer| told(answer, names))
        );
    }
    let ip = |place: usize| survey.places[place].address.get(pair.family).map(|net| net.addr());
    if let (source, Some(target)) = (ip(pair.from), ip(pair.to)) {
        let options = TracerouteOptions::default();
        let text = TracerouteText { source, target, options: &options, names };
        out.extend(text.verdict(trace).map(|verdict| format!("     {verdict}\n")));
    }
    out
}

/// A hop: who answered, and what, unless it is what a router or the target should say.
fn told(answer: &Outcome, names: &dyn Names) -> String {
    match (answer, answer.from()) {
        (_, None) => "*".to_owned(),
        (Outcome::Reply { .. } | Outcome::TtlExceeded { .. }, Some(from)) => labelled(from, names),
        (other, Some(from)) => format!("{} {other}", labelled(from, names)),
    }
}

/// An outcome and who sent it: `net-unreachable from node1 cbr0 (10.244.1.1)`.
pub fn outcome(outcome: &Outcome, names: &dyn Names) -> String {
    match (outcome, outcome.from()) {
        (Outcome::Reply { ttl: Some(ttl), .. }, _) => format!("reply, TTL {ttl}"),
        (Outcome::Reply { ttl: None, .. }, _) => outcome.to_string(),
        (Outcome::OwnAddress { address, .. }, _) => {
            format!("{outcome}: the one who asks has {address} itself")
        }
        (_, Some(from)) => format!("{outcome} from {}", labelled(from, names)),
        (Outcome::LocalError { .. }, None) => format!("{outcome} from its own kernel"),
        (_, None) => outcome.to_string(),
    }
}

/// A kind of pair in words.
fn describe(kind: Kind) -> &'static str {
    match (kind.from, kind.to, kind.between) {
        (Role::Pod, Role::Gateway, _) => "pod to its gateway",
        (_, Role::Gateway, _) | (Role::Gateway, _, _) => "to or from a gateway",
        (Role::External, Role::External, _) => "outside, host to host",
        (Role::External, Role::Pod, _) => "from outside to a pod",
        (Role::External, Role::Node, _) => "from outside to a node",
        (Role::Pod, Role::External, _) | (Role::Pod, _, Between::Outside) => "pod to the outside",
        (Role::Node, Role::External, _) | (Role::Node, _, Between::Outside) => "node to the outside",
        (Role::Pod, Role::Pod, Between::SameNode) => "pod to pod on one node",
        (Role::Pod, Role::Pod, Between::OtherNode) => "pod to pod on another node",
        (Role::Pod, Role::Pod, Between::OtherSegment) => "pod to pod on another segment",
        (Role::Pod, Role::Node, Between::SameNode) => "pod to its own node",
        (Role::Pod, Role::Node, Between::OtherNode) => "pod to another node",
        (Role::Pod, Role::Node, Between::OtherSegment) => "pod to a node on another segment",
        (Role::Node, Role::Pod, Between::SameNode) => "node to a pod of its own",
        (Role::Node, Role::Pod, Between::OtherNode) => "node to a pod on another node",
        (Role::Node, Role::Pod, Between::OtherSegment) => "node to a pod on another segment",
        (Role::Node, Role::Node, Between::SameNode) => "node to itself",
        (Role::Node, Role::Node, Between::OtherNode) => "node to node",
        (Role::Node, Role::Node, Between::OtherSegment) => "node to a node on another segment",
    }
}
