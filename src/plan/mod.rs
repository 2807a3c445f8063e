//! PURE. The exact kernel objects of a lab, per namespace and in order.
//!
//! A plan knows every interface index, name and MAC address beforehand, so that nothing is read back while building.
//! Namespaces come in the order in which they are made; a step may touch its own namespace or one that came before.

mod cable;
mod cloud;
mod data_path;
mod external;
mod feature;
mod geneve;
mod gre;
mod host_gw;
mod impair;
mod ipip;
mod l2;
mod link;
mod masquerade;
mod neighbours;
pub mod nftables;
mod node;
mod op;
mod pod;
mod qdisc;
mod tunnel;
mod underlay;
mod vxlan;
mod wire;
mod wireguard;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::model::Lab;

pub use crate::model::Impair;
pub use cable::{Cable, End as CableEnd};
pub use data_path::uplink;
pub use feature::{About, Feature};
pub use link::{Link, Mac, veth_name, veth_names};
pub use op::{Absent, Encap, End, NextHop, Offloads, Op, Route};
pub use qdisc::Qdisc;
pub use tunnel::{TTL, Tunnel, TunnelKind, tunnel_addresses, tunnel_name};
pub use wire::Wires;
pub use wireguard::{Keys, Peer, PrivateKey, PublicKey, Wireguard};

/// The namespaces of a lab and what is made in each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// In the order in which they are made; the first is the fabric.
    pub namespaces: Vec<Namespace>,
    /// What is done when all of them are there, and traffic could flow.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub last: Vec<Step>,
}

/// One network namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Namespace {
    /// Its name, which is also its hostname.
    pub name: String,
    /// What it stands for.
    pub kind: Kind,
    /// What is made for it, in order.
    pub steps: Vec<Step>,
}

/// What a namespace stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The underlay's switches.
    Fabric,
    /// A router between segments.
    Router,
    /// A host beyond the cluster.
    External,
    /// A node.
    Node,
    /// A pod's sandbox.
    Pod,
}

/// The process that holds a namespace of a running lab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sandbox {
    /// The namespace's name.
    pub name: String,
    /// What it stands for.
    pub kind: Kind,
    /// The process, as the one who ran `netlab up` sees it.
    pub pid: i32,
    /// The process, as the lab's own PID namespace numbers it.
    pub inner_pid: i32,
    /// The inode of its network namespace: a pid that was given to another process is found out by it.
    pub inode: u64,
}

/// Operations that belong together, with the reason for a reader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Index of the namespace in which they run.
    pub run_in: usize,
    /// What they are for.
    pub why: String,
    /// The operations, in order.
    pub ops: Vec<Op>,
}

impl Plan {
    /// How many operations there are.
    pub fn operations(&self) -> usize {
        let steps = self.namespaces.iter().flat_map(|namespace| &namespace.steps);
        steps.chain(&self.last).map(|step| step.ops.len()).sum()
    }

    /// Permanent neighbour entries for everybody whom a frame over one of these cables could be for, where the plan has none
    /// yet.
    pub fn neighbours_at(&self, cables: &[&Cable]) -> Vec<Step> {
        impair::neighbours(&self.namespaces, cables)
    }

    /// The namespaces that get packet filter rules.
    pub fn filtering(&self) -> BTreeSet<usize> {
        let filters = |step: &&Step| step.ops.iter().any(|op| matches!(op, Op::Nftables { .. }));
        let steps = self.namespaces.iter().flat_map(|namespace| &namespace.steps);
        steps.filter(filters).map(|step| step.run_in).collect()
    }
}

/// How many namespaces the plan of a lab has: the fabric's, and one for each router, node, pod and external.
pub fn namespaces(lab: &Lab) -> usize {
    1 + lab.routers.len() + lab.nodes.len() + lab.pods().count() + lab.externals.len()
}

/// Plans a lab.
pub fn plan(lab: &Lab) -> Plan {
    let mut namespaces = vec![underlay::fabric(lab)];
    let routes = underlay::Routes::new(lab);
    let keys = Keys::new(lab);
    for router in 0..lab.routers.len() {
        let here = namespaces.len();
        namespaces.push(underlay::router(lab, router, here, &routes));
    }
    for number in 0..lab.nodes.len() {
        let here = namespaces.len();
        namespaces.push(node::node(lab, number, here, &routes, &keys));
        pod::pods(lab, number, here, &mut namespaces);
    }
    for number in 0..lab.externals.len() {
        let here = namespaces.len();
        namespaces.push(external::external(lab, number, here));
    }
    let last = impair::last(lab, &namespaces);
    Plan { namespaces, last }
}
