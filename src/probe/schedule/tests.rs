//! Questions to simulated networks: a function says what comes back of each probe, and when.

use std::net::IpAddr;

use super::*;
use crate::probe::{TraceEnd, TracerouteOptions, UnreachableKind};

const fn ms(value: u64) -> Duration {
    Duration::from_millis(value)
}

const ROUTER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));

fn v4(number: usize) -> IpAddr {
    [10, 1, (number >> 8) as u8, number as u8].into()
}

fn v6(number: u16) -> IpAddr {
    [0xfd00, 0, 0, 0, 0, 0, 0, number].into()
}

fn ping(from: usize, to: IpAddr) -> Request {
    Request { from, to, attempt: Attempt::PING }
}

fn reply() -> Outcome {
    Outcome::Reply { from: ROUTER, ttl: Some(63), rtt: ms(1) }
}

fn unreachable(kind: UnreachableKind) -> Outcome {
    Outcome::Unreachable { kind, from: ROUTER, rtt: ms(1) }
}

fn local(errno: &str) -> Outcome {
    Outcome::LocalError { errno: errno.to_owned(), text: String::new(), mtu: None }
}

/// What was sent, as (when in ms, request), what was found, and when it was over.
struct Run {
    sent: Vec<(u128, usize)>,
    findings: Vec<Option<Finding>>,
    over: Duration,
}

impl Run {
    fn words(&self) -> Vec<String> {
        self.findings
            .iter()
            .map(|finding| match finding {
                Some(Finding::Answer(answer)) => format!("{} {}", answer.outcome, answer.tries),
                Some(Finding::Path(trace)) => format!("{:?}", trace.end),
                None => "undecided".to_owned(),
            })
            .collect()
    }

    fn times_of(&self, which: usize) -> Vec<u128> {
        self.sent.iter().filter(|(_, sent)| *sent == which).map(|(when, _)| *when).collect()
    }
}

/// `network` gets each probe and the time, and gives back after how long which answer comes; after no time at all, it
/// is the own kernel's.
fn run(
    requests: &[Request],
    options: ScheduleOptions,
    mut network: impl FnMut(Probe, Duration) -> Option<(Duration, Outcome)>,
) -> Run {
    let mut schedule = Schedule::new(requests, options);
    let (mut now, mut sent, mut answers) = (ms(0), Vec::new(), Vec::new());
    loop {
        match schedule.next_action(now) {
            Step::Send(probe) => {
                sent.push((now.as_millis(), probe.which));
                match network(probe, now) {
                    Some((Duration::ZERO, outcome)) => {
                        schedule.on_answer(probe.which, probe.number, outcome, now);
                    }
                    Some((delay, outcome)) => answers.push((now + delay, probe, outcome)),
                    None => {}
                }
            }
            Step::GaveUp { which } => assert!(schedule.is_decided(which)),
            Step::WaitUntil(deadline) => {
                assert!(deadline > now, "waiting for the past");
                now = answers.iter().map(|answer| answer.0).chain([deadline]).min().expect("a deadline");
                for (_, probe, outcome) in answers.extract_if(.., |answer| answer.0 <= now) {
                    schedule.on_answer(probe.which, probe.number, outcome, now);
                }
            }
            Step::Done => return Run { sent, findings: schedule.findings(), over: now },
        }
    }
}

fn ask(requests: &[Request], network: impl FnMut(Probe, Duration) -> Option<(Duration, Outcome)>) -> Run {
    run(requests, ScheduleOptions::default(), network)
}

fn without_tries(run: &Run) -> Vec<String> {
    run.words().iter().map(|word| word.rsplit_once(' ').expect("tries").0.to_owned()).collect()
}

/// The kernel's limit of errors for failed route look-ups, for each source: five at once, then one per second.
struct Limit(HashMap<usize, (u128, Duration)>);

impl Limit {
    fn new() -> Self {
        Self(HashMap::new())
    }

    fn lets_through(&mut self, source: usize, now: Duration) -> bool {
        let (tokens, last) = self.0.entry(source).or_insert((5000, Duration::ZERO));
        *tokens = (*tokens + (now - *last).as_millis()).min(5000);
        *last = now;
        let enough = *tokens >= 1000;
        *tokens -= if enough { 1000 } else { 0 };
        enough
    }
}

#[test]
fn what_somebody_said_is_believed_at_once() {
    let said = [
        reply(),
        Outcome::Refused { from: ROUTER, rtt: ms(1) },
        Outcome::TtlExceeded { from: ROUTER, rtt: ms(1) },
        Outcome::FragNeeded { mtu: Some(1400), from: ROUTER, rtt: ms(1) },
        unreachable(UnreachableKind::HostUnreachable),
        local("ENETUNREACH"),
        local("EPERM"),
    ];
    let requests: Vec<_> = (0..said.len()).map(|number| ping(0, v4(number))).collect();
    let run = ask(&requests, |probe, _| Some((ms(1), said[probe.which].clone())));
    let expected = said.iter().map(|outcome| format!("{outcome} 1")).collect::<Vec<_>>();
    assert_eq!((run.words(), run.over), (expected, ms(1)));
}

#[test]
fn silence_is_confirmed_once_and_ipv6_silence_twice() {
    let run = ask(&[ping(0, v4(1)), ping(0, v6(1))], |_, _| None);
    assert_eq!(run.words(), ["timeout 2", "timeout 3"]);
    assert_eq!(run.times_of(0), [0, 1100]);
    assert_eq!(run.times_of(1), [0, 1100, 2200]);
    assert_eq!(run.over, ms(2200) + PATIENCE);
}

#[test]
fn a_packet_that_got_lost_is_found_by_the_next_and_a_late_answer_counts() {
    let requests = [ping(0, v4(1)), ping(1, v4(1))];
    let run = ask(&requests, |probe, _| match (probe.which, probe.number) {
        (0, 2) => Some((ms(1), reply())),
        (1, 1) => Some((ms(5000), reply())),
        _ => None,
    });
    assert_eq!(run.words(), ["reply 2", "reply 2"]);
    assert_eq!(run.over, ms(5000));
}

#[test]
fn twenty_unreachable_targets_of_one_source_all_get_their_error() {
    let requests: Vec<_> = (0..40).map(|number| ping(number % 2, v4(number))).collect();
    let mut limit = Limit::new();
    let run = ask(&requests, |probe, now| {
        limit
            .lets_through(probe.which % 2, now)
            .then(|| (ms(1), unreachable(UnreachableKind::NetUnreachable)))
    });
    assert!(run.words().iter().all(|word| word.starts_with("net-unreachable")), "{:?}", run.words());
    assert!(run.over < ms(17_000), "{:?}: two sources take no longer than one", run.over);
}

#[test]
fn asking_one_at_a_time_ends() {
    let requests: Vec<_> = (0..60).map(|number| ping(0, v4(number))).collect();
    let mut limit = Limit::new();
    let run = ask(&requests, |_, now| {
        limit.lets_through(0, now).then(|| (ms(1), unreachable(UnreachableKind::NetUnreachable)))
    });
    let told = run.words().iter().filter(|word| word.starts_with("net-unreachable")).count();
    assert!((23..=28).contains(&told), "{told}");
    assert!(run.words().iter().all(|word| !word.ends_with(" 1") || word.starts_with("net")), "asked twice");
    assert!(run.over <= ms(1100) + PACED_FOR + PATIENCE + ms(1100), "{:?}", run.over);
}

#[test]
fn errors_that_come_after_the_second_try_still_lead_to_one_at_a_time() {
    let requests: Vec<_> = (0..12).map(|number| ping(0, v4(number))).collect();
    let mut limit = Limit::new();
    let run = ask(&requests, |_, now| {
        limit.lets_through(0, now).then(|| (ms(1500), unreachable(UnreachableKind::NetUnreachable)))
    });
    assert!(run.words().iter().all(|word| word.starts_with("net-unreachable")), "{:?}", run.words());
}

#[test]
fn closed_udp_ports_that_a_host_is_slow_to_tell_of_are_found() {
    let udp = |port| Request { from: 0, to: v4(1), attempt: Attempt::Udp { port } };
    let requests: Vec<_> = (1..=12).map(udp).collect();
    let mut limit = Limit::new();
    let run = ask(&requests, |_, now| {
        limit.lets_through(0, now).then(|| (ms(1), unreachable(UnreachableKind::PortUnreachable)))
    });
    assert_eq!(without_tries(&run), ["port-unreachable"; 12]);
}

#[test]
fn a_silent_target_among_unreachable_ones_is_a_timeout() {
    let requests: Vec<_> = (0..8).map(|number| ping(0, v4(number))).collect();
    let mut limit = Limit::new();
    let run = ask(&requests, |probe, now| {
        let routed = probe.which == 3;
        let told = !routed && limit.lets_through(0, now);
        told.then(|| (ms(1), unreachable(UnreachableKind::NetUnreachable)))
    });
    assert_eq!(run.words()[3], "timeout 2");
    assert_eq!(run.words().iter().filter(|word| word.starts_with("net-unreachable")).count(), 7);
}

#[test]
fn errors_that_pass_are_waited_for_and_told_if_they_do_not() {
    let requests = [ping(0, v6(1)), ping(1, v6(1)), ping(2, v4(1)), ping(3, v6(1))];
    let beyond_scope = || unreachable(UnreachableKind::Other(1, 2));
    let run = ask(&requests, |probe, now| match probe.which {
        0 if now < ms(2000) => Some((Duration::ZERO, local("EADDRNOTAVAIL"))),
        1 if now < ms(2000) => Some((ms(1), beyond_scope())),
        2 => Some((Duration::ZERO, local("ENOBUFS"))),
        3 => Some((ms(1), beyond_scope())),
        _ => Some((ms(1), reply())),
    });
    assert_eq!(without_tries(&run), ["reply", "reply", "local-error ENOBUFS", "other(1,2)"]);
    assert!(run.over > PASSES_BY && run.over < PASSES_BY + ms(200), "{:?}", run.over);
}

#[test]
fn an_ipv6_host_is_unreachable_only_after_two_searches() {
    let host_unreachable = || unreachable(UnreachableKind::HostUnreachable);
    // All that waited for the neighbour are told at once, three seconds after the first.
    let fails_at = |begin: u64, now: Duration| Some((ms(begin + 3000) - now, host_unreachable()));
    let requests = [ping(0, v6(1)), ping(1, v6(1)), ping(2, v6(1))];
    let run = ask(&requests, |probe, now| match probe.which {
        _ if now < ms(3000) => fails_at(0, now),
        0 => Some((ms(1), reply())),
        1 => fails_at(3000, now),
        _ => None,
    });
    assert_eq!(without_tries(&run), ["reply", "host-unreachable", "host-unreachable"]);
    assert!(run.times_of(0).len() == 4 && run.over <= ms(11_000), "{:?} {:?}", run.sent, run.over);
}

#[test]
fn no_more_than_the_window_is_young_and_unanswered() {
    let requests: Vec<_> = (0..2000).map(|number| ping(number % 7, v4(number))).collect();
    let run = ask(&requests, |_, _| None);
    for (index, (when, _)) in run.sent.iter().enumerate() {
        let young = run.sent[..=index].iter().filter(|(before, _)| before + 50 > *when).count();
        assert!(young <= 256, "{young} at {when} ms");
    }
    let run = ask(&requests, |_, _| Some((ms(1), reply())));
    assert_eq!(run.over, ms(8), "what is answered makes room at once");
}

#[test]
fn sources_take_turns_and_the_order_is_always_the_same() {
    let requests: Vec<_> = (0..100).map(|number| ping(usize::from(number >= 40), v4(number))).collect();
    let orders = [0, 1].map(|_| {
        let run = ask(&requests, |_, _| Some((ms(1), reply())));
        run.sent.iter().map(|(_, which)| *which).collect::<Vec<_>>()
    });
    assert_eq!(orders[0], orders[1]);
    let turns: Vec<bool> = orders[0].chunks(16).map(|burst| burst[0] < 40).collect();
    assert_eq!(turns, [true, false, true, false, true, false, false]);
}

#[test]
fn connections_leave_descriptors_for_others() {
    let tcp = |number| Request { from: 0, to: v4(number), attempt: Attempt::Tcp { port: 80 } };
    let requests: Vec<_> = (0..50).map(tcp).chain([ping(1, v4(1))]).collect();
    let options = ScheduleOptions { sockets: 10, ..ScheduleOptions::default() };
    let (mut open, mut most) = (0_usize, 0);
    let mut last = ms(0);
    let run = run(&requests, options, |_, now| {
        open = if now > last { 1 } else { open + 1 };
        last = now;
        most = most.max(open);
        Some((ms(1), reply()))
    });
    assert_eq!((most, run.over), (11, ms(5)), "ten connections and the ping");
}

#[test]
fn traceroutes_of_a_limited_source_go_one_after_the_other() {
    let trace = |number| Request {
        from: 0,
        to: v4(number),
        attempt: Attempt::Traceroute(TracerouteOptions::default()),
    };
    let requests: Vec<_> = (0..6).map(trace).chain((10..14).map(|number| ping(0, v4(number)))).collect();
    let mut limit = Limit::new();
    let run = ask(&requests, |_, now| {
        limit.lets_through(0, now).then(|| (ms(1), unreachable(UnreachableKind::NetUnreachable)))
    });
    for (which, finding) in run.findings.iter().enumerate().take(6) {
        let Some(Finding::Path(trace)) = finding else { panic!("{finding:?}") };
        assert_eq!(
            (trace.end, trace.full_ttl.to_string()),
            (TraceEnd::Refused, "net-unreachable".to_owned()),
            "{which}"
        );
    }
    assert!(run.words()[6..].iter().all(|word| word.starts_with("net-unreachable")));
}

#[test]
fn a_traceroute_that_meets_an_error_that_passes_begins_anew() {
    let requests =
        [Request { from: 0, to: v6(1), attempt: Attempt::Traceroute(TracerouteOptions::default()) }];
    let run = ask(&requests, |_, now| {
        if now < ms(1500) {
            Some((Duration::ZERO, local("EADDRNOTAVAIL")))
        } else {
            Some((ms(1), Outcome::Reply { from: ROUTER, ttl: Some(64), rtt: ms(1) }))
        }
    });
    assert_eq!(run.words(), ["Reached"]);
}

#[test]
fn what_was_not_decided_has_no_finding() {
    let mut schedule = Schedule::new(&[ping(0, v4(1)), ping(0, v4(2))], ScheduleOptions::default());
    let Step::Send(first) = schedule.next_action(ms(0)) else { panic!("nothing to send") };
    schedule.on_answer(first.which, first.number, reply(), ms(1));
    let answer = Answer { outcome: reply(), tries: 1 };
    assert_eq!(schedule.findings(), [Some(Finding::Answer(answer)), None]);
}
