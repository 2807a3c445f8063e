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

/// One line for each kind.
pub(super) fn kinds(found: &Found<'_>, family: Family) -> String {
    let mut out = String::new();
    let counts = counts(found, family);
    let width = counts.keys().map(|kind| describe(*kind).len()).max().unwrap_or(0);
    for (kind, counts) in &counts {
        let total: usize = counts.values().sum();
        let found = match most(counts) {
            None => "none replies".to_owned(),
            Some(ttl) => {
                let these = counts.get(&Some(ttl)).copied().unwrap_or(0);
                let share = if these == total { "all".to_owned() } else { these.to_string() };
                let ttl = ttl.map(|ttl| format!(", TTL {ttl}")).unwrap_or_default();
                format!("{share} reply{ttl}")
            }
        };
        let _ = writeln!(out, "  {:width$}  {total:6} pairs: {found}", describe(*kind));
    }
    out
}

/// Whether a pair found what most of its kind found.
pub(super) fn is_usual(usual: &BTreeMap<Kind, Reply>, kind: Kind, outcome: &Outcome) -> bool {
    let usual = usual.get(&kind).copied().flatten();
    usual.is_some() && reply(outcome) == usual
}
