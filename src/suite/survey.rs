//! What is asked of a lab without anybody's asking: who reaches whom, and by which hops.

mod choose;
mod some;

use std::collections::BTreeMap;

use crate::model::{Addresses, Family, Lab};
use crate::probe::{Attempt, Request, TracerouteOptions};

pub use some::{MOST_PAIRS, OF_EACH_KIND, Wanted, Whole};

/// Something that asks and is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The pod's or node's name.
    pub name: String,
    /// Its addresses.
    pub address: Addresses,
    /// What it is.
    pub role: Role,
    /// Index of its node; externals have numbers after those of all nodes, each its own.
    pub node: usize,
    /// Index of its node's segment; that of an external is one that does not exist.
    pub segment: usize,
}

/// What a place is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// A pod.
    Pod,
    /// A node itself.
    Node,
    /// A host beyond the cluster.
    External,
    /// A node's `cbr0` as the gateway of its pods: it is asked, and never asks.
    Gateway,
}

/// What lies between two places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Between {
    /// Both are on one node, or are a node and a pod of it.
    SameNode,
    /// Their nodes share a segment.
    OtherNode,
    /// There is a router between their nodes.
    OtherSegment,
    /// One of them is beyond the cluster.
    Outside,
}

/// What kind of pair two places are: pairs of one kind are expected to find the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    /// What asks.
    pub from: Role,
    /// What is asked.
    pub to: Role,
    /// What lies between them.
    pub between: Between,
}

/// One place that asks another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// Index of the one that asks.
    pub from: usize,
    /// Index of the one that is asked.
    pub to: usize,
    /// By which address.
    pub family: Family,
}

/// Which routes are traced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Routes {
    /// One for each kind of pair.
    OneOfEachKind,
    /// Those of all pairs.
    All,
}

/// What is asked of a lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// Node by node, each before its pods; then those beyond the cluster; then gateways, where they are asked.
    pub places: Vec<Place>,
    /// Every pair of places, by family, or those of them that are asked; those of one asker are spread out.
    pub pings: Vec<Pair>,
    /// The pairs whose route is traced, by family.
    pub routes: Vec<Pair>,
    /// How many pairs there are of each kind, where not all of them are asked.
    pub whole: Option<Whole>,
}

impl Survey {
    /// Every pair of a lab's pods, nodes and externals that `wanted` names, and no routes.
    pub fn pairs(lab: &Lab, families: &[Family], wanted: impl Fn(&str) -> bool) -> Self {
        let mut places = places(lab);
        places.retain(|place| wanted(&place.name));
        let pings = families.iter().flat_map(|family| pairs(&places, *family)).collect();
        Self { places, pings, routes: Vec::new(), whole: None }
    }

    /// What is asked of a whole lab: every pair, or of a very large one some of each kind.
    pub fn of(lab: &Lab, routes: Routes) -> Self {
        let families: Vec<Family> = lab.families().collect();
        if Self::size(lab, &families, |_| true) > MOST_PAIRS {
            return Self::of_each_kind(lab, routes);
        }
        let mut survey = Self::pairs(lab, &families, |_| true);
        survey.trace(routes);
        survey
    }

    fn trace(&mut self, routes: Routes) {
        self.routes = match routes {
            Routes::OneOfEachKind => self.one_of_each_kind(),
            Routes::All => {
                let mut all = self.pings.clone();
                all.retain(|pair| self.places[pair.to].role != Role::Gateway);
                all.sort_by_key(|pair| (pair.family, pair.from, pair.to));
                all
            }
        };
    }

    /// Those that ask, each at its own number.
    pub fn askers(&self) -> impl Iterator<Item = &Place> {
        self.places.iter().filter(|place| place.role != Role::Gateway)
    }

    /// The first pair of each kind whose way shows something that no other does.
    fn one_of_each_kind(&self) -> Vec<Pair> {
        let mut first: BTreeMap<(Family, Kind), Pair> = BTreeMap::new();
        for pair in &self.pings {
            let known = first.entry((pair.family, self.kind(pair))).or_insert(*pair);
            if (pair.from, pair.to) < (known.from, known.to) {
                *known = *pair;
            }
        }
        let is_told =
            |(family, kind): &(Family, Kind)| is_told(*kind, |other| first.contains_key(&(*family, other)));
        first.iter().filter(|(key, _)| is_told(key)).map(|(_, pair)| *pair).collect()
    }

    /// What kind of pair this is.
    pub fn kind(&self, pair: &Pair) -> Kind {
        kind(&self.places[pair.from], &self.places[pair.to])
    }

    /// Whether a pair is to find no way: nobody outside has a route to pods.
    pub fn is_from_outside(&self, pair: &Pair) -> bool {
        let Kind { from, to, .. } = self.kind(pair);
        (from, to) == (Role::External, Role::Pod)
    }

    /// The pings, or whatever is tried instead.
    pub fn ping_requests(&self, attempt: &Attempt) -> Vec<Request> {
        self.pings.iter().filter_map(|pair| self.request(pair, attempt.clone())).collect()
    }

    /// The traceroutes, to be sent.
    pub fn route_requests(&self) -> Vec<Request> {
        let attempt = || Attempt::Traceroute(TracerouteOptions::default());
        self.routes.iter().filter_map(|pair| self.request(pair, attempt())).collect()
    }

    /// A pair's request; every pair has an address of its family, because it was made of that.
    fn request(&self, pair: &Pair, attempt: Attempt) -> Option<Request> {
        let to = self.places[pair.to].address.get(pair.family)?.addr();
        Some(Request { from: pair.from, to, attempt })
    }
}

fn kind(from: &Place, to: &Place) -> Kind {
    let between = if [from.role, to.role].contains(&Role::External) {
        Between::Outside
    } else if from.node == to.node {
        Between::SameNode
    } else if from.segment == to.segment {
        Between::OtherNode
    } else {
        Between::OtherSegment
    };
    Kind { from: from.role, to: to.role, between }
}

/// Of the kinds between which a packet takes the same way, only one is told: a node's own way to other nodes shows
/// nothing that pods' ways do not.
fn is_told(kind: Kind, there_is: impl Fn(Kind) -> bool) -> bool {
    let between_pods = Kind { from: Role::Pod, to: Role::Pod, ..kind };
    match (kind.from, kind.to) {
        (Role::Pod, Role::Pod | Role::External) => true,
        (Role::Node, Role::Pod) => {
            let other = Kind { between: Between::OtherNode, ..kind };
            kind.between == Between::OtherNode || (kind.between == Between::SameNode && !there_is(other))
        }
        (Role::Node, Role::Node) => !there_is(between_pods),
        (Role::Node, Role::External) => !there_is(Kind { from: Role::Pod, ..kind }),
        (Role::Pod, Role::Node | Role::Gateway)
        | (Role::Node, Role::Gateway)
        | (Role::External | Role::Gateway, _) => false,
    }
}

fn places(lab: &Lab) -> Vec<Place> {
    let mut places = Vec::new();
    for (number, node) in lab.nodes.iter().enumerate() {
        let place = |name: &str, address: Addresses, role| Place {
            name: name.to_owned(),
            address,
            role,
            node: number,
            segment: node.segment,
        };
        places.push(place(&node.name, node.address, Role::Node));
        places.extend(node.pods.iter().map(|pod| place(&pod.name, pod.address, Role::Pod)));
    }
    places.extend(lab.externals.iter().enumerate().map(|(number, external)| Place {
        name: external.name.clone(),
        address: external.address,
        role: Role::External,
        node: lab.nodes.len() + number,
        segment: lab.segments.len(),
    }));
    places
}

/// Each place asks the one after it, then each the second one after it, and so on: so nobody has to answer all at once.
fn pairs(places: &[Place], family: Family) -> Vec<Pair> {
    let with: Vec<usize> =
        (0..places.len()).filter(|place| places[*place].address.get(family).is_some()).collect();
    let count = with.len();
    let pair =
        |from: usize, distance: usize| Pair { from: with[from], to: with[(from + distance) % count], family };
    (1..count).flat_map(|distance| (0..count).map(move |from| pair(from, distance))).collect()
}
