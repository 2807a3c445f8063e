//! What can be wrong on the way there.

use super::world::{World, ip, net};
use crate::plan::veth_name;

const WRONG: [u8; 6] = [0x0a, 0, 0, 0, 0, 1];

fn two_node() -> World {
    World::shipped("two-node")
}

fn from_pod1(mut world: World) -> (String, Vec<String>) {
    world.likely("pod1", "10.244.2.3")
}

#[test]
fn what_works_is_not_blamed_and_every_look_up_is_told() {
    let mut world = two_node();
    assert_eq!(world.blame("pod1", "10.244.2.3").blame, None);
    let lookups = world.lookups("pod1", "10.244.2.3");
    let expected = [
        "pod1: 10.244.2.3 via 10.244.1.1 (node1 cbr0) dev eth0",
        "node1: 10.244.2.3 via 192.168.66.12 (node2 eth0) dev eth0",
        "node2: 10.244.2.3 dev cbr0",
        "pod4: 10.244.2.3 is its own",
        "back pod4: 10.244.1.2 via 10.244.2.1 (node2 cbr0) dev eth0",
        "back node2: 10.244.1.2 via 192.168.66.11 (node1 eth0) dev eth0",
        "back node1: 10.244.1.2 dev cbr0",
        "back pod1: 10.244.1.2 is its own",
    ];
    assert_eq!(lookups, expected);
    // cbr0 switches between pods of one node: the node is not asked.
    assert_eq!(world.lookups("pod1", "10.244.1.3").iter().filter(|line| line.contains("node1")).count(), 0);
}

#[test]
fn every_pair_of_every_shipped_lab_that_can_meet_is_in_order() {
    for name in ["one-node", "two-node", "dual-stack", "sidecar"] {
        let mut world = World::shipped(name);
        let places: Vec<String> = world.lab.targets().map(str::to_owned).collect();
        let nodes = world.lab.nodes.iter().flat_map(|node| node.address.ips().chain(node.gateway.ips()));
        let addresses: Vec<_> =
            nodes.chain(world.lab.pods().flat_map(|(_, pod)| pod.address.ips())).collect();
        for from in &places {
            for to in &addresses {
                assert_eq!(world.blame(from, &to.to_string()).blame, None, "{name}: {from} to {to}");
            }
        }
    }
}

#[test]
fn a_router_between_segments_is_passed_and_what_has_no_route_by_design_says_so() {
    let mut world = World::shipped("three-node");
    assert_eq!(world.blame("node1", "192.168.67.11").blame, None);
    assert!(world.lookups("node1", "192.168.67.11")[1].starts_with("spine: 192.168.67.11 dev eth1"));
    let (text, mend) = world.likely("pod1", "192.168.67.11");
    assert_eq!(text, "on the way back, node3 has no route to 10.244.1.2, and the lab gives it none");
    assert!(mend.is_empty());
    world.at("spine").state.forwards_v4 = false;
    assert!(
        world
            .likely("node1", "192.168.67.11")
            .0
            .starts_with("spine does not forward: net.ipv4.ip_forward is 0")
    );
}

#[test]
fn an_address_that_nobody_has() {
    let (text, _) = two_node().likely("pod1", "10.9.9.9");
    assert_eq!(text, "the lab gave the address 10.9.9.9 to nobody");
    let mut world = two_node();
    world.at("pod1").link("eth0").addresses.push(net("10.9.9.9/32"));
    assert_eq!(world.blame("pod1", "10.9.9.9").blame, None, "its own, by hand");
}

#[test]
fn a_route_that_is_gone() {
    let mut world = two_node();
    world.at("node1").delete("10.244.2.0/24");
    let (text, mend) = from_pod1(world);
    assert_eq!(
        text,
        "node1 has no route to 10.244.2.3: it was given 10.244.2.0/24 via 192.168.66.12 (node2 eth0), and that is gone"
    );
    assert_eq!(mend, ["netlab exec node1 -- ip route add 10.244.2.0/24 via 192.168.66.12"]);

    let mut world = two_node();
    world.at("pod1").delete("0.0.0.0/0");
    let (text, mend) = from_pod1(world);
    assert!(
        text.starts_with("pod1 has no route to 10.244.2.3: it was given default via 10.244.1.1"),
        "{text}"
    );
    assert_eq!(mend, ["netlab exec pod1 -- ip route add default via 10.244.1.1"]);
}

#[test]
fn routes_that_refuse() {
    for (kind, what) in [
        ("blackhole", "drops, without a word, every packet"),
        ("prohibit", "answers `prohibited`"),
        ("unreachable", "answers `unreachable`"),
    ] {
        let mut world = two_node();
        world.at("node1").refuse("10.244.2.0/24", kind);
        let (text, mend) = from_pod1(world);
        assert!(text.starts_with(&format!("node1 has a {kind} route to 10.244.2.0/24: it {what}")), "{text}");
        assert_eq!(mend[0], format!("netlab exec node1 -- ip route del {kind} 10.244.2.0/24"));
        assert_eq!(mend[1], "netlab exec node1 -- ip route add 10.244.2.0/24 via 192.168.66.12");
    }
}

#[test]
fn next_hops_that_are_not_the_planned_ones() {
    let mut world = two_node();
    world.at("pod1").delete("0.0.0.0/0");
    world.at("pod1").add(net("0.0.0.0/0"), Some(ip("10.244.1.3")), "eth0");
    let (text, mend) = from_pod1(world);
    let given = "it was given default via 10.244.1.1 (node1 cbr0)";
    assert_eq!(text, format!("pod1 sends packets for 10.244.2.3 to 10.244.1.3 (pod2); {given}"));
    assert_eq!(mend, ["netlab exec pod1 -- ip route replace default via 10.244.1.1"]);

    let mut world = two_node();
    world.at("pod1").add(net("10.244.2.3/32"), Some(ip("10.244.1.77")), "eth0");
    let (text, mend) = from_pod1(world);
    assert!(text.contains("to 10.244.1.77 (the lab gave it to nobody); it was given default"), "{text}");
    assert_eq!(mend, ["netlab exec pod1 -- ip route del 10.244.2.3"]);

    let mut world = two_node();
    world.at("pod1").add(net("10.244.0.0/16"), None, "eth0");
    let (text, _) = from_pod1(world);
    assert_eq!(text, format!("pod1 takes 10.244.2.3 for a neighbour on eth0; {given}"));
}

#[test]
fn a_turn_is_blamed_rather_than_what_follows_from_it_and_a_circle_ends() {
    let mut world = two_node();
    world.at("node2").add(net("10.244.2.3/32"), Some(ip("192.168.66.11")), "eth0");
    let (text, _) = world.likely("pod1", "10.244.2.3");
    assert!(text.starts_with("node2 sends packets for 10.244.2.3 to 192.168.66.11 (node1 eth0)"), "{text}");
    assert_eq!(world.asked, 3);
}

#[test]
fn forwarding_that_is_off() {
    let mut world = two_node();
    world.at("node2").state.forwards_v4 = false;
    let (text, mend) = from_pod1(world);
    let drops = "is 0, so it drops every packet that is not for itself";
    assert_eq!(text, format!("node2 does not forward: net.ipv4.ip_forward {drops}"));
    assert_eq!(mend, ["netlab exec node2 -- sysctl -w net.ipv4.ip_forward=1"]);

    let mut world = two_node();
    world.at("node1").link("cbr0").forwards_v4 = false;
    assert_eq!(from_pod1(world).0, format!("node1 does not forward: net.ipv4.conf.cbr0.forwarding {drops}"));

    let mut world = World::shipped("dual-stack");
    world.at("node2").state.forwards_v6 = false;
    let (text, _) = world.likely("pod1", "fd00:244:0:2::3");
    assert_eq!(text, format!("node2 does not forward: net.ipv6.conf.all.forwarding {drops}"));
    assert_eq!(world.blame("pod1", "10.244.2.3").blame, None);
    // What is for the node itself needs no forwarding.
    assert_eq!(world.blame("node1", "fd00:66::c").blame, None);
}

#[test]
fn interfaces_that_are_down() {
    let taken = "and the kernel took away the routes that lead out by it";
    let mut world = two_node();
    world.at("node2").down("cbr0");
    let (text, mend) = from_pod1(world);
    assert_eq!(text, format!("cbr0 of node2 is down: nothing passes it, {taken}"));
    assert_eq!(mend, ["netlab exec node2 -- ip link set cbr0 up"]);

    let mut world = two_node();
    world.at("pod4").down("eth0");
    world.at("node2").link(&veth_name("pod4")).carrier = false;
    let (text, mend) = from_pod1(world);
    assert_eq!(text, format!("eth0 of pod4 is down: nothing passes it, {taken}"));
    let expected = ["ip link set eth0 up", "ip route add default via 10.244.2.1"];
    assert_eq!(mend, expected.map(|command| format!("netlab exec pod4 -- {command}")));

    let mut world = two_node();
    world.at("node1").down("eth0");
    world.at("fabric").link("node1").carrier = false;
    let (text, mend) = from_pod1(world);
    assert!(text.starts_with("eth0 of node1 is down"), "{text}");
    assert_eq!(mend[1], "netlab exec node1 -- ip route add 10.244.2.0/24 via 192.168.66.12");

    let mut world = two_node();
    world.at("fabric").down("underlay");
    assert_eq!(from_pod1(world).0, "underlay of fabric is down: nothing passes it");

    let mut world = two_node();
    let veth = veth_name("pod2");
    world.at("node1").down(&veth);
    world.at("pod2").link("eth0").carrier = false;
    let (text, _) = world.likely("pod1", "10.244.1.3");
    assert_eq!(text, format!("{veth} of node1, the cable to pod2, is down: nothing passes it"));
}

#[test]
fn a_cable_that_loses_frames_is_blamed_for_what_it_sends() {
    let mut world = two_node();
    world.at("fabric").link("node2").loss_ppm = 1_000_000;
    let (text, mend) = from_pod1(world);
    let told = "node2 of fabric, the cable to node2, loses what it sends, as it was told to (loss 100%)";
    assert_eq!(text, told);
    assert_eq!(mend, ["netlab impair clear node2 loss --direction in"]);

    // On the way back, and only a part.
    let mut world = two_node();
    world.at("pod4").link("eth0").loss_ppm = 300_000;
    let (text, mend) = from_pod1(world);
    assert_eq!(text, "on the way back, eth0 of pod4 loses what it sends, as it was told to (loss 30%)");
    assert_eq!(mend, ["netlab impair clear pod4 loss --direction out"]);

    // What only others send by is not in the way.
    let mut world = two_node();
    world.at("node2").link(&veth_name("pod3")).loss_ppm = 1_000_000;
    assert_eq!(world.blame("pod1", "10.244.2.3").blame, None);
}

#[test]
fn interfaces_that_are_gone_or_lead_nowhere() {
    let mut world = two_node();
    let veth = veth_name("pod4");
    world.at("node2").state.links.retain(|link| link.name != veth);
    world.at("pod4").state.links.clear();
    assert_eq!(from_pod1(world).0, format!("node2 has lost its interface {veth}, the cable to pod4"));

    let mut world = two_node();
    world.at("node1").link("eth0").carrier = false;
    assert!(from_pod1(world).0.starts_with("eth0 of node1 is up, but has no carrier"));

    let mut world = two_node();
    world.places.remove("pod4");
    assert_eq!(from_pod1(world).0, "pod4: its pause process 7 is gone");
}

#[test]
fn ports_that_are_none() {
    let veth = veth_name("pod4");
    let mut world = two_node();
    world.at("node2").link(&veth).bridge = None;
    let (text, mend) = from_pod1(world);
    assert!(text.starts_with(&format!("{veth} of node2, the cable to pod4, is no port of cbr0: ")), "{text}");
    assert_eq!(mend, [format!("netlab exec node2 -- ip link set {veth} master cbr0")]);

    let mut world = two_node();
    world.at("fabric").link("node2").bridge = Some("other".into());
    let (text, _) = from_pod1(world);
    assert!(text.contains("the cable to node2, is no port of underlay, but of other"), "{text}");

    let mut world = two_node();
    world.at("node2").link(&veth).port = Some("blocking".into());
    let (text, _) = from_pod1(world);
    assert_eq!(
        text,
        format!("node2's cbr0 has its port {veth} in state `blocking`: it lets no frame through")
    );
}

#[test]
fn addresses_that_are_lost() {
    let mut world = two_node();
    world.at("node1").lose_address("cbr0", "10.244.1.1");
    let (text, mend) = from_pod1(world);
    assert_eq!(text, "cbr0 of node1 has lost its address 10.244.1.1/24: nobody answers for 10.244.1.1");
    assert_eq!(mend, ["netlab exec node1 -- ip addr add 10.244.1.1/24 dev cbr0"]);

    for pod in ["pod1", "pod4"] {
        let mut world = two_node();
        let address = if pod == "pod1" { "10.244.1.2" } else { "10.244.2.3" };
        world.at(pod).lose_address("eth0", address);
        let (text, mend) = from_pod1(world);
        assert!(text.starts_with(&format!("eth0 of {pod} has lost its address {address}/24")), "{text}");
        assert_eq!(mend.len(), 2, "the address and the default route: {mend:?}");
    }

    let mut world = two_node();
    world.at("node1").link("eth0").addresses.push(net("10.244.2.3/32"));
    assert_eq!(
        from_pod1(world).0,
        "node1 also has 10.244.2.3, which is pod4's: what node1 sends there stays where it is, and what comes from there is \
         not answered"
    );
}

#[test]
fn neighbour_entries() {
    let mut world = two_node();
    world.at("node1").neighbour("eth0", "192.168.66.12", Some(WRONG), "permanent");
    let (text, mend) = from_pod1(world);
    assert_eq!(
        text,
        "node1 has a wrong neighbour entry on eth0 (permanent): it takes 192.168.66.12 (node2 eth0) to be at \
         0a:00:00:00:00:01, which is nobody's; it is at 0a:58:c0:a8:42:0c"
    );
    assert_eq!(mend, ["netlab exec node1 -- ip neigh del 192.168.66.12 dev eth0"]);

    // Two with one address: who answers first is taken for it.
    let mut world = two_node();
    world.at("node1").neighbour("cbr0", "10.244.1.2", Some([0x0a, 0x58, 10, 244, 1, 3]), "reachable");
    let (text, _) = world.likely("node1", "10.244.1.2");
    assert!(text.contains("to be at 0a:58:0a:f4:01:03, which is pod2's"), "{text}");

    // What was learnt wrongly is only blamed where nothing else is wrong.
    let mut world = two_node();
    world.at("node1").neighbour("eth0", "192.168.66.12", Some(WRONG), "stale");
    assert!(world.likely("pod1", "10.244.2.3").0.contains("(stale)"));
    world.at("pod4").down("eth0");
    assert!(from_pod1(world).0.starts_with("eth0 of pod4 is down"));

    let mut world = two_node();
    world.at("node2").neighbour("cbr0", "10.244.2.3", None, "failed");
    assert_eq!(
        from_pod1(world).0,
        "node2 asked for 10.244.2.3 (pod4) on cbr0 by ARP, and nobody answered (`failed`)"
    );

    let mut world = World::new(
        "[cluster]\nneighbours = \"static\"\n[[node]]\nname = \"n1\"\npods = 1\n[[node]]\nname = \"n2\"\n",
    );
    world.at("n1").neighbour("eth0", "192.168.66.12", Some(WRONG), "permanent");
    let (_, mend) = world.likely("n1", "192.168.66.12");
    let command = "ip neigh replace 192.168.66.12 lladdr 0a:58:c0:a8:42:0c dev eth0 nud permanent";
    assert_eq!(mend, [format!("netlab exec n1 -- {command}")]);
}

#[test]
fn a_smaller_mtu_is_told_where_nothing_else_is_wrong() {
    let mut world = two_node();
    world.at("node1").link("eth0").mtu = 1000;
    let (text, _) = from_pod1(world);
    assert_eq!(
        text,
        "eth0 of node1 has an MTU of 1000 bytes instead of 1500: larger packets do not pass it whole"
    );
}

#[test]
fn many_lost_routes_are_not_all_written_out() {
    let mut world = World::new("[[node]]\nname = \"n\"\ncount = 9\npods = 1\n");
    let first = world.lab.nodes[0].name.clone();
    let last = world.lab.nodes[8].address.primary().expect("an address");
    world.at(&first).down("eth0");
    let (_, mend) = world.likely(&first, &last.to_string());
    assert_eq!(mend.len(), 6, "{mend:#?}");
    assert_eq!(mend[5], "and 4 more routes by eth0, which `netlab plan` shows");
}

#[test]
fn a_refusal_that_no_table_explains_is_not_guessed_at() {
    struct Rules(World);
    impl super::super::Facts for Rules {
        fn place(&mut self, name: &str) -> Result<std::rc::Rc<super::super::State>, String> {
            self.0.place(name)
        }
        fn route(&mut self, _: &str, _: &super::super::Packet) -> Result<super::super::Decision, String> {
            let (errno, text) = ("EINVAL".to_owned(), "Invalid argument".to_owned());
            Ok(super::super::Decision::Refuse { errno, text })
        }
    }
    let world = two_node();
    let lab = world.lab.clone();
    let blame = super::super::blame(&lab, "pod1", ip("10.244.2.3"), &mut Rules(world)).blame;
    let text = blame.expect("a refusal").to_string();
    assert!(
        text.ends_with("Invalid argument (EINVAL), and no route of its main table says so: see `ip rule`")
    );
}

#[test]
fn an_address_that_two_places_have() {
    let says = "pod1 also has 10.244.1.3, which is pod2's";
    let mends = ["netlab exec pod1 -- ip addr del 10.244.1.3/24 dev eth0"];
    let mut world = two_node();
    world.at("pod1").link("eth0").addresses.push(net("10.244.1.3/24"));
    for (from, to) in [("pod1", "10.244.1.3"), ("pod2", "10.244.1.2"), ("pod3", "10.244.1.3")] {
        // Another asks by ARP, and hears the wrong one.
        let mac = world.at("pod1").link("eth0").mac.expect("a cable's").0;
        world.at("node1").neighbour("cbr0", "10.244.1.3", Some(mac), "stale");
        let (text, mend) = world.likely(from, to);
        assert!(text.starts_with(says), "{from} to {to}: {text}");
        assert_eq!(mend, mends, "{from} to {to}");
    }
}
