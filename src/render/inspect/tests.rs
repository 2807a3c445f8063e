//! The texts that a healthy lab does not show.

use super::*;

fn mac(last: u8) -> Mac {
    Mac([0x0a, 0x58, 10, 244, 1, last])
}

fn interface(index: u32, name: &str, kind: &str, address: Option<&str>) -> Interface {
    Interface {
        index,
        name: name.into(),
        kind: kind.into(),
        state: LinkState::Up,
        mtu: 1500,
        mac: Some(mac(1)),
        addresses: address.into_iter().map(|net| net.parse().expect("an address")).collect(),
        bridge: None,
        peer: None,
        impair: None,
        tunnel: None,
    }
}

fn node() -> Inspection {
    Inspection {
        lab: "lab".into(),
        name: "node1".into(),
        kind: Kind::Node,
        interfaces: vec![interface(21, "cbr0", "bridge", Some("10.244.1.1/24"))],
        bridges: vec![Bridge {
            name: "cbr0".into(),
            spanning_tree: false,
            ageing_seconds: 300,
            ports: Vec::new(),
        }],
        fdb: Vec::new(),
        routes: Vec::new(),
        nftables: Vec::new(),
        route_table: Vec::new(),
        source_dest_checks: Vec::new(),
        forwarding: Forwarding { ipv4: false, ipv6: Some(false), rp_filter: Vec::new() },
        neighbours: Vec::new(),
    }
}

fn entry(last: u8, bridge: Option<&str>, origin: Origin) -> FdbEntry {
    let interface = bridge.map_or("flannel.1", |_| "veth1").to_owned();
    let bridge = bridge.map(str::to_owned);
    FdbEntry {
        mac: mac(last),
        owner: Some("pod1".into()),
        bridge,
        interface,
        vlan: None,
        to: None,
        to_owner: None,
        origin,
    }
}

#[track_caller]
fn says(inspection: &Inspection, what: &str) {
    let text = inspection_text(inspection);
    assert!(text.contains(what), "no {what:?} in:\n{text}");
}

#[test]
fn what_is_not_there_is_said_in_a_line() {
    insta::assert_snapshot!(inspection_text(&node()), @r"
    node1: a node of lab lab

    INTERFACES
      #   NAME  KIND    STATE  MTU   MAC                PLUGGED INTO
      21  cbr0  bridge  up     1500  0a:58:0a:f4:01:01
          10.244.1.1/24

    PORTS OF cbr0
      none: nothing is plugged into this switch

    FDB OF cbr0: which port leads to which MAC
      nothing learned: nobody is there to send

    ROUTES
      none: a packet for any other place is refused here

    FORWARDING
      net.ipv4.ip_forward = 0: packets for others are dropped

    NEIGHBOURS
      none: nobody has asked by ARP lately
    ");
}

#[test]
fn neighbours_that_do_not_answer_have_words() {
    let neighbour = |state: &str| Neighbour {
        address: "10.244.1.9".parse().expect("an address"),
        owner: None,
        mac: None,
        interface: "cbr0".into(),
        state: state.into(),
    };
    let node = Inspection { neighbours: vec![neighbour("failed"), neighbour("incomplete")], ..node() };
    says(&node, "10.244.1.9  cbr0  nobody answered  failed");
    says(&node, "10.244.1.9  cbr0  asking           incomplete");
}

#[test]
fn a_cable_that_leads_out_of_the_lab_and_one_without_carrier() {
    let peer = Peer { place: None, interface: None, index: 7, mac: None, bridge: None };
    let cable = Interface {
        state: LinkState::NoCarrier,
        peer: Some(peer),
        ..interface(5, "eth1", "veth", Some("10.0.0.1/24"))
    };
    let node = Inspection { interfaces: vec![cable], ..node() };
    says(&node, "no carrier  1500  0a:58:0a:f4:01:01  interface 7 somewhere else");
}

#[test]
fn routes_are_in_the_words_of_ip_route() {
    let hop = |via: &str, owner: Option<&str>| Hop {
        via: Some(via.parse().expect("an address")),
        owner: owner.map(str::to_owned),
        interface: "eth0".into(),
        encap: None,
    };
    let route = |to: &str, kind: &str, hops: Vec<Hop>, metric: u32| Route {
        to: to.parse().expect("a network"),
        kind: kind.into(),
        hops,
        protocol: "static".into(),
        source: None,
        metric,
    };
    let routes = vec![
        route("0.0.0.0/0", "unicast", vec![hop("192.168.66.1", Some("spine eth0"))], 50),
        route("10.0.0.9/32", "blackhole", Vec::new(), 0),
        route("10.8.0.0/16", "unicast", vec![hop("10.0.0.1", None), hop("10.0.0.2", None)], 0),
        route("fd00:2::/64", "unicast", vec![hop("fd00::2", Some("node2 eth0"))], 1024),
        route("fe80::/64", "unicast", Vec::new(), 256),
    ];
    let text = inspection_text(&Inspection { routes, ..node() });
    let shown: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("ROUTES")).skip(1).collect();
    assert_eq!(
        shown[..5],
        [
            "  default             via 192.168.66.1 (spine eth0) dev eth0 metric 50",
            "  blackhole 10.0.0.9",
            "  10.8.0.0/16         via 10.0.0.1 dev eth0 or via 10.0.0.2 dev eth0",
            "  fd00:2::/64         via fd00::2 (node2 eth0) dev eth0",
            "",
        ]
    );
}

#[test]
fn reverse_path_filters_and_ipv6_forwarding_are_told_where_they_matter() {
    let filter = |interface: &str, value| ReversePath { interface: interface.into(), value };
    let rp_filter = vec![filter("eth0", 1), filter("cbr0", 2)];
    let node = Inspection { forwarding: Forwarding { ipv4: true, ipv6: Some(true), rp_filter }, ..node() };
    says(
        &node,
        "net.ipv4.ip_forward = 1: packets for others are passed on\n  net.ipv6.conf.all.forwarding = 1",
    );
    says(
        &node,
        "rp_filter = 1 on eth0:\n    a packet is dropped unless its source is routed by where it came in",
    );
    says(&node, "rp_filter = 2 on cbr0:\n");
}

#[test]
fn a_tunnel_has_a_database_of_its_own() {
    let to = "192.168.66.12".parse().ok();
    let all = FdbEntry { mac: Mac([0; 6]), owner: None, to, ..entry(0, None, Origin::Permanent) };
    let one = FdbEntry { to, ..entry(2, None, Origin::Permanent) };
    let node = Inspection { fdb: vec![all, one], ..node() };
    says(&node, "FDB OF flannel.1: which end of the tunnel leads to which MAC\n");
    says(&node, "  00:00:00:00:00:00  192.168.66.12  permanent  everybody who is not listed\n");
    says(&node, "  0a:58:0a:f4:01:02  192.168.66.12  permanent  pod1\n");
}

#[test]
fn the_addresses_of_many_ports_are_a_number() {
    let mut fdb: Vec<FdbEntry> = (1..=20).map(|last| entry(last, Some("cbr0"), Origin::Permanent)).collect();
    fdb.push(entry(99, Some("cbr0"), Origin::Learned));
    let node = Inspection { fdb, ..node() };
    says(&node, "  20 entries are permanent: the addresses of cbr0 itself and of its ports\n");
    says(&node, "  0a:58:0a:f4:01:63  veth1  learned  pod1\n");
    says(&node, "forgotten after 300 s");
}

#[test]
fn devices_that_nobody_asked_for_are_counted() {
    let mut node = node();
    let idle = |name, kind| Interface { state: LinkState::Down, mac: None, ..interface(2, name, kind, None) };
    node.interfaces.extend([idle("tunl0", "ipip"), idle("sit0", "sit"), idle("gre1", "gre")]);
    let text = inspection_text(&node);
    assert!(
        text.contains("not shown: 2 idle devices of the kernel's tunnel modules, such as tunl0\n"),
        "{text}"
    );
    assert!(!text.contains("sit0") && text.contains("gre1"), "{text}");
    node.interfaces[1].state = LinkState::Up;
    assert!(inspection_text(&node).contains("2   tunl0  ipip    up"), "one that is used is shown");
}
