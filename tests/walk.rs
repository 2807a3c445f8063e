//! One packet at every interface that it crosses, on the real kernel.

mod support;

use serde_json::Value;
use support::{World, in_each_mode};

/// A walk as data; `netlab walk` may have any exit code.
fn walk(world: &World, args: &[&str]) -> (i32, Value) {
    let words = [&["walk", "--format", "json"], args].concat();
    let ran = world.netlab(&words);
    let json = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:#?}"));
    (ran.code, json)
}

/// The steps of the packet, of its answer or of an error.
fn steps<'a>(walk: &'a Value, which: &str) -> &'a [Value] {
    let ways = walk["ways"].as_array().expect("ways");
    let way = ways.iter().find(|way| way["kind"] == which);
    way.and_then(|way| way["steps"].as_array()).map(Vec::as_slice).unwrap_or_default()
}

/// `pod1/eth0 64`, one for each step; a veth's name is a number that nobody remembers.
fn way(walk: &Value, which: &str) -> Vec<String> {
    let steps = steps(walk, which);
    let step = |step: &Value| {
        let interface = step["interface"].as_str().expect("an interface");
        let interface = if interface.starts_with("veth") { "veth" } else { interface };
        let inner = step["layers"].as_array().and_then(|layers| layers.last()).expect("a packet");
        format!("{}/{interface} {}", step["place"].as_str().expect("a place"), inner["ip"]["ttl"])
    };
    steps.iter().map(step).collect()
}

/// The steps at which something changed: `4 macs ttl`.
fn changed(walk: &Value, which: &str) -> Vec<String> {
    let steps = steps(walk, which);
    let changes = |step: &Value| -> Vec<String> {
        let changes = step["changes"].as_array().expect("changes").iter();
        changes.filter_map(|change| change["kind"].as_str().map(str::to_owned)).collect()
    };
    let all = steps.iter().enumerate().map(|(number, step)| (number + 1, changes(step)));
    all.filter(|(_, changes)| !changes.is_empty())
        .map(|(number, changes)| format!("{number} {}", changes.join(" ")))
        .collect()
}

const ACROSS: [&str; 9] = [
    "pod1/eth0 64",
    "node1/veth 64",
    "node1/cbr0 64",
    "node1/eth0 63",
    "fabric/underlay 63",
    "node2/eth0 63",
    "node2/cbr0 62",
    "node2/veth 62",
    "pod4/eth0 62",
];

#[test]
fn a_packet_is_seen_at_every_interface() {
    in_each_mode("a_packet_is_seen_at_every_interface", |world| {
        world.ok(&["up", &world.lab("two-node.toml")]);
        for probe in ["icmp", "tcp:80", "udp:9"] {
            let (code, found) = walk(world, &["pod1", "pod4", probe]);
            assert_eq!(code, 0, "{probe}: {found:#}");
            assert_eq!(way(&found, "request"), ACROSS, "{probe}");
            assert_eq!(changed(&found, "request"), ["4 macs ttl", "7 macs ttl"], "{probe}");
            let back = if probe == "udp:9" { "error" } else { "reply" };
            assert_eq!(steps(&found, back).len(), 9, "{probe}: {found:#}");
        }
        let (_, same) = walk(world, &["pod1", "pod2"]);
        assert_eq!(way(&same, "request"), ["pod1/eth0 64", "node1/veth 64", "node1/veth 64", "pod2/eth0 64"]);
        assert_eq!(changed(&same, "request"), Vec::<String>::new(), "a switch changes nothing");
    });
}

#[test]
fn each_data_path_shows_in_the_steps() {
    in_each_mode("each_data_path_shows_in_the_steps", |world| {
        for (data_path, steps, changes) in [
            ("l2", 7, &[][..]),
            ("cloud", 12, &["4 macs ttl", "7 macs ttl", "10 macs ttl"]),
            ("vxlan", 11, &["4 macs ttl", "5 wrapped", "8 unwrapped", "9 macs ttl"]),
        ] {
            world.ok(&["up", "--data-path", data_path, &world.lab("dual-stack.toml")]);
            for family in ["-4", "-6"] {
                let (code, found) = walk(world, &[family, "pod1", "pod4"]);
                assert_eq!(code, 0, "{data_path} {family}: {found:#}");
                assert_eq!(way(&found, "request").len(), steps, "{data_path} {family}: {found:#}");
                assert_eq!(changed(&found, "request"), changes, "{data_path} {family}");
            }
            world.ok(&["down", "dual-stack"]);
        }
    });
}

#[test]
fn what_is_lost_is_explained() {
    in_each_mode("what_is_lost_is_explained", |world| {
        world.ok(&["up", &world.lab("two-node.toml")]);
        world.ok(&["exec", "node2", "--", "sysctl", "-qw", "net.ipv4.ip_forward=0"]);
        let ran = world.netlab(&["walk", "pod1", "pod4"]);
        assert_eq!(ran.code, 1, "{ran:#?}");
        assert!(
            ran.stdout.contains("lost after step 6: node2 eth0 received it, and nothing left node2"),
            "{}",
            ran.stdout
        );
        assert!(
            ran.stdout.contains("netlab exec node2 -- sysctl -w net.ipv4.ip_forward=1"),
            "{}",
            ran.stdout
        );
    });
}
