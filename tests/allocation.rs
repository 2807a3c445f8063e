//! Who gets which address, for any topology: nobody shares, everybody is inside, nothing moves when something is added.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::IpAddr;

use ipnet::IpNet;
use netlab::diag::Code;
use netlab::model::{Addresses, Family, Lab};
use proptest::prelude::*;

/// A topology to be written: enough freedom to go wrong in, and none that makes it invalid.
#[derive(Debug, Clone)]
struct Shape {
    dual_stack: bool,
    node_mask: u8,
    routers: usize,
    nodes: Vec<NodeShape>,
}

#[derive(Debug, Clone)]
struct NodeShape {
    count: Option<usize>,
    pods: usize,
    named_pods: bool,
    pins_address: bool,
    pins_slice: bool,
    pins_pod: bool,
}

fn shapes() -> impl Strategy<Value = Shape> {
    let node = (
        prop::option::weighted(0.2, 1..4usize),
        0..10usize,
        any::<bool>(),
        prop::bool::weighted(0.3),
        prop::bool::weighted(0.3),
        any::<bool>(),
    );
    let node = node.prop_map(|(count, pods, named_pods, pins_address, pins_slice, pins_pod)| NodeShape {
        count,
        pods,
        named_pods: named_pods && count.is_none(),
        pins_address: pins_address && count.is_none(),
        pins_slice: pins_slice && count.is_none(),
        pins_pod: pins_pod && pins_slice && count.is_none() && pods > 0,
    });
    (any::<bool>(), 24..=28u8, 0..14usize, prop::collection::vec(node, 1..8))
        .prop_map(|(dual_stack, node_mask, routers, nodes)| Shape { dual_stack, node_mask, routers, nodes })
}

impl Shape {
    /// Nodes with pods share a segment, as host-gw wants it.
    fn is_on_rack2(&self, place: usize) -> bool {
        self.nodes[place].pods == 0 && place > 0 && self.routers > 0
    }

    fn pinned_address(&self, place: usize) -> String {
        format!("192.168.{}.{}", if self.is_on_rack2(place) { 67 } else { 66 }, 100 + place)
    }

    fn pinned_slice(&self, place: usize) -> String {
        format!("10.244.{}.0/{}", 200 + place, self.node_mask)
    }

    fn pinned_pod(place: usize) -> String {
        format!("10.244.{}.13", 200 + place)
    }

    fn pod_name(node: &NodeShape, place: usize, pod: usize) -> String {
        if node.named_pods { format!("p{place}-{pod}") } else { format!("node{place}-pod{}", pod + 1) }
    }

    fn toml(&self) -> String {
        let mut out = String::from("[cluster]\n");
        if self.dual_stack {
            out += "pod_cidr = [\"10.244.0.0/16\", \"fd00:244::/48\"]\n";
        }
        writeln!(out, "node_mask = {}", self.node_mask).expect("a string");
        out += "[[segment]]\nname = \"rack1\"\n";
        // A segment that nothing is plugged into is an error.
        if self.routers > 0 {
            out += "[[segment]]\nname = \"rack2\"\n";
        }
        for router in 0..self.routers {
            writeln!(out, "[[router]]\nname = \"router{router}\"\nsegments = [\"rack1\", \"rack2\"]")
                .expect("a string");
        }
        for (place, node) in self.nodes.iter().enumerate() {
            self.node(&mut out, place, node);
        }
        for (place, node) in self.nodes.iter().enumerate().filter(|(_, node)| node.pins_pod) {
            let (name, address) = (Self::pod_name(node, place, node.pods - 1), Self::pinned_pod(place));
            writeln!(out, "[[pod]]\nname = \"{name}\"\nip = \"{address}\"").expect("a string");
        }
        out
    }

    fn node(&self, out: &mut String, place: usize, node: &NodeShape) {
        // Numbers of a `count` are put behind the name: a letter keeps them apart from the other nodes.
        let name = if node.count.is_some() { format!("many{place}x") } else { format!("node{place}") };
        writeln!(out, "[[node]]\nname = \"{name}\"").expect("a string");
        if let Some(count) = node.count {
            writeln!(out, "count = {count}").expect("a string");
        }
        if node.named_pods {
            let names: Vec<String> = (0..node.pods).map(|pod| Self::pod_name(node, place, pod)).collect();
            writeln!(out, "pods = {names:?}").expect("a string");
        } else {
            writeln!(out, "pods = {}", node.pods).expect("a string");
        }
        if node.pins_address {
            writeln!(out, "ip = \"{}\"", self.pinned_address(place)).expect("a string");
        }
        if node.pins_slice {
            writeln!(out, "pod_cidr = \"{}\"", self.pinned_slice(place)).expect("a string");
        }
        if self.is_on_rack2(place) {
            out.push_str("segment = \"rack2\"\n");
        }
    }
}

fn lab(toml: &str) -> Lab {
    match netlab::parse(toml, "allocation") {
        Ok(lab) => lab,
        Err(said) => panic!(
            "{}\n{toml}",
            netlab::diag::render("allocation.toml", toml, &said, netlab::diag::Style::Plain)
        ),
    }
}

fn codes(toml: &str) -> BTreeSet<Code> {
    let said = netlab::parse(toml, "allocation").err().unwrap_or_default();
    said.into_iter().map(|diagnostic| diagnostic.code).collect()
}

/// Every address of a lab with whose it is and the network that it must be in.
fn interfaces(lab: &Lab) -> Vec<(String, Addresses, Addresses)> {
    let mut all = Vec::new();
    for router in &lab.routers {
        for port in &router.ports {
            let subnet = lab.segments[port.segment].subnet;
            all.push((format!("{}/{}", router.name, port.segment), port.address, subnet));
        }
    }
    for node in &lab.nodes {
        all.push((node.name.clone(), node.address, lab.segments[node.segment].subnet));
        all.push((format!("{}/cbr0", node.name), node.gateway, node.pod_cidr));
        all.extend(node.pods.iter().map(|pod| (pod.name.clone(), pod.address, node.pod_cidr)));
    }
    all
}

/// What must not move: whose address is what, and whose slice.
fn addresses(lab: &Lab) -> BTreeMap<String, Addresses> {
    let slices = lab.nodes.iter().map(|node| (format!("{}/slice", node.name), node.pod_cidr));
    interfaces(lab).into_iter().map(|(name, address, _)| (name, address)).chain(slices).collect()
}

fn is_host(address: IpAddr, net: &IpNet) -> bool {
    net.contains(&address) && address != net.network() && (address.is_ipv6() || address != net.broadcast())
}

fn overlap(one: &IpNet, other: &IpNet) -> bool {
    one.contains(other) || other.contains(one)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn nobody_shares_an_address_and_everybody_is_inside(shape in shapes()) {
        let lab = lab(&shape.toml());
        let mut seen: BTreeMap<IpAddr, String> = BTreeMap::new();
        for (name, address, range) in interfaces(&lab) {
            prop_assert_eq!(address.iter().count(), lab.families().count(), "{} lacks a family", name);
            for net in address.iter() {
                let range = range.get(Family::of(&net)).expect("a range of that family");
                prop_assert!(is_host(net.addr(), &range), "{} has {} outside {}", name, net, range);
                prop_assert_eq!(net.prefix_len(), range.prefix_len());
                if let Some(other) = seen.insert(net.addr(), name.clone()) {
                    prop_assert!(false, "{} and {} share {}", name, other, net.addr());
                }
            }
        }
    }

    #[test]
    fn slices_are_inside_the_range_and_do_not_overlap(shape in shapes()) {
        let lab = lab(&shape.toml());
        let mut slices: Vec<IpNet> = Vec::new();
        for node in &lab.nodes {
            for slice in node.pod_cidr.iter() {
                let range = lab.pod_cidr.get(Family::of(&slice)).expect("a range");
                prop_assert!(range.contains(&slice), "{} outside {}", slice, range);
                prop_assert!(slices.iter().all(|other| !overlap(other, &slice)), "{} twice", slice);
                slices.push(slice);
            }
        }
        for segment in &lab.segments {
            for subnet in segment.subnet.iter() {
                prop_assert!(lab.pod_cidr.iter().all(|pods| !overlap(&pods, &subnet)));
            }
        }
    }

    #[test]
    fn pins_are_honoured(shape in shapes()) {
        let lab = lab(&shape.toml());
        for (place, node) in shape.nodes.iter().enumerate().filter(|(_, node)| node.count.is_none()) {
            let built = lab.nodes.iter().find(|built| built.name == format!("node{place}")).expect("the node");
            if node.pins_address {
                prop_assert_eq!(built.address.primary().expect("an address").to_string(), shape.pinned_address(place));
            }
            if node.pins_slice {
                prop_assert_eq!(built.pod_cidr.v4.expect("a slice").to_string(), shape.pinned_slice(place));
            }
            if node.pins_pod {
                let pod = built.pods.last().expect("a pod");
                prop_assert_eq!(pod.address.primary().expect("an address").to_string(), Shape::pinned_pod(place));
            }
        }
    }

    #[test]
    fn a_pod_or_node_at_the_end_moves_nobody(shape in shapes(), place in 0..8usize) {
        let toml = shape.toml();
        let before = addresses(&lab(&toml));
        let on = &lab(&toml).nodes[0].name.clone();
        let node = shape.nodes.get(place).filter(|node| node.count.is_none() && node.pods > 0);
        let on = node.map_or(on.clone(), |_| format!("node{place}"));
        let with_pod = format!("{toml}\n[[pod]]\nname = \"extra\"\nnode = \"{on}\"\n");
        let with_node = format!("{toml}\n[[node]]\nname = \"last\"\ncount = 2\npods = 3\n");
        for longer in [with_pod, with_node] {
            let after = addresses(&lab(&longer));
            prop_assert!(after.len() > before.len());
            for (name, address) in &before {
                prop_assert_eq!(after.get(name), Some(address), "{} moved", name);
            }
        }
    }

    #[test]
    fn the_whole_pod_range_is_used(range in 18..=24u8, bits in 0..=6u8) {
        let (mask, nodes) = (range + bits, 1usize << bits);
        let toml = |nodes| format!(
            "[cluster]\npod_cidr = \"10.244.0.0/{range}\"\nnode_mask = {mask}\n[[node]]\nname = \"n\"\ncount = {nodes}\npods = 1\n"
        );
        // The range is written with its host bits zero whatever its length: 10.244.0.0 is a multiple of a /18.
        prop_assert_eq!(lab(&toml(nodes)).nodes.len(), nodes);
        prop_assert_eq!(codes(&toml(nodes + 1)), BTreeSet::from([Code::PodRangeTooSmall]));
    }

    #[test]
    fn the_whole_ipv6_pod_range_is_used(bits in 0..=7u8) {
        let (range, nodes) = (64 - bits, 1usize << bits);
        let toml = |nodes| format!(
            "[cluster]\npod_cidr = \"fd00:244::/{range}\"\n[[node]]\nname = \"n\"\ncount = {nodes}\npods = 1\n"
        );
        prop_assert_eq!(lab(&toml(nodes)).nodes.len(), nodes);
        prop_assert_eq!(codes(&toml(nodes + 1)), BTreeSet::from([Code::PodRangeTooSmall]));
    }

    #[test]
    fn the_whole_slice_is_used(mask in 23..=30u8) {
        // Network, broadcast and gateway are not for pods.
        let pods = (1usize << (32 - mask)) - 3;
        let toml = |pods| format!("[cluster]\nnode_mask = {mask}\n[[node]]\nname = \"n\"\npods = {pods}\n");
        prop_assert_eq!(lab(&toml(pods)).pods().count(), pods);
        prop_assert_eq!(codes(&toml(pods + 1)), BTreeSet::from([Code::SliceTooSmall]));
    }

    #[test]
    fn the_whole_ipv6_slice_is_used(mask in 119..=126u8) {
        // IPv6 has no broadcast address.
        let pods = (1usize << (128 - mask)) - 2;
        let toml = |pods| format!(
            "[cluster]\npod_cidr = \"fd00:244::/64\"\nnode_mask_v6 = {mask}\n[[node]]\nname = \"n\"\npods = {pods}\n"
        );
        prop_assert_eq!(lab(&toml(pods)).pods().count(), pods);
        prop_assert_eq!(codes(&toml(pods + 1)), BTreeSet::from([Code::SliceTooSmall]));
    }

    #[test]
    fn the_whole_segment_is_used(mask in 25..=30u8, pinned in any::<bool>()) {
        let nodes = (1usize << (32 - mask)) - 2;
        let toml = |nodes: usize| {
            let rest = if pinned { nodes - 1 } else { nodes };
            let pin = if pinned { "[[node]]\nname = \"first\"\nip = \"172.16.0.1\"\n" } else { "" };
            format!("[underlay]\ncidr = \"172.16.0.0/{mask}\"\n{pin}[[node]]\nname = \"n\"\ncount = {rest}\n")
        };
        prop_assert_eq!(lab(&toml(nodes)).nodes.len(), nodes);
        prop_assert_eq!(codes(&toml(nodes + 1)), BTreeSet::from([Code::SegmentTooSmall]));
    }
}

#[test]
fn segments_without_a_subnet_keep_clear_of_one_that_names_its_own() {
    let lab = lab("[[segment]]\nname = \"a\"\n[[segment]]\nname = \"b\"\ncidr = \"192.168.66.0/23\"\n\
         [[segment]]\nname = \"c\"\n[[node]]\nname = \"n\"\n\
         [[router]]\nname = \"r\"\nsegments = [\"a\", \"b\", \"c\"]\n");
    let subnets: Vec<String> =
        lab.segments.iter().flat_map(|segment| segment.subnet.iter()).map(|net| net.to_string()).collect();
    assert_eq!(subnets, ["192.168.68.0/24", "192.168.66.0/23", "192.168.69.0/24"]);
}

#[test]
fn a_large_pinned_slice_does_not_keep_the_search_busy() {
    let toml = "[cluster]\npod_cidr = \"fd00:244::/48\"\nnode_mask_v6 = 126\n\
         [[node]]\nname = \"a\"\npod_cidr = \"fd00:244::/56\"\n[[node]]\nname = \"b\"\npods = 1\n";
    assert_eq!(
        lab(toml).nodes[1].pod_cidr.primary().map(|net| net.to_string()),
        Some("fd00:244:0:100::".into())
    );
}

#[test]
fn small_subnets_after_a_large_segment_do_not_keep_the_search_busy() {
    let toml = "[underlay]\ncidr = \"10.0.0.0/30\"\n[cluster]\npod_cidr = \"172.16.0.0/16\"\n\
         [[segment]]\nname = \"a\"\n[[segment]]\nname = \"b\"\ncidr = \"11.0.0.0/8\"\n[[segment]]\nname = \"c\"\n\
         [[segment]]\nname = \"d\"\ncidr = \"10.0.0.128/25\"\n[[node]]\nname = \"n\"\n\
         [[router]]\nname = \"r\"\nsegments = [\"a\", \"b\", \"c\", \"d\"]\n";
    assert_eq!(lab(toml).segments[2].subnet.primary().map(|net| net.to_string()), Some("10.0.0.4".into()));
}
