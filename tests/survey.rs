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
