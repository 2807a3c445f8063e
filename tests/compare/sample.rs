//! A comparison with everything in it that can be: made-up figures, so that what is shown is the same everywhere.

use std::net::IpAddr;

use netlab::compare::{Comparison, End, Entries, Hop, Measured, OnWire, Pair, Row, RowEnd};
use netlab::model::{DataPath, Family};
use netlab::packet::frame::Layer;

fn layers(text: &str) -> Vec<Layer> {
    let layer = |part: &str| {
        let (name, bytes) = part.rsplit_once(' ').expect("a name and a number");
        Layer { name: name.into(), bytes: bytes.parse().expect("a number") }
    };
    text.split(", ").map(layer).collect()
}

fn on_wire(payload_bytes: usize, text: &str) -> OnWire {
    let layers = layers(text);
    OnWire { payload_bytes, wire_bytes: layers.iter().map(|layer| layer.bytes).sum(), layers }
}

fn hop(name: Option<&str>, address: [u8; 4]) -> Hop {
    Hop { name: name.map(str::to_owned), address: Some(IpAddr::from(address)) }
}

fn entries(routes: usize, fdb: usize, neighbours: usize) -> Vec<Entries> {
    let of = |place: &str, is_node, routes, fdb, neighbours| Entries {
        place: place.into(),
        is_node,
        routes,
        fdb,
        neighbours,
    };
    vec![of("fabric", false, 0, 0, 0), of("node1", true, routes, fdb, neighbours), of("node2", true, 1, 0, 0)]
}

fn host_gw() -> Measured {
    Measured {
        path: Ok(vec![
            hop(Some("node1 cbr0"), [10, 244, 1, 1]),
            hop(Some("node2 eth0"), [192, 168, 66, 12]),
            hop(Some("pod3"), [10, 244, 2, 2]),
        ]),
        ttl: Ok(62),
        ping: Ok(on_wire(64, "Ethernet 14, IPv4 20, ICMP 8, data 56")),
        segment: Ok(on_wire(1448, "Ethernet 14, IPv4 20, TCP 32, data 1448")),
        largest: Ok(1472),
        rtt_ms: Ok(0.013_26),
        bits_per_second: Ok(6.81e9),
        entries: Ok(entries(1, 0, 0)),
    }
}

fn cloud() -> Measured {
    let mut all = host_gw();
    let silent = Hop { name: None, address: None };
    all.path = all.path.map(|mut hops| {
        hops.splice(1..1, [silent, hop(None, [192, 0, 2, 1])]);
        hops
    });
    all.ttl = Ok(61);
    all.bits_per_second = Ok(6.2e9);
    if let Ok(entries) = &mut all.entries {
        (entries[0].routes, entries[1].routes) = (2, 1);
    }
    all
}

fn vxlan() -> Measured {
    let tunnel = "Ethernet 14, IPv4 20, UDP 8, VXLAN 8, Ethernet 14, IPv4 20";
    Measured {
        ping: Ok(on_wire(64, &format!("{tunnel}, ICMP 8, data 56"))),
        segment: Ok(on_wire(1398, &format!("{tunnel}, TCP 32, data 1398"))),
        largest: Ok(1422),
        rtt_ms: Ok(0.031),
        bits_per_second: Ok(5.3e9),
        entries: Ok(entries(1, 1, 249)),
        ..host_gw()
    }
}

fn wireguard() -> Measured {
    let tunnel = "Ethernet 14, IPv4 20, UDP 8, WireGuard 32";
    Measured {
        ping: Ok(on_wire(64, &format!("{tunnel}, encrypted 96"))),
        segment: Ok(on_wire(1388, &format!("{tunnel}, encrypted 1440"))),
        largest: Err("pinging: Operation not permitted (os error 1)".into()),
        rtt_ms: Ok(0.935),
        bits_per_second: Ok(12.6e6),
        ..host_gw()
    }
}

fn geneve() -> Measured {
    Measured {
        ttl: Err("timeout".into()),
        path: Err("pod3 (10.244.2.2) was not reached: nothing came back, not even an error".into()),
        entries: Ok(entries(1, 1, 1)),
        ..Measured::nothing("not tried, since no ping is answered")
    }
}

fn end(name: &str, node: &str) -> End {
    End { name: name.into(), node: node.into() }
}

/// These data paths.
fn of(rows: Vec<(DataPath, RowEnd)>) -> Comparison {
    Comparison {
        lab: "two-node".into(),
        file: "labs/two-node.toml".into(),
        pair: Pair { from: end("pod1", "node1"), to: end("pod3", "node2") },
        family: Family::V4,
        seconds: 0.5,
        interrupted: false,
        rows: rows.into_iter().map(|(data_path, end)| Row { data_path, end }).collect(),
    }
}

/// One of each kind.
pub(super) fn everything() -> Comparison {
    let measured = |all| RowEnd::Measured(Box::new(all));
    of(vec![
        (
            DataPath::L2,
            RowEnd::NotAllowed(
                "l2 cannot join pods of `node1` and `node2`: they share no segment (NL018)".into(),
            ),
        ),
        (DataPath::HostGw, measured(host_gw())),
        (DataPath::Cloud, measured(cloud())),
        (DataPath::Vxlan, measured(vxlan())),
        (DataPath::Geneve, measured(geneve())),
        (
            DataPath::Ipip,
            RowEnd::Error("node1: a new\u{1b}[31m link: No buffer space available (ENOBUFS)".into()),
        ),
        (DataPath::Gre, RowEnd::Lacks("this kernel lacks gre (module `ip_gre`; linux-modules)".into())),
        (DataPath::Wireguard, measured(wireguard())),
    ])
}

/// Only what this kernel lacks.
pub(super) fn nothing() -> Comparison {
    of(vec![(DataPath::Ipip, RowEnd::Lacks("this kernel lacks ipip (module `ipip`; linux-modules)".into()))])
}

/// Stopped while the second data path had its turn.
pub(super) fn interrupted() -> Comparison {
    let rows = vec![
        (DataPath::HostGw, RowEnd::Measured(Box::new(host_gw()))),
        (DataPath::Vxlan, RowEnd::Stopped),
        (DataPath::Ipip, RowEnd::Stopped),
    ];
    Comparison { interrupted: true, ..of(rows) }
}
