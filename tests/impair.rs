//! Impaired cables and unplugged ones, by what they do to real frames: rates on every kernel, the rest where there is netem.

mod support;

use std::time::{Duration, Instant};

use serde_json::Value;
use support::{World, in_each_mode, skip, wait_until};

/// Two nodes with two pods each, one of them an echo server; both families.
const LAB: &str = r#"
name = "bad"

[cluster]
pod_cidr = ["10.244.0.0/16", "fd00:244::/56"]

[[node]]
name = "node1"
pods = ["pod1", "pod2"]

[[node]]
name = "node2"
pods = ["pod3", "pod4"]

[[pod]]
name = "pod3"
[[pod.container]]
name = "echo"
command = ["netlab", "serve", "echo:7"]
"#;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in: {text}"))
}

fn up(world: &World, text: &str) {
    world.ok(&["up", &world.file("bad.toml", text)]);
}

/// Runs a test where the kernel has netem.
fn with_netem(test: &str, run: impl Fn(&World)) {
    in_each_mode(test, |world| {
        up(world, LAB);
        let tried = world.netlab(&["impair", "set", "node1", "delay=1ms"]);
        if tried.code == 3 {
            return skip(test, &format!("{:?}: {}", world.mode, tried.stderr.trim()));
        }
        assert_eq!(tried.code, 0, "{tried:?}");
        world.ok(&["impair", "clear", "node1"]);
        run(world);
    });
}

/// What a ping from pod1 found; nobody answering is no error here.
fn ping(world: &World, to: &str, more: &[&str]) -> Value {
    let words = [&["ping", "pod1", to, "--format", "json"], more].concat();
    json(&world.netlab(&words).stdout)
}

/// The round trips of the pings that were answered, in milliseconds.
fn times(ping: &Value) -> Vec<f64> {
    let probes = ping["probes"].as_array().expect("probes");
    probes.iter().filter_map(|probe| probe["rtt_ms"].as_f64()).collect()
}

fn least(times: &[f64]) -> f64 {
    times.iter().copied().fold(f64::INFINITY, f64::min)
}

fn shown(world: &World, target: &[&str]) -> Value {
    json(&world.ok(&[&["impair", "show", "--format", "json"], target].concat()))["impaired"].take()
}

/// The numbers that `tc` has of an interface's root queue.
fn queue(world: &World, place: &str, interface: &str) -> Value {
    let words = ["exec", place, "--", "tc", "-j", "-s", "qdisc", "show", "dev", interface, "root"];
    json(&world.ok(&words))[0].take()
}

#[test]
fn a_rate_bounds_what_passes_and_needs_only_tbf() {
    in_each_mode("a_rate_bounds_what_passes_and_needs_only_tbf", |world| {
        up(world, LAB);
        let binary = world.binary();
        let connect = ["exec", "pod1", "--", binary.to_str().expect("text"), "fetch", "tcp://10.244.2.2:7"];
        wait_until("the echo server listens", || world.netlab(&connect).code == 0);
        let told = world.ok(&["impair", "set", "node2", "rate=2mbit", "--direction", "in"]);
        assert!(told.contains("node2     in         rate 2mbit"), "{told}");
        let before = queue(world, "fabric", "node2")["bytes"].as_u64().expect("bytes");
        // 200 kB at 250 kB a second; the bucket lets the first 3 kB pass at once.
        let began = Instant::now();
        let script =
            "exec 3<>/dev/tcp/10.244.2.2/7; head -c 200000 /dev/zero >&3 & head -c 200000 <&3 | wc -c";
        let got = world.ok(&["exec", "pod1", "--", "bash", "-c", script]);
        let took = began.elapsed();
        assert_eq!(got.trim(), "200000");
        assert!(took > Duration::from_millis(750), "200 kB passed at 2 Mbit/s within {took:?}");
        let after = queue(world, "fabric", "node2");
        assert_eq!(after["kind"], "tbf");
        assert!(after["bytes"].as_u64().expect("bytes") - before > 200_000, "{after:#}");
        assert!(after["overlimits"].as_u64().expect("overlimits") > 0, "{after:#}");
        // What node2 sends is not what it gets.
        assert_eq!(queue(world, "node2", "eth0")["kind"], "noqueue");
        assert_eq!(shown(world, &["node2"]).as_array().map(Vec::len), Some(1));
    });
}

#[test]
fn a_pods_cable_is_its_own_and_a_segment_is_everybodys() {
    in_each_mode("a_pods_cable_is_its_own_and_a_segment_is_everybodys", |world| {
        let impaired = LAB
            .replace(
                "pods = [\"pod3\", \"pod4\"]",
                "pods = [\"pod3\", \"pod4\"]\nimpair = { rate = \"3mbit\", direction = \"out\" }",
            )
            .replace("[[pod.container]]", "[pod.impair]\nrate = \"1mbit\"\n[[pod.container]]");
        up(world, &format!("{impaired}\n[[segment]]\nname = \"rack\"\nimpair = {{ rate = \"2mbit\" }}\n"));
        let rates = |ends: &Value| -> Vec<String> {
            let ends = ends.as_array().expect("a list");
            let line = |end: &Value| {
                let text = |key: &str| end[key].as_str().expect("text").to_owned();
                let rate = end["impair"]["rate_bps"].as_u64().expect("a rate");
                format!("{} {} {} {rate}", text("name"), text("direction"), text("place"))
            };
            ends.iter().map(line).collect()
        };
        let all = [
            "node1 in fabric 2000000",
            "node2 out node2 3000000",
            "node2 in fabric 2000000",
            "pod3 out pod3 1000000",
            "pod3 in node2 1000000",
        ];
        assert_eq!(rates(&shown(world, &[])), all);
        assert_eq!(rates(&shown(world, &["rack"])), [all[0], all[2]]);
        assert_eq!(rates(&shown(world, &["pod3"])), all[3..]);
        assert_eq!(rates(&shown(world, &["pod3", "--direction", "in"])), all[4..]);
        assert_eq!(rates(&shown(world, &["pod1"])), [] as [&str; 0]);
        assert_eq!(
            world.record("bad").expect("a record")["lab"]["nodes"][1]["impair"]["rate_bps"],
            3_000_000
        );
        // It is the kernel that is asked, not the record.
        world.ok(&["exec", "pod3", "--", "tc", "qdisc", "del", "dev", "eth0", "root"]);
        assert_eq!(rates(&shown(world, &["pod3"])), all[4..]);
        let page = world.ok(&["inspect", "node2"]);
        assert_eq!(page.matches("to what it sends: rate").count(), 2, "{page}");
        world.ok(&["impair", "clear", "rack"]);
        world.ok(&["impair", "clear", "pod3"]);
        assert_eq!(rates(&shown(world, &[])), all[1..2]);
        assert_eq!(world.ok(&["impair", "clear", "pod3"]), "pod3 is not impaired\n");
        assert_eq!(
            world.ok(&["impair", "clear", "node2", "loss"]),
            "CABLE OF  DIRECTION  WHAT HAPPENS\nnode2     out        rate 3mbit\n"
        );
        assert_eq!(world.ok(&["impair", "clear", "node2", "rate"]), "nothing is impaired\n");
        assert_eq!(world.ok(&["impair", "show"]), "nothing is impaired\n");
    });
}

#[test]
fn what_cannot_be_meant_is_said_and_changes_nothing() {
    in_each_mode("what_cannot_be_meant_is_said_and_changes_nothing", |world| {
        up(world, LAB);
        for (words, said) in [
            (
                &["set", "nod2", "rate=1mbit"][..],
                "no pod, node, router, external or segment `nod2`; did you mean `node2`?",
            ),
            (&["set", "underlai", "rate=1mbit"], "did you mean `underlay`?"),
            (&["set", "node2/eth1", "rate=1mbit"], "no cable at `eth1`; its cables: node2/eth0"),
            (&["set", "node2", "rat=1mbit"], "did you mean `rate`?"),
            (&["set", "node2", "rate"], "`rate` has no value: write it as rate=…"),
            (&["set", "node2", "rate=0mbit"], "rate=0mbit: nothing would ever pass"),
            (&["set", "node2", "loss=101%"], "loss=101%: more than all frames"),
            (&["set", "node2", "delay=10"], "delay=10: a number without its unit"),
            (&["set", "node2", "jitter=1ms"], "jitter is a change of the delay, and there is no delay"),
            (&["set", "node2", "rate=1mbit", "rate=2mbit"], "`rate` is given twice"),
            (&["set", "node2", "direction=out"], "--direction out"),
            (&["set", "underlay", "rate=1mbit", "--direction", "out"], "a segment has no direction"),
            (&["clear", "node2", "latency"], "`latency` is not one of the values: delay, jitter"),
        ] {
            let told = world.fails(2, &[&["impair"], words].concat());
            assert!(told.contains(said), "{words:?}: {told}");
        }
        assert_eq!(world.ok(&["impair", "show"]), "nothing is impaired\n");
        assert!(
            world.fails(2, &["link", "down", "pod9"]).contains("no pod, node, router or external `pod9`")
        );
        assert!(
            world
                .fails(2, &["link", "down", "underlay"])
                .contains("`underlay` is a segment: say at whose end")
        );
    });
}

#[test]
fn a_kernel_without_netem_says_so_and_keeps_what_there_was() {
    in_each_mode("a_kernel_without_netem_says_so_and_keeps_what_there_was", |world| {
        up(world, LAB);
        world.ok(&["impair", "set", "node2", "rate=1mbit"]);
        let tried = world.netlab(&["impair", "set", "node2", "delay=1ms"]);
        if tried.code == 0 {
            return skip(
                "a_kernel_without_netem_says_so_and_keeps_what_there_was",
                &format!("{:?}: this kernel has netem", world.mode),
            );
        }
        let words = [
            "this kernel lacks network emulation",
            "`sch_netem`",
            "linux-modules-extra",
            "kernel-modules-extra",
        ];
        assert_eq!(tried.code, 3, "{tried:?}");
        assert!(words.iter().all(|word| tried.stderr.contains(word)), "{tried:?}");
        assert!(world.ok(&["impair", "show"]).contains("node2     both       rate 1mbit"));
        world.ok(&["down", "bad"]);
        let file = world.file("slow.toml", "[[node]]\nname = \"n\"\nimpair = { delay = \"1ms\" }\n");
        let said = world.fails(3, &["up", &file]);
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
        assert!(said.ends_with("lab `slow` was not brought up; nothing of it is left\n"), "{said}");
        world.expect_no_files();
        let tested = world.netlab(&["test", &file]);
        assert!(tested.code == 3 && tested.stdout.contains("SKIP  slow"), "{tested:?}");
    });
}

/// Who a place knows for good.
fn permanent(world: &World, place: &str) -> Vec<String> {
    let all = json(&world.ok(&["exec", place, "--", "ip", "-j", "neigh", "show", "nud", "permanent"]));
    let entries = all.as_array().expect("a list").iter();
    let mut found: Vec<String> =
        entries.filter_map(|entry| entry["dst"].as_str().map(str::to_owned)).collect();
    found.sort_unstable();
    found
}

#[test]
fn what_the_kernel_cannot_lose_leaves_no_neighbours() {
    in_each_mode("what_the_kernel_cannot_lose_leaves_no_neighbours", |world| {
        up(world, LAB);
        let tried = world.netlab(&["impair", "set", "node2", "loss=1%"]);
        if tried.code == 0 {
            return skip(
                "what_the_kernel_cannot_lose_leaves_no_neighbours",
                &format!("{:?}: this kernel has netem", world.mode),
            );
        }
        assert_eq!(tried.code, 3, "{tried:?}");
        for place in ["node1", "node2"] {
            assert_eq!(permanent(world, place), [""; 0], "{place}");
        }
    });
}

#[test]
fn neighbours_that_came_with_a_loss_go_with_the_last() {
    with_netem("neighbours_that_came_with_a_loss_go_with_the_last", |world| {
        let none = [""; 0];
        // Somebody's own, which is nobody else's to take away.
        world.ok(&[
            "exec",
            "node1",
            "--",
            "ip",
            "neigh",
            "replace",
            "192.168.66.12",
            "lladdr",
            "0a:58:c0:a8:42:0c",
            "dev",
            "eth0",
            "nud",
            "permanent",
        ]);
        let of_node1 = ["192.168.66.12", "fd00:66::c"];
        let of_node2 = ["192.168.66.11", "fd00:66::b"];
        world.ok(&["impair", "set", "node1", "loss=1%"]);
        world.ok(&["impair", "set", "node2", "loss=1%", "corrupt=1%", "rate=10mbit"]);
        assert_eq!(
            (permanent(world, "node1"), permanent(world, "node2")),
            (of_node1.map(Into::into).into(), of_node2.map(Into::into).into())
        );
        // Each of these leaves a cable between them that loses frames.
        for words in [
            &["clear", "node2", "loss"][..],
            &["clear", "node2", "corrupt", "--direction", "in"],
            &["clear", "node1"],
        ] {
            world.ok(&[&["impair"], words].concat());
            assert_eq!(permanent(world, "node2"), of_node2, "after {words:?}");
        }
        world.ok(&["impair", "clear", "node2", "corrupt"]);
        assert_eq!(permanent(world, "node2"), none);
        assert_eq!(permanent(world, "node1"), ["192.168.66.12"]);
        assert_eq!(ping(world, "pod3", &["-c", "3"])["summary"]["received"], 3);
        // What the loss was made an end of by hand is forgotten all the same.
        world.ok(&["impair", "set", "pod1", "loss=1%", "--direction", "out"]);
        assert_eq!(permanent(world, "pod2"), ["10.244.1.2", "fd00:244:0:1::2"]);
        world.ok(&["exec", "pod1", "--", "tc", "qdisc", "del", "dev", "eth0", "root"]);
        assert_eq!(world.ok(&["impair", "clear", "pod1"]), "pod1 is not impaired\n");
        assert_eq!(permanent(world, "pod2"), none);
    });
}

#[test]
fn a_queue_made_by_hand_gives_way_whatever_its_handle() {
    in_each_mode("a_queue_made_by_hand_gives_way_whatever_its_handle", |world| {
        up(world, LAB);
        for handle in ["1:", "2:", "8001:"] {
            let by_hand = ["exec", "node2", "--", "tc", "qdisc", "replace", "dev", "eth0", "root", "handle"];
            world.ok(&[&by_hand[..], &[handle, "pfifo", "limit", "5"]].concat());
            world.ok(&["impair", "set", "node2", "rate=1mbit"]);
            assert_eq!(queue(world, "node2", "eth0")["kind"], "tbf", "{handle}");
            world.ok(&["impair", "set", "node2", "rate=2mbit"]);
            assert!(world.ok(&["impair", "show"]).contains("node2     both       rate 2mbit"), "{handle}");
            world.ok(&["impair", "clear", "node2"]);
        }
    });
}

#[test]
fn what_only_tc_can_set_is_shown_and_cleared() {
    with_netem("what_only_tc_can_set_is_shown_and_cleared", |world| {
        let by_hand = ["exec", "node2", "--", "tc", "qdisc", "add", "dev", "eth0", "root", "netem"];
        world.ok(&[&by_hand[..], &["loss", "gemodel", "1%", "10%"]].concat());
        let told = world.ok(&["impair", "show"]);
        assert!(told.contains("node2     out        something that only `tc qdisc show` tells"), "{told}");
        assert_eq!(world.ok(&["impair", "clear", "node2"]), "nothing is impaired\n");
        assert_eq!(queue(world, "node2", "eth0")["kind"], "noqueue");
    });
}

#[test]
fn more_namespaces_than_the_usual_number_of_open_files() {
    in_each_mode("more_namespaces_than_the_usual_number_of_open_files", |world| {
        world.ok(&["up", &world.file("bad.toml", "[[node]]\nname = \"node\"\npods = 40\n")]);
        let mut shell = std::process::Command::new("bash");
        shell.args(["-c", "ulimit -Sn 64 && exec \"$0\" impair show"]).arg(world.binary());
        world.prepare(&mut shell);
        let ran = support::Ran::from(shell.output().expect("bash"));
        assert_eq!((ran.code, ran.stdout.as_str()), (0, "nothing is impaired\n"), "{ran:?}");
    });
}

#[test]
fn each_value_is_on_its_own() {
    with_netem("each_value_is_on_its_own", |world| {
        let now = || world.ok(&["impair", "show", "node2"]).lines().nth(1).map(|line| line[21..].to_owned());
        let now = || now().unwrap_or_default();
        for (words, shows) in [
            (&["set", "node2", "rate=10mbit"][..], "rate 10mbit"),
            (&["set", "node2", "delay=10ms"], "delay 10ms, rate 10mbit"),
            (
                &["set", "node2", "loss=0.5%", "jitter=1500us"],
                "delay 10ms, jitter 1.5ms, loss 0.5%, rate 10mbit",
            ),
            (&["set", "node2", "delay=20ms"], "delay 20ms, jitter 1.5ms, loss 0.5%, rate 10mbit"),
            (
                &["set", "node2", "duplicate=1%", "reorder=25%", "corrupt=0.0001%"],
                "delay 20ms, jitter 1.5ms, loss 0.5%, rate 10mbit, duplicate 1%, reorder 25%, corrupt 0.0001%",
            ),
            (
                &["clear", "node2", "jitter", "loss", "corrupt"],
                "delay 20ms, rate 10mbit, duplicate 1%, reorder 25%",
            ),
            (&["clear", "node2", "rate", "reorder"], "delay 20ms, duplicate 1%"),
            (&["set", "node2", "rate=8kbit"], "delay 20ms, rate 8kbit, duplicate 1%"),
            (&["clear", "node2", "delay", "duplicate"], "rate 8kbit"),
            (&["clear", "node2"], ""),
        ] {
            world.ok(&[&["impair"], words].concat());
            assert_eq!(now(), shows, "after {words:?}");
        }
        assert_eq!(queue(world, "node2", "eth0")["kind"], "noqueue", "the kernel's own again");
        world.ok(&["impair", "set", "node2", "delay=5ms", "jitter=5ms"]);
        let said = world.fails(2, &["impair", "clear", "node2", "delay"]);
        assert!(said.contains("clear jitter too"), "{said}");
    });
}

#[test]
fn a_delay_counts_once_each_way() {
    with_netem("a_delay_counts_once_each_way", |world| {
        let least = |to: &str| least(&times(&ping(world, to, &["-c", "5"])));
        world.ok(&["impair", "set", "node2", "delay=200ms"]);
        for to in ["pod3", "fd00:244:0:2::2"] {
            assert!(least(to) >= 400.0, "200 ms each way to {to}");
        }
        assert!(least("pod2") < 400.0, "on one node nothing is delayed");
        for direction in ["out", "in"] {
            world.ok(&["impair", "clear", "node2"]);
            world.ok(&["impair", "set", "node2", "delay=200ms", "--direction", direction]);
            let found = least("pod3");
            assert!((200.0..400.0).contains(&found), "{direction}: {found} ms for 200 ms one way");
        }
        world.ok(&["impair", "clear", "node2"]);
        // Every frame crosses the switch once each way, and a pod's cable twice.
        world.ok(&["impair", "set", "underlay", "delay=200ms"]);
        assert!((400.0..800.0).contains(&least("pod3")));
        world.ok(&["impair", "clear", "underlay"]);
        world.ok(&["impair", "set", "pod2", "delay=200ms"]);
        assert!(least("pod2") >= 400.0);
        assert!(least("pod3") < 400.0);
    });
}

#[test]
fn jitter_varies_the_delay_and_stays_within_it() {
    with_netem("jitter_varies_the_delay_and_stays_within_it", |world| {
        world.ok(&["impair", "set", "node2", "delay=200ms", "jitter=100ms", "--direction", "in"]);
        let times = times(&ping(world, "pod3", &["-c", "30", "-i", "0.05"]));
        assert_eq!(times.len(), 30);
        let most = times.iter().copied().fold(0.0, f64::max);
        assert!(least(&times) >= 100.0 && most - least(&times) > 20.0, "{times:?}");
    });
}

#[test]
fn frames_are_lost_and_arp_is_not() {
    with_netem("frames_are_lost_and_arp_is_not", |world| {
        let summary = |more: &[&str]| {
            let summary = ping(world, "pod3", more)["summary"].take();
            let number = |key: &str| summary[key].as_u64().expect("a number");
            (number("sent"), number("received"))
        };
        world.ok(&["impair", "set", "node2", "loss=100%"]);
        assert_eq!(summary(&["-c", "3", "-W", "1"]), (3, 0));
        let why = world.ok(&["why", "pod1", "pod3"]);
        assert!(why.contains("the cable to node2, loses what it sends"), "{why}");
        assert!(why.contains("netlab impair clear node2 loss --direction in"), "{why}");
        world.ok(&["impair", "set", "node2", "loss=30%"]);
        let (sent, received) = summary(&["-c", "200", "-i", "0.005", "-W", "2"]);
        assert!(sent == 200 && (1..200).contains(&received), "{received} of {sent} came");
        for (place, neighbour) in
            [("node1", "192.168.66.12"), ("node2", "192.168.66.11"), ("node2", "fd00:66::b")]
        {
            let found =
                world.ok(&["exec", place, "--", "ip", "neigh", "show", neighbour, "nud", "permanent"]);
            assert!(found.contains(neighbour), "{place} could lose its question for {neighbour}");
        }
        world.ok(&["impair", "clear", "node2"]);
        assert_eq!(summary(&["-c", "20", "-i", "0.01"]), (20, 20));
    });
}

#[test]
fn frames_come_twice_overtake_each_other_and_are_spoilt() {
    with_netem("frames_come_twice_overtake_each_other_and_are_spoilt", |world| {
        let set = |values: &[&str]| {
            world.netlab(&["impair", "clear", "node2"]);
            world.ok(&[&["impair", "set", "node2", "--direction", "in"], values].concat());
        };
        set(&["duplicate=100%"]);
        let got = |world: &World| -> u64 {
            let text = world.ok(&["exec", "pod3", "--", "cat", "/proc/net/snmp"]);
            let mut lines = text.lines().filter(|line| line.starts_with("Icmp:")).map(|line| line.split(' '));
            let (mut heads, mut numbers) = (lines.next().expect("heads"), lines.next().expect("numbers"));
            let place = heads.position(|head| head == "InEchos").expect("echos");
            numbers.nth(place).and_then(|number| number.parse().ok()).expect("a number")
        };
        let before = got(world);
        let found = ping(world, "pod3", &["-c", "10", "-i", "0.02"]);
        assert_eq!(found["summary"]["received"], 10);
        assert_eq!(got(world) - before, 20, "each echo request comes twice");

        set(&["delay=300ms", "reorder=50%"]);
        let times = times(&ping(world, "pod3", &["-c", "40", "-i", "0.02"]));
        let overtook = times.iter().filter(|time| **time < 300.0).count();
        assert!(times.len() == 40 && (1..40).contains(&overtook), "{times:?}");

        set(&["corrupt=100%"]);
        let found = ping(world, "pod3", &["-c", "40", "-i", "0.01", "-W", "1"]);
        assert!(
            found["summary"]["received"].as_u64() < Some(40),
            "one bit of each request is wrong: {found:#}"
        );
        world.ok(&["impair", "clear", "node2"]);
        assert_eq!(ping(world, "pod3", &["-c", "5"])["summary"]["received"], 5);
    });
}

#[test]
fn a_lab_that_loses_frames_is_built_without_losing_any() {
    with_netem("a_lab_that_loses_frames_is_built_without_losing_any", |world| {
        world.ok(&["down", "bad"]);
        let lossy = LAB.replace("[[pod.container]]", "[pod.impair]\nloss = \"40%\"\n[[pod.container]]");
        up(world, &lossy.replace("pods = [\"pod1\"", "impair = { loss = \"40%\" }\npods = [\"pod1\""));
        // Whoever is behind the cables that lose frames is known, and nobody else.
        for (place, neighbours) in [
            ("node1", &["192.168.66.12", "fd00:66::c"][..]),
            ("node2", &["10.244.2.2", "192.168.66.11", "fd00:244:0:2::2", "fd00:66::b"]),
            ("pod3", &["10.244.2.1", "10.244.2.3", "fd00:244:0:2::1", "fd00:244:0:2::3"]),
            ("pod4", &["10.244.2.2", "fd00:244:0:2::2"]),
            ("pod1", &[]),
        ] {
            let text = world.ok(&["exec", place, "--", "ip", "-j", "neigh", "show", "nud", "permanent"]);
            let all = json(&text);
            let mut found: Vec<&str> =
                all.as_array().expect("a list").iter().filter_map(|entry| entry["dst"].as_str()).collect();
            found.sort_unstable();
            assert_eq!(found, neighbours, "{place}");
        }
        assert!(!times(&ping(world, "pod3", &["-c", "200", "-i", "0.01", "-W", "1"])).is_empty());
    });
}

/// What a place has that a cable's carrier could cost it: all but who was heard of lately.
fn lasting(world: &World, place: &str) -> Value {
    let mut found = json(&world.ok(&["inspect", place, "--format", "json"]));
    found["neighbours"].take();
    let fdb = found["fdb"].as_array_mut().expect("a list");
    fdb.retain(|entry| entry["origin"] != "learned");
    // Link-local routes of several interfaces are alike, and the one that came last is told last.
    found["routes"].as_array_mut().expect("a list").sort_by_key(Value::to_string);
    found
}

#[test]
fn an_unplugged_cable_has_no_carrier_and_is_as_before_when_plugged_in() {
    in_each_mode("an_unplugged_cable_has_no_carrier_and_is_as_before_when_plugged_in", |world| {
        up(world, LAB);
        let lost = |to: &str| world.netlab(&["ping", "pod1", to, "-c", "1", "-W", "1"]).code == 1;
        // Whoever asked for a neighbour in vain asks again a second later, as on any network.
        let reaches = |to: &str| world.netlab(&["ping", "pod1", to, "-c", "1", "-W", "5"]).code == 0;
        let state = |place: &str, interface: &str| {
            let found = json(&world.ok(&["inspect", place, "--format", "json"]));
            let interfaces = found["interfaces"].as_array().expect("a list").clone();
            let link = interfaces.iter().find(|link| link["name"] == interface).cloned();
            link.expect("an interface")["state"].as_str().map(str::to_owned)
        };
        let places = ["fabric", "node1", "node2", "pod1", "pod3"];
        let before: Vec<Value> = places.iter().map(|place| lasting(world, place)).collect();
        let veth = before[2]["bridges"][0]["ports"][0]["interface"].as_str().expect("a port").to_owned();
        for (target, near, far) in [
            ("node2", ("fabric", "node2"), ("node2", "eth0")),
            ("pod3/eth0", ("node2", veth.as_str()), ("pod3", "eth0")),
        ] {
            assert!(reaches("pod3") && reaches("fd00:244:0:2::2"), "{target} is plugged in");
            assert!(world.ok(&["link", "down", target]).contains("unplugged from"));
            assert_eq!(state(near.0, near.1).as_deref(), Some("down"), "{target}");
            assert_eq!(state(far.0, far.1).as_deref(), Some("no-carrier"), "{target}");
            assert!(lost("pod3") && lost("fd00:244:0:2::2"), "{target} is unplugged");
            assert!(reaches("pod2"), "the others are as ever");
            assert!(world.ok(&["link", "down", target]).ends_with("already\n"));
            assert!(world.ok(&["link", "up", target]).ends_with("again\n"));
            assert!(reaches("pod3") && reaches("fd00:244:0:2::2"), "{target} works again");
            assert!(world.ok(&["link", "up", target]).ends_with("already\n"));
            for (place, before) in places.iter().zip(&before) {
                assert_eq!(
                    &lasting(world, place),
                    before,
                    "{place} after {target} was unplugged and plugged in"
                );
            }
        }
    });
}

/// A node, and a host beyond the cluster.
const BEYOND: &str = r#"
[cluster]
pod_cidr = ["10.244.0.0/16", "fd00:244::/56"]

[[node]]
name = "node1"
pods = ["pod1"]

[[external]]
name = "internet"
ip = ["203.0.113.10", "2001:db8::10"]
"#;

#[test]
fn the_fabric_has_its_routes_again_when_an_external_is_plugged_in() {
    in_each_mode("the_fabric_has_its_routes_again_when_an_external_is_plugged_in", |world| {
        world.ok(&["up", &world.file("beyond.toml", BEYOND)]);
        let ping =
            |to: &str, patience: &str| world.netlab(&["ping", "pod1", to, "-c", "1", "-W", patience]).code;
        let places = ["fabric", "internet"];
        let before: Vec<Value> = places.iter().map(|place| lasting(world, place)).collect();
        let told = world.ok(&["link", "-l", "beyond", "down", "internet"]);
        assert_eq!(told, "internet eth0 is unplugged from the fabric: no carrier\n");
        assert!(ping("203.0.113.10", "1") == 1 && ping("2001:db8::10", "1") == 1);
        assert!(
            world
                .ok(&["link", "up", "internet", "-l", "beyond"])
                .ends_with("plugged into the fabric again\n")
        );
        assert!(ping("203.0.113.10", "5") == 0 && ping("2001:db8::10", "5") == 0);
        // What somebody did by hand in the fabric, or a command that was killed half-way, is mended as well.
        world.ok(&["exec", "fabric", "--", "ip", "route", "flush", "dev", "internet"]);
        assert!(world.ok(&["link", "up", "internet"]).ends_with("already\n"));
        assert_eq!(ping("203.0.113.10", "5"), 0);
        for (place, before) in places.iter().zip(&before) {
            assert_eq!(&lasting(world, place), before, "{place}");
        }
    });
}

#[test]
fn who_has_no_cable_of_that_name_is_told_which_there_are() {
    in_each_mode("who_has_no_cable_of_that_name_is_told_which_there_are", |world| {
        world.ok(&["up", &world.file("beyond.toml", BEYOND)]);
        for (words, says) in [
            (
                &["impair", "set", "fabric", "rate=1mbit"][..],
                "a cable is named by its other end: say which node's, router's or external's, not `fabric`",
            ),
            (
                &["impair", "set", "nodeq", "rate=1mbit"],
                "no pod, node, router, external or segment `nodeq`; did you mean `node1`?",
            ),
            (
                &["link", "down", "underlay"],
                "`underlay` is a segment: say at whose end its cable is meant, one of: node1",
            ),
            (
                &["link", "down", "zebra"],
                "no pod, node, router or external `zebra`; there are: node1, internet, pod1",
            ),
        ] {
            let said = world.fails(2, words);
            assert!(said.contains(says), "{words:?}: {said}");
        }
    });
}

#[test]
fn a_router_has_a_cable_for_each_port() {
    in_each_mode("a_router_has_a_cable_for_each_port", |world| {
        world.ok(&["up", &world.file("bad.toml", ROUTED)]);
        let ping = |patience: &str| world.netlab(&["ping", "node1", "node2", "-c", "1", "-W", patience]).code;
        let reaches = || ping("5") == 0;
        assert!(reaches());
        assert!(world.fails(2, &["link", "down", "spine"]).contains("say spine/eth0 or spine/eth1"));
        assert!(world.ok(&["link", "down", "spine/eth1"]).contains("spine eth1 is unplugged from rack2"));
        assert_eq!(ping("1"), 1);
        assert!(world.ok(&["link", "up", "spine/eth1"]).contains("spine eth1 is plugged into rack2 again"));
        assert!(reaches());
        let told = world.ok(&["impair", "set", "spine/eth0", "rate=1mbit"]);
        assert!(told.contains("spine/eth0  both       rate 1mbit"), "{told}");
        let told = world.ok(&["impair", "show", "rack1"]);
        assert!(told.contains("spine/eth0  in "), "{told}");
    });
}

const ROUTED: &str = r#"
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
[[node]]
name = "node2"
segment = "rack2"
"#;

#[test]
fn a_cable_whose_own_end_is_off_is_plugged_in_and_the_reader_told() {
    in_each_mode("a_cable_whose_own_end_is_off_is_plugged_in_and_the_reader_told", |world| {
        up(world, LAB);
        world.ok(&["exec", "pod1", "--", "ip", "link", "set", "eth0", "down"]);
        let ran = world.netlab(&["link", "up", "pod1"]);
        assert_eq!((ran.code, ran.stdout.as_str()), (0, "pod1 eth0 is plugged into cbr0 already\n"));
        assert!(ran.stderr.contains("netlab exec pod1 -- ip link set eth0 up"), "{ran:?}");
    });
}
