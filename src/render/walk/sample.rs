//! Stories for the tests of all views: what two nodes with a VXLAN tunnel between them do with an echo request.

use std::net::IpAddr;
use std::time::Duration;

use super::story::{
    ChangeKind, ChangeTold, CountsTold, Heading, IpTold, LayerTold, Lost, Mac, Origin, StepTold, Story, Told,
    Way, WayKind,
};
use crate::probe::Outcome;
use crate::render::Endpoint;

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn name(address: IpAddr) -> Option<String> {
    let name = match address.to_string().as_str() {
        "10.244.1.2" => "pod1",
        "10.244.2.3" => "pod4",
        "192.168.66.11" => "node1 eth0",
        "192.168.66.12" => "node2 eth0",
        _ => return None,
    };
    Some(name.to_owned())
}

fn layer(macs: [&str; 2], ends: [&str; 2], ttl: u8, carries: &str, bytes: usize) -> LayerTold {
    let mac = |(number, owner): (u8, &str)| {
        let address = format!("0a:58:00:00:{:02x}:{number:02x}", owner.len());
        Mac { address, owner: Some(owner.to_owned()) }
    };
    let [from, to] = ends.map(|text| Endpoint::new(address(text), &name));
    LayerTold {
        ethernet: Some([mac((1, macs[0])), mac((2, macs[1]))]),
        ip: Some(IpTold { from, to, ttl, length: bytes - 14, dont_fragment: true }),
        carries: carries.to_owned(),
        bytes,
    }
}

fn step(here: (&str, &str), direction: Heading, role: &str, layers: Vec<LayerTold>) -> StepTold {
    let (place, interface) = here;
    let kind = match place {
        "fabric" => "fabric",
        _ if place.starts_with("pod") => "pod",
        _ => "node",
    };
    let macs = layers[0].ethernet.as_ref().map(|macs| {
        let [from, to] = macs.each_ref().map(|mac| mac.owner.clone().unwrap_or_default());
        format!("{from} → {to}")
    });
    StepTold {
        number: 0,
        place: place.to_owned(),
        kind,
        interface: interface.to_owned(),
        ports: None,
        direction,
        after_ns: 0,
        role: role.to_owned(),
        bytes: layers[0].bytes,
        layers,
        macs,
        changes: Vec::new(),
        asked: Vec::new(),
        questions: Vec::new(),
        copies: Vec::new(),
        frame: None,
        pieces: 1,
    }
}

impl StepTold {
    fn changed(mut self, kind: ChangeKind, text: &str) -> Self {
        self.changes.push(ChangeTold { kind, text: text.to_owned() });
        self
    }

    fn said(mut self, about: &'static str, text: &str) -> Self {
        self.asked.push(Told { about, text: text.to_owned() });
        self
    }
}

const ENDS: [&str; 2] = ["10.244.1.2", "10.244.2.3"];

fn request() -> Vec<StepTold> {
    use Heading::{In, Out, Through};
    let echo = |macs, ttl| layer(macs, ENDS, ttl, "ICMP echo request", 98);
    let wrapped = || {
        let ends = ["192.168.66.11", "192.168.66.12"];
        let outer = layer(["node1 eth0", "node2 eth0"], ends, 64, "VXLAN 1", 148);
        vec![outer, echo(["node1 flannel.1", "node2 flannel.1"], 63)]
    };
    let to_gateway = || vec![echo(["pod1", "node1 cbr0"], 64)];
    let tunnelled = || vec![echo(["node1 flannel.1", "node2 flannel.1"], 63)];
    let to_pod = || vec![echo(["node2 cbr0", "pod4"], 62)];
    let mut steps = vec![
        step(("pod1", "eth0"), Out, "its cable to node1 cbr0", to_gateway())
            .said("route", "10.244.2.3 via 10.244.1.1 (node1 cbr0) dev eth0"),
        step(("node1", "veth1"), In, "pod1's cable, a port of cbr0", to_gateway()),
        step(("node1", "cbr0"), In, "the bridge gives it to node1's IP stack", to_gateway()),
        step(("node1", "flannel.1"), Out, "into the VXLAN tunnel", tunnelled())
            .said("route", "10.244.2.3 via 10.244.2.0 dev flannel.1")
            .said("neighbour", "10.244.2.0 is node2 flannel.1 (permanent)")
            .said("sysctl", "net.ipv4.ip_forward = 1")
            .changed(ChangeKind::Macs, "MACs rewritten: node1 flannel.1 → node2 flannel.1")
            .changed(ChangeKind::Ttl, "TTL 64 → 63"),
        step(("node1", "eth0"), Out, "its cable to fabric underlay", wrapped())
            .said("FDB", "flannel.1 knows node2 flannel.1 behind 192.168.66.12 (node2 eth0)")
            .changed(ChangeKind::Wrapped, "wrapped, +50 bytes: VXLAN 1 192.168.66.11 → 192.168.66.12"),
        step(("fabric", "underlay"), Through, "from node1's cable to node2's", wrapped()),
        step(("node2", "eth0"), In, "its cable to fabric underlay", wrapped()),
        step(("node2", "flannel.1"), In, "out of the VXLAN tunnel", tunnelled())
            .changed(ChangeKind::Unwrapped, "unwrapped, −50 bytes"),
        step(("node2", "cbr0"), Out, "node2's IP stack sends it into the bridge", to_pod())
            .said("route", "10.244.2.3 dev cbr0")
            .changed(ChangeKind::Macs, "MACs rewritten: node2 cbr0 → pod4")
            .changed(ChangeKind::Ttl, "TTL 63 → 62"),
        step(("node2", "veth4"), Out, "pod4's cable, a port of cbr0", to_pod()),
        step(("pod4", "eth0"), In, "its cable to node2 cbr0", to_pod()),
    ];
    steps[0].questions.push("ARP: who has 10.244.1.1? node1 cbr0".to_owned());
    steps[5].ports = Some(["node1".to_owned(), "node2".to_owned()]);
    steps
}

fn story(ways: Vec<Way>) -> Story {
    let mut number = 0;
    let mut ways = ways;
    for step in ways.iter_mut().flat_map(|way| &mut way.steps) {
        number += 1;
        step.number = number;
    }
    let rtt = Duration::from_micros(90);
    Story {
        lab: "two-node".to_owned(),
        data_path: "vxlan",
        from: "pod1".to_owned(),
        to: "pod4".to_owned(),
        target: address(ENDS[1]),
        probe: "icmp".to_owned(),
        what: "an ICMP echo request".to_owned(),
        origin: Origin::Captured,
        outcome: Some(Outcome::Reply { from: address(ENDS[1]), ttl: Some(62), rtt }),
        ways,
        unanswered: Vec::new(),
        counts: CountsTold { routers: 2, translations: 0, encapsulations: 1, questions: 1 },
        verdict: "delivered and answered: 2 routing steps, no translation, 1 encapsulation, 1 ARP exchange"
            .to_owned(),
        prediction: None,
        lost: None,
    }
}

fn way(kind: WayKind, what: &str, steps: Vec<StepTold>) -> Way {
    Way { kind, what: what.to_owned(), steps }
}

/// A packet and the beginning of its answer's way.
pub(in crate::render) fn answered() -> Story {
    let back = || vec![layer(["pod4", "node2 cbr0"], [ENDS[1], ENDS[0]], 64, "ICMP echo reply", 98)];
    let reply = vec![
        step(("pod4", "eth0"), Heading::Out, "its cable to node2 cbr0", back())
            .said("route", "10.244.1.2 via 10.244.2.1 (node2 cbr0) dev eth0"),
        step(("node2", "veth4"), Heading::In, "pod4's cable, a port of cbr0", back()),
    ];
    story(vec![
        way(WayKind::Request, "ICMP echo request", request()),
        way(WayKind::Reply, "ICMP echo reply", reply),
    ])
}

/// A packet that node2 does not forward, and says nothing about it.
pub(in crate::render) fn lost() -> Story {
    let mut steps = request();
    steps.truncate(8);
    let mut story = story(vec![way(WayKind::Request, "ICMP echo request", steps)]);
    story.outcome = Some(Outcome::Timeout);
    story.verdict = "the packet was lost after step 8, node2 flannel.1".to_owned();
    story.lost = Some(Lost {
        after_step: Some(8),
        place: "node2".to_owned(),
        text: "node2 flannel.1 received it, nothing left node2".to_owned(),
        evidence: vec!["IpForwDatagrams: 0 more; <none>".to_owned()],
        cause: Some("node2 does not forward IPv4: net.ipv4.ip_forward = 0".to_owned()),
        show: vec!["netlab exec node2 -- sysctl net.ipv4.ip_forward".to_owned()],
        mend: vec!["netlab exec node2 -- sysctl -w net.ipv4.ip_forward=1".to_owned()],
    });
    story
}

/// A packet that node1 refuses to forward, and says so.
pub(in crate::render) fn refused() -> Story {
    let mut steps = request();
    steps.truncate(3);
    let ends = ["10.244.1.1", "10.244.1.2"];
    let error = || vec![layer(["node1 cbr0", "pod1"], ends, 64, "ICMP network unreachable", 126)];
    let back = vec![
        step(("node1", "cbr0"), Heading::Out, "node1's IP stack sends it into the bridge", error()),
        step(("node1", "veth1"), Heading::Out, "pod1's cable, a port of cbr0", error()),
        step(("pod1", "eth0"), Heading::In, "its cable to node1 cbr0", error()),
    ];
    let mut story = story(vec![
        way(WayKind::Request, "ICMP echo request", steps),
        way(WayKind::Error, "ICMP network unreachable", back),
    ]);
    story.verdict =
        "net-unreachable from 10.244.1.1; the packet was lost after step 3, node1 cbr0".to_owned();
    story.unanswered.push("node1 asked on eth0 by ARP for 192.168.66.99, and nobody answered".to_owned());
    story.lost = Some(Lost {
        after_step: Some(3),
        place: "node1".to_owned(),
        text: "node1 cbr0 received it, nothing left node1".to_owned(),
        evidence: Vec::new(),
        cause: None,
        show: Vec::new(),
        mend: Vec::new(),
    });
    story
}
