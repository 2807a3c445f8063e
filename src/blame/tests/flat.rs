//! Data paths on which no node has a route to another's pods.

use super::world::World;

#[test]
fn nothing_is_wrong_with_either() {
    for lab in ["l2", "cloud"] {
        for to in ["10.244.1.3", "10.244.2.3", "fd00:244:0:2::3", "fd00:244:0:1::1"] {
            for from in ["pod1", "node1", "pod4"] {
                assert_eq!(World::shipped(lab).blame(from, to).blame, None, "{lab}: {from} to {to}");
            }
        }
    }
}

#[test]
fn the_look_ups_of_l2_are_one_each_way() {
    let lookups = World::shipped("l2").lookups("pod1", "10.244.2.3");
    let one_way =
        ["pod1: 10.244.2.3 dev eth0", "pod4: 10.244.2.3 is its own", "back pod4: 10.244.1.2 dev eth0"];
    assert_eq!(lookups[..3], one_way);
    assert_eq!(lookups.len(), 4);
}

#[test]
fn the_look_ups_of_cloud_pass_the_fabric() {
    let lookups = World::shipped("cloud").lookups("pod1", "10.244.2.3");
    assert_eq!(
        lookups[..4],
        [
            "pod1: 10.244.2.3 via 10.244.1.1 (node1 cbr0) dev eth0",
            "node1: 10.244.2.3 via 192.168.66.1 (fabric) dev eth0",
            "fabric: 10.244.2.3 via 192.168.67.11 (node2 eth0) dev zone-b",
            "node2: 10.244.2.3 dev cbr0",
        ]
    );
}

#[test]
fn a_cable_that_is_out_of_the_switch_cuts_l2() {
    for node in ["node1", "node2"] {
        let mut world = World::shipped("l2");
        (world.at(node).link("eth0").bridge, world.at(node).link("eth0").port) = (None, None);
        let (text, mend) = world.likely("pod1", "10.244.2.3");
        let wrong = format!("eth0 of {node}, the cable to fabric, is no port of cbr0");
        assert!(text.starts_with(&wrong), "{text}");
        assert_eq!(mend, [format!("netlab exec {node} -- ip link set eth0 master cbr0")]);
        assert_eq!(world.blame("pod1", "10.244.1.3").blame, None, "what stays on the node needs no cable");
    }
}

#[test]
fn a_row_that_the_route_table_lost_is_the_fabric_s() {
    let mut world = World::shipped("cloud");
    world.at("fabric").delete("10.244.2.0/24");
    let (text, mend) = world.likely("pod1", "10.244.2.3");
    assert!(text.starts_with("fabric has no route to 10.244.2.3: it was given 10.244.2.0/24 via"), "{text}");
    assert_eq!(mend, ["netlab exec fabric -- ip route add 10.244.2.0/24 via 192.168.67.11"]);
    let (text, _) = world.likely("pod4", "10.244.1.2");
    assert!(text.starts_with("on the way back, fabric has no route to 10.244.2.3"), "{text}");
}

const CHECKED: &str = "
    [cluster]
    data_path = \"cloud\"
    [[node]]
    name = \"node1\"
    pods = [\"pod1\"]
    [[node]]
    name = \"node2\"
    pods = [\"pod2\"]
    source_dest_check = true
";

#[test]
fn a_check_of_sources_and_destinations_drops_the_packets_of_pods() {
    let mut world = World::new(CHECKED);
    let (text, mend) = world.likely("pod1", "10.244.2.2");
    assert!(
        text.starts_with(
            "fabric drops the packet from 10.244.1.2 (pod1) to 10.244.2.2 (pod2) at its port node2, because node2's \
             source/destination check is on: `ip daddr != 192.168.66.12 counter drop`."
        ),
        "{text}"
    );
    let flush = |chain: &str| format!("netlab exec fabric -- nft flush chain netdev netlab {chain}");
    assert_eq!(mend, [flush("from-node2"), flush("to-node2")]);
    let (text, _) = world.likely("pod2", "10.244.1.2");
    assert!(text.contains("`ip saddr != 192.168.66.12 counter drop`"), "{text}");
    // What is the nodes' own passes, and so does what pod1 sends to node2 itself.
    assert_eq!(world.blame("node1", "192.168.66.12").blame, None);
    assert_eq!(world.blame("pod1", "192.168.66.12").blame, None);
    world.at("fabric").state.filters[0].chains[0].rules.clear();
    assert!(world.blame("pod1", "10.244.2.2").blame.is_some(), "half of it is still there");
    world.at("fabric").state.filters[0].chains[1].rules.clear();
    assert_eq!(world.blame("pod1", "10.244.2.2").blame, None);
}

#[test]
fn a_filter_that_somebody_added_is_blamed_by_its_rule() {
    let mut world = World::new(CHECKED);
    let filters = &mut world.at("fabric").state.filters;
    (filters[0].name, filters[0].chains[1].name) = ("mine".into(), "to-nobody".into());
    filters[0].chains.remove(0);
    let (text, mend) = world.likely("pod1", "10.244.2.2");
    assert!(text.ends_with("drop` in the chain netdev mine to-nobody"), "{text}");
    assert_eq!(mend, Vec::<String>::new());
}
