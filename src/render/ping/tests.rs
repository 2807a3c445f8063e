//! What a person sees, as snapshots.

use insta::assert_snapshot;

use super::*;

const SOURCE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 244, 1, 2));
const TARGET: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 244, 2, 3));
const ROUTER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 244, 1, 1));

fn names(address: IpAddr) -> Option<String> {
    let names = [(SOURCE, "pod1"), (TARGET, "pod4"), (ROUTER, "node1 cbr0")];
    names.iter().find(|(known, _)| *known == address).map(|(_, name)| (*name).to_owned())
}

fn reply(micros: u64) -> Outcome {
    Outcome::Reply { from: TARGET, ttl: Some(62), rtt: Duration::from_micros(micros) }
}

fn error(code: u8, mtu: Option<u32>) -> Outcome {
    Outcome::from_icmp_error(3, code, mtu, ROUTER, Duration::from_micros(30))
}

fn local(errno: &str, text: &str, mtu: Option<u32>) -> Outcome {
    Outcome::LocalError { errno: errno.into(), text: text.into(), mtu }
}

fn events(outcomes: Vec<Outcome>) -> Vec<PingEvent> {
    let event = |(seq, outcome)| PingEvent { seq, bytes: 64, outcome, arrival: Arrival::InTime };
    (1..).zip(outcomes).map(event).collect()
}

fn summary(events: &[PingEvent]) -> PingSummary {
    let sent = events.iter().map(|event| event.seq).max().unwrap_or(0);
    let mut summary = PingSummary::default();
    summary.sent = sent;
    summary.elapsed = Duration::from_micros(2_002_400);
    events.iter().for_each(|event| summary.record(event));
    summary
}

fn with_text<T>(show: impl FnOnce(PingText<'_>) -> T) -> T {
    let options = PingOptions { timeout: Duration::from_secs(1), ..PingOptions::default() };
    let detail = PingDetail::EveryPacket;
    show(PingText { source: Some(SOURCE), target: TARGET, options: &options, detail, names: &names })
}

fn text(events: &[PingEvent]) -> String {
    with_text(|text| {
        let lines = events.iter().filter_map(|event| text.event(event));
        let lines = std::iter::once(text.header())
            .chain(lines)
            .chain([String::new(), text.summary(&summary(events))]);
        lines.collect::<Vec<_>>().join("\n")
    })
}

#[test]
fn replies() {
    assert_snapshot!(text(&events(vec![reply(61), reply(48), reply(41)])), @"
    PING pod4 (10.244.2.3) from pod1 (10.244.1.2): 56 data bytes
    64 bytes from pod4 (10.244.2.3): icmp_seq=1 ttl=62 time=0.061 ms
    64 bytes from pod4 (10.244.2.3): icmp_seq=2 ttl=62 time=0.048 ms
    64 bytes from pod4 (10.244.2.3): icmp_seq=3 ttl=62 time=0.041 ms

    --- pod4 ping statistics ---
    3 packets transmitted, 3 received, 0% packet loss, time 2002 ms
    rtt min/avg/max/mdev = 0.041/0.050/0.061/0.008 ms
    ");
}

#[test]
fn a_mix_with_loss_duplicates_and_late_answers() {
    let mut events = events(vec![reply(100_400), Outcome::Timeout, error(1, None)]);
    events.push(PingEvent { arrival: Arrival::Duplicate, ..events[0].clone() });
    events.push(PingEvent { seq: 2, bytes: 64, outcome: reply(1_500_000), arrival: Arrival::Late });
    assert_snapshot!(text(&events), @"
    PING pod4 (10.244.2.3) from pod1 (10.244.1.2): 56 data bytes
    64 bytes from pod4 (10.244.2.3): icmp_seq=1 ttl=62 time=100 ms
    no answer to icmp_seq=2 within 1 s
    From node1 cbr0 (10.244.1.1): icmp_seq=3 Destination Host Unreachable
    64 bytes from pod4 (10.244.2.3): icmp_seq=1 ttl=62 time=100 ms (DUP!)
    64 bytes from pod4 (10.244.2.3): icmp_seq=2 ttl=62 time=1500 ms (late)

    --- pod4 ping statistics ---
    3 packets transmitted, 1 received, +1 duplicates, +1 late, +1 errors, 66.6667% packet loss, time 2002 ms
    rtt min/avg/max/mdev = 100.400/100.400/100.400/0.000 ms
    ");
}

#[test]
fn errors_from_a_router() {
    let big =
        Outcome::from_icmp_error(2, 0, Some(1400), "fd00::1".parse().expect("an address"), Duration::ZERO);
    let ttl = Outcome::TtlExceeded { from: ROUTER, rtt: Duration::ZERO };
    let outcomes = vec![error(0, None), error(0, None), error(4, Some(1450)), error(13, None), big, ttl];
    assert_snapshot!(text(&events(outcomes)), @"
    PING pod4 (10.244.2.3) from pod1 (10.244.1.2): 56 data bytes
    From node1 cbr0 (10.244.1.1): icmp_seq=1 Destination Net Unreachable
    From node1 cbr0 (10.244.1.1): icmp_seq=2 Destination Net Unreachable
    From node1 cbr0 (10.244.1.1): icmp_seq=3 Frag needed and DF set (mtu = 1450)
    From node1 cbr0 (10.244.1.1): icmp_seq=4 Communication Administratively Prohibited
    From fd00::1: icmp_seq=5 Packet too big (mtu = 1400)
    From node1 cbr0 (10.244.1.1): icmp_seq=6 Time to live exceeded

    --- pod4 ping statistics ---
    6 packets transmitted, 0 received, +6 errors, 100% packet loss, time 2002 ms
    pod4 (10.244.2.3) was not reached: 2 x net-unreachable from node1 cbr0 (10.244.1.1), 1 x frag-needed 1450 from node1 cbr0 (10.244.1.1), 1 x prohibited from node1 cbr0 (10.244.1.1), 1 x frag-needed 1400 from fd00::1, 1 x ttl-exceeded from node1 cbr0 (10.244.1.1)
    ");
}

#[test]
fn silence_and_local_errors_have_a_last_line_that_says_so() {
    let last = |outcomes| text(&events(outcomes)).lines().last().map(ToOwned::to_owned).expect("a line");
    assert_snapshot!(last(vec![Outcome::Timeout; 3]), @"no answer from pod4 (10.244.2.3) to 3 requests within 1 s each: nothing came back, not even an error");
    assert_snapshot!(last(vec![Outcome::Timeout]), @"no answer from pod4 (10.244.2.3) to 1 request within 1 s: nothing came back, not even an error");
    let mtu = local("EMSGSIZE", "Message too long", Some(1500));
    assert_snapshot!(with_text(|text| text.event(&events(vec![mtu])[0])).expect("a line"), @"From pod1 (10.244.1.2): icmp_seq=1 not sent: Message too long (frag-needed 1500)");
    let no_route = local("ENETUNREACH", "Network is unreachable", None);
    assert_snapshot!(last(vec![no_route]), @"pod4 (10.244.2.3) was not reached: 1 x no-route from pod1 (10.244.1.2) itself (Network is unreachable)");
}

#[test]
fn quiet_shows_no_packets() {
    let event = &events(vec![reply(61)])[0];
    assert_eq!(with_text(|text| PingText { detail: PingDetail::SummaryOnly, ..text }.event(event)), None);
}

#[test]
fn json() {
    let events = events(vec![reply(61), Outcome::Timeout]);
    assert_snapshot!(with_text(|text| ping_json(&text, &events, &summary(&events))).expect("serializes"), @r#"
    {
      "schema": "netlab.ping/1",
      "source": {
        "name": "pod1",
        "address": "10.244.1.2"
      },
      "target": {
        "name": "pod4",
        "address": "10.244.2.3"
      },
      "payload_bytes": 56,
      "probes": [
        {
          "seq": 1,
          "outcome": "reply",
          "from": {
            "name": "pod4",
            "address": "10.244.2.3"
          },
          "ttl": 62,
          "mtu": null,
          "rtt_ms": 0.061,
          "arrival": "in-time",
          "error": null
        },
        {
          "seq": 2,
          "outcome": "timeout",
          "from": null,
          "ttl": null,
          "mtu": null,
          "rtt_ms": null,
          "arrival": "in-time",
          "error": null
        }
      ],
      "summary": {
        "sent": 2,
        "received": 1,
        "errors": 0,
        "late": 0,
        "duplicates": 0,
        "loss_percent": 50.0,
        "time_ms": 2002.4,
        "rtt_ms": {
          "min": 0.061,
          "avg": 0.061,
          "max": 0.061,
          "mdev": 0.0
        }
      }
    }
    "#);
}
