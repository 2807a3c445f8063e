//! The floor program of `make bench` makes what netlab makes: every namespace of a lab of each is read by `ip`, `bridge`
//! and `tc` and from /proc/sys/net, and compared.
//!
//! `NETLAB_FLOOR=10x10,10x30 cargo test --test floor` compares labs of other sizes.

#![allow(missing_docs)]

#[path = "../benches/floor/compile.rs"]
mod compile;
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use support::{Mode, World, in_each_mode_unless_in_vm, is_root, skip};

/// Nodes and pods of each: neighbours learnt; gateways and nodes known; pods of one node known too.
const SIZES: &str = "2x2,23x1,4x12";
/// What every namespace is read with.
const READERS: [&str; 11] = [
    "cat /proc/sys/kernel/hostname",
    "ip -d -j link show",
    "ip -d -j addr show",
    "ip -4 -d -j route show table all",
    "ip -6 -d -j route show table all",
    "ip -j rule show",
    "ip -j neigh show nud all",
    "bridge -d -j link show",
    "bridge -j fdb show",
    "bridge -j vlan show",
    "tc -d -j qdisc show",
];
/// Settings that plans make, and their kin: for every size.
const SETTINGS: &str = "cd /proc/sys/net; grep -s '' ipv4/ip_forward ipv4/icmp_rate* ipv4/conf/*/rp_filter \
     ipv4/conf/*/forwarding ipv4/conf/*/send_redirects bridge/* ipv6/conf/*/addr_gen_mode ipv6/conf/*/forwarding \
     ipv6/conf/*/accept_*";
/// Every setting there is: where there are few namespaces, as this takes long.
const ALL_SETTINGS: &str = "cd /proc/sys/net; grep -rs '' . | sort";
const FEW: usize = 10;
/// Says which reader's answer comes next.
const MARK: &str = "=====";
/// Fields of `ip -j` that tell of time: how long until a bridge does what it does now and then.
const TIMERS: [&str; 7] = [
    "hello_timer",
    "tcn_timer",
    "topology_change_timer",
    "gc_timer",
    "message_age_timer",
    "forward_delay_timer",
    "hold_timer",
];

/// What there is in one namespace, by reader.
type Facts = BTreeMap<String, String>;
/// The namespaces of a lab, by hostname.
type Lab = BTreeMap<String, Facts>;

#[test]
fn the_floor_program_makes_what_netlab_makes() {
    let test = "the_floor_program_makes_what_netlab_makes";
    in_each_mode_unless_in_vm(test, |world| {
        let floor = world.path().join("floor");
        if !compile::compile(&floor).expect("the floor program compiles") {
            return skip(test, "there is no `cc`");
        }
        let sizes = std::env::var("NETLAB_FLOOR").unwrap_or_else(|_| SIZES.into());
        for size in sizes.split(',') {
            let (nodes, pods) = size.split_once('x').expect("NETLAB_FLOOR is like 2x2,10x10");
            let count = |text: &str| text.parse::<usize>().expect("a number");
            let namespaces = 1 + count(nodes) * (1 + count(pods));
            let ours = of_netlab(world, nodes, pods, namespaces);
            let theirs = of_floor(world, nodes, pods, namespaces);
            assert_eq!(ours.len(), namespaces, "{size}: not every namespace was read");
            compare(size, &ours, &theirs);
        }
    });
}

fn compare(size: &str, ours: &Lab, theirs: &Lab) {
    let names = |lab: &Lab| lab.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(ours), names(theirs), "{size}: hostnames");
    for ((name, ours), theirs) in ours.iter().zip(theirs.values()) {
        for ((reader, ours), theirs) in ours.iter().zip(theirs.values()) {
            assert!(ours == theirs, "{size}, {name}: {reader}\nnetlab: {ours}\nfloor:  {theirs}");
        }
        assert_eq!(ours, theirs, "{size}, {name}");
    }
}

fn of_netlab(world: &World, nodes: &str, pods: &str, namespaces: usize) -> Lab {
    let text = format!("[[node]]\nname = \"n\"\ncount = {nodes}\npods = {pods}\n");
    let file = world.file("lab.toml", &text);
    world.ok(&["up", &file]);
    let lab = read_lab(world.pid("lab", "holder"), namespaces);
    world.ok(&["down", "lab"]);
    lab
}

fn of_floor(world: &World, nodes: &str, pods: &str, namespaces: usize) -> Lab {
    let mut command = Command::new(world.path().join("floor"));
    world.prepare(&mut command);
    command.args([nodes, pods]).stdin(Stdio::piped()).stdout(Stdio::piped());
    if world.mode == Mode::Ordinary {
        command.arg("--rootless");
    }
    let mut floor: Child = command.spawn().expect("starting the floor program");
    let mut line = String::new();
    BufReader::new(floor.stdout.take().expect("a pipe")).read_line(&mut line).expect("reading a pipe");
    assert_eq!(line, "ready\n");
    let holder = children(i32::try_from(floor.id()).expect("a small pid"));
    let lab = read_lab(holder[0], namespaces);
    drop(floor.stdin.take());
    assert!(floor.wait().expect("waiting").success());
    lab
}

fn children(pid: i32) -> Vec<i32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).expect("a running process");
    text.split_whitespace().map(|pid| pid.parse().expect("a pid")).collect()
}

/// Reads the namespaces of a lab: the holder's own, and those of its children.
fn read_lab(holder: i32, namespaces: usize) -> Lab {
    let pids = [vec![holder], children(holder)].concat();
    pids.into_iter().map(|pid| read(pid, holder, namespaces)).collect()
}

fn read(pid: i32, holder: i32, namespaces: usize) -> (String, Facts) {
    let settings = if namespaces <= FEW { ALL_SETTINGS } else { SETTINGS };
    let mut script = String::from("set -e\n");
    for reader in READERS.iter().chain([&settings]) {
        script.push_str(&format!("echo; echo '{MARK}'\n{reader}\n"));
    }
    let mut command = Command::new("nsenter");
    command.args(["--target", &pid.to_string(), "--net", "--uts"]);
    if !is_root() {
        command.args(["--user", "--preserve-credentials"]);
    }
    let output = command.args(["sh", "-c", &script]).output().expect("nsenter is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    let answers = text.split(MARK).skip(1);
    let mut facts: Facts = READERS
        .iter()
        .chain([&settings])
        .map(|reader| (*reader).to_owned())
        .zip(answers.map(normal))
        .collect();
    let hostname = facts[READERS[0]].clone();
    assert!(facts[READERS[1]].contains("\"lo\""), "{hostname}: {facts:#?}");
    facts.insert("process".into(), process(pid, holder));
    (hostname, facts)
}

/// What a reader said, without what differs from one moment to the next.
fn normal(text: &str) -> String {
    let text = text.trim();
    let Ok(mut value) = serde_json::from_str::<Value>(text) else { return text.to_owned() };
    forget_timers(&mut value);
    let Value::Array(rows) = value else { return value.to_string() };
    // A hash table's order depends on the namespace's own salt.
    let mut rows: Vec<String> = rows.iter().map(Value::to_string).collect();
    rows.sort();
    rows.join("\n")
}

fn forget_timers(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|key, _| !TIMERS.contains(&key.as_str()));
            fields.values_mut().for_each(forget_timers);
        }
        Value::Array(values) => values.iter_mut().for_each(forget_timers),
        _ => {}
    }
}

/// What a process is called, and which namespaces it shares with the holder, and the holder with us.
fn process(pid: i32, holder: i32) -> String {
    let link = |pid: i32, kind: &str| fs::read_link(format!("/proc/{pid}/ns/{kind}")).expect("a namespace");
    let us = i32::try_from(std::process::id()).expect("a small pid");
    let mut text = String::new();
    if pid != holder {
        text = fs::read_to_string(format!("/proc/{pid}/comm")).expect("a running process");
    }
    for kind in ["user", "mnt", "pid", "net", "uts", "ipc", "cgroup", "time"] {
        let here = link(pid, kind);
        let (with_holder, with_us) = (here == link(holder, kind), here == link(us, kind));
        text.push_str(&format!("{kind}: as the holder's {with_holder}, as ours {with_us}\n"));
    }
    text
}
