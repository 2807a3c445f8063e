//! A survey of what is too large to ask every pair.

use std::collections::BTreeMap;

use super::choose::choose;
use super::{Between, Kind, Pair, Place, Role, Routes, Survey, places};
use crate::model::{Family, Lab};

/// From more pairs than this on, the snapshot of a lab asks some of them only: every pair of a thousand places and each
/// family takes half a minute or more.
pub const MOST_PAIRS: usize = 1_000_000;
/// Then at most so many of each kind of pair and each family are asked.
pub const OF_EACH_KIND: usize = 10_000;

/// What is asked where not everything is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// So many pairs of pods on different nodes; on whichever, where all are on one.
    Pairs(usize),
    /// Every pod asks its node's `cbr0`, by the address that is its gateway.
    Gateways,
}

/// How many pairs there are of each kind, where not all of them are asked.
pub type Whole = BTreeMap<(Family, Kind), usize>;

impl Survey {
    /// Some pairs of the pods that are named, or are on a node that is.
    pub fn some(lab: &Lab, families: &[Family], named: impl Fn(&str) -> bool, wanted: &[Wanted]) -> Self {
        let mut survey = Self::nothing(lab);
        let node = |place: &Place| &lab.nodes[place.node].name;
        let is_meant = |place: &Place| place.role == Role::Pod && (named(&place.name) || named(node(place)));
        let pods: Vec<usize> =
            (0..survey.places.len()).filter(|place| is_meant(&survey.places[*place])).collect();
        for family in families {
            let pods = survey.with(&pods, *family);
            for wanted in wanted {
                match wanted {
                    Wanted::Pairs(count) => survey.add_sample(*family, &pods, *count),
                    Wanted::Gateways => survey.add_gateways(*family, &pods),
                }
            }
        }
        survey
    }

    /// What is asked of a whole lab that has more than [`MOST_PAIRS`]: every pod's gateway, and all pairs of each kind, or
    /// as many as [`OF_EACH_KIND`] of them.
    pub(super) fn of_each_kind(lab: &Lab, routes: Routes) -> Self {
        let mut survey = Self::nothing(lab);
        for family in lab.families() {
            let all: Vec<usize> = (0..survey.places.len()).collect();
            let all = survey.with(&all, family);
            let counts = survey.counts(&all);
            for (kind, count) in counts {
                let is_kind =
                    |from: &Place, to: &Place| from.role == kind.from && super::kind(from, to) == kind;
                survey.add(family, choose(&survey.places, &all, &is_kind, OF_EACH_KIND));
                survey.note(family, kind, count);
            }
            let pods: Vec<usize> =
                all.into_iter().filter(|place| survey.places[*place].role == Role::Pod).collect();
            survey.add_gateways(family, &pods);
        }
        survey.trace(routes);
        survey
    }

    /// How many pairs of these families the places are that are named.
    pub fn size(lab: &Lab, families: &[Family], named: impl Fn(&str) -> bool) -> usize {
        let places = places(lab);
        let with = |family: &Family| {
            places.iter().filter(|place| named(&place.name) && place.address.get(*family).is_some()).count()
        };
        families.iter().map(with).map(|count| count * count.saturating_sub(1)).sum()
    }

    /// Whether anything of that is asked.
    pub fn has(&self, wanted: Wanted) -> bool {
        let is_gateway = |pair: &Pair| self.places[pair.to].role == Role::Gateway;
        self.pings.iter().any(|pair| is_gateway(pair) == (wanted == Wanted::Gateways))
    }

    /// The places of a lab, the gateways among them, and nothing asked.
    fn nothing(lab: &Lab) -> Self {
        let mut places = places(lab);
        places.extend(lab.nodes.iter().enumerate().map(|(number, node)| Place {
            name: format!("{} cbr0", node.name),
            address: node.gateway,
            role: Role::Gateway,
            node: number,
            segment: node.segment,
        }));
        Self { places, pings: Vec::new(), routes: Vec::new(), whole: Some(Whole::new()) }
    }

    /// Those that have an address of that family and ask; gateways are only asked.
    fn with(&self, these: &[usize], family: Family) -> Vec<usize> {
        let asks = |place: &Place| place.role != Role::Gateway && place.address.get(family).is_some();
        these.iter().copied().filter(|place| asks(&self.places[*place])).collect()
    }

    fn add(&mut self, family: Family, pairs: impl IntoIterator<Item = (usize, usize)>) {
        self.pings.extend(pairs.into_iter().map(|(from, to)| Pair { from, to, family }));
    }

    fn add_sample(&mut self, family: Family, pods: &[usize], count: usize) {
        let node = |place: usize| self.places[place].node;
        let is_one_node = pods.iter().all(|pod| node(*pod) == node(pods[0]));
        let is_meant = |from: &Place, to: &Place| is_one_node || from.node != to.node;
        self.add(family, choose(&self.places, pods, &is_meant, count));
        for (kind, count) in self.counts(pods) {
            if is_one_node || kind.between != Between::SameNode {
                self.note(family, kind, count);
            }
        }
    }

    fn add_gateways(&mut self, family: Family, pods: &[usize]) {
        let gateways = self.places.iter().enumerate().filter(|(_, place)| place.role == Role::Gateway);
        let of_node: BTreeMap<usize, usize> = gateways.map(|(number, place)| (place.node, number)).collect();
        let pairs = pods.iter().filter_map(|pod| Some((*pod, *of_node.get(&self.places[*pod].node)?)));
        let pairs: Vec<_> = pairs.filter(|(_, to)| self.places[*to].address.get(family).is_some()).collect();
        let kind = Kind { from: Role::Pod, to: Role::Gateway, between: Between::SameNode };
        self.note(family, kind, pairs.len());
        self.add(family, pairs);
    }

    fn note(&mut self, family: Family, kind: Kind, count: usize) {
        if count > 0 {
            self.whole.get_or_insert_default().insert((family, kind), count);
        }
    }

    /// How many pairs of each kind some places are.
    fn counts(&self, these: &[usize]) -> BTreeMap<Kind, usize> {
        // Those of one node and role are alike.
        let mut alike: BTreeMap<(Role, usize), (&Place, usize)> = BTreeMap::new();
        for place in these.iter().map(|place| &self.places[*place]) {
            alike.entry((place.role, place.node)).or_insert((place, 0)).1 += 1;
        }
        let mut counts: BTreeMap<Kind, usize> = BTreeMap::new();
        for (group, (from, askers)) in &alike {
            for (other, (to, asked)) in &alike {
                let asked = asked - usize::from(group == other);
                *counts.entry(super::kind(from, to)).or_default() += askers * asked;
            }
        }
        counts.retain(|_, count| *count > 0);
        counts
    }
}
