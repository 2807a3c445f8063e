//! Walks where much else goes on, or little is right.

mod support;

use std::fs;
use std::io::Read as _;

use support::{World, in_each_mode_unless_in_vm, in_each_mode_unless_slow, is_root, skip, wait_until};

/// Keeps all processors busy until it is dropped.
struct Load(Vec<std::process::Child>);

impl Load {
    fn new() -> Self {
        let busy =
            |_| std::process::Command::new("sh").args(["-c", "while :; do :; done"]).spawn().expect("sh");
        Self((0..4).map(busy).collect())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The same walk again and again, while the processors are busy.
fn always_the_same(world: &World, args: &[&str], times: usize) {
    let args = [&["walk", "--warm", "-W", "20"], args].concat();
    let first = world.ok(&args);
    for number in 1..times {
        assert_eq!(world.ok(&args), first, "walk {number} of {args:?}");
    }
}

#[test]
fn fifty_walks_are_the_same_under_load() {
    in_each_mode_unless_in_vm("fifty_walks_are_the_same_under_load", |world| {
        world.ok(&["up", &world.lab("two-node.toml")]);
        let _load = Load::new();
        always_the_same(world, &["pod1", "pod4"], 50);
        always_the_same(world, &["pod1", "pod2"], 50);
    });
}

#[test]
fn walks_on_all_data_paths_are_the_same_under_load() {
    in_each_mode_unless_in_vm("walks_on_all_data_paths_are_the_same_under_load", |world| {
        let _load = Load::new();
        for data_path in ["l2", "cloud", "vxlan", "host-gw"] {
            world.ok(&["up", "--data-path", data_path, &world.lab("dual-stack.toml")]);
            for family in ["-4", "-6"] {
                always_the_same(world, &[family, "pod1", "pod4"], 10);
            }
            world.ok(&["down", "dual-stack"]);
        }
    });
}

#[test]
fn a_packet_is_found_among_ten_thousand_others() {
    in_each_mode_unless_in_vm("a_packet_is_found_among_ten_thousand_others", |world| {
        world.ok(&["up", &world.lab("two-node.toml")]);
        let alone = world.ok(&["walk", "--warm", "-W", "20", "pod1", "pod4"]);
        let mut pings = world.spawn(&["ping", "-q", "-c", "10000", "-i", "0.0002", "pod1", "pod4"]);
        let mut walks = 0;
        while walks < 3 || pings.try_wait().expect("ping").is_none() {
            assert_eq!(world.ok(&["walk", "--warm", "-W", "20", "pod1", "pod4"]), alone);
            walks += 1;
        }
        let output = pings.wait_with_output().expect("ping");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("10000 packets transmitted, 10000 received"), "{text}");
        assert!(walks > 2);
    });
}

/// How many packet sockets a process has in the namespaces of a lab: descriptors of sockets, of which a ping has few.
fn sockets(pid: u32) -> usize {
    let Ok(links) = fs::read_dir(format!("/proc/{pid}/fd")) else { return 0 };
    let is_socket = |path: std::path::PathBuf| {
        fs::read_link(path).is_ok_and(|target| target.to_string_lossy().starts_with("socket:"))
    };
    links.flatten().filter(|link| is_socket(link.path())).count()
}

/// Whether this user may look into a process that has entered a lab.
fn can_look(test: &str) -> bool {
    if !is_root() {
        skip(test, "only root may see the descriptors of a process that has entered another user namespace");
    }
    is_root()
}

#[test]
fn sockets_are_opened_only_where_the_packet_may_pass() {
    let test = "sockets_are_opened_only_where_the_packet_may_pass";
    in_each_mode_unless_slow(test, |world| {
        if !can_look(test) {
            return;
        }
        world.ok(&["up", &world.lab("hundred-pods.toml")]);
        let names = world.ok(&["exec", "node1", "--", "hostname"]);
        assert_eq!(names.trim(), "node1");
        // A target that does not answer, so that there is time to look.
        world.ok(&["link", "down", "node10-pod10"]);
        // The two pods, ten nodes, the fabric, and the sender's own.
        for (option, expected) in [("-v", 14), ("--everywhere", 112)] {
            let mut walk = world.spawn(&["walk", option, "-W", "60", "node1-pod1", "node10-pod10"]);
            wait_until("all sockets are open", || {
                assert!(walk.try_wait().expect("walk").is_none(), "the walk ended early");
                sockets(walk.id()) == expected
            });
            nix::sys::signal::kill(
                nix::unistd::Pid::from_raw(i32::try_from(walk.id()).expect("a pid")),
                nix::sys::signal::Signal::SIGINT,
            )
            .expect("a signal");
            let ended = walk.wait_with_output().expect("walk");
            assert_eq!(ended.status.code(), Some(130), "{ended:?}");
        }
    });
}

/// The sockets of a walk from node to node: one in each of two pods, two nodes and the fabric, and the sender's own.
const LISTENING: usize = 6;

#[test]
fn a_lab_that_goes_down_ends_the_walk() {
    let test = "a_lab_that_goes_down_ends_the_walk";
    in_each_mode_unless_slow(test, |world| {
        if !can_look(test) {
            return;
        }
        for probe in ["icmp", "tcp:80", "udp:9"] {
            world.ok(&["up", &world.lab("two-node.toml")]);
            world.ok(&["link", "down", "pod4"]);
            let walk = world.spawn(&["walk", "-W", "600", "pod1", "pod4", probe]);
            wait_until("the walk listens", || sockets(walk.id()) == LISTENING);
            world.ok(&["down", "two-node"]);
            let ended = walk.wait_with_output().expect("walk");
            let said = String::from_utf8_lossy(&ended.stderr).into_owned();
            assert_eq!(ended.status.code(), Some(4), "{probe}: {said}");
            assert!(said.contains("lab `two-node` ended, or pod1 in it, during the walk"), "{probe}: {said}");
        }
    });
}

#[test]
fn what_cannot_be_walked_is_said() {
    in_each_mode_unless_slow("what_cannot_be_walked_is_said", |world| {
        let said = world.fails(2, &["walk", "pod1", "pod4"]);
        assert!(said.contains("no lab is running"), "{said}");
        world.ok(&["up", &world.lab("two-node.toml")]);
        for (args, expected) in [
            (&["pod1", "pdo4"][..], "did you mean `pod4`?"),
            (&["pdo1", "pod4"], "did you mean `pod1`?"),
            (&["pod1", "pod4", "tpc:80"], "`tpc:80` cannot be sent: write icmp, udp:PORT or tcp:PORT"),
            (&["pod1", "pod4", "tcp:0"], "`0` is no port"),
            (&["pod1", "pod4", "tcp:80", "--df"], "--df: what begins a TCP connection has no data"),
            (&["-6", "pod1", "pod4"], "`pod4` has no IPv6 address"),
            (&["pod1", "10.244.1.255"], "10.244.1.255 is a broadcast address"),
            (&["pod1", "224.0.0.1"], "224.0.0.1 is a multicast address"),
            (&["pod1", "pod2", "--html", "one", "--pcapng", "one"], "both are to be one: name two files"),
        ] {
            let said = world.fails(2, &[&["walk"], args].concat());
            assert!(said.contains(expected), "{args:?}: {said}");
        }
        let itself = world.ok(&["walk", "pod1", "pod1"]);
        assert!(itself.contains("1  lo  in  its loopback: what pod1 sends to itself"), "{itself}");
        let closed = world.ok(&["walk", "pod1", "pod4", "tcp:80"]);
        assert!(closed.contains("delivered, and refused by pod4: nobody listens on that port"), "{closed}");
        let nobody = world.netlab(&["walk", "pod1", "10.9.9.9"]);
        assert_eq!(nobody.code, 1, "{nobody:?}");
        assert!(nobody.stdout.contains("the lab gave the address 10.9.9.9 to nobody"), "{nobody:?}");
    });
}

#[test]
fn a_connection_that_is_tried_again_is_one_packet() {
    in_each_mode_unless_slow("a_connection_that_is_tried_again_is_one_packet", |world| {
        world.ok(&["up", &world.lab("two-node.toml")]);
        world.ok(&["link", "down", "pod4"]);
        let steps = |patience: &str| {
            let ran = world.netlab(&["walk", "--format", "json", "-W", patience, "pod1", "pod4", "tcp:80"]);
            assert_eq!(ran.code, 1, "{ran:?}");
            let told: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
            let steps = told["ways"][0]["steps"].as_array().expect("steps").clone();
            steps.iter().map(|step| format!("{} {}", step["place"], step["interface"])).collect::<Vec<_>>()
        };
        // TCP tries again after one second.
        let long = steps("2.5");
        assert_eq!(long.len(), 6, "{long:?}");
        assert_eq!(long, steps("0.2"));
    });
}

/// The interfaces that a walk's packet crossed, as JSON has them.
fn crossed(world: &World, args: &[&str]) -> Vec<String> {
    let told = world.ok(&[&["walk", "--format", "json", "-W", "20"], args].concat());
    let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(told["prediction"]["agrees"], true, "{told:#}");
    assert_eq!(told["unanswered"], serde_json::json!([]), "{told:#}");
    let steps = told["ways"][0]["steps"].as_array().expect("steps").clone();
    let text = |step: &serde_json::Value, key: &str| step[key].as_str().expect("text").to_owned();
    steps.iter().map(|step| format!("{}/{}", text(step, "place"), text(step, "interface"))).collect()
}

#[test]
fn what_was_changed_by_hand_is_followed_too() {
    in_each_mode_unless_slow("what_was_changed_by_hand_is_followed_too", |world| {
        world.ok(&["up", &world.lab("two-node.toml")]);
        let across = crossed(world, &["pod1", "pod4"]);
        assert_eq!((across.len(), across[8].as_str()), (9, "pod4/eth0"), "{across:?}");
        // Another Ethernet address than was planned.
        world.ok(&["exec", "pod4", "--", "ip", "link", "set", "eth0", "address", "02:00:00:00:00:44"]);
        world.ok(&["exec", "node2", "--", "ip", "neigh", "flush", "all"]);
        assert_eq!(crossed(world, &["pod1", "pod4"]), across);
        // Another address than was planned.
        world.ok(&["exec", "pod4", "--", "ip", "address", "add", "10.244.2.50/24", "dev", "eth0"]);
        let ran = world.netlab(&["walk", "--format", "json", "pod1", "10.244.2.50"]);
        let told: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
        let steps = told["ways"][0]["steps"].as_array().expect("steps");
        assert_eq!(steps.last().map(|step| step["place"].clone()), Some("pod4".into()), "{told:#}");
        // Somebody else asks for somebody who is not there.
        let mut other = world.spawn(&["ping", "-c", "1000", "-i", "0.01", "node2", "10.244.2.88"]);
        assert_eq!(crossed(world, &["pod1", "pod2"]).len(), 4);
        assert_eq!(crossed(world, &["pod1", "pod4"]), across);
        other.kill().expect("it still pings");
        other.wait().expect("ping");
    });
}

#[test]
fn the_rule_that_translates_is_named() {
    let test = "the_rule_that_translates_is_named";
    in_each_mode_unless_slow(test, |world| {
        world.ok(&["up", &world.lab("egress.toml")]);
        let out = world.ok(&["walk", "-W", "20", "pod1", "internet"]);
        assert!(out.contains("· nft: ip saddr 10.244.1.0/24 counter masquerade"), "{out}");
        let rules = "add table ip t; add chain ip t pre { type nat hook prerouting priority -100; }; \
                     add rule ip t pre ip daddr 10.244.2.3 dnat to 10.244.2.2";
        if world.netlab(&["exec", "node1", "--", "nft", rules]).code == 127 {
            return skip(test, "no `nft` to break labs with");
        }
        let told = world.netlab(&["walk", "--everywhere", "pod1", "10.244.2.3"]).stdout;
        assert!(told.contains("· nft: the target is translated by a rule of the chain ip t pre"), "{told}");
        assert!(told.contains("target translated: 10.244.2.3 → 10.244.2.2"), "{told}");
    });
}

/// What netlab prints on a terminal that is so wide.
fn on_a_terminal(world: &World, args: &[&str], columns: u16) -> String {
    let size = nix::pty::Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let pty = nix::pty::openpty(Some(&size), None).expect("a pseudo-terminal");
    let mut command = world.command(args);
    let mut child = command.env("NO_COLOR", "1").stdout(pty.slave).spawn().expect("netlab");
    // With the command goes the last descriptor of that end, and reading ends when the child does.
    drop(command);
    let mut text = Vec::new();
    let mut buffer = [0; 4096];
    let mut master = fs::File::from(pty.master);
    while let Ok(length @ 1..) = master.read(&mut buffer) {
        text.extend_from_slice(&buffer[..length]);
    }
    assert!(child.wait().expect("netlab").success());
    String::from_utf8_lossy(&text).replace("\r\n", "\n")
}

#[test]
fn forty_columns_are_enough() {
    in_each_mode_unless_in_vm("forty_columns_are_enough", |world| {
        world.ok(&["up", "--data-path", "vxlan", &world.lab("dual-stack.toml")]);
        for columns in [40, 80] {
            for args in [&["pod1", "pod4"][..], &["-v", "--macs", "pod1", "pod4"], &["-6", "pod1", "pod4"]] {
                let text = on_a_terminal(world, &[&["walk", "--cold"], args].concat(), columns);
                for line in text.lines() {
                    // A word that is longer than the line is left whole.
                    let can_fold = line.trim().contains(' ');
                    let length = line.chars().count();
                    assert!(length <= usize::from(columns) || !can_fold, "{columns}: {line}\n{text}");
                }
                assert!(text.contains("delivered and answered"), "{text}");
            }
        }
    });
}
