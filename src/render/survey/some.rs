//! What some pairs out of very many found: how many of each node's got no answer, and the first of them by name.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Found, Line, deviations};
use crate::model::Family;
use crate::probe::Outcome;
use crate::render::{Names, count};
use crate::suite::{Pair, Role};

/// So many nodes and pairs are told by name.
const TOLD: usize = 20;

/// Of how many that were asked how many replied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// How many were asked.
    pub asked: usize,
    /// How many of them replied.
    pub replied: usize,
}

impl Share {
    fn add(&mut self, outcome: &Outcome) {
        self.asked += 1;
        self.replied += usize::from(matches!(outcome, Outcome::Reply { .. }));
    }

    fn silent(self) -> usize {
        self.asked - self.replied
    }
}

/// What a node, or a host beyond the cluster, has to do with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OfNode<'a> {
    /// Its name.
    pub node: &'a str,
    /// What it and its pods asked.
    pub from: Share,
    /// What was asked of it and its pods.
    pub to: Share,
}

/// Every node, in order, that asked or was asked.
pub fn by_node<'a>(found: &Found<'a>, families: &[Family]) -> Vec<OfNode<'a>> {
    let survey = found.survey;
    let mut nodes: BTreeMap<usize, OfNode<'a>> = BTreeMap::new();
    for place in survey.places.iter().filter(|place| matches!(place.role, Role::Node | Role::External)) {
        nodes.insert(place.node, OfNode { node: &place.name, ..OfNode::default() });
    }
    let pairs = survey.pings.iter().zip(found.pings);
    let counts = |pair: &Pair| families.contains(&pair.family) && !survey.is_from_outside(pair);
    for (pair, outcome) in pairs.filter(|(pair, _)| counts(pair)) {
        let node = |place: usize| survey.places[place].node;
        if let Some(from) = nodes.get_mut(&node(pair.from)) {
            from.from.add(outcome);
        }
        if let Some(to) = nodes.get_mut(&node(pair.to)) {
            to.to.add(outcome);
        }
    }
    nodes.into_values().filter(|node| node.from.asked + node.to.asked > 0).collect()
}

/// The nodes that have to do with pairs without a reply, those with most of them first.
pub fn troubled<'a>(found: &Found<'a>, families: &[Family]) -> Vec<OfNode<'a>> {
    let mut nodes = by_node(found, families);
    nodes.retain(|node| node.from.silent() + node.to.silent() > 0);
    nodes.sort_by_key(|node| std::cmp::Reverse(node.from.silent() + node.to.silent()));
    nodes
}

/// The pairs that are not as usual, one by one, in the order in which they were asked: that goes round all nodes.
pub(super) fn lines(found: &Found<'_>, pairs: &[(Pair, String)]) -> Vec<Line> {
    let name = |place: usize| &found.survey.places[place].name;
    let line = |(pair, found): &(Pair, String)| Line {
        text: format!("{} → {}: {found}", name(pair.from), name(pair.to)),
        pair: *pair,
    };
    pairs.iter().map(line).collect()
}

/// Nodes and pairs by name, as far as somebody reads on.
pub(super) fn exceptions(found: &Found<'_>, family: Family, names: &dyn Names) -> String {
    let mut out = String::new();
    let nodes = troubled(found, &[family]);
    let silent = |share: &Share| format!("{} of {}", share.silent(), share.asked);
    let rows =
        nodes.iter().take(TOLD).map(|node| [node.node.to_owned(), silent(&node.from), silent(&node.to)]);
    let head = ["no reply".to_owned(), "from there".to_owned(), "to there".to_owned()];
    let rows: Vec<[String; 3]> = std::iter::once(head).filter(|_| !nodes.is_empty()).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2)];
    for [node, from, to] in &rows {
        let _ = writeln!(out, "  {node:0$}  {from:>1$}  {to:>2$}", widths[0], widths[1], widths[2]);
    }
    more(&mut out, nodes.len(), "node");
    if !nodes.is_empty() {
        out.push('\n');
    }
    let lines = lines(found, &deviations(found, family, names));
    for line in lines.iter().take(TOLD) {
        let _ = writeln!(out, "  {}", line.text);
    }
    more(&mut out, lines.len(), "pair");
    out
}

fn more(out: &mut String, all: usize, thing: &str) {
    if all > TOLD {
        let _ = writeln!(out, "  … and {} more", count((all - TOLD) as u64, thing));
    }
}
