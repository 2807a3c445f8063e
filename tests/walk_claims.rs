//! What a walk claims of a packet must be so: who answered it, who said that it cannot be delivered, what lost it, and
//! whether it is lost at all.

mod support;

use serde_json::Value;
use support::{World, in_each_mode_unless_slow, skip, wait_until};

/// A chain of a packet filter, and a rule in it.
const FILTER: &str = "nft add table inet f && \
                      nft add chain inet f HOOK '{ type filter hook HOOK priority 0; }' && nft add rule inet f HOOK ";
/// A chain that translates targets.
const NAT: &str = "nft add table ip n && nft add chain ip n pre '{ type nat hook prerouting priority -100; }' && \
                   nft add rule ip n pre ";

fn act(world: &World, place: &str, command: &str) {
    world.ok(&["exec", place, "--", "sh", "-ec", command]);
}

fn refuse(world: &World, place: &str, hook: &str, rule: &str) {
    act(world, place, &format!("{}{rule}", FILTER.replace("HOOK", hook)));
}

fn walk(world: &World, args: &[&str]) -> (i32, Value) {
    let ran = world.netlab(&[&["walk", "--format", "json", "-W", "0.3"], args].concat());
    let json =
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {args:?}: {ran:#?}"));
    (ran.code, json)
}

fn text<'a>(found: &'a Value, pointer: &str) -> &'a str {
    found.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no {pointer}: {found:#}"))
}

/// A walk that fails, with this in its verdict and in its cause, and at this place.
fn loses(world: &World, args: &[&str], place: &str, verdict: &str, cause: &str) -> Value {
    let (code, found) = walk(world, args);
    assert_eq!(code, 1, "{args:?}: {found:#}");
    assert_eq!(found["lost"]["place"], place, "{args:?}: {found:#}");
    assert!(text(&found, "/verdict").contains(verdict), "{args:?}: no `{verdict}`: {found:#}");
    assert!(text(&found, "/lost/cause").contains(cause), "{args:?}: no `{cause}`: {found:#}");
    found
}

fn arrives(world: &World, args: &[&str], verdict: &str) {
    let (code, found) = walk(world, args);
    assert!(code == 0 && found["lost"].is_null(), "{args:?}: {found:#}");
    assert!(text(&found, "/verdict").starts_with(verdict), "{args:?}: {found:#}");
}

fn has(program: &str) -> bool {
    let mut command = std::process::Command::new(program);
    command.arg("-V").output().is_ok_and(|output| output.status.success())
}

/// Runs something in a lab of each mode, with the neighbours known.
fn in_lab(test: &str, needs: &str, up: &[&str], run: impl Fn(&World)) {
    if !has(needs) {
        return skip(test, &format!("no `{needs}`"));
    }
    in_each_mode_unless_slow(test, |world| {
        world.ok(&[&["up"], up, &[&world.lab("two-node.toml")]].concat());
        arrives(world, &["pod1", "pod4"], "delivered");
        run(world);
        world.ok(&["down", "two-node"]);
    });
}

#[test]
fn who_answers_for_another_is_not_who_was_asked() {
    in_lab("who_answers_for_another_is_not_who_was_asked", "nft", &[], |world| {
        let refused =
            "delivered, and refused by pod4: nobody listens on that port, or a filter there says so";
        arrives(world, &["pod1", "pod4", "tcp:80"], refused);
        arrives(world, &["pod1", "pod4", "udp:80"], refused);
        refuse(world, "node2", "forward", "tcp dport 80 reject with tcp reset");
        act(world, "node2", "nft add rule inet f forward meta l4proto udp reject");
        let another = "answered by another, after step 6: node2 eth0 took it, and answered in its place";
        let cause = "a packet filter of node2 may drop the packet";
        loses(world, &["pod1", "pod4", "tcp:80"], "node2", another, cause);
        let found = loses(world, &["pod1", "pod4", "udp:80"], "node2", "port-unreachable; the packet", cause);
        assert_eq!(text(&found, "/outcome/from"), "192.168.66.12", "{found:#}");
        // Neither rule is about these.
        arrives(world, &["pod1", "pod4", "tcp:81"], refused);
        arrives(world, &["pod1", "pod4"], "delivered and answered");
        act(world, "node2", "nft delete table inet f");
        act(world, "node1", &format!("{NAT}ip daddr 10.244.2.3 dnat to 10.244.2.2"));
        let cause = "node1 gave the packet another target, 10.244.2.2 (pod3) instead of 10.244.2.3: see the chain ip n pre";
        loses(world, &["pod1", "pod4"], "node2", "for pod3, which answered in its place", cause);
        act(world, "node1", "nft delete table ip n");
        act(world, "node1", &format!("{NAT}ip daddr 10.244.2.3 redirect"));
        let another = "answered by another, after step 3: node1 cbr0 took it, and answered in its place";
        let cause = "node1 may have given the packet another target, by a translation (NAT)";
        loses(world, &["pod1", "pod4"], "node1", another, cause);
        loses(world, &["pod1", "pod4", "tcp:80"], "node1", another, cause);
    });
}

#[test]
fn what_the_packet_never_came_to_is_no_cause() {
    in_lab("what_the_packet_never_came_to_is_no_cause", "nft", &[], |world| {
        refuse(world, "node2", "forward", "tcp dport 22 drop");
        act(world, "pod1", "sysctl -qw net.ipv4.ip_default_ttl=1");
        let cause = "its TTL was used up at node1: pod1 sends with TTL 1, net.ipv4.ip_default_ttl = 1";
        let found =
            loses(world, &["pod1", "pod4"], "node1", "ttl-exceeded; the packet was lost after step 3", cause);
        let mend = text(&found, "/lost/mend/0");
        assert_eq!(mend, "netlab exec pod1 -- sysctl -w net.ipv4.ip_default_ttl=64");
        for probe in ["udp:9", "tcp:22"] {
            loses(world, &["pod1", "pod4", probe], "node1", "ttl-exceeded; ", cause);
        }
        act(world, "pod1", "sysctl -qw net.ipv4.ip_default_ttl=64");
        // A rule about TCP, or about another port, is none about what is lost for another reason.
        act(world, "pod4", "sysctl -qw net.ipv4.icmp_echo_ignore_all=1");
        loses(
            world,
            &["pod1", "pod4"],
            "pod4",
            "no answer within 0.3 s: the packet was lost",
            "pod4 answers no ping",
        );
        loses(
            world,
            &["pod1", "pod4", "tcp:22"],
            "node2",
            "no answer within 0.3 s",
            "filter of node2 may drop",
        );
        arrives(world, &["pod1", "pod4", "tcp:23"], "delivered, and refused");
    });
}

#[test]
fn an_icmp_error_is_heard_of_udp_and_tcp() {
    in_lab("an_icmp_error_is_heard_of_udp_and_tcp", "nft", &[], |world| {
        for (probe, outcome) in
            [("icmp", "unreachable"), ("tcp:80", "unreachable"), ("udp:80", "unreachable")]
        {
            let args = ["pod1", "10.244.9.9", probe];
            let found = loses(world, &args, "node1", "net-unreachable; ", "10.244.9.9 to nobody");
            assert_eq!(text(&found, "/outcome/outcome"), outcome, "{probe}: {found:#}");
            assert_eq!(text(&found, "/outcome/from"), "10.244.1.1", "{probe}: {found:#}");
            assert!(found["outcome"]["rtt_ms"].as_f64().is_some_and(|time| time > 0.0), "{probe}: {found:#}");
        }
        refuse(world, "pod4", "input", "meta l4proto { tcp, udp } reject with icmp host-prohibited");
        for probe in ["udp:53", "tcp:53"] {
            let args = ["pod1", "pod4", probe];
            let cause = "a packet filter of pod4 may drop";
            let found = loses(world, &args, "pod4", "prohibited; the packet was lost", cause);
            let said = text(&found, "/lost/evidence/0");
            assert_eq!(said, "10.244.2.3 (pod4) said by ICMP: prohibited", "{found:#}");
        }
    });
}

#[test]
fn a_datagram_is_taken_by_who_listens_on_its_port() {
    let test = "a_datagram_is_taken_by_who_listens_on_its_port";
    if !has("/usr/bin/python3") {
        return skip(test, "no `python3` to send and listen with");
    }
    // It listens on one port, and sends to itself without end.
    let busy = "import socket, time\n\
                s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
                s.bind(('', 9999))\n\
                while True:\n  s.sendto(b'x', ('10.244.2.3', 9999)); s.recv(2000); time.sleep(0.01)";
    in_lab(test, "nft", &[], |world| {
        let mut listener = world.spawn(&["exec", "pod4", "--", "/usr/bin/python3", "-c", busy]);
        // 9999, as the kernel writes it.
        wait_until("it listens", || {
            world.ok(&["exec", "pod4", "--", "cat", "/proc/net/udp"]).contains(":270F ")
        });
        let verdict = "delivered: who listens at pod4 took it, and had nothing to answer";
        arrives(world, &["pod1", "pod4", "udp:9999"], verdict);
        refuse(world, "pod4", "input", "udp dport 53 drop");
        let cause = "a packet filter of pod4 may drop";
        loses(world, &["pod1", "pod4", "udp:53"], "pod4", "no answer left pod4", cause);
        world.ok(&["exec", "pod4", "--", "nft", "flush", "ruleset"]);
        listener.kill().expect("it ends");
        listener.wait().expect("it has ended");
    });
}

#[test]
fn what_waits_in_a_queue_is_late_and_not_lost() {
    in_lab("what_waits_in_a_queue_is_late_and_not_lost", "tc", &[], |world| {
        act(world, "node1", "tc qdisc add dev eth0 root tbf rate 40bit burst 120 limit 10000");
        // What the bucket has to begin with.
        walk(world, &["pod1", "pod4"]);
        let late = "no answer within 0.3 s: the packet is late, after step 3: node1 cbr0 received it";
        let found = loses(
            world,
            &["pod1", "pod4"],
            "node1",
            late,
            "in the queue (tbf) of node1 eth0: it may come later",
        );
        let mend = text(&found, "/lost/mend/0");
        assert_eq!(mend, "netlab exec node1 -- tc qdisc del dev eth0 root");
        act(world, "node1", "tc qdisc del dev eth0 root");
        arrives(world, &["pod1", "pod4"], "delivered and answered");
    });
}

#[test]
fn an_answer_is_as_large_as_its_question() {
    in_lab("an_answer_is_as_large_as_its_question", "ip", &["--data-path", "vxlan"], |world| {
        act(world, "node1", "ip link set eth0 mtu 1400");
        arrives(world, &["pod1", "pod4"], "delivered and answered");
        let cause = "on the way back, eth0 of node1 has an MTU of 1400 bytes instead of 1500";
        let args = ["pod1", "pod4", "-s", "1422"];
        let (code, found) = walk(world, &args);
        assert_eq!(code, 1, "{found:#}");
        assert!(text(&found, "/lost/cause").contains(cause), "{found:#}");
        assert_eq!(text(&found, "/lost/mend/0"), "netlab exec node1 -- ip link set eth0 mtu 1500");
        act(world, "node1", "ip link set eth0 mtu 1500");
        arrives(world, &args, "delivered and answered");
    });
}
