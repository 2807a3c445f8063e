//! Pairs by their kind: what most pairs of a kind found, and how many they are.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Found, describe};
use crate::model::Family;
use crate::probe::Outcome;
use crate::suite::Kind;

/// What a ping came to: a reply, with its TTL where it has one, or something else.
type Reply = Option<Option<u8>>;

fn reply(outcome: &Outcome) -> Reply {
    match outcome {
        Outcome::Reply { ttl, .. } => Some(*ttl),
        _ => None,
    }
}

/// What most pairs of each kind found; none where none of them got a reply.
pub(super) fn usual(found: &Found<'_>, family: Family) -> BTreeMap<Kind, Reply> {
    counts(found, family).into_iter().map(|(kind, counts)| (kind, most(&counts))).collect()
}

/// How many pairs of each kind there are for each reply.
fn counts(found: &Found<'_>, family: Family) -> BTreeMap<Kind, BTreeMap<Reply, usize>> {
    let mut counts: BTreeMap<Kind, BTreeMap<Reply, usize>> = BTreeMap::new();
    for (pair, outcome) in found.survey.pings.iter().zip(found.pings) {
        if pair.family == family {
            *counts.entry(found.survey.kind(pair)).or_default().entry(reply(outcome)).or_default() += 1;
        }
    }
    counts
}

/// The most frequent reply; of two, that with the higher TTL.
fn most(counts: &BTreeMap<Reply, usize>) -> Reply {
    let replies = counts.iter().filter_map(|(reply, count)| reply.map(|ttl| (*count, ttl)));
    replies.max().map(|(_, ttl)| ttl)
}

/// What the pairs of a kind found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfKind {
    /// The kind in words.
    pub kind: &'static str,
    /// How many were asked.
    pub asked: usize,
    /// How many there are.
    pub of: usize,
    /// How many of those that were asked replied.
    pub replied: usize,
    /// What most of them found: `all reply, TTL 62`.
    pub found: String,
}

/// What the pairs of each kind found.
pub fn of_kinds(found: &Found<'_>, family: Family) -> Vec<OfKind> {
    let of_kind = |(kind, counts): (Kind, BTreeMap<Reply, usize>)| {
        let asked = counts.values().sum();
        let silent = counts.get(&None).copied().unwrap_or(0);
        let whole = found.survey.whole.as_ref().and_then(|whole| whole.get(&(family, kind)));
        let (kind, of, replied) = (describe(kind), whole.copied().unwrap_or(asked), asked - silent);
        OfKind { kind, asked, of, replied, found: said(&counts, asked) }
    };
    counts(found, family).into_iter().map(of_kind).collect()
}

fn said(counts: &BTreeMap<Reply, usize>, asked: usize) -> String {
    let Some(ttl) = most(counts) else { return "none replies".to_owned() };
    let these = counts.get(&Some(ttl)).copied().unwrap_or(0);
    let share = if these == asked { "all".to_owned() } else { these.to_string() };
    let ttl = ttl.map(|ttl| format!(", TTL {ttl}")).unwrap_or_default();
    format!("{share} reply{ttl}")
}

/// One line for each kind.
pub(super) fn kinds(found: &Found<'_>, family: Family) -> String {
    let mut out = String::new();
    let kinds = of_kinds(found, family);
    let width = kinds.iter().map(|of_kind| of_kind.kind.len()).max().unwrap_or(0);
    let wide = kinds.iter().map(|of_kind| of_kind.of.to_string().len()).max().unwrap_or(0);
    let is_whole = kinds.iter().all(|of_kind| of_kind.of == of_kind.asked);
    for OfKind { kind, asked, of, found, .. } in kinds {
        let _ = if is_whole {
            writeln!(out, "  {kind:width$}  {asked:6} pairs: {found}")
        } else {
            writeln!(out, "  {kind:width$}  {asked:6} of {of:wide$} pairs: {found}")
        };
    }
    out
}

/// Whether a pair found what most of its kind found.
pub(super) fn is_usual(usual: &BTreeMap<Kind, Reply>, kind: Kind, outcome: &Outcome) -> bool {
    let usual = usual.get(&kind).copied().flatten();
    usual.is_some() && reply(outcome) == usual
}
