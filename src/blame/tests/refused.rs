//! Packet filters and packets that are too large: what is certain, and what is only suspected.

use super::super::{Blame, Certainty, FilterChain, FilterRule, Sent, SentKind, Stage, Way, blame_for};
use super::world::{World, ip, net};
use crate::model::Family;
use crate::plan::nftables::{Match, Rule, Verdict};

const LARGE: Sent = Sent { bytes: Some(1500), whole: true, kind: SentKind::Echo, about: None };

fn chain(stage: Stage, drops: bool, rules: Vec<FilterRule>) -> FilterChain {
    let (table, name) = ("inet filter".to_owned(), "mine".to_owned());
    FilterChain { table, name, stage, family: None, drops, rules }
}

fn drops(to: &str) -> FilterRule {
    let rule = Rule { matches: vec![Match::to(net(to))], verdict: Verdict::Drop };
    FilterRule { says: Some(rule), refuses: true, about: (None, None), handle: Some(7) }
}

/// What is blamed for a packet from pod1 to pod4, and how sure that is.
fn found(mut world: World, sent: Sent) -> (Option<Blame>, Certainty) {
    let lab = world.lab.clone();
    let verdict = blame_for(&lab, "pod1", ip("10.244.2.3"), sent, &mut world);
    (verdict.blame, verdict.certainty)
}

#[test]
fn a_filter_is_blamed_at_each_stage_that_the_packet_passes() {
    let passed = [
        ("pod1", Stage::Output),
        ("pod1", Stage::Postrouting),
        ("node1", Stage::Prerouting),
        ("node1", Stage::Forward),
        ("fabric", Stage::Bridged),
        ("node2", Stage::Ingress("eth0".into())),
        ("node2", Stage::Forward),
        ("pod4", Stage::Input),
    ];
    for (place, stage) in passed {
        let mut world = World::shipped("two-node");
        world.at(place).state.chains.push(chain(stage.clone(), false, vec![drops("10.244.2.0/24")]));
        let (blame, certainty) = found(world, Sent::default());
        let blame = blame.unwrap_or_else(|| panic!("{place} {stage:?}"));
        assert_eq!((blame.place.as_str(), certainty), (place, Certainty::Certain), "{stage:?}");
        assert!(blame.to_string().contains("`ip daddr 10.244.2.0/24 drop`"), "{blame}");
        assert_eq!(blame.mend, [format!("netlab exec {place} -- nft delete rule inet filter mine handle 7")]);
    }
    let not_passed = [
        ("node1", Stage::Input),
        ("node1", Stage::Output),
        ("pod4", Stage::Forward),
        ("node2", Stage::Ingress("cbr0".into())),
    ];
    for (place, stage) in not_passed {
        let mut world = World::shipped("two-node");
        world.at(place).state.chains.push(chain(stage.clone(), false, vec![drops("10.244.2.0/24")]));
        assert_eq!(found(world, Sent::default()).0, None, "{place} {stage:?}");
    }
}

#[test]
fn the_answer_is_filtered_on_its_own() {
    let mut world = World::shipped("two-node");
    world.at("node2").state.chains.push(chain(Stage::Forward, false, vec![drops("10.244.1.2/32")]));
    let (blame, certainty) = found(world, Sent::default());
    assert!(
        blame.expect("a filter").to_string().starts_with("on the way back, a packet filter of node2 drops")
    );
    assert_eq!(certainty, Certainty::Certain);
}

#[test]
fn the_other_familys_filter_is_not_asked() {
    let mut world = World::shipped("two-node");
    let mut other = chain(Stage::Forward, true, Vec::new());
    other.family = Some(Family::V6);
    world.at("node1").state.chains.push(other);
    assert_eq!(found(world, Sent::default()).0, None);
}

#[test]
fn what_cannot_be_read_gives_way_to_what_is_certain() {
    let unread = FilterRule { says: None, refuses: true, about: (None, None), handle: Some(3) };
    let mut world = World::shipped("two-node");
    world.at("node1").state.chains.push(chain(Stage::Forward, false, vec![unread.clone()]));
    let (blame, certainty) = found(world, Sent::default());
    assert!(blame.expect("a suspicion").to_string().contains("may drop"));
    assert_eq!(certainty, Certainty::Suspected);

    let mut world = World::shipped("two-node");
    world.at("node1").state.chains.push(chain(Stage::Forward, false, vec![unread]));
    world.at("node2").state.forwards_v4 = false;
    let (blame, certainty) = found(world, Sent::default());
    assert!(blame.expect("a setting").to_string().starts_with("node2 does not forward"));
    assert_eq!(certainty, Certainty::Certain);
}

#[test]
fn a_packet_that_is_too_large_is_blamed_where_it_does_not_fit() {
    let smaller = |place: &str, link: &str, mtu: u32| {
        let mut world = World::shipped("two-node");
        world.at(place).link(link).mtu = mtu;
        world
    };
    let text = |found: (Option<Blame>, Certainty)| found.0.expect("something").to_string();
    assert_eq!(found(World::shipped("two-node"), LARGE).0, None, "it fits");
    for (place, link) in [("pod1", "eth0"), ("node1", "eth0"), ("node2", "cbr0"), ("fabric", "node2")] {
        let said = text(found(smaller(place, link, 1400), LARGE));
        assert!(
            said.starts_with(&format!("{link} of {place} has an MTU of 1400 bytes instead of 1500")),
            "{said}"
        );
        // What fits is not in the way, and neither is who takes smaller ones.
        let small = Sent { bytes: Some(1400), ..LARGE };
        assert_eq!(found(smaller(place, link, 1400), small).0, None, "{place} {link}");
    }
    // In pieces it passes every router, but it comes to no switch as a whole.
    let pieces = Sent { whole: false, ..LARGE };
    // The answer does not either: it is as large, and comes in where it is too large.
    let back = found(smaller("node1", "eth0", 1400), pieces).0.expect("the answer dies");
    assert_eq!((back.way, back.place.as_str()), (Way::Back, "node1"));
    assert_eq!(found(smaller("fabric", "node2", 1400), pieces).1, Certainty::Certain);

    let too_large = Sent { bytes: Some(1501), ..LARGE };
    let said = text(found(World::shipped("two-node"), too_large));
    assert!(said.contains("it has 1501 bytes, eth0 of pod1 takes 1500"), "{said}");
    assert!(said.ends_with("pod1's own kernel refuses to send it"), "{said}");
}

#[test]
fn who_is_no_ping_does_not_suffer_from_ignored_pings() {
    let ignoring = || {
        let mut world = World::shipped("two-node");
        world.at("pod4").state.ignores_pings_v4 = true;
        world
    };
    assert!(found(ignoring(), Sent::default()).0.is_some());
    assert_eq!(found(ignoring(), Sent { kind: SentKind::Other, ..Sent::default() }).0, None);
}
