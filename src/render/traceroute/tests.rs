//! What a person sees, as snapshots.

use std::time::Duration;

use insta::assert_snapshot;

use super::*;

const fn v4(third: u8, fourth: u8) -> IpAddr {
    IpAddr::V4(std::net::Ipv4Addr::new(10, 244, third, fourth))
}

const RTT: Duration = Duration::from_micros(31);

fn names(address: IpAddr) -> Option<String> {
    let names = [(v4(1, 2), "pod1"), (v4(2, 3), "pod4"), (v4(1, 1), "node1 cbr0"), (v4(9, 2), "node2 eth0")];
    names.iter().find(|(known, _)| *known == address).map(|(_, name)| (*name).to_owned())
}

fn exceeded(from: IpAddr) -> Outcome {
    Outcome::TtlExceeded { from, rtt: RTT }
}

fn reply() -> Outcome {
    Outcome::Reply { from: v4(2, 3), ttl: Some(62), rtt: RTT }
}

fn icmp(code: u8, mtu: Option<u32>) -> Outcome {
    Outcome::from_icmp_error(3, code, mtu, v4(9, 2), RTT)
}

fn trace(answers: Vec<Vec<Outcome>>, full_ttl: Outcome, end: TraceEnd) -> Trace {
    let hops = (1..).zip(answers).map(|(ttl, answers)| Hop { ttl, answers }).collect();
    Trace { hops, full_ttl, end }
}

fn with_text<T>(show: impl FnOnce(TracerouteText<'_>) -> T) -> T {
    let options = TracerouteOptions::default();
    show(TracerouteText { source: Some(v4(1, 2)), target: v4(2, 3), options: &options, names: &names })
}

fn text(trace: &Trace) -> String {
    with_text(|text| format!("{}\n{}", text.header(), text.trace(trace)))
}

fn last(trace: &Trace) -> String {
    text(trace).lines().last().map(ToOwned::to_owned).expect("a line")
}

#[test]
fn reached() {
    let answers = vec![vec![exceeded(v4(1, 1))], vec![exceeded(v4(9, 2))], vec![reply()]];
    assert_snapshot!(text(&trace(answers, reply(), TraceEnd::Reached)), @"
    traceroute to pod4 (10.244.2.3) from pod1 (10.244.1.2), 30 hops max
     1  node1 cbr0 10.244.1.1  0.031 ms
     2  node2 eth0 10.244.9.2  0.031 ms
     3  pod4 10.244.2.3  0.031 ms
    ");
}

#[test]
fn several_queries_name_a_router_once() {
    let silent = Outcome::Timeout;
    let hop =
        Hop { ttl: 9, answers: vec![exceeded(v4(1, 1)), silent, exceeded(v4(1, 1)), exceeded(v4(7, 7))] };
    assert_snapshot!(with_text(|text| text.hop(&hop)), @" 9  node1 cbr0 10.244.1.1  0.031 ms *  0.031 ms 10.244.7.7  0.031 ms");
}

#[test]
fn flags_are_those_of_traceroute() {
    let answers = vec![icmp(0, None), icmp(1, None), icmp(2, None), icmp(13, None), icmp(5, None)];
    let more = vec![icmp(4, Some(1450)), icmp(4, None), icmp(3, None), icmp(7, None)];
    let hop = Hop { ttl: 1, answers: [answers, more].concat() };
    assert_snapshot!(with_text(|text| text.hop(&hop)), @" 1  node2 eth0 10.244.9.2  0.031 ms !N  0.031 ms !H  0.031 ms !P  0.031 ms !X  0.031 ms !S  0.031 ms !F-1450  0.031 ms !F  0.031 ms !port  0.031 ms !<7>");
}

#[test]
fn refused() {
    let answers = vec![vec![exceeded(v4(1, 1))], vec![icmp(0, None)]];
    assert_snapshot!(text(&trace(answers, icmp(0, None), TraceEnd::Refused)), @"
    traceroute to pod4 (10.244.2.3) from pod1 (10.244.1.2), 30 hops max
     1  node1 cbr0 10.244.1.1  0.031 ms
     2  node2 eth0 10.244.9.2  0.031 ms !N
    pod4 (10.244.2.3) was not reached: the last to answer was hop 2, node2 eth0 (10.244.9.2): net-unreachable
    ");
}

#[test]
fn silent() {
    let hops = [vec![vec![exceeded(v4(1, 1))]], vec![vec![Outcome::Timeout]; 3]].concat();
    assert_snapshot!(text(&trace(hops, Outcome::Timeout, TraceEnd::Silent)), @"
    traceroute to pod4 (10.244.2.3) from pod1 (10.244.1.2), 30 hops max
     1  node1 cbr0 10.244.1.1  0.031 ms
     2  *
     3  *
     4  *
    pod4 (10.244.2.3) was not reached: the last to answer was hop 1, node1 cbr0 (10.244.1.1): ttl-exceeded; hops 2 to 4 stayed silent when asked again, so no more were tried
    ");
    let nothing = trace(vec![vec![Outcome::Timeout]; 3], icmp(1, None), TraceEnd::Silent);
    assert_snapshot!(last(&nothing), @"pod4 (10.244.2.3) was not reached: no hop answered; hops 1 to 3 stayed silent when asked again, so no more were tried; a packet with full TTL got host-unreachable from node2 eth0 (10.244.9.2)");
}

#[test]
fn other_ends() {
    let circle = (0..5).map(|hop| vec![exceeded([v4(1, 1), v4(9, 2)][hop % 2])]).collect();
    assert_snapshot!(last(&trace(circle, exceeded(v4(1, 1)), TraceEnd::Loop)), @"pod4 (10.244.2.3) was not reached: a routing loop: node2 eth0 (10.244.9.2) and node1 cbr0 (10.244.1.1) pass the packet on until its TTL is used up");
    let one = vec![vec![exceeded(v4(1, 1))]];
    assert_snapshot!(last(&trace(one.clone(), reply(), TraceEnd::MaxHops)), @"pod4 (10.244.2.3) was not reached: 30 hops were not enough; the last to answer was hop 1, node1 cbr0 (10.244.1.1): ttl-exceeded; it does answer a packet with full TTL");
    assert_snapshot!(last(&trace(one, Outcome::Timeout, TraceEnd::Interrupted)), @"pod4 (10.244.2.3) was not reached: stopped; the last to answer was hop 1, node1 cbr0 (10.244.1.1): ttl-exceeded");
    let (errno, text) = ("ENETUNREACH".to_owned(), "Network is unreachable".to_owned());
    let local = Outcome::LocalError { errno, text, mtu: None };
    assert_snapshot!(last(&trace(Vec::new(), local, TraceEnd::NotSent)), @"pod4 (10.244.2.3) was not reached: pod1 (10.244.1.2) itself could not send: no-route (Network is unreachable)");
}

#[test]
fn json() {
    let trace = trace(
        vec![vec![exceeded(v4(1, 1))], vec![icmp(4, Some(1450))]],
        icmp(4, Some(1450)),
        TraceEnd::Refused,
    );
    assert_snapshot!(with_text(|text| traceroute_json(&text, &trace)).expect("serializes"), @r#"
    {
      "schema": "netlab.traceroute/1",
      "source": {
        "name": "pod1",
        "address": "10.244.1.2"
      },
      "target": {
        "name": "pod4",
        "address": "10.244.2.3"
      },
      "max_hops": 30,
      "end": "refused",
      "full_ttl": {
        "outcome": "frag-needed 1450",
        "from": {
          "name": "node2 eth0",
          "address": "10.244.9.2"
        },
        "mtu": 1450,
        "rtt_ms": 0.031
      },
      "hops": [
        {
          "ttl": 1,
          "answers": [
            {
              "outcome": "ttl-exceeded",
              "from": {
                "name": "node1 cbr0",
                "address": "10.244.1.1"
              },
              "mtu": null,
              "rtt_ms": 0.031
            }
          ]
        },
        {
          "ttl": 2,
          "answers": [
            {
              "outcome": "frag-needed 1450",
              "from": {
                "name": "node2 eth0",
                "address": "10.244.9.2"
              },
              "mtu": 1450,
              "rtt_ms": 0.031
            }
          ]
        }
      ],
      "reason": "pod4 (10.244.2.3) was not reached: the last to answer was hop 2, node2 eth0 (10.244.9.2): frag-needed 1450"
    }
    "#);
}
