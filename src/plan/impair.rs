//! Impairments, last of all: when they are there, nothing is built any more that they could disturb.
//!
//! Where frames are lost, ARP and ND requests would be lost too, and a packet whose next hop is not found in three tries is
//! thrown away; so everybody at a cable that loses frames knows everybody whom it leads to beforehand.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

use super::cable::{self, Cable, End};
use super::op::Op;
use super::qdisc::Qdisc;
use super::wire::{self, Port};
use super::{Namespace, Step};
use crate::model::{Impair, Impairment, Lab};

/// What is done when all namespaces are there: neighbours first, then the queues.
pub(super) fn last(lab: &Lab, namespaces: &[Namespace]) -> Vec<Step> {
    let impaired = impaired(lab, namespaces);
    let lossy: Vec<&Cable> =
        impaired.iter().filter(|(_, _, impair)| impair.loses_frames()).map(|(cable, ..)| cable).collect();
    let mut steps = neighbours(namespaces, &lossy);
    let mut queues: BTreeMap<usize, Vec<Op>> = BTreeMap::new();
    for (cable, end, impair) in &impaired {
        let (place, link) = cable.end(*end);
        let qdisc = Qdisc::new(impair, cable.mtu);
        queues.entry(place).or_default().extend(qdisc.map(|qdisc| Op::Impair { link: link.clone(), qdisc }));
    }
    steps.extend(queues.into_iter().map(|(run_in, ops)| {
        let why = match run_in {
            0 => "impairments of what goes to nodes and routers",
            _ => "impairments of what is sent here",
        };
        Step { run_in, why: why.into(), ops }
    }));
    steps
}

/// Every end that is impaired, with all that happens there.
fn impaired(lab: &Lab, namespaces: &[Namespace]) -> Vec<(Cable, End, Impair)> {
    let nodes = lab.nodes.iter().map(|node| (node.name.as_str(), node.impair));
    let pods = lab.pods().map(|(_, pod)| (pod.name.as_str(), pod.impair));
    let own: BTreeMap<&str, Impairment> =
        nodes.chain(pods).filter_map(|(name, impair)| Some((name, impair?))).collect();
    let segments: Vec<(&str, Impair)> = lab
        .segments
        .iter()
        .filter_map(|segment| Some((segment.name.as_str(), segment.impair?.impair)))
        .collect();
    if own.is_empty() && segments.is_empty() {
        return Vec::new();
    }
    let mut all = Vec::new();
    for cable in cable::cables(namespaces) {
        let own = own.get(namespaces[cable.far].name.as_str());
        let out = own.filter(|own| own.direction.is_out()).map(|own| own.impair).unwrap_or_default();
        let mut into = own.filter(|own| own.direction.is_in()).map(|own| own.impair).unwrap_or_default();
        if let Some((_, segments)) = segments.iter().find(|(name, _)| cable::is_on(&cable, name)) {
            into = into.or(segments);
        }
        for (end, impair) in [(End::Out, out), (End::In, into)] {
            if !impair.is_empty() {
                all.push((cable.clone(), end, impair));
            }
        }
    }
    all
}

/// Permanent entries for everybody whom a frame over one of these cables could be for, where the plan has none yet: at one
/// cable of a wire, that is everybody on the one side for everybody on the other.
pub(super) fn neighbours(namespaces: &[Namespace], cables: &[&Cable]) -> Vec<Step> {
    let meant = cables.iter().filter(|cable| cable.bridge.is_some());
    let meant: HashSet<Port> = meant.map(|cable| (cable.far, cable.interface.index)).collect();
    if meant.is_empty() {
        return Vec::new();
    }
    let known = known(namespaces);
    let mut entries: BTreeMap<usize, Vec<Op>> = BTreeMap::new();
    for stations in wire::stations(namespaces).values() {
        let behind: Vec<Vec<&Port>> = stations
            .iter()
            .map(|station| station.cables.iter().filter(|cable| meant.contains(*cable)).collect())
            .collect();
        let places = || stations.iter().zip(&behind);
        if places().all(|(_, behind)| behind.is_empty()) {
            continue;
        }
        for (one, side) in places() {
            let others = places().filter(|(_, other)| *other != side);
            let missing = others
                .flat_map(|(other, _)| other.addresses.iter().map(|net| (net.addr(), other.mac)))
                // Who has no address asks for none, and whoever is elsewhere is not asked for.
                .filter(|(address, _)| one.addresses.iter().any(|net| net.contains(address)))
                .filter(|(address, _)| !known.contains(&(one.namespace, *address)));
            entries.entry(one.namespace).or_default().extend(missing.map(|(address, mac)| Op::Neighbour {
                link: one.link.clone(),
                address,
                mac,
            }));
        }
    }
    entries.retain(|_, ops| !ops.is_empty());
    let why = "neighbours over a cable that loses frames: known, because the question could be lost";
    entries.into_iter().map(|(run_in, ops)| Step { run_in, why: why.into(), ops }).collect()
}

/// The entries that the plan makes anyway.
fn known(namespaces: &[Namespace]) -> HashSet<(usize, IpAddr)> {
    let steps = namespaces.iter().flat_map(|namespace| &namespace.steps);
    let ops = steps.flat_map(|step| step.ops.iter().map(|op| (step.run_in, op)));
    ops.filter_map(|(run_in, op)| match op {
        Op::Neighbour { address, .. } => Some((run_in, *address)),
        _ => None,
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who is told of whom: `node1 cbr0 10.244.2.2`.
    fn told(text: &str, of: &str) -> Vec<String> {
        let lab = crate::parse(text, "lab").expect("a lab");
        let plan = super::super::plan(&lab);
        let cables = plan.cables_of(of);
        let steps = plan.neighbours_at(&cables.iter().collect::<Vec<_>>());
        let lines = steps.iter().flat_map(|step| {
            let place = &plan.namespaces[step.run_in].name;
            step.ops.iter().map(move |op| match op {
                Op::Neighbour { link, address, .. } => format!("{place} {} {address}", link.name),
                other => panic!("{other}"),
            })
        });
        lines.collect()
    }

    const NODES: &str = "[[node]]\nname = \"node1\"\npods = [\"pod1\", \"pod2\"]\n\
                         [[node]]\nname = \"node2\"\npods = [\"pod3\"]\n";

    #[test]
    fn on_a_flat_network_a_nodes_cable_is_between_all_its_pods_and_all_others() {
        let flat = format!("cluster = {{ data_path = \"l2\" }}\n{NODES}");
        let expected = [
            "node1 cbr0 10.244.2.1",
            "node1 cbr0 192.168.66.12",
            "node1 cbr0 10.244.2.2",
            "pod1 eth0 10.244.2.1",
            "pod1 eth0 10.244.2.2",
            "pod2 eth0 10.244.2.1",
            "pod2 eth0 10.244.2.2",
            "node2 cbr0 10.244.1.1",
            "node2 cbr0 192.168.66.11",
            "node2 cbr0 10.244.1.2",
            "node2 cbr0 10.244.1.3",
            "pod3 eth0 10.244.1.1",
            "pod3 eth0 10.244.1.2",
            "pod3 eth0 10.244.1.3",
        ];
        assert_eq!(told(&flat, "node2"), expected);
        // A pod's cable: everybody on the one wire for it, and it for everybody.
        let of_pod = told(&flat, "pod3");
        for line in ["node1 cbr0 10.244.2.2", "pod1 eth0 10.244.2.2", "node2 cbr0 10.244.2.2"] {
            assert!(of_pod.iter().any(|told| told == line), "{line}: {of_pod:?}");
        }
        assert!(!of_pod.iter().any(|told| told == "pod1 eth0 10.244.2.1"), "{of_pod:?}");
    }

    #[test]
    fn where_nodes_route_a_cable_is_between_those_at_its_switch() {
        assert_eq!(told(NODES, "node2"), ["node1 eth0 192.168.66.12", "node2 eth0 192.168.66.11"]);
        let expected =
            ["node1 cbr0 10.244.1.2", "pod1 eth0 10.244.1.1", "pod1 eth0 10.244.1.3", "pod2 eth0 10.244.1.2"];
        assert_eq!(told(NODES, "pod1"), expected);
    }
}
