//! The cables of a plan: which ends each has, and which are meant by the name of a node, pod, router, external or segment.

use serde::Serialize;

use super::link::{Link, interface_name};
use super::op::{Op, Route};
use super::{Namespace, Plan};

/// A cable: from a bridge's port to an interface of a pod, node or router, or from the fabric straight to an external.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cable {
    /// Index of the namespace of the bridge or the fabric.
    pub near: usize,
    /// The bridge's port, or the fabric's interface: it sends what the other end gets.
    pub port: Link,
    /// The bridge, where there is one.
    pub bridge: Option<Link>,
    /// Index of the namespace of the pod, node, router or external.
    pub far: usize,
    /// The interface there.
    pub interface: Link,
    /// The MTU of both.
    pub mtu: u32,
}

/// One end of a cable, which impairs what is sent there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// The interface: what the pod, node, router or external sends.
    Out,
    /// The other end: what the pod, node, router or external gets.
    In,
}

impl Cable {
    /// Where an end is: the index of its namespace, and its interface.
    pub fn end(&self, end: End) -> (usize, &Link) {
        match end {
            End::Out => (self.far, &self.interface),
            End::In => (self.near, &self.port),
        }
    }
}

/// All cables of these namespaces, in the order in which they are made.
pub(super) fn cables(namespaces: &[Namespace]) -> Vec<Cable> {
    let steps = namespaces.iter().flat_map(|namespace| &namespace.steps);
    let ops = steps.flat_map(|step| step.ops.iter().map(|op| (step.run_in, op)));
    ops.filter_map(|(run_in, op)| match op {
        Op::Veth { near, bridge, far_namespace, far, mtu } => Some(Cable {
            near: run_in,
            port: near.link.clone(),
            bridge: bridge.clone(),
            far: *far_namespace,
            interface: far.link.clone(),
            mtu: *mtu,
        }),
        _ => None,
    })
    .collect()
}

impl Plan {
    /// All cables, in the order in which they are made.
    pub fn cables(&self) -> Vec<Cable> {
        cables(&self.namespaces)
    }

    /// The cables of a pod, node, router or external.
    pub fn cables_of(&self, name: &str) -> Vec<Cable> {
        let mut cables = self.cables();
        cables.retain(|cable| self.namespaces[cable.far].name == name);
        cables
    }

    /// What the kernel forgets of a cable's near end when that is turned off: nothing of a bridge's port, but the
    /// addresses, routes and neighbours of an interface of the fabric's own.
    pub fn forgotten(&self, cable: &Cable) -> Vec<Op> {
        if cable.bridge.is_some() {
            return Vec::new();
        }
        let of_namespaces = self.namespaces.iter().flat_map(|namespace| &namespace.steps);
        let steps = of_namespaces.chain(&self.last).filter(|step| step.run_in == cable.near);
        let is_forgotten = |op: &&Op| match op {
            Op::Address { link, .. } | Op::Route(Route { link, .. }) | Op::Neighbour { link, .. } => {
                *link == cable.port
            }
            _ => false,
        };
        steps.flat_map(|step| &step.ops).filter(is_forgotten).cloned().collect()
    }

    /// The cables that are plugged into a segment's switch.
    pub fn cables_of_segment(&self, segment: &str) -> Vec<Cable> {
        let mut cables = self.cables();
        cables.retain(|cable| is_on(cable, segment));
        cables
    }
}

/// Whether a cable is plugged into a segment's switch; those are in the fabric, which comes first.
pub(super) fn is_on(cable: &Cable, segment: &str) -> bool {
    cable.near == 0 && cable.bridge.as_ref().is_some_and(|bridge| bridge.name == interface_name(segment))
}
