use super::*;
use crate::render::Endpoint;
use crate::render::walk::{ChangeTold, CountsTold, Heading, IpTold, LayerTold, Origin};

/// A step of a packet of that TTL, by `node1 eth0 out`.
fn told(number: usize, at: &str, ttl: u8) -> StepTold {
    let [place, interface, heading] = at.split(' ').collect::<Vec<_>>()[..] else { panic!("{at}") };
    let end = || Endpoint { name: None, address: [10, 0, 0, 1].into() };
    let ip = IpTold { from: end(), to: end(), ttl, length: 84, dont_fragment: true };
    StepTold {
        number,
        place: place.into(),
        kind: "node",
        interface: interface.into(),
        ports: None,
        direction: if heading == "out" { Heading::Out } else { Heading::In },
        after_ns: 0,
        role: String::new(),
        bytes: 98,
        pieces: 1,
        layers: vec![LayerTold { ethernet: None, ip: Some(ip), carries: String::new(), bytes: 98 }],
        macs: None,
        changes: Vec::new(),
        asked: Vec::new(),
        questions: Vec::new(),
        copies: Vec::new(),
        frame: None,
    }
}

/// A story of one packet, and of its answer if it has steps.
fn story(request: &[(&str, u8)], reply: &[(&str, u8)]) -> Story {
    let mut number = 0;
    let mut way = |kind, steps: &[(&str, u8)]| Way {
        kind,
        what: String::new(),
        steps: steps
            .iter()
            .map(|(at, ttl)| {
                number += 1;
                told(number, at, *ttl)
            })
            .collect(),
    };
    let ways = [way(WayKind::Request, request), way(WayKind::Reply, reply)];
    Story {
        lab: "lab".into(),
        data_path: "host-gw",
        from: "pod1".into(),
        to: "pod4".into(),
        target: [10, 0, 0, 1].into(),
        probe: "icmp".into(),
        what: String::new(),
        origin: Origin::Captured,
        outcome: None,
        ways: ways.into_iter().filter(|way| !way.steps.is_empty()).collect(),
        unanswered: Vec::new(),
        counts: CountsTold { routers: 0, translations: 0, encapsulations: 0, questions: 0 },
        verdict: String::new(),
        prediction: None,
        lost: None,
    }
}

const THERE: [(&str, u8); 3] = [("pod1 eth0 out", 64), ("node1 cbr0 in", 64), ("node1 eth0 out", 63)];
const BACK: [(&str, u8); 2] = [("pod4 eth0 out", 64), ("node2 cbr0 in", 64)];

fn ending(how: Halt) -> Ending {
    Ending { place: "node1".into(), text: "node1 has no route".into(), how }
}

/// The one difference, which there has to be, and what was expected instead.
fn difference(captured: &Story, foretold: &Story, ends: Option<&Ending>) -> (String, Vec<String>) {
    let Agreement { agrees, mut differences, expected } = agreement(&Attempt::PING, captured, foretold, ends);
    assert!(!agrees && differences.len() == 1, "{differences:?}");
    (differences.remove(0), expected)
}

#[test]
fn what_is_the_same_agrees() {
    let same = agreement(&Attempt::PING, &story(&THERE, &BACK), &story(&THERE, &BACK), None);
    assert!(same.agrees && same.differences.is_empty() && same.expected.is_empty(), "{same:?}");
    // What ends where the tables say that it ends.
    let ends = ending(Halt::Dropped);
    assert!(
        agreement(&Attempt::PING, &story(&THERE[..2], &[]), &story(&THERE[..2], &[]), Some(&ends)).agrees
    );
}

#[test]
fn another_interface_is_told_with_what_was_expected() {
    let mut other = THERE;
    other[2].0 = "node1 flannel.1 out";
    let (text, expected) = difference(&story(&THERE, &[]), &story(&other, &[]), None);
    assert_eq!(text, "step 3: node1 sent it by eth0, the tables say flannel.1");
    assert_eq!(expected, ["3 node1 flannel.1 out, TTL 63"]);
    other[2].0 = "node2 eth0 in";
    let (text, _) = difference(&story(&THERE, &[]), &story(&other, &[]), None);
    assert_eq!(text, "step 3: captured at node1 eth0 out, the tables say node2 eth0 in");
}

#[test]
fn each_part_of_a_step_counts() {
    let captured = story(&THERE, &[]);
    let changed = |change: fn(&mut StepTold)| {
        let mut foretold = story(&THERE, &[]);
        change(&mut foretold.ways[0].steps[2]);
        difference(&captured, &foretold, None).0
    };
    let ttl = |step: &mut StepTold| step.layers[0].ip.as_mut().expect("IP").ttl = 62;
    assert_eq!(changed(ttl), "step 3: at node1 eth0 its TTL is 63, the tables say 62");
    let wrapped = |step: &mut StepTold| step.layers.push(step.layers[0].clone());
    assert_eq!(changed(wrapped), "step 3: at node1 eth0 it is not wrapped, the tables say wrapped");
    let macs = |step: &mut StepTold| step.macs = Some("node1 → node2".into());
    assert_eq!(changed(macs), "step 3: at node1 eth0 it is none, the tables say node1 → node2");
    let source = |step: &mut StepTold| {
        step.changes.push(ChangeTold { kind: ChangeKind::Source, text: "source translated".into() });
    };
    assert_eq!(changed(source), "step 3: at node1 eth0: no change, the tables say source translated");
    let heading = |step: &mut StepTold| step.direction = Heading::In;
    assert_eq!(changed(heading), "step 3: node1 sent it by eth0, the tables say eth0 in");
}

#[test]
fn what_dies_where_the_tables_go_on_does_not_agree() {
    let (text, expected) = difference(&story(&THERE[..2], &[]), &story(&THERE, &BACK), None);
    assert_eq!(
        text,
        "captured 2 steps of the packet, the tables say 3: after step 2, node1 cbr0 in, comes node1 eth0 out"
    );
    assert_eq!(expected, ["3 node1 eth0 out, TTL 63"]);
    let (text, expected) = difference(&story(&THERE, &[]), &story(&THERE, &BACK), None);
    assert_eq!(text, "the answer was not captured at all, the tables begin with pod4 eth0 out");
    assert_eq!(expected.len(), 2);
}

#[test]
fn what_goes_on_where_the_tables_end_does_not_agree() {
    let ends = ending(Halt::Dropped);
    let (text, expected) = difference(&story(&THERE, &[]), &story(&THERE[..2], &[]), Some(&ends));
    assert_eq!(
        text,
        "step 3: the packet went on to node1 eth0 out, and the tables lead no further: node1 has no route"
    );
    assert!(expected.is_empty());
    // The copies that a bridge makes are on nobody's way.
    let floods = ending(Halt::Flooded);
    assert!(agreement(&Attempt::PING, &story(&THERE, &[]), &story(&THERE[..2], &[]), Some(&floods)).agrees);
}

#[test]
fn nobody_knows_whether_a_datagram_is_answered() {
    let captured = story(&THERE, &[]);
    assert!(!agreement(&Attempt::PING, &captured, &story(&THERE, &BACK), None).agrees);
    assert!(agreement(&Attempt::Udp { port: 9 }, &captured, &story(&THERE, &BACK), None).agrees);
}

#[test]
fn what_a_segment_floods_is_told_as_if_it_crossed() {
    let mut captured = story(&[("pod1 eth0 out", 64), ("fabric underlay in", 64)], &[]);
    captured.ways[0].steps[1].ports = Some(["node1".into(), "node3".into()]);
    captured.ways[0].steps[1].direction = Heading::Through;
    let foretold = story(&[("pod1 eth0 out", 64), ("fabric node1 in", 64)], &[]);
    assert!(agreement(&Attempt::PING, &captured, &foretold, Some(&ending(Halt::Flooded))).agrees);
    assert!(!agreement(&Attempt::PING, &captured, &foretold, Some(&ending(Halt::Dropped))).agrees);
}
