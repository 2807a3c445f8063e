//! Labs that are broken by hand, in one way each: the place is named, and what is said to mend it does.

mod support;

use std::process::Command;

use support::{World, in_each_mode, skip, wait_until};

/// One way to break the lab of two nodes.
struct Break {
    /// What is done, and where. `{pod4}` is the host end of pod4's cable.
    by: &'static [(&'static str, &'static str)],
    /// What is said to be likely: in the order of the line.
    likely: &'static [&'static str],
    /// How many commands mend it.
    mends: usize,
}

const BREAKS: [Break; 24] = [
    Break {
        by: &[("node1", "ip route del 10.244.2.0/24")],
        likely: &["node1 has no route to 10.244.2.3", "10.244.2.0/24 via 192.168.66.12 (node2 eth0)"],
        mends: 1,
    },
    Break {
        by: &[("node2", "echo 0 > /proc/sys/net/ipv4/ip_forward")],
        likely: &["node2 does not forward: net.ipv4.ip_forward is 0"],
        mends: 1,
    },
    Break {
        by: &[("node1", "echo 0 > /proc/sys/net/ipv4/conf/cbr0/forwarding")],
        likely: &["node1 does not forward: net.ipv4.conf.cbr0.forwarding is 0"],
        mends: 1,
    },
    Break {
        by: &[("pod1", "ip route del default")],
        likely: &["pod1 has no route to 10.244.2.3", "default via 10.244.1.1 (node1 cbr0)"],
        mends: 1,
    },
    Break {
        by: &[("node1", "ip neigh replace 192.168.66.12 lladdr 0a:00:00:00:00:01 dev eth0 nud permanent")],
        likely: &["node1 has a wrong neighbour entry on eth0", "(node2 eth0)", "0a:58:c0:a8:42:0c"],
        mends: 1,
    },
    Break {
        by: &[("node2", "ip neigh replace 10.244.2.3 lladdr 0a:00:00:00:00:01 dev cbr0 nud permanent")],
        likely: &["node2 has a wrong neighbour entry on cbr0", "(pod4)", "0a:58:0a:f4:02:03"],
        mends: 1,
    },
    Break {
        by: &[("pod4", "ip neigh replace 10.244.2.1 lladdr 0a:00:00:00:00:01 dev eth0 nud permanent")],
        likely: &["on the way back, pod4 has a wrong neighbour entry on eth0", "(node2 cbr0)"],
        mends: 1,
    },
    Break { by: &[("node2", "ip link set cbr0 down")], likely: &["cbr0 of node2 is down"], mends: 1 },
    Break { by: &[("pod4", "ip link set eth0 down")], likely: &["eth0 of pod4 is down"], mends: 2 },
    Break { by: &[("pod1", "ip link set eth0 down")], likely: &["eth0 of pod1 is down"], mends: 2 },
    Break { by: &[("node1", "ip link set eth0 down")], likely: &["eth0 of node1 is down"], mends: 2 },
    Break {
        by: &[("node2", "ip link set {pod4} down")],
        likely: &["{pod4} of node2, the cable to pod4, is down"],
        mends: 1,
    },
    Break {
        by: &[("node2", "ip link set {pod4} nomaster")],
        likely: &["{pod4} of node2, the cable to pod4, is no port of cbr0"],
        mends: 1,
    },
    Break {
        by: &[("node2", "ip link del {pod4}")],
        likely: &["node2 has lost its interface {pod4}, the cable to pod4"],
        mends: 0,
    },
    Break {
        by: &[("fabric", "ip link set underlay down")],
        likely: &["underlay of fabric is down"],
        mends: 1,
    },
    Break {
        by: &[("fabric", "ip link set node2 nomaster")],
        likely: &["node2 of fabric, the cable to node2, is no port of underlay"],
        mends: 1,
    },
    Break {
        by: &[("node2", "ip route del 10.244.1.0/24")],
        likely: &["on the way back, node2 has no route to 10.244.1.2", "via 192.168.66.11 (node1 eth0)"],
        mends: 1,
    },
    Break {
        by: &[
            ("node2", "echo 1 > /proc/sys/net/ipv4/conf/all/rp_filter"),
            ("node2", "ip route del 10.244.1.0/24"),
        ],
        likely: &["node2 drops packets from 10.244.1.2 that come in by eth0", "strict"],
        mends: 1,
    },
    Break {
        by: &[("node1", "ip addr del 10.244.1.1/24 dev cbr0")],
        likely: &["cbr0 of node1 has lost its address 10.244.1.1/24"],
        mends: 1,
    },
    Break {
        by: &[("pod4", "ip addr del 10.244.2.3/24 dev eth0")],
        likely: &["eth0 of pod4 has lost its address 10.244.2.3/24"],
        mends: 2,
    },
    Break {
        by: &[("node1", "ip route replace blackhole 10.244.2.0/24")],
        likely: &["node1 has a blackhole route to 10.244.2.0/24"],
        mends: 2,
    },
    Break {
        by: &[("node1", "ip route add prohibit 10.244.2.3")],
        likely: &["node1 has a prohibit route to 10.244.2.3"],
        mends: 1,
    },
    Break {
        by: &[("pod1", "ip route replace default via 10.244.1.3")],
        likely: &["pod1 sends packets for 10.244.2.3 to 10.244.1.3 (pod2)", "via 10.244.1.1 (node1 cbr0)"],
        mends: 1,
    },
    Break {
        by: &[("pod1", "ip route add 10.244.2.0/24 dev eth0")],
        likely: &["pod1 takes 10.244.2.3 for a neighbour on eth0"],
        mends: 1,
    },
];

/// What is there and set up otherwise: the same lab.
const SETTINGS: &[Break] = &[
    Break {
        by: &[("pod1", "ip addr replace 10.244.1.2/16 dev eth0")],
        likely: &["eth0 of pod1 has the address 10.244.1.2/16 instead of 10.244.1.2/24"],
        mends: 1,
    },
    Break {
        by: &[("pod1", "ip addr add 10.244.1.2/16 dev eth0 && ip addr del 10.244.1.2/24 dev eth0")],
        likely: &["eth0 of pod1 has the address 10.244.1.2/16 instead of 10.244.1.2/24"],
        mends: 2,
    },
    Break {
        by: &[("node2", "ip addr add 10.244.2.1/32 dev cbr0 && ip addr del 10.244.2.1/24 dev cbr0")],
        likely: &["cbr0 of node2 has the address 10.244.2.1/32 instead of 10.244.2.1/24"],
        mends: 2,
    },
    Break {
        by: &[("fabric", "bridge link set dev node1 isolated on; bridge link set dev node2 isolated on")],
        likely: &["fabric's underlay has its ports node1 and node2 isolated"],
        mends: 2,
    },
    Break {
        by: &[("pod4", "echo 1 > /proc/sys/net/ipv4/icmp_echo_ignore_all")],
        likely: &["pod4 answers no ping: net.ipv4.icmp_echo_ignore_all is 1"],
        mends: 1,
    },
    Break { by: &[("node2", "ip link del cbr0")], likely: &["node2 has lost its interface cbr0"], mends: 0 },
    Break {
        by: &[
            ("node1", "ip route add table 100 10.244.2.0/24 via 192.168.66.99"),
            ("node1", "ip rule add pref 5 lookup 100"),
        ],
        likely: &["node1 sends packets for 10.244.2.3 as table 100 says", "`5: from all lookup 100`"],
        mends: 1,
    },
    Break {
        by: &[("node2", "ip rule add pref 7 to 10.244.1.0/24 prohibit")],
        likely: &[
            "on the way back, node2's kernel does not route",
            "`7: from all to 10.244.1.0/24 prohibit`",
        ],
        mends: 1,
    },
];

/// What only a tunnel has.
const TUNNELS: &[Break] = &[
    Break {
        by: &[("node1", "bridge fdb del 0a:58:0a:f4:02:00 dev flannel.1 dst 192.168.66.12 self")],
        likely: &["node1's flannel.1 has no forwarding entry for 0a:58:0a:f4:02:00 (node2 flannel.1)"],
        mends: 1,
    },
    Break {
        by: &[
            ("node2", "bridge fdb del 0a:58:0a:f4:01:00 dev flannel.1 dst 192.168.66.11 self"),
            ("node2", "bridge fdb add 0a:58:0a:f4:01:00 dev flannel.1 dst 192.168.66.99 self permanent"),
        ],
        likely: &["on the way back, node2's flannel.1 sends frames for", "to 192.168.66.99", "(node1 eth0)"],
        mends: 1,
    },
    Break {
        by: &[("node1", "ip neigh del 10.244.2.0 dev flannel.1")],
        likely: &["node1 has lost its neighbour entry for 10.244.2.0 (node2 flannel.1) on flannel.1"],
        mends: 1,
    },
    Break {
        by: &[("node1", "ip neigh replace 10.244.2.0 lladdr 0a:00:00:00:00:01 dev flannel.1 nud permanent")],
        likely: &["node1 has a wrong neighbour entry on flannel.1", "(node2 flannel.1)"],
        mends: 1,
    },
    // Up, its IPv6 address, two neighbours, two routes.
    Break {
        by: &[("node1", "ip link set flannel.1 down")],
        likely: &["flannel.1 of node1 is down"],
        mends: 6,
    },
    Break {
        by: &[("node1", "ip route del 10.244.2.0/24")],
        likely: &["node1 has no route to 10.244.2.3", "via 10.244.2.0 (node2 flannel.1)"],
        mends: 1,
    },
    Break {
        by: &[("node2", "ip link del flannel.1")],
        likely: &["node2 has lost its interface flannel.1"],
        mends: 0,
    },
    // Below the tunnel: the way of the nodes' own packets.
    Break {
        by: &[("fabric", "ip link set node2 down")],
        likely: &["node2 of fabric, the cable to node2, is down"],
        mends: 1,
    },
];

fn has_ip() -> bool {
    Command::new("ip").arg("-V").output().is_ok_and(|output| output.status.success())
}

fn with_names(text: &str) -> String {
    text.replace("{pod4}", &netlab::plan::veth_name("pod4"))
}

fn up(world: &World, lab: &str) {
    world.ok(&["up", &world.lab(&format!("{lab}.toml"))]);
}

fn act(world: &World, place: &str, command: &str) {
    world.ok(&["exec", place, "--", "sh", "-ec", &with_names(command)]);
}

/// The values of what is said with that label, one a line.
fn said(world: &World, args: &[&str], label: &str) -> Vec<String> {
    let text = world.ok(&[&["why"], args].concat());
    let lines = text.lines().filter_map(|line| line.split_once(": "));
    lines.filter(|(known, _)| *known == label).map(|(_, text)| text.to_owned()).collect()
}

/// Types what mends, as a person would.
fn mend(world: &World, args: &[&str]) -> usize {
    // What no command mends is told in other words.
    let mut commands = said(world, args, "mend");
    commands.retain(|line| !line.starts_with("no command "));
    for command in &commands {
        let words: Vec<&str> = command.split(' ').collect();
        assert_eq!(words[0], "netlab", "{command}");
        world.ok(&words[1..]);
    }
    commands.len()
}

fn reaches(world: &World, family: &str, from: &str, to: &str, seconds: &str) -> bool {
    world.netlab(&["ping", family, "-c", "1", "-W", seconds, from, to]).code == 0
}

/// A packet that waits for a neighbour who was given up on is lost with those that came before it: the next is not.
fn expect_mended(world: &World, family: &str, what: &str) {
    wait_until(&format!("{what}: mended"), || reaches(world, family, "pod1", "pod4", "1"));
}

#[test]
fn each_break_is_found_where_it_is_and_what_is_said_mends_it() {
    break_and_mend("each_break_is_found_where_it_is_and_what_is_said_mends_it", "two-node", &BREAKS);
}

#[test]
fn each_setting_that_breaks_is_found_and_what_is_said_mends_it() {
    break_and_mend("each_setting_that_breaks_is_found_and_what_is_said_mends_it", "two-node", SETTINGS);
}

#[test]
fn what_breaks_a_tunnel_is_found_and_what_is_said_mends_it() {
    break_and_mend("what_breaks_a_tunnel_is_found_and_what_is_said_mends_it", "vxlan", TUNNELS);
}

fn break_and_mend(test: &str, lab: &str, breaks: &[Break]) {
    if !has_ip() {
        return skip(test, "no `ip` to break labs with");
    }
    in_each_mode(test, |world| {
        for Break { by, likely, mends } in breaks {
            up(world, lab);
            let pair = ["pod1", "pod4"];
            assert!(reaches(world, "-4", "pod1", "pod4", "20"), "before {by:?}");
            for (place, command) in *by {
                act(world, place, command);
            }
            assert!(!reaches(world, "-4", "pod1", "pod4", "0.1"), "{by:?} broke nothing");
            let text = said(world, &pair, "likely").concat();
            let mut rest = text.as_str();
            for words in *likely {
                let words = with_names(words);
                let at = rest.find(&words).unwrap_or_else(|| panic!("{by:?}: no `{words}` in: {text}"));
                rest = &rest[at + words.len()..];
            }
            assert_eq!(mend(world, &pair), *mends, "{by:?}: {text}");
            if *mends > 0 {
                expect_mended(world, "-4", &format!("{by:?}"));
            }
            world.ok(&["down", lab]);
        }
    });
}

#[test]
fn an_address_that_two_places_have_is_blamed_on_the_one_it_was_not_given_to() {
    let test = "an_address_that_two_places_have_is_blamed_on_the_one_it_was_not_given_to";
    if !has_ip() {
        return skip(test, "no `ip` to break labs with");
    }
    // Where it is added, how, whose it is, and who gets no answer from whom.
    let twice: [(&str, &str, &str, &[[&str; 2]]); 4] = [
        ("pod1", "10.244.1.3/24 dev eth0", "pod2", &[["pod1", "pod2"], ["pod2", "pod1"]]),
        ("pod1", "10.244.2.3/32 dev lo", "pod4", &[["pod1", "pod4"], ["pod4", "pod1"]]),
        ("node1", "10.244.2.3/32 dev lo", "pod4", &[["pod1", "pod4"], ["pod4", "pod1"], ["node1", "pod4"]]),
        ("node2", "10.244.1.2/32 dev eth0", "pod1", &[["pod1", "pod4"], ["pod4", "pod1"]]),
    ];
    in_each_mode(test, |world| {
        up(world, "two-node");
        world.ok(&["matrix"]);
        for (place, address, owner, pairs) in twice {
            act(world, place, &format!("ip addr add {address}"));
            assert_eq!(world.netlab(&["matrix"]).code, 1, "{address} at {place} broke nothing");
            let (ip, _) = address.split_once('/').expect("a length");
            for pair in pairs {
                let likely = said(world, pair, "likely").concat();
                let expected = format!("{place} also has {ip}, which is {owner}'s");
                assert!(likely.contains(&expected), "{address} at {place}, {pair:?}: {likely}");
            }
            assert_eq!(said(world, &pairs[0], "place"), [place]);
            assert_eq!(mend(world, &pairs[0]), 1, "{address} at {place}");
            wait_until(&format!("{address} at {place}: mended"), || world.netlab(&["matrix"]).code == 0);
        }
    });
}

#[test]
fn what_works_is_told_to_be_in_order() {
    in_each_mode("what_works_is_told_to_be_in_order", |world| {
        up(world, "two-node");
        let pairs =
            [("pod1", "pod4"), ("pod1", "pod2"), ("node1", "pod4"), ("pod4", "node1"), ("pod1", "node1")];
        for (from, to) in pairs {
            // Asked in the quiet, and with neighbour tables that are full.
            for _ in 0..2 {
                let likely = said(world, &[from, to], "likely").concat();
                assert!(
                    likely.starts_with("every look-up on the way is in order"),
                    "{from} to {to}: {likely}"
                );
                assert!(reaches(world, "-4", from, to, "20"), "{from} to {to}");
            }
        }
        let routes = world.ok(&["why", "pod1", "pod4"]);
        for line in [
            "route at pod1: 10.244.2.3 via 10.244.1.1 (node1 cbr0) dev eth0 src 10.244.1.2",
            "route at node1: 10.244.2.3 via 192.168.66.12 (node2 eth0) dev eth0",
            "route at node2: 10.244.2.3 dev cbr0",
            "route at pod4: 10.244.2.3 is its own",
            "route back at node1: 10.244.1.2 dev cbr0",
        ] {
            assert!(routes.contains(&format!("{line}\n")), "no `{line}` in:\n{routes}");
        }
        let likely = said(world, &["pod1", "10.9.9.9"], "likely").concat();
        assert_eq!(likely, "the lab gave the address 10.9.9.9 to nobody");
        world.ok(&["down", "two-node"]);

        up(world, "three-node");
        let likely = said(world, &["node1", "node3"], "likely").concat();
        assert!(likely.starts_with("every look-up on the way is in order"), "{likely}");
        let likely = said(world, &["pod1", "node3"], "likely").concat();
        assert_eq!(likely, "on the way back, node3 has no route to 10.244.1.2, and the lab gives it none");
    });
}

#[test]
fn ipv6_is_broken_and_mended_by_itself() {
    let test = "ipv6_is_broken_and_mended_by_itself";
    if !has_ip() {
        return skip(test, "no `ip` to break labs with");
    }
    let breaks = [
        ("node1", "ip -6 route del fd00:244:0:2::/64", "node1 has no route to fd00:244:0:2::3"),
        (
            "node1",
            "ip -6 route add blackhole fd00:244:0:2::3/128",
            "node1 has a blackhole route to fd00:244:0:2::3",
        ),
        (
            "node2",
            "echo 0 > /proc/sys/net/ipv6/conf/all/forwarding",
            "node2 does not forward: net.ipv6.conf.all",
        ),
        (
            "pod1",
            "echo 1 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6",
            "eth0 of pod1 has no IPv6: net.ipv6.conf.eth0.disable_ipv6 is 1",
        ),
        (
            "pod4",
            "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6",
            "eth0 of pod4 has no IPv6: net.ipv6.conf.all.disable_ipv6 is 1",
        ),
        (
            "node2",
            "echo 1 > /proc/sys/net/ipv6/conf/cbr0/disable_ipv6",
            "cbr0 of node2 has no IPv6: net.ipv6.conf.cbr0.disable_ipv6 is 1",
        ),
        (
            "node1",
            "ip -6 route add table 100 default via fd00:66::99 && ip -6 rule add pref 5 lookup 100",
            "node1 sends packets for fd00:244:0:2::3 as table 100 says",
        ),
        (
            "pod4",
            "echo 1 > /proc/sys/net/ipv6/icmp/echo_ignore_all",
            "pod4 answers no ping: net.ipv6.icmp.echo_ignore_all is 1",
        ),
        ("pod4", "ip link set eth0 down", "eth0 of pod4 is down"),
        ("node2", "ip link set cbr0 down", "cbr0 of node2 is down"),
        (
            "node1",
            "ip addr del fd00:244:0:1::1/64 dev cbr0",
            "cbr0 of node1 has lost its address fd00:244:0:1::1/64",
        ),
        (
            "node2",
            "ip -6 route del fd00:244:0:1::/64",
            "on the way back, node2 has no route to fd00:244:0:1::2",
        ),
        (
            "node1",
            "ip -6 neigh replace fd00:66::c lladdr 0a:00:00:00:00:01 dev eth0 nud permanent",
            "node1 has a wrong neighbour entry on eth0 (permanent): it takes fd00:66::c (node2 eth0)",
        ),
    ];
    in_each_mode(test, |world| {
        for (place, command, expected) in breaks {
            up(world, "dual-stack");
            if !std::path::Path::new("/proc/sys/net/ipv6").exists() {
                return skip(test, "this kernel has no IPv6");
            }
            let pair = ["-6", "pod1", "pod4"];
            act(world, place, command);
            assert!(!reaches(world, "-6", "pod1", "pod4", "0.1"), "{command} broke nothing");
            let likely = said(world, &pair, "likely").concat();
            assert!(likely.starts_with(expected), "{command}: {likely}");
            assert!(mend(world, &pair) > 0, "{command}: {likely}");
            expect_mended(world, "-6", command);
            world.ok(&["down", "dual-stack"]);
        }
    });
}

#[test]
fn a_place_that_has_ended_is_told() {
    in_each_mode("a_place_that_has_ended_is_told", |world| {
        up(world, "two-node");
        let record = world.record("two-node").expect("a running lab");
        let sandboxes = record["sandboxes"].as_array().expect("sandboxes");
        let pod4 = sandboxes.iter().find(|sandbox| sandbox["name"] == "pod4").expect("pod4");
        let pid = i32::try_from(pod4["pid"].as_i64().expect("a pid")).expect("a small pid");
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL)
            .expect("kill");
        wait_until("pod4 ends", || !support::lives(pid));
        let likely = said(world, &["pod1", "pod4"], "likely").concat();
        // The other end of its cable went with its namespace, sooner or later.
        let gone = likely.starts_with("pod4: its pause process") || likely.contains("the cable to pod4");
        assert!(gone, "{likely}");
    });
}
