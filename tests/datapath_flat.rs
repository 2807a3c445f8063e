//! The data paths without tunnels, `l2`, `host-gw` and `cloud`: who reaches whom with which TTL and by which hops, and
//! whose Ethernet addresses are on the wire between the nodes.

mod support;

use ipnet::IpNet;
use netlab::plan::Mac;
use serde_json::Value;
use support::capture::{ARP, Capture, Frame};
use support::{World, in_each_mode, skip};

const LAB: &str = "dual-stack";

fn up(world: &World, data_path: &str) {
    world.ok(&["up", "--data-path", data_path, &world.lab("dual-stack.toml")]);
}

/// The Ethernet address that goes with an IPv4 address.
fn mac(address: &str) -> Mac {
    let net: IpNet = format!("{address}/32").parse().expect("an address");
    Mac::of_ip(&[net].into_iter().collect())
}

/// Pings from pod to pod on another node, as seen on that node's cable.
fn pinged(world: &World, family: &str) -> Vec<Frame> {
    let capture = Capture::start(world, LAB, "node2", "eth0");
    let (_, frames) = capture.during(|| world.ok(&["ping", family, "-c2", "pod1", "pod4"]));
    frames
}

/// The Ethernet addresses of all pings, each pair once, requests and replies.
fn addresses(frames: &[Frame]) -> Vec<(Mac, Mac)> {
    let mut pairs: Vec<(Mac, Mac)> = Vec::new();
    for frame in frames.iter().filter(|frame| frame.is_ping()) {
        let pair = (frame.from(), frame.to());
        if !pairs.contains(&pair) {
            pairs.push(pair);
        }
    }
    pairs
}

/// That a request passes from one address to the other, and the reply back; and that all of the packets are themselves,
/// wrapped in nothing.
fn expect_pings_between(world: &World, one: Mac, other: Mac) {
    for family in ["-4", "-6"] {
        let frames = pinged(world, family);
        assert_eq!(addresses(&frames), [(one, other), (other, one)], "{:?} {family}", world.mode);
        assert_eq!(frames.iter().filter(|frame| frame.is_ping()).count(), 4, "{frames:?}");
    }
}

#[test]
fn l2_is_one_wire() {
    in_each_mode("l2_is_one_wire", |world| {
        up(world, "l2");
        for family in ["-4", "-6"] {
            for from in ["node1", "pod1", "pod2", "node2", "pod3", "pod4"] {
                let row = world.row(family, from);
                let answers: Vec<&str> = row.split(',').filter(|answer| *answer != "-").collect();
                assert_eq!(answers, ["64"; 5], "{from} {family}");
            }
            assert_eq!(world.hops(&[family, "pod1", "pod4"]), ["pod4"]);
            assert_eq!(world.hops(&[family, "pod3", "pod2"]), ["pod2"]);
            assert_eq!(world.hops(&[family, "node1", "pod4"]), ["pod4"]);
        }
        // From pod to pod, whatever lies between.
        expect_pings_between(world, mac("10.244.1.2"), mac("10.244.2.3"));
        // The other way to each other's node is the one that a redirect would tell of.
        assert_eq!(world.hops(&["pod1", "node2"]), ["node1 cbr0", "node2 cbr0"]);
        assert_eq!(world.hops(&["-6", "pod1", "node2"]), ["node1 cbr0", "node2 cbr0"]);
        world.ok(&["ping", "-6", "-c3", "-i", "0.01", "pod1", "node2"]);
        assert_eq!(world.hops(&["-6", "pod1", "node2"]), ["node1 cbr0", "node2 cbr0"]);
    });
}

#[test]
fn l2_pods_ask_for_each_other_across_the_underlay() {
    in_each_mode("l2_pods_ask_for_each_other", |world| {
        up(world, "l2");
        world.ok(&["exec", "pod1", "--", "ip", "neigh", "flush", "all"]);
        let frames = pinged(world, "-4");
        let asks = |frame: &&Frame| frame.carries() == ARP && frame.from() == mac("10.244.1.2");
        let question = frames.iter().find(asks).unwrap_or_else(|| panic!("no ARP of pod1's: {frames:?}"));
        assert_eq!(question.to(), Mac([0xff; 6]));
        // Who has 10.244.2.3?
        assert_eq!(question.payload()[24..28], [10, 244, 2, 3]);
    });
}

#[test]
fn host_gw_has_the_nodes_addresses_on_the_wire_and_wraps_nothing() {
    in_each_mode("host_gw_has_the_nodes_addresses", |world| {
        up(world, "host-gw");
        expect_pings_between(world, mac("192.168.66.11"), mac("192.168.66.12"));
        assert_eq!(world.row("-4", "pod1"), "64,-,64,63,62,62");
        assert_eq!(world.row("-6", "pod1"), "64,-,64,63,62,62");
    });
}

#[test]
fn cloud_goes_by_the_fabric() {
    in_each_mode("cloud_goes_by_the_fabric", |world| {
        up(world, "cloud");
        // The address of the fabric's first switch.
        expect_pings_between(world, Mac([0x06, 0x58, 0, 0, 0, 100]), mac("192.168.66.12"));
        for family in ["-4", "-6"] {
            assert_eq!(world.row(family, "node1"), "-,64,64,64,63,63");
            assert_eq!(world.row(family, "pod1"), "64,-,64,62,61,61");
            assert_eq!(world.hops(&[family, "pod1", "pod4"]), ["node1 cbr0", "fabric", "node2 eth0", "pod4"]);
            assert_eq!(world.hops(&[family, "pod1", "pod2"]), ["pod2"]);
        }
        let routes = world.ok(&["exec", "node1", "--", "ip", "route"]);
        assert!(routes.starts_with("default via 192.168.66.1 dev eth0"), "{routes}");
        assert!(!routes.contains("10.244.2.0"), "a node knows nothing of other nodes' pods: {routes}");
    });
}

#[test]
fn cloud_joins_segments_without_routers() {
    in_each_mode("cloud_joins_segments", |world| {
        let file = world.file(
            "zones.toml",
            "[cluster]\ndata_path = \"cloud\"\n[[segment]]\nname = \"zone-a\"\n[[segment]]\nname = \"zone-b\"\n\
             [[node]]\nname = \"node1\"\nsegment = \"zone-a\"\npods = [\"pod1\"]\n\
             [[node]]\nname = \"node2\"\nsegment = \"zone-b\"\npods = [\"pod2\"]\n",
        );
        world.ok(&["up", &file]);
        assert_eq!(world.hops(&["pod1", "pod2"]), ["node1 cbr0", "fabric", "node2 eth0", "pod2"]);
        assert_eq!(world.hops(&["node2", "node1"]), ["fabric", "node1 eth0"]);
        assert_eq!(world.hops(&["fabric", "pod1"]), ["node1 eth0", "pod1"]);
    });
}

#[test]
fn the_switch_of_a_node_keeps_its_pods_frames_to_itself() {
    in_each_mode("the_switch_of_a_node_keeps_its_frames", |world| {
        for data_path in ["l2", "host-gw", "cloud"] {
            up(world, data_path);
            world.ok(&["ping", "-c1", "pod1", "pod2"]);
            let own = Capture::start(world, LAB, "node1", "cbr0");
            let cable = Capture::start(world, LAB, "node1", "eth0");
            let port = Capture::start(world, LAB, "pod2", "eth0");
            world.ok(&["ping", "-c3", "-i", "0.01", "pod1", "pod2"]);
            let pings = |capture: &Capture| capture.frames().iter().filter(|frame| frame.is_ping()).count();
            assert_eq!(pings(&port), 6, "{data_path}: three requests and three replies get to pod2");
            assert_eq!(pings(&own), 0, "{data_path}: cbr0's own stack sees what is switched only");
            assert_eq!(pings(&cable), 0, "{data_path}: the underlay sees what stays on one node");
            world.ok(&["down", LAB]);
        }
    });
}

#[test]
fn the_first_labs_run_on_each_as_their_reviewed_snapshots_say() {
    in_each_mode("the_first_labs_run_on_each", |world| {
        let snapshots = concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots");
        let (one, two) = (world.lab("two-node.toml"), world.lab("dual-stack.toml"));
        let args = ["test", "--check", "--snapshots", snapshots, "--data-path", "l2,cloud", &one, &two];
        let text = world.ok(&args);
        assert!(text.contains("4 labs: 4 passed"), "{text}");
    });
}

/// The cloud of two nodes, of which the second is checked.
fn checked(world: &World) -> String {
    let text = std::fs::read_to_string(world.lab("cloud.toml")).expect("a shipped lab");
    let text = text.replace("name    = \"node2\"", "name    = \"node2\"\nsource_dest_check = true");
    world.file("cloud.toml", &text)
}

#[test]
fn a_checked_node_s_pods_are_cut_off_until_the_check_is_off() {
    in_each_mode("a_checked_node_s_pods_are_cut_off", |world| {
        let file = checked(world);
        let up = world.netlab(&["up", &file]);
        if up.code == 3 {
            return skip("a_checked_node_s_pods_are_cut_off", &up.stderr);
        }
        assert_eq!(up.code, 0, "{up:#?}");
        let matrix = |world: &World| {
            let ran = world.netlab(&["matrix", "--format", "csv", "pod1", "node1", "pod3", "node2"]);
            ran.stdout.lines().skip(1).map(|line| line.replace("timeout", "x")).collect::<Vec<_>>()
        };
        let cut = |family: &str| {
            // What node2 has of its own passes, and ARP and ND with it; what its pods send or get does not.
            ["node1,-,64,63,x", "pod1,64,-,62,x", "node2,63,62,-,64", "pod3,x,x,64,-"]
                .map(|row| format!("{family},{row}"))
        };
        assert_eq!(matrix(world), [cut("IPv4"), cut("IPv6")].concat());
        // Both halves: what comes from the fabric to node2, and what node2 sends.
        let capture = Capture::start(world, "cloud", "node2", "eth0");
        assert_eq!(world.netlab(&["ping", "-c1", "-W", "0.2", "pod1", "pod3"]).code, 1);
        assert_eq!(capture.frames().iter().filter(|frame| frame.is_ping()).count(), 0);
        let beyond = Capture::start(world, "cloud", "node1", "eth0");
        assert_eq!(world.netlab(&["ping", "-c1", "-W", "0.2", "pod3", "pod1"]).code, 1);
        let left: Vec<Frame> = capture.frames().into_iter().filter(Frame::is_ping).collect();
        assert!(left.len() == 1 && left[0].left, "the request leaves node2, and nobody gets it: {left:?}");
        assert_eq!(beyond.frames().iter().filter(|frame| frame.is_ping()).count(), 0);

        let text = world.ok(&["inspect", "fabric"]);
        let wanted = [
            "ROUTE TABLE: as a cloud's console would show it",
            "  10.244.2.0/24      node2 (192.168.67.11)",
            "  192.168.66.0/24    local",
            "  node2   source       ip saddr != 192.168.67.11 counter drop",
            "  node2   destination  ip daddr != 192.168.67.11 counter drop",
        ];
        for line in wanted {
            assert!(text.lines().any(|one| one == line), "{line}\n{text}");
        }
        let json: Value =
            serde_json::from_str(&world.ok(&["inspect", "fabric", "--format", "json"])).expect("JSON");
        let row = &json["route_table"][1];
        assert_eq!([&row["destination"], &row["target"]], ["10.244.2.0/24", "node2"]);
        assert_eq!(json["source_dest_checks"][0]["target"], "node2");

        let test = world.netlab(&["test", "--check", "cloud", "--filter", "route table"]);
        assert_eq!(test.code, 1, "{test:#?}");
        let said = test.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains("because node2's source/destination check is on: `ip daddr !="), "{said}");
        let flush: Vec<&str> = said
            .split("netlab exec fabric -- ")
            .skip(1)
            .map(|rest| rest.split(" netlab").next().expect("a command"))
            .collect();
        assert_eq!(flush.len(), 2, "{said}");
        if world.netlab(&["exec", "fabric", "--", "nft", "--version"]).code != 0 {
            return skip("a_checked_node_s_pods_are_cut_off", "nft is not installed: the check stays on");
        }
        for chain in ["from-node2", "to-node2"] {
            world.ok(&["exec", "fabric", "--", "nft", "flush", "chain", "netdev", "netlab", chain]);
        }
        assert!(world.ok(&["matrix"]).ends_with("all 60 pairs of cloud reach each other\n"));
    });
}

#[test]
fn what_is_cut_is_named() {
    in_each_mode("what_is_cut_is_named", |world| {
        let cases = [
            (
                "l2",
                "node2",
                "ip link set eth0 nomaster",
                "eth0 of node2, the cable to fabric, is no port of cbr0",
            ),
            ("cloud", "fabric", "ip route del 10.244.2.0/24", "fabric has no route to 10.244.2.3"),
            ("cloud", "fabric", "sysctl -qw net.ipv4.ip_forward=0", "fabric does not forward"),
            ("cloud", "node1", "ip route del default", "node1 has no route to 10.244.2.3"),
            ("cloud", "pod1", "ip route del default", "pod1 has no route to 10.244.2.3"),
        ];
        for (data_path, place, broken, said) in cases {
            let lab = world.lab(&format!("{data_path}.toml"));
            world.ok(&["up", &lab]);
            let command: Vec<&str> = broken.split(' ').collect();
            world.ok(&[&["exec", place, "--"], command.as_slice()].concat());
            let filter = if data_path == "l2" { "l2: two nodes, one hop" } else { "fabric's route table" };
            let test = world.netlab(&["test", "--check", data_path, "--filter", filter]);
            let text = test.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(test.code == 1, "{broken} at {place}: {test:#?}");
            assert!(text.contains(said), "{broken} at {place}: {text}");
            world.ok(&["down", data_path]);
        }
    });
}
