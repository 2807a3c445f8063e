//! The way out: as whom pods are seen outside, that answers find back, and that "outside" is still this lab.

mod support;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::process::Command;

use support::capture::{Capture, Frame, IPV4, IPV6};
use support::{World, in_each_mode, isolated, skip, wait_until};

const POD1: &str = "10.244.1.2";
const NODE1: &str = "192.168.66.11";

/// Who sent a packet, and for whom it is.
fn ends(frame: &Frame) -> Option<(String, String)> {
    let payload = frame.payload();
    let (source, destination) = match frame.carries() {
        IPV4 => (address::<4>(payload, 12)?, address::<4>(payload, 16)?),
        IPV6 => (address::<16>(payload, 8)?, address::<16>(payload, 24)?),
        _ => return None,
    };
    Some((source.to_string(), destination.to_string()))
}

fn address<const N: usize>(bytes: &[u8], at: usize) -> Option<IpAddr>
where
    IpAddr: From<[u8; N]>,
{
    Some(<[u8; N]>::try_from(bytes.get(at..at + N)?).ok()?.into())
}

/// Who asked, of what came in; neighbour discovery among link-local addresses is not meant.
fn sources(frames: &[Frame]) -> BTreeSet<String> {
    let came_in = frames.iter().filter(|frame| !frame.left).filter_map(ends);
    came_in.map(|(source, _)| source).filter(|source| !source.starts_with("fe80")).collect()
}

fn only(source: &str) -> BTreeSet<String> {
    [source.to_owned()].into()
}

/// A lab of one test, which goes from a place to another; gives back how `netlab test` ended.
fn test(world: &World, what: &str) -> support::Ran {
    let text = std::fs::read_to_string(world.lab("egress.toml")).expect("the lab");
    let (topology, _) = text.split_once("[[test]]").expect("tests");
    let file = world.file("one.toml", &format!("{topology}\n[[test]]\nname = \"one\"\n{what}\n"));
    world.netlab(&["test", "--filter", "one: one", &file])
}

#[test]
fn outside_a_pod_is_seen_as_its_node() {
    in_each_mode("outside_a_pod_is_seen_as_its_node", |world| {
        for data_path in ["host-gw", "l2", "cloud", "vxlan"] {
            world.ok(&["up", "--data-path", data_path, &world.lab("egress.toml")]);
            let wire = Capture::start(world, "egress", "internet", "eth0");
            let ping = |args: &[&str]| {
                let args = [&["ping", "-c1"], args].concat();
                wire.during(|| world.ok(&args)).1
            };
            assert_eq!(sources(&ping(&["pod1", "internet"])), only(NODE1), "{data_path}");
            assert_eq!(sources(&ping(&["-6", "pod1", "internet"])), only("fd00:66::b"), "{data_path}");
            assert_eq!(sources(&ping(&["pod3", "internet"])), only("192.168.66.12"), "{data_path}");
            let fetch = ["exec", "pod1", "--", "netlab", "fetch", "http://internet/"];
            // What an external runs is started with the lab, and may listen a moment later.
            wait_until("internet serves", || world.netlab(&fetch).code == 0);
            let (said, frames) = wire.during(|| world.ok(&fetch));
            assert!(said.contains(&format!("you are {NODE1}:")), "{data_path}: {said}");
            assert_eq!(sources(&frames), only(NODE1), "{data_path}");
            let log = world.ok(&["logs", "internet"]);
            assert!(log.contains(&format!("http: {NODE1}:")) && log.contains("GET / 200"), "{log}");
            let inside = Capture::start(world, "egress", "pod3", "eth0");
            let (_, frames) = inside.during(|| world.ok(&["ping", "-c1", "pod1", "pod3"]));
            assert_eq!(sources(&frames), only(POD1), "{data_path}: between pods");
            world.ok(&["down", "egress"]);
        }
    });
}

#[test]
fn tests_know_as_whom_a_pod_is_seen() {
    in_each_mode("tests_know_as_whom_a_pod_is_seen", |world| {
        let to = |to: &str, probe: &str, port: u16, as_whom: &str| {
            test(
                world,
                &format!(
                    "from = \"pod1\"\nto = \"{to}\"\nprobe = \"{probe}\"\nport = {port}\nseen_as = \"{as_whom}\""
                ),
            )
        };
        for right in [
            to("internet", "tcp", 80, "node1"),
            to("internet", "udp", 3478, NODE1),
            to("8.8.8.8", "udp", 3478, "node1"),
            to("2001:db8:113::10", "tcp", 80, "node1 eth0"),
            to("2001:db8:113::10", "udp", 3478, "fd00:66::b"),
            to("pod3", "tcp", 80, "pod1"),
        ] {
            assert_eq!(right.code, 0, "{right:?}");
        }
        let wrong = to("pod3", "tcp", 80, "node1");
        assert_eq!(wrong.code, 1, "{wrong:?}");
        assert!(wrong.stdout.contains(&format!("seen as pod1 ({POD1}) instead of node1")), "{wrong:?}");
        let wrong = to("internet", "tcp", 80, "pod1");
        assert!(wrong.stdout.contains(&format!("seen as node1 eth0 ({NODE1}) instead of pod1")), "{wrong:?}");
        // A server that says nothing of the kind, and none at all.
        let wrong = to("internet", "tcp", 7, "node1");
        assert!(wrong.stdout.contains("a reply that does not tell as whom pod1 was seen"), "{wrong:?}");
        let wrong = to("internet", "tcp", 81, "node1");
        assert!(wrong.stdout.contains("refused instead of reply"), "{wrong:?}");
        let wrong = to("internet", "udp", 9, "node1");
        assert!(wrong.stdout.contains("port-unreachable instead of reply"), "{wrong:?}");
    });
}

#[test]
fn errors_about_translated_packets_come_back() {
    in_each_mode("errors_about_translated_packets_come_back", |world| {
        world.ok(&["up", &world.lab("egress.toml")]);
        world.ok(&["ping", "-c1", "-s", "4000", "-M", "dont", "pod1", "internet"]);
        world.ok(&["ping", "-6", "-c1", "-s", "4000", "-M", "dont", "pod1", "internet"]);
        let hops = world.ok(&["traceroute", "pod1", "internet"]);
        let names: Vec<&str> = hops.lines().skip(1).filter_map(|hop| hop.split_whitespace().nth(1)).collect();
        assert_eq!(names, ["node1", "fabric", "internet"], "{hops}");
        if !has("ip") {
            return skip("errors_about_translated_packets_come_back", "ip is not installed");
        }
        // The fabric's end of the cable to the outside carries less than all before it.
        world.ok(&["exec", "fabric", "--", "ip", "link", "set", "internet", "mtu", "1300"]);
        for family in ["-4", "-6"] {
            let ran = world.netlab(&["ping", family, "-c1", "-M", "do", "-s", "1400", "pod1", "internet"]);
            assert!(ran.stdout.contains("1300") && ran.stdout.contains("fabric"), "{ran:?}");
        }
    });
}

#[test]
fn without_translation_the_answer_finds_no_way_back() {
    in_each_mode("without_translation_the_answer_finds_no_way_back", |world| {
        let text = std::fs::read_to_string(world.lab("egress.toml")).expect("the lab");
        let text = text.replace("[cluster]", "[cluster]\nnon_masquerade_cidrs = [\"203.0.113.0/24\"]");
        let file = world.file("kept.toml", &text);
        world.ok(&["up", &file]);
        let wire = Capture::start(world, "kept", "internet", "eth0");
        let (ran, frames) =
            wire.during(|| world.netlab(&["ping", "-l", "kept", "-c1", "-W1", "pod1", "internet"]));
        assert_eq!(ran.code, 1, "{ran:?}");
        assert_eq!(sources(&frames), only(POD1), "the request comes as it was sent");
        let answers = frames.iter().filter(|frame| frame.left).filter_map(ends);
        assert_eq!(answers.filter(|(_, to)| to == POD1).count(), 0, "the answer has no route");
        // Everything else is translated: also what goes to other nodes.
        world.ok(&["ping", "-l", "kept", "-c1", "pod1", "8.8.8.8"]);
        let node2 = Capture::start(world, "kept", "node2", "eth0");
        let (_, frames) = node2.during(|| world.ok(&["ping", "-l", "kept", "-c1", "pod1", "node2"]));
        assert_eq!(sources(&frames), only(NODE1));
        let (_, frames) = node2.during(|| world.ok(&["ping", "-l", "kept", "-c1", "pod1", "pod3"]));
        assert_eq!(sources(&frames), only(POD1), "pods see each other as they are, whatever the file says");
    });
}

#[test]
fn rules_that_are_gone_are_blamed_and_mended() {
    in_each_mode("rules_that_are_gone_are_blamed_and_mended", |world| {
        if !has("nft") {
            return skip("rules_that_are_gone_are_blamed_and_mended", "nft is not installed");
        }
        world.ok(&["up", &world.lab("egress.toml")]);
        let fine = world.ok(&["why", "pod1", "internet"]);
        assert!(fine.contains("every look-up on the way is in order"), "{fine}");
        world.ok(&["ping", "-c1", "pod1", "internet"]);
        let rules = world.ok(&["inspect", "node1"]);
        let counted = |rule: &str, count: &str| {
            rules.lines().any(|line| line.contains(rule) && line.trim_end().ends_with(count))
        };
        assert!(counted("ip saddr 10.244.1.0/24 masquerade", " 1 packet"), "{rules}");
        assert!(counted("ip daddr 10.244.0.0/16 return", " 0 packets"), "{rules}");
        world.ok(&["exec", "node1", "--", "nft", "flush", "ruleset"]);
        assert!(!world.ok(&["inspect", "node1"]).contains("NFTABLES"));
        let why = world.netlab(&["why", "pod1", "internet"]).stdout;
        assert!(
            why.contains("on the way back, internet has no route to 10.244.1.2 (pod1), as nobody outside has one to pods"),
            "{why}"
        );
        let commands: Vec<&str> = why.lines().filter_map(|line| line.strip_prefix("mend: ")).collect();
        assert_eq!(commands.len(), 8, "{why}");
        for command in commands {
            let netlab = command.replacen("netlab", &world.binary().display().to_string(), 1);
            let mut shell = Command::new("sh");
            shell.args(["-c", &netlab]);
            world.prepare(&mut shell);
            assert!(shell.status().expect("sh").success(), "{command}");
        }
        world.ok(&["ping", "-c1", "pod1", "internet"]);
        world.ok(&["ping", "-6", "-c1", "pod1", "internet"]);
    });
}

#[test]
fn labs_without_a_way_out_have_no_rules() {
    in_each_mode("labs_without_a_way_out_have_no_rules", |world| {
        if !has("nft") {
            return skip("labs_without_a_way_out_have_no_rules", "nft is not installed");
        }
        world.ok(&["up", &world.lab("dual-stack.toml")]);
        world.ok(&["up", &world.lab("egress.toml")]);
        let rules = |lab: &str| world.ok(&["exec", "-l", lab, "node1", "--", "nft", "list", "ruleset"]);
        assert_eq!(rules("dual-stack"), "");
        assert!(rules("egress").contains("masquerade"));
    });
}

#[test]
fn outside_is_still_inside() {
    if !isolated("outside_is_still_inside") {
        return;
    }
    in_each_mode("outside_is_still_inside", |world| {
        let host = || -> String {
            let ask = |args: &[&str]| {
                let output = Command::new(args[0]).args(&args[1..]).output();
                output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
            };
            // Every cable with an end out here would be a link here.
            ask(&["ip", "-d", "link"])
                + &ask(&["ip", "addr"])
                + &ask(&["ip", "route", "show", "table", "all"])
                + &ask(&["ip", "rule"])
                + &ask(&["nft", "list", "ruleset"])
                + &std::fs::read_to_string("/proc/net/dev").expect("interfaces")
        };
        let before = host();
        world.ok(&["up", &world.lab("egress.toml")]);
        let ping = world.ok(&["ping", "-c1", "pod1", "8.8.8.8"]);
        assert!(ping.contains("64 bytes from dns (8.8.8.8)"), "{ping}");
        assert_eq!(host(), before, "while it is up, and after packets went \"out\"");
        // Whom the lab does not have, nobody reaches: the fabric is where the world ends.
        let ran = world.netlab(&["ping", "-c1", "pod1", "1.1.1.1"]);
        assert!(ran.stdout.contains("From fabric") && ran.stdout.contains("Unreachable"), "{ran:?}");
        world.ok(&["down", "egress"]);
        assert_eq!(host(), before);
    });
}

fn has(program: &str) -> bool {
    Command::new("sh")
        .args(["-c", &format!("command -v {program}")])
        .output()
        .is_ok_and(|output| output.status.success())
}

/// Every subnet of a node is a rule: far more than the answers that an ordinary user's socket holds.
#[test]
fn many_segments_have_many_rules() {
    let segments: Vec<String> = (0..200).map(|number| format!("s{number}")).collect();
    let tables: String = segments.iter().map(|name| format!("[[segment]]\nname = \"{name}\"\n")).collect();
    let text = format!(
        "[cluster]\ndata_path = \"vxlan\"\npod_cidr = [\"10.244.0.0/16\", \"fd00:244::/56\"]\n{tables}\
         [[router]]\nname = \"spine\"\nsegments = {segments:?}\n[[external]]\nname = \"internet\"\n\
         [[node]]\nname = \"node1\"\nsegment = \"s199\"\npods = [\"pod1\"]\n"
    );
    in_each_mode("many_segments_have_many_rules", |world| {
        world.ok(&["up", &world.file("many.toml", &text)]);
        let rules = world.ok(&["inspect", "node1"]);
        assert_eq!(rules.lines().filter(|line| line.contains(" return ")).count(), 402, "{rules}");
        assert!(world.ok(&["ping", "-c1", "pod1", "internet"]).contains("1 received"));
    });
}

/// A network of all addresses is of one family all the same: what is read back must not say otherwise.
#[test]
fn all_of_a_family_is_not_all_of_both() {
    in_each_mode("all_of_a_family_is_not_all_of_both", |world| {
        let text = std::fs::read_to_string(world.lab("egress.toml")).expect("the lab");
        let text = text.replace("[cluster]", "[cluster]\nnon_masquerade_cidrs = [\"0.0.0.0/0\"]");
        world.ok(&["up", &world.file("family.toml", &text)]);
        let rules = world.ok(&["inspect", "node1"]);
        assert!(rules.contains("  ip daddr 0.0.0.0/0 return"), "{rules}");
        world.ok(&["ping", "-6", "-c1", "pod1", "internet"]);
        let why = world.ok(&["why", "-6", "pod1", "internet"]);
        assert!(why.contains("every look-up on the way is in order"), "{why}");
        let why = world.netlab(&["why", "-4", "pod1", "internet"]).stdout;
        assert!(why.contains("internet has no route to 10.244.1.2 (pod1)"), "{why}");
    });
}

/// In a flat network cbr0 has the pods' gateway address too, which has more in common with these externals' addresses than the
/// node's own has: by itself an IPv6 stack would take that, and no answer would find back.
#[test]
fn outside_a_flat_network_s_nodes_are_never_seen_as_their_pods_gateway() {
    in_each_mode("outside_a_flat_network", |world| {
        let text = std::fs::read_to_string(world.lab("egress.toml")).expect("the lab");
        let text = text.replace("[cluster]", "[cluster]\ndata_path = \"l2\"");
        let text = text.replace("ip   = \"8.8.8.8\"", "ip = [\"10.245.0.1\", \"fd00:240::1\"]");
        let (topology, _) = text.split_once("[[test]]").expect("tests");
        world.ok(&["up", &world.file("flat.toml", topology)]);
        let wire = Capture::start(world, "flat", "dns", "eth0");
        for (family, own) in [("-4", NODE1), ("-6", "fd00:66::b")] {
            for from in ["pod1", "node1"] {
                let (_, frames) = wire.during(|| world.ok(&["ping", family, "-c1", from, "dns"]));
                assert_eq!(sources(&frames), only(own), "{from} {family}");
            }
        }
        let rules = world.ok(&["inspect", "node1"]);
        assert!(rules.contains("ip6 saddr fd00:244:0:1::/64 snat ip6 to fd00:66::b"), "{rules}");
    });
}

/// Where the fabric leads outside, it leads from segment to segment too.
#[test]
fn segments_need_no_router_where_the_fabric_routes() {
    let text = |external: &str| {
        format!(
            "[cluster]\ndata_path = \"vxlan\"\n[[segment]]\nname = \"a\"\n[[segment]]\nname = \"b\"\n{external}\n\
             [[node]]\nname = \"n\"\nsegment = \"a\"\n[[node]]\nname = \"m\"\nsegment = \"b\"\n"
        )
    };
    assert!(netlab::parse(&text("[[external]]\nname = \"net\""), "x").is_ok());
    assert!(netlab::parse(&text(""), "x").is_err());
}
