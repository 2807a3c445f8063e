//! Pairs by their kind: what most pairs of a kind found, and how many they are.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Found, describe};
use crate::model::Family;
use crate::probe::Outcome;
use crate::suite::Kind;

/// What most pairs of each kind found: the reply's TTL, or none where most found something else.
pub(super) fn usual(found: &Found<'_>, family: Family) -> BTreeMap<Kind, Option<u8>> {
    counts(found, family).into_iter().map(|(kind, counts)| (kind, most(&counts))).collect()
}

/// How many pairs of each kind there are for each TTL; none stands for everything but a reply.
fn counts(found: &Found<'_>, family: Family) -> BTreeMap<Kind, BTreeMap<Option<u8>, usize>> {
    let mut counts: BTreeMap<Kind, BTreeMap<Option<u8>, usize>> = BTreeMap::new();
    for (pair, outcome) in found.survey.pings.iter().zip(found.pings) {
        if pair.family == family {
            *counts.entry(found.survey.kind(pair)).or_default().entry(outcome.ttl()).or_default() += 1;
        }
    }
    counts
}

/// The most frequent TTL; of two, the higher one.
fn most(counts: &BTreeMap<Option<u8>, usize>) -> Option<u8> {
    let replies = counts.iter().filter_map(|(ttl, count)| ttl.map(|ttl| (*count, ttl)));
    replies.max().map(|(_, ttl)| ttl)
}

/// One line for each kind.
pub(super) fn kinds(found: &Found<'_>, family: Family) -> String {
    let mut out = String::new();
    let counts = counts(found, family);
    let width = counts.keys().map(|kind| describe(*kind).len()).max().unwrap_or(0);
    for (kind, counts) in &counts {
        let total: usize = counts.values().sum();
        let _ = match most(counts) {
            Some(ttl) => {
                let these = counts.get(&Some(ttl)).copied().unwrap_or(0);
                let share = if these == total { "all".to_owned() } else { these.to_string() };
                writeln!(out, "  {:width$}  {total:6} pairs: {share} reply, TTL {ttl}", describe(*kind))
            }
            None => writeln!(out, "  {:width$}  {total:6} pairs: none replies", describe(*kind)),
        };
    }
    out
}

/// Whether a pair found what most of its kind found.
pub(super) fn is_usual(usual: &BTreeMap<Kind, Option<u8>>, kind: Kind, outcome: &Outcome) -> bool {
    usual.get(&kind).copied().flatten().is_some_and(|ttl| outcome.ttl() == Some(ttl))
}
