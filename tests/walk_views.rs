//! What `netlab walk` shows besides its text: capture files, diagrams, and one step at a time on a terminal.

mod support;

use std::fs;
use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::pcapng::{self, Capture};
use support::terminal::Terminal;
use support::{Mode, Ran, World, in_each_mode_unless_in_vm, skip};

/// Walks, writing a capture file; gives back the file's path, what it says, and how netlab ended.
fn captured(world: &World, args: &[&str]) -> (String, Capture, Ran) {
    let path = world.temporary().join("walk.pcapng").to_str().expect("text").to_owned();
    let ran = world.netlab(&[&["walk", "--pcapng", &path], args].concat());
    let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}: {ran:#?}"));
    (path, pcapng::read(&bytes), ran)
}

/// `node1/cbr0: request, step 3 of 9: node1 cbr0 in`, one for each frame whose comment begins so.
fn comments(file: &Capture, begin: &str) -> Vec<String> {
    let those = file.frames.iter().filter(|frame| frame.comment.starts_with(begin));
    those.map(|frame| format!("{}: {}", file.interfaces[frame.interface].name, frame.comment)).collect()
}

const REQUEST: [&str; 10] = [
    "pod1/eth0: request, step 1 of 9: pod1 eth0 out",
    "node1/vethccc1ffe7: request, step 2 of 9: node1 vethccc1ffe7 in",
    "node1/cbr0: request, step 3 of 9: node1 cbr0 in",
    "node1/eth0: request, step 4 of 9: node1 eth0 out; MACs rewritten: node1 eth0 → node2 eth0; TTL 64 → 63",
    "fabric/node1: request, step 5 of 9: fabric underlay, in by node1",
    "fabric/node2: request, step 5 of 9: fabric underlay, out by node2",
    "node2/eth0: request, step 6 of 9: node2 eth0 in",
    "node2/cbr0: request, step 7 of 9: node2 cbr0 out; MACs rewritten: node2 cbr0 → pod4; TTL 63 → 62",
    "node2/vethc7c1f808: request, step 8 of 9: node2 vethc7c1f808 out",
    "pod4/eth0: request, step 9 of 9: pod4 eth0 in",
];

#[test]
fn a_capture_file_says_what_each_frame_is() {
    in_each_mode_unless_in_vm("a_capture_file_says_what_each_frame_is", |world| {
        world.ok(&["up", &world.lab("two-node.toml")]);
        let (path, file, ran) = captured(world, &["pod1", "pod4"]);
        assert_eq!(ran.code, 0, "{ran:#?}");
        let (frames, interfaces) = (file.frames.len(), file.interfaces.len());
        assert_eq!(ran.stderr, format!("wrote {path}: {frames} frames of {interfaces} interfaces\n"));
        assert_eq!(comments(&file, "request"), REQUEST);
        assert_eq!(comments(&file, "reply").len(), 10);
        // Nobody knew their neighbours, and each question is there at every interface that it passed.
        let asked = comments(&file, "ARP: node1 asks who has 192.168.66.12");
        let answered = comments(&file, "ARP: node1 is told that 192.168.66.12 is node2 eth0");
        assert!(asked.iter().any(|line| line.starts_with("node2/eth0: ")), "{asked:#?}");
        assert!(answered.iter().any(|line| line.starts_with("node1/eth0: ")), "{answered:#?}");
        assert_eq!(
            comments(&file, "re").len() + comments(&file, "ARP: ").len(),
            frames,
            "nothing else is there"
        );
        assert!(file.frames.is_sorted_by_key(|frame| frame.time));
        assert!(file.interfaces.iter().all(|interface| interface.resolution == 9));
        let bridge = file.interfaces.iter().find(|interface| interface.name == "node1/cbr0");
        assert_eq!(bridge.map(|it| it.description.as_str()), Some("the bridge of node1's pods"));
        let step = file.frames.iter().find(|frame| frame.comment.starts_with("request, step 4 "));
        assert_eq!(step.map(|frame| (frame.direction, frame.bytes.len())), Some((2, 98)));
        assert!(file.names.contains(&(vec![10, 244, 2, 3], "pod4".to_owned())));
    });
}

#[test]
fn wireshark_finds_nothing_wrong_with_the_file() {
    in_each_mode_unless_in_vm("wireshark_finds_nothing_wrong_with_the_file", |world| {
        for data_path in ["host-gw", "vxlan"] {
            world.ok(&["up", "--data-path", data_path, &world.lab("dual-stack.toml")]);
            for family in ["-4", "-6"] {
                for (probe, sum) in [("icmp", "icmp"), ("tcp:80", "tcp"), ("udp:9", "udp")] {
                    let (path, file, ran) = captured(world, &[family, "pod1", "pod4", probe]);
                    assert_eq!(ran.code, 0, "{data_path} {family} {probe}: {ran:#?}");
                    let sum = if (sum, family) == ("icmp", "-6") { "icmpv6" } else { sum };
                    with_tshark(&path, &file, sum);
                }
            }
            world.ok(&["down", "dual-stack"]);
        }
    });
}

/// What Wireshark says of the frames that a filter lets through; none if it is not installed.
fn tshark(path: &str, filter: &str, fields: &[&str]) -> Option<Vec<String>> {
    let mut tshark = Command::new("tshark");
    tshark.args(["-n", "-r", path, "-Y", filter, "-T", "fields"]);
    // By its ports, a datagram of ours may look like anything.
    tshark.args(["-d", "udp.port==8472,vxlan", "-d", "udp.port==9,data"]);
    for sum in ["ip.check_checksum", "tcp.check_checksum", "udp.check_checksum"] {
        tshark.args(["-o", &format!("{sum}:TRUE")]);
    }
    fields.iter().for_each(|field| {
        tshark.args(["-e", field]);
    });
    let ran = Ran::from(tshark.output().ok()?);
    assert_eq!(ran.code, 0, "{ran:#?}");
    Some(ran.stdout.lines().map(str::to_owned).collect())
}

fn with_tshark(path: &str, file: &Capture, sum: &str) {
    let Some(lines) = tshark(path, "frame", &["frame.interface_name", "frame.comment"]) else {
        return skip("wireshark_finds_nothing_wrong_with_the_file", "tshark is not installed");
    };
    let frames = file.frames.iter();
    let written: Vec<String> =
        frames.map(|frame| format!("{}\t{}", file.interfaces[frame.interface].name, frame.comment)).collect();
    assert_eq!(lines, written);
    let bad = |sums: &[&str]| {
        let each: Vec<String> = sums.iter().map(|sum| format!("{sum}.checksum.status == 0")).collect();
        each.join(" || ")
    };
    // An ICMP error quotes a datagram as the kernel had it: with a sum that was not filled in.
    let quotes = "icmp.type == 3 || icmpv6.type == 1";
    let wrong = format!(
        "_ws.malformed || {} || (!({quotes}) && ({}))",
        bad(&["ip", "icmp", "icmpv6"]),
        bad(&["tcp", "udp"])
    );
    assert_eq!(tshark(path, &wrong, &["frame.comment", "_ws.expert.message"]), Some(Vec::new()));
    // It did look.
    let right = tshark(path, &format!("{sum}.checksum.status == 1"), &["frame.comment"]).unwrap_or_default();
    assert!(right.len() > 9, "{sum}: {right:#?}");
}

#[test]
fn a_file_that_cannot_be_written_is_refused_before_anything_is_sent() {
    in_each_mode_unless_in_vm("a_file_that_cannot_be_written_is_refused_before_anything_is_sent", |world| {
        world.ok(&["up", &world.lab("two-node.toml")]);
        let missing = world.temporary().join("no/walk.pcapng").display().to_string();
        let folder = world.temporary().display().to_string();
        for (path, code, reason) in [
            (missing.as_str(), 4, format!("--pcapng {missing}: it cannot be written: there is no folder")),
            (&folder, 4, format!("--pcapng {folder}: it cannot be written: it is a folder")),
            ("-", 2, "--pcapng -: standard output is where the walk is told".to_owned()),
        ] {
            let ran = world.netlab(&["walk", "pod1", "pod4", "--pcapng", path]);
            assert_eq!((ran.code, ran.stdout.as_str()), (code, ""), "{ran:#?}");
            assert!(ran.stderr.starts_with(&format!("netlab: {reason}")), "{}", ran.stderr);
        }
        if world.mode == Mode::Ordinary {
            let complaint = world.fails(4, &["walk", "pod1", "pod4", "--pcapng", "/etc/walk.pcapng"]);
            assert!(complaint.contains("you may not write to /etc"), "{complaint}");
        }
        let neighbours = world.ok(&["exec", "node1", "--", "ip", "neighbour"]);
        assert!(!neighbours.contains("192.168.66.12"), "nobody was asked for a neighbour: {neighbours}");
    });
}

#[test]
fn a_diagram_is_the_same_each_time() {
    in_each_mode_unless_in_vm("a_diagram_is_the_same_each_time", |world| {
        world.ok(&["up", &world.lab("two-node.toml")]);
        // Nobody has to ask for a neighbour any more.
        world.ok(&["ping", "-c", "1", "pod1", "pod4"]);
        let diagram = world.ok(&["walk", "--format", "mermaid", "pod1", "pod4"]);
        insta::with_settings!({ snapshot_path => "../snapshots/walk", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!("two-node.mermaid", diagram);
        });
    });
}

/// What a terminal is told when a program has it for itself, and when it gives it back.
const ENTER: &str = "\u{1b}[?1049h\u{1b}[?25l";
const LEAVE: &str = "\u{1b}[?25h\u{1b}[?1049l";

/// A walk on a terminal, at its first step.
fn first_step(world: &World) -> Terminal {
    let mut terminal = Terminal::start(world, &["walk", "pod1", "pod4", "--step"]);
    terminal.wait_for("q leave");
    assert!(terminal.seen.contains(ENTER), "{:?}", terminal.seen);
    assert!(terminal.seen.contains("step 1 of 18"), "{:?}", terminal.seen);
    assert_ne!(terminal.settings(), terminal.before, "keys come one by one");
    terminal
}

/// Left by that key or signal, the terminal is as it was, and the verdict stays.
fn is_left(mut terminal: Terminal) {
    let status = terminal.end();
    assert_eq!(status.code(), Some(0), "{:?}", terminal.seen);
    assert_eq!(terminal.settings(), terminal.before);
    let (_, after) = terminal.seen.rsplit_once(LEAVE).unwrap_or_else(|| panic!("{:?}", terminal.seen));
    assert!(after.starts_with("\u{1b}[1;32mdelivered and answered: "), "{after:?}");
}

#[test]
fn a_key_shows_the_next_step_or_the_one_before() {
    in_each_mode_unless_in_vm("a_key_shows_the_next_step_or_the_one_before", |world| {
        world.ok(&["up", &world.lab("two-node.toml")]);
        let mut terminal = first_step(world);
        for (key, page) in [
            ("n", "step 2 of 18"),
            (" ", "step 3 of 18"),
            ("\u{1b}[C", "step 4 of 18"),
            ("\r", "step 5 of 18"),
            ("b", "step 4 of 18"),
            ("\u{1b}[D", "step 3 of 18"),
            ("G", "the end"),
            ("p", "step 18 of 18"),
            ("\u{1b}[H", "step 1 of 18"),
            ("\u{1b}[F", "delivered and answered"),
            ("g", "step 1 of 18"),
        ] {
            terminal.key(key, page);
        }
        terminal.key("nnn", "step 4 of 18");
        terminal.wait_for("[eth0]");
        terminal.wait_for("* Ethernet  node1 eth0");
        // A narrow window has no room for both next to each other, and a low one not for all.
        terminal.seen.clear();
        terminal.resize(40, 12);
        terminal.wait_for("↓ more");
        assert!(!terminal.seen.contains('│'), "{:?}", terminal.seen);
        terminal.key("j", "↑↓ more");
        terminal.type_in("q");
        is_left(terminal);
    });
}

#[test]
fn the_terminal_is_given_back_however_it_is_left() {
    in_each_mode_unless_in_vm("the_terminal_is_given_back_however_it_is_left", |world| {
        world.ok(&["up", &world.lab("two-node.toml")]);
        for key in ["q", "\u{3}", "\u{1b}"] {
            let mut terminal = first_step(world);
            terminal.type_in(key);
            is_left(terminal);
        }
        for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT] {
            let terminal = first_step(world);
            let pid = i32::try_from(terminal.child.id()).expect("a pid");
            kill(Pid::from_raw(pid), signal).expect("a signal");
            is_left(terminal);
        }
    });
}

#[test]
fn a_walk_that_is_stopped_goes_on_where_it_was() {
    const NAME: &str = "a_walk_that_is_stopped_goes_on_where_it_was";
    in_each_mode_unless_in_vm(NAME, |world| {
        if !std::path::Path::new("/bin/bash").exists() {
            return skip(NAME, "bash is not installed");
        }
        world.ok(&["up", &world.lab("two-node.toml")]);
        let mut shell = Command::new("/bin/bash");
        world.prepare(shell.args(["--norc", "-i"]));
        let mut terminal = Terminal::run(shell);
        terminal.type_in("netlab walk pod1 pod4 --step\n");
        terminal.wait_for("step 1 of 18");
        terminal.key("n", "step 2 of 18");
        terminal.key("\u{1a}", LEAVE);
        terminal.wait_for("Stopped");
        terminal.wait_until_foreground_is("bash");
        terminal.key("fg\n", ENTER);
        terminal.wait_for("step 2 of 18");
        terminal.key("q", "delivered and answered");
        terminal.key("echo al''ive; exit 7\n", "alive");
        assert_eq!(terminal.end().code(), Some(7));
    });
}

#[test]
fn what_is_lost_is_said_on_the_last_page_and_afterwards() {
    in_each_mode_unless_in_vm("what_is_lost_is_said_on_the_last_page_and_afterwards", |world| {
        world.ok(&["up", &world.lab("two-node.toml")]);
        world.ok(&["exec", "node2", "--", "sysctl", "-qw", "net.ipv4.ip_forward=0"]);
        let mut terminal = Terminal::start(world, &["walk", "pod1", "pod4", "--step"]);
        terminal.wait_for("step 1 of 6");
        terminal.key("G", "the end");
        terminal.key("b", "[node2]");
        terminal.wait_for("──x");
        let mend = "netlab exec node2 -- sysctl -w net.ipv4.ip_forward=1";
        terminal.key("G", mend);
        terminal.type_in("q");
        assert_eq!(terminal.end().code(), Some(1));
        let (_, after) = terminal.seen.rsplit_once(LEAVE).expect("the screen before");
        assert!(after.contains(mend), "{after:?}");
    });
}

/// Runs itself on a terminal, where it panics.
#[test]
fn a_panic_gives_the_terminal_back() {
    if std::env::var_os("NETLAB_TEST_PANIC").is_some() {
        let _screen = netlab::kernel::Screen::open().expect("a terminal");
        panic!("as it was asked to");
    }
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["a_panic_gives_the_terminal_back", "--exact", "--nocapture", "--test-threads=1"]);
    let mut terminal = Terminal::run({
        command.env("NETLAB_TEST_PANIC", "1");
        command
    });
    assert_eq!(terminal.end().code(), Some(101), "{:?}", terminal.seen);
    assert_eq!(terminal.settings(), terminal.before);
    let (_, after) = terminal.seen.split_once(LEAVE).unwrap_or_else(|| panic!("{:?}", terminal.seen));
    assert!(after.contains("as it was asked to"), "the message is on the screen that stays: {after:?}");
}

#[test]
fn steps_need_a_terminal() {
    in_each_mode_unless_in_vm("steps_need_a_terminal", |world| {
        world.ok(&["up", &world.lab("two-node.toml")]);
        let instead = "leave --step out, or use --format mermaid or --html FILE\n";
        let without = |which: &str| {
            format!(
                "netlab: --step needs a terminal to read keys from and to draw on, and {which}: {instead}"
            )
        };
        let walk = ["walk", "pod1", "pod4", "--step"];
        assert_eq!(world.fails(2, &walk), without("standard input and output are none"));
        let mut terminal = Terminal::run({
            let mut command = Command::new("sh");
            command.args(["-c", "netlab walk pod1 pod4 --step </dev/null; echo code=$?"]);
            world.prepare(&mut command);
            command
        });
        terminal.wait_for("code=2");
        assert!(terminal.seen.contains("standard input is none: leave"), "{:?}", terminal.seen);
        let mut dumb = world.command(&walk);
        dumb.env("TERM", "dumb");
        let mut terminal = Terminal::run(dumb);
        assert_eq!(terminal.end().code(), Some(2));
        assert!(terminal.seen.contains("TERM is dumb"), "{:?}", terminal.seen);
        let neighbours = world.ok(&["exec", "node1", "--", "ip", "neighbour"]);
        assert!(!neighbours.contains("192.168.66.12"), "nothing was sent: {neighbours}");
    });
}
