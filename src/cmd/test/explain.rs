//! Says what is known about a failure: what was tried, what came back, and what the kernel says along the way.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::subject::Subject;
use crate::cmd::blame::{Explained, facts_about};
use crate::cmd::status;
use crate::model::{Family, Lab, Probe, Test};
use crate::probe::{Attempt, Finding, Outcome, Request, Trace, TracerouteOptions, UnreachableKind};
use crate::render::survey::{self as told, Found};
use crate::render::{LabNames, Names as _};
use crate::suite::{CaseFailure, Fact, Pair, Place, judge};

/// How the label of pairs that got no reply begins; of a lab with two families it says which.
pub(super) const NO_REPLY: &str = "no reply";
/// So many lines of pairs that failed are shown.
const PAIRS: usize = 20;
/// So many different failures are looked into.
const LOOKED_INTO: usize = 3;

/// A test with what came of it.
pub(super) struct Seen<'a> {
    pub(super) test: &'a Test,
    pub(super) request: &'a Request,
    pub(super) finding: &'a Finding,
    /// As whom a server saw the one who asked.
    pub(super) as_whom: Option<IpAddr>,
}

/// What the lab calls an address.
pub(super) fn named(lab: &Lab) -> impl Fn(IpAddr) -> Option<String> + use<> {
    let names = LabNames::new(lab);
    move |address| names.name(address)
}

/// The pod, node or router that has an address.
pub(super) fn owner(lab: &Lab, address: IpAddr) -> Option<String> {
    let name = LabNames::new(lab).name(address)?;
    name.split(' ').next().map(str::to_owned)
}

fn fact(label: &str, text: impl Into<String>) -> Fact {
    Fact { label: label.to_owned(), text: text.into() }
}

/// The failure of a test, which is `wrong` in this way; none when somebody stopped it.
pub(super) fn test(
    subject: &mut Subject<'_>,
    seen: &Seen<'_>,
    wrong: &str,
) -> anyhow::Result<Option<CaseFailure>> {
    let Seen { test, request, finding, as_whom } = seen;
    let names = LabNames::new(subject.lab);
    let outcome = judge::end(finding);
    let mut facts = vec![fact("tried", tried(subject, seen)), fact("expected", expected(test))];
    let mut got = match &outcome {
        Outcome::LocalError { .. } => format!("{outcome} from {}'s own kernel", test.from),
        outcome => told::outcome(outcome, &names),
    };
    if let Finding::Answer(answer) = finding
        && answer.tries > 1
    {
        got.push_str(&format!(", tried {} times", answer.tries));
    }
    if let Some(address) = as_whom {
        let name = judge::with_name(*address, &|address| names.name(address));
        got.push_str(&format!(", and {} was seen as {name}", test.from));
    }
    facts.push(fact("got", got));
    match finding {
        Finding::Path(trace) => facts.extend(way(trace, &names, "hops")),
        Finding::Answer(_) => match trace(subject, request)? {
            Some(trace) => facts.extend(way(&trace, &names, "hops of small pings")),
            None => return Ok(None),
        },
    }
    match likely(subject, seen, &outcome) {
        Some(likely) => facts.extend(likely),
        None if matches!(outcome, Outcome::Reply { .. }) => {}
        None => facts.extend(facts_about(subject.lab, subject.sandboxes(), &test.from, request.to).facts),
    }
    let message = format!("{} → {}: {wrong}", test.from, test.to);
    let failure = CaseFailure { message, facts, hint: test.hint.clone(), ..CaseFailure::default() };
    Ok(Some(failure))
}

/// What an answer says by itself, so that nobody has to be asked for the cause.
fn likely(subject: &Subject<'_>, seen: &Seen<'_>, outcome: &Outcome) -> Option<Vec<Fact>> {
    let Seen { test, request, .. } = seen;
    match outcome {
        Outcome::FragNeeded { mtu: Some(mtu), .. } | Outcome::LocalError { mtu: Some(mtu), .. } => {
            let headers = if request.to.is_ipv4() { 28 } else { 48 };
            let size = u32::from(test.size?) + headers;
            let text = format!(
                "{size} bytes, {headers} of them headers, are more than the MTU of {mtu} lets through whole; the largest \
                 `size` that does is {}",
                mtu.saturating_sub(headers)
            );
            Some(vec![fact("likely", text)])
        }
        Outcome::Refused { from, .. }
        | Outcome::Unreachable { kind: UnreachableKind::PortUnreachable, from, .. }
            if *from == request.to =>
        {
            let place = owner(subject.lab, request.to)?;
            let protocol = if test.probe == Probe::Udp { "UDP" } else { "TCP" };
            let port = test.port?;
            let text = format!("{place} was reached, and nobody listens on its {protocol} port {port}");
            Some(std::iter::once(fact("likely", text)).chain(containers(subject, &place)).collect())
        }
        _ => None,
    }
}

/// What a pod's containers are doing.
fn containers(subject: &Subject<'_>, pod: &str) -> Vec<Fact> {
    let states = subject.containers();
    let states = states.iter().filter(|state| state.pod == pod);
    states.map(|state| fact(&format!("container {}", state.name), status::phase(state))).collect()
}

/// `ping from pod1 (10.244.1.2) to pod4 (10.244.2.3)`
fn tried(subject: &Subject<'_>, seen: &Seen<'_>) -> String {
    let Seen { test, request, .. } = seen;
    let from = match subject.address(&test.from, request.to) {
        Some(address) => format!("{} ({address})", test.from),
        None => test.from.clone(),
    };
    let to = if test.to.parse::<IpAddr>().is_ok() {
        match owner(subject.lab, request.to) {
            Some(owner) => format!("{} ({owner})", test.to),
            None => test.to.clone(),
        }
    } else {
        format!("{} ({})", test.to, request.to)
    };
    let what = match (test.probe, test.size) {
        (Probe::Ping, Some(size)) => format!("ping with {size} bytes of data, not to be cut,"),
        (Probe::Ping, None) => "ping".to_owned(),
        (Probe::Traceroute, _) => "traceroute".to_owned(),
        (Probe::Tcp, _) => "TCP connection".to_owned(),
        (Probe::Udp, _) => "UDP request".to_owned(),
        (Probe::Walk, Some(size)) => format!("walk of a ping with {size} bytes of data, not to be cut,"),
        (Probe::Walk, None) if test.port.is_some() => "walk of a TCP connection's beginning".to_owned(),
        (Probe::Walk, None) => "walk of a ping".to_owned(),
    };
    let port = test.port.map(|port| format!(", port {port}")).unwrap_or_default();
    format!("{what} from {from} to {to}{port}")
}

fn expected(test: &Test) -> String {
    let mut text = test.expect.join(" or ");
    if !test.path.is_empty() {
        text.push_str(&format!(" by {}", test.path.join(", ")));
    }
    if let Some(name) = &test.seen_as {
        text.push_str(&format!(", seen as {name}"));
    }
    if let Some(within) = test.within_ms {
        text.push_str(&format!(" within {within} ms"));
    }
    text
}

/// The way that packets of a failed probe take.
fn trace(subject: &mut Subject<'_>, request: &Request) -> anyhow::Result<Option<Trace>> {
    let attempt = Attempt::Traceroute(TracerouteOptions::default());
    let found = subject.ask(&[Request { attempt, ..request.clone() }])?;
    Ok(found.and_then(|found| match found.into_iter().next() {
        Some(Finding::Path(trace)) => Some(trace),
        _ => None,
    }))
}

/// The hops that answered, and the last of them.
fn way(trace: &Trace, names: &LabNames, label: &str) -> Vec<Fact> {
    let hops: Vec<Option<IpAddr>> =
        trace.hops.iter().map(|hop| hop.answers.iter().find_map(Outcome::from)).collect();
    let answered = hops.iter().rposition(Option::is_some);
    let Some(last) = answered else { return vec![fact(label, "none answered")] };
    let name = |address: IpAddr| match names.name(address) {
        Some(name) => format!("{name} ({address})"),
        None => address.to_string(),
    };
    let path = judge::path(&hops[..=last], &|address| names.name(address));
    let last_hop = hops[last].map(|address| format!("{}, hop {}", name(address), trace.hops[last].ttl));
    let mut facts = vec![fact(label, path)];
    facts.extend(last_hop.map(|text| fact("last answer", text)));
    facts
}

/// What is known about the pairs of a survey that got no reply, but for those of which `expected` says so too.
pub(super) fn survey(subject: &Subject<'_>, seen: &Found<'_>, expected: &str) -> Vec<Fact> {
    let names = LabNames::new(subject.lab);
    let expected: BTreeSet<&str> = expected.lines().map(str::trim).collect();
    let mut facts = Vec::new();
    let mut broken: Vec<Pair> = Vec::new();
    let families: Vec<Family> = subject.lab.families().collect();
    for family in &families {
        let mut lines = told::lines(seen, *family, &names);
        lines.retain(|line| !expected.contains(line.text.as_str()));
        if lines.is_empty() {
            continue;
        }
        let mut text = lines.iter().take(PAIRS).map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n");
        if lines.len() > PAIRS {
            text.push_str(&format!("\n… and {} lines more", lines.len() - PAIRS));
        }
        let of = if families.len() > 1 { format!(", {}", family.name()) } else { String::new() };
        facts.push(fact(&format!("{NO_REPLY}{of}"), text));
        broken.extend(lines.into_iter().map(|line| line.pair));
    }
    facts.extend(looked_into(subject, seen, broken));
    facts
}

/// What the kernel says about some of the pairs, as long as it is something new: pairs that have to do with a place that has
/// been blamed already are as good as explained. Pairs of pods come first, since they cross the most.
fn looked_into(subject: &Subject<'_>, seen: &Found<'_>, mut broken: Vec<Pair>) -> Vec<Fact> {
    let places = &seen.survey.places;
    let mut causes: BTreeSet<String> = BTreeSet::new();
    let mut blamed: BTreeSet<String> = BTreeSet::new();
    let mut facts = Vec::new();
    let mut looks = 0;
    broken.sort_by_key(|pair| (seen.survey.kind(pair), pair.family, pair.from, pair.to));
    for pair in broken {
        if causes.len() == LOOKED_INTO || looks == 2 * LOOKED_INTO {
            break;
        }
        let (from, to) = (&places[pair.from], &places[pair.to]);
        let node = |place: &Place| subject.lab.nodes.get(place.node).map(|node| &node.name);
        let names = [Some(&from.name), Some(&to.name), node(from), node(to)];
        if names.into_iter().flatten().any(|name| blamed.contains(name)) {
            continue;
        }
        let Some(address) = to.address.get(pair.family).map(|net| net.addr()) else { continue };
        looks += 1;
        let Explained { facts: about, place } =
            facts_about(subject.lab, subject.sandboxes(), &from.name, address);
        blamed.extend(place);
        // What one command mends has one cause.
        let of = |label: &str| about.iter().find(|fact| fact.label == label).map(|fact| fact.text.clone());
        if causes.insert(of("mend").or_else(|| of("likely")).unwrap_or_default()) {
            facts.push(fact("looked into", format!("{} → {} ({address})", from.name, to.name)));
            facts.extend(about);
        }
    }
    facts
}
