//! What a page draws of a lab: its places, their interfaces as chips, bridges and cables. Where they go on the page is the
//! page's business; what is drawn at all is decided here, so that a lab of a hundred pods stays readable.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use serde::Serialize;

use super::story::{StepTold, Story};
use super::tell::kind;
use crate::model::{Family, Lab};
use crate::plan::{Kind, Op, Plan};
use crate::render::count;

/// Nodes that the packet does not pass are drawn in labs of no more than this.
const NODES_FEW: usize = 2;
/// Pods that the packet does not pass are drawn if all nodes that are drawn have no more than this together.
const PODS_FEW: usize = 6;
/// Routers, and externals, that the packet does not pass are drawn if there are no more than this.
const OTHERS_FEW: usize = 2;

/// A lab, as far as it is drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Drawing {
    /// In the plan's order: the fabric first, and pods after their node.
    pub places: Vec<Place>,
    /// What is between them.
    pub cables: Vec<Cable>,
    /// What is only counted: `8 more nodes`.
    pub left_out: Vec<String>,
}

/// A namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Place {
    /// Its name.
    pub name: String,
    /// `fabric`, `router`, `node`, `pod`, `external`.
    pub kind: &'static str,
    /// Of a pod: its node.
    pub node: Option<String>,
    /// Its interfaces.
    pub chips: Vec<Chip>,
    /// Its bridges; of the fabric, the segments.
    pub bridges: Vec<Bridge>,
    /// Of a node: how many of its pods are not drawn.
    pub pods_left_out: usize,
    /// Whether the packet, its answer or an error passes it.
    pub is_used: bool,
}

/// An interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Chip {
    /// Its name.
    pub interface: String,
    /// What it is there for.
    pub role: ChipRole,
    /// The bridge that it is a port of, or that it is.
    pub bridge: Option<String>,
    /// Its addresses, of the packet's family.
    pub addresses: Vec<IpAddr>,
    /// Whether some step of the walk is here.
    pub is_used: bool,
}

/// What an interface is there for, which decides where it is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ChipRole {
    /// The place's own end of a cable.
    Own,
    /// Somebody else's cable, plugged in here.
    Port,
    /// A bridge, as an interface of its place.
    Bridge,
    /// A tunnel's end.
    Tunnel,
    /// It was not planned: somebody made it later.
    Other,
}

/// A bridge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Bridge {
    /// Its interface's name.
    pub name: String,
    /// What it is called: `cbr0`, `segment underlay`.
    pub label: String,
    /// Its networks, of the packet's family.
    pub networks: Vec<String>,
    /// Whether the packet passes it.
    pub is_used: bool,
}

/// A cable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Cable {
    /// The interfaces at its ends.
    pub ends: [Spot; 2],
    /// Whether the packet, its answer or an error goes over it.
    pub is_used: bool,
}

/// Where an interface is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub(super) struct Spot {
    /// The place.
    pub place: String,
    /// The interface there.
    pub interface: String,
}

impl Spot {
    fn new(place: &str, interface: &str) -> Self {
        Self { place: place.to_owned(), interface: interface.to_owned() }
    }
}

/// The lab, as far as it helps to see the packet's way.
pub(super) fn drawing(story: &Story, lab: &Lab, plan: &Plan) -> Drawing {
    let mut drawing = planned(lab, plan, Family::of_address(&story.target));
    mark(&mut drawing, story);
    leave_out(&mut drawing, lab);
    drawing
}

/// Everything that there is.
fn planned(lab: &Lab, plan: &Plan, family: Family) -> Drawing {
    let nodes: HashMap<&str, &str> =
        lab.pods().map(|(node, pod)| (pod.name.as_str(), node.name.as_str())).collect();
    let mut drawing = Drawing { places: Vec::new(), cables: Vec::new(), left_out: Vec::new() };
    for namespace in &plan.namespaces {
        let node = nodes.get(namespace.name.as_str()).filter(|_| namespace.kind == Kind::Pod);
        let node = node.map(|node| (*node).to_owned());
        drawing.places.push(Place {
            name: namespace.name.clone(),
            kind: kind(namespace.kind),
            node,
            chips: Vec::new(),
            bridges: Vec::new(),
            pods_left_out: 0,
            is_used: false,
        });
    }
    for step in plan.namespaces.iter().flat_map(|namespace| &namespace.steps) {
        step.ops.iter().for_each(|op| drawing.learn(step.run_in, op, family));
    }
    name_segments(&mut drawing, lab, family);
    drawing
}

impl Drawing {
    fn learn(&mut self, here: usize, op: &Op, family: Family) {
        match op {
            Op::Bridge { link, .. } => {
                let name = link.name.to_string();
                self.places[here].add(&name, ChipRole::Bridge, Some(name.clone()));
                let (label, networks) = (name.clone(), Vec::new());
                self.places[here].bridges.push(Bridge { name, label, networks, is_used: false });
            }
            Op::Tunnel(tunnel) => self.places[here].add(&tunnel.link.name, ChipRole::Tunnel, None),
            Op::Veth { near, bridge, far_namespace: there, far, .. } => {
                let bridge = bridge.as_ref().map(|bridge| bridge.name.to_string());
                self.places[here].add(&near.link.name, ChipRole::Port, bridge);
                self.places[*there].add(&far.link.name, ChipRole::Own, None);
                let near = Spot::new(&self.places[here].name, &near.link.name);
                let far = Spot::new(&self.places[*there].name, &far.link.name);
                self.cables.push(Cable { ends: [near, far], is_used: false });
            }
            Op::Enslave { link, bridge } => {
                if let Some(chip) = self.places[here].chip(&link.name) {
                    chip.bridge = Some(bridge.name.to_string());
                }
            }
            Op::Address { link, address } if Family::of(address) == family => {
                if let Some(chip) = self.places[here].chip(&link.name) {
                    chip.addresses.push(address.addr());
                }
                let bridges = &mut self.places[here].bridges;
                if let Some(bridge) = bridges.iter_mut().find(|bridge| bridge.name == link.name) {
                    bridge.networks.push(address.to_string());
                }
            }
            _ => {}
        }
    }

    fn place(&mut self, name: &str) -> Option<&mut Place> {
        self.places.iter_mut().find(|place| place.name == name)
    }

    /// Whether some chip is there.
    #[cfg(test)]
    pub(super) fn draws(&self, place: &str, interface: &str) -> bool {
        let place = self.places.iter().find(|it| it.name == place);
        place.is_some_and(|place| place.chips.iter().any(|chip| chip.interface == interface))
    }
}

impl Place {
    fn add(&mut self, interface: &str, role: ChipRole, bridge: Option<String>) {
        let interface = interface.to_owned();
        self.chips.push(Chip { interface, role, bridge, addresses: Vec::new(), is_used: false });
    }

    fn chip(&mut self, interface: &str) -> Option<&mut Chip> {
        self.chips.iter_mut().find(|chip| chip.interface == interface)
    }
}

/// A segment's switch has no addresses where the fabric does not route: its network is the segment's.
fn name_segments(drawing: &mut Drawing, lab: &Lab, family: Family) {
    let Some(fabric) = drawing.places.iter_mut().find(|place| place.kind == "fabric") else { return };
    for (bridge, segment) in fabric.bridges.iter_mut().zip(&lab.segments) {
        bridge.label = format!("segment {}", segment.name);
        bridge.networks = segment.subnet.get(family).map(|net| net.to_string()).into_iter().collect();
    }
}

/// The interfaces by which a packet comes to a step, and leaves it.
fn spots(step: &StepTold) -> [Spot; 2] {
    match &step.ports {
        Some([came, left]) => [Spot::new(&step.place, came), Spot::new(&step.place, left)],
        None => [Spot::new(&step.place, &step.interface), Spot::new(&step.place, &step.interface)],
    }
}

/// Marks what the walk uses. What it uses and nobody planned is added: a captured frame is right about what there is.
fn mark(drawing: &mut Drawing, story: &Story) {
    let ends = [&story.from, &story.to];
    let lost = story.lost.as_ref().map(|lost| &lost.place);
    for name in ends.into_iter().chain(lost) {
        if let Some(place) = drawing.place(name) {
            place.is_used = true;
        }
    }
    let mut hops = HashSet::new();
    for way in &story.ways {
        for step in &way.steps {
            let place = match drawing.places.iter().position(|place| place.name == step.place) {
                Some(at) => &mut drawing.places[at],
                None => add_place(drawing, step),
            };
            place.is_used = true;
            for spot in spots(step) {
                if place.chip(&spot.interface).is_none() {
                    place.add(&spot.interface, ChipRole::Other, None);
                }
                let chip = place.chip(&spot.interface);
                let bridge = chip.and_then(|chip| {
                    chip.is_used = true;
                    chip.bridge.clone()
                });
                let bridges = place.bridges.iter_mut().filter(|it| Some(&it.name) == bridge.as_ref());
                bridges.for_each(|bridge| bridge.is_used = true);
            }
        }
        for pair in way.steps.windows(2) {
            let ([_, left], [came, _]) = (spots(&pair[0]), spots(&pair[1]));
            hops.insert([came.clone(), left.clone()]);
            hops.insert([left, came]);
        }
    }
    drawing.cables.iter_mut().for_each(|cable| cable.is_used = hops.contains(&cable.ends));
    let of_used: HashSet<String> =
        drawing.places.iter().filter(|place| place.is_used).filter_map(|place| place.node.clone()).collect();
    drawing
        .places
        .iter_mut()
        .filter(|place| of_used.contains(&place.name))
        .for_each(|node| node.is_used = true);
}

fn add_place<'a>(drawing: &'a mut Drawing, step: &StepTold) -> &'a mut Place {
    let at = drawing.places.len();
    drawing.places.push(Place {
        name: step.place.clone(),
        kind: step.kind,
        node: None,
        chips: Vec::new(),
        bridges: Vec::new(),
        pods_left_out: 0,
        is_used: true,
    });
    &mut drawing.places[at]
}

/// Takes away what only fills the page, and says how much that is.
fn leave_out(drawing: &mut Drawing, lab: &Lab) {
    for (kind, few, thing) in [
        ("node", NODES_FEW, "node"),
        ("router", OTHERS_FEW, "router"),
        ("external", OTHERS_FEW, "external host"),
    ] {
        let all = drawing.places.iter().filter(|place| place.kind == kind).count();
        if all > few {
            drawing.places.retain(|place| place.kind != kind || place.is_used);
        }
        let gone = all - drawing.places.iter().filter(|place| place.kind == kind).count();
        if gone > 0 {
            let mut text = counted(gone, thing);
            if kind == "node" {
                text.push_str(&pods_of_gone(drawing));
            }
            drawing.left_out.push(text);
        }
    }
    leave_out_pods(drawing);
    let names: HashSet<String> = drawing.places.iter().map(|place| place.name.clone()).collect();
    drawing.cables.retain(|cable| cable.ends.iter().all(|end| names.contains(&end.place)));
    leave_out_chips(drawing, lab);
}

/// ` with 80 pods`: those whose node is not drawn.
fn pods_of_gone(drawing: &Drawing) -> String {
    let is_drawn = |node: &String| drawing.places.iter().any(|place| place.name == *node);
    let pods = drawing.places.iter().filter(|place| place.node.as_ref().is_some_and(|node| !is_drawn(node)));
    match pods.count() {
        0 => String::new(),
        pods => format!(" with {}", count(u64::try_from(pods).unwrap_or(u64::MAX), "pod")),
    }
}

fn leave_out_pods(drawing: &mut Drawing) {
    let nodes: HashSet<String> =
        drawing.places.iter().filter(|place| place.kind == "node").map(|node| node.name.clone()).collect();
    drawing.places.retain(|place| place.node.as_ref().is_none_or(|node| nodes.contains(node)));
    if drawing.places.iter().filter(|place| place.node.is_some()).count() <= PODS_FEW {
        return;
    }
    let mut gone: HashMap<String, usize> = HashMap::new();
    drawing.places.retain(|place| match &place.node {
        Some(node) if !place.is_used => {
            *gone.entry(node.clone()).or_default() += 1;
            false
        }
        _ => true,
    });
    for place in &mut drawing.places {
        place.pods_left_out = gone.get(&place.name).copied().unwrap_or(0);
    }
}

/// A port whose cable leads to somebody who is not drawn, a switch that is not a place's own interface, and a segment that
/// nobody is on.
fn leave_out_chips(drawing: &mut Drawing, lab: &Lab) {
    let plugged: HashSet<Spot> = drawing.cables.iter().flat_map(|cable| cable.ends.clone()).collect();
    for place in &mut drawing.places {
        let (name, is_switch) = (place.name.clone(), place.kind == "fabric" && lab.fabric.is_empty());
        place.chips.retain(|chip| match chip.role {
            ChipRole::Port => chip.is_used || plugged.contains(&Spot::new(&name, &chip.interface)),
            ChipRole::Bridge => chip.is_used || !is_switch,
            ChipRole::Own | ChipRole::Tunnel | ChipRole::Other => true,
        });
        if place.kind != "fabric" {
            continue;
        }
        let used: HashSet<String> = place
            .chips
            .iter()
            .filter(|chip| chip.role == ChipRole::Port)
            .filter_map(|chip| chip.bridge.clone())
            .collect();
        let all = place.bridges.len();
        place.bridges.retain(|bridge| bridge.is_used || used.contains(&bridge.name));
        let bridges: HashSet<&str> = place.bridges.iter().map(|bridge| bridge.name.as_str()).collect();
        place.chips.retain(|chip| chip.bridge.as_deref().is_none_or(|name| bridges.contains(name)));
        let gone = all - place.bridges.len();
        drawing.left_out.extend((gone > 0).then(|| counted(gone, "segment")));
    }
}

fn counted(number: usize, thing: &str) -> String {
    count(u64::try_from(number).unwrap_or(u64::MAX), &format!("more {thing}"))
}
