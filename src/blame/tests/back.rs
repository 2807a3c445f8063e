//! What is wrong only for the answer.

use super::super::Way;
use super::world::{World, ip, net};

#[test]
fn a_missing_route_back() {
    let mut world = World::shipped("two-node");
    world.at("node2").delete("10.244.1.0/24");
    let blame = world.blame("pod1", "10.244.2.3").blame.expect("no way back");
    assert_eq!((blame.way, blame.place.as_str()), (Way::Back, "node2"));
    assert_eq!(
        blame.to_string(),
        "on the way back, node2 has no route to 10.244.1.2: it was given 10.244.1.0/24 via 192.168.66.11 (node1 eth0), \
         and that is gone"
    );
    assert_eq!(blame.mend, ["netlab exec node2 -- ip route add 10.244.1.0/24 via 192.168.66.11"]);
    // The same break, seen from the other side, is on the way there.
    assert_eq!(world.blame("pod4", "10.244.1.2").blame.expect("no way").way, Way::There);
}

#[test]
fn a_target_without_a_way_out() {
    let mut world = World::shipped("dual-stack");
    world.at("pod4").delete("::/0");
    let (text, mend) = world.likely("pod1", "fd00:244:0:2::3");
    assert!(text.starts_with("on the way back, pod4 has no route to fd00:244:0:1::2"), "{text}");
    assert_eq!(mend, ["netlab exec pod4 -- ip -6 route add default via fd00:244:0:2::1"]);
    assert_eq!(world.blame("pod1", "10.244.2.3").blame, None);
}

#[test]
fn a_wrong_neighbour_entry_of_the_target() {
    let mut world = World::shipped("two-node");
    world.at("pod4").neighbour("eth0", "10.244.2.1", Some([2; 6]), "permanent");
    let (text, _) = world.likely("pod1", "10.244.2.3");
    assert!(
        text.starts_with("on the way back, pod4 has a wrong neighbour entry on eth0 (permanent)"),
        "{text}"
    );
}

#[test]
fn strict_reverse_path_filtering_needs_the_way_back_on_the_way_there() {
    let mut world = World::shipped("two-node");
    world.at("node2").link("eth0").rp_filter = 1;
    assert_eq!(world.blame("pod1", "10.244.2.3").blame, None);
    world.at("node2").delete("10.244.1.0/24");
    let (text, mend) = world.likely("pod1", "10.244.2.3");
    assert_eq!(
        text,
        "node2 drops packets from 10.244.1.2 that come in by eth0: reverse path filtering (rp_filter) is strict there, \
         and its own route to 10.244.1.2 does not lead out by eth0"
    );
    assert_eq!(mend, ["netlab exec node2 -- ip route add 10.244.1.0/24 via 192.168.66.11"]);
    // Asymmetric, but there.
    world.at("node2").add(net("10.244.1.0/24"), Some(ip("10.244.2.2")), "cbr0");
    let (_, mend) = world.likely("pod1", "10.244.2.3");
    assert_eq!(
        mend,
        ["netlab exec node2 -- sysctl -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0"]
    );
}

#[test]
fn an_address_that_nobody_planned_is_answered() {
    let mut world = World::shipped("two-node");
    world.at("pod1").link("eth0").addresses.push(net("10.244.1.99/24"));
    world.at("pod1").source = Some(ip("10.244.1.99"));
    assert_eq!(world.blame("pod1", "10.244.2.3").blame, None);
    assert_eq!(world.lookups("pod1", "10.244.2.3")[7], "back pod1: 10.244.1.99 is its own");
}
