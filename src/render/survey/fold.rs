//! Pairs that found something else than the others, in as few lines as say it exactly.

use std::collections::{BTreeMap, BTreeSet};

use super::{Found, has_table, kinds, outcome};
use crate::model::Family;
use crate::probe::Outcome;
use crate::render::Names;
use crate::suite::{Pair, Place, Role, Survey};

/// The pairs that have to be told one by one, and what they found. Where a table shows the TTLs, those are all that got no
/// reply; else also those whose reply's TTL is not that of most pairs of their kind.
pub fn deviations(found: &Found<'_>, family: Family, names: &dyn Names) -> Vec<(Pair, String)> {
    let usual = (!has_table(found.survey)).then(|| kinds::usual(found, family));
    let pairs = found.survey.pings.iter().zip(found.pings).filter(|(pair, _)| pair.family == family);
    let deviating = pairs.filter(|(pair, outcome)| match &usual {
        Some(usual) => !kinds::is_usual(usual, found.survey.kind(pair), outcome),
        None => !matches!(outcome, Outcome::Reply { .. }),
    });
    deviating.map(|(pair, outcome)| (*pair, said(found.survey, pair, outcome, names))).collect()
}

/// What was found, and who said so where it was neither of the two: what many say of themselves can be told together.
fn said(survey: &Survey, pair: &Pair, found: &Outcome, names: &dyn Names) -> String {
    let address = |place: usize| survey.places[place].address.get(pair.family).map(|net| net.addr());
    match (found, found.from()) {
        (Outcome::OwnAddress { address, .. }, _) => {
            format!("{found}: {} has {address} itself", survey.places[pair.from].name)
        }
        (Outcome::Reply { .. }, _) | (_, None) => outcome(found, names),
        (_, by) if by == address(pair.from) => format!("{found} from its own kernel"),
        (_, by) if by == address(pair.to) => format!("{found} from there"),
        _ => outcome(found, names),
    }
}

/// A group of places that can be told by one name: a pod or node, or all pods of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    One(usize),
    PodsOf(usize),
}

/// Pairs that are told together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// How they are told.
    pub text: String,
    /// The first of them.
    pub pair: Pair,
}

/// Lines such as `pods of node1 → pods of node2: net-unreachable from node1 cbr0 (10.244.1.1)`. A line never says more than
/// was found: only where all pairs of two groups found the same are they told together.
pub fn fold(survey: &Survey, pairs: &[(Pair, String)]) -> Vec<Line> {
    let mut by_outcome: BTreeMap<(Family, &str), BTreeSet<(usize, usize)>> = BTreeMap::new();
    for (pair, found) in pairs {
        by_outcome.entry((pair.family, found)).or_default().insert((pair.from, pair.to));
    }
    let mut lines: Vec<(Group, Group, Line)> = Vec::new();
    for ((family, found), pairs) in &by_outcome {
        for (from, to) in groups(survey, pairs) {
            let text = format!("{} → {}: {found}", name(survey, from), name(survey, to));
            let is_told = |(one, other): &&(usize, usize)| has(survey, from, *one) && has(survey, to, *other);
            if let Some((from_one, to_one)) = pairs.iter().find(is_told) {
                let pair = Pair { from: *from_one, to: *to_one, family: *family };
                lines.push((from, to, Line { text, pair }));
            }
        }
    }
    lines.sort_by_key(|(from, to, _)| (first(survey, *from), *from, first(survey, *to), *to));
    lines.into_iter().map(|(_, _, line)| line).collect()
}

/// Whether a place is in a group.
fn has(survey: &Survey, group: Group, place: usize) -> bool {
    match group {
        Group::One(one) => one == place,
        Group::PodsOf(node) => survey.places[place].node == node && survey.places[place].role == Role::Pod,
    }
}

fn groups(survey: &Survey, pairs: &BTreeSet<(usize, usize)>) -> Vec<(Group, Group)> {
    // First the targets of each source, then sources that have the same targets.
    let mut targets: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for (from, to) in pairs {
        targets.entry(*from).or_default().insert(*to);
    }
    let mut sources: BTreeMap<Group, BTreeSet<usize>> = BTreeMap::new();
    for (from, to) in &targets {
        for group in together(survey, to, Some(*from)) {
            sources.entry(group).or_default().insert(*from);
        }
    }
    let mut groups = Vec::new();
    for (to, from) in &sources {
        let but = if let Group::One(place) = to { Some(*place) } else { None };
        groups.extend(together(survey, from, but).into_iter().map(|from| (from, *to)));
    }
    groups
}

/// These places as groups: all pods of a node together where all of them are there, leaving the one out that is on the
/// other side.
fn together(survey: &Survey, places: &BTreeSet<usize>, but: Option<usize>) -> Vec<Group> {
    let mut groups = BTreeSet::new();
    for place in places {
        let Place { node, role, .. } = survey.places[*place];
        let pods = || {
            let of_node = |(_, pod): &(usize, &Place)| pod.node == node && pod.role == Role::Pod;
            survey.places.iter().enumerate().filter(of_node).map(|(index, _)| index)
        };
        let whole = role == Role::Pod
            && pods().filter(|pod| Some(*pod) != but).count() > 1
            && pods().all(|pod| places.contains(&pod) || Some(pod) == but);
        groups.insert(if whole { Group::PodsOf(node) } else { Group::One(*place) });
    }
    groups.into_iter().collect()
}

fn name(survey: &Survey, group: Group) -> String {
    match group {
        Group::One(place) => survey.places[place].name.clone(),
        Group::PodsOf(_) => format!("pods of {}", survey.places[first(survey, group)].name),
    }
}

/// The place by which a group is ordered, and a node's pods are named.
fn first(survey: &Survey, group: Group) -> usize {
    match group {
        Group::One(place) => place,
        Group::PodsOf(node) => {
            survey.places.iter().position(|place| place.node == node && place.role == Role::Node).unwrap_or(0)
        }
    }
}
