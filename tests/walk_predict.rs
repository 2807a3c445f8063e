//! What the kernels' tables foretell of a packet, held against the packet itself, on the real kernel.

mod support;

use netlab::model::DataPath;
use serde_json::Value;
use support::capture::Capture;
use support::{World, in_each_mode_unless_slow, is_slow, skip};

/// A walk as data; `netlab walk` may have any exit code.
fn walk(world: &World, args: &[&str]) -> (i32, Value) {
    let ran = world.netlab(&[&["walk", "--format", "json"], args].concat());
    let json = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:#?}"));
    (ran.code, json)
}

/// Everything that is the same of a step that is foretold and one that is captured.
fn steps(walk: &Value, which: &str) -> Vec<String> {
    let ways = walk["ways"].as_array().expect("ways");
    let way = ways.iter().find(|way| way["kind"] == which);
    let steps = way.and_then(|way| way["steps"].as_array()).map(Vec::as_slice).unwrap_or_default();
    steps.iter().map(step).collect()
}

/// `node1/eth0 out 63 vxlan1 "pod1 → node1 cbr0": macs ttl`, with the frame's length.
fn step(step: &Value) -> String {
    let texts = |what: &str, of: &str| -> String {
        let all = step[what].as_array().expect("a list").iter();
        all.map(|one| format!(" {}", one[of])).collect()
    };
    let inner = step["layers"].as_array().and_then(|layers| layers.last()).expect("a packet");
    format!(
        "{}/{} {} ttl {} {} {} {} {}:{}",
        step["place"],
        step["interface"],
        step["direction"],
        inner["ip"]["ttl"],
        step["macs"],
        step["bytes"],
        step["pieces"],
        step["layers"].as_array().map_or(0, Vec::len),
        texts("changes", "kind")
    )
}

/// The same of the answer to a TCP packet, of which nobody knows beforehand whether it is a welcome.
fn without_length(step: &str) -> String {
    step.split(' ').filter(|word| word.parse::<usize>().is_err()).collect::<Vec<_>>().join(" ")
}

/// That the tables foretell a walk, step by step, and that both say so.
fn foretold(world: &World, what: &str, args: &[&str]) {
    let (code, expected) = walk(world, &[args, &["--predict"]].concat());
    assert_eq!(code, 0, "{what} {args:?}: {expected:#}");
    assert_eq!(expected["origin"], "predicted", "{what} {args:?}");
    let (code, found) = walk(world, args);
    assert_eq!(code, 0, "{what} {args:?}: {found:#}");
    assert_eq!(found["origin"], "captured", "{what} {args:?}");
    assert!(!steps(&found, "request").is_empty(), "{what} {args:?}: {found:#}");
    assert_eq!(steps(&expected, "request"), steps(&found, "request"), "{what} {args:?}");
    let is = |probe: &str| args.iter().any(|arg| arg.starts_with(probe));
    if is("tcp:") {
        let of = |walk: &Value| -> Vec<String> {
            steps(walk, "reply").iter().map(|step| without_length(step)).collect()
        };
        assert_eq!(of(&expected), of(&found), "{what} {args:?}");
    } else if !is("udp:") {
        assert_eq!(steps(&expected, "reply"), steps(&found, "reply"), "{what} {args:?}");
    }
    assert_eq!(found["prediction"]["agrees"], true, "{what} {args:?}: {:#}", found["prediction"]);
    let with_prediction = world.ok(&[&["walk"], args].concat());
    assert!(
        with_prediction.contains("the path is the one that the kernels' tables say"),
        "{with_prediction}"
    );
}

/// Brings a lab up; `false`, said loudly, where this kernel cannot.
fn up(world: &World, test: &str, args: &[&str]) -> bool {
    let ran = world.netlab(&[&["up"], args].concat());
    if ran.code == 3 {
        let why = ran.stderr.lines().find(|line| line.contains("this kernel lacks")).unwrap_or(&ran.stderr);
        skip(&format!("{test}: {}", args.join(" ")), why.trim_start_matches("netlab: "));
        return false;
    }
    assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
    true
}

#[test]
fn every_data_path_is_foretold() {
    in_each_mode_unless_slow("every_data_path_is_foretold", |world| {
        let all = [
            DataPath::L2,
            DataPath::HostGw,
            DataPath::Cloud,
            DataPath::Vxlan,
            DataPath::Geneve,
            DataPath::Ipip,
            DataPath::Gre,
            DataPath::Wireguard,
        ];
        for data_path in all {
            let word = data_path.word();
            // Such tunnels carry IPv4 alone.
            let (lab, families) = match data_path {
                DataPath::Ipip => ("two-node", &["-4"][..]),
                _ => ("dual-stack", &["-4", "-6"][..]),
            };
            let file = world.lab(&format!("{lab}.toml"));
            if !up(world, "every_data_path_is_foretold", &["--data-path", word, &file]) {
                continue;
            }
            for family in families {
                for (from, to) in [("pod1", "pod4"), ("pod1", "pod2"), ("node1", "pod4"), ("pod4", "node2")] {
                    foretold(world, word, &[family, from, to]);
                }
                // Which piece is which, WireGuard lets nobody see.
                if data_path != DataPath::Wireguard {
                    foretold(world, word, &[family, "pod1", "pod4", "-s", "4000"]);
                }
                foretold(world, word, &[family, "pod4", "pod1", "tcp:80"]);
                foretold(world, word, &[family, "pod4", "pod1", "udp:9"]);
            }
            world.ok(&["down", lab]);
        }
    });
}

#[test]
fn every_shipped_lab_is_foretold() {
    in_each_mode_unless_slow("every_shipped_lab_is_foretold", |world| {
        for (lab, walks) in [
            ("one-node", &[["pod1", "pod2"], ["pod1", "node1"], ["node1", "10.244.1.1"]][..]),
            ("three-node", &[["pod1", "pod4"], ["node3", "node1"], ["spine", "node2"]]),
            ("sidecar", &[["client", "web-pod"], ["web-pod", "node2"]]),
            ("cloud", &[["pod1", "pod4"], ["node1", "node2"]]),
            ("l2", &[["pod1", "pod4"], ["node1", "pod4"]]),
            ("vxlan", &[["pod1", "pod4"], ["node1", "node2"]]),
            ("vxlan-direct", &[["pod1", "pod2"], ["pod1", "pod3"], ["node1", "node3"]]),
            ("two-racks", &[["pod1", "pod5"], ["pod1", "pod3"], ["node1", "spine"]]),
            ("mtu", &[["pod1", "pod4"], ["pod1", "pod2"]]),
            ("slow-link", &[["pod1", "pod3"]]),
            ("egress", &[["pod1", "internet"], ["node2", "dns"], ["internet", "node1"], ["pod1", "pod3"]]),
        ] {
            if !up(world, "every_shipped_lab_is_foretold", &[&world.lab(&format!("{lab}.toml"))]) {
                continue;
            }
            for [from, to] in walks {
                foretold(world, lab, &[from, to]);
            }
            if lab == "egress" {
                foretold(world, lab, &["-6", "pod3", "internet"]);
                foretold(world, lab, &["pod3", "internet", "tcp:80"]);
                foretold(world, lab, &["pod1", "internet", "udp:9"]);
            }
            world.ok(&["down", lab]);
        }
    });
}

#[test]
fn packets_of_many_pieces_are_foretold() {
    in_each_mode_unless_slow("packets_of_many_pieces_are_foretold", |world| {
        world.ok(&["up", &world.lab("mtu.toml")]);
        let (code, expected) = walk(world, &["pod1", "pod4", "--size", "1472", "--df", "--predict"]);
        assert_eq!(code, 1, "{expected:#}");
        let text = expected["lost"]["text"].as_str().expect("a text");
        assert!(
            text.ends_with(
                "node1 flannel.1 takes 1450 bytes, and the packet has 1500 and may not be taken apart"
            ),
            "{text}"
        );
        let (code, expected) = walk(world, &["pod1", "pod4", "udp:9", "-s", "1472", "--predict"]);
        assert_eq!((code, steps(&expected, "request").len()), (1, 3), "{expected:#}");
        let (code, found) = walk(world, &["pod1", "pod4", "--size", "1472", "--df"]);
        assert_eq!((code, &found["prediction"]["agrees"]), (1, &Value::Bool(true)), "{found:#}");
        // By now pod1 knows better, and takes its packets apart.
        for size in ["1472", "3000"] {
            for args in [&["pod1", "pod4", "-s", size][..], &["pod1", "pod2", "-s", size]] {
                let (code, found) = walk(world, args);
                assert_eq!((code, &found["prediction"]["agrees"]), (0, &Value::Bool(true)), "{found:#}");
            }
        }
        let args = ["pod1", "pod4", "udp:9", "-s", "1472"];
        let (_, expected) = walk(world, &[&args[..], &["--predict"]].concat());
        let (_, found) = walk(world, &args);
        assert_eq!(steps(&expected, "request"), steps(&found, "request"), "{found:#}");
        // Nobody knows better than the sender: it is not even let out.
        let (code, expected) = walk(world, &["pod1", "pod4", "--size", "1473", "--df", "--predict"]);
        assert_eq!((code, steps(&expected, "request").len()), (1, 0), "{expected:#}");
        world.ok(&["down", "mtu"]);
    });
}

#[test]
fn questions_for_neighbours_are_foretold() {
    in_each_mode_unless_slow("questions_for_neighbours_are_foretold", |world| {
        // Nobody has asked for anybody in a lab that is new.
        world.ok(&["up", &world.lab("two-node.toml")]);
        let (_, expected) = walk(world, &["pod1", "pod4", "--predict"]);
        let (_, found) = walk(world, &["pod1", "pod4"]);
        assert_eq!(found["counts"]["questions"], 3, "{found:#}");
        assert_eq!(expected["counts"], found["counts"]);
    });
}

/// A walk's text, all in one line.
fn told(world: &World, args: &[&str]) -> String {
    world.netlab(&[&["walk"], args].concat()).stdout.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_text_says_where_the_tables_end() {
    in_each_mode_unless_slow("the_text_says_where_the_tables_end", |world| {
        world.ok(&["up", &world.lab("two-node.toml")]);
        let text = told(world, &["pod1", "10.244.9.9", "--predict"]);
        let end = "nothing was sent: the kernels' tables lead no further than step 3, node1 cbr0: \
                   node1 has no route to 10.244.9.9: ";
        assert!(text.contains(end), "{text}");
        // Who is to blame is said of this packet, and not of a short one.
        let (code, expected) = walk(world, &["pod1", "pod4", "-s", "2000", "--df", "--predict"]);
        assert_eq!(code, 1, "{expected:#}");
        let cause = expected["lost"]["cause"].as_str().expect("a cause");
        assert!(cause.contains("2028") && cause.contains("1500"), "{cause}");
        let text = told(world, &["pod1", "pod4", "-s", "2000", "--df", "--predict"]);
        assert!(
            text.contains("nothing was sent: the kernels' tables do not let it out: pod1 eth0 "),
            "{text}"
        );
        // What a switch will know is said in words of its own.
        let text = told(world, &["pod1", "pod2", "--predict"]);
        assert!(!text.contains("does not know"), "{text}");
    });
}

#[test]
fn a_place_is_foretold_to_talk_to_itself() {
    in_each_mode_unless_slow("a_place_is_foretold_to_talk_to_itself", |world| {
        world.ok(&["up", &world.lab("dual-stack.toml")]);
        let heading = told(world, &["pod1", "pod1", "--predict"]);
        assert!(heading.contains("10.244.1.2 → 10.244.1.2"), "{heading}");
        for to in ["pod1", "127.0.0.1", "127.0.0.5", "::1", "fd00:244:0:1::2"] {
            foretold(world, "dual-stack", &["pod1", to]);
        }
        // What a kernel gives an interface by itself is in no plan, and leads to no route of its own.
        let shown = world.ok(&["exec", "node1", "--", "ip", "-6", "-o", "addr", "show", "dev", "cbr0"]);
        let link_local = shown.split_whitespace().find(|word| word.starts_with("fe80:"));
        let link_local = link_local.and_then(|word| word.split('/').next()).expect("a link-local address");
        foretold(world, "dual-stack", &["pod1", link_local]);
    });
}

#[test]
fn what_is_too_long_for_its_receiver_is_foretold() {
    in_each_mode_unless_slow("what_is_too_long_for_its_receiver_is_foretold", |world| {
        let file = world.lab("two-node.toml");
        if !up(world, "what_is_too_long_for_its_receiver_is_foretold", &["--data-path", "vxlan", &file]) {
            return;
        }
        world.ok(&["exec", "node1", "--", "ip", "link", "set", "eth0", "mtu", "1400"]);
        let args = ["pod1", "pod4", "-s", "1422"];
        let (code, expected) = walk(world, &[&args[..], &["--predict"]].concat());
        assert_eq!(code, 1, "{expected:#}");
        let text = expected["lost"]["text"].as_str().expect("a text");
        assert!(text.ends_with("node1 eth0 takes 1400 bytes, and the packet has 1500"), "{text}");
        let (code, found) = walk(world, &[&args[..], &["-W", "0.5"]].concat());
        assert_eq!((code, &found["prediction"]["agrees"]), (1, &Value::Bool(true)), "{found:#}");
        assert_eq!(steps(&expected, "reply"), steps(&found, "reply"));
        // The outer packet has 1404 bytes: there is room for a VLAN tag.
        for (size, code) in [("1326", 0), ("1327", 1)] {
            let (predicted, expected) = walk(world, &["pod1", "pod4", "-s", size, "--predict"]);
            let (found, _) = walk(world, &["pod1", "pod4", "-s", size, "-W", "0.5"]);
            assert_eq!((predicted, found), (code, code), "{size}: {expected:#}");
        }
    });
}

#[test]
fn what_a_sender_knows_of_the_path_is_foretold() {
    in_each_mode_unless_slow("what_a_sender_knows_of_the_path_is_foretold", |world| {
        world.ok(&["up", &world.lab("two-node.toml")]);
        world.ok(&["exec", "node1", "--", "ip", "link", "set", "eth0", "mtu", "1300"]);
        let args = ["pod1", "pod4", "-s", "1400", "--df"];
        let (_, expected) = walk(world, &[&args[..], &["--predict"]].concat());
        assert_eq!(steps(&expected, "request").len(), 3, "{expected:#}");
        let (code, found) = walk(world, &[&args[..], &["-W", "0.5"]].concat());
        assert_eq!((code, &found["prediction"]["agrees"]), (1, &Value::Bool(true)), "{found:#}");
        // It has heard of it by now.
        let text = told(world, &[&args[..], &["--predict"]].concat());
        let end = "nothing was sent: the kernels' tables do not let it out: pod1 knows that the path to 10.244.2.3 takes \
                   1300 bytes, and the packet has 1428";
        assert!(text.contains(end), "{text}");
        let args = &args[..4];
        let (_, expected) = walk(world, &[args, &["--predict"]].concat());
        let (_, found) = walk(world, args);
        assert_eq!(steps(&expected, "request"), steps(&found, "request"));
        assert_eq!(found["ways"][0]["steps"][0]["pieces"], 2, "{found:#}");
    });
}

#[test]
fn each_places_own_ttl_is_foretold() {
    in_each_mode_unless_slow("each_places_own_ttl_is_foretold", |world| {
        world.ok(&["up", &world.lab("dual-stack.toml")]);
        let sysctl = |place: &str, what: &str| world.ok(&["exec", place, "--", "sysctl", "-qw", what]);
        sysctl("pod1", "net.ipv4.ip_default_ttl=32");
        sysctl("pod4", "net.ipv4.ip_default_ttl=128");
        sysctl("pod1", "net.ipv6.conf.eth0.hop_limit=20");
        for family in ["-4", "-6"] {
            foretold(world, "dual-stack", &[family, "pod1", "pod4"]);
            foretold(world, "dual-stack", &[family, "pod4", "pod1"]);
        }
        foretold(world, "dual-stack", &["-4", "pod1", "pod1"]);
    });
}

#[test]
fn nothing_is_sent() {
    in_each_mode_unless_slow("nothing_is_sent", |world| {
        world.ok(&["up", &world.lab("two-node.toml")]);
        let seen = |args: &[&str]| {
            let capture = Capture::start(world, "two-node", "pod1", "eth0");
            let (ran, frames) = capture.during(|| world.netlab(args));
            assert_eq!(ran.code, 0, "{ran:?}");
            frames.len()
        };
        assert_eq!(seen(&["walk", "--predict", "pod1", "pod4"]), 0);
        assert_ne!(seen(&["walk", "pod1", "pod4"]), 0, "a capture that sees nothing proves nothing");
    });
}

/// Breaks a lab, and has the tables say why nothing arrives; whether the packet dies where they say.
struct Broken<'a> {
    world: &'a World,
    lab: &'a str,
    from: &'a str,
    to: &'a str,
}

impl Broken<'_> {
    fn ends(&self, place: &str, how: &[&str], words: &str, mend: &[&str]) {
        let Self { world, from, to, .. } = self;
        world.ok(&[&["exec", place, "--"], how].concat());
        let (code, expected) = walk(world, &[from, to, "--predict"]);
        assert_eq!(code, 1, "{how:?}: {expected:#}");
        let text = expected["lost"]["text"].as_str().expect("a text");
        assert!(text.contains(words), "{how:?}: {text}");
        let (code, found) = walk(world, &[from, to, "-W", "0.5"]);
        assert_eq!(code, 1, "{how:?}: {found:#}");
        for which in ["request", "reply"] {
            assert_eq!(steps(&expected, which), steps(&found, which), "{how:?}, {which}");
        }
        assert_eq!(found["prediction"]["agrees"], true, "{how:?}: {:#}", found["prediction"]);
        world.ok(&[&["exec", place, "--"], mend].concat());
        let (code, found) = walk(world, &[from, to]);
        assert_eq!(code, 0, "{} after {mend:?}: {found:#}", self.lab);
    }
}

#[test]
fn a_broken_lab_is_foretold_to_be_so() {
    in_each_mode_unless_slow("a_broken_lab_is_foretold_to_be_so", |world| {
        world.ok(&["up", &world.lab("two-node.toml")]);
        let broken = Broken { world, lab: "two-node", from: "pod1", to: "pod4" };
        let sysctl = |value: &'static str| ["sysctl", "-qw", value];
        broken.ends(
            "node2",
            &sysctl("net.ipv4.ip_forward=0"),
            "step 6, node2 eth0: node2 does not forward: net.ipv4.ip_forward = 0",
            &sysctl("net.ipv4.ip_forward=1"),
        );
        let route = ["10.244.2.0/24", "via", "192.168.66.12"];
        broken.ends(
            "node1",
            &["ip", "route", "del", route[0]],
            "step 3, node1 cbr0: node1 has no route to 10.244.2.3: Network is unreachable (ENETUNREACH)",
            &[&["ip", "route", "add"], &route[..]].concat(),
        );
        let back = ["10.244.1.0/24", "via", "192.168.66.11"];
        broken.ends(
            "node2",
            &["ip", "route", "del", back[0]],
            "step 12, node2 cbr0: node2 has no route to 10.244.1.2: Network is unreachable (ENETUNREACH)",
            &[&["ip", "route", "add"], &back[..]].concat(),
        );
        broken.ends(
            "node1",
            &["ip", "route", "replace", route[0], "via", "192.168.66.99"],
            "step 3, node1 cbr0: node1 asks on eth0 for 192.168.66.99, and nobody there has it",
            &[&["ip", "route", "replace"], &route[..]].concat(),
        );
        let to_pod1 = back.join(" ");
        broken.ends(
            "node2",
            &["sh", "-c", &format!("sysctl -qw net.ipv4.conf.all.rp_filter=1; ip route del {to_pod1}")],
            "step 6, node2 eth0: node2 takes nothing from 10.244.1.2 by eth0 (rp_filter = 1): ",
            &["sh", "-c", &format!("sysctl -qw net.ipv4.conf.all.rp_filter=0; ip route add {to_pod1}")],
        );
        broken.ends(
            "pod4",
            &["ip", "route", "del", "default"],
            "step 9, pod4 eth0: pod4 has no route to 10.244.1.2: Network is unreachable (ENETUNREACH)",
            &["ip", "route", "add", "default", "via", "10.244.2.1"],
        );
        broken.ends(
            "pod4",
            &sysctl("net.ipv4.icmp_echo_ignore_all=1"),
            "step 9, pod4 eth0: pod4 answers no pings: net.ipv4.icmp_echo_ignore_all = 1",
            &sysctl("net.ipv4.icmp_echo_ignore_all=0"),
        );
        world.ok(&["down", "two-node"]);
        world.ok(&["up", &world.lab("vxlan.toml")]);
        let broken = Broken { world, lab: "vxlan", ..broken };
        let entry = ["0a:58:0a:f4:02:00", "dev", "flannel.1", "dst", "192.168.66.12", "self"];
        broken.ends(
            "node1",
            &[&["bridge", "fdb", "del"], &entry[..]].concat(),
            "step 4, node1 flannel.1: node1 flannel.1 has no FDB entry for 0a:58:0a:f4:02:00",
            &[&["bridge", "fdb", "append"], &entry[..]].concat(),
        );
        world.ok(&["down", "vxlan"]);
    });
}

#[test]
fn what_no_table_shows_is_told_as_a_difference() {
    in_each_mode_unless_slow("what_no_table_shows_is_told_as_a_difference", |world| {
        world.ok(&["up", &world.lab("two-node.toml")]);
        if world.netlab(&["exec", "node1", "--", "nft", "--version"]).code != 0 {
            return skip("what_no_table_shows_is_told_as_a_difference", "no nft here");
        }
        let nft = |rules: &str| world.ok(&["exec", "node1", "--", "nft", rules]);
        nft("add table ip t; add chain ip t f { type filter hook forward priority 0; }; \
             add rule ip t f ip protocol icmp drop");
        let (code, found) = walk(world, &["pod1", "pod4", "-W", "0.5"]);
        assert_eq!(code, 1, "{found:#}");
        let prediction = &found["prediction"];
        assert_eq!(prediction["agrees"], false, "{found:#}");
        assert_eq!(
            prediction["differences"],
            serde_json::json!([
                "captured 3 steps of the packet, the tables say 9: after step 3, node1 cbr0 in, comes node1 eth0 out"
            ])
        );
        assert_eq!(prediction["expected"].as_array().map(Vec::len), Some(6), "{prediction:#}");
        let text = world.netlab(&["walk", "pod1", "pod4", "-W", "0.5"]).stdout;
        assert!(text.contains("the path is not the one that the kernels' tables say:"), "{text}");
        assert!(text.contains("    4 node1 eth0 out, MACs rewritten: node1 eth0 → node2 eth0"), "{text}");
        // Another target: it goes somewhere else than the tables say of the address that it is for.
        nft("delete table ip t; add table ip t; \
             add chain ip t f { type nat hook prerouting priority -100; }; \
             add rule ip t f ip daddr 10.244.2.3 dnat to 10.244.2.2");
        let (code, found) = walk(world, &["pod1", "pod4", "--everywhere"]);
        assert_eq!(code, 1, "pod3 answers for pod4: {found:#}");
        assert_eq!(found["prediction"]["agrees"], false, "{found:#}");
        let difference = found["prediction"]["differences"][0].as_str().expect("a difference");
        assert!(difference.starts_with("step 4: at node1 eth0: "), "{difference}");
        assert!(difference.contains("target translated: 10.244.2.3 → 10.244.2.2"), "{difference}");
    });
}

/// The whole of it is to take no longer than this, on a machine of two cores that does nothing else.
#[test]
fn a_large_lab_reads_only_what_is_on_the_way() {
    in_each_mode_unless_slow("a_large_lab_reads_only_what_is_on_the_way", |world| {
        if is_slow() {
            return skip("a_large_lab_reads_only_what_is_on_the_way", "twenty times slower");
        }
        world.ok(&["up", &world.lab("hundred-pods.toml")]);
        foretold(world, "hundred-pods", &["node1-pod1", "node10-pod10"]);
        world.ok(&["down", "hundred-pods"]);
    });
}
