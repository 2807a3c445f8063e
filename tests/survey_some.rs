//! What is asked of a lab that is too large to ask every pair, and how its snapshot tells; no network is needed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use netlab::model::{Family, Lab};
use netlab::probe::Outcome;
use netlab::render::LabNames;
use netlab::render::survey::{Found, exceptions, kinds_or_grid, lines};
use netlab::suite::{MOST_PAIRS, OF_EACH_KIND, Pair, Role, Routes, Survey};

fn lab(text: &str) -> Lab {
    netlab::parse(text, "lab").expect("a valid lab")
}

fn large() -> Lab {
    lab("[[node]]\nname = \"n\"\ncount = 50\npods = 100\n")
}

fn healthy(survey: &Survey, is_broken: impl Fn(&Pair) -> bool) -> Vec<Outcome> {
    let from = IpAddr::from([10, 244, 0, 1]);
    let outcome = |pair: &Pair| {
        let (one, other) = (&survey.places[pair.from], &survey.places[pair.to]);
        let routers = |role: Role| u8::from(role == Role::Pod);
        let passed = if one.node == other.node { 0 } else { routers(one.role) + routers(other.role) };
        let reply = Outcome::Reply { from, ttl: Some(64 - passed), rtt: Duration::from_micros(40) };
        if is_broken(pair) { Outcome::Timeout } else { reply }
    };
    survey.pings.iter().map(outcome).collect()
}

#[test]
fn a_thousand_places_are_asked_every_pair_and_one_more_are_not() {
    // 31 nodes and their pods are a few less than 1,000 places, 32 a few more.
    let of = |nodes: usize| lab(&format!("[[node]]\nname = \"n\"\ncount = {nodes}\npods = 31\n"));
    let all = Survey::of(&of(31), Routes::OneOfEachKind);
    assert_eq!((all.pings.len(), &all.whole), (992 * 991, &None));
    assert!(all.pings.len() <= MOST_PAIRS);
    let some = Survey::of(&of(32), Routes::OneOfEachKind);
    assert!(some.whole.is_some() && some.pings.len() < 100_000, "{}", some.pings.len());
}

#[test]
fn every_kind_is_asked_as_far_as_it_goes_and_every_gateway() {
    let survey = Survey::of(&large(), Routes::OneOfEachKind);
    let mut asked: BTreeMap<_, usize> = BTreeMap::new();
    for pair in &survey.pings {
        *asked.entry((pair.family, survey.kind(pair))).or_default() += 1;
    }
    let whole = survey.whole.as_ref().expect("a sample");
    assert_eq!(asked.keys().collect::<Vec<_>>(), whole.keys().collect::<Vec<_>>());
    for (kind, count) in &asked {
        assert_eq!(*count, whole[kind].min(OF_EACH_KIND), "{kind:?}");
    }
    let gateways = whole.iter().filter(|((_, kind), _)| kind.to == Role::Gateway);
    assert_eq!(gateways.map(|(_, count)| count).sum::<usize>(), 5000);
    // What there is of each kind is what there is of all.
    let places = whole.iter().filter(|((_, kind), _)| kind.to != Role::Gateway);
    assert_eq!(places.map(|(_, count)| count).sum::<usize>(), 5050 * 5049);
    let different: BTreeSet<_> = survey.pings.iter().map(|pair| (pair.from, pair.to)).collect();
    assert_eq!(different.len(), survey.pings.len());
    assert_eq!(survey, Survey::of(&large(), Routes::OneOfEachKind), "the same on every run");
    assert!(survey.routes.len() == 3, "{:?}", survey.routes);
}

#[test]
fn a_healthy_lab_is_told_by_kinds() {
    let survey = Survey::of(&large(), Routes::OneOfEachKind);
    let pings = healthy(&survey, |_| false);
    let found = Found { survey: &survey, pings: &pings, routes: &[] };
    let text = kinds_or_grid(&found, Family::V4);
    let first = "  pod to pod on one node          10000 of   495000 pairs: all reply, TTL 64\n";
    assert!(text.starts_with(first), "{text}");
    assert!(
        text.contains("\n  pod to its gateway               5000 of     5000 pairs: all reply, TTL 64\n")
    );
    assert_eq!(text.lines().count(), 8, "{text}");
    assert_eq!(exceptions(&found, Family::V4, &|_| None), "");
}

/// However much is broken, nobody has to read more than fits a few screens.
#[test]
fn a_broken_node_is_told_first_and_in_few_lines() {
    let lab = large();
    let survey = Survey::of(&lab, Routes::OneOfEachKind);
    let names = LabNames::new(&lab);
    let is_of = |place: usize| survey.places[place].node == 6;
    let pings = healthy(&survey, |pair| is_of(pair.from) != is_of(pair.to));
    let found = Found { survey: &survey, pings: &pings, routes: &[] };
    let text = exceptions(&found, Family::V4, &names);
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["no", "reply", "from", "there", "to", "there"]);
    assert_eq!(rows[1][0], "n7", "the node with most of it: {text}");
    let silent: usize = rows[1][1].parse().expect("a number");
    assert!(silent > 100 && rows[2][1].parse::<usize>().expect("a number") < silent, "{text}");
    let all = lines(&found, Family::V4, &names).len();
    let said = 20 + text.lines().filter(|line| line.contains(" → ")).count();
    assert_eq!(said, 40, "{text}");
    assert!(text.contains("  … and 30 nodes more\n"), "{text}");
    assert!(text.ends_with(&format!("  … and {} pairs more\n", all - 20)), "{text}");
    // All of it broken is told as shortly.
    let pings = healthy(&survey, |_| true);
    let found = Found { survey: &survey, pings: &pings, routes: &[] };
    assert!(exceptions(&found, Family::V4, &names).lines().count() < 50);
    assert!(kinds_or_grid(&found, Family::V4).contains("10000 of 24500000 pairs: none replies"));
}

#[test]
fn hosts_outside_and_both_families_are_asked_too() {
    let text = "[cluster]\npod_cidr = [\"10.240.0.0/12\", \"fd00:10:244::/48\"]\n[[node]]\nname = \"n\"\ncount = 20\npods = 60\n\
                [[external]]\nname = \"web\"\n";
    let survey = Survey::of(&lab(text), Routes::OneOfEachKind);
    for family in [Family::V4, Family::V6] {
        let of = |from: Role, to: Role| {
            let is = |pair: &&Pair| {
                let kind = survey.kind(pair);
                pair.family == family && (kind.from, kind.to) == (from, to)
            };
            survey.pings.iter().filter(is).count()
        };
        assert_eq!(of(Role::Pod, Role::Gateway), 1200, "{family:?}");
        assert_eq!(of(Role::Pod, Role::External), of(Role::External, Role::Pod), "{family:?}");
        assert_eq!(of(Role::Pod, Role::Pod), 2 * OF_EACH_KIND, "{family:?}");
    }
}
