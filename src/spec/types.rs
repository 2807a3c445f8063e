//! The tables of a topology file. The doc comments here are the descriptions in `netlab schema`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::field::{Field, Names, Pods, Row};

/// A netlab topology: nodes, their pods, and what lies between them.
#[derive(Debug, Clone, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Document {
    /// The lab's name; the file's stem unless given.
    pub name: Option<Field<String>>,
    /// Text that `netlab up` prints when the lab runs.
    pub message: Option<Field<String>>,
    /// What holds for the whole cluster.
    pub cluster: Option<Row<Cluster>>,
    /// The network between the nodes.
    pub underlay: Option<Row<Underlay>>,
    /// The layer-2 pieces of the underlay; one is made when none is named.
    #[schemars(with = "Option<Vec<Segment>>")]
    pub segment: Vec<Row<Segment>>,
    /// Routers between segments.
    #[schemars(with = "Option<Vec<Router>>")]
    pub router: Vec<Row<Router>>,
    /// The nodes.
    #[schemars(with = "Vec<Node>")]
    pub node: Vec<Row<Node>>,
    /// Hosts beyond the cluster, which pods reach with their node's address.
    #[schemars(with = "Option<Vec<External>>")]
    pub external: Vec<Row<External>>,
    /// Pods that need more than a name.
    #[schemars(with = "Option<Vec<Pod>>")]
    pub pod: Vec<Row<Pod>>,
    /// What must hold, checked by `netlab test`.
    #[schemars(with = "Option<Vec<Test>>")]
    pub test: Vec<Row<Test>>,
    /// Whether a table could not be read, so that names which seem to be missing may have been in it.
    #[schemars(skip)]
    pub incomplete: bool,
}

/// What holds for the whole cluster.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct Cluster {
    /// The range that all pods get their addresses from, or two (IPv4 and IPv6) for dual stack. Default 10.244.0.0/16.
    pub pod_cidr: Option<Field<Names>>,
    /// The prefix length of each node's slice of the IPv4 pod range. Default 24.
    pub node_mask: Option<Field<i64>>,
    /// The prefix length of each node's slice of the IPv6 pod range. Default 64.
    pub node_mask_v6: Option<Field<i64>>,
    /// How packets get from one node's pods to another's. Default host-gw.
    pub data_path: Option<Field<String>>,
    /// Whether nodes of one segment have plain routes to each other, and only others a tunnel (flannel's DirectRouting,
    /// Calico's CrossSubnet); for vxlan, geneve, ipip and gre. Default false.
    pub direct: Option<Field<bool>>,
    /// The underlay's MTU in bytes. Default 1500.
    pub mtu: Option<Field<i64>>,
    /// The MTU of pods in bytes. Default: the smallest of the underlay, less what the data path puts around packets.
    pub pod_mtu: Option<Field<i64>>,
    /// Whether a `pod_mtu` that the underlay cannot carry is an error. Default true.
    pub check_mtu: Option<Field<bool>>,
    /// Whether neighbours are learnt by ARP and ND ("learn") or given ("static"). Default: learnt in labs small
    /// enough for the kernel's neighbour table.
    pub neighbours: Option<Field<String>>,
    /// Where pods are seen with their own addresses, beside the pod range, instead of their node's. Default: the nodes'
    /// subnets.
    pub non_masquerade_cidrs: Option<Field<Names>>,
    /// Reverse path filtering on the nodes: "off", "strict" or "loose". Default off.
    pub rp_filter: Option<Field<String>>,
    /// Whether virtual cables use the kernel's checksum and segmentation offload. Default true.
    pub offload: Option<Field<bool>>,
}

/// The network between the nodes.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct Underlay {
    /// The first segment's subnet (or two, IPv4 and IPv6); further segments take the next ones of the same size.
    /// Default 192.168.66.0/24, and fd00:66::/64 where pods have IPv6.
    pub cidr: Option<Field<Names>>,
}

/// One layer-2 piece of the underlay: a switch.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct Segment {
    /// The segment's name.
    #[schemars(required)]
    pub name: Option<Field<String>>,
    /// The segment's subnet, or two for dual stack.
    pub cidr: Option<Field<Names>>,
    /// The segment's MTU in bytes, where it is smaller than the underlay's.
    pub mtu: Option<Field<i64>>,
    /// What the switch does to every frame that it passes on.
    pub impair: Option<Field<Impair>>,
}

/// A router of the underlay.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct Router {
    /// The router's name.
    #[schemars(required)]
    pub name: Option<Field<String>>,
    /// The segments that it joins.
    #[schemars(required)]
    pub segments: Option<Field<Names>>,
}

/// A fake Kubernetes node.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct Node {
    /// The node's name; with `count`, what the numbers are put behind.
    #[schemars(required)]
    pub name: Option<Field<String>>,
    /// So many nodes of this kind.
    pub count: Option<Field<i64>>,
    /// How many pods, or their names.
    pub pods: Option<Field<Pods>>,
    /// The segment that the node is plugged into. Default: the first.
    pub segment: Option<Field<String>>,
    /// The node's own address, or two for dual stack.
    pub ip: Option<Field<Names>>,
    /// The node's slice of the pod range, or two for dual stack.
    pub pod_cidr: Option<Field<Names>>,
    /// Whether the cloud drops what the node sends in another's name, and what is sent to it for another: its pods'
    /// packets. Only with data_path = "cloud". Default false.
    pub source_dest_check: Option<Field<bool>>,
    /// What the cable between the node and its switch does to frames.
    pub impair: Option<Field<Impair>>,
}

/// A host beyond the cluster: it has no route to pods.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct External {
    /// The host's name.
    #[schemars(required)]
    pub name: Option<Field<String>>,
    /// Its address, or two for dual stack; any of the public Internet. Default: the next of 203.0.113.10, 203.0.113.11, …
    /// and 2001:db8:113::10, …
    pub ip: Option<Field<Names>>,
}

/// A pod that needs more than a name.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct Pod {
    /// The pod's name.
    #[schemars(required)]
    pub name: Option<Field<String>>,
    /// The node it runs on; may be left out when that node's `pods` names it.
    pub node: Option<Field<String>>,
    /// The pod's address, or two for dual stack.
    pub ip: Option<Field<Names>>,
    /// Labels, as Kubernetes has them.
    pub labels: Option<Field<BTreeMap<String, Field<String>>>>,
    /// What the pod's cable does to frames.
    pub impair: Option<Field<Impair>>,
    /// The pod's containers.
    pub container: Option<Vec<Row<Container>>>,
}

/// What a bad cable does to frames.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct Impair {
    /// How long each frame is held back, such as "10ms".
    pub delay: Option<Field<String>>,
    /// How much earlier or later than that a frame may come, at random, such as "2ms".
    pub jitter: Option<Field<String>>,
    /// The share of frames that are lost, at random, such as "1%".
    pub loss: Option<Field<String>>,
    /// How many bits pass in a second, such as "10mbit".
    pub rate: Option<Field<String>>,
    /// The share of frames that come twice, such as "1%".
    pub duplicate: Option<Field<String>>,
    /// The share of frames that overtake those which are being delayed, such as "25%".
    pub reorder: Option<Field<String>>,
    /// The share of frames with one bit turned over, such as "0.1%".
    pub corrupt: Option<Field<String>>,
    /// Which frames: "out" (what the node or pod sends), "in" (what it gets) or "both". Default both.
    pub direction: Option<Field<String>>,
}

/// A value of every key of [`Impair`], as one writes it.
pub const IMPAIR_EXAMPLES: &[(&str, &str)] = &[
    ("delay", "10ms"),
    ("jitter", "2ms"),
    ("loss", "1%"),
    ("rate", "10mbit"),
    ("duplicate", "1%"),
    ("reorder", "25%"),
    ("corrupt", "0.1%"),
    ("direction", "out"),
];

/// A container: a command that runs inside its pod's namespaces.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct Container {
    /// The container's name, unique within its pod.
    #[schemars(required)]
    pub name: Option<Field<String>>,
    /// The command and its arguments.
    #[schemars(required)]
    pub command: Option<Field<Vec<Field<String>>>>,
    /// Environment variables.
    pub env: Option<Field<BTreeMap<String, Field<String>>>>,
    /// When to start it again: "always", "on-failure" or "never". Default always.
    pub restart: Option<Field<String>>,
}

/// Something that must hold.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct Test {
    /// What the test is called in reports.
    #[schemars(required)]
    pub name: Option<Field<String>>,
    /// What is tried: "ping", "traceroute", "tcp", "udp" or "walk" (a ping or, with a port, the beginning of a TCP connection,
    /// seen at every interface that it crosses). Default ping.
    pub probe: Option<Field<String>>,
    /// The pod or node that tries.
    #[schemars(required)]
    pub from: Option<Field<String>>,
    /// The pod, node or address that is tried.
    #[schemars(required)]
    pub to: Option<Field<String>>,
    /// The port, for tcp, udp and walk.
    pub port: Option<Field<i64>>,
    /// Bytes of data in a ping, or in that of a walk, which is then not to be cut on the way. Default 56, which may be cut.
    pub size: Option<Field<i64>>,
    /// The answer that is right, or a list of them. Default reply.
    pub expect: Option<Field<Names>>,
    /// The hops in order, for traceroute; for walk the places that the packet passes, or single interfaces of theirs, such as
    /// "node1 cbr0". Not asked for on another data path than the file's own.
    pub path: Option<Field<Vec<Field<String>>>>,
    /// As whom the server must see the one who asks: a name or an address. Over TCP a `netlab serve http` is asked, over UDP
    /// a STUN server; every external has both.
    pub seen_as: Option<Field<String>>,
    /// Whether the steps of a walk are part of the lab's snapshot.
    pub snapshot: Option<Field<bool>>,
    /// How long the answer may take, such as "200ms".
    pub within: Option<Field<String>>,
    /// What to tell the reader when the test fails.
    pub hint: Option<Field<String>>,
}

/// The keys that take one of a few words, and the words; `netlab schema` lists them so that editors complete them.
pub const WORD_LISTS: &[(&str, &[&str])] = &[
    ("data_path", &["host-gw", "l2", "cloud", "vxlan", "geneve", "ipip", "gre", "wireguard"]),
    ("neighbours", &["learn", "static"]),
    ("rp_filter", &["off", "strict", "loose"]),
    ("restart", &["always", "on-failure", "never"]),
    ("direction", &["both", "out", "in"]),
    ("probe", &["ping", "traceroute", "tcp", "udp", "walk"]),
];
