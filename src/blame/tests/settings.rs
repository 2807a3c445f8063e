//! What is wrong because of how a place is set up, and not because something is missing.

use super::super::{Decision, Rule};
use super::world::{World, ip};
use crate::model::Family;

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
        assert_eq!(mend, ["bring the lab up again: netlab up --replace, with its file"]);
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
    node1.ruled = Some(Decision::Send { via, link, source: None, table: Some(100) });
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
