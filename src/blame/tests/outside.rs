//! Beyond the cluster.

use super::super::Way;
use super::world::World;

#[test]
fn an_answer_from_outside_goes_to_the_node_which_knows_whose_it_is() {
    let mut world = World::shipped("egress");
    assert_eq!(world.blame("pod1", "203.0.113.10").blame, None);
    let lookups = world.lookups("pod1", "203.0.113.10");
    let back: Vec<&str> = lookups.iter().filter_map(|line| line.strip_prefix("back ")).collect();
    assert_eq!(
        back,
        [
            "internet: 192.168.66.11 via 169.254.1.1 (fabric internet) dev eth0",
            "fabric: 192.168.66.11 dev underlay",
            "node1: 192.168.66.11 is its own",
            "node1: 10.244.1.2 dev cbr0",
            "pod1: 10.244.1.2 is its own",
        ]
    );
    assert_eq!(world.blame("pod3", "2001:db8:113::10").blame, None);
    assert_eq!(world.blame("node1", "203.0.113.10").blame, None);
    assert_eq!(world.blame("internet", "192.168.66.11").blame, None);
}

#[test]
fn a_node_that_does_not_masquerade() {
    let mut world = World::shipped("egress");
    world.at("node1").state.source_nat.clear();
    let blame = world.blame("pod1", "203.0.113.10").blame.expect("no way back");
    assert_eq!((blame.way, blame.place.as_str()), (Way::Back, "internet"));
    assert_eq!(
        blame.to_string(),
        "on the way back, internet has no route to 10.244.1.2 (pod1), as nobody outside has one to pods; node1 let the \
         packet out with the pod's own address instead of its own: it does not masquerade it"
    );
    assert_eq!(blame.mend[0], "netlab exec node1 -- nft add table inet netlab");
    let last = blame.mend.last().expect("rules");
    assert!(last.ends_with("'ip6 saddr fd00:244:0:1::/64 counter masquerade'"), "{last}");
    // Other nodes do.
    assert_eq!(world.blame("pod3", "203.0.113.10").blame, None);
}

#[test]
fn a_node_that_gives_packets_an_address_that_nobody_answers_to() {
    let text =
        include_str!("../../../labs/egress.toml").replace("[cluster]", "[cluster]\ndata_path = \"l2\"");
    let mut world = World::new(&text);
    assert_eq!(world.blame("pod1", "203.0.113.10").blame, None);
    for rule in &mut world.at("node1").state.source_nat {
        if rule.verdict.translates() {
            rule.verdict = crate::plan::nftables::Verdict::SourceNat(super::world::ip("10.9.9.9"));
        }
    }
    let blame = world.blame("pod1", "203.0.113.10").blame.expect("no way back");
    assert_eq!((blame.way, blame.place.as_str()), (Way::Back, "internet"));
    assert!(blame.to_string().ends_with("the lab gave the address 10.9.9.9 to nobody"), "{blame}");
}

#[test]
fn a_file_that_says_not_to_masquerade() {
    let text = include_str!("../../../labs/egress.toml");
    let mut world =
        World::new(&text.replace("[cluster]", "[cluster]\nnon_masquerade_cidrs = [\"203.0.113.0/24\"]"));
    let (_, mend) = world.likely("pod1", "203.0.113.10");
    assert_eq!(
        mend,
        ["take internet's address out of non_masquerade_cidrs, under [cluster] of the lab's file"]
    );
    assert_eq!(world.blame("pod1", "8.8.8.8").blame, None);
}

#[test]
fn a_cable_without_addresses_that_is_down_gets_its_routes_back() {
    let mut world = World::shipped("egress");
    world.at("fabric").down("internet");
    let (text, mend) = world.likely("pod1", "203.0.113.10");
    assert!(text.starts_with("internet of fabric"), "{text}");
    assert_eq!(
        mend,
        [
            "netlab exec fabric -- ip link set internet up",
            "netlab exec fabric -- ip route add 203.0.113.10 dev internet",
            "netlab exec fabric -- ip -6 route add 2001:db8:113::10 dev internet",
        ]
    );
}

#[test]
fn nobody_outside_has_a_route_to_pods() {
    let mut world = World::shipped("egress");
    let (text, mend) = world.likely("internet", "10.244.1.2");
    assert_eq!(
        text,
        "internet has no route to 10.244.1.2 (pod1): nobody outside has one to pods, and nobody has to"
    );
    assert!(mend.is_empty());
}
