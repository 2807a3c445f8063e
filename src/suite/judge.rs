//! Whether what came of a test is what the file expects.

use std::net::IpAddr;

use crate::model::{Probe, Test};
use crate::probe::{
    Answer, Attempt, DontFragment, Finding, Outcome, Trace, TraceEnd, TracerouteOptions, millis,
};

/// Knows what the lab calls an address.
pub type Named<'a> = &'a dyn Fn(IpAddr) -> Option<String>;

/// How a test is tried.
pub fn attempt(test: &Test) -> Attempt {
    let port = test.port.unwrap_or_default();
    match (test.probe, test.size) {
        // With a port, a walk is one of TCP.
        (Probe::Walk, _) if test.port.is_some() => Attempt::Tcp { port },
        (Probe::Ping | Probe::Walk, Some(size)) => Attempt::Ping { size, dont_fragment: DontFragment::Set },
        (Probe::Ping | Probe::Walk, None) => Attempt::PING,
        (Probe::Traceroute, _) => Attempt::Traceroute(TracerouteOptions::default()),
        (Probe::Tcp, _) => Attempt::Tcp { port },
        (Probe::Udp, _) => Attempt::Udp { port },
    }
}

/// What is wrong with what came back; nothing where it is as expected.
pub fn judge(test: &Test, finding: &Finding, named: Named<'_>) -> Option<String> {
    let outcome = end(finding);
    let word = outcome.to_string();
    if !test.expect.iter().any(|expected| is_meant(expected, &word)) {
        return Some(format!("{word} instead of {}", test.expect.join(" or ")));
    }
    if let Finding::Path(trace) = finding
        && let Some(wrong) = wrong_path(&test.path, trace, named)
    {
        return Some(wrong);
    }
    let (limit, took) = (test.within_ms?, millis(outcome.rtt()?));
    (took > limit as f64).then(|| format!("{word} after {took:.0} ms instead of within {limit} ms"))
}

/// What is wrong with the address that a server saw; nothing where it is as expected, or no matter.
pub fn judge_seen(test: &Test, seen: Option<IpAddr>, named: Named<'_>) -> Option<String> {
    let expected = test.seen_as.as_ref()?;
    match seen {
        Some(seen) if is_hop(expected, seen, named) => None,
        Some(seen) => Some(format!("seen as {} instead of {expected}", with_name(seen, named))),
        None => Some(format!("a reply that does not tell as whom {} was seen", test.from)),
    }
}

/// `node1 eth0 (192.168.66.11)`
pub fn with_name(address: IpAddr, named: Named<'_>) -> String {
    named(address).map_or_else(|| address.to_string(), |name| format!("{name} ({address})"))
}

/// What ended it: for a traceroute, what its last hop said.
pub fn end(finding: &Finding) -> Outcome {
    match finding {
        Finding::Answer(answer) => answer.outcome.clone(),
        Finding::Path(trace) => end_of(trace),
    }
}

/// A finding of somebody who was to ask itself: an answer from there is a reply like any other.
pub fn by_itself(finding: Finding) -> Finding {
    match finding {
        Finding::Answer(Answer { outcome: Outcome::OwnAddress { address, rtt }, tries }) => {
            Finding::Answer(Answer { outcome: Outcome::Reply { from: address, ttl: None, rtt }, tries })
        }
        other => other,
    }
}

fn end_of(trace: &Trace) -> Outcome {
    let last = || trace.hops.iter().rev().flat_map(|hop| &hop.answers).find(|answer| answer.from().is_some());
    match trace.end {
        TraceEnd::NotSent => trace.full_ttl.clone(),
        TraceEnd::Silent | TraceEnd::Interrupted => Outcome::Timeout,
        TraceEnd::Reached | TraceEnd::Refused | TraceEnd::MaxHops | TraceEnd::Loop => {
            last().cloned().unwrap_or(Outcome::Timeout)
        }
    }
}

/// Whether silence is all that the test expects. It is believed only where prober and target are known to work.
pub fn expects_silence(test: &Test) -> bool {
    test.expect.iter().any(|word| word == "timeout")
}

/// An MTU need not be named: `frag-needed` means any.
fn is_meant(expected: &str, word: &str) -> bool {
    expected == word || word.strip_prefix(expected).is_some_and(|rest| rest.starts_with(' '))
}

fn wrong_path(expected: &[String], trace: &Trace, named: Named<'_>) -> Option<String> {
    if expected.is_empty() {
        return None;
    }
    let hops: Vec<Option<IpAddr>> =
        trace.hops.iter().map(|hop| hop.answers.iter().find_map(Outcome::from)).collect();
    let fits = hops.len() == expected.len()
        && hops
            .iter()
            .zip(expected)
            .all(|(hop, expected)| hop.is_some_and(|hop| is_hop(expected, hop, named)));
    (!fits).then(|| format!("by {} instead of {}", path(&hops, named), expected.join(", ")))
}

/// A hop is meant by its address, by its name such as `node1 cbr0`, or by its place alone.
fn is_hop(expected: &str, hop: IpAddr, named: Named<'_>) -> bool {
    if let Ok(address) = expected.parse::<IpAddr>() {
        return address == hop;
    }
    let name = named(hop).unwrap_or_default();
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    words(&name).starts_with(&words(expected))
}

/// What is wrong with the interfaces that a walk crossed, each with its place; nothing where they are as expected: the places
/// that are named in order, at each of them the interfaces that are named.
pub fn judge_walk(test: &Test, steps: &[(String, String)]) -> Option<String> {
    let expected: Vec<(&str, &str)> = test.path.iter().map(|word| place_and_interface(word)).collect();
    let mut wanted = expected.chunk_by(|one, other| one.0 == other.0);
    let mut walked = steps.chunk_by(|one, other| one.0 == other.0);
    let fits = loop {
        match (wanted.next(), walked.next()) {
            (None, None) => break true,
            (Some(wanted), Some(walked)) if has_in_order(wanted, walked) => {}
            _ => break expected.is_empty(),
        }
    };
    let crossed =
        || steps.iter().map(|(place, interface)| format!("{place} {interface}")).collect::<Vec<_>>();
    (!fits).then(|| format!("by {} instead of {}", crossed().join(", "), test.path.join(", ")))
}

/// `node1 cbr0`, or the place alone.
fn place_and_interface(word: &str) -> (&str, &str) {
    let (place, interface) = word.trim().split_once(char::is_whitespace).unwrap_or((word.trim(), ""));
    (place, interface.trim())
}

/// Whether a place is the one that is wanted, and all interfaces that are wanted of it are among those crossed, in order.
fn has_in_order(wanted: &[(&str, &str)], walked: &[(String, String)]) -> bool {
    let mut crossed = walked.iter().map(|(_, interface)| interface);
    let is_there = |wanted: &str| wanted.is_empty() || crossed.any(|interface| interface == wanted);
    let is_place = walked.first().zip(wanted.first()).is_some_and(|(walked, wanted)| walked.0 == wanted.0);
    is_place && wanted.iter().map(|(_, interface)| *interface).all(is_there)
}

/// Hops by name, in order.
pub fn path(hops: &[Option<IpAddr>], named: Named<'_>) -> String {
    let hop = |hop: &Option<IpAddr>| {
        hop.map_or_else(|| "*".to_owned(), |hop| named(hop).unwrap_or_else(|| hop.to_string()))
    };
    hops.iter().map(hop).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::probe::Hop;

    fn test(probe: Probe, expect: &[&str]) -> Test {
        Test {
            name: "t".into(),
            probe,
            from: "pod1".into(),
            to: "pod4".into(),
            port: None,
            size: None,
            expect: expect.iter().map(|&word| word.to_owned()).collect(),
            path: Vec::new(),
            seen_as: None,
            snapshot: false,
            within_ms: None,
            hint: None,
        }
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    fn reply(last: u8) -> Outcome {
        Outcome::Reply { from: address(last), ttl: Some(62), rtt: Duration::from_millis(30) }
    }

    fn answer(outcome: Outcome) -> Finding {
        Finding::Answer(Answer { outcome, tries: 1 })
    }

    fn named(address: IpAddr) -> Option<String> {
        let name = match address.to_string().as_str() {
            "10.0.0.1" => "node1 cbr0",
            "10.0.0.2" => "node2 eth0",
            "10.0.0.4" => "pod4",
            _ => return None,
        };
        Some(name.to_owned())
    }

    fn trace(hops: &[u8]) -> Finding {
        let expired = |from| Outcome::TtlExceeded { from: address(from), rtt: Duration::ZERO };
        let (last, routers) = hops.split_last().expect("a hop");
        let answers = routers.iter().map(|&hop| expired(hop)).chain([reply(*last)]);
        let hops = answers.zip(1..).map(|(answer, ttl)| Hop { ttl, answers: vec![answer] }).collect();
        Finding::Path(Trace { hops, full_ttl: reply(*last), end: TraceEnd::Reached })
    }

    #[test]
    fn any_of_the_expected_answers_is_right() {
        let too_big = |mtu| Outcome::FragNeeded { mtu, from: address(1), rtt: Duration::ZERO };
        let cases = [
            (vec!["reply"], reply(4), None),
            (vec!["refused", "reply"], reply(4), None),
            (vec!["timeout"], reply(4), Some("reply instead of timeout")),
            (vec!["frag-needed"], too_big(Some(1450)), None),
            (vec!["frag-needed 1450"], too_big(Some(1450)), None),
            (
                vec!["frag-needed 1400"],
                too_big(Some(1450)),
                Some("frag-needed 1450 instead of frag-needed 1400"),
            ),
            (vec!["reply", "refused"], Outcome::Timeout, Some("timeout instead of reply or refused")),
        ];
        for (expect, outcome, wrong) in cases {
            let found = judge(&test(Probe::Ping, &expect), &answer(outcome), &named);
            assert_eq!(found.as_deref(), wrong, "{expect:?}");
        }
    }

    #[test]
    fn ones_own_address_is_a_reply_only_where_it_was_asked_for() {
        let own = || answer(Outcome::OwnAddress { address: address(4), rtt: Duration::ZERO });
        let wrong = judge(&test(Probe::Ping, &["reply"]), &own(), &named);
        assert_eq!(wrong.as_deref(), Some("own-address instead of reply"));
        assert_eq!(judge(&test(Probe::Ping, &["own-address"]), &own(), &named), None);
        assert_eq!(judge(&test(Probe::Ping, &["reply"]), &by_itself(own()), &named), None);
        assert_eq!(by_itself(answer(reply(4))), answer(reply(4)));
    }

    #[test]
    fn an_answer_can_come_too_late() {
        let slow = |within_ms| Test { within_ms: Some(within_ms), ..test(Probe::Ping, &["reply"]) };
        assert_eq!(judge(&slow(30), &answer(reply(4)), &named), None);
        let wrong = judge(&slow(29), &answer(reply(4)), &named);
        assert_eq!(wrong.as_deref(), Some("reply after 30 ms instead of within 29 ms"));
    }

    #[test]
    fn hops_are_meant_by_name_by_place_or_by_address() {
        let by = |path: &[&str]| {
            let path = path.iter().map(|&hop| hop.to_owned()).collect();
            judge(&Test { path, ..test(Probe::Traceroute, &["reply"]) }, &trace(&[1, 2, 4]), &named)
        };
        assert_eq!(by(&["node1 cbr0", "node2 eth0", "pod4"]), None);
        assert_eq!(by(&["node1", "10.0.0.2", "pod4"]), None);
        assert_eq!(by(&[]), None);
        let wrong = by(&["node1 eth0", "node2", "pod4"]);
        let text = "by node1 cbr0, node2 eth0, pod4 instead of node1 eth0, node2, pod4";
        assert_eq!(wrong.as_deref(), Some(text));
        assert!(by(&["node1", "pod4"]).is_some(), "one hop less");
        assert!(by(&["node", "node2", "pod4"]).is_some(), "half a name");
    }

    #[test]
    fn a_walk_passes_the_places_and_interfaces_that_are_named() {
        let steps: Vec<(String, String)> =
            ["pod1 eth0", "node1 veth1", "node1 cbr0", "node1 eth0", "pod4 eth0"]
                .iter()
                .map(|step| place_and_interface(step))
                .map(|(place, interface)| (place.to_owned(), interface.to_owned()))
                .collect();
        let wrong = |path: &[&str]| {
            let path = path.iter().map(|&hop| hop.to_owned()).collect();
            judge_walk(&Test { path, ..test(Probe::Walk, &["reply"]) }, &steps)
        };
        for right in [
            &[][..],
            &["pod1", "node1", "pod4"],
            &["pod1 eth0", "node1 cbr0", "node1 eth0", "pod4"],
            &["pod1", "node1", "node1 eth0", "pod4"],
        ] {
            assert_eq!(wrong(right), None, "{right:?}");
        }
        for other in [
            &["pod1", "node1"][..],
            &["pod1", "pod4"],
            &["pod1", "node1 eth0", "node1 cbr0", "pod4"],
            &["pod1", "node1 flannel.1", "pod4"],
            &["pod1", "node1", "node2", "pod4"],
        ] {
            let said = "by pod1 eth0, node1 veth1, node1 cbr0, node1 eth0, pod4 eth0 instead of ";
            assert_eq!(wrong(other), Some(format!("{said}{}", other.join(", "))));
        }
    }

    #[test]
    fn a_traceroute_ends_with_what_its_last_hop_said() {
        assert_eq!(end(&trace(&[1, 4])).to_string(), "reply");
        let silent = Trace { hops: Vec::new(), full_ttl: Outcome::Timeout, end: TraceEnd::Silent };
        assert_eq!(end(&Finding::Path(silent)).to_string(), "timeout");
        let text = String::new();
        let full_ttl = Outcome::LocalError { errno: "ENETUNREACH".into(), text, mtu: None };
        let unsent = Trace { hops: Vec::new(), full_ttl, end: TraceEnd::NotSent };
        assert_eq!(end(&Finding::Path(unsent)).to_string(), "no-route");
    }
}
