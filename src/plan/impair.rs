//! Impairments, last of all: when they are there, nothing is built any more that they could disturb.
//!
//! Where frames are lost, ARP and ND requests would be lost too, and a packet whose next hop is not found in three tries is
//! thrown away; so everybody at a cable that loses frames knows everybody whom it leads to beforehand.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::IpAddr;

use super::cable::{self, Cable, End};
use super::link::{Link, Mac};
use super::op::Op;
use super::qdisc::Qdisc;
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

/// Somebody on a switch: a cable's interface, or the bridge itself where it has addresses.
struct Station {
    namespace: usize,
    link: Link,
    mac: Mac,
    addresses: Vec<IpAddr>,
}

/// Permanent entries for everybody at these cables, and at the others for them, where the plan has none yet.
pub(super) fn neighbours(namespaces: &[Namespace], cables: &[&Cable]) -> Vec<Step> {
    let switches: BTreeSet<(usize, u32)> =
        cables.iter().filter_map(|cable| Some((cable.near, cable.bridge.as_ref()?.index))).collect();
    if switches.is_empty() {
        return Vec::new();
    }
    let known = known(namespaces);
    let mut entries: BTreeMap<usize, Vec<Op>> = BTreeMap::new();
    for switch in switches {
        let here: HashSet<(usize, u32)> = cables
            .iter()
            .filter(|cable| cable.bridge.as_ref().is_some_and(|bridge| (cable.near, bridge.index) == switch))
            .map(|cable| (cable.far, cable.interface.index))
            .collect();
        let stations = stations(namespaces, switch);
        let is_behind = |station: &Station| here.contains(&(station.namespace, station.link.index));
        // The fabric's switches have no addresses, and ask for none.
        for one in stations.iter().filter(|one| !one.addresses.is_empty()) {
            let others = stations.iter().filter(|other| {
                (other.namespace, other.link.index) != (one.namespace, one.link.index)
                    && (is_behind(one) || is_behind(other))
            });
            let missing =
                others.flat_map(|other| other.addresses.iter().map(|address| (*address, other.mac)));
            let missing = missing.filter(|(address, _)| !known.contains(&(one.namespace, *address)));
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

/// Everybody on a switch, which is given by its namespace and index.
fn stations(namespaces: &[Namespace], (place, index): (usize, u32)) -> Vec<Station> {
    let steps = || namespaces.iter().flat_map(|namespace| &namespace.steps);
    let mut all = Vec::new();
    let ops = steps().filter(|step| step.run_in == place).flat_map(|step| &step.ops);
    for op in ops {
        let (namespace, link, mac) = match op {
            Op::Bridge { link, mac, .. } if link.index == index => (place, link, *mac),
            Op::Veth { bridge: Some(bridge), far_namespace, far, .. } if bridge.index == index => {
                (*far_namespace, &far.link, far.mac)
            }
            _ => continue,
        };
        all.push(Station { namespace, link: link.clone(), mac, addresses: Vec::new() });
    }
    let places: BTreeMap<(usize, u32), usize> = all
        .iter()
        .enumerate()
        .map(|(number, station)| ((station.namespace, station.link.index), number))
        .collect();
    for step in steps() {
        for op in &step.ops {
            if let Op::Address { link, address } = op
                && let Some(number) = places.get(&(step.run_in, link.index))
            {
                all[*number].addresses.push(address.addr());
            }
        }
    }
    all
}
