//! How plans grow: with what the technique needs for each other node, and with nothing else.

use netlab::model::{DataPath, Lab};
use netlab::plan::{Kind, plan};

fn lab(nodes: usize, data_path: DataPath, pod_cidr: &str) -> Lab {
    let word = data_path.word();
    let file = format!(
        "[cluster]\npod_cidr = {pod_cidr}\ndata_path = \"{word}\"\nneighbours = \"learn\"\n[[node]]\nname = \"n\"\ncount = {nodes}\n"
    );
    netlab::parse(&file, "lab").expect("a lab")
}

/// Operations in a node's own namespace.
fn in_nodes(nodes: usize, data_path: DataPath, pod_cidr: &str) -> usize {
    let plan = plan(&lab(nodes, data_path, pod_cidr));
    let kind = |step: &netlab::plan::Step| plan.namespaces[step.run_in].kind;
    let steps = plan.namespaces.iter().flat_map(|namespace| &namespace.steps);
    steps.filter(|step| kind(step) == Kind::Node).map(|step| step.ops.len()).sum()
}

const ONE: &str = "\"10.244.0.0/16\"";
const TWO: &str = "[\"10.244.0.0/16\", \"fd00:244::/48\"]";

#[test]
fn a_plan_has_as_many_entries_for_each_other_node_as_the_technique_needs() {
    // Routes, neighbours and forwarding entries; the peers of WireGuard are one operation of any size.
    let needs = [
        (DataPath::HostGw, ONE, 1),
        (DataPath::HostGw, TWO, 2),
        (DataPath::Vxlan, ONE, 3),
        // One Ethernet address for both families: one forwarding entry.
        (DataPath::Vxlan, TWO, 5),
        (DataPath::Geneve, ONE, 2),
        (DataPath::Geneve, TWO, 4),
        (DataPath::Ipip, ONE, 1),
        (DataPath::Gre, ONE, 1),
        (DataPath::Gre, TWO, 2),
        (DataPath::Wireguard, ONE, 1),
        (DataPath::Wireguard, TWO, 2),
        (DataPath::Cloud, ONE, 0),
        (DataPath::L2, ONE, 0),
    ];
    for (data_path, pod_cidr, each) in needs {
        // What a node has whether there are others or not.
        let alone = in_nodes(1, data_path, pod_cidr) - usize::from(data_path == DataPath::Cloud);
        for nodes in [10, 20, 40] {
            let all = in_nodes(nodes, data_path, pod_cidr);
            let expected = nodes * alone + nodes * (nodes - 1) * each;
            let cloud = if data_path == DataPath::Cloud { nodes } else { 0 };
            assert_eq!(all, expected + cloud, "{data_path:?} of {pod_cidr} with {nodes} nodes");
        }
    }
}

#[test]
fn wireguard_nodes_know_each_other_node_once() {
    let plan = plan(&lab(20, DataPath::Wireguard, TWO));
    let ops = plan.namespaces.iter().flat_map(|namespace| &namespace.steps).flat_map(|step| &step.ops);
    let peers = ops.filter_map(|op| match op {
        netlab::plan::Op::Wireguard(setup) => Some(setup.peers.len()),
        _ => None,
    });
    assert_eq!(peers.collect::<Vec<_>>(), [19; 20]);
}
