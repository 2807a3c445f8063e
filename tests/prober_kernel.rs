//! Many questions at once over the real kernel: every answer with its word and who sent it, and no silence believed
//! that is only the kernel's own.
//!
//! What flakes by design elsewhere is made here on purpose: limited errors, lost packets, tentative addresses, a prober
//! that stands still.

mod support;

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, FromRawFd, IntoRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use netlab::kernel::{Interrupts, Prober};
use netlab::plan::{Kind, Sandbox};
use netlab::probe::schedule::{CONFIRM_AFTER, PATIENCE};
use netlab::probe::{Attempt, DontFragment, Finding, Outcome, Request, TracerouteOptions};
use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork};
use support::{Mode, in_each_mode, is_root, skip, wait_until};

const INSIDE: &str = "NETLAB_TEST_INSIDE";

/// Runs `test` in copies of this program: in a network namespace of root's, and in one of a user namespace.
fn in_namespaces(name: &str, test: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        return test();
    }
    let both: [&[&str]; 2] = [&["--net"], &["--net", "--user", "--map-root-user"]];
    for options in both.into_iter().skip(usize::from(!is_root())) {
        let mut command = Command::new("unshare");
        command.args(options).args(["--fork", "--kill-child", "--"]);
        if !command_works(options) {
            skip(name, &format!("unshare {options:?}"));
            continue;
        }
        let program = std::env::current_exe().expect("this program has a path");
        command.arg(program).args(["--exact", name, "--nocapture", "--test-threads=1"]).env(INSIDE, "1");
        let output = command.output().expect("unshare ran before");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name} failed with {options:?}:\n{said}");
    }
}

fn command_works(options: &[&str]) -> bool {
    let ran = Command::new("unshare").args(options).args(["ip", "link", "set", "lo", "up"]).output();
    ran.is_ok_and(|output| output.status.success())
}

/// A network namespace, alive as long as this.
struct Net {
    name: &'static str,
    child: Child,
}

impl Net {
    fn new(name: &'static str) -> Self {
        // Addresses are only those that a test gives, and ready at once unless it says otherwise.
        let script = "echo 1 > /proc/sys/net/ipv6/conf/default/addr_gen_mode
                      ip link set lo up && echo ready && exec cat >/dev/null";
        let mut command = Command::new("unshare");
        command.args(["--net", "sh", "-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("unshare is installed");
        let mut line = String::new();
        let output = child.stdout.take().expect("stdout is a pipe");
        BufReader::new(output).read_line(&mut line).expect("it speaks");
        assert_eq!(line, "ready\n");
        Self { name, child }
    }

    fn pid(&self) -> u32 {
        self.child.id()
    }

    fn run(&self, script: &str) -> String {
        let pid = self.pid().to_string();
        let output = Command::new("nsenter").args(["-t", &pid, "-n", "sh", "-ec", script]).output();
        let output = output.expect("nsenter is installed");
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn sandbox(&self) -> Sandbox {
        let pid = self.pid() as i32;
        let inode = fs::metadata(format!("/proc/{pid}/ns/net")).expect("it lives").ino();
        Sandbox { name: self.name.into(), kind: Kind::Pod, pid, inner_pid: pid, inode }
    }

    /// Runs something in a thread there; what it opens stays there.
    fn within<T: Send>(&self, body: impl FnOnce() -> T + Send) -> T {
        let namespace = File::open(format!("/proc/{}/ns/net", self.pid())).expect("it lives");
        std::thread::scope(|scope| {
            let thread = scope.spawn(move || {
                setns(namespace.as_fd(), CloneFlags::CLONE_NEWNET).expect("entering it");
                body()
            });
            thread.join().expect("the thread's result")
        })
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        // `cat` ends with its input.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// source — 10.0.1.0/24 — router — 10.0.2.0/24 — host; IPv6 likewise.
struct Path {
    source: Net,
    router: Net,
    host: Net,
}

fn path() -> Path {
    let (source, router, host) = (Net::new("source"), Net::new("router"), Net::new("host"));
    source.run(&format!(
        "ip link add eth0 type veth peer name left netns {}
         ip addr add 10.0.1.2/24 dev eth0; ip addr add fd01::2/64 dev eth0 nodad; ip link set eth0 up",
        router.pid()
    ));
    let forwards = "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.icmp_ratemask=0 net.ipv6.icmp.ratelimit=0";
    router.run(&format!(
        "ip link add right type veth peer name eth0 netns {}
         ip addr add 10.0.1.1/24 dev left; ip addr add 10.0.2.1/24 dev right
         ip addr add fd01::1/64 dev left nodad; ip addr add fd02::1/64 dev right nodad
         ip addr add fe80::1/64 dev left nodad; ip addr add fe80::1/64 dev right nodad
         ip link set left up; ip link set right up; {forwards}",
        host.pid()
    ));
    host.run(&format!(
        "ip addr add 10.0.2.2/24 dev eth0; ip addr add fd02::2/64 dev eth0 nodad
         ip addr add fe80::2/64 dev eth0 nodad; ip link set eth0 up
         ip route add default via 10.0.2.1; ip -6 route add default via fd02::1; {forwards}"
    ));
    source.run("ip route add default via 10.0.1.1; ip -6 route add default via fd01::1");
    Path { source, router, host }
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn request(from: usize, to: &str, attempt: Attempt) -> Request {
    Request { from, to: address(to), attempt }
}

fn ping(to: &str) -> Request {
    request(0, to, Attempt::PING)
}

/// A prober at work in a process of its own, as netlab is: it must have one thread.
struct Asking {
    pid: Pid,
    output: File,
}

#[allow(unsafe_code)] // fork
fn begin(mode: Mode, sandboxes: &[Sandbox], requests: &[Request]) -> Asking {
    let (output, input): (OwnedFd, OwnedFd) = nix::unistd::pipe().expect("a pipe");
    // SAFETY: the child has one thread and ends without returning.
    match unsafe { fork() }.expect("a process") {
        ForkResult::Parent { child } => {
            drop(input);
            // SAFETY: the descriptor is given up here.
            Asking { pid: child, output: unsafe { File::from_raw_fd(output.into_raw_fd()) } }
        }
        ForkResult::Child => {
            let text = std::panic::catch_unwind(|| ask_here(mode, sandboxes, requests));
            let mut input = File::from(input);
            let _ = input.write_all(text.unwrap_or_else(|_| "a panic".into()).as_bytes());
            drop(input);
            // SAFETY: does not return.
            unsafe { libc::_exit(0) }
        }
    }
}

fn ask_here(mode: Mode, sandboxes: &[Sandbox], requests: &[Request]) -> String {
    if mode == Mode::Ordinary && is_root() {
        let (user, group) = (nix::unistd::Uid::from_raw(65_534), nix::unistd::Gid::from_raw(65_534));
        nix::unistd::setgroups(&[]).expect("no groups");
        nix::unistd::setresgid(group, group, group).expect("another group");
        nix::unistd::setresuid(user, user, user).expect("another user");
    }
    let ask = || Prober::new(sandboxes)?.ask(requests, &Interrupts::hold()?);
    match ask() {
        Ok(findings) => findings.iter().map(|finding| words(finding.as_ref()) + "\n").collect(),
        Err(error) => format!("error: {error}\n"),
    }
}

fn words(finding: Option<&Finding>) -> String {
    let told = |outcome: &Outcome| match outcome.from() {
        Some(from) => format!("{outcome} {from}"),
        None => outcome.to_string(),
    };
    match finding {
        Some(Finding::Answer(answer)) => format!("{} x{}", told(&answer.outcome), answer.tries),
        Some(Finding::Path(trace)) => {
            let hops: Vec<_> = trace.hops.iter().flat_map(|hop| hop.answers.iter().map(told)).collect();
            format!("{}, {:?}", hops.join(", "), trace.end)
        }
        None => "undecided".into(),
    }
}

impl Asking {
    fn signal(&self, signal: Signal) {
        kill(self.pid, signal).expect("it lives");
    }

    /// What was found, with the number of tries.
    fn end(mut self) -> Vec<String> {
        let mut text = String::new();
        self.output.read_to_string(&mut text).expect("text");
        waitpid(self.pid, None).expect("a child");
        text.lines().map(str::to_owned).collect()
    }
}

/// What was found, without the number of tries.
fn ask(nets: &[&Net], requests: &[Request]) -> Vec<String> {
    let sandboxes: Vec<_> = nets.iter().map(|net| net.sandbox()).collect();
    let lines = begin(Mode::Root, &sandboxes, requests).end();
    lines
        .iter()
        .map(|line| line.rsplit_once(" x").map_or(line.as_str(), |(words, _)| words).to_owned())
        .collect()
}

/// Requests beside what they must find, so that a failure shows which.
fn check(nets: &[&Net], expected: &[(Request, &str)]) {
    let requests: Vec<_> = expected.iter().map(|(request, _)| request.clone()).collect();
    let found = ask(nets, &requests);
    let show = |words: &[String]| {
        let lines = words.iter().zip(&requests);
        lines
            .map(|(word, Request { to, attempt, .. })| format!("{attempt:?} {to}: {word}"))
            .collect::<Vec<_>>()
    };
    let expected: Vec<_> = expected.iter().map(|(_, word)| (*word).to_owned()).collect();
    assert_eq!(found.len(), expected.len(), "{found:?}");
    assert_eq!(show(&found), show(&expected));
}

/// Servers on port 8080 of both families that answer until the test ends.
fn serve(net: &Net) {
    let (tcp, udp) = net.within(|| {
        let bind = |address: &str| (TcpListener::bind(address), UdpSocket::bind(address));
        // An IPv6 socket takes IPv4 too.
        let (tcp, udp) = bind("[::]:8080");
        (tcp.expect("a port"), udp.expect("a port"))
    });
    std::thread::spawn(move || tcp.incoming().for_each(drop));
    std::thread::spawn(move || {
        let mut datagram = [0; 100];
        while let Ok((length, from)) = udp.recv_from(&mut datagram) {
            let _ = udp.send_to(&datagram[..length], from);
        }
    });
}

#[test]
fn who_asks_itself_is_told_so() {
    in_namespaces("who_asks_itself_is_told_so", || {
        let Path { source, router, .. } = path();
        // What the router asks for is the source's own by now: in its network, beside it, and on loopback.
        source.run("ip addr add 10.0.1.9/24 dev eth0; ip addr add 10.0.2.2/32 dev lo; ip addr add fd02::2/128 dev lo");
        let sized = |size| Attempt::Ping { size, dont_fragment: DontFragment::Set };
        check(
            &[&source, &router],
            &[
                (ping("10.0.1.2"), "own-address"),
                (ping("10.0.1.9"), "own-address"),
                (ping("10.0.2.2"), "own-address"),
                (ping("127.0.0.1"), "own-address"),
                (ping("fd01::2"), "own-address"),
                (ping("fd02::2"), "own-address"),
                (ping("::1"), "own-address"),
                (request(0, "10.0.2.2", sized(0)), "own-address"),
                (request(0, "fd02::2", sized(9000)), "own-address"),
                (
                    request(0, "10.0.2.2", Attempt::Traceroute(TracerouteOptions::default())),
                    "reply 10.0.2.2, Reached",
                ),
                (request(1, "10.0.1.2", Attempt::PING), "reply 10.0.1.2"),
                (request(1, "10.0.1.9", Attempt::PING), "reply 10.0.1.9"),
                (request(1, "fd01::2", Attempt::PING), "reply fd01::2"),
            ],
        );
        // Having an address is not answering for it.
        source.run("sysctl -qw net.ipv4.icmp_echo_ignore_all=1");
        check(&[&source], &[(ping("10.0.1.2"), "timeout")]);
    });
}

#[test]
fn every_answer_has_its_word_and_its_sender() {
    in_namespaces("every_answer_has_its_word_and_its_sender", || {
        let Path { source, router, host } = path();
        serve(&host);
        router.run(
            "ip route add prohibit 10.0.4.0/24; ip -6 route add prohibit fd04::/64
             ip route add blackhole 10.0.6.0/24; ip -6 route add blackhole fd06::/64
             ip route add 10.0.7.0/24 via 10.0.2.2; ip -6 route add fd07::/64 via fd02::2
             ip link set right mtu 1300",
        );
        source.run("ip route add prohibit 10.0.8.0/24; ip -6 route add unreachable fd08::/64");
        let big = || Attempt::Ping { size: 1400, dont_fragment: DontFragment::Set };
        let trace = || Attempt::Traceroute(TracerouteOptions::default());
        let (tcp, udp) = (|port| Attempt::Tcp { port }, |port| Attempt::Udp { port });
        check(
            &[&source, &host],
            &[
                (ping("10.0.2.2"), "reply 10.0.2.2"),
                (ping("fd02::2"), "reply fd02::2"),
                (request(1, "10.0.1.2", Attempt::PING), "reply 10.0.1.2"),
                (ping("10.0.3.3"), "net-unreachable 10.0.1.1"),
                (ping("fd03::3"), "no-route fd01::1"),
                (ping("10.0.4.4"), "prohibited 10.0.1.1"),
                (ping("fd04::4"), "prohibited fd01::1"),
                (ping("10.0.2.99"), "host-unreachable 10.0.1.1"),
                (ping("fd02::99"), "host-unreachable fd01::1"),
                (ping("10.0.6.6"), "timeout"),
                (ping("fd06::6"), "timeout"),
                (ping("10.0.7.7"), "ttl-exceeded 10.0.2.2"),
                (ping("fd07::7"), "ttl-exceeded fd02::2"),
                (ping("10.0.8.8"), "prohibited"),
                (ping("fd08::8"), "host-unreachable"),
                (request(0, "10.0.2.2", big()), "frag-needed 1300 10.0.1.1"),
                (request(0, "fd02::2", big()), "frag-needed 1300 fd01::1"),
                (request(0, "10.0.2.2", trace()), "ttl-exceeded 10.0.1.1, reply 10.0.2.2, Reached"),
                (request(0, "fd02::2", trace()), "ttl-exceeded fd01::1, reply fd02::2, Reached"),
                (request(0, "10.0.3.3", trace()), "net-unreachable 10.0.1.1, Refused"),
                (request(0, "10.0.2.2", tcp(8080)), "reply 10.0.2.2"),
                (request(0, "fd02::2", tcp(8080)), "reply fd02::2"),
                (request(0, "10.0.2.2", tcp(81)), "refused 10.0.2.2"),
                (request(0, "fd02::2", tcp(81)), "refused fd02::2"),
                (request(0, "10.0.3.3", tcp(80)), "net-unreachable 10.0.1.1"),
                (request(0, "fd03::3", tcp(80)), "no-route fd01::1"),
                (request(0, "10.0.7.7", tcp(80)), "ttl-exceeded 10.0.2.2"),
                (request(0, "fd07::7", tcp(80)), "ttl-exceeded fd02::2"),
                (request(0, "10.0.6.6", tcp(80)), "timeout"),
                (request(0, "10.0.8.8", tcp(80)), "prohibited"),
                (request(0, "10.0.2.2", udp(8080)), "reply 10.0.2.2"),
                (request(0, "fd02::2", udp(8080)), "reply fd02::2"),
                (request(0, "10.0.2.2", udp(81)), "port-unreachable 10.0.2.2"),
                (request(0, "fd02::2", udp(81)), "port-unreachable fd02::2"),
                (request(0, "10.0.4.4", udp(53)), "prohibited 10.0.1.1"),
                (request(0, "fd04::4", udp(53)), "prohibited fd01::1"),
                (request(0, "10.0.2.99", udp(53)), "host-unreachable 10.0.1.1"),
                (request(0, "fd06::6", udp(53)), "timeout"),
                (request(0, "fd08::8", udp(53)), "host-unreachable"),
            ],
        );
    });
}

#[test]
fn twenty_targets_without_a_route_are_all_told_of() {
    in_namespaces("twenty_targets_without_a_route_are_all_told_of", || {
        let Path { source, router: _router, host: _host } = path();
        let attempts = [Attempt::PING, Attempt::Udp { port: 53 }];
        let targets = (1..=20).zip(attempts.iter().cycle());
        let requests: Vec<_> = targets
            .map(|(number, attempt)| request(0, &format!("10.0.3.{number}"), attempt.clone()))
            .collect();
        assert_eq!(ask(&[&source], &requests), ["net-unreachable 10.0.1.1"; 20]);
    });
}

#[test]
fn connections_without_a_route_are_all_told_of() {
    in_namespaces("connections_without_a_route_are_all_told_of", || {
        let Path { source, router: _router, host: _host } = path();
        let requests: Vec<_> = (1..=10)
            .map(|number| request(0, &format!("10.0.3.{number}"), Attempt::Tcp { port: 80 }))
            .collect();
        assert_eq!(ask(&[&source], &requests), ["net-unreachable 10.0.1.1"; 10]);
    });
}

#[test]
fn closed_udp_ports_are_all_told_of() {
    in_namespaces("closed_udp_ports_are_all_told_of", || {
        let Path { source, router: _router, host } = path();
        // As pods have them: the kernel's defaults.
        host.run("sysctl -qw net.ipv4.icmp_ratemask=6168 net.ipv6.icmp.ratelimit=1000");
        let ports = |to| (1..=10).map(move |port| request(0, to, Attempt::Udp { port }));
        let requests: Vec<_> = ports("10.0.2.2").chain(ports("fd02::2")).collect();
        let found = ask(&[&source], &requests);
        assert_eq!(found[..10], ["port-unreachable 10.0.2.2"; 10]);
        assert_eq!(found[10..], ["port-unreachable fd02::2"; 10]);
    });
}

/// Makes the router search for the host until it is told, keeping one waiting packet.
fn hide_host(router: &Net, host: &Net) {
    router.run("sysctl -qw net.ipv4.neigh.right.mcast_solicit=100 net.ipv4.neigh.right.unres_qlen_bytes=0");
    host.run("sysctl -qw net.ipv4.conf.eth0.arp_ignore=8");
    router.run("ip neigh flush dev right");
}

fn is_sought(router: &Net) -> bool {
    router.run("ip neigh show 10.0.2.2").contains("INCOMPLETE")
}

fn show_host(router: &Net, host: &Net) {
    let line = host.run("ip -br link show eth0");
    let mac = line.split_whitespace().nth(2).expect("a MAC");
    router.run(&format!("ip neigh replace 10.0.2.2 lladdr {mac} dev right"));
}

#[test]
fn packets_lost_while_a_neighbour_was_sought_are_sent_again() {
    in_namespaces("packets_lost_while_a_neighbour_was_sought_are_sent_again", || {
        let Path { source, router, host } = path();
        hide_host(&router, &host);
        let asking =
            begin(Mode::Root, &[source.sandbox()], &[ping("10.0.2.2"), ping("10.0.2.2"), ping("10.0.2.2")]);
        wait_until("the router seeks the host", || is_sought(&router));
        show_host(&router, &host);
        let found = asking.end();
        assert!(found.iter().all(|line| line.starts_with("reply")), "{found:?}");
        // The queue had room for one.
        assert!(found.iter().any(|line| !line.ends_with("x1")), "{found:?}: nothing was lost");
    });
}

#[test]
fn addresses_that_are_still_tentative_are_waited_for() {
    in_namespaces("addresses_that_are_still_tentative_are_waited_for", || {
        let Path { source, router, host } = path();
        // Duplicates are looked for so often, a second each, without a random delay before.
        let slow = |device: &str, seconds: u32| {
            format!(
                "sysctl -qw net.ipv6.conf.{device}.accept_dad=1 net.ipv6.conf.{device}.dad_transmits={seconds} \
                 net.ipv6.conf.{device}.router_solicitation_delay=0"
            )
        };
        let plug = |net: &Net, number: u32| {
            net.run(&format!(
                "ip link add eth0 type veth peer name port{number} address 02:00:00:00:00:0{number} netns {}",
                router.pid()
            ));
            router.run(&format!(
                "ip addr add fd1{number}::1/64 dev port{number} nodad; ip link set port{number} up
                 ip addr add fe80::1/64 dev port{number} nodad"
            ));
            net.run(&format!("{}; ip link set eth0 up", slow("eth0", 2)));
        };
        let (bare, linked) = (Net::new("bare"), Net::new("linked"));
        plug(&bare, 1);
        plug(&linked, 2);
        // It has an address to send from, which no router forwards.
        linked.run("ip addr add fe80::9/64 dev eth0 nodad");
        host.run(&slow("eth0", 3));
        let within = "ip -6 route add default via";
        // Knowing its router, it sends at once, from ::1, and nobody answers that.
        let known = "ip neigh add fd11::1 lladdr 02:00:00:00:00:01 dev eth0 nud permanent";
        bare.run(&format!("{known}; ip addr add fd11::2/64 dev eth0; {within} fd11::1"));
        linked.run(&format!("ip addr add fd12::2/64 dev eth0; {within} fd12::1"));
        host.run("ip addr add fd02::9/64 dev eth0");
        assert!(host.run("ip addr show dev eth0").contains("tentative"), "there is nothing to wait for");
        let mut requests = vec![ping("fd02::9"), request(0, "fd02::9", Attempt::Tcp { port: 81 })];
        for place in [1, 2] {
            let attempts = [Attempt::PING, Attempt::Tcp { port: 81 }, Attempt::Udp { port: 81 }];
            requests.extend(attempts.map(|attempt| request(place, "fd02::2", attempt)));
            requests.push(request(place, "fd02::2", Attempt::Traceroute(TracerouteOptions::default())));
        }
        let found = ask(&[&source, &bare, &linked], &requests);
        assert_eq!(found[..2], ["reply fd02::9", "refused fd02::9"]);
        for (number, found) in [(1, &found[2..6]), (2, &found[6..])] {
            let route = format!("ttl-exceeded fd1{number}::1, reply fd02::2, Reached");
            let answers = ["reply fd02::2", "refused fd02::2", "port-unreachable fd02::2", &route];
            assert_eq!(found, answers, "place {number}");
        }
    });
}

#[test]
fn a_prober_that_stood_still_does_not_call_that_silence() {
    in_namespaces("a_prober_that_stood_still_does_not_call_that_silence", || {
        let Path { source, router, host } = path();
        hide_host(&router, &host);
        let asking = begin(Mode::Root, &[source.sandbox()], &[ping("10.0.2.2")]);
        wait_until("it asked a second time", || counter(&source, "OutType8") == 2);
        asking.signal(Signal::SIGSTOP);
        show_host(&router, &host);
        wait_until("the answer lies in its socket", || has_unread(&source));
        // Whoever asked again now would get nothing.
        router.run("ip route add blackhole 10.0.2.2/32");
        pass(PATIENCE + CONFIRM_AFTER);
        asking.signal(Signal::SIGCONT);
        assert_eq!(asking.end(), ["reply 10.0.2.2 x2"]);
    });
}

/// One of the kernel's counters of ICMP messages.
fn counter(net: &Net, wanted: &str) -> u64 {
    let text = net.run("grep ^IcmpMsg: /proc/net/snmp || true");
    let mut lines = text.lines().map(|line| line.split(' '));
    let (Some(names), Some(numbers)) = (lines.next(), lines.next()) else { return 0 };
    let found = names.zip(numbers).find(|(name, _)| *name == wanted);
    found.and_then(|(_, number)| number.parse().ok()).unwrap_or(0)
}

fn has_unread(net: &Net) -> bool {
    let text = net.run("cat /proc/net/raw");
    let queues = text.lines().skip(1).filter_map(|line| line.split_whitespace().nth(4));
    queues
        .filter_map(|queues| queues.split(':').nth(1))
        .any(|unread| !unread.trim_start_matches('0').is_empty())
}

/// Lets time pass: there is nothing to wait for but the end of somebody's patience.
fn pass(time: Duration) {
    let (_nobody, channel) = mpsc::channel::<()>();
    let _ = channel.recv_timeout(time);
}

#[test]
fn a_signal_ends_the_asking_and_keeps_what_was_found() {
    in_namespaces("a_signal_ends_the_asking_and_keeps_what_was_found", || {
        let Path { source, router, host: _host } = path();
        router.run("ip route add blackhole 10.0.6.0/24");
        let asking = begin(Mode::Root, &[source.sandbox()], &[ping("10.0.6.6"), ping("10.0.2.2")]);
        wait_until("it asked", || counter(&source, "OutType8") == 2);
        wait_until("it was answered", || counter(&source, "InType0") == 1);
        asking.signal(Signal::SIGTERM);
        assert_eq!(asking.end(), ["undecided", "reply 10.0.2.2 x1"]);
    });
}

/// A lab's namespaces, and the requests of every pod to every other pod's addresses.
fn all_pairs(world: &support::World, lab: &str, attempt: &Attempt) -> (Vec<Sandbox>, Vec<Request>) {
    let text = fs::read_to_string(world.runtime().join(lab).join("lab.json")).expect("a running lab");
    let record: netlab::state::Record = serde_json::from_str(&text).expect("a record");
    let mut requests = Vec::new();
    let pods: Vec<_> = record.lab.nodes.iter().flat_map(|node| &node.pods).collect();
    for one in &pods {
        let from = record.sandboxes.iter().position(|sandbox| sandbox.name == one.name).expect("a place");
        for other in pods.iter().filter(|other| other.name != one.name) {
            let (v4, v6) = (
                other.address.v4.map(|net| net.addr().into()),
                other.address.v6.map(|net| net.addr().into()),
            );
            let to = [v4, v6].into_iter().flatten();
            requests.extend(to.map(|to| Request { from, to, attempt: attempt.clone() }));
        }
    }
    (record.sandboxes, requests)
}

#[test]
fn all_pairs_of_a_lab_answer() {
    in_each_mode("all_pairs_of_a_lab_answer", |world| {
        world.ok(&["up", &world.lab("dual-stack.toml")]);
        for (attempt, word) in [(Attempt::PING, "reply"), (Attempt::Tcp { port: 81 }, "refused")] {
            let (sandboxes, requests) = all_pairs(world, "dual-stack", &attempt);
            let found = begin(world.mode, &sandboxes, &requests).end();
            assert_eq!(found.len(), requests.len(), "{found:?}");
            for (line, request) in found.iter().zip(&requests) {
                assert!(
                    line.starts_with(&format!("{word} {}", request.to)),
                    "{:?}: {request:?}: {line}",
                    world.mode
                );
            }
        }
    });
}

#[test]
fn a_place_that_is_gone_is_named() {
    in_each_mode("a_place_that_is_gone_is_named", |world| {
        world.ok(&["up", &world.lab("two-node.toml")]);
        let (sandboxes, requests) = all_pairs(world, "two-node", &Attempt::PING);
        let pod = sandboxes.iter().find(|sandbox| sandbox.name == "pod3").expect("a pod");
        kill(Pid::from_raw(pod.pid), Signal::SIGKILL).expect("a pause process");
        wait_until("it is gone", || !support::lives(pod.pid));
        let found = begin(world.mode, &sandboxes, &requests).end();
        let expected = format!("error: pod3: its pause process {} is gone, and its network with it", pod.pid);
        assert_eq!(found, [expected]);
    });
}
