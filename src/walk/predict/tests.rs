//! Labs that are made up from their plans, whose tables foretell.

use super::*;
use crate::blame::world::{World, ip};
use crate::plan::plan;
use crate::walk::Change;

const PING: Sending =
    Sending { attempt: Attempt::PING, data: 56, dont_fragment: DontFragment::Kernel, path: Path::AsKnown };

fn foretold(world: &mut World, from: &str, to: &str) -> Prediction {
    let wires = Wires::new(&plan(&world.lab));
    predict(&PING, from, ip(to), &wires, world)
}

/// `pod1/eth0 out 64`, one for each step; a veth's name is a number that nobody remembers.
fn way(steps: &[Step]) -> Vec<String> {
    let step = |step: &Step| {
        let interface = if step.interface.starts_with("veth") { "veth" } else { &step.interface };
        let heading = if step.direction == Direction::Out { "out" } else { "in" };
        let ttl = step.packet.inner().and_then(|layer| layer.ip).map_or(0, |ip| ip.ttl);
        format!("{}/{interface} {heading} {ttl}", step.place)
    };
    steps.iter().map(step).collect()
}

/// Where it ends, why, and after how many steps there and back.
fn ends(world: &mut World, from: &str, to: &str) -> (String, String, [usize; 2]) {
    let Prediction { walk, ends } = foretold(world, from, to);
    let Ending { place, text, .. } = ends.expect("it ends");
    (place, text, [walk.request.len(), walk.reply.len()])
}

#[test]
fn a_packet_crosses_two_nodes() {
    let mut world = World::shipped("two-node");
    let Prediction { walk, ends } = foretold(&mut world, "pod1", "10.244.2.3");
    assert_eq!(ends, None);
    assert_eq!(
        way(&walk.request),
        [
            "pod1/eth0 out 64",
            "node1/veth in 64",
            "node1/cbr0 in 64",
            "node1/eth0 out 63",
            "fabric/node1 in 63",
            "fabric/node2 out 63",
            "node2/eth0 in 63",
            "node2/cbr0 out 62",
            "node2/veth out 62",
            "pod4/eth0 in 62",
        ]
    );
    assert_eq!(walk.reply.len(), 10);
    let rewritten = walk.request.iter().filter(|step| !step.changes.is_empty());
    let rewritten: Vec<&str> = rewritten.map(|step| step.interface.as_str()).collect();
    assert_eq!(rewritten, ["eth0", "cbr0"]);
    assert!(matches!(
        walk.request[3].changes[..],
        [Change::Macs { .. }, Change::Ttl { before: 64, now: 63 }]
    ));
    // Each asks once, and who was asked knows who asked.
    assert_eq!(walk.counts().questions, 3);
    assert!(
        walk.request.iter().chain(&walk.reply).all(|step| step.frame.is_none() && step.packet.bytes == 98)
    );
}

#[test]
fn a_switch_is_not_a_router() {
    let mut world = World::shipped("two-node");
    let same = foretold(&mut world, "pod1", "10.244.1.3").walk;
    assert_eq!(
        way(&same.request),
        ["pod1/eth0 out 64", "node1/veth in 64", "node1/veth out 64", "pod2/eth0 in 64"]
    );
    assert_eq!(same.counts().routers, 0);
    // All on one wire.
    let flat = foretold(&mut World::shipped("l2"), "pod1", "10.244.2.3").walk;
    assert_eq!(flat.request.len(), 8);
    assert_eq!(flat.counts().routers, 0);
}

#[test]
fn a_source_is_translated_and_back() {
    let mut world = World::shipped("egress");
    let Prediction { walk, ends } = foretold(&mut world, "pod1", "8.8.8.8");
    assert_eq!(ends, None);
    let translated = |steps: &[Step], is: fn(&Change) -> bool| -> Vec<String> {
        let those = steps.iter().filter(|step| step.changes.iter().any(is));
        those.map(|step| format!("{}/{}", step.place, step.interface)).collect()
    };
    assert_eq!(translated(&walk.request, |one| matches!(one, Change::Source { .. })), ["node1/eth0"]);
    assert_eq!(translated(&walk.reply, |one| matches!(one, Change::Target { .. })), ["node1/cbr0"]);
}

#[test]
fn it_ends_where_the_tables_end() {
    let mut world = World::shipped("two-node");
    world.at("node2").state.forwards_v4 = false;
    let found = ends(&mut world, "pod1", "10.244.2.3");
    assert_eq!(found.0, "node2");
    assert_eq!(found.1, "node2 does not forward: net.ipv4.ip_forward = 0");
    assert_eq!(found.2, [7, 0]);

    let mut world = World::shipped("two-node");
    world.at("node2").delete("10.244.1.0/24");
    let found = ends(&mut world, "pod1", "10.244.2.3");
    assert_eq!(found.1, "node2 has no route to 10.244.1.2: Network is unreachable (ENETUNREACH)");
    assert_eq!(found.2, [10, 3], "only the answer is lost");

    let mut world = World::shipped("two-node");
    world.at("pod4").state.ignores_pings_v4 = true;
    assert_eq!(
        ends(&mut world, "pod1", "10.244.2.3").1,
        "pod4 answers no pings: net.ipv4.icmp_echo_ignore_all = 1"
    );
}

#[test]
fn nobody_answers_for_an_address_that_is_gone() {
    let mut world = World::shipped("two-node");
    world.at("node1").lose_address("cbr0", "10.244.1.1");
    let found = ends(&mut world, "pod1", "10.244.2.3");
    assert_eq!(found.1, "pod1 asks on eth0 for 10.244.1.1, and nobody there has it");
    assert_eq!(found.2, [0, 0], "it is not even sent");
    // Who knows its neighbour need not ask.
    let mac = world.at("node1").link("cbr0").mac.expect("a bridge's address").0;
    world.at("pod1").neighbour("eth0", "10.244.1.1", Some(mac), "reachable");
    assert_eq!(ends(&mut world, "pod1", "10.244.2.3").2[0], 10);
}

#[test]
fn a_wrong_neighbour_leads_nowhere() {
    let mut world = World::shipped("two-node");
    world.at("pod1").neighbour("eth0", "10.244.1.1", Some([2, 0, 0, 0, 0, 9]), "permanent");
    let Prediction { walk, ends } = foretold(&mut world, "pod1", "10.244.2.3");
    let ends = ends.expect("it ends");
    assert_eq!(ends.how, Halt::Flooded);
    assert_eq!(ends.text, "node1 cbr0 sends it by all of its ports, and nobody there is 02:00:00:00:00:09");
    assert_eq!(way(&walk.request), ["pod1/eth0 out 64", "node1/veth in 64"]);
}

#[test]
fn a_forwarding_database_goes_before_the_plan() {
    let mut world = World::shipped("two-node");
    let ports = world.at("node1").state.links.iter().filter(|link| link.bridge.is_some());
    let ports: Vec<(String, Option<Mac>)> = ports.map(|link| (link.name.clone(), link.mac)).collect();
    let pod2 = world.at("pod2").link("eth0").mac.expect("an address");
    let to_pod1 = ports[0].0.clone();
    world.at("node1").state.switched.push(blame::Switched { link: to_pod1.clone(), mac: pod2 });
    // Who has to ask teaches the bridge better.
    assert_eq!(foretold(&mut world, "pod1", "10.244.1.3").ends, None);
    world.at("pod1").neighbour("eth0", "10.244.1.3", Some(pod2.0), "reachable");
    let found = ends(&mut world, "pod1", "10.244.1.3").1;
    assert!(found.contains(&format!("would have to send it back by {to_pod1}")), "{found}");
}

#[test]
fn cables_and_ports_that_are_off_pass_nothing() {
    let mut world = World::shipped("two-node");
    let port = world.at("node1").state.links.iter_mut().find(|link| link.bridge.is_some());
    let port = port.expect("a port");
    port.port = Some("disabled".into());
    let name = port.name.clone();
    let found = ends(&mut world, "pod1", "10.244.2.3").1;
    assert_eq!(
        found,
        format!(
            "pod1 asks on eth0 for 10.244.1.1, and is not heard: node1 {name}, a port of cbr0, is disabled"
        )
    );
    let mut world = World::shipped("two-node");
    world.at("node1").link("eth0").loss_ppm = 1_000_000;
    let found = ends(&mut world, "pod1", "10.244.2.3").1;
    assert!(found.ends_with("node1 eth0 loses all that it sends (netem)"), "{found}");
}

#[test]
fn a_cloud_checks_sources_where_the_plan_says() {
    let file = include_str!("../../../labs/cloud.toml").replacen(
        "name    = \"node2\"",
        "name = \"node2\"\nsource_dest_check = true",
        1,
    );
    let mut world = World::new(&file);
    let found = ends(&mut world, "pod1", "10.244.2.3");
    assert_eq!(found.0, "fabric");
    assert!(found.1.starts_with("fabric drops it at node2: ip daddr != "), "{}", found.1);
}

#[test]
fn what_is_too_long_and_whole_ends() {
    let mut world = World::shipped("two-node");
    world.at("node1").link("eth0").mtu = 1400;
    let wires = Wires::new(&plan(&world.lab));
    let mut long = |dont_fragment| {
        let long = Sending { data: 1472, dont_fragment, ..PING };
        predict(&long, "pod1", ip("10.244.2.3"), &wires, &mut world)
    };
    let ends = long(DontFragment::Set).ends.expect("it ends");
    assert_eq!(ends.text, "node1 eth0 takes 1400 bytes, and the packet has 1500 and may not be taken apart");
    assert_eq!(long(DontFragment::Clear).ends, None);
}

#[test]
fn what_is_too_long_for_who_receives_it_ends_there() {
    let mut world = World::shipped("two-node");
    world.at("node2").link("eth0").mtu = 1400;
    let wires = Wires::new(&plan(&world.lab));
    let mut sent = |data| {
        let long = Sending { data, dont_fragment: DontFragment::Clear, ..PING };
        predict(&long, "pod1", ip("10.244.2.3"), &wires, &mut world)
    };
    // There is room for a VLAN tag.
    assert_eq!(sent(1404 - 28).ends, None);
    let Prediction { walk, ends } = sent(1405 - 28);
    let ends = ends.expect("it ends");
    assert_eq!((ends.place.as_str(), ends.how), ("node2", Halt::Dropped));
    assert_eq!(ends.text, "node2 eth0 takes 1400 bytes, and the packet has 1405");
    assert_eq!(way(&walk.request).last().map(String::as_str), Some("fabric/node2 out 63"));
    // A bridge's port drops it before it leaves.
    let mut world = World::shipped("two-node");
    let port = world.at("fabric").state.links.iter_mut().find(|link| link.name == "node2");
    port.expect("a port").mtu = 1400;
    let long = Sending { data: 1400, ..PING };
    let Prediction { walk, ends } = predict(&long, "pod1", ip("10.244.2.3"), &wires, &mut world);
    assert_eq!(ends.expect("it ends").text, "fabric node2 takes 1400 bytes, and the packet has 1428");
    assert_eq!(way(&walk.request).last().map(String::as_str), Some("fabric/node1 in 63"));
}

#[test]
fn a_sender_knows_what_passes() {
    let mut world = World::shipped("two-node");
    world.at("pod1").path_mtu = Some(1300);
    let wires = Wires::new(&plan(&world.lab));
    let mut sent = |dont_fragment, path| {
        let long = Sending { data: 1400, dont_fragment, path, ..PING };
        predict(&long, "pod1", ip("10.244.2.3"), &wires, &mut world)
    };
    let Prediction { walk, ends } = sent(DontFragment::Set, Path::AsKnown);
    assert_eq!(walk.request, []);
    assert_eq!(
        ends.expect("it ends").text,
        "pod1 knows that the path to 10.244.2.3 takes 1300 bytes, and the packet has 1428 and may not be taken apart"
    );
    let Prediction { walk, ends } = sent(DontFragment::Kernel, Path::AsKnown);
    assert_eq!((walk.request[0].pieces, ends), (2, None));
    let Prediction { walk, ends } = sent(DontFragment::Kernel, Path::Unknown);
    assert_eq!((walk.request[0].pieces, ends), (1, None));
}

#[test]
fn each_place_has_a_ttl_of_its_own() {
    let mut world = World::shipped("dual-stack");
    world.at("pod1").state.ttl_v4 = Some(32);
    world.at("pod4").link("eth0").hop_limit = Some(255);
    let first = |steps: &[Step]| way(steps)[0].clone();
    let walk = foretold(&mut world, "pod1", "10.244.2.3").walk;
    assert_eq!(first(&walk.request), "pod1/eth0 out 32");
    assert_eq!(first(&walk.reply), "pod4/eth0 out 64");
    let walk = foretold(&mut world, "pod1", "fd00:244:0:2::3").walk;
    assert_eq!(first(&walk.request), "pod1/eth0 out 64");
    assert_eq!(first(&walk.reply), "pod4/eth0 out 255");
}

#[test]
fn a_place_talks_to_itself_from_the_address_that_is_asked_for() {
    let mut world = World::shipped("dual-stack");
    for address in ["10.244.1.2", "fd00:244:0:1::2"] {
        let Prediction { walk, ends } = foretold(&mut world, "pod1", address);
        assert_eq!(ends, None);
        for steps in [&walk.request, &walk.reply] {
            assert_eq!(way(steps), ["pod1/lo in 64"]);
            let packet = steps[0].packet.inner().and_then(|layer| layer.ip).expect("IP");
            assert_eq!((packet.from, packet.to), (ip(address), ip(address)));
        }
    }
}

mod wrapped {
    use super::super::parcel::Wrapping;
    use super::*;

    fn parcel() -> Parcel {
        Parcel::request(&PING, ip("10.244.1.2"), ip("10.244.2.3"))
    }

    fn bytes(wrapping: Wrapping, from: &str, to: &str) -> usize {
        let mut outer = parcel().wrap(wrapping, ip(from), ip(to));
        let bytes = outer.seen().bytes;
        assert_eq!(outer.wrapping(), Some(wrapping));
        outer.unwrap_once();
        assert_eq!(outer.seen(), parcel().seen(), "nothing of it is lost");
        bytes - parcel().seen().bytes
    }

    /// RFC 7348, 8926, 2003 and 2784, and `WireGuard`'s paper, without the Ethernet header.
    #[test]
    fn each_kind_has_its_own_length() {
        let (from, to) = ("192.0.2.1", "192.0.2.2");
        assert_eq!(bytes(Wrapping::Vxlan(1), from, to), 36);
        assert_eq!(bytes(Wrapping::Geneve(1), from, to), 36);
        assert_eq!(bytes(Wrapping::Ip, from, to), 20);
        assert_eq!(bytes(Wrapping::Gre, from, to), 24);
        // 84 bytes become 96.
        assert_eq!(bytes(Wrapping::Wireguard, from, to), 60 + 12);
        assert_eq!(bytes(Wrapping::Vxlan(1), "2001:db8::1", "2001:db8::2"), 56);
    }
}
