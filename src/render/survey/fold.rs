//! Pairs that found something else than the others, in as few lines as say it exactly.

use std::collections::{BTreeMap, BTreeSet};

use super::{Found, PODS_IN_A_TABLE, kinds, outcome};
use crate::model::Family;
use crate::render::Names;
use crate::suite::{Pair, Place, Role, Survey};

/// The pairs that have to be told one by one, and what they found. Where a table shows the TTLs, those are all that got no
/// reply; else also those whose reply's TTL is not that of most pairs of their kind.
pub fn deviations(found: &Found<'_>, family: Family, names: &dyn Names) -> Vec<(Pair, String)> {
    let pods = found.survey.places.iter().filter(|place| place.role == Role::Pod).count();
    let usual = (pods > PODS_IN_A_TABLE).then(|| kinds::usual(found, family));
    let pairs = found.survey.pings.iter().zip(found.pings).filter(|(pair, _)| pair.family == family);
    let deviating = pairs.filter(|(pair, outcome)| match &usual {
        Some(usual) => !kinds::is_usual(usual, found.survey.kind(pair), outcome),
        None => outcome.ttl().is_none(),
    });
    deviating.map(|(pair, found)| (*pair, outcome(found, names))).collect()
}

/// A group of places that can be told by one name: a pod or node, or all pods of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    One(usize),
    PodsOf(usize),
}

/// Lines such as `pods of node1 → pods of node2: net-unreachable from node1 cbr0 (10.244.1.1)`. A line never says more than
/// was found: only where all pairs of two groups found the same are they told together.
pub fn fold(survey: &Survey, pairs: &[(Pair, String)]) -> Vec<String> {
    let mut by_outcome: BTreeMap<&str, BTreeSet<(usize, usize)>> = BTreeMap::new();
    let mut order: Vec<&str> = Vec::new();
    for (pair, found) in pairs {
        if !by_outcome.contains_key(found.as_str()) {
            order.push(found);
        }
        by_outcome.entry(found).or_default().insert((pair.from, pair.to));
    }
    let mut lines: Vec<(Group, Group, String)> = Vec::new();
    for found in order {
        let pairs = &by_outcome[found];
        lines.extend(groups(survey, pairs).into_iter().map(|(from, to)| {
            let text = format!("{} → {}: {found}", name(survey, from), name(survey, to));
            (from, to, text)
        }));
    }
    lines.sort_by_key(|(from, to, _)| (first(survey, *from), *from, first(survey, *to), *to));
    lines.into_iter().map(|(_, _, text)| text).collect()
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
