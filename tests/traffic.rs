//! What packets meet: TTLs, hops, MTUs, errors; and that they flow the moment `up` returns.

mod support;

use std::process::Command;

use serde_json::Value;
use support::{World, in_each_mode, is_slow, skip};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The names and addresses of a traceroute's hops.
fn hops(world: &World, args: &[&str]) -> Vec<String> {
    let text = world.ok(&[&["traceroute", "--format", "json"], args].concat());
    let report = json(&text);
    let hops = report["hops"].as_array().expect("hops").clone();
    hops.iter()
        .map(|hop| {
            let answer = &hop["answers"][0];
            let from = if answer["from"].is_object() { &answer["from"] } else { answer };
            format!("{} {}", from["name"].as_str().unwrap_or("?"), from["address"].as_str().unwrap_or("?"))
        })
        .collect()
}

#[test]
fn hops_are_told_by_name_and_address() {
    in_each_mode("hops_are_told_by_name_and_address", |world| {
        world.ok(&["up", &world.lab("dual-stack.toml")]);
        assert_eq!(hops(world, &["pod1", "pod2"]), ["pod2 10.244.1.3"]);
        assert_eq!(
            hops(world, &["pod1", "pod4"]),
            ["node1 cbr0 10.244.1.1", "node2 eth0 192.168.66.12", "pod4 10.244.2.3"]
        );
        assert_eq!(
            hops(world, &["-6", "pod1", "pod4"]),
            ["node1 cbr0 fd00:244:0:1::1", "node2 eth0 fd00:66::c", "pod4 fd00:244:0:2::3"]
        );
        assert_eq!(hops(world, &["node1", "pod4"]), ["node2 eth0 192.168.66.12", "pod4 10.244.2.3"]);
        assert_eq!(hops(world, &["pod1", "node1"]), ["node1 eth0 192.168.66.11"]);
        let text = world.ok(&["traceroute", "pod1", "pod4"]);
        assert!(
            text.lines().nth(1).is_some_and(|line| line.starts_with(" 1  node1 cbr0 10.244.1.1  ")),
            "{text}"
        );
    });
}

#[test]
fn routers_join_segments() {
    in_each_mode("routers_join_segments", |world| {
        world.ok(&["up", &world.lab("three-node.toml")]);
        assert_eq!(hops(world, &["node1", "node3"]), ["spine eth0 192.168.66.1", "node3 eth0 192.168.67.11"]);
        assert_eq!(hops(world, &["node3", "node2"]), ["spine eth1 192.168.67.1", "node2 eth0 192.168.66.12"]);
        let ping = world.ok(&["ping", "-c1", "node1", "node3"]);
        assert!(ping.contains("ttl=63"), "{ping}");
        world.ok(&["ping", "-c1", "spine", "node3"]);
    });
}

#[test]
fn a_chain_of_routers_takes_the_shortest_way() {
    let file = r#"
        [[segment]]
        name = "a"
        [[segment]]
        name = "b"
        [[segment]]
        name = "c"
        [[segment]]
        name = "d"
        [[router]]
        name = "r1"
        segments = ["a", "b"]
        [[router]]
        name = "r2"
        segments = ["b", "c"]
        [[router]]
        name = "r3"
        segments = ["c", "d"]
        [[router]]
        name = "long1"
        segments = ["a", "d"]
        [[node]]
        name = "na"
        segment = "a"
        [[node]]
        name = "nc"
        segment = "c"
        [[node]]
        name = "nd"
        segment = "d"
    "#;
    in_each_mode("a_chain_of_routers_takes_the_shortest_way", |world| {
        world.ok(&["up", &world.file("chain.toml", file)]);
        // a to c: two routers either way, by b or by d; the nearest router of the lower name is long1.
        assert_eq!(hops(world, &["na", "nc"]).len(), 3);
        assert_eq!(hops(world, &["na", "nd"]), ["long1 eth0 192.168.66.2", "nd eth0 192.168.69.11"]);
        assert_eq!(hops(world, &["nc", "nd"]).len(), 2);
        for (from, to) in [("na", "nc"), ("nc", "na"), ("nd", "na"), ("nd", "nc")] {
            world.ok(&["ping", "-c1", from, to]);
        }
    });
}

/// Of two routers that are as near, the one whose name comes first is taken, wherever it stands in the file.
#[test]
fn of_equal_paths_the_first_name_is_taken() {
    let plan_of = |first: &str, second: &str| {
        let router = |name: &str| format!("[[router]]\nname = \"{name}\"\nsegments = [\"a\", \"b\"]\n");
        let text = format!(
            "[[segment]]\nname = \"a\"\n[[segment]]\nname = \"b\"\n{}{}[[node]]\nname = \"n\"\nsegment = \"a\"\n\
             [[node]]\nname = \"m\"\nsegment = \"b\"\n",
            router(first),
            router(second)
        );
        let lab = netlab::parse(&text, "x").expect("a valid lab");
        netlab::render::commands::script(&netlab::plan::plan(&lab), "x")
    };
    // Addresses go by the file's order: the first router has .1.
    assert!(plan_of("west", "east").contains("ip -n n route add 192.168.67.0/24 via 192.168.66.2 dev eth0"));
    assert!(plan_of("east", "west").contains("ip -n n route add 192.168.67.0/24 via 192.168.66.1 dev eth0"));
}

#[test]
fn failures_say_what_came_back_and_from_whom() {
    in_each_mode("failures_say_what_came_back_and_from_whom", |world| {
        world.ok(&["up", &world.lab("two-node.toml")]);
        // No route on node1: its cbr0 says so.
        let ran = world.netlab(&["ping", "-c1", "-W2", "pod1", "172.30.0.1"]);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(
            ran.stdout.contains("From node1 cbr0 (10.244.1.1): icmp_seq=1 Destination Net Unreachable"),
            "{ran:?}"
        );
        // No route at the source itself.
        let ran = world.netlab(&["ping", "-c1", "-W2", "node1", "172.30.0.1"]);
        assert_eq!(ran.code, 1);
        assert!(ran.stdout.contains("no-route") || ran.stdout.contains("Network is unreachable"), "{ran:?}");
        // Nobody has that address: silence ends in "host unreachable" by the ARP of node2.
        let ran = world.netlab(&["ping", "-c1", "pod1", "10.244.2.77"]);
        assert_eq!(ran.code, 1);
        assert!(
            ran.stdout.contains("From node2 eth0 (192.168.66.12): icmp_seq=1 Destination Host Unreachable"),
            "{ran:?}"
        );
        // Nothing at all comes back.
        world.ok(&["exec", "node2", "--", "ip", "link", "set", "cbr0", "down"]);
        let ran = world.netlab(&["ping", "-c1", "-W1", "pod3", "pod4"]);
        assert_eq!(ran.code, 1);
        assert!(ran.stdout.contains("nothing came back, not even an error"), "{ran:?}");
    });
}

#[test]
fn too_large_packets_need_fragments_or_are_refused() {
    in_each_mode("too_large_packets_need_fragments_or_are_refused", |world| {
        world.ok(&["up", &world.lab("two-node.toml")]);
        // 1472 and 28 bytes of headers are 1500.
        world.ok(&["ping", "-c1", "-M", "do", "-s", "1472", "pod1", "pod4"]);
        let ran = world.netlab(&["ping", "-c1", "-W1", "-M", "do", "-s", "1473", "pod1", "pod4"]);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.stdout.contains("1500") || ran.stdout.contains("Message too long"), "{ran:?}");
        world.ok(&["ping", "-c1", "-M", "dont", "-s", "4000", "pod1", "pod4"]);
        // A narrow place on the way names itself.
        world.ok(&["exec", "node1", "--", "ip", "link", "set", "eth0", "mtu", "1400"]);
        let ran = world.netlab(&["ping", "-c1", "-W1", "-M", "do", "-s", "1472", "pod1", "pod4"]);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(
            ran.stdout
                .contains("From node1 cbr0 (10.244.1.1): icmp_seq=1 Frag needed and DF set (mtu = 1400)"),
            "{ran:?}"
        );
    });
}

#[test]
fn the_first_packet_of_a_fresh_lab_is_answered_at_once() {
    in_each_mode("the_first_packet_of_a_fresh_lab_is_answered_at_once", |world| {
        let file = world.lab("two-node.toml");
        let labs = if is_slow() { 5 } else { 100 };
        let mut slow = Vec::new();
        for lab in 0..labs {
            world.ok(&["up", &file]);
            for (from, to) in [("pod1", "pod4"), ("pod3", "pod2"), ("pod2", "pod1"), ("node2", "pod1")] {
                // Link state that is not settled costs the first packet one or two whole seconds, or its answer.
                let report = json(&world.ok(&["ping", "-c1", "--format", "json", from, to]));
                let rtt = report["summary"]["rtt_ms"]["max"].as_f64().or(report["rtt"]["max"].as_f64());
                let rtt = rtt.unwrap_or_else(|| panic!("no round-trip time in {report}"));
                if rtt > 900.0 {
                    slow.push(format!("lab {lab}: {from} to {to}: {rtt} ms"));
                }
            }
            world.ok(&["down"]);
        }
        assert!(slow.is_empty(), "{slow:#?}");
    });
}

#[test]
fn the_usual_tools_agree() {
    in_each_mode("the_usual_tools_agree", |world| {
        let has =
            |tool: &str| Command::new("which").arg(tool).output().is_ok_and(|output| output.status.success());
        world.ok(&["up", &world.lab("dual-stack.toml")]);
        let inside = |target: &str, words: &[&str]| world.netlab(&[&["exec", target, "--"], words].concat());
        if has("ping") {
            let ours = world.ok(&["ping", "-c1", "pod1", "pod4"]);
            let theirs = inside("pod1", &["ping", "-c1", "pod4"]);
            assert_eq!(theirs.code, 0, "{theirs:?}");
            for fact in ["ttl=62", "icmp_seq=1", "1 received, 0% packet loss"] {
                assert!(
                    theirs.stdout.contains(fact) && ours.contains(fact),
                    "{fact}:\n{ours}\n{}",
                    theirs.stdout
                );
            }
            let theirs = inside("pod1", &["ping", "-6", "-c1", "fd00:244:0:2::3"]);
            assert!(theirs.stdout.contains("ttl=62"), "{theirs:?}");
        } else {
            skip("the_usual_tools_agree", "ping is not installed");
        }
        if has("traceroute") {
            for (family, to) in [("-4", "10.244.2.3"), ("-6", "fd00:244:0:2::3")] {
                let theirs = inside("pod1", &["traceroute", family, "-n", "-q1", to]);
                let addresses: Vec<&str> =
                    theirs.stdout.lines().skip(1).filter_map(|line| line.split_whitespace().nth(1)).collect();
                let ours = hops(world, &[family, "pod1", "pod4"]);
                let ours: Vec<&str> = ours.iter().filter_map(|hop| hop.rsplit(' ').next()).collect();
                assert_eq!(ours, addresses, "{theirs:?}");
            }
        } else {
            skip("the_usual_tools_agree", "traceroute is not installed");
        }
        if has("bridge") {
            let ports = inside("node1", &["bridge", "link"]).stdout;
            assert_eq!(
                ports.lines().filter(|line| line.contains("master cbr0 state forwarding")).count(),
                2,
                "{ports}"
            );
        }
        if has("brctl") {
            let bridges = inside("node1", &["brctl", "show"]).stdout;
            assert!(bridges.contains("cbr0") && bridges.matches("veth").count() == 2, "{bridges}");
        } else {
            skip("the_usual_tools_agree", "brctl is not installed");
        }
    });
}

#[test]
fn ipv6_alone_without_offload_and_with_another_mtu() {
    let file = r#"
        [cluster]
        pod_cidr = "fd00:244::/56"
        offload = false
        mtu = 1400

        [[node]]
        name = "node1"
        pods = ["p1"]

        [[node]]
        name = "node2"
        pods = ["p2"]
    "#;
    in_each_mode("ipv6_alone_without_offload_and_with_another_mtu", |world| {
        world.ok(&["up", &world.file("six.toml", file)]);
        let ping = world.ok(&["ping", "-c1", "p1", "p2"]);
        assert!(ping.contains("from p2 (fd00:244:0:2::2): icmp_seq=1 ttl=62"), "{ping}");
        let addresses = world.ok(&["exec", "p1", "--", "ip", "-4", "-br", "addr", "show", "dev", "eth0"]);
        assert!(!addresses.contains('.'), "an IPv4 address in a lab that has none: {addresses}");
        // 1352 and 48 bytes of headers are 1400.
        world.ok(&["ping", "-c1", "-M", "do", "-s", "1352", "p1", "p2"]);
        assert_eq!(world.netlab(&["ping", "-c1", "-W1", "-M", "do", "-s", "1353", "p1", "p2"]).code, 1);
        if Command::new("ethtool").arg("--version").output().is_err() {
            return skip("ipv6_alone_without_offload_and_with_another_mtu", "ethtool is not installed");
        }
        for (place, interface) in [("p1", "eth0"), ("node1", "eth0"), ("fabric", "node1")] {
            let features = world.ok(&["exec", place, "--", "ethtool", "-k", interface]);
            for feature in
                ["tx-checksumming: off", "generic-segmentation-offload: off", "generic-receive-offload: off"]
            {
                assert!(features.contains(feature), "{place}: {feature}:\n{features}");
            }
        }
    });
}
