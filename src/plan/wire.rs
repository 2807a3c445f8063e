//! Who is on one wire with whom: bridges that cables join, and everybody who is plugged into them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ipnet::IpNet;

use super::cable::Cable;
use super::link::{Link, Mac};
use super::op::Op;
use super::{Namespace, Plan};

/// An interface: the index of its namespace, and its own there.
pub(super) type Port = (usize, u32);

/// Somebody on a wire: a cable's interface, or the bridge itself where it has addresses.
pub(super) struct Station {
    /// The index of its namespace.
    pub(super) namespace: usize,
    /// Its interface.
    pub(super) link: Link,
    /// Its Ethernet address.
    pub(super) mac: Mac,
    /// Its addresses, with what it takes for its neighbourhood.
    pub(super) addresses: Vec<IpNet>,
    /// The uppermost bridge of its wire: who has the same is on the same wire.
    pub(super) wire: Port,
    /// The cables between that bridge and it, by their interfaces. Between two stations there are those that only one has.
    pub(super) cables: Vec<Port>,
}

/// Which bridge hangs on which: a node's cbr0 on the underlay's switch, where its eth0 is a port of it.
struct Tree(HashMap<Port, (Port, Port)>);

impl Tree {
    fn new(namespaces: &[Namespace]) -> Self {
        let ports: HashMap<Port, Port> = ops(namespaces)
            .filter_map(|(place, op)| match op {
                Op::Enslave { link, bridge } => Some(((place, link.index), (place, bridge.index))),
                _ => None,
            })
            .collect();
        let joined = ops(namespaces).filter_map(|(place, op)| match op {
            Op::Veth { bridge: Some(upper), far_namespace, far, .. } => {
                let cable = (*far_namespace, far.link.index);
                Some((*ports.get(&cable)?, (cable, (place, upper.index))))
            }
            _ => None,
        });
        Self(joined.collect())
    }

    /// The uppermost bridge above one, and the cables up to there.
    fn climb(&self, mut bridge: Port) -> (Port, Vec<Port>) {
        let mut cables = Vec::new();
        while let Some((cable, upper)) = self.0.get(&bridge) {
            cables.push(*cable);
            bridge = *upper;
        }
        (bridge, cables)
    }

    /// Whether a cable's interface is a bridge's port, and so nobody of its own.
    fn joins(&self, interface: Port) -> bool {
        self.0.values().any(|(cable, _)| *cable == interface)
    }

    /// The uppermost bridge of a cable's wire; none where it leads to no bridge.
    fn wire(&self, cable: &Cable) -> Option<Port> {
        Some(self.climb((cable.near, cable.bridge.as_ref()?.index)).0)
    }
}

/// All operations, with the namespace in which each runs.
fn ops(namespaces: &[Namespace]) -> impl Iterator<Item = (usize, &Op)> {
    let steps = namespaces.iter().flat_map(|namespace| &namespace.steps);
    steps.flat_map(|step| step.ops.iter().map(|op| (step.run_in, op)))
}

/// Everybody, wire by wire, in the order in which they are made.
pub(super) fn stations(namespaces: &[Namespace]) -> BTreeMap<Port, Vec<Station>> {
    let tree = Tree::new(namespaces);
    let mut addresses: HashMap<Port, Vec<IpNet>> = HashMap::new();
    for (place, op) in ops(namespaces) {
        if let Op::Address { link, address } = op {
            addresses.entry((place, link.index)).or_default().push(*address);
        }
    }
    let mut wires: BTreeMap<Port, Vec<Station>> = BTreeMap::new();
    for (place, op) in ops(namespaces) {
        let (namespace, link, mac, bridge) = match op {
            Op::Bridge { link, mac, .. } => (place, link, *mac, (place, link.index)),
            Op::Veth { bridge: Some(bridge), far_namespace, far, .. } => {
                (*far_namespace, &far.link, far.mac, (place, bridge.index))
            }
            _ => continue,
        };
        let here = (namespace, link.index);
        if here != bridge && tree.joins(here) {
            continue;
        }
        let (wire, mut cables) = tree.climb(bridge);
        cables.extend((here != bridge).then_some(here));
        let addresses = addresses.remove(&here).unwrap_or_default();
        wires.entry(wire).or_default().push(Station {
            namespace,
            link: link.clone(),
            mac,
            addresses,
            wire,
            cables,
        });
    }
    wires
}

/// Wires as a whole.
pub struct Wires {
    /// Their cables.
    pub cables: Vec<Cable>,
    /// The interfaces of everybody on them: the index of the namespace, and that of the interface.
    pub interfaces: BTreeSet<(usize, u32)>,
}

impl Plan {
    /// The wires that these cables are parts of.
    pub fn wires_of(&self, cables: &[Cable]) -> Wires {
        let tree = Tree::new(&self.namespaces);
        let wires: BTreeSet<Port> = cables.iter().filter_map(|cable| tree.wire(cable)).collect();
        let mut all = self.cables();
        all.retain(|cable| tree.wire(cable).is_some_and(|wire| wires.contains(&wire)));
        let stations = stations(&self.namespaces).into_values().flatten();
        let here = stations.filter(|station| wires.contains(&station.wire));
        let interfaces = here.map(|station| (station.namespace, station.link.index)).collect();
        Wires { cables: all, interfaces }
    }
}
