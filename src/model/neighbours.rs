//! Which neighbour entries a lab must be given, because the kernel's table would overflow if it learnt them all.

use serde::{Deserialize, Serialize};

use super::{DataPath, Node};

/// The kernel's default `net.ipv4.neigh.default.gc_thresh3`: one limit for all namespaces of the machine.
pub const KERNEL_NEIGHBOUR_LIMIT: usize = 1024;

/// Which neighbour entries are given instead of learnt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Neighbours {
    /// None: ARP and ND find everything.
    Learn,
    /// Those between pods and their gateways and between nodes.
    StaticGateways,
    /// Those too between the pods of one layer-2 network: of one node, or in `l2` of all.
    StaticAll,
}

/// Entries that ARP would make if everybody talked to everybody: (pods with their gateways and nodes among
/// themselves, pods of one layer-2 network with each other).
pub fn worst_case(nodes: &[Node], data_path: DataPath) -> (usize, usize) {
    if data_path == DataPath::L2 {
        // One wire: every pod meets every node's gateway address, and every node meets every pod and both addresses of
        // every other node.
        let pods: usize = nodes.iter().map(|node| node.pods.len()).sum();
        let others = nodes.len().saturating_sub(1);
        return (2 * nodes.len() * (pods + others), pods * pods.saturating_sub(1));
    }
    let gateways: usize = nodes.iter().map(|node| 2 * node.pods.len()).sum();
    let underlay = nodes.len() * nodes.len().saturating_sub(1);
    let pods: usize = nodes.iter().map(|node| node.pods.len() * node.pods.len().saturating_sub(1)).sum();
    (gateways + underlay, pods)
}

/// The choice where the file makes none: learn while the worst case fills at most half of the kernel's table.
pub(super) fn choose(nodes: &[Node], data_path: DataPath) -> Neighbours {
    let half = KERNEL_NEIGHBOUR_LIMIT / 2;
    let (gateways, pods) = worst_case(nodes, data_path);
    if gateways + pods <= half {
        Neighbours::Learn
    } else if pods <= half {
        Neighbours::StaticGateways
    } else {
        Neighbours::StaticAll
    }
}
