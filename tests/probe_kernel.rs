//! Pings and traceroutes over the real kernel, in namespaces made for the test.
//!
//! Every test works in a thread that has left the host's network namespace first; where the kernel does not allow
//! that, the test says loudly that it was skipped.

// Runs in VMs too (.ci/vm-tests).

use std::fs::read_link;
use std::io::{self, BufRead, BufReader};
use std::net::IpAddr;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use netlab::kernel::icmp::IcmpSocket;
use netlab::kernel::probe::{run_ping, run_traceroute};
use netlab::probe::{DontFragment, Outcome, PingEvent, PingOptions, TraceEnd, TracerouteOptions};
use nix::sched::{CloneFlags, unshare};

/// Set in the copy of this program that runs as root of its own user namespace.
const INSIDE: &str = "NETLAB_TEST_INSIDE";

static NOBODY_STOPS: AtomicBool = AtomicBool::new(false);

/// Runs `test` in a new network namespace whose `lo` is up, else in a copy of this program that may make one.
fn in_namespace(name: &str, test: impl FnOnce() + Send + 'static) {
    let body = move || {
        if let Err(error) = unshare(CloneFlags::CLONE_NEWNET) {
            return Some(error);
        }
        ip("link set lo up");
        test();
        None
    };
    let refused = std::thread::spawn(body).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    let Some(error) = refused else { return };
    let allowed = std::env::var_os(INSIDE).is_none()
        && Command::new("unshare").args(["-Urn", "true"]).status().is_ok_and(|status| status.success());
    if !allowed {
        eprintln!("SKIPPED: {name}: no network namespace: {error}");
        return;
    }
    let program = std::env::current_exe().expect("this program has a path");
    let arguments = ["--exact", name, "--nocapture"];
    let status = Command::new("unshare").arg("-Urn").arg(program).args(arguments).env(INSIDE, "1").status();
    assert!(status.expect("unshare ran before").success(), "{name} failed in a user namespace");
}

/// Runs `ip` in this thread's namespace.
fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split(' ')).status().expect("iproute2 is installed");
    assert!(status.success(), "ip {arguments}");
}

/// Another network namespace, alive as long as this.
struct Neighbour(Child);

impl Neighbour {
    fn new() -> Self {
        let script = ["-n", "sh", "-c", "ip link set lo up && echo ready && exec cat >/dev/null"];
        let child = Command::new("unshare").args(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.expect("unshare is installed");
        let mut line = String::new();
        let output = child.stdout.take().expect("stdout is a pipe");
        BufReader::new(output).read_line(&mut line).expect("the neighbour speaks");
        assert_eq!(line, "ready\n");
        Self(child)
    }

    fn run(&self, command: &str) {
        let pid = self.0.id().to_string();
        let status = Command::new("nsenter").args(["-t", &pid, "-n", "sh", "-ec", command]).status();
        assert!(status.expect("nsenter is installed").success(), "{command}");
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        // `cat` ends with its input; the child handle owns the other end.
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// This thread's namespace — 10.0.1.0/24 — a router — 10.0.2.0/24 — a host; IPv6 likewise.
fn behind_a_router() -> (Neighbour, Neighbour) {
    let (router, host) = (Neighbour::new(), Neighbour::new());
    let (router_pid, host_pid) = (router.0.id(), host.0.id());
    ip(&format!("link add left type veth peer name left netns {router_pid}"));
    ip("addr add 10.0.1.2/24 dev left");
    ip("addr add fd01::2/64 dev left nodad");
    ip("link set left up");
    router.run(&format!(
        "ip link add right type veth peer name right netns {host_pid}
         ip addr add 10.0.1.1/24 dev left; ip addr add 10.0.2.1/24 dev right
         ip addr add fd01::1/64 dev left nodad; ip addr add fd02::1/64 dev right nodad
         ip link set left up; ip link set right up
         sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.icmp_ratemask=0 net.ipv6.icmp.ratelimit=0"
    ));
    host.run(
        "ip addr add 10.0.2.2/24 dev right; ip addr add fd02::2/64 dev right nodad
         ip link set right up
         ip route add default via 10.0.2.1; ip -6 route add default via fd02::1",
    );
    ip("route add default via 10.0.1.1");
    ip("-6 route add default via fd01::1");
    (router, host)
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn options(count: u64) -> PingOptions {
    PingOptions { count: Some(count), interval: Duration::from_millis(2), ..PingOptions::default() }
}

fn open(target: IpAddr) -> IcmpSocket {
    let own = read_link("/proc/thread-self/ns/net").expect("a namespace");
    assert_ne!(own, read_link("/proc/1/ns/net").unwrap_or_default(), "not in the host's namespace");
    IcmpSocket::open(target.into()).expect("a raw socket")
}

fn ping_with(target: &str, options: &PingOptions) -> Vec<PingEvent> {
    let target = address(target);
    let mut events = Vec::new();
    let mut keep = |event: &PingEvent| events.push(event.clone());
    let summary = run_ping(&mut open(target), target, options, &mut keep, &NOBODY_STOPS).expect("a summary");
    assert_eq!(summary.sent, options.count.expect("a count"));
    events
}

/// The words of `count` pings.
fn ping(target: &str, count: u64) -> Vec<String> {
    ping_with(target, &options(count)).iter().map(|event| event.outcome.to_string()).collect()
}

fn trace(target: &str) -> (Vec<String>, TraceEnd) {
    let target = address(target);
    let options = TracerouteOptions { timeout: Duration::from_millis(200), ..TracerouteOptions::default() };
    let trace = run_traceroute(&mut open(target), target, &options, &NOBODY_STOPS).expect("a trace");
    let show = |outcome: &Outcome| match outcome.from() {
        Some(from) => format!("{outcome} {from}"),
        None => outcome.to_string(),
    };
    (trace.hops.iter().flat_map(|hop| hop.answers.iter().map(show)).collect(), trace.end)
}

#[test]
fn loopback_answers_over_both_families() {
    in_namespace("loopback_answers_over_both_families", || {
        for target in ["127.0.0.1", "::1"] {
            let started = Instant::now();
            let events = ping_with(target, &options(3));
            for (number, event) in (1..).zip(&events) {
                let Outcome::Reply { from, ttl, rtt } = event.outcome else { panic!("{target}: {event:?}") };
                assert_eq!((from, ttl, event.seq, event.bytes), (address(target), Some(64), number, 64));
                assert!(!rtt.is_zero() && rtt < started.elapsed(), "{rtt:?}");
            }
            assert_eq!(events.len(), 3);
            assert_eq!(trace(target), (vec![format!("reply {target}")], TraceEnd::Reached));
        }
    });
}

#[test]
fn payloads_shorter_than_the_nonce_and_longer_than_a_packet() {
    in_namespace("payloads_shorter_than_the_nonce_and_longer_than_a_packet", || {
        for target in ["127.0.0.1", "::1"] {
            for (size, bytes) in [(0, 8), (3, 11), (60_000, 60_008)] {
                let events = ping_with(target, &PingOptions { size, ..options(1) });
                assert_eq!((events[0].outcome.to_string().as_str(), events[0].bytes), ("reply", bytes));
            }
        }
        ip("link set lo mtu 1400");
        for target in ["127.0.0.1", "::1"] {
            let dont_fragment = DontFragment::Set;
            let events = ping_with(target, &PingOptions { size: 2000, dont_fragment, ..options(1) });
            assert_eq!(events[0].outcome.to_string(), "frag-needed 1400", "{target}");
            assert_eq!(ping_with(target, &PingOptions { size: 2000, ..options(1) })[0].bytes, 2008);
        }
    });
}

#[test]
fn what_the_own_kernel_refuses_has_a_word() {
    in_namespace("what_the_own_kernel_refuses_has_a_word", || {
        assert_eq!(ping("10.9.9.9", 2), ["no-route"; 2]);
        assert_eq!(ping("fd99::9", 1), ["no-route"]);
        ip("route add prohibit 10.9.9.8/32");
        ip("route add unreachable 10.9.9.7/32");
        ip("route add blackhole 10.9.9.6/32");
        assert_eq!(ping("10.9.9.8", 1), ["prohibited"]);
        assert_eq!(ping("10.9.9.7", 1), ["host-unreachable"]);
        assert_eq!(ping("10.9.9.6", 1), ["local-error EINVAL"]);
        assert_eq!(trace("10.9.9.9"), (Vec::new(), TraceEnd::NotSent));
    });
}

#[test]
fn a_router_is_a_hop_and_its_errors_are_told() {
    in_namespace("a_router_is_a_hop_and_its_errors_are_told", || {
        let (router, _host) = behind_a_router();
        for (gateway, host, ttl_exceeded) in [("10.0.1.1", "10.0.2.2", 1), ("fd01::1", "fd02::2", 1)] {
            let ttls: Vec<_> = ping_with(host, &options(2)).iter().map(|event| event.outcome.ttl()).collect();
            assert_eq!(ttls, [Some(63); 2], "{host}");
            let hops = vec![format!("ttl-exceeded {gateway}"), format!("reply {host}")];
            assert_eq!(trace(host), (hops, TraceEnd::Reached));
            let short = ping_with(host, &PingOptions { ttl: Some(ttl_exceeded), ..options(1) });
            assert_eq!(short[0].outcome.to_string(), "ttl-exceeded");
        }
        let refused = |word: &str| (vec![format!("{word} 10.0.1.1")], TraceEnd::Refused);
        assert_eq!(trace("10.0.3.3"), refused("net-unreachable"));
        router.run("ip route add prohibit 10.0.3.0/24");
        assert_eq!(trace("10.0.3.3"), refused("prohibited"));
        assert_eq!(ping("fd03::3", 1), ["no-route"]);
        router.run("ip link set right mtu 1300");
        for (host, word) in [("10.0.2.2", "frag-needed 1300"), ("fd02::2", "frag-needed 1300")] {
            let big = PingOptions { size: 1400, dont_fragment: DontFragment::Set, ..options(2) };
            let words: Vec<_> = ping_with(host, &big).iter().map(|event| event.outcome.to_string()).collect();
            assert_eq!(words, [word; 2], "every packet is the router's to judge");
        }
    });
}

#[test]
fn errors_that_the_kernel_holds_back_are_found_by_the_second_probe() {
    in_namespace("errors_that_the_kernel_holds_back_are_found_by_the_second_probe", || {
        let (_router, _host) = behind_a_router();
        let burst = PingOptions { timeout: Duration::from_millis(50), ..options(8) };
        let events = ping_with("10.0.3.3", &burst);
        let told = events.iter().filter(|event| event.outcome.to_string() == "net-unreachable").count();
        // A burst of five, then one a second: where eight requests take seconds, none is held back.
        let slow = std::env::var_os("NETLAB_TEST_PATIENCE").is_some();
        assert!(told >= 5 && (told < 8 || slow), "{told} errors for eight failed route look-ups");
        assert_eq!(trace("10.0.3.3"), (vec!["net-unreachable 10.0.1.1".to_owned()], TraceEnd::Refused));
    });
}

#[test]
fn a_black_hole_is_silence_confirmed() {
    in_namespace("a_black_hole_is_silence_confirmed", || {
        let (router, _host) = behind_a_router();
        router.run("ip route replace blackhole 10.0.2.2/32");
        let hops = ["timeout"; 3].map(ToOwned::to_owned).to_vec();
        assert_eq!(
            trace("10.0.2.2"),
            (hops, TraceEnd::Silent),
            "a blackhole route comes before the TTL check"
        );
        let patience = PingOptions { timeout: Duration::from_millis(50), ..options(2) };
        let events = ping_with("10.0.2.2", &patience);
        assert!(events.len() == 2 && events.iter().all(|event| event.outcome == Outcome::Timeout));
    });
}

#[test]
fn probers_with_one_namespace_do_not_hear_each_other() {
    in_namespace("probers_with_one_namespace_do_not_hear_each_other", || {
        let target = address("127.0.0.1");
        let (mut one, mut other) = (open(target), open(target));
        one.send(target, None, 1, 56).expect("sent");
        let deadline = Instant::now() + Duration::from_secs(5);
        assert!(one.recv(deadline, &NOBODY_STOPS).expect("a socket").is_some());
        assert!(other.recv(Instant::now(), &NOBODY_STOPS).expect("a socket").is_none());
    });
}

#[test]
fn a_stopped_ping_still_has_a_summary_and_a_bound_one_its_source() {
    in_namespace("a_stopped_ping_still_has_a_summary_and_a_bound_one_its_source", || {
        let target = address("127.0.0.1");
        let mut socket = open(target);
        assert_eq!(
            socket.bind(address("10.9.9.9")).map_err(|error| error.kind()),
            Err(io::ErrorKind::AddrNotAvailable)
        );
        socket.bind(address("127.0.0.2")).expect("lo owns 127.0.0.0/8");
        let stop = AtomicBool::new(false);
        let forever = PingOptions { interval: Duration::ZERO, ..PingOptions::default() };
        let mut stop_after_three = |event: &PingEvent| stop.store(event.seq == 3, Ordering::Relaxed);
        let summary =
            run_ping(&mut socket, target, &forever, &mut stop_after_three, &stop).expect("a summary");
        assert_eq!((summary.sent, summary.received), (3, 3));
    });
}
