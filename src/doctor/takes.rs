//! What a lab takes of each limit, counted from its topology: no plan is needed, so that `check` stays as fast as it is.

use crate::model::{DataPath, Family, Lab, Neighbours, Restart, SourceDestCheck, worst_case};

/// Descriptors that a holder has open while it builds, whatever the lab: its standard three, its pipes, its way back and
/// its `/proc`s, and one more for what it is doing.
pub(super) const OWN_DESCRIPTORS: u64 = 16;
/// Kernel memory of a namespace with its end of a cable and its pause, in KiB (docs/scale.md says how it was measured).
pub(super) const NAMESPACE: u64 = 320;
/// Kernel memory of eight routes, neighbour or forwarding entries, in KiB.
const EIGHT_ENTRIES: u64 = 5;
/// Of a tunnel's peers, for each of which there is a route, an entry, and with `WireGuard` a session.
const TUNNEL_ENTRIES: u64 = 3;

/// How much of what a lab takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Takes {
    /// Namespaces of each of the kinds that every node, router, external and pod has one of; and the fabric.
    pub namespaces: u64,
    /// Processes for as long as the lab is up: a pause each, the holder and its keeper, and containers that always run.
    pub processes: u64,
    /// Descriptors that the holder has open at the same time, at the most, while it builds.
    pub descriptors: u64,
    /// IPv4 neighbour entries that are learnt when everybody talks to everybody.
    pub neighbours_v4: u64,
    /// The same of IPv6.
    pub neighbours_v6: u64,
    /// Memory of the kernel in MiB, about.
    pub memory: u64,
}

impl Takes {
    /// What this lab takes.
    pub fn of(lab: &Lab) -> Self {
        let namespaces = crate::plan::namespaces(lab) as u64;
        let own = namespaces - lab.pods().count() as u64;
        let steady = |restart: &Restart| *restart == Restart::Always;
        let containers = lab.pods().flat_map(|(_, pod)| &pod.containers);
        let containers = containers.filter(|container| steady(&container.restart)).count() as u64;
        let learnt = |family| if lab.families().any(|one| one == family) { learnt(lab) } else { 0 };
        Self {
            namespaces,
            processes: namespaces + 1 + containers + lab.externals.len() as u64,
            descriptors: OWN_DESCRIPTORS + kept_open(lab, own),
            neighbours_v4: learnt(Family::V4),
            neighbours_v6: learnt(Family::V6),
            memory: (namespaces * NAMESPACE + entries(lab) * EIGHT_ENTRIES / 8).div_ceil(1024),
        }
    }
}

/// Connections that stay open until the whole lab is built, as `kernel/build.rs` keeps them. Before Linux 6.8 link state may
/// take its time, and pods whose cable cannot send yet have theirs kept, too: that cannot be foreseen, and is not.
fn kept_open(lab: &Lab, own: u64) -> u64 {
    let nodes = lab.nodes.len() as u64;
    let impaired = lab.pods().filter(|(_, pod)| {
        pod.impair.is_some_and(|impair| impair.direction.is_out() && !impair.impair.is_empty())
    });
    let filters = if lab.not_masqueraded.is_some() { nodes } else { 0 };
    let checks = lab.data_path == DataPath::Cloud
        && lab.nodes.iter().any(|node| node.source_dest_check == SourceDestCheck::On);
    let keys = if lab.data_path == DataPath::Wireguard { nodes } else { 0 };
    // A pod that is made after all of these needs one more than they do: that of its pause.
    let ends_in_a_pod =
        lab.externals.is_empty() && lab.nodes.last().is_some_and(|node| !node.pods.is_empty());
    own + impaired.count() as u64 + filters + u64::from(checks) + keys + u64::from(ends_in_a_pod)
}

/// Entries that the kernel's one table gets when everybody talks to everybody; permanent ones do not count against it.
fn learnt(lab: &Lab) -> u64 {
    let (gateways, pods) = worst_case(&lab.nodes, lab.data_path);
    match lab.neighbours {
        Neighbours::Learn => (gateways + pods) as u64,
        Neighbours::StaticGateways => pods as u64,
        Neighbours::StaticAll => 0,
    }
}

/// Routes, permanent neighbours and forwarding entries, about: what grows with the square of the lab.
fn entries(lab: &Lab) -> u64 {
    let (gateways, pods) = worst_case(&lab.nodes, lab.data_path);
    let given = match lab.neighbours {
        Neighbours::Learn => 0,
        Neighbours::StaticGateways => gateways,
        Neighbours::StaticAll => gateways + pods,
    } as u64;
    let nodes = lab.nodes.len() as u64;
    let between_nodes = nodes * nodes.saturating_sub(1);
    let routes = match lab.data_path {
        DataPath::L2 | DataPath::Cloud => nodes,
        DataPath::HostGw => between_nodes,
        DataPath::Vxlan | DataPath::Geneve | DataPath::Ipip | DataPath::Gre | DataPath::Wireguard => {
            TUNNEL_ENTRIES * between_nodes
        }
    };
    (given + routes) * lab.families().count() as u64
}
