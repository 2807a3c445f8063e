//! Some pairs out of very many: the same on every run and every machine, and spread evenly over nodes and places.
//!
//! Places take turns in an order that goes from node to node, and on each node by steps of the golden ratio, so that any
//! first so many of them are spread over the cluster. In each round every place asks one more of those that it may ask, and
//! goes on by steps of the golden ratio among them too, counted from its own place in the order: with nodes of one
//! size, those who are asked in a round are then all different. No pair comes twice, and after enough rounds all have come.

use std::collections::{BTreeMap, HashMap};

use super::{Place, Role};

/// At most so many pairs of these places. Whether a pair `is_meant` may depend on nothing of the first but its role, node and
/// segment; nobody asks themselves.
pub(super) fn choose(
    places: &[Place],
    these: &[usize],
    is_meant: &dyn Fn(&Place, &Place) -> bool,
    most: usize,
) -> Vec<(usize, usize)> {
    let order = in_turns(places, these);
    let mut meant: HashMap<(Role, usize), Vec<usize>> = HashMap::new();
    for place in &order {
        let from = &places[*place];
        meant.entry((from.role, from.node)).or_insert_with(|| {
            (0..order.len()).filter(|turn| is_meant(from, &places[order[*turn]])).collect()
        });
    }
    let askers: Vec<Asker<'_>> = order
        .iter()
        .enumerate()
        .map(|(turn, place)| {
            let from = &places[*place];
            Asker::new(turn, meant.get(&(from.role, from.node)).map_or(&[], Vec::as_slice))
        })
        .collect();
    let mut chosen = Vec::new();
    for round in 1.. {
        let before = chosen.len();
        let asked = askers.iter().filter_map(|asker| Some((order[asker.turn], order[asker.asks(round)?])));
        chosen.extend(asked.take(most - before));
        if chosen.len() == most || chosen.len() == before {
            break;
        }
    }
    chosen
}

/// One who asks.
struct Asker<'a> {
    /// Its place in the order.
    turn: usize,
    /// The turns of those that it may ask, itself among them where one of its kind may.
    meant: &'a [usize],
    /// From where in these it counts.
    start: usize,
    step: usize,
    /// In how many rounds it asks.
    rounds: usize,
}

impl<'a> Asker<'a> {
    fn new(turn: usize, meant: &'a [usize]) -> Self {
        let start = meant.partition_point(|other| *other < turn);
        // It would come to itself in the last round.
        let itself = usize::from(meant.get(start) == Some(&turn));
        Self { turn, meant, start, step: step(meant.len()), rounds: meant.len() - itself }
    }

    /// The turn of the one that it asks in a round, counted from 1.
    fn asks(&self, round: usize) -> Option<usize> {
        let at = || (self.start + round * self.step) % self.meant.len();
        (round <= self.rounds).then(|| self.meant[at()])
    }
}

/// About a golden section of so many, and such that steps of it come to each of them once.
fn step(count: usize) -> usize {
    let golden = (count * 618_034 / 1_000_000).max(1);
    (golden..).find(|step| divisor(*step, count) == 1).unwrap_or(1)
}

/// The greatest common one.
fn divisor(one: usize, other: usize) -> usize {
    if other == 0 { one } else { divisor(other, one % other) }
}

/// One of each node, then another of each node, and so on.
fn in_turns(places: &[Place], these: &[usize]) -> Vec<usize> {
    let mut nodes: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for place in these {
        nodes.entry(places[*place].node).or_default().push(*place);
    }
    let longest = nodes.values().map(Vec::len).max().unwrap_or(0);
    let mut order = Vec::with_capacity(these.len());
    for turn in 0..longest {
        let of_node = nodes.values().filter(|of_node| turn < of_node.len());
        order.extend(of_node.map(|of_node| of_node[turn * step(of_node.len()) % of_node.len()]));
    }
    order
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::model::Addresses;

    /// Pods on nodes of these sizes.
    fn pods(sizes: &[usize]) -> Vec<Place> {
        let pod = |node: usize| Place {
            name: String::new(),
            address: Addresses::default(),
            role: Role::Pod,
            node,
            segment: 0,
        };
        sizes.iter().enumerate().flat_map(|(node, count)| (0..*count).map(move |_| pod(node))).collect()
    }

    fn apart(one: &Place, other: &Place) -> bool {
        one.node != other.node
    }

    fn chosen(places: &[Place], most: usize) -> Vec<(usize, usize)> {
        choose(places, &(0..places.len()).collect::<Vec<_>>(), &apart, most)
    }

    /// How often each comes.
    fn counts(of: usize, chosen: impl Iterator<Item = usize>) -> Vec<usize> {
        let mut counts = vec![0; of];
        chosen.for_each(|one| counts[one] += 1);
        counts
    }

    fn spread(counts: &[usize]) -> usize {
        counts.iter().max().unwrap_or(&0) - counts.iter().min().unwrap_or(&0)
    }

    #[test]
    fn a_large_cluster_is_sampled_evenly() {
        let places = pods(&[100; 50]);
        let chosen = chosen(&places, 10_000);
        assert_eq!(chosen.iter().collect::<BTreeSet<_>>().len(), 10_000);
        assert_eq!(counts(5000, chosen.iter().map(|pair| pair.0)), [2; 5000]);
        assert_eq!(counts(5000, chosen.iter().map(|pair| pair.1)), [2; 5000]);
        let nodes: BTreeSet<_> =
            chosen.iter().map(|(from, to)| (places[*from].node, places[*to].node)).collect();
        assert!(nodes.len() > 90, "{} pairs of nodes", nodes.len());
    }

    #[test]
    fn a_few_of_many_are_on_all_nodes() {
        let chosen = chosen(&pods(&[100; 50]), 50);
        let node = |place: usize| place / 100;
        assert_eq!(counts(50, chosen.iter().map(|pair| node(pair.0))), [1; 50]);
        assert_eq!(counts(50, chosen.iter().map(|pair| node(pair.1))), [1; 50]);
    }

    #[test]
    fn nobody_asks_themselves() {
        let places = pods(&[3]);
        let same = |one: &Place, other: &Place| one.node == other.node;
        let mut all = choose(&places, &[0, 1, 2], &same, 100);
        all.sort_unstable();
        assert_eq!(all, [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)]);
        assert_eq!(choose(&places, &[1], &same, 100), []);
        assert_eq!(choose(&places, &[], &same, 100), []);
        assert_eq!(choose(&places, &[0, 1], &same, 0), []);
    }

    proptest! {
        #[test]
        fn pairs_are_different_and_enough_of_them_are_all(
            sizes in proptest::collection::vec(0..7_usize, 0..7),
            most in 0..400_usize,
        ) {
            let places = pods(&sizes);
            let chosen = chosen(&places, most);
            let every = (0..places.len()).flat_map(|one| (0..places.len()).map(move |other| (one, other)));
            let every: BTreeSet<_> = every.filter(|(one, other)| apart(&places[*one], &places[*other])).collect();
            let different: BTreeSet<_> = chosen.iter().copied().collect();
            prop_assert_eq!(different.len(), chosen.len());
            prop_assert_eq!(chosen.len(), most.min(every.len()));
            prop_assert!(different.is_subset(&every));
        }

        #[test]
        fn nodes_of_one_size_are_treated_alike(nodes in 2..9_usize, size in 1..9_usize, most in 1..200_usize) {
            let places = pods(&vec![size; nodes]);
            let chosen = chosen(&places, most);
            let of_places = |which: fn(&(usize, usize)) -> usize| counts(places.len(), chosen.iter().map(which));
            let of_nodes = |which: fn(&(usize, usize)) -> usize| {
                counts(nodes, chosen.iter().map(|pair| places[which(pair)].node))
            };
            for which in [|pair: &(usize, usize)| pair.0, |pair: &(usize, usize)| pair.1] {
                prop_assert!(spread(&of_places(which)) <= 1, "{:?}", of_places(which));
                prop_assert!(spread(&of_nodes(which)) <= 1, "{:?}", of_nodes(which));
            }
        }
    }
}
