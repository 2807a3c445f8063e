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
    let is_some = found.survey.whole.is_some();
    let deviating = pairs.filter(|(pair, outcome)| match &usual {
        // Among very many it is not worth a word each that nobody outside has a route to pods.
        _ if is_some && found.survey.is_from_outside(pair) => matches!(outcome, Outcome::Reply { .. }),
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

/// A group of places that can be told by one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    /// A pod or node.
    One(usize),
    /// All pods of a node.
    PodsOf(usize),
    /// All pods of the cluster, as one outside sees them.
    EveryPod,
    /// All nodes but this, and their pods.
    Beyond(usize),
    /// Everybody but the other side.
    Everybody,
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
    let Place { node, role, .. } = survey.places[place];
    match group {
        Group::One(one) => one == place,
        Group::PodsOf(of) => node == of && role == Role::Pod,
        Group::EveryPod => role == Role::Pod,
        Group::Beyond(of) => node != of,
        Group::Everybody => true,
    }
}

fn groups(survey: &Survey, pairs: &BTreeSet<(usize, usize)>) -> Vec<(Group, Group)> {
    let nodes = nodes(survey);
    // First the targets of each source, then sources that have the same targets.
    let mut targets: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for (from, to) in pairs {
        targets.entry(*from).or_default().insert(*to);
    }
    let mut sources: BTreeMap<Group, BTreeSet<usize>> = BTreeMap::new();
    for (from, to) in &targets {
        let node = survey.places[*from].node;
        for group in together(survey, &nodes, to, Some(*from), Some(node)) {
            sources.entry(group).or_default().insert(*from);
        }
    }
    let mut groups = Vec::new();
    for (to, from) in &sources {
        let (but, node) = match to {
            Group::One(place) => (Some(*place), Some(survey.places[*place].node)),
            Group::PodsOf(node) => (None, Some(*node)),
            Group::EveryPod | Group::Beyond(_) | Group::Everybody => (None, None),
        };
        groups.extend(together(survey, &nodes, from, but, node).into_iter().map(|from| (from, *to)));
    }
    groups
}

/// The places of each node.
fn nodes(survey: &Survey) -> BTreeMap<usize, Vec<usize>> {
    let mut nodes: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, place) in survey.places.iter().enumerate() {
        nodes.entry(place.node).or_default().push(index);
    }
    nodes
}

/// These places as groups, each as large as possible, leaving the one out that is on the other side; `home` is the other
/// side's node.
fn together(
    survey: &Survey,
    nodes: &BTreeMap<usize, Vec<usize>>,
    places: &BTreeSet<usize>,
    but: Option<usize>,
    home: Option<usize>,
) -> Vec<Group> {
    if nodes.len() > 2 && (0..survey.places.len()).all(|place| places.contains(&place) || Some(place) == but)
    {
        return vec![Group::Everybody];
    }
    let all_pods = || (0..survey.places.len()).filter(|place| survey.places[*place].role == Role::Pod);
    let is_outside =
        |node: usize| nodes[&node].iter().all(|place| survey.places[*place].role == Role::External);
    if home.is_some_and(is_outside) && all_pods().count() > 1 && all_pods().all(|pod| places.contains(&pod)) {
        let others = places.iter().filter(|place| survey.places[**place].role != Role::Pod);
        return others.map(|place| Group::One(*place)).chain([Group::EveryPod]).collect();
    }
    let mut groups = BTreeSet::new();
    let is_beyond = |home: &usize| {
        let mut beyond = nodes.iter().filter(|(node, _)| *node != home).flat_map(|(_, places)| places);
        nodes.len() > 2 && beyond.all(|place| places.contains(place))
    };
    let beyond = home.filter(is_beyond);
    groups.extend(beyond.map(Group::Beyond));
    for (node, of_node) in nodes.iter().filter(|(node, _)| beyond.is_none_or(|home| home == **node)) {
        let others = of_node.iter().filter(|place| Some(**place) != but);
        let pods: Vec<usize> =
            others.clone().copied().filter(|place| survey.places[*place].role == Role::Pod).collect();
        let is_whole = pods.len() > 1 && pods.iter().all(|pod| places.contains(pod));
        groups.extend(is_whole.then_some(Group::PodsOf(*node)));
        let told = |place: &&usize| places.contains(place) && !(is_whole && pods.contains(place));
        groups.extend(others.filter(told).map(|place| Group::One(*place)));
    }
    groups.into_iter().collect()
}

fn name(survey: &Survey, group: Group) -> String {
    match group {
        Group::One(place) => survey.places[place].name.clone(),
        Group::PodsOf(_) => format!("pods of {}", survey.places[first(survey, group)].name),
        Group::EveryPod => "every pod".to_owned(),
        Group::Beyond(_) => "everybody on other nodes".to_owned(),
        Group::Everybody => "everybody".to_owned(),
    }
}

/// The place by which a group is ordered, and a node's pods are named.
fn first(survey: &Survey, group: Group) -> usize {
    match group {
        Group::One(place) => place,
        Group::Everybody | Group::EveryPod => 0,
        Group::PodsOf(node) | Group::Beyond(node) => {
            survey.places.iter().position(|place| place.node == node && place.role == Role::Node).unwrap_or(0)
        }
    }
}
