//! One packet at every interface that it crosses, on the real kernel.

mod support;

use serde_json::Value;
use support::{World, in_each_mode, lacking, skip};

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

/// Text without the ports that a sender's kernel has chosen.
fn without_ports(text: &str, asked: &str) -> String {
    let line = |line: &str| {
        let words = line.split(' ').map(|word| match word.parse::<u16>() {
            Ok(port) if port >= 1024 && port.to_string() != asked => "PORT".to_owned(),
            _ => word.to_owned(),
        });
        let is_about_ports = line.contains("UDP ") || line.contains("TCP ");
        if is_about_ports { words.collect::<Vec<_>>().join(" ") } else { line.to_owned() }
    };
    text.lines().map(|one| line(one) + "\n").collect()
}

/// Both packets of docs/packet-walk.md, by every protocol and family, on a data path: one snapshot each.
fn snapshot(world: &World, data_path: &str) {
    world.ok(&["up", "--data-path", data_path, &world.lab("dual-stack.toml")]);
    for family in ["-4", "-6"] {
        let mut told = String::new();
        for (to, probe) in
            [("pod2", "icmp"), ("pod4", "icmp"), ("pod4", "udp:9"), ("pod4", "tcp:80"), ("node2", "icmp")]
        {
            let text = world.ok(&["walk", "--warm", "-W", "20", family, "pod1", to, probe]);
            told.push_str(&format!("$ netlab walk --warm {family} pod1 {to} {probe}\n"));
            told.push_str(&without_ports(&text, "80"));
            told.push('\n');
        }
        let name = format!("{data_path}{family}");
        insta::with_settings!({ snapshot_path => "../snapshots/walk", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name, told);
        });
    }
    world.ok(&["down", "dual-stack"]);
}

#[test]
fn each_data_path_shows_in_the_steps() {
    in_each_mode("each_data_path_shows_in_the_steps", |world| {
        for data_path in ["host-gw", "l2", "cloud", "vxlan"] {
            snapshot(world, data_path);
        }
    });
}

#[test]
fn tunnels_of_modules_show_in_the_steps() {
    in_each_mode("tunnels_of_modules_show_in_the_steps", |world| {
        for data_path in ["geneve", "gre", "wireguard"] {
            let probe = world.netlab(&["up", "--data-path", data_path, &world.lab("dual-stack.toml")]);
            if probe.code == 3 {
                skip(
                    "tunnels_of_modules_show_in_the_steps",
                    &format!("{data_path}: {}", lacking(&probe.stderr)),
                );
                continue;
            }
            assert_eq!(probe.code, 0, "{probe:?}");
            world.ok(&["down", "dual-stack"]);
            snapshot(world, data_path);
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
        let said = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            said.contains("lost after step 6: node2 eth0 received it, and nothing left node2"),
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
