//! What is asked of each shipped lab, and how it is told when something is not as it should be; no network is needed.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use netlab::model::{Family, Lab};
use netlab::probe::{Outcome, UnreachableKind};
use netlab::render::LabNames;
use netlab::render::survey::{Found, deviations, fold};
use netlab::suite::{Pair, Role, Routes, Survey};

fn lab(name: &str) -> Lab {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("labs/{name}.toml"));
    let text = std::fs::read_to_string(path).expect("a shipped lab");
    netlab::parse(&text, name).expect("a valid lab")
}

fn told(name: &str) -> Vec<String> {
    let survey = Survey::of(&lab(name), Routes::OneOfEachKind);
    let name = |place: usize| survey.places[place].name.clone();
    survey.routes.iter().map(|pair| format!("{} {}", name(pair.from), name(pair.to))).collect()
}

#[test]
fn every_pair_is_asked_once_and_askers_take_turns() {
    let survey = Survey::of(&lab("two-node"), Routes::All);
    assert_eq!((survey.places.len(), survey.pings.len(), survey.routes.len()), (6, 30, 30));
    let mut pairs: Vec<_> = survey.pings.iter().map(|pair| (pair.from, pair.to)).collect();
    assert_eq!(pairs[..6].iter().map(|pair| pair.0).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
    pairs.sort_unstable();
    pairs.dedup();
    assert_eq!(pairs.len(), 30);
    assert!(pairs.iter().all(|(from, to)| from != to));
}

#[test]
fn one_route_of_each_kind_is_told() {
    assert_eq!(told("one-node"), ["pod1 pod2", "node1 pod1"]);
    assert_eq!(told("two-node"), ["pod1 pod2", "pod1 pod3", "node1 pod3"]);
    assert_eq!(told("three-node"), ["pod1 pod2", "pod1 pod3", "node1 pod3", "node1 node3"]);
    assert_eq!(told("dual-stack").len(), 6, "each in both families");
}

/// What a healthy host-gw lab answers, but for the pairs that are said to be broken.
fn outcomes(survey: &Survey, broken: impl Fn(&Pair) -> Option<Outcome>) -> Vec<Outcome> {
    let from = IpAddr::from([10, 244, 0, 1]);
    let healthy = |pair: &Pair| {
        let (one, other) = (&survey.places[pair.from], &survey.places[pair.to]);
        let routers = |place: Role| u8::from(place == Role::Pod);
        let passed = if one.node == other.node { 0 } else { routers(one.role) + routers(other.role) };
        Outcome::Reply { from, ttl: Some(64 - passed), rtt: Duration::from_micros(40) }
    };
    survey.pings.iter().map(|pair| broken(pair).unwrap_or_else(|| healthy(pair))).collect()
}

/// The lines that tell of what is broken.
fn lines(name: &str, broken: impl Fn(&str, &str) -> Option<Outcome>) -> Vec<String> {
    let lab = lab(name);
    let survey = Survey::of(&lab, Routes::OneOfEachKind);
    let name = |place: usize| survey.places[place].name.as_str();
    let pings = outcomes(&survey, |pair| broken(name(pair.from), name(pair.to)));
    let found = Found { survey: &survey, pings: &pings, routes: &[] };
    let lines = fold(&survey, &deviations(&found, Family::V4, &LabNames::new(&lab)));
    lines.into_iter().map(|line| line.text).collect()
}

fn unreachable() -> Outcome {
    let from = IpAddr::from([10, 244, 1, 1]);
    Outcome::Unreachable { kind: UnreachableKind::NetUnreachable, from, rtt: Duration::ZERO }
}

#[test]
fn a_broken_route_is_one_line_and_says_no_more_than_was_found() {
    let on = |name: &str, pods: [&str; 2]| pods.contains(&name);
    let far =
        |from: &str, to: &str| (on(from, ["pod1", "pod2"]) && on(to, ["pod3", "pod4"])).then(unreachable);
    let cause = "net-unreachable from node1 cbr0 (10.244.1.1)";
    assert_eq!(lines("two-node", far), [format!("pods of node1 → pods of node2: {cause}")]);
    let but_one = |from: &str, to: &str| far(from, to).filter(|_| (from, to) != ("pod2", "pod4"));
    assert_eq!(
        lines("two-node", but_one),
        [format!("pod1 → pods of node2: {cause}"), format!("pod2 → pod3: {cause}")]
    );
    assert!(lines("two-node", |_, _| None).is_empty());
}

#[test]
fn a_pod_that_nobody_reaches_is_told_from_both_sides() {
    let alone = |from: &str, to: &str| (from == "pod1" || to == "pod1").then_some(Outcome::Timeout);
    assert_eq!(
        lines("two-node", alone),
        [
            "node1 → pod1: timeout",
            "pod1 → node1: timeout",
            "pod1 → pod2: timeout",
            "pod1 → node2: timeout",
            "pod1 → pods of node2: timeout",
            "pod2 → pod1: timeout",
            "node2 → pod1: timeout",
            "pods of node2 → pod1: timeout",
        ]
    );
}

#[test]
fn among_many_pods_another_ttl_is_told_too() {
    let detour = |from: &str, to: &str| {
        let rtt = Duration::ZERO;
        (from == "node1-pod1" && to.starts_with("node2-")).then(|| Outcome::Reply {
            from: [10, 244, 2, 2].into(),
            ttl: Some(61),
            rtt,
        })
    };
    assert_eq!(lines("hundred-pods", detour), ["node1-pod1 → pods of node2: reply, TTL 61"]);
}

/// The pairs that a line tells of: the reverse of folding, by the words alone.
fn unfold(survey: &Survey, line: &str) -> Vec<(usize, usize)> {
    let (from, rest) = line.split_once(" → ").expect("an arrow");
    let (to, _) = rest.split_once(": ").expect("what was found");
    let node_of = |words: &str| {
        let name = words.strip_prefix("pods of ").unwrap_or(words);
        survey.places.iter().find(|place| place.name == name).map(|place| place.node)
    };
    let members = |words: &str, other: &str| -> Vec<usize> {
        let is_meant = |place: &netlab::suite::Place| match words {
            "everybody" => true,
            "everybody on other nodes" => Some(place.node) != node_of(other),
            words => match words.strip_prefix("pods of ") {
                Some(_) => place.role == Role::Pod && Some(place.node) == node_of(words),
                None => place.name == words,
            },
        };
        (0..survey.places.len()).filter(|&index| is_meant(&survey.places[index])).collect()
    };
    let to_members = members(to, from);
    let pairs = members(from, to).into_iter().flat_map(|from| to_members.iter().map(move |to| (from, *to)));
    pairs.filter(|(from, to)| from != to).collect()
}

#[test]
fn folded_lines_say_exactly_what_was_found() {
    let text = "[[node]]\nname = \"node\"\ncount = 4\npods = 3\n";
    let lab = netlab::parse(text, "lab").expect("a valid lab");
    let survey = Survey::of(&lab, Routes::OneOfEachKind);
    let count = survey.places.len();
    let node = |place: usize| survey.places[place].node;
    let is_pod = |place: usize| survey.places[place].role == Role::Pod;
    // Sets as faults make them, and others that no fault makes.
    let shapes: Vec<Box<dyn Fn(usize, usize) -> bool>> = vec![
        Box::new(|_, _| true),
        Box::new(|from, _| from == 1),
        Box::new(|_, to| to == 5),
        Box::new(|from, to| from == 1 || to == 1),
        Box::new(|from, to| node(from) == 0 && node(to) != 0),
        Box::new(|from, to| node(from) != node(to)),
        Box::new(|from, to| is_pod(from) && is_pod(to) && node(from) != node(to)),
        Box::new(|from, to| is_pod(from) && is_pod(to) && node(from) == 2 && node(to) == 2),
        Box::new(|from, to| node(from) == 0 && is_pod(from) && to != 3),
        Box::new(|from, to| (from * 7 + to * 13) % 5 == 0),
        Box::new(|from, to| (from * 31 + to * 17) % 3 != 0),
        Box::new(|from, to| (from ^ to) % 2 == 1 || node(to) == 3),
    ];
    for (number, shape) in shapes.iter().enumerate() {
        let all = (0..count).flat_map(|from| (0..count).map(move |to| (from, to)));
        let set: Vec<(usize, usize)> = all.filter(|&(from, to)| from != to && shape(from, to)).collect();
        let pair =
            |&(from, to): &(usize, usize)| (Pair { from, to, family: Family::V4 }, "timeout".to_owned());
        let lines = fold(&survey, &set.iter().map(pair).collect::<Vec<_>>());
        let mut told: Vec<(usize, usize)> =
            lines.iter().flat_map(|line| unfold(&survey, &line.text)).collect();
        told.sort_unstable();
        let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(told, set, "shape {number}: each pair once, and no other: {texts:#?}");
        assert!(lines.len() <= set.len());
    }
}
