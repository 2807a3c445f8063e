//! PURE. The validated lab: every name resolved, every address assigned.
//!
//! [`build`] turns a document into a [`Lab`] or says everything that is wrong with it. What it decides is the same
//! on every machine and every run, and adding a node or a pod at the end changes no other address.

mod address;
mod build;
mod cloud;
mod containers;
mod externals;
mod flat;
mod impair;
mod ipam;
mod mtu;
mod names;
mod neighbours;
mod nodes;
mod overlay;
mod plugged;
mod pods;
mod pool;
mod ports;
mod ranges;
mod routes;
mod segments;
mod tests;
mod underlay;

use std::collections::BTreeMap;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

pub use address::{Addresses, Family};
pub use build::build;
pub use externals::{SERVICES as EXTERNAL_SERVICES, SOCKETS as EXTERNAL_SOCKETS};
pub use impair::{Clash, Direction, Impair, Impairment, Value, Wrong};
pub use names::{RESERVED, check_name};
pub use neighbours::{KERNEL_NEIGHBOUR_LIMIT, Neighbours, worst_case};
pub use routes::{Distances, Paths};
pub use tests::{ANSWERS, Probe, Test};

/// Everything one topology file brings up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lab {
    /// The lab's name, a DNS label.
    pub name: String,
    /// What `up` prints when the lab runs.
    pub message: Option<String>,
    /// The range that pods get their addresses from.
    pub pod_cidr: Addresses,
    /// How packets get from one node's pods to another's.
    pub data_path: DataPath,
    /// Where an overlay carries packets, on data paths that are one.
    pub overlay: Overlay,
    /// The underlay's MTU in bytes.
    pub mtu: u32,
    /// The MTU of pods and of cbr0.
    pub pod_mtu: u32,
    /// The fabric's own addresses, one entry a segment, where it routes; else empty.
    pub fabric: Vec<Addresses>,
    /// Hosts beyond the cluster.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub externals: Vec<External>,
    /// Where pods are seen with their own addresses; everywhere else with their node's. None: nowhere else is anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_masqueraded: Option<Vec<IpNet>>,
    /// Which neighbour entries are given instead of learnt.
    pub neighbours: Neighbours,
    /// Reverse path filtering on nodes.
    pub rp_filter: RpFilter,
    /// Checksum and segmentation offload of virtual cables.
    pub offload: Offload,
    /// The switches of the underlay.
    pub segments: Vec<Segment>,
    /// What joins segments.
    pub routers: Vec<Router>,
    /// The nodes, in the file's order.
    pub nodes: Vec<Node>,
    /// What must hold.
    pub tests: Vec<Test>,
}

/// How packets get from one node's pods to another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DataPath {
    /// One flat layer-2 network: each node's `eth0` is a port of its cbr0.
    L2,
    /// Every node has a route to every other node's pod CIDR via that node's address.
    HostGw,
    /// The fabric's router has the routes to all pod CIDRs; nodes only have a default route.
    Cloud,
    /// Ethernet frames in UDP (RFC 7348), as flannel does it.
    Vxlan,
    /// Ethernet frames in UDP (RFC 8926).
    Geneve,
    /// IPv4 in IPv4 (RFC 2003).
    Ipip,
    /// IP in GRE (RFC 2784).
    Gre,
    /// Encrypted IP in UDP.
    Wireguard,
}

/// Where an overlay carries packets between nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overlay {
    /// Between all nodes.
    Everywhere,
    /// Only between segments; nodes of one segment have plain routes to each other.
    BetweenSegments,
}

/// Reverse path filtering, as `net.ipv4.conf.*.rp_filter` numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RpFilter {
    /// 0: no check.
    Off,
    /// 1: the source must be routed back by the same interface.
    Strict,
    /// 2: the source must be routed back by some interface.
    Loose,
}

/// Whether virtual cables leave checksums and segmentation to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Offload {
    /// As the kernel has it.
    Kernel,
    /// Every frame is finished before it leaves: slower, and captures look like those of a real wire.
    Off,
}

/// One layer-2 piece of the underlay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// The segment's name.
    pub name: String,
    /// Its subnets.
    pub subnet: Addresses,
    /// Its MTU in bytes.
    pub mtu: u32,
    /// What its switch does to frames.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impair: Option<Impairment>,
}

/// A namespace of the underlay that forwards between segments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Router {
    /// The router's name.
    pub name: String,
    /// One port a segment.
    pub ports: Vec<RouterPort>,
}

/// A router's place on a segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterPort {
    /// Index of the segment in [`Lab::segments`].
    pub segment: usize,
    /// The router's addresses there, with the segment's prefix lengths.
    pub address: Addresses,
}

/// A host beyond the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct External {
    /// The host's name.
    pub name: String,
    /// Its addresses, each a network of its own.
    pub address: Addresses,
}

/// A fake Kubernetes node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// The node's name.
    pub name: String,
    /// Index of its segment in [`Lab::segments`].
    pub segment: usize,
    /// The addresses of its `eth0`, with the segment's prefix lengths.
    pub address: Addresses,
    /// Its slice of the pod range.
    pub pod_cidr: Addresses,
    /// The addresses of its `cbr0`: its pods' default gateway.
    pub gateway: Addresses,
    /// Whether the fabric checks what the node sends and gets.
    #[serde(default, skip_serializing_if = "SourceDestCheck::is_off")]
    pub source_dest_check: SourceDestCheck,
    /// What its cable to the switch does to frames.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impair: Option<Impairment>,
    /// Its pods.
    pub pods: Vec<Pod>,
}

/// Whether a cloud's network lets a machine have only packets of its own (AWS: "source/destination check", Azure: "IP
/// forwarding", the other way round).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceDestCheck {
    /// It may forward for others, such as its pods.
    #[default]
    Off,
    /// What has neither its address as source when it leaves, nor as destination when it comes, is dropped.
    On,
}

impl SourceDestCheck {
    fn is_off(&self) -> bool {
        *self == Self::Off
    }
}

/// A pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pod {
    /// The pod's name.
    pub name: String,
    /// The addresses of its `eth0`, with its node's slice's prefix lengths.
    pub address: Addresses,
    /// Labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// What its cable does to frames.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impair: Option<Impairment>,
    /// Its containers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub containers: Vec<Container>,
}

/// A process that joins its pod's sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// The container's name, unique within its pod.
    pub name: String,
    /// The command and its arguments.
    pub command: Vec<String>,
    /// Environment variables.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// When it is started again.
    pub restart: Restart,
}

/// When a container that ended is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Restart {
    /// Whenever it ends.
    Always,
    /// When it ends with an exit code other than 0, or by a signal.
    OnFailure,
    /// Never.
    Never,
}

impl Lab {
    /// Every pod with its node.
    pub fn pods(&self) -> impl Iterator<Item = (&Node, &Pod)> {
        self.nodes.iter().flat_map(|node| node.pods.iter().map(move |pod| (node, pod)))
    }

    /// Whether some cable loses frames on purpose.
    pub fn loses_frames(&self) -> bool {
        let nodes = self.nodes.iter().map(|node| node.impair);
        let pods = self.pods().map(|(_, pod)| pod.impair);
        let segments = self.segments.iter().map(|segment| segment.impair);
        nodes.chain(pods).chain(segments).flatten().any(|impairment| impairment.impair.loses_frames())
    }

    /// The address families that pods have.
    pub fn families(&self) -> impl Iterator<Item = Family> + '_ {
        Family::ALL.into_iter().filter(|family| self.pod_cidr.get(*family).is_some())
    }

    /// Everything that a command can name as its target: nodes, routers, externals, pods, in that order, and the fabric where
    /// it has addresses.
    pub fn targets(&self) -> impl Iterator<Item = &str> {
        let fabric = (!self.fabric.is_empty()).then_some("fabric");
        let nodes = self.nodes.iter().map(|node| node.name.as_str());
        let routers = self.routers.iter().map(|router| router.name.as_str());
        let externals = self.externals.iter().map(|external| external.name.as_str());
        let pods = self.pods().map(|(_, pod)| pod.name.as_str());
        nodes.chain(routers).chain(externals).chain(pods).chain(fabric)
    }
}

impl DataPath {
    /// Those that this version can build.
    pub const ALL: [Self; 8] = [
        Self::L2,
        Self::HostGw,
        Self::Cloud,
        Self::Vxlan,
        Self::Geneve,
        Self::Ipip,
        Self::Gre,
        Self::Wireguard,
    ];

    /// The one that a word in a topology file, or on the command line, means.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.word() == word)
    }

    /// Whether nodes wrap the packets of their pods in packets of their own.
    pub fn is_overlay(self) -> bool {
        match self {
            Self::L2 | Self::HostGw | Self::Cloud => false,
            Self::Vxlan | Self::Geneve | Self::Ipip | Self::Gre | Self::Wireguard => true,
        }
    }

    /// Whether it has a mode in which nodes of one segment have plain routes to each other.
    pub fn can_be_direct(self) -> bool {
        matches!(self, Self::Vxlan | Self::Geneve | Self::Ipip | Self::Gre)
    }

    /// The word in a topology file.
    pub fn word(self) -> &'static str {
        match self {
            Self::L2 => "l2",
            Self::HostGw => "host-gw",
            Self::Cloud => "cloud",
            Self::Vxlan => "vxlan",
            Self::Geneve => "geneve",
            Self::Ipip => "ipip",
            Self::Gre => "gre",
            Self::Wireguard => "wireguard",
        }
    }
}
