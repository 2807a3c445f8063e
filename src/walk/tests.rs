//! Walks of made-up frames; those of real ones are in `tests/walk.rs`.

use std::net::Ipv4Addr;

use etherparse::PacketBuilder;

use super::*;
use crate::packet::decode::MacAddress;

const NONCE: u64 = 0x0123_4567_89ab_cdef;

/// The lab of two nodes: pod1, pod2 and pod3 on node1, pod4 on node2.
struct TwoNodes;

const CABLES: [[(&str, &str); 2]; 6] = [
    [("pod1", "eth0"), ("node1", "veth1")],
    [("pod2", "eth0"), ("node1", "veth2")],
    [("pod3", "eth0"), ("node1", "veth3")],
    [("pod4", "eth0"), ("node2", "veth4")],
    [("node1", "eth0"), ("fabric", "node1")],
    [("node2", "eth0"), ("fabric", "node2")],
];

impl Wiring for TwoNodes {
    fn peer(&self, place: &str, interface: &str) -> Option<(&str, &str)> {
        CABLES.iter().find_map(|[one, other]| match (place, interface) {
            end if end == *one => Some(*other),
            end if end == *other => Some(*one),
            _ => None,
        })
    }

    fn is_port(&self, place: &str, interface: &str) -> bool {
        interface.starts_with("veth") || place == "fabric"
    }
}

/// The last byte of an Ethernet address says whose it is.
fn mac(last: u8) -> [u8; 6] {
    [0x0a, 0x58, 0, 0, 0, last]
}

const POD1: [u8; 4] = [10, 244, 1, 2];
const POD2: [u8; 4] = [10, 244, 1, 3];
const POD4: [u8; 4] = [10, 244, 2, 3];

fn echo(macs: [u8; 2], from: [u8; 4], to: [u8; 4], ttl: u8) -> Vec<u8> {
    let packet = PacketBuilder::ethernet2(mac(macs[0]), mac(macs[1])).ipv4(from, to, ttl);
    written(packet.icmpv4_echo_request(7, 1), &NONCE.to_be_bytes())
}

fn reply(macs: [u8; 2], from: [u8; 4], to: [u8; 4], ttl: u8) -> Vec<u8> {
    let packet = PacketBuilder::ethernet2(mac(macs[0]), mac(macs[1])).ipv4(from, to, ttl);
    written(packet.icmpv4_echo_reply(7, 1), &NONCE.to_be_bytes())
}

fn written<T>(builder: etherparse::PacketBuilderStep<T>, payload: &[u8]) -> Vec<u8>
where
    etherparse::PacketBuilderStep<T>: Finish,
{
    builder.finish(payload)
}

/// The kinds of steps at which a packet can be written.
trait Finish {
    fn finish(self, payload: &[u8]) -> Vec<u8>;
}

macro_rules! finishes {
    ($($kind:ty),*) => {$(
        impl Finish for etherparse::PacketBuilderStep<$kind> {
            fn finish(self, payload: &[u8]) -> Vec<u8> {
                let mut bytes = Vec::new();
                self.write(&mut bytes, payload).expect("a packet");
                bytes
            }
        }
    )*};
}
finishes!(etherparse::Icmpv4Header, etherparse::UdpHeader, etherparse::TcpHeader);

use Direction::{In, InForOther, Out};

mod asides;

/// One sighting after the other, a microsecond apart.
fn sightings(rows: Vec<(&str, &str, Direction, Vec<u8>)>) -> Vec<Sighting> {
    let row = |(number, (place, interface, direction, bytes)): (usize, (&str, &str, Direction, Vec<u8>))| {
        let time = 1_000_000 + 1000 * u64::try_from(number).expect("few");
        Sighting {
            place: place.to_owned(),
            interface: interface.to_owned(),
            direction,
            time,
            start: Start::Ethernet,
            bytes,
        }
    };
    rows.into_iter().enumerate().map(row).collect()
}

fn ping(to: [u8; 4]) -> Probe {
    Probe { to: Ipv4Addr::from(to).into(), mark: Mark::Echo(NONCE) }
}

/// `pod1 eth0, node1 veth1, …`
fn way(steps: &[Step]) -> String {
    let names: Vec<String> = steps.iter().map(|step| format!("{} {}", step.place, step.interface)).collect();
    names.join(", ")
}

fn across() -> Vec<(&'static str, &'static str, Direction, Vec<u8>)> {
    let pod_to_gateway = || echo([1, 10], POD1, POD4, 64);
    let node_to_node = || echo([11, 12], POD1, POD4, 63);
    let gateway_to_pod = || echo([20, 4], POD1, POD4, 62);
    vec![
        ("pod1", "eth0", Out, pod_to_gateway()),
        ("node1", "veth1", InForOther, pod_to_gateway()),
        ("node1", "cbr0", In, pod_to_gateway()),
        ("node1", "eth0", Out, node_to_node()),
        ("fabric", "node1", InForOther, node_to_node()),
        ("fabric", "node2", Out, node_to_node()),
        ("node2", "eth0", In, node_to_node()),
        ("node2", "cbr0", Out, gateway_to_pod()),
        ("node2", "veth4", Out, gateway_to_pod()),
        ("pod4", "eth0", In, gateway_to_pod()),
    ]
}

#[test]
fn a_packet_is_followed_from_interface_to_interface() {
    let walk = fold(ping(POD4), &sightings(across()), &TwoNodes);
    let expected = "pod1 eth0, node1 veth1, node1 cbr0, node1 eth0, fabric node1, fabric node2, node2 eth0, \
                    node2 cbr0, node2 veth4, pod4 eth0";
    assert_eq!(way(&walk.request), expected);
    assert_eq!(walk.request[9].after, 9000);
    let changed: Vec<usize> = (0..10).filter(|step| !walk.request[*step].changes.is_empty()).collect();
    assert_eq!(changed, [3, 7], "each node rewrites it");
    let macs = |from, to| (MacAddress(mac(from)), MacAddress(mac(to)));
    assert_eq!(
        walk.request[3].changes,
        [Change::Macs { before: macs(1, 10), now: macs(11, 12) }, Change::Ttl { before: 64, now: 63 }]
    );
    assert_eq!(walk.counts(), Counts { routers: 2, ..Counts::default() });
    assert!(walk.reply.is_empty() && walk.errors.is_empty());
}

#[test]
fn the_answer_has_its_own_way_and_the_rest_none() {
    let there = || echo([1, 2], POD1, POD2, 64);
    let back = || reply([2, 1], POD2, POD1, 64);
    let mut other = there();
    let end = other.len();
    other[end - 1] ^= 1;
    let walk = fold(
        ping(POD2),
        &sightings(vec![
            ("pod1", "eth0", Out, other),
            ("pod1", "eth0", Out, there()),
            ("node1", "veth1", InForOther, there()),
            ("node1", "veth2", Out, there()),
            ("pod2", "eth0", In, there()),
            ("pod2", "eth0", Out, back()),
            ("node1", "veth2", InForOther, back()),
            ("node1", "veth1", Out, back()),
            ("pod1", "eth0", In, back()),
        ]),
        &TwoNodes,
    );
    assert_eq!(way(&walk.request), "pod1 eth0, node1 veth1, node1 veth2, pod2 eth0");
    assert_eq!(way(&walk.reply), "pod2 eth0, node1 veth2, node1 veth1, pod1 eth0");
    assert_eq!(walk.request[0].after, 0, "the other's echo request is not the first step");
    assert_eq!(walk.counts(), Counts::default());
}

#[test]
fn one_moment_for_several_frames_is_no_puzzle() {
    let mut frames = sightings(across());
    for frame in &mut frames {
        frame.time = 7;
    }
    // As they come in: place after place, in whatever order.
    frames.sort_by(|one, other| one.place.cmp(&other.place));
    let walk = fold(ping(POD4), &frames, &TwoNodes);
    assert_eq!(walk.request.last().map(|step| step.place.as_str()), Some("pod4"));
    assert!(way(&walk.request).ends_with("node2 cbr0, node2 veth4, pod4 eth0"), "{}", way(&walk.request));
}

#[test]
fn copies_of_a_switch_that_does_not_know_are_no_steps() {
    let there = || echo([1, 2], POD1, POD2, 64);
    let walk = fold(
        ping(POD2),
        &sightings(vec![
            ("pod1", "eth0", Out, there()),
            ("node1", "veth1", InForOther, there()),
            ("node1", "veth3", Out, there()),
            ("node1", "veth2", Out, there()),
            ("pod2", "eth0", In, there()),
            ("pod3", "eth0", InForOther, there()),
        ]),
        &TwoNodes,
    );
    assert_eq!(way(&walk.request), "pod1 eth0, node1 veth1, node1 veth2, pod2 eth0");
    let copies: Vec<_> = walk.request.iter().flat_map(|step| &step.copies).collect();
    assert_eq!(copies, [&("pod3".to_owned(), "eth0".to_owned())]);
}

#[test]
fn a_packet_that_comes_again_has_one_way() {
    let doubled = across().into_iter().flat_map(|frame| [frame.clone(), frame]).collect();
    let walk = fold(ping(POD4), &sightings(doubled), &TwoNodes);
    let once = fold(ping(POD4), &sightings(across()), &TwoNodes);
    assert_eq!((way(&walk.request), way(&walk.reply)), (way(&once.request), way(&once.reply)));
    assert_eq!(walk.asides.len(), walk.request.len() + walk.reply.len());
}

#[test]
fn what_is_lost_ends_where_it_was_seen_last() {
    let mut frames = across();
    frames.truncate(3);
    let walk = fold(ping(POD4), &sightings(frames), &TwoNodes);
    assert_eq!(way(&walk.request), "pod1 eth0, node1 veth1, node1 cbr0");
    assert!(fold(ping(POD4), &[], &TwoNodes).request.is_empty());
}

#[test]
fn a_question_is_told_where_the_packet_waited_for_it() {
    let arp = |operation: u8, to: [u8; 6], sender: ([u8; 6], [u8; 4]), target: ([u8; 6], [u8; 4])| {
        let head = [&to[..], &sender.0, &[8, 6, 0, 1, 8, 0, 6, 4, 0, operation]].concat();
        [&head[..], &sender.0, &sender.1, &target.0, &target.1].concat()
    };
    let question = || arp(1, [0xff; 6], (mac(1), POD1), ([0; 6], POD2));
    let answer = || arp(2, mac(1), (mac(2), POD2), (mac(1), POD1));
    // pod2 makes sure that pod1 is there: nothing waits for that.
    let again = || arp(1, mac(1), (mac(2), POD2), ([0; 6], POD1));
    let there = || echo([1, 2], POD1, POD2, 64);
    let walk = fold(
        ping(POD2),
        &sightings(vec![
            ("pod1", "eth0", Out, question()),
            ("node1", "veth1", In, question()),
            ("pod2", "eth0", In, question()),
            ("pod2", "eth0", Out, answer()),
            ("pod1", "eth0", In, answer()),
            ("pod2", "eth0", Out, again()),
            ("pod1", "eth0", Out, there()),
            ("node1", "veth1", InForOther, there()),
            ("node1", "eth0", Out, arp(1, [0xff; 6], (mac(11), POD1), ([0; 6], POD4))),
        ]),
        &TwoNodes,
    );
    let asked = Asked {
        protocol: Protocol::Arp,
        interface: "eth0".into(),
        whom: Ipv4Addr::from(POD2).into(),
        answer: Some(MacAddress(mac(2))),
    };
    assert_eq!(walk.request[0].asked, std::slice::from_ref(&asked));
    assert_eq!(walk.counts().questions, 1);
    let nobody = Asked { whom: Ipv4Addr::from(POD4).into(), answer: None, ..asked };
    assert_eq!(walk.unanswered, [("node1".to_owned(), nobody)]);
    // The frames of both, wherever they were seen; what pod2 wants to know for itself is not among them.
    let expected = [
        "0 pod1 asks for 10.244.1.3",
        "1 pod1 asks for 10.244.1.3",
        "2 pod1 asks for 10.244.1.3",
        "3 pod1 hears of 10.244.1.3",
        "4 pod1 hears of 10.244.1.3",
        "8 node1 asks for 10.244.2.3",
    ];
    assert_eq!(asides::asides(&walk), expected);
}

#[test]
fn a_translated_datagram_and_the_error_about_it_are_known() {
    let datagram = |from: [u8; 4], port: u16, ttl: u8| {
        let packet = PacketBuilder::ethernet2(mac(1), mac(2)).ipv4(from, POD4, ttl).udp(port, 53);
        written(packet, &NONCE.to_be_bytes())
    };
    let refused = |to: [u8; 4], quoted: Vec<u8>| {
        let mut bytes = Vec::new();
        let packet = PacketBuilder::ethernet2(mac(2), mac(1)).ipv4(POD4, to, 64);
        let message = packet.icmpv4_raw(3, 3, [0; 4]);
        message.write(&mut bytes, &quoted[14..]).expect("a packet");
        bytes
    };
    let outside = [192, 168, 66, 11];
    let probe = Probe { to: Ipv4Addr::from(POD4).into(), mark: Mark::Udp(53, NONCE) };
    let walk = fold(
        probe,
        &sightings(vec![
            ("pod1", "eth0", Out, datagram(POD1, 5000, 64)),
            ("node1", "veth1", InForOther, datagram(POD1, 5000, 64)),
            ("node1", "eth0", Out, datagram(outside, 6000, 63)),
            ("fabric", "node1", InForOther, refused(outside, datagram(outside, 6000, 63))),
            ("pod1", "eth0", In, refused(POD1, datagram(POD1, 5000, 63))),
        ]),
        &TwoNodes,
    );
    let source = Change::Source {
        before: (Ipv4Addr::from(POD1).into(), Some(5000)),
        now: (Ipv4Addr::from(outside).into(), Some(6000)),
    };
    assert!(walk.request[2].changes.contains(&source), "{:?}", walk.request[2].changes);
    assert_eq!(walk.counts().translations, 1);
    let [error] = walk.errors.as_slice() else { panic!("{:#?}", walk.errors) };
    assert_eq!(way(error), "fabric node1, pod1 eth0");
}

#[test]
fn a_connection_is_its_beginning_and_the_answer_to_that() {
    let segment = |from: [u8; 4], to: [u8; 4], ports: [u16; 2], sequence: u32| {
        PacketBuilder::ethernet2(mac(1), mac(2)).ipv4(from, to, 64).tcp(ports[0], ports[1], sequence, 1000)
    };
    let probe = Probe { to: Ipv4Addr::from(POD2).into(), mark: Mark::Tcp { to: 80, from: 5000 } };
    let walk = fold(
        probe,
        &sightings(vec![
            ("pod1", "eth0", Out, written(segment(POD1, POD2, [5000, 81], 9).syn(), &[])),
            ("pod1", "eth0", Out, written(segment(POD1, POD2, [5000, 80], 7).syn(), &[])),
            ("pod2", "eth0", In, written(segment(POD1, POD2, [5000, 80], 7).syn(), &[])),
            ("pod2", "eth0", Out, written(segment(POD2, POD1, [80, 5000], 99).syn().ack(8), &[])),
            ("pod1", "eth0", In, written(segment(POD2, POD1, [80, 5000], 99).syn().ack(8), &[])),
            ("pod1", "eth0", Out, written(segment(POD1, POD2, [5000, 80], 8).ack(100), &[])),
        ]),
        &TwoNodes,
    );
    assert_eq!(way(&walk.request), "pod1 eth0, pod2 eth0");
    assert_eq!(way(&walk.reply), "pod2 eth0, pod1 eth0");
}

#[test]
fn what_is_wrapped_is_followed_on_the_inside() {
    let wrapped = |ttl: u8, outer_ttl: u8| {
        let inner = echo([31, 32], POD1, POD4, ttl);
        let packet = PacketBuilder::ethernet2(mac(11), mac(12));
        let packet = packet.ipv4([192, 168, 66, 11], [192, 168, 66, 12], outer_ttl).udp(5555, 8472);
        written(packet, &[&[8, 0, 0, 0, 0, 0, 1, 0][..], &inner].concat())
    };
    let walk = fold(
        ping(POD4),
        &sightings(vec![
            ("node1", "cbr0", In, echo([1, 10], POD1, POD4, 64)),
            ("node1", "flannel.1", Out, echo([31, 32], POD1, POD4, 63)),
            ("node1", "eth0", Out, wrapped(63, 64)),
            ("fabric", "node1", InForOther, wrapped(63, 64)),
            ("fabric", "node2", Out, wrapped(63, 63)),
            ("node2", "eth0", In, wrapped(63, 63)),
            ("node2", "flannel.1", In, echo([31, 32], POD1, POD4, 63)),
        ]),
        &TwoNodes,
    );
    let changes: Vec<&Change> = walk.request.iter().flat_map(|step| &step.changes).collect();
    let macs = |from, to| (MacAddress(mac(from)), MacAddress(mac(to)));
    assert_eq!(
        changes,
        [
            &Change::Macs { before: macs(1, 10), now: macs(31, 32) },
            &Change::Ttl { before: 64, now: 63 },
            &Change::Wrapped { bytes: 50 },
            &Change::Ttl { before: 64, now: 63 },
            &Change::Unwrapped { bytes: 50 },
        ]
    );
}
