//! Work dealt out to several machines, each of which finds out by itself what its part is.
//!
//! All of them have to come to the same result, so nothing counts here but what is to be done: not the order in which a
//! shell lists files, nor the machine.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use serde::{Deserialize, Serialize};

/// Something that is done by one machine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unit {
    /// What it takes, in microseconds; only how it compares with others matters.
    pub cost: u64,
    /// What tells it from others, on every machine alike.
    pub name: String,
}

/// What a partition deals out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dealt {
    /// Labs, each on one data path.
    Labs,
    /// The checks of one lab: its snapshot and its tests.
    Checks,
}

/// Which part of a run this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    /// Its number, counted from 1.
    pub part: usize,
    /// How many parts there are.
    pub of: usize,
    /// What was dealt out.
    pub dealt: Dealt,
    /// How many of them are in this part.
    pub here: usize,
    /// How many there are in all parts.
    pub all: usize,
}

/// Which part each unit goes to, counted from 0: the costliest first, each to the part that has least so far, and the first
/// of several such. No unit is in two parts, and none is left over.
///
/// The worst that comes of this is a part that takes a third longer than it has to (Graham, 1969).
pub fn deal(units: &[Unit], parts: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..units.len()).collect();
    order.sort_by_key(|unit| (Reverse(units[*unit].cost), &units[*unit].name));
    // Parts that could only be empty take no memory.
    let filled = parts.min(units.len());
    let mut least: BinaryHeap<Reverse<(u64, usize)>> = (0..filled).map(|part| Reverse((0, part))).collect();
    let mut dealt = vec![0; units.len()];
    for unit in order {
        let Some(mut part) = least.peek_mut() else { break };
        let Reverse((load, number)) = *part;
        dealt[unit] = number;
        // A unit of no cost counts for something, or all of them would go to one part.
        *part = Reverse((load.saturating_add(units[unit].cost.max(1)), number));
    }
    dealt
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn units(costs: &[u64]) -> Vec<Unit> {
        costs
            .iter()
            .enumerate()
            .map(|(number, cost)| Unit { cost: *cost, name: number.to_string() })
            .collect()
    }

    /// What each part has, by name.
    fn parts(units: &[Unit], count: usize) -> Vec<Vec<&str>> {
        let dealt = deal(units, count);
        let of = |part| {
            let mut names: Vec<&str> = units
                .iter()
                .zip(&dealt)
                .filter(|(_, to)| **to == part)
                .map(|(unit, _)| &*unit.name)
                .collect();
            names.sort_unstable();
            names
        };
        (0..count).map(of).collect()
    }

    fn load(units: &[Unit], dealt: &[usize], part: usize) -> u64 {
        units.iter().zip(dealt).filter(|(_, to)| **to == part).map(|(unit, _)| unit.cost).sum()
    }

    #[test]
    fn what_costs_most_is_not_dealt_together() {
        assert_eq!(parts(&units(&[5, 9, 1, 1, 1, 1]), 2), [vec!["1"], vec!["0", "2", "3", "4", "5"]]);
        assert_eq!(parts(&units(&[7]), 3), [vec!["0"], vec![], vec![]]);
        assert_eq!(parts(&units(&[0, 0, 0, 0]), 2), [["0", "2"], ["1", "3"]]);
        assert!(deal(&[], 4).is_empty());
    }

    #[test]
    fn more_parts_than_anybody_has_take_no_time() {
        assert_eq!(deal(&units(&[1, 2]), usize::MAX), [1, 0]);
    }

    proptest! {
        #[test]
        fn every_unit_is_in_exactly_one_part(costs in proptest::collection::vec(0..10_000_u64, 0..60), count in 1..70_usize) {
            let units = units(&costs);
            let parts = parts(&units, count);
            let mut all: Vec<&str> = parts.iter().flatten().copied().collect();
            all.sort_unstable();
            let mut names: Vec<&str> = units.iter().map(|unit| &*unit.name).collect();
            names.sort_unstable();
            prop_assert_eq!(all, names);
            // Nobody is idle while somebody has two.
            prop_assert!(parts.iter().all(|part| part.len() < 2) || parts.iter().all(|part| !part.is_empty()));
        }

        #[test]
        fn the_order_in_which_they_are_named_does_not_matter(
            (costs, shuffled) in proptest::collection::vec(0..100_u64, 1..40)
                .prop_flat_map(|costs| (Just(costs.clone()), Just((0..costs.len()).collect::<Vec<_>>()).prop_shuffle())),
            count in 1..10_usize,
        ) {
            let units = units(&costs);
            let other: Vec<Unit> = shuffled.iter().map(|unit| units[*unit].clone()).collect();
            prop_assert_eq!(parts(&units, count), parts(&other, count));
        }

        #[test]
        fn parts_are_about_the_same(costs in proptest::collection::vec(1..10_000_u64, 1..60), count in 1..10_usize) {
            let units = units(&costs);
            let dealt = deal(&units, count);
            let loads: Vec<u64> = (0..count).map(|part| load(&units, &dealt, part)).collect();
            let (most, least) = (loads.iter().max().expect("a part"), loads.iter().min().expect("a part"));
            // The last unit that the fullest part got was dealt when it had least.
            prop_assert!(most - least <= *costs.iter().max().expect("a cost"));
        }
    }
}
