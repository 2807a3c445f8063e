//! What is wrong because of how a place is set up, and not because something is missing.

use super::super::{Decision, Rule};
use super::world::{World, ip, net};
use crate::model::Family;
use crate::plan::veth_name;

#[test]
fn an_interface_without_ipv6() {
    for (everywhere, setting) in
        [(false, "net.ipv6.conf.eth0.disable_ipv6"), (true, "net.ipv6.conf.all.disable_ipv6")]
    {
        for (place, from) in [("pod1", "fd00:244:0:1::2"), ("pod4", "fd00:244:0:2::3")] {
            let mut world = World::shipped("dual-stack");
            world.at(place).state.disabled_v6 = everywhere;
            world.at(place).link("eth0").disabled_v6 = true;
            world.at(place).lose_address("eth0", from);
            let (text, mend) = world.likely("pod1", "fd00:244:0:2::3");
            assert!(text.starts_with(&format!("eth0 of {place} has no IPv6: {setting} is 1")), "{text}");
            assert_eq!(mend[0], format!("netlab exec {place} -- sysctl -w {setting}=0"));
            assert_eq!(mend[1], format!("netlab exec {place} -- ip addr add {from}/64 dev eth0"));
            assert!(mend[2].contains("ip -6 route add default via fd00:244:0:"), "{mend:?}");
            assert_eq!(world.blame("pod1", "10.244.2.3").blame, None);
        }
    }
}

#[test]
fn a_bridge_that_is_gone_is_named_before_the_ports_that_it_left() {
    let mut world = World::shipped("two-node");
    let state = &mut world.at("node2").state;
    state.links.retain(|link| link.name != "cbr0");
    for link in &mut state.links {
        (link.bridge, link.port) = (None, None);
    }
    world.at("node2").delete("10.244.2.0/24");
    for (from, to) in [("pod1", "10.244.2.3"), ("pod3", "10.244.2.3"), ("pod3", "10.244.1.2")] {
        let (text, mend) = world.likely(from, to);
        assert_eq!(text, "node2 has lost its interface cbr0", "{from} to {to}");
        assert!(mend[0].starts_with("no command gives node2 its cbr0 back"), "{mend:?}");
        assert!(mend[0].ends_with("with netlab up --replace and its file"), "{mend:?}");
    }
}

fn rule(preference: u32, table: Option<u32>, text: &str) -> Rule {
    Rule { preference, family: Family::V4, table, text: text.into() }
}

#[test]
fn rules_that_lead_to_another_table() {
    let mut world = World::shipped("two-node");
    let node1 = world.at("node1");
    node1.state.rules =
        vec![rule(4, Some(7), "4: from 10.9.9.9/32 lookup 7"), rule(5, Some(100), "5: from all lookup 100")];
    let (via, link) = (Some(ip("192.168.66.99")), "eth0".to_owned());
    node1.ruled = Some(Decision::Send { via, link, source: None, table: Some(100), encap: None, mtu: None });
    let (text, mend) = world.likely("pod1", "10.244.2.3");
    assert_eq!(
        text,
        "node1 sends packets for 10.244.2.3 as table 100 says, and not as its main table does: see `ip rule`, which has \
         `5: from all lookup 100`"
    );
    assert_eq!(mend, ["netlab exec node1 -- ip rule del pref 5"]);
}

#[test]
fn rules_that_refuse() {
    let mut world = World::shipped("two-node");
    let node1 = world.at("node1");
    node1.state.rules =
        vec![rule(4, Some(7), "4: from 10.9.9.9/32 lookup 7"), rule(5, None, "5: from all prohibit")];
    node1.ruled = Some(Decision::Refuse { errno: "EACCES".into(), text: "Permission denied".into() });
    let (text, mend) = world.likely("pod1", "10.244.2.3");
    assert!(text.starts_with("node1's kernel does not route packets for 10.244.2.3"), "{text}");
    assert!(text.ends_with("see `ip rule`, which has `5: from all prohibit`"), "{text}");
    assert_eq!(mend, ["netlab exec node1 -- ip rule del pref 5"]);
}

#[test]
fn an_address_that_is_too_wide() {
    let mut world = World::shipped("two-node");
    let says = "eth0 of pod1 has the address 10.244.1.2/16 instead of 10.244.1.2/24: it takes others than its own for its \
                neighbours";
    world.at("pod1").link("eth0").addresses.push(net("10.244.1.2/16"));
    world.at("pod1").add(net("10.244.0.0/16"), None, "eth0");
    let (text, mend) = world.likely("pod1", "10.244.2.3");
    assert_eq!(text, says);
    assert_eq!(mend, ["netlab exec pod1 -- ip addr del 10.244.1.2/16 dev eth0"]);

    world.at("pod1").link("eth0").addresses = vec![net("10.244.1.2/16")];
    world.at("pod1").delete("0.0.0.0/0");
    world.at("pod1").delete("10.244.1.0/24");
    let (text, mend) = world.likely("pod1", "10.244.2.3");
    assert_eq!(text, says);
    assert_eq!(
        mend,
        [
            "netlab exec pod1 -- ip addr add 10.244.1.2/24 dev eth0",
            "netlab exec pod1 -- ip addr del 10.244.1.2/16 dev eth0",
            "netlab exec pod1 -- ip route add default via 10.244.1.1",
        ]
    );
}

#[test]
fn an_address_that_is_too_narrow() {
    let mut world = World::shipped("two-node");
    world.at("node2").link("cbr0").addresses = vec![net("10.244.2.1/32")];
    world.at("node2").delete("10.244.2.0/24");
    let (text, mend) = world.likely("pod1", "10.244.2.3");
    assert_eq!(
        text,
        "cbr0 of node2 has the address 10.244.2.1/32 instead of 10.244.2.1/24: it takes too few for its neighbours"
    );
    assert_eq!(
        mend,
        [
            "netlab exec node2 -- ip addr add 10.244.2.1/24 dev cbr0",
            "netlab exec node2 -- ip addr del 10.244.2.1/32 dev cbr0",
        ]
    );
}

#[test]
fn ports_that_are_kept_apart() {
    let mut world = World::shipped("two-node");
    let ports = ["pod1", "pod2"].map(|pod| veth_name(pod).to_string());
    world.at("node1").link(&ports[0]).isolated = true;
    assert_eq!(world.blame("pod1", "10.244.1.3").blame, None, "alone it is apart from nobody");
    world.at("node1").link(&ports[1]).isolated = true;
    let (text, mend) = world.likely("pod1", "10.244.1.3");
    let [one, other] = &ports;
    assert!(text.starts_with(&format!("node1's cbr0 has its ports {one} and {other} isolated")), "{text}");
    assert_eq!(mend[0], format!("netlab exec node1 -- bridge link set dev {one} isolated off"));
    assert_eq!(world.blame("pod1", "10.244.2.3").blame, None, "the bridge itself is no such port");
}

#[test]
fn a_target_that_answers_no_ping() {
    let mut world = World::shipped("dual-stack");
    world.at("pod4").state.ignores_pings_v4 = true;
    let (text, mend) = world.likely("pod1", "10.244.2.3");
    assert!(text.starts_with("pod4 answers no ping: net.ipv4.icmp_echo_ignore_all is 1"), "{text}");
    assert_eq!(mend, ["netlab exec pod4 -- sysctl -w net.ipv4.icmp_echo_ignore_all=0"]);
    assert_eq!(world.blame("pod4", "10.244.1.2").blame, None, "it hears answers");
    assert_eq!(world.blame("pod1", "fd00:244:0:2::3").blame, None);
}
