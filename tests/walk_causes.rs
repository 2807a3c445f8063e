//! Labs that are broken by hand, in one way each: a walk says where the packet was lost and why, and what is said to mend it
//! does. And labs in order, of which no walk says anything of the kind.

mod support;

use std::process::Command;

use serde_json::Value;
use support::{World, in_each_mode_unless_slow, lacking, skip, wait_until};

/// One way to break a lab.
struct Break {
    /// What is done, and where. `{pod4}` is the host end of pod4's cable.
    by: &'static [(&'static str, &'static str)],
    /// What is walked.
    walk: &'static [&'static str],
    /// The step after which the packet is lost; none where it is never sent.
    after: Option<u64>,
    /// The place that had it last.
    place: &'static str,
    /// What the text says was seen, and not seen.
    text: &'static str,
    /// What is said to be likely: in the order of the line.
    cause: &'static [&'static str],
    /// What one of the lines of evidence each has.
    evidence: &'static [&'static str],
    /// What the first command to look with has.
    show: &'static str,
    /// What becomes of the next walk.
    mended: Mended,
}

/// What becomes of a walk after what is said to mend it.
enum Mended {
    /// It arrives.
    Arrives,
    /// Nothing mends it but a smaller packet.
    Smaller,
    /// What is said does not undo all that was done; this does.
    By(&'static [(&'static str, &'static str)]),
}

/// A chain of a packet filter, and a rule in it.
macro_rules! filter {
    ($family:literal, $hook:literal, $policy:literal, $rule:literal) => {
        concat!(
            "nft add table ",
            $family,
            " filter && nft add chain ",
            $family,
            " filter ",
            $hook,
            " '{ type filter hook ",
            $hook,
            " priority 0; policy ",
            $policy,
            "; }' && nft add rule ",
            $family,
            " filter ",
            $hook,
            " ",
            $rule
        )
    };
}

const ACROSS: &[&str] = &["pod1", "pod4"];

const BREAK: Break = Break {
    by: &[],
    walk: ACROSS,
    after: None,
    place: "",
    text: "",
    cause: &[],
    evidence: &[],
    show: "",
    mended: Mended::Arrives,
};

fn with_names(text: &str) -> String {
    text.replace("{pod4}", &netlab::plan::veth_name("pod4"))
}

fn walk(world: &World, args: &[&str]) -> (i32, Value) {
    let ran = world.netlab(&[&["walk", "--format", "json", "-W", "0.3"], args].concat());
    let json =
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {args:?}: {ran:#?}"));
    (ran.code, json)
}

fn act(world: &World, commands: &[(&str, &str)]) {
    for (place, command) in commands {
        world.ok(&["exec", place, "--", "sh", "-ec", &with_names(command)]);
    }
}

/// The lines of a list.
fn lines(list: &Value) -> Vec<&str> {
    list.as_array().expect("a list").iter().map(|line| line.as_str().expect("a line")).collect()
}

/// Types what shows something; that there is no route is shown by an error.
fn look(world: &World, line: &str) {
    let said = typed(world, line);
    assert!(said.is_ok() || line.contains(" route get "), "{line}: {said:?}");
}

/// Types what must work.
fn shell(world: &World, line: &str) {
    if let Err(said) = typed(world, line) {
        panic!("{line}: {said}");
    }
}

/// Types a line into a shell, as a person would.
fn typed(world: &World, line: &str) -> Result<(), String> {
    let mut command = Command::new("sh");
    world.prepare(&mut command);
    let line = line.replacen("netlab", &world.binary().display().to_string(), 1);
    let ran = command.args(["-c", &line]).output().expect("a shell");
    if ran.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&ran.stderr).into_owned()) }
}

fn arrives(world: &World, args: &[&str]) {
    wait_until(&format!("{args:?} arrives"), || {
        let (code, found) = walk(world, args);
        assert_eq!(code == 0, found["lost"].is_null(), "{found:#}");
        code == 0
    });
}

/// Breaks the running lab in each way, and mends it again.
fn break_and_mend(world: &World, breaks: &[Break]) {
    for one in breaks {
        let what = format!("{:?}: {:?} {:?}", world.mode, one.by, one.walk);
        // With the neighbours known, and a packet that fits whatever is said of larger ones.
        let ends: Vec<&str> = one.walk.iter().copied().take_while(|word| !word.starts_with("--s")).collect();
        arrives(world, &ends);
        act(world, one.by);
        let (code, found) = walk(world, one.walk);
        assert_eq!(code, 1, "{what}: {found:#}");
        let lost = &found["lost"];
        assert_eq!(lost["after_step"].as_u64(), one.after, "{what}: {found:#}");
        assert_eq!(lost["place"], one.place, "{what}: {lost:#}");
        let text = lost["text"].as_str().expect("a text");
        assert!(text.contains(&with_names(one.text)), "{what}: {lost:#}");
        assert!(found["verdict"].as_str().expect("a verdict").ends_with(text), "{what}: {found:#}");
        let cause = lost["cause"].as_str().unwrap_or_else(|| panic!("{what}: no cause: {found:#}"));
        let mut rest = cause;
        for words in one.cause {
            let words = with_names(words);
            let at = rest.find(&words).unwrap_or_else(|| panic!("{what}: no `{words}` in: {lost:#}"));
            rest = &rest[at + words.len()..];
        }
        let evidence = lines(&lost["evidence"]);
        for words in one.evidence {
            assert!(evidence.iter().any(|line| line.contains(words)), "{what}: no `{words}` in: {lost:#}");
        }
        let show = lines(&lost["show"]);
        assert!(show.first().is_some_and(|line| line.contains(&with_names(one.show))), "{what}: {lost:#}");
        for line in show {
            look(world, line);
        }
        for line in lines(&lost["mend"]) {
            shell(world, line);
        }
        match one.mended {
            Mended::Arrives => arrives(world, one.walk),
            Mended::By(commands) => act(world, commands),
            Mended::Smaller => {}
        }
    }
}

/// Brings a lab up in each mode, and breaks and mends it.
fn in_lab(test: &str, lab: &str, breaks: &[Break]) {
    if !has("ip") {
        return skip(test, "no `ip` to break labs with");
    }
    in_each_mode_unless_slow(test, |world| {
        world.ok(&["up", &world.lab(&format!("{lab}.toml"))]);
        break_and_mend(world, breaks);
        world.ok(&["down", lab]);
    });
}

fn has(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("-V").output().is_ok_and(|output| output.status.success())
}

#[test]
fn cause_01_a_node_that_does_not_forward() {
    let breaks = [
        Break {
            by: &[("node2", "echo 0 > /proc/sys/net/ipv4/ip_forward")],
            after: Some(6),
            place: "node2",
            text: "node2 eth0 received it, and nothing left node2",
            cause: &["node2 does not forward: net.ipv4.ip_forward is 0"],
            evidence: &[
                "would refuse it: No route to host (EHOSTUNREACH)",
                "node2 counted IpInAddrErrors +1",
            ],
            show: "netlab exec node2 -- sysctl net.ipv4.ip_forward",
            ..BREAK
        },
        Break {
            by: &[("node1", "echo 0 > /proc/sys/net/ipv4/conf/cbr0/forwarding")],
            walk: &["pod1", "pod4", "tcp:80"],
            after: Some(3),
            place: "node1",
            text: "node1 cbr0 received it, and nothing left node1",
            cause: &["node1 does not forward: net.ipv4.conf.cbr0.forwarding is 0"],
            show: "sysctl net.ipv4.conf.cbr0.forwarding",
            ..BREAK
        },
    ];
    in_lab("cause_01_a_node_that_does_not_forward", "two-node", &breaks);
    let breaks = [Break {
        by: &[("node2", "echo 0 > /proc/sys/net/ipv6/conf/all/forwarding")],
        walk: &["-6", "pod1", "pod4"],
        after: Some(6),
        place: "node2",
        text: "node2 eth0 received it, and nothing left node2",
        cause: &["node2 does not forward: net.ipv6.conf.all.forwarding is 0"],
        show: "sysctl net.ipv6.conf.all.forwarding",
        ..BREAK
    }];
    in_lab("cause_01_a_node_that_does_not_forward", "dual-stack", &breaks);
}

#[test]
fn cause_02_a_route_there_is_missing() {
    let breaks = [
        Break {
            by: &[("node1", "ip route del 10.244.2.0/24")],
            after: Some(3),
            place: "node1",
            text: "node1 cbr0 received it, and nothing left node1",
            cause: &["node1 has no route to 10.244.2.3", "10.244.2.0/24 via 192.168.66.12 (node2 eth0)"],
            evidence: &[
                "10.244.1.1 (node1 cbr0) said by ICMP: net-unreachable",
                "would refuse it: Network is unreachable (ENETUNREACH)",
                "node1 counted IpInNoRoutes +1",
            ],
            show: "netlab exec node1 -- ip route get 10.244.2.3 from 10.244.1.2 iif cbr0",
            ..BREAK
        },
        Break {
            by: &[("node1", "ip route replace blackhole 10.244.2.0/24")],
            walk: &["pod1", "pod4", "udp:9"],
            after: Some(3),
            place: "node1",
            text: "nothing left node1",
            cause: &["node1 has a blackhole route to 10.244.2.0/24"],
            evidence: &["would refuse it: Invalid argument (EINVAL)"],
            show: "ip route get 10.244.2.3 from 10.244.1.2 iif cbr0",
            ..BREAK
        },
    ];
    in_lab("cause_02_a_route_there_is_missing", "two-node", &breaks);
}

#[test]
fn cause_03_a_route_back_is_missing() {
    let breaks = [Break {
        by: &[("node2", "ip route del 10.244.1.0/24")],
        after: Some(12),
        place: "node2",
        text: "node2 cbr0 received it, and nothing left node2",
        cause: &["on the way back, node2 has no route to 10.244.1.2", "via 192.168.66.11 (node1 eth0)"],
        evidence: &["for 10.244.1.2 that comes in by cbr0, would refuse it", "node2 counted IpInNoRoutes +1"],
        show: "netlab exec node2 -- ip route get 10.244.1.2 from 10.244.2.3 iif cbr0",
        ..BREAK
    }];
    in_lab("cause_03_a_route_back_is_missing", "two-node", &breaks);
}

#[test]
fn cause_04_a_wrong_next_hop() {
    let breaks = [
        Break {
            by: &[("node1", "ip route replace 10.244.2.0/24 via 192.168.66.99")],
            after: Some(3),
            place: "node1",
            text: "nothing left node1",
            cause: &[
                "node1 sends packets for 10.244.2.3 to 192.168.66.99 (the lab gave it to nobody)",
                "via 192.168.66.12 (node2 eth0)",
            ],
            evidence: &["would send it to 192.168.66.99 by eth0"],
            show: "ip route get 10.244.2.3 from 10.244.1.2 iif cbr0",
            ..BREAK
        },
        Break {
            by: &[("pod1", "ip route replace default via 10.244.1.3")],
            after: Some(3),
            place: "node1",
            text: ", and nobody listened at pod2 (--everywhere does)",
            cause: &["pod1 sends packets for 10.244.2.3 to 10.244.1.3 (pod2)", "via 10.244.1.1 (node1 cbr0)"],
            show: "netlab exec pod1 -- ip route get 10.244.2.3",
            ..BREAK
        },
    ];
    in_lab("cause_04_a_wrong_next_hop", "two-node", &breaks);
}

#[test]
fn cause_05_cbr0_is_down_or_has_no_address() {
    let breaks = [
        Break {
            by: &[("node2", "ip link set cbr0 down")],
            after: Some(6),
            place: "node2",
            text: "node2 eth0 received it, and nothing left node2",
            cause: &["cbr0 of node2 is down"],
            show: "netlab exec node2 -- ip link show dev cbr0",
            ..BREAK
        },
        Break {
            by: &[("node1", "ip addr del 10.244.1.1/24 dev cbr0")],
            cause: &["cbr0 of node1 has lost its address 10.244.1.1/24"],
            // The pod knows where it was, and need not ask.
            after: Some(15),
            place: "node1",
            text: "node1 eth0 received it, and nothing left node1",
            show: "netlab exec node1 -- ip addr",
            ..BREAK
        },
    ];
    in_lab("cause_05_cbr0_is_down_or_has_no_address", "two-node", &breaks);
}

#[test]
fn cause_06_a_pod_without_default_route() {
    let breaks = [
        Break {
            by: &[("pod1", "ip route del default")],
            place: "pod1",
            text: "pod1's own kernel refused, with ENETUNREACH (Network is unreachable)",
            cause: &["pod1 has no route to 10.244.2.3", "default via 10.244.1.1 (node1 cbr0)"],
            evidence: &["would refuse it: Network is unreachable (ENETUNREACH)"],
            show: "netlab exec pod1 -- ip route get 10.244.2.3",
            ..BREAK
        },
        // The same at the other end: the request arrives.
        Break {
            by: &[("pod4", "ip route del default")],
            after: Some(9),
            place: "pod4",
            text: "pod4 eth0 received it, and no answer left pod4",
            cause: &["on the way back, pod4 has no route to 10.244.1.2"],
            show: "netlab exec pod4 -- ip route get 10.244.1.2",
            ..BREAK
        },
    ];
    in_lab("cause_06_a_pod_without_default_route", "two-node", &breaks);
}

#[test]
fn cause_07_a_wrong_prefix_length() {
    let breaks = [
        Break {
            by: &[("pod1", "ip addr add 10.244.1.2/16 dev eth0 && ip addr del 10.244.1.2/24 dev eth0")],
            place: "pod1",
            cause: &["eth0 of pod1 has the address 10.244.1.2/16 instead of 10.244.1.2/24"],
            show: "netlab exec pod1 -- ip addr show dev eth0",
            ..BREAK
        },
        Break {
            by: &[("pod4", "ip addr add 10.244.2.3/8 dev eth0 && ip addr del 10.244.2.3/24 dev eth0")],
            after: Some(9),
            place: "pod4",
            text: "no answer left pod4",
            cause: &["on the way back, eth0 of pod4 has the address 10.244.2.3/8 instead of 10.244.2.3/24"],
            show: "netlab exec pod4 -- ip addr show dev eth0",
            ..BREAK
        },
    ];
    in_lab("cause_07_a_wrong_prefix_length", "two-node", &breaks);
}

#[test]
fn cause_08_a_stale_permanent_neighbour() {
    let breaks = [
        Break {
            by: &[(
                "node1",
                "ip neigh replace 192.168.66.12 lladdr 0a:00:00:00:00:01 dev eth0 nud permanent",
            )],
            after: Some(5),
            place: "fabric",
            text: "fabric's underlay does not know where 0a:00:00:00:00:01, nobody's address, is",
            cause: &["node1 has a wrong neighbour entry on eth0 (permanent)", "(node2 eth0)", "nobody's"],
            show: "netlab exec node1 -- ip neigh show dev eth0",
            ..BREAK
        },
        Break {
            by: &[("pod4", "ip neigh replace 10.244.2.1 lladdr 0a:00:00:00:00:01 dev eth0 nud permanent")],
            after: Some(12),
            place: "node2",
            text: "node2's cbr0 does not know where 0a:00:00:00:00:01, nobody's address, is",
            cause: &["on the way back, pod4 has a wrong neighbour entry on eth0", "(node2 cbr0)"],
            show: "netlab exec pod4 -- ip neigh show dev eth0",
            ..BREAK
        },
    ];
    in_lab("cause_08_a_stale_permanent_neighbour", "two-node", &breaks);
}

#[test]
fn cause_09_a_forwarding_entry_of_a_tunnel_is_missing_or_wrong() {
    let breaks = [
        Break {
            by: &[("node1", "bridge fdb del 0a:58:0a:f4:02:00 dev flannel.1 dst 192.168.66.12 self")],
            after: Some(4),
            place: "node1",
            text: "node1 sent it into flannel.1, and no VXLAN packet left node1",
            cause: &["node1's flannel.1 has no forwarding entry for 0a:58:0a:f4:02:00 (node2 flannel.1)"],
            evidence: &["node1 counted flannel.1 tx_dropped +"],
            show: "netlab exec node1 -- bridge fdb show dev flannel.1",
            ..BREAK
        },
        Break {
            by: &[(
                "node1",
                "bridge fdb replace 0a:58:0a:f4:02:00 dev flannel.1 dst 192.168.66.99 self permanent",
            )],
            after: Some(4),
            place: "node1",
            text: "no VXLAN packet left node1",
            cause: &["node1's flannel.1 sends frames for", "to 192.168.66.99", "(node2 eth0)"],
            show: "bridge fdb show dev flannel.1",
            ..BREAK
        },
        Break {
            by: &[(
                "node2",
                "bridge fdb replace 0a:58:0a:f4:01:00 dev flannel.1 dst 192.168.66.99 self permanent",
            )],
            after: Some(15),
            place: "node2",
            text: "no VXLAN packet left node2",
            cause: &["on the way back, node2's flannel.1 sends frames for", "to 192.168.66.99"],
            show: "bridge fdb show dev flannel.1",
            ..BREAK
        },
        Break {
            by: &[("node1", "ip neigh del 10.244.2.0 dev flannel.1")],
            after: Some(3),
            place: "node1",
            cause: &["node1 has lost its neighbour entry for 10.244.2.0 (node2 flannel.1) on flannel.1"],
            show: "ip neigh show dev flannel.1",
            ..BREAK
        },
    ];
    in_lab("cause_09_a_forwarding_entry_of_a_tunnel_is_missing_or_wrong", "vxlan", &breaks);
}

/// What pods take for right is 50 bytes too large for the tunnel.
const LARGE: &[&str] = &["pod1", "pod4", "--size", "1472", "--df"];

#[test]
fn cause_10_too_large_for_an_overlay() {
    let filtered: &[_] =
        &[("node1", filter!("ip", "output", "accept", "icmp type destination-unreachable drop"))];
    let filtered_there: &[_] =
        &[("pod1", filter!("ip", "input", "accept", "icmp type destination-unreachable drop"))];
    let forget: &[(&str, &str)] = &[("pod1", "ip link set eth0 mtu 1500"), ("pod1", "ip route flush cache")];
    let breaks = [
        Break {
            walk: LARGE,
            after: Some(3),
            place: "node1",
            text: "node1 cbr0 received it, and nothing left node1",
            cause: &["too large: it has 1500 bytes, flannel.1 of node1 takes 1450", "node1 says so by ICMP"],
            evidence: &[
                "10.244.1.1 (node1 cbr0) said by ICMP: frag-needed 1450",
                "node1 counted IpFragFails +1",
            ],
            show: "netlab exec node1 -- ip link show dev flannel.1",
            mended: Mended::By(forget),
            ..BREAK
        },
        Break {
            by: filtered,
            walk: LARGE,
            after: Some(3),
            place: "node1",
            text: "nothing left node1",
            cause: &[
                "too large: it has 1500 bytes, flannel.1 of node1 takes 1450",
                "a path MTU black hole",
                "a packet filter of node1 may drop",
                "ip filter output",
            ],
            evidence: &["node1 counted IpFragFails +1"],
            show: "ip link show dev flannel.1",
            mended: Mended::By(forget),
        },
        Break {
            by: filtered_there,
            walk: LARGE,
            after: Some(3),
            place: "node1",
            cause: &[
                "too large",
                "a path MTU black hole",
                "a packet filter of pod1 may drop",
                "ip filter input",
            ],
            show: "ip link show dev flannel.1",
            mended: Mended::By(forget),
            ..BREAK
        },
        // Larger than the pod's own interface takes.
        Break {
            walk: &["pod1", "pod4", "--size", "1473", "--df"],
            place: "pod1",
            text: "pod1's own kernel refused, with EMSGSIZE",
            cause: &["too large: it has 1501 bytes, eth0 of pod1 takes 1500", "refuses to send it"],
            show: "netlab exec pod1 -- ip link show dev eth0",
            mended: Mended::Smaller,
            ..BREAK
        },
    ];
    in_lab("cause_10_too_large_for_an_overlay", "mtu", if has("nft") { &breaks } else { &breaks[..1] });
    let breaks = [
        Break {
            by: &[("node1", "ip link set eth0 mtu 1000")],
            walk: &["pod1", "pod4", "--size", "1400", "--df"],
            after: Some(3),
            place: "node1",
            cause: &["eth0 of node1 has an MTU of 1000 bytes instead of 1500"],
            evidence: &["said by ICMP: frag-needed 1000"],
            show: "netlab exec node1 -- ip link show dev eth0",
            mended: Mended::By(&[("pod1", "ip route flush cache")]),
            ..BREAK
        },
        // A switch says nothing.
        Break {
            by: &[("fabric", "ip link set node2 mtu 1000")],
            walk: &["pod1", "pod4", "--size", "1400", "--df"],
            after: Some(5),
            place: "fabric",
            cause: &["node2 of fabric has an MTU of 1000 bytes instead of 1500"],
            show: "netlab exec fabric -- ip link show dev node2",
            ..BREAK
        },
    ];
    in_lab("cause_10_too_large_for_an_overlay", "two-node", &breaks);
}

#[test]
fn cause_11_reverse_path_filtering() {
    let breaks = [
        Break {
            by: &[
                ("node2", "echo 1 > /proc/sys/net/ipv4/conf/all/rp_filter"),
                ("node2", "ip route replace 10.244.1.0/24 via 10.244.2.2 dev cbr0"),
            ],
            after: Some(6),
            place: "node2",
            text: "node2 eth0 received it, and nothing left node2",
            cause: &["node2 drops packets from 10.244.1.2 that come in by eth0", "strict"],
            evidence: &["node2 counted IPReversePathFilter +1"],
            show: "sysctl net.ipv4.conf.all.rp_filter net.ipv4.conf.eth0.rp_filter",
            mended: Mended::By(&[
                ("node2", "test $(cat /proc/sys/net/ipv4/conf/all/rp_filter) = 0"),
                ("node2", "ip route replace 10.244.1.0/24 via 192.168.66.12 dev eth0 onlink || true"),
                ("node2", "ip route replace 10.244.1.0/24 via 192.168.66.11"),
            ]),
            ..BREAK
        },
        Break {
            by: &[
                ("node2", "echo 2 > /proc/sys/net/ipv4/conf/eth0/rp_filter"),
                ("node2", "ip route del 10.244.1.0/24"),
            ],
            after: Some(6),
            place: "node2",
            cause: &["node2 drops packets from 10.244.1.2 that come in by eth0", "loose"],
            evidence: &["node2 counted IPReversePathFilter +1"],
            show: "sysctl net.ipv4.conf.all.rp_filter net.ipv4.conf.eth0.rp_filter",
            ..BREAK
        },
    ];
    in_lab("cause_11_reverse_path_filtering", "two-node", &breaks);
}

#[test]
fn cause_12_a_clouds_source_destination_check() {
    let test = "cause_12_a_clouds_source_destination_check";
    in_each_mode_unless_slow(test, |world| {
        let text = std::fs::read_to_string(world.lab("cloud.toml")).expect("a lab");
        let checked = |node: &str| {
            let named = format!("name    = \"{node}\"\n");
            assert!(text.contains(&named));
            text.replace(&named, &format!("{named}source_dest_check = true\n"))
        };
        for node in ["node1", "node2"] {
            let file = world.file("checked.toml", &checked(node));
            world.ok(&["up", "--name", "cloud", &file]);
            let (code, found) = walk(world, ACROSS);
            assert_eq!(code, 1, "{found:#}");
            let lost = &found["lost"];
            let said = lost["cause"].as_str().expect("a cause");
            let cause = format!(
                "fabric drops the packet from 10.244.1.2 (pod1) to 10.244.2.3 (pod4) at its port {node}"
            );
            assert!(said.starts_with(&cause) && said.contains("source/destination check is on"), "{lost:#}");
            assert!(
                lines(&lost["show"])[0].starts_with("netlab exec fabric -- nft list chain netdev "),
                "{lost:#}"
            );
            assert_eq!(lines(&lost["mend"]).len(), 2, "{lost:#}");
            if has("nft") {
                lines(&lost["show"]).iter().chain(&lines(&lost["mend"])).for_each(|line| shell(world, line));
                arrives(world, ACROSS);
            }
            world.ok(&["down", "cloud"]);
        }
    });
}

#[test]
fn cause_13_a_packet_filter() {
    let test = "cause_13_a_packet_filter";
    if !has("nft") {
        return skip(test, "no `nft` to break labs with");
    }
    let breaks = [
        Break {
            by: &[("node1", filter!("inet", "forward", "drop", "ip daddr 10.9.9.9 accept"))],
            after: Some(3),
            place: "node1",
            text: "node1 cbr0 received it, and nothing left node1",
            cause: &[
                "a packet filter of node1 drops the packet from 10.244.1.2 (pod1) to 10.244.2.3 (pod4)",
                "chain inet filter forward (hook forward), its policy is drop",
            ],
            evidence: &["would send it to 192.168.66.12 (node2 eth0) by eth0"],
            show: "netlab exec node1 -- nft list chain inet filter forward",
            ..BREAK
        },
        Break {
            by: &[("node2", filter!("ip", "forward", "accept", "ip saddr 10.244.1.0/24 drop"))],
            walk: &["pod1", "pod4", "tcp:80"],
            after: Some(6),
            place: "node2",
            cause: &[
                "a packet filter of node2 drops",
                "chain ip filter forward",
                "`ip saddr 10.244.1.0/24 drop`",
            ],
            show: "nft list chain ip filter forward",
            ..BREAK
        },
        // More than netlab can read.
        Break {
            by: &[("node2", filter!("ip", "forward", "accept", "ip protocol icmp counter drop"))],
            after: Some(6),
            place: "node2",
            cause: &[
                "a packet filter of node2 may drop",
                "chain ip filter forward (hook forward), its rule 1",
            ],
            show: "nft list chain ip filter forward",
            ..BREAK
        },
        Break {
            by: &[("pod4", filter!("inet", "input", "drop", "ct state established accept"))],
            after: Some(9),
            place: "pod4",
            text: "pod4 eth0 received it, and no answer left pod4",
            cause: &[
                "a packet filter of pod4 may drop",
                "chain inet filter input (hook input), its policy is drop",
            ],
            show: "netlab exec pod4 -- nft list chain inet filter input",
            ..BREAK
        },
        Break {
            by: &[("pod4", filter!("ip", "output", "accept", "ip daddr 10.244.1.2 drop"))],
            after: Some(9),
            place: "pod4",
            text: "no answer left pod4",
            cause: &["on the way back, a packet filter of pod4 drops", "hook output"],
            show: "nft list chain ip filter output",
            ..BREAK
        },
        Break {
            by: &[("pod1", filter!("ip", "output", "accept", "drop"))],
            place: "pod1",
            cause: &["a packet filter of pod1 drops", "hook output", "`drop`"],
            show: "nft list chain ip filter output",
            ..BREAK
        },
        Break {
            by: &[(
                "node2",
                "nft add table netdev filter && \
                 nft add chain netdev filter ingress '{ type filter hook ingress device eth0 priority 0; }' && \
                 nft add rule netdev filter ingress ip saddr 10.244.1.2 drop",
            )],
            after: Some(6),
            place: "node2",
            cause: &["node2 drops the packet from 10.244.1.2 (pod1)", "`ip saddr 10.244.1.2 counter drop`"],
            show: "nft list chain netdev filter ingress",
            ..BREAK
        },
        Break {
            by: &[(
                "node2",
                "nft add table netdev other && \
                 nft add chain netdev other ingress '{ type filter hook ingress device eth0 priority 0; }' && \
                 nft add rule netdev other ingress ip protocol icmp drop",
            )],
            after: Some(6),
            place: "node2",
            cause: &["a packet filter of node2 may drop", "hook ingress of eth0"],
            show: "nft list chain netdev other ingress",
            ..BREAK
        },
        // A switch's.
        Break {
            by: &[("fabric", filter!("bridge", "forward", "accept", "ip daddr 10.244.2.3 drop"))],
            after: Some(5),
            place: "fabric",
            text: "node1, a port of fabric's underlay, received it, and nothing left underlay",
            cause: &["a packet filter of fabric ", "chain bridge filter forward (hook forward of a bridge)"],
            show: "netlab exec fabric -- nft list chain bridge filter forward",
            ..BREAK
        },
        // By way of a chain of somebody's own.
        Break {
            by: &[(
                "node1",
                "nft add table ip mine && nft add chain ip mine forward '{ type filter hook forward priority 0; }' && \
                 nft add chain ip mine further && nft add rule ip mine further drop && \
                 nft add rule ip mine forward jump further",
            )],
            after: Some(3),
            place: "node1",
            cause: &["a packet filter of node1 may drop", "chain ip mine forward (hook forward), its rule 1"],
            show: "nft list chain ip mine forward",
            ..BREAK
        },
        Break {
            by: &[("node1", filter!("ip", "postrouting", "accept", "ip daddr 10.244.2.3 drop"))],
            after: Some(3),
            place: "node1",
            cause: &["a packet filter of node1 drops", "hook postrouting"],
            show: "nft list chain ip filter postrouting",
            ..BREAK
        },
    ];
    in_lab(test, "two-node", &breaks);
}

#[test]
fn cause_14_a_link_that_is_down() {
    let breaks = [
        Break {
            by: &[("pod4", "ip link set eth0 down")],
            after: Some(8),
            place: "node2",
            text: "node2's cbr0 does not know where 0a:58:0a:f4:02:03, pod4's address, is",
            cause: &["eth0 of pod4 is down"],
            show: "netlab exec pod4 -- ip link show dev eth0",
            ..BREAK
        },
        Break {
            by: &[("node2", "ip link set {pod4} down")],
            after: Some(8),
            place: "node2",
            text: "node2's cbr0 does not know where 0a:58:0a:f4:02:03, pod4's address, is",
            cause: &["{pod4} of node2, the cable to pod4, is down"],
            show: "netlab exec node2 -- ip link show dev {pod4}",
            ..BREAK
        },
        Break {
            by: &[("fabric", "ip link set node2 down")],
            cause: &["node2 of fabric, the cable to node2, is down"],
            after: Some(5),
            place: "fabric",
            show: "netlab exec fabric -- ip link show dev node2",
            ..BREAK
        },
        Break {
            by: &[("pod1", "ip link set eth0 down")],
            place: "pod1",
            text: "pod1's own kernel refused, with ENETUNREACH",
            cause: &["eth0 of pod1 is down"],
            show: "netlab exec pod1 -- ip link show dev eth0",
            ..BREAK
        },
        Break {
            by: &[("node1", "ip link set eth0 down")],
            after: Some(3),
            place: "node1",
            cause: &["eth0 of node1 is down"],
            show: "netlab exec node1 -- ip link show dev eth0",
            ..BREAK
        },
    ];
    in_lab("cause_14_a_link_that_is_down", "two-node", &breaks);
}

#[test]
fn cause_15_a_queue_that_drops() {
    let test = "cause_15_a_queue_that_drops";
    if !has("tc") {
        return skip(test, "no `tc` to break labs with");
    }
    let breaks = [
        Break {
            by: &[("node1", "tc qdisc add dev eth0 root tbf rate 8kbit burst 60 limit 60")],
            after: Some(3),
            place: "node1",
            text: "node1 cbr0 received it, and nothing left node1",
            cause: &["eth0 of node1 has a queueing discipline, tbf, that drops frames"],
            evidence: &["node1 counted eth0's queue (tbf) dropped +1"],
            show: "netlab exec node1 -- tc -s qdisc show dev eth0",
            ..BREAK
        },
        Break {
            by: &[("node2", "tc qdisc add dev {pod4} root tbf rate 8kbit burst 60 limit 60")],
            after: Some(7),
            place: "node2",
            cause: &["{pod4} of node2 has a queueing discipline, tbf"],
            evidence: &["queue (tbf) dropped +1"],
            show: "tc -s qdisc show dev {pod4}",
            ..BREAK
        },
        Break {
            by: &[("pod4", "tc qdisc add dev eth0 root tbf rate 8kbit burst 60 limit 60")],
            after: Some(9),
            place: "pod4",
            text: "no answer left pod4",
            cause: &["eth0 of pod4 has a queueing discipline, tbf"],
            evidence: &["pod4 counted eth0's queue (tbf) dropped +1"],
            show: "tc -s qdisc show dev eth0",
            ..BREAK
        },
    ];
    in_lab(test, "two-node", &breaks);
    in_each_mode_unless_slow(test, |world| {
        world.ok(&["up", &world.lab("two-node.toml")]);
        let ran = world.netlab(&["impair", "set", "node2", "loss=100%", "--direction", "in"]);
        if ran.code == 3 {
            world.ok(&["down", "two-node"]);
            return skip(test, "this kernel has no netem");
        }
        assert_eq!(ran.code, 0, "{ran:#?}");
        let (code, found) = walk(world, ACROSS);
        assert_eq!(code, 1, "{found:#}");
        let lost = &found["lost"];
        assert!(
            lost["cause"].as_str().expect("a cause").contains("loses what it sends, as it was told to"),
            "{lost:#}"
        );
        assert!(
            lines(&lost["evidence"]).iter().any(|line| line.contains("queue (netem) dropped +")),
            "{lost:#}"
        );
        lines(&lost["show"]).iter().chain(&lines(&lost["mend"])).for_each(|line| shell(world, line));
        arrives(world, ACROSS);
        world.ok(&["down", "two-node"]);
    });
}

#[test]
fn cause_16_an_address_that_two_places_have() {
    let breaks = [
        // Who asks has it itself, and asks nobody.
        Break {
            by: &[("pod1", "ip addr add 10.244.1.3/24 dev eth0")],
            walk: &["pod1", "pod2"],
            after: Some(1),
            place: "pod1",
            text: "pod1 lo took it, and answered in its place",
            cause: &["pod1 also has 10.244.1.3, which is pod2's"],
            show: "netlab exec pod1 -- ip addr",
            ..BREAK
        },
        // Another one answers, as if all was well.
        Break {
            by: &[
                ("pod3", "ip addr add 10.244.2.3/24 dev eth0"),
                ("node2", "ip neigh replace 10.244.2.3 lladdr 0a:58:0a:f4:02:02 dev cbr0 nud reachable"),
            ],
            after: Some(8),
            place: "node2",
            text: "for pod3, which answered in its place",
            cause: &["pod3 also has 10.244.2.3, which is pod4's"],
            show: "netlab exec pod3 -- ip addr",
            // What was learnt is forgotten by and by.
            mended: Mended::By(&[("node2", "ip neigh flush dev cbr0")]),
            ..BREAK
        },
        Break {
            by: &[("node2", "ip addr add 10.244.1.2/32 dev eth0")],
            after: Some(6),
            place: "node2",
            cause: &["node2 also has 10.244.1.2, which is pod1's"],
            show: "netlab exec node2 -- ip addr",
            ..BREAK
        },
    ];
    in_lab("cause_16_an_address_that_two_places_have", "two-node", &breaks);
}

#[test]
fn ipv6_has_causes_of_its_own() {
    let test = "ipv6_has_causes_of_its_own";
    let walk: &[&str] = &["-6", "pod1", "pod4"];
    let breaks = [
        Break {
            by: &[("node1", "ip -6 route del fd00:244:0:2::/64")],
            walk,
            after: Some(3),
            place: "node1",
            text: "node1 cbr0 received it, and nothing left node1",
            cause: &["node1 has no route to fd00:244:0:2::3"],
            evidence: &["node1 counted Ip6InNoRoutes +1", "said by ICMP: no-route"],
            show: "ip -6 route get fd00:244:0:2::3 from fd00:244:0:1::2 iif cbr0",
            ..BREAK
        },
        Break {
            by: &[("pod1", "ip -6 route del default")],
            walk,
            place: "pod1",
            text: "pod1's own kernel refused, with ENETUNREACH",
            cause: &["pod1 has no route to fd00:244:0:2::3"],
            show: "netlab exec pod1 -- ip -6 route get fd00:244:0:2::3",
            ..BREAK
        },
        Break {
            by: &[("node1", "ip link set eth0 mtu 1400")],
            walk: &["-6", "pod1", "pod4", "--size", "1400"],
            after: Some(3),
            place: "node1",
            cause: &["eth0 of node1 has an MTU of 1400 bytes instead of 1500"],
            evidence: &["said by ICMP: frag-needed 1400"],
            show: "netlab exec node1 -- ip link show dev eth0",
            ..BREAK
        },
        Break {
            by: &[("node2", filter!("ip6", "forward", "accept", "ip6 daddr fd00:244:0:2::3 drop"))],
            walk,
            after: Some(6),
            place: "node2",
            cause: &[
                "a packet filter of node2 drops",
                "chain ip6 filter forward",
                "`ip6 daddr fd00:244:0:2::3 drop`",
            ],
            show: "nft list chain ip6 filter forward",
            ..BREAK
        },
    ];
    in_lab(test, "dual-stack", if has("nft") { &breaks } else { &breaks[..3] });
}

#[test]
fn a_datagram_that_was_taken_is_not_lost() {
    let test = "a_datagram_that_was_taken_is_not_lost";
    if !has("/usr/bin/python3") {
        return skip(test, "no `python3` to listen with");
    }
    let listen = "import socket\n\
                  s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
                  s.bind(('', 9999))\n\
                  while True: s.recv(2000)";
    in_each_mode_unless_slow(test, |world| {
        world.ok(&["up", &world.lab("two-node.toml")]);
        let mut listener = world.spawn(&["exec", "pod4", "--", "/usr/bin/python3", "-c", listen]);
        // 9999, as the kernel writes it.
        wait_until("it listens", || {
            world.ok(&["exec", "pod4", "--", "cat", "/proc/net/udp"]).contains(":270F ")
        });
        let (code, found) = walk(world, &["pod1", "pod4", "udp:9999"]);
        assert!(code == 0 && found["lost"].is_null(), "{found:#}");
        assert_eq!(found["verdict"], "delivered: who listens at pod4 took it, and had nothing to answer");
        world.ok(&["down", "two-node"]);
        listener.wait().expect("the listener ends with its lab");
    });
}

/// A walk of a lab in order.
fn expect_in_order(world: &World, what: &str, args: &[&str]) {
    let ran = world.netlab(&[&["walk", "--format", "json"], args].concat());
    let found: Value =
        serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{what} {args:?}: {ran:#?}"));
    assert!(ran.code == 0 && found["lost"].is_null(), "{what} {args:?}: {found:#}");
}

#[test]
fn no_shipped_lab_gets_a_cause() {
    let pairs: [(&str, &[[&str; 2]]); 14] = [
        ("one-node", &[["pod1", "pod2"], ["pod1", "node1"], ["node1", "pod1"]]),
        ("two-node", &[["pod1", "pod2"], ["pod1", "pod4"], ["node1", "pod4"], ["pod4", "node1"]]),
        ("three-node", &[["pod1", "pod2"], ["pod1", "pod4"], ["node1", "node3"]]),
        ("dual-stack", &[["pod1", "pod2"], ["pod1", "pod4"]]),
        ("sidecar", &[["client", "web-pod"]]),
        ("l2", &[["pod1", "pod2"], ["pod1", "pod4"]]),
        ("cloud", &[["pod1", "pod2"], ["pod1", "pod4"]]),
        ("egress", &[["pod1", "pod3"], ["pod1", "internet"], ["pod3", "8.8.8.8"], ["node1", "internet"]]),
        ("mtu", &[["pod1", "pod2"], ["pod1", "pod4"]]),
        ("vxlan", &[["pod1", "pod2"], ["pod1", "pod4"]]),
        ("vxlan-direct", &[["pod1", "pod2"], ["pod1", "pod3"]]),
        ("two-racks", &[["pod1", "pod2"], ["pod1", "pod5"], ["node1", "node3"]]),
        ("slow-link", &[["pod1", "pod2"], ["pod1", "pod3"]]),
        ("wireguard", &[["pod1", "pod2"], ["pod1", "pod4"]]),
    ];
    in_each_mode_unless_slow("no_shipped_lab_gets_a_cause", |world| {
        for (lab, pairs) in pairs {
            let ran = world.netlab(&["up", &world.lab(&format!("{lab}.toml"))]);
            if ran.code == 3 {
                skip("no_shipped_lab_gets_a_cause", &format!("{lab}: {}", lacking(&ran.stderr)));
                continue;
            }
            assert_eq!(ran.code, 0, "{ran:#?}");
            for [from, to] in pairs {
                // A closed port is an answer.
                for probe in ["icmp", "icmp", "tcp:81", "udp:9"] {
                    expect_in_order(world, lab, &[from, to, probe]);
                }
            }
            world.ok(&["down", lab]);
        }
    });
}

#[test]
fn no_data_path_gets_a_cause() {
    let test = "no_data_path_gets_a_cause";
    in_each_mode_unless_slow(test, |world| {
        for data_path in ["l2", "host-gw", "cloud", "vxlan", "geneve", "gre", "ipip", "wireguard"] {
            // IP in IP carries only IPv4.
            let (lab, families): (_, &[&str]) =
                if data_path == "ipip" { ("two-node", &["-4"]) } else { ("dual-stack", &["-4", "-6"]) };
            let ran = world.netlab(&["up", "--data-path", data_path, &world.lab(&format!("{lab}.toml"))]);
            if ran.code == 3 {
                skip(test, &format!("{data_path}: {}", lacking(&ran.stderr)));
                continue;
            }
            assert_eq!(ran.code, 0, "{ran:#?}");
            for family in families {
                for to in ["pod2", "pod4"] {
                    for probe in ["icmp", "tcp:81", "udp:9"] {
                        expect_in_order(world, data_path, &[family, "pod1", to, probe]);
                    }
                }
            }
            world.ok(&["down", lab]);
        }
    });
}

#[test]
fn commands_name_the_lab_where_several_run() {
    in_each_mode_unless_slow("commands_name_the_lab_where_several_run", |world| {
        for name in ["one", "other"] {
            world.ok(&["up", "--name", name, &world.lab("two-node.toml")]);
        }
        world.ok(&[
            "exec",
            "--lab",
            "one",
            "node2",
            "--",
            "sh",
            "-c",
            "echo 0 > /proc/sys/net/ipv4/ip_forward",
        ]);
        let (code, found) = walk(world, &["--lab", "one", "pod1", "pod4"]);
        assert_eq!(code, 1, "{found:#}");
        let mend = lines(&found["lost"]["mend"]);
        assert_eq!(mend, ["netlab exec --lab one node2 -- sysctl -w net.ipv4.ip_forward=1"]);
        lines(&found["lost"]["show"]).iter().chain(&mend).for_each(|line| shell(world, line));
        arrives(world, &["--lab", "one", "pod1", "pod4"]);
        arrives(world, &["--lab", "other", "pod1", "pod4"]);
    });
}
