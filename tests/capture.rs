//! `netlab capture` in running labs: what is heard where, in which order, and how it ends.

mod support;

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStderr, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use support::pcapng::{self, Capture};
use support::{Ran, World, in_each_mode, is_root, skip, wait_until};

/// A capture that listens.
struct Listening {
    child: Child,
    stderr: BufReader<ChildStderr>,
    first: String,
}

impl Listening {
    /// Starts one, and waits until it listens.
    fn start(world: &World, args: &[&str]) -> Self {
        Self::from(world.spawn(&[&["capture"], args].concat()))
    }

    fn from(mut child: Child) -> Self {
        let mut stderr = BufReader::new(child.stderr.take().expect("its errors"));
        let mut first = String::new();
        stderr.read_line(&mut first).expect("its first line");
        if !first.starts_with("capturing on ") {
            stderr.read_to_string(&mut first).expect("its errors");
            panic!("it does not listen: {first}");
        }
        Self { child, stderr, first }
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id() as i32)
    }

    fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("a signal");
    }

    /// Waits for its end.
    fn ended(mut self) -> Ran {
        let mut rest = String::new();
        self.stderr.read_to_string(&mut rest).expect("its errors");
        let mut ran = Ran::from(self.child.wait_with_output().expect("its output"));
        ran.stderr = rest;
        ran
    }

    /// Ends it as Ctrl-C does.
    fn stop(self) -> Ran {
        self.signal(Signal::SIGINT);
        let ran = self.ended();
        assert_eq!(ran.code, 0, "{ran:#?}");
        ran
    }

    /// Ends it, and gives back the frames that it has shown as JSON.
    fn frames(self) -> Vec<Value> {
        let ran = self.stop();
        assert!(ran.stderr.contains("none was lost"), "{}", ran.stderr);
        ran.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

/// `pod1/eth0 out 64`
fn places(frames: &[Value], which: &str) -> Vec<String> {
    let wanted = frames.iter().filter(|frame| frame["summary"].as_str().expect("text").contains(which));
    wanted
        .map(|frame| {
            let text = |key: &str| frame[key].as_str().expect("text").to_owned();
            format!("{} {} {}", text("interface"), text("direction"), frame["ttl"])
        })
        .collect()
}

fn summaries(frames: &[Value]) -> Vec<&str> {
    frames.iter().map(|frame| frame["summary"].as_str().expect("text")).collect()
}

fn up(world: &World, lab: &str, more: &[&str]) -> bool {
    let file = world.lab(lab);
    let ran = world.netlab(&[&["up", &file], more].concat());
    assert!([0, 3].contains(&ran.code), "{ran:#?}");
    ran.code == 0
}

/// A file that netlab may write.
fn file(world: &World, name: &str) -> String {
    world.temporary().join(name).to_str().expect("text").to_owned()
}

fn read(path: &str) -> Capture {
    pcapng::read(&std::fs::read(path).expect("a capture"))
}

/// What each end of pod1's and pod4's cables is called in their nodes.
const VETHS: [(&str, &str); 2] = [("pod1", "vethccc1ffe7"), ("pod4", "vethc7c1f808")];

fn crossing(ttls: [u8; 3]) -> Vec<String> {
    let (near, far) = (VETHS[0].1, VETHS[1].1);
    let [at_pod, between, at_end] = ttls;
    [
        format!("pod1/eth0 out {at_pod}"),
        format!("node1/{near} in {at_pod}"),
        format!("node1/cbr0 in {at_pod}"),
        format!("node1/eth0 out {between}"),
        format!("fabric/node1 in {between}"),
        format!("fabric/node2 out {between}"),
        format!("node2/eth0 in {between}"),
        format!("node2/cbr0 out {at_end}"),
        format!("node2/{far} out {at_end}"),
        format!("pod4/eth0 in {at_end}"),
    ]
    .to_vec()
}

fn back(there: &[String], ttls: [u8; 3]) -> Vec<String> {
    let turned = there.iter().rev().map(|place| {
        let mut words = place.split(' ');
        let (place, way) = (words.next().expect("a place"), words.next().expect("a way"));
        let ttl = match place.split('/').next() {
            Some("pod4") => ttls[0],
            Some("node2") if !place.ends_with("eth0") => ttls[0],
            Some("node1") if !place.ends_with("eth0") => ttls[2],
            Some("pod1") => ttls[2],
            _ => ttls[1],
        };
        format!("{place} {} {ttl}", if way == "in" { "out" } else { "in" })
    });
    turned.collect()
}

#[test]
fn a_ping_is_heard_at_every_interface_that_it_crosses_in_order() {
    in_each_mode("a_ping_is_heard_at_every_interface_that_it_crosses_in_order", |world| {
        assert!(up(world, "two-node.toml", &[]));
        let capture = Listening::start(world, &["--format", "json", "icmp"]);
        assert_eq!(capture.first, "capturing on 22 interfaces of 7 namespaces\n");
        world.ok(&["ping", "-c", "1", "pod1", "pod4"]);
        let frames = capture.frames();
        let there = crossing([64, 63, 62]);
        assert_eq!(places(&frames, "echo request"), there);
        assert_eq!(places(&frames, "echo reply"), back(&there, [64, 63, 62]));
        assert!(frames.iter().all(|frame| frame["schema"] == "netlab.capture/1"));
        assert_eq!(frames[0]["from"]["name"], "pod1");
        assert_eq!(frames[0]["headers"], serde_json::json!(["Ethernet", "IPv4", "ICMP", "data"]));
        let times: Vec<&str> = frames.iter().map(|frame| frame["time"].as_str().expect("a time")).collect();
        assert!(times.is_sorted(), "{times:?}");

        // On the same node the bridge only switches: cbr0 is not promiscuous, and does not show it.
        let capture = Listening::start(world, &["--format", "json", "icmp"]);
        world.ok(&["ping", "-c", "1", "pod1", "pod2"]);
        let request = places(&capture.frames(), "echo request");
        assert_eq!(request[..2], ["pod1/eth0 out 64", "node1/vethccc1ffe7 in 64"]);
        assert_eq!((request.len(), request[3].as_str()), (4, "pod2/eth0 in 64"));
    });
}

#[test]
fn ipv6_is_heard_with_its_questions_for_neighbours() {
    in_each_mode("ipv6_is_heard_with_its_questions_for_neighbours", |world| {
        assert!(up(world, "dual-stack.toml", &[]));
        let capture = Listening::start(world, &["--format", "json", "icmp6"]);
        world.ok(&["ping", "-6", "-c", "1", "pod1", "pod4"]);
        let frames = capture.frames();
        assert_eq!(places(&frames, "echo request"), crossing([64, 63, 62]));
        let told = summaries(&frames);
        assert!(told.iter().any(|text| text.contains("ND who has pod4?")), "{told:#?}");
        assert!(told.iter().any(|text| text.contains("ND pod4 is at 0a:58:0a:f4:02:03")), "{told:#?}");
    });
}

#[test]
fn a_filter_knows_names_and_directions_and_looks_into_tunnels() {
    in_each_mode("a_filter_knows_names_and_directions_and_looks_into_tunnels", |world| {
        assert!(up(world, "two-node.toml", &["--data-path", "vxlan"]));
        let all = Listening::start(world, &["--format", "json"]);
        let arp = Listening::start(world, &["--format", "json", "arp", "and", "host", "pod4"]);
        let one_way =
            Listening::start(world, &["--format", "json", "-f", "icmp and src host pod1", "node1", "pod4"]);
        let tunnel =
            Listening::start(world, &["--format", "json", "underlay", "vxlan", "and", "host", "pod4"]);
        let raw = Listening::start(world, &["-n", "--time", "none", "pod1/eth0", "icmp"]);
        let port = Listening::start(world, &["--format", "json", "node1/pod1", "node2/cbr0", "icmp"]);
        world.ok(&["ping", "-c", "1", "pod1", "pod4"]);

        let arp = arp.frames();
        assert!(!arp.is_empty() && summaries(&arp).iter().all(|text| text.starts_with("ARP ")), "{arp:#?}");
        assert!(summaries(&arp).contains(&"ARP who has pod4? tell node2 cbr0"), "{arp:#?}");
        let one_way = places(&one_way.frames(), "");
        assert_eq!(one_way.first().map(String::as_str), Some("node1/vethccc1ffe7 in 64"));
        assert_eq!(one_way.last().map(String::as_str), Some("pod4/eth0 in 62"));
        assert!(one_way.contains(&"node1/flannel.1 out 63".to_owned()), "{one_way:?}");
        let tunnel = tunnel.frames();
        let inside = "node1 eth0 > node2 eth0  VXLAN 1 [ pod1 > pod4  ICMP echo request id ";
        assert!(tunnel[0]["summary"].as_str().expect("text").starts_with(inside), "{tunnel:#?}");
        assert_eq!(tunnel[0]["headers"].as_array().expect("headers")[3..6], ["VXLAN", "Ethernet", "IPv4"]);
        assert_eq!(places(&tunnel, "echo request"), ["fabric/node1 in 64", "fabric/node2 out 64"]);
        let raw = raw.stop().stdout;
        assert!(raw.starts_with("pod1/eth0  out  10.244.1.2 > 10.244.2.3  ICMP echo request id "), "{raw}");
        assert_eq!(raw.lines().count(), 2);
        assert_eq!(places(&port.frames(), "request"), ["node1/vethccc1ffe7 in 64", "node2/cbr0 out 62"]);

        let all = all.frames();
        let passed: Vec<Value> = all
            .iter()
            .filter(|frame| frame["summary"].as_str().is_some_and(|text| text.contains("echo")))
            .cloned()
            .collect();
        assert_eq!(places(&passed, "echo request").len(), 12, "{passed:#?}");
    });
}

#[test]
fn every_tunnel_is_looked_into() {
    in_each_mode("every_tunnel_is_looked_into", |world| {
        let ways =
            [("geneve", "Geneve 1 [ "), ("gre", "GRE [ "), ("ipip", "IPIP [ "), ("wireguard", "WireGuard ")];
        for (data_path, shown) in ways {
            if !up(world, "two-node.toml", &["--data-path", data_path]) {
                skip("every_tunnel_is_looked_into", &format!("this kernel lacks {data_path}"));
                continue;
            }
            let tunnels = Listening::start(world, &["--format", "json", "node1/eth0", data_path]);
            let inner = Listening::start(world, &["--format", "json", "node1", "icmp"]);
            world.ok(&["ping", "-c", "1", "pod1", "pod4"]);
            let frames = tunnels.frames();
            let told = summaries(&frames);
            let is_there = |text: &&str| text.starts_with(&format!("node1 eth0 > node2 eth0  {shown}"));
            assert!(told.iter().any(is_there), "{data_path}: {told:#?}");
            let frames = inner.frames();
            let inside = "pod1 > pod4  ICMP echo request";
            assert_eq!(
                places(&frames, inside).len(),
                if data_path == "wireguard" { 3 } else { 4 },
                "{frames:#?}"
            );
            // The tunnel's own interface shows the packet without anything around it.
            let own = frames
                .iter()
                .filter(|frame| frame["summary"].as_str().is_some_and(|text| text.starts_with(inside)));
            let own: Vec<&str> = own.map(|frame| frame["interface"].as_str().expect("text")).collect();
            assert_eq!(own.len(), 3, "{own:?}");
            world.ok(&["down"]);
        }
    });
}

#[test]
fn a_file_says_everything_that_is_known() {
    in_each_mode("a_file_says_everything_that_is_known", |world| {
        assert!(up(world, "two-node.toml", &[]));
        let path = file(world, "ping.pcapng");
        let capture = Listening::start(world, &["-w", &path, "icmp"]);
        world.ok(&["ping", "-c", "1", "pod1", "pod4"]);
        let ran = capture.stop();
        assert!(ran.stderr.starts_with("captured 20 frames; none was lost"), "{}", ran.stderr);
        let found = read(&path);
        assert!(found.application.starts_with("netlab "), "{}", found.application);
        assert_eq!(found.interfaces.len(), 22);
        assert!(found.interfaces.iter().all(|interface| (interface.link, interface.resolution) == (1, 9)));
        let described = |name: &str| {
            let interface = found.interfaces.iter().find(|interface| interface.name == name);
            interface.map(|interface| interface.description.as_str())
        };
        assert_eq!(described("node1/cbr0"), Some("the bridge of node1's pods"));
        assert_eq!(described("node1/vethccc1ffe7"), Some("cable to pod1 eth0, port of cbr0"));
        assert_eq!(described("pod1/eth0"), Some("cable to node1 cbr0"));
        assert_eq!(described("fabric/node1"), Some("cable to node1 eth0, port of underlay"));
        assert!(found.names.contains(&(vec![10, 244, 2, 3], "pod4".to_owned())));
        let places: Vec<String> = found
            .frames
            .iter()
            .map(|frame| {
                let way = if frame.direction == 1 { "in" } else { "out" };
                format!("{} {way} {}", found.interfaces[frame.interface].name, frame.bytes[22])
            })
            .collect();
        assert_eq!(places[..10], crossing([64, 63, 62]));
        let comment = "pod1 > pod4  ICMP echo request id ";
        assert!(found.frames[0].comment.starts_with(comment), "{}", found.frames[0].comment);
        assert!(found.frames.iter().all(|frame| frame.original == 98 && frame.bytes.len() == 98));
        assert!(found.frames.is_sorted_by_key(|frame| frame.time));
        assert_eq!(found.statistics.len(), 22);
        assert!(found.statistics.iter().all(|(_, _, dropped)| *dropped == 0));
        let eth0 = found.interfaces.iter().position(|interface| interface.name == "pod4/eth0").expect("pod4");
        assert_eq!(found.statistics[eth0].1, 2, "{:?}", found.statistics);
        with_tshark(&path, &found);
    });
}

/// The same as Wireshark sees it.
fn with_tshark(path: &str, found: &Capture) {
    let mut tshark = Command::new("tshark");
    tshark.args(["-n", "-r", path, "-T", "fields", "-e", "frame.interface_name", "-e", "frame.comment"]);
    tshark.args(["-e", "frame.packet_flags_direction", "-e", "_ws.malformed"]);
    let Ok(output) = tshark.output() else {
        return skip("a_file_says_everything_that_is_known", "tshark is not installed");
    };
    let ran = Ran::from(output);
    assert_eq!(ran.code, 0, "{ran:#?}");
    let lines: Vec<Vec<&str>> = ran.stdout.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(lines.len(), found.frames.len());
    for (line, frame) in lines.iter().zip(&found.frames) {
        assert_eq!(line[0], found.interfaces[frame.interface].name);
        assert_eq!(line[1], frame.comment);
        assert_eq!(u32::from_str_radix(line[2].trim_start_matches("0x"), 16), Ok(frame.direction));
        assert_eq!(line.get(3).copied().unwrap_or_default(), "");
    }
}

/// An echo server in pod4, and a function that sends it so many bytes from pod1 and reads them back.
struct Echo<'a> {
    world: &'a World,
    server: Child,
}

impl<'a> Echo<'a> {
    fn start(world: &'a World) -> Self {
        let server = world.spawn(&["exec", "pod4", "--", "netlab", "serve", "echo:7"]);
        wait_until("the server answers", || {
            world.netlab(&["exec", "pod1", "--", "netlab", "fetch", "tcp://10.244.2.3:7"]).code == 0
        });
        Self { world, server }
    }

    /// Whether bash is there to do it.
    fn carries(&self, bytes: usize) -> bool {
        let script = format!(
            "exec 3<>/dev/tcp/10.244.2.3/7 && {{ head -c {bytes} /dev/zero >&3 & head -c {bytes} <&3 | wc -c; }}"
        );
        let ran = self.world.netlab(&["exec", "pod1", "--", "bash", "-c", &script]);
        ran.code == 0 && ran.stdout.trim() == bytes.to_string()
    }
}

impl Drop for Echo<'_> {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(self.server.id() as i32), Signal::SIGTERM);
        let _ = self.server.wait();
    }
}

/// Whether the sum of a TCP segment over IPv4 is right.
fn is_right(frame: &[u8]) -> bool {
    let ip = etherparse::Ipv4HeaderSlice::from_slice(&frame[14..]).expect("IPv4");
    let segment = &frame[14 + 20..14 + usize::from(ip.total_len())];
    let tcp = etherparse::TcpSlice::from_slice(segment).expect("TCP");
    tcp.calc_checksum_ipv4(ip.source(), ip.destination()) == Ok(tcp.checksum())
}

#[test]
fn open_checksums_are_filled_in_and_offloaded_frames_are_named() {
    in_each_mode("open_checksums_are_filled_in_and_offloaded_frames_are_named", |world| {
        assert!(up(world, "two-node.toml", &[]));
        let echo = Echo::start(world);
        let path = file(world, "tcp.pcapng");
        let capture = Listening::start(world, &["-w", &path, "pod1", "node1/eth0", "tcp"]);
        let text = Listening::start(world, &["pod1", "tcp"]);
        if !echo.carries(200_000) {
            return skip(
                "open_checksums_are_filled_in_and_offloaded_frames_are_named",
                "no bash with /dev/tcp",
            );
        }
        capture.stop();
        let found = read(&path);
        assert!(found.frames.len() > 10);
        let wrong: Vec<&str> = found
            .frames
            .iter()
            .filter(|frame| !is_right(&frame.bytes))
            .map(|frame| frame.comment.as_str())
            .collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
        let filled = "TCP checksum filled in, which the kernel leaves to the network card";
        assert!(found.frames.iter().any(|frame| frame.comment.contains(filled)), "{:#?}", found.frames);
        let long: Vec<_> = found.frames.iter().filter(|frame| frame.original > 1514).collect();
        assert!(!long.is_empty(), "no frame of segmentation offload");
        for frame in long {
            assert_eq!(frame.bytes.len(), frame.original);
            assert!(frame.comment.contains("segmentation offload: one frame of "), "{}", frame.comment);
        }
        let shown = text.stop().stdout;
        assert!(shown.contains("; checksum left to the network card"), "{shown}");
        assert!(shown.contains("; segmentation offload: one frame of "), "{shown}");
    });
}

#[test]
fn what_comes_faster_than_it_is_read_is_counted() {
    in_each_mode("what_comes_faster_than_it_is_read_is_counted", |world| {
        assert!(up(world, "two-node.toml", &[]));
        let echo = Echo::start(world);
        let path = file(world, "lost.pcapng");
        let capture = Listening::start(world, &["-w", &path, "pod1"]);
        capture.signal(Signal::SIGSTOP);
        // More than the ring of one namespace has room for.
        let carried = echo.carries(40_000_000);
        capture.signal(Signal::SIGCONT);
        let ran = capture.stop();
        if !carried {
            return skip("what_comes_faster_than_it_is_read_is_counted", "no bash with /dev/tcp");
        }
        assert!(ran.stderr.contains(" more were lost, which came faster"), "{}", ran.stderr);
        assert!(
            ran.stderr.contains(
                " in pod1): name fewer interfaces, or keep only the headers of each frame with -s 512"
            ),
            "{}",
            ran.stderr
        );
        let found = read(&path);
        let dropped: u64 = found.statistics.iter().map(|(_, _, dropped)| *dropped).sum();
        assert!(dropped > 0 && ran.stderr.contains(&format!("; {dropped} more were lost")), "{}", ran.stderr);
    });
}

#[test]
fn what_a_filter_cannot_want_takes_no_room() {
    in_each_mode("what_a_filter_cannot_want_takes_no_room", |world| {
        assert!(up(world, "dual-stack.toml", &[]));
        let echo = Echo::start(world);
        let (icmp, small) = (file(world, "icmp.pcapng"), file(world, "small.pcapng"));
        let quiet = Listening::start(world, &["-w", &icmp, "not", "tcp"]);
        let cut = Listening::start(world, &["-w", &small, "-s", "128", "pod1", "tcp"]);
        quiet.signal(Signal::SIGSTOP);
        let carried = echo.carries(40_000_000);
        // Of every kind that is not TCP, and in pieces.
        world.ok(&["ping", "-4", "-c", "1", "-s", "4000", "pod1", "pod4"]);
        world.ok(&["ping", "-6", "-c", "1", "pod1", "pod4"]);
        world.ok(&["ping", "-4", "-c", "1", "pod1", "pod2"]);
        quiet.signal(Signal::SIGCONT);
        let (ran, short) = (quiet.stop(), cut.stop());
        if !carried {
            return skip("what_a_filter_cannot_want_takes_no_room", "no bash with /dev/tcp");
        }
        assert!(ran.stderr.contains("; none was lost"), "{}", ran.stderr);
        let found = read(&icmp);
        let count = |which: &str| found.frames.iter().filter(|frame| frame.comment.contains(which)).count();
        assert_eq!((count("TCP"), count("ICMPv6 echo"), count(" at 1480, more")), (0, 20, 20));
        assert!(count("ARP") > 0 && count("ND ") > 0);
        assert!(!short.stderr.contains("-s 512"), "{}", short.stderr);
        let found = read(&small);
        assert!(found.frames.iter().all(|frame| frame.bytes.len() <= 128));
        let long = found.frames.iter().find(|frame| frame.original > 1514).expect("a long frame");
        assert!(
            long.comment.contains("; checksum left to the network card; segmentation offload"),
            "{}",
            long.comment
        );
    });
}

#[test]
fn it_ends_when_it_is_told_to() {
    in_each_mode("it_ends_when_it_is_told_to", |world| {
        assert!(up(world, "two-node.toml", &[]));
        let counted = Listening::start(world, &["-c", "3", "icmp"]);
        let timed = Listening::start(world, &["--for", "100ms"]);
        assert_eq!(timed.ended().code, 0);
        let stopped = Listening::start(world, &["icmp"]);
        world.ok(&["ping", "-c", "1", "pod1", "pod4"]);
        let ran = counted.ended();
        assert_eq!((ran.code, ran.stdout.lines().count()), (0, 3), "{ran:#?}");
        assert!(ran.stderr.starts_with("captured 3 frames; none was lost"), "{}", ran.stderr);
        // What passed before the signal is shown, though the kernel had not handed it over yet.
        stopped.signal(Signal::SIGTERM);
        let ran = stopped.ended();
        assert_eq!((ran.code, ran.stdout.lines().count()), (0, 20), "{ran:#?}");
    });
}

#[test]
fn it_ends_with_its_reader_even_if_nothing_passes() {
    in_each_mode("it_ends_with_its_reader_even_if_nothing_passes", |world| {
        assert!(up(world, "two-node.toml", &[]));
        for args in [&["-w", "-"][..], &["--format", "json"]] {
            let mut capture = Listening::start(world, args);
            drop(capture.child.stdout.take());
            let ran = capture.ended();
            assert_eq!(ran.code, 0, "{ran:#?}");
        }
    });
}

#[test]
fn a_pipe_has_each_frame_soon_after_it_passed() {
    in_each_mode("a_pipe_has_each_frame_soon_after_it_passed", |world| {
        assert!(up(world, "two-node.toml", &[]));
        let mut capture = Listening::start(world, &["-w", "-", "pod1", "icmp"]);
        world.ok(&["ping", "-c", "1", "pod1", "pod4"]);
        let mut stdout = capture.child.stdout.take().expect("output");
        let mut bytes = Vec::new();
        // Without a signal: reading would never end if the frames stayed where they are.
        while bytes.windows(10).filter(|some| some == b"ICMP echo ").count() < 2 {
            let mut some = [0; 4096];
            let got = stdout.read(&mut some).expect("frames");
            assert_ne!(got, 0, "it ended");
            bytes.extend(&some[..got]);
        }
        assert_eq!(pcapng::read(&bytes).frames.len(), 2);
        capture.stop();
    });
}

#[test]
fn it_ends_when_its_lab_does_and_leaves_nothing() {
    in_each_mode("it_ends_when_its_lab_does_and_leaves_nothing", |world| {
        assert!(up(world, "two-node.toml", &[]));
        let path = file(world, "down.pcapng");
        let capture = Listening::start(world, &["-w", &path]);
        world.ok(&["ping", "-c", "1", "pod1", "pod4"]);
        world.ok(&["down"]);
        let ran = capture.ended();
        assert_eq!(ran.code, 4, "{ran:#?}");
        assert!(ran.stderr.contains("lab `two-node` ended while it was being captured"), "{}", ran.stderr);
        let found = read(&path);
        let pings = found.frames.iter().filter(|frame| frame.comment.contains("ICMP echo")).count();
        assert_eq!((pings, found.statistics.len()), (20, 22));
        world.expect_no_files();
    });
}

#[test]
fn what_cannot_be_meant_is_said_before_anything_is_captured() {
    in_each_mode("what_cannot_be_meant_is_said_before_anything_is_captured", |world| {
        world.fails(2, &["capture"]);
        assert!(up(world, "two-node.toml", &[]));
        let cases: [(&[&str], &str); 9] = [
            (&["pdo1"], "no pod, node, router, external or segment `pdo1`; did you mean `pod1`?"),
            (&["hots", "pod1"], "did you mean `host`?"),
            (&["node1/cbr1"], "node1 has no interface `cbr1`; it has: lo, "),
            (&["icmp", "host", "pod1"], "write `and host`, or `or host`"),
            (&["host", "pod9"], "nothing here is called `pod9`"),
            (&["-f", "tcp port 80"], "two conditions stand side by side"),
            (
                &["-w", "/nowhere/x.pcapng"],
                "-w /nowhere/x.pcapng: it cannot be written: No such file or directory",
            ),
            (&["--for", "5x"], "not a time, such as 500ms, 5s or 2m"),
            (&["-w", "x", "--format", "json"], "cannot be used with"),
        ];
        for (args, message) in cases {
            let said = world.fails(2, &[&["capture"], args].concat());
            assert!(said.contains(message), "{args:?}: {said}");
            assert!(!said.contains("capturing on"), "{said}");
        }
    });
}

#[test]
fn a_full_disk_is_said_and_ends_it() {
    in_each_mode("a_full_disk_is_said_and_ends_it", |world| {
        assert!(up(world, "two-node.toml", &[]));
        let said = world.fails(4, &["capture", "-w", "/dev/full", "--for", "10s"]);
        assert!(said.contains("writing to /dev/full") && said.contains("No space left on device"), "{said}");
    });
}

#[test]
fn an_interface_that_is_made_meanwhile_is_heard_by_its_name() {
    in_each_mode("an_interface_that_is_made_meanwhile_is_heard_by_its_name", |world| {
        if Command::new("ip").arg("-V").stdout(Stdio::null()).status().is_err() || !is_root() {
            return skip("an_interface_that_is_made_meanwhile_is_heard_by_its_name", "no ip");
        }
        assert!(up(world, "two-node.toml", &[]));
        let path = file(world, "new.pcapng");
        let capture = Listening::start(world, &["-w", &path, "node1", "arp"]);
        let ip = |args: &str| {
            let words: Vec<&str> = ["exec", "node1", "--", "ip"].into_iter().chain(args.split(' ')).collect();
            world.ok(&words);
        };
        ip("link add new0 type veth peer name new1");
        ip("link set new1 up");
        ip("link set new0 up");
        ip("address add 10.99.0.1/24 dev new0");
        // Nobody is there to answer.
        world.netlab(&["ping", "-c", "1", "-W", "0.1", "node1", "10.99.0.2"]);
        capture.stop();
        let found = read(&path);
        let name = |frame: &pcapng::Frame| found.interfaces[frame.interface].name.clone();
        let names: Vec<String> = found.frames.iter().map(name).collect();
        assert!(
            names.contains(&"node1/new0".to_owned()) && names.contains(&"node1/new1".to_owned()),
            "{names:?}"
        );
    });
}
