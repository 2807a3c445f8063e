//! The overlays: who reaches whom with which TTL and by which hops, and what is on the wire between the nodes, which proves
//! that the data path is what it says.

mod support;

use netlab::model::{DataPath, Family};
use netlab::plan::{Mac, tunnel_name};
use serde_json::Value;
use support::capture::{Capture, Frame, IPV4, IPV6};
use support::{World, in_each_mode, skip};

/// Two nodes, both families, and what is on each.
const DUAL: &str = "dual-stack";

/// Two nodes, behind a router each other.
const RACKS: &str = r#"
[[segment]]
name = "rack1"

[[segment]]
name = "rack2"

[[router]]
name = "spine"
segments = ["rack1", "rack2"]

[[node]]
name = "node1"
segment = "rack1"
pods = ["pod1"]

[[node]]
name = "node2"
segment = "rack2"
pods = ["pod4"]
"#;

/// The same without IPv4.
const ONLY_V6: &str = "[cluster]\npod_cidr = \"fd00:244::/56\"\n";

const OVERLAYS: [DataPath; 5] =
    [DataPath::Vxlan, DataPath::Geneve, DataPath::Ipip, DataPath::Gre, DataPath::Wireguard];

/// Brings a lab up; `false`, said loudly, where this kernel cannot.
fn up(world: &World, test: &str, data_path: DataPath, file: &str) -> bool {
    let ran = world.netlab(&["up", "--data-path", data_path.word(), file]);
    if ran.code == 3 {
        let why = ran.stderr.lines().find(|line| line.contains("this kernel lacks")).unwrap_or(&ran.stderr);
        assert!(why.contains("module `"), "names the module: {why}");
        assert!(ran.stderr.contains("nothing of it is left"), "{}", ran.stderr);
        skip(&format!("{test}: {}", data_path.word()), why.trim_start_matches("netlab: "));
        return false;
    }
    assert_eq!(ran.code, 0, "{}: {ran:?}", data_path.word());
    true
}

/// What is found inside a frame of the underlay.
#[derive(Debug, PartialEq, Eq)]
enum Inside {
    /// A ping of that family, with the Ethernet addresses that it is wrapped with, where it is.
    Ping(Family, Option<(Mac, Mac)>),
    /// UDP to `WireGuard`'s port, in which no pod's address can be read.
    Secret,
    /// Anything else, such as ARP.
    Other,
}

/// The bytes after IP's header, and its protocol.
fn after_ip(packet: &[u8]) -> Option<(u8, &[u8])> {
    match packet.first()? >> 4 {
        4 => Some((packet[9], &packet[usize::from(packet[0] & 0xf) * 4..])),
        6 => Some((packet[6], &packet[40..])),
        _ => None,
    }
}

fn ping(packet: &[u8]) -> Option<Family> {
    match after_ip(packet)? {
        (1, message) => matches!(message[0], 0 | 8).then_some(Family::V4),
        (58, message) => matches!(message[0], 128 | 129).then_some(Family::V6),
        _ => None,
    }
}

/// A whole Ethernet frame inside another packet.
fn frame_inside(bytes: &[u8]) -> Inside {
    let frame = Frame { left: false, bytes: bytes.to_vec() };
    let family = match frame.carries() {
        IPV4 | IPV6 => ping(frame.payload()),
        _ => None,
    };
    family.map_or(Inside::Other, |family| Inside::Ping(family, Some((frame.from(), frame.to()))))
}

/// Takes a frame of the underlay apart as that data path is to have wrapped it; panics where it is wrapped otherwise.
fn unwrapped(frame: &Frame, data_path: DataPath) -> Inside {
    if !matches!(frame.carries(), IPV4 | IPV6) {
        return Inside::Other;
    }
    let (protocol, rest) = after_ip(frame.payload()).expect("IP");
    assert!(ping(frame.payload()).is_none(), "a ping that is not wrapped at all: {frame:?}");
    let port = || u16::from_be_bytes([rest[2], rest[3]]);
    match (data_path, protocol) {
        (DataPath::Vxlan, 17) => {
            assert_eq!(port(), 8472, "flannel's port: {frame:?}");
            // Flags with a valid VNI, and the VNI (RFC 7348, 5).
            assert_eq!(rest[8..16], [8, 0, 0, 0, 0, 0, 1, 0], "{frame:?}");
            frame_inside(&rest[16..])
        }
        (DataPath::Geneve, 17) => {
            assert_eq!(port(), 6081, "{frame:?}");
            // Version 0, no options; Ethernet inside; the VNI (RFC 8926, 3.4).
            assert_eq!(rest[8..16], [0, 0, 0x65, 0x58, 0, 0, 1, 0], "{frame:?}");
            frame_inside(&rest[16..])
        }
        (DataPath::Ipip, 4) => ping(rest).map_or(Inside::Other, |family| Inside::Ping(family, None)),
        (DataPath::Gre, 47) => {
            // No checksum, no key, no sequence number (RFC 2784, 2.1).
            assert_eq!(rest[..2], [0, 0], "{frame:?}");
            ping(&rest[4..]).map_or(Inside::Other, |family| Inside::Ping(family, None))
        }
        (DataPath::Wireguard, 17) => {
            assert_eq!(port(), 51820, "{frame:?}");
            for address in [&[10, 244, 1, 2][..], &[10, 244, 2, 3], &[0xfd, 0, 2, 0x44]] {
                let readable = rest.windows(address.len()).any(|bytes| bytes == address);
                assert!(!readable, "{address:?} can be read in {frame:?}");
            }
            // A data message (type 4), of the handshake 1 and 2.
            if rest[8] == 4 { Inside::Secret } else { Inside::Other }
        }
        // Neighbour discovery, and who listens to which group, which begins with options.
        (_, 0 | 58) => Inside::Other,
        _ => panic!("protocol {protocol} on the wire of {}: {frame:?}", data_path.word()),
    }
}

/// The pings of a pod to one on another node, as they pass that node's cable.
fn wrapped(world: &World, lab: &str, data_path: DataPath, family: &str) -> Vec<(Frame, Inside)> {
    let capture = Capture::start(world, lab, "node2", "eth0");
    let (_, frames) = capture.during(|| world.ok(&["ping", family, "-c2", "pod1", "pod4"]));
    let all = frames.into_iter().map(|frame| {
        let inside = unwrapped(&frame, data_path);
        (frame, inside)
    });
    all.filter(|(_, inside)| *inside != Inside::Other).collect()
}

/// The Ethernet address of a node's end: by the convention of all addresses here.
fn end(number: u8) -> Mac {
    Mac([0x0a, 0x58, 10, 244, number, 0])
}

fn expect_wrapped(world: &World, lab: &str, data_path: DataPath, family: &str, outside: u16) {
    let frames = wrapped(world, lab, data_path, family);
    assert_eq!(frames.len(), 4, "two requests and two replies of {family} by {data_path:?}: {frames:?}");
    for (frame, inside) in &frames {
        assert_eq!(frame.carries(), outside, "{frame:?}");
        let wanted = if family == "-4" { Family::V4 } else { Family::V6 };
        match (data_path, inside) {
            (DataPath::Wireguard, Inside::Secret) => {}
            (DataPath::Vxlan | DataPath::Geneve, Inside::Ping(found, Some((from, to)))) => {
                assert_eq!(*found, wanted);
                if outside == IPV4 {
                    let ends = if frame.left { (end(2), end(1)) } else { (end(1), end(2)) };
                    assert_eq!((*from, *to), ends, "the inner Ethernet header is of the tunnel's ends");
                }
            }
            (DataPath::Ipip | DataPath::Gre, Inside::Ping(found, None)) => assert_eq!(*found, wanted),
            _ => panic!("{data_path:?}: {inside:?} in {frame:?}"),
        }
    }
}

/// What each data path calls its module.
const MODULES: [(DataPath, &str); 5] = [
    (DataPath::Vxlan, "`vxlan`"),
    (DataPath::Geneve, "`geneve`"),
    (DataPath::Ipip, "`ipip`"),
    (DataPath::Gre, "`ip_gre`"),
    (DataPath::Wireguard, "`wireguard`"),
];

#[test]
fn a_kernel_without_the_tunnel_is_told_so_and_nothing_is_left() {
    const NAME: &str = "a_kernel_without_the_tunnel_is_told_so_and_nothing_is_left";
    in_each_mode(NAME, |world| {
        let file = world.lab("two-node.toml");
        for (data_path, module) in MODULES {
            let word = data_path.word();
            let ran = world.netlab(&["up", "--data-path", word, &file]);
            if ran.code == 0 {
                world.ok(&["down", "two-node"]);
                skip(NAME, &format!("{:?}: this kernel has {word}", world.mode));
                continue;
            }
            assert_eq!(ran.code, 3, "{word}: {ran:?}");
            let words = ["this kernel lacks ", module, "linux-modules-extra", "kernel-modules-extra"];
            assert!(words.iter().all(|word| ran.stderr.contains(word)), "{word}: {ran:?}");
            assert!(ran.stderr.ends_with("nothing of it is left\n"), "{word}: {ran:?}");
            assert!(world.ok(&["status"]).contains("no lab"), "{word}");
            world.expect_no_files();
            let tested = world.netlab(&["test", "--data-path", word, &file]);
            assert!(tested.code == 3 && tested.stdout.contains("SKIP  two-node"), "{word}: {tested:?}");
            assert_eq!(world.netlab(&["test", "--no-skip", "--data-path", word, &file]).code, 1, "{word}");
            world.expect_no_files();
        }
    });
}

#[test]
fn every_overlay_carries_both_families_and_wraps_them_as_it_says() {
    let test = "every_overlay_carries_both_families";
    in_each_mode(test, |world| {
        for data_path in OVERLAYS.into_iter().filter(|one| *one != DataPath::Ipip) {
            if !up(world, test, data_path, &world.lab("dual-stack.toml")) {
                continue;
            }
            let far = format!("node2 {}", tunnel_name(data_path).expect("a tunnel"));
            for family in ["-4", "-6"] {
                assert_eq!(world.row(family, "node1"), "-,64,64,64,63,63", "{data_path:?}");
                assert_eq!(world.row(family, "pod1"), "64,-,64,63,62,62", "{data_path:?}");
                assert_eq!(world.hops(&[family, "pod1", "pod4"]), ["node1 cbr0", &far, "pod4"]);
                assert_eq!(world.hops(&[family, "pod1", "pod2"]), ["pod2"]);
                expect_wrapped(world, DUAL, data_path, family, IPV4);
            }
            world.ok(&["down", DUAL]);
        }
    });
}

#[test]
fn every_overlay_crosses_routers_which_it_hides() {
    let test = "every_overlay_crosses_routers";
    in_each_mode(test, |world| {
        for data_path in OVERLAYS {
            if !up(world, test, data_path, &world.file("racks.toml", RACKS)) {
                continue;
            }
            let far = format!("node2 {}", tunnel_name(data_path).expect("a tunnel"));
            assert_eq!(world.hops(&["node1", "node2"]), ["spine eth0", "node2 eth0"]);
            assert_eq!(world.hops(&["pod1", "pod4"]), ["node1 cbr0", &far, "pod4"], "{data_path:?}");
            expect_wrapped(world, "racks", data_path, "-4", IPV4);
            world.ok(&["down", "racks"]);
        }
    });
}

#[test]
fn overlays_over_ipv6_are_wrapped_in_ipv6() {
    let test = "overlays_over_ipv6";
    in_each_mode(test, |world| {
        for data_path in OVERLAYS.into_iter().filter(|one| *one != DataPath::Ipip) {
            if !up(world, test, data_path, &world.file("six.toml", &[ONLY_V6, RACKS].concat())) {
                continue;
            }
            let far = format!("node2 {}", tunnel_name(data_path).expect("a tunnel"));
            assert_eq!(world.hops(&["pod1", "pod4"]), ["node1 cbr0", &far, "pod4"], "{data_path:?}");
            expect_wrapped(world, "six", data_path, "-6", IPV6);
            world.ok(&["down", "six"]);
        }
    });
}

/// The largest ping that is not cut, and the answer to one byte more.
#[test]
fn pods_have_the_mtu_that_the_tunnel_leaves_them() {
    let test = "pods_have_the_mtu_that_the_tunnel_leaves_them";
    in_each_mode(test, |world| {
        for data_path in OVERLAYS {
            if !up(world, test, data_path, &world.file("racks.toml", RACKS)) {
                continue;
            }
            let mtu = 1500 - data_path.overhead(Family::V4);
            let link = world.ok(&["exec", "pod1", "--", "cat", "/sys/class/net/eth0/mtu"]);
            assert_eq!(link.trim(), mtu.to_string(), "{data_path:?}");
            let fits = (mtu - 28).to_string();
            world.ok(&["ping", "-M", "do", "-c1", "-s", &fits, "pod1", "pod4"]);
            let ran =
                world.netlab(&["ping", "-M", "do", "-c1", "-s", &(mtu - 27).to_string(), "pod1", "pod4"]);
            assert_eq!(ran.code, 1, "{data_path:?}: {ran:?}");
            world.ok(&["down", "racks"]);
        }
    });
}

/// What fits exactly is not cut on the wire either: the overhead is the one of the table, and not a byte less.
#[test]
fn the_largest_packet_fills_the_wire() {
    let test = "the_largest_packet_fills_the_wire";
    in_each_mode(test, |world| {
        for data_path in OVERLAYS {
            if !up(world, test, data_path, &world.file("racks.toml", RACKS)) {
                continue;
            }
            let size = (1500 - data_path.overhead(Family::V4) - 28).to_string();
            let capture = Capture::start(world, "racks", "node2", "eth0");
            let (_, frames) =
                capture.during(|| world.ok(&["ping", "-M", "do", "-c1", "-s", &size, "pod1", "pod4"]));
            let longest = frames.iter().map(|frame| frame.bytes.len()).max();
            // WireGuard fills up to 16 bytes, of which the last packet of a wire has no room.
            assert_eq!(longest, Some(1514), "{data_path:?}");
            world.ok(&["down", "racks"]);
        }
    });
}

#[test]
fn direct_uses_the_tunnel_between_segments_only() {
    let test = "direct_uses_the_tunnel_between_segments_only";
    in_each_mode(test, |world| {
        for data_path in OVERLAYS.into_iter().filter(|one| one.can_be_direct()) {
            if !up(world, test, data_path, &world.lab("vxlan-direct.toml")) {
                continue;
            }
            let far = format!("node3 {}", tunnel_name(data_path).expect("a tunnel"));
            assert_eq!(world.hops(&["pod1", "pod2"]), ["node1 cbr0", "node2 eth0", "pod2"]);
            assert_eq!(world.hops(&["pod1", "pod3"]), ["node1 cbr0", &far, "pod3"]);
            let capture = Capture::start(world, "vxlan-direct", "node2", "eth0");
            let (_, frames) = capture.during(|| world.ok(&["ping", "-c2", "pod1", "pod2"]));
            let pings = frames.iter().filter(|frame| frame.is_ping()).count();
            assert_eq!(pings, 4, "not wrapped inside a segment: {frames:?}");
            world.ok(&["down", "vxlan-direct"]);
        }
    });
}

#[test]
fn an_mtu_that_is_too_large_lets_small_packets_pass_and_says_why_large_ones_do_not() {
    in_each_mode("an_mtu_that_is_too_large", |world| {
        world.ok(&["up", &world.lab("mtu.toml")]);
        let mtu =
            |at: &str, of: &str| world.ok(&["exec", at, "--", "cat", &format!("/sys/class/net/{of}/mtu")]);
        assert_eq!(mtu("pod1", "eth0").trim(), "1500");
        assert_eq!(mtu("node1", "cbr0").trim(), "1500");
        assert_eq!(mtu("node1", "flannel.1").trim(), "1450");
        world.ok(&["ping", "-c1", "pod1", "pod4"]);
        world.ok(&["ping", "-M", "dont", "-c1", "-s", "1472", "pod1", "pod4"]);
        let ran = world.netlab(&["ping", "-M", "do", "-c1", "-s", "1472", "pod1", "pod4"]);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.stdout.contains("1450"), "{ran:?}");
        let learnt = world.ok(&["exec", "pod1", "--", "ip", "route", "get", "10.244.2.3"]);
        assert!(learnt.contains("mtu 1450"), "what pod1's kernel keeps of the answer: {learnt}");
    });
}

#[test]
fn a_wireguard_lab_shows_no_private_key() {
    let test = "a_wireguard_lab_shows_no_private_key";
    in_each_mode(test, |world| {
        let file = world.lab("wireguard.toml");
        let shown = ["text", "json"].map(|format| world.ok(&["plan", "--format", format, &file])).concat();
        assert!(!shown.to_lowercase().contains("private_key"), "{shown}");
        if !up(world, test, DataPath::Wireguard, &file) {
            return;
        }
        let record = world.record("wireguard").expect("a record").to_string();
        assert!(!record.contains("private"), "{record}");
        let found = world.ok(&["inspect", "--format", "json", "node1"]);
        let found: Value = serde_json::from_str(&found).expect("JSON");
        let interfaces = found["interfaces"].as_array().expect("interfaces");
        let wg0 = interfaces.iter().find(|one| one["name"] == "wg0").expect("wg0");
        assert_eq!(wg0["tunnel"]["port"], 51820);
        assert_eq!(wg0["tunnel"]["peers"][0]["node"], "node2");
        assert_eq!(wg0["tunnel"]["peers"][0]["endpoint"], "192.168.66.12:51820");
        assert_eq!(wg0["tunnel"]["peers"][0]["allowed"][0], "10.244.2.0/24");
        assert!(!found.to_string().contains("private"));
    });
}

#[test]
fn inspect_tells_what_kind_of_tunnel_a_device_is_and_where_it_leads() {
    let test = "inspect_tells_what_kind_of_tunnel";
    in_each_mode(test, |world| {
        let says = [
            (DataPath::Vxlan, "VXLAN 1, UDP port 8472, from 192.168.66.11, learns nothing"),
            (DataPath::Geneve, "Geneve, UDP port 6081, where to: as the route says"),
            (DataPath::Ipip, "IP in IP, from 192.168.66.11"),
            (DataPath::Gre, "GRE, where to: as the route says"),
            (DataPath::Wireguard, "WireGuard, UDP port 51820"),
        ];
        for (data_path, words) in says {
            if !up(world, test, data_path, &world.lab("two-node.toml")) {
                continue;
            }
            let text = world.ok(&["inspect", "node1"]);
            assert!(text.contains(words), "{words}: {text}");
            let leads = match data_path {
                DataPath::Vxlan => "192.168.66.12 (node2 eth0)",
                DataPath::Geneve | DataPath::Gre => "wrapped for 192.168.66.12 (node2 eth0)",
                DataPath::Ipip => "via 192.168.66.12 (node2 eth0) dev flannel.ipip",
                _ => "192.168.66.12:51820",
            };
            assert!(text.contains(leads), "{leads}: {text}");
            world.ok(&["down", "two-node"]);
        }
    });
}
