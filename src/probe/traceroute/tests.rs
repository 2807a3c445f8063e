//! Traces through simulated networks: a function says what comes back from which TTL, and when.

use std::net::IpAddr;

use super::*;

const fn ms(value: u64) -> Duration {
    Duration::from_millis(value)
}

fn router(number: u8) -> IpAddr {
    [10, 0, 0, number].into()
}

fn reply(ttl: u8) -> Option<Outcome> {
    Some(Outcome::Reply { from: router(100), ttl: Some(ttl), rtt: ms(1) })
}

fn exceeded(number: u8) -> Option<Outcome> {
    Some(Outcome::TtlExceeded { from: router(number), rtt: ms(1) })
}

fn no_route(number: u8) -> Option<Outcome> {
    Some(Outcome::from_icmp_error(3, 0, None, router(number), ms(1)))
}

/// What was sent, as (when in ms, TTL), and what was found.
struct Run {
    sent: Vec<(u128, u8)>,
    trace: Trace,
}

/// `network` gets the TTL, the probe's sequence number and the time, and answers after one millisecond.
fn run(options: &TracerouteOptions, mut network: impl FnMut(u8, u16, Duration) -> Option<Outcome>) -> Run {
    let mut tracer = Tracer::new(options);
    let (mut now, mut sent, mut answers) = (ms(0), Vec::new(), Vec::new());
    loop {
        match tracer.next_action(now) {
            TraceAction::Send { ttl, seq } => {
                sent.push((now.as_millis(), ttl));
                assert_eq!(usize::from(seq), sent.len());
                answers.extend(network(ttl, seq, now).map(|outcome| (now + ms(1), seq, outcome)));
            }
            TraceAction::WaitUntil(deadline) => {
                assert!(deadline > now, "waiting for the past");
                now = answers.iter().map(|answer| answer.0).chain([deadline]).min().expect("a deadline");
                let arrived: Vec<_> = answers.extract_if(.., |answer| answer.0 <= now).collect();
                arrived.into_iter().for_each(|(_, seq, outcome)| tracer.on_answer(seq, outcome));
            }
            TraceAction::Done => return Run { sent, trace: tracer.trace() },
        }
    }
}

fn words(trace: &Trace) -> Vec<String> {
    let words = |hop: &Hop| hop.answers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    trace.hops.iter().map(|hop| format!("{} {}", hop.ttl, words(hop))).collect()
}

#[test]
fn a_reachable_target_is_traced_with_all_hops_in_flight() {
    let run = run(&TracerouteOptions::default(), |ttl, _, _| if ttl < 3 { exceeded(ttl) } else { reply(62) });
    assert_eq!(run.sent, [(0, 64), (1, 1), (1, 2), (1, 3)]);
    assert_eq!(words(&run.trace), ["1 ttl-exceeded", "2 ttl-exceeded", "3 reply"]);
    assert_eq!(run.trace.end, TraceEnd::Reached);
}

#[test]
fn a_neighbour_is_one_hop() {
    let run = run(&TracerouteOptions::default(), |_, _, _| reply(64));
    assert_eq!(run.sent, [(0, 64), (1, 1)]);
    assert_eq!(words(&run.trace), ["1 reply"]);
}

#[test]
fn a_way_back_that_is_longer_or_shorter_does_not_matter() {
    let longer =
        run(&TracerouteOptions::default(), |ttl, _, _| if ttl < 2 { exceeded(ttl) } else { reply(60) });
    assert_eq!(words(&longer.trace), ["1 ttl-exceeded", "2 reply"]);
    let shorter =
        run(&TracerouteOptions::default(), |ttl, _, _| if ttl < 4 { exceeded(ttl) } else { reply(63) });
    assert_eq!(shorter.sent, [(0, 64), (1, 1), (1, 2), (2, 3), (3, 4)]);
    assert_eq!((shorter.trace.hops.len(), shorter.trace.end), (4, TraceEnd::Reached));
}

#[test]
fn after_an_unreachable_hops_are_walked_one_by_one() {
    let run =
        run(&TracerouteOptions::default(), |ttl, _, _| if ttl < 2 { exceeded(ttl) } else { no_route(2) });
    assert_eq!(run.sent, [(0, 64), (1, 1), (2, 2)], "nothing is sent beyond the hop that refuses");
    assert_eq!(words(&run.trace), ["1 ttl-exceeded", "2 net-unreachable"]);
    assert_eq!(run.trace.end, TraceEnd::Refused);
}

#[test]
fn a_black_hole_ends_after_three_hops_whose_silence_was_confirmed() {
    let run = run(&TracerouteOptions::default(), |ttl, _, _| if ttl < 3 { exceeded(ttl) } else { None });
    let walked = [(0, 64), (1000, 1), (1000, 2), (1000, 3), (2000, 4), (2000, 5)];
    assert_eq!(run.sent[..6], walked);
    assert_eq!(run.sent[6..], [(3100, 3), (3100, 4), (3100, 5)], "once more, 1.1 s after the last one");
    assert_eq!(words(&run.trace)[2..], ["3 timeout", "4 timeout", "5 timeout"]);
    assert_eq!(run.trace.end, TraceEnd::Silent);
}

#[test]
fn an_error_that_was_rate_limited_is_found_by_the_second_probe() {
    // The network owes nothing before 2.5 s: its errors are used up.
    let run = run(&TracerouteOptions::default(), |ttl, _, now| match ttl {
        1 => exceeded(1),
        _ if now < ms(2500) => None,
        _ => no_route(2),
    });
    assert_eq!(words(&run.trace), ["1 ttl-exceeded", "2 net-unreachable"]);
    assert_eq!(run.trace.end, TraceEnd::Refused);
}

#[test]
fn a_silent_hop_on_the_way_is_asked_twice_and_shown() {
    let run = run(&TracerouteOptions::default(), |ttl, _, _| match ttl {
        1 => None,
        2 => exceeded(2),
        _ => reply(62),
    });
    assert_eq!(run.sent[4..], [(1101, 1)]);
    assert_eq!(words(&run.trace), ["1 timeout", "2 ttl-exceeded", "3 reply"]);
    assert_eq!(run.trace.end, TraceEnd::Reached);
}

#[test]
fn a_lost_probe_to_the_target_does_not_add_a_hop() {
    let run = run(&TracerouteOptions::default(), |ttl, seq, _| match ttl {
        1 => exceeded(1),
        _ if seq == 3 => None,
        _ => reply(63),
    });
    assert_eq!(words(&run.trace), ["1 ttl-exceeded", "2 reply"]);
}

#[test]
fn a_routing_loop_is_named() {
    let run = run(&TracerouteOptions::default(), |ttl, _, _| exceeded(ttl % 2));
    assert_eq!((run.trace.hops.len(), run.trace.end), (5, TraceEnd::Loop));
}

#[test]
fn limits_are_kept() {
    let options = TracerouteOptions { first_ttl: 2, max_hops: 3, queries: 2, ..TracerouteOptions::default() };
    let run = run(&options, |ttl, _, _| if ttl < 9 { exceeded(ttl) } else { reply(56) });
    assert_eq!(run.sent, [(0, 64), (1, 2), (1, 2), (1, 3), (1, 3)]);
    assert_eq!(words(&run.trace), ["2 ttl-exceeded ttl-exceeded", "3 ttl-exceeded ttl-exceeded"]);
    assert_eq!(run.trace.end, TraceEnd::MaxHops);
}

#[test]
fn a_local_error_ends_it_at_once() {
    let error =
        |_, _, _| Some(Outcome::LocalError { errno: "ENETUNREACH".into(), text: String::new(), mtu: None });
    let run = run(&TracerouteOptions::default(), error);
    assert_eq!((run.sent.len(), run.trace.hops.len(), run.trace.end), (1, 0, TraceEnd::NotSent));
}

#[test]
fn a_late_answer_counts_and_an_interrupted_trace_says_so() {
    let mut tracer = Tracer::new(&TracerouteOptions::default());
    tracer.next_action(ms(0));
    assert_eq!(tracer.next_action(ms(1000)), TraceAction::Send { ttl: 1, seq: 2 });
    tracer.on_answer(1, no_route(2).expect("an outcome"));
    tracer.on_answer(9, Outcome::Timeout);
    let trace = tracer.trace();
    assert_eq!((trace.full_ttl.to_string().as_str(), trace.end), ("net-unreachable", TraceEnd::Interrupted));
}
