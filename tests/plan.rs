//! Plans: reviewed for every shipped lab, and their commands make what netlab makes.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use netlab::plan::plan;
use netlab::render::commands;
use serde_json::Value;
use support::{Mode, World, in_each_mode, skip};

fn labs() -> Vec<PathBuf> {
    let entries = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("labs")).expect("labs").flatten();
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    paths.sort();
    paths
}

fn read(path: &Path) -> netlab::model::Lab {
    let text = fs::read_to_string(path).expect("a lab");
    let stem = path.file_stem().and_then(|stem| stem.to_str()).expect("a name");
    netlab::parse(&text, stem).expect("a valid lab")
}

/// The first and the last lines of what is long: the middle of a hundred pods teaches nothing.
fn shortened(script: &str) -> String {
    let lines: Vec<&str> = script.lines().collect();
    if lines.len() < 400 {
        return script.to_owned();
    }
    let (first, last) = (&lines[..80], &lines[lines.len() - 60..]);
    format!("{}\n\n[… {} lines …]\n\n{}\n", first.join("\n"), lines.len() - 140, last.join("\n"))
}

#[test]
fn the_plan_of_every_lab_is_reviewed() {
    for path in labs() {
        let lab = read(&path);
        let script = commands::script(&plan(&lab), &lab.name);
        insta::with_settings!({ snapshot_path => "../snapshots/plan", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(lab.name.as_str(), shortened(&script));
        });
    }
}

#[test]
fn namespaces_are_counted_without_a_plan() {
    for path in labs() {
        let lab = read(&path);
        assert_eq!(netlab::plan::namespaces(&lab), plan(&lab).namespaces.len(), "{}", lab.name);
    }
}

#[test]
fn a_plan_is_the_same_on_every_run_and_as_json() {
    for path in labs() {
        let file = path.to_str().expect("text");
        let run = || {
            Command::new(env!("CARGO_BIN_EXE_netlab"))
                .args(["plan", "--format", "json", file])
                .output()
                .expect("netlab")
        };
        let (one, other) = (run(), run());
        assert_eq!(one.stdout, other.stdout);
        let json: Value = serde_json::from_slice(&one.stdout).expect("JSON");
        assert_eq!(json["schema"], "netlab.plan/1");
        assert_eq!(json["namespaces"][0]["name"], "fabric");
    }
}

#[test]
fn verbose_prints_each_operation_as_its_command() {
    in_each_mode("verbose_prints_each_operation_as_its_command", |world| {
        for file in [world.lab("two-node.toml"), world.file("rates.toml", RATES)] {
            let script = world.ok(&["plan", &file]);
            let ran = world.netlab(&["up", "-v", &file]);
            assert_eq!(ran.code, 0, "{ran:?}");
            let is_command =
                |line: &&str| ["ip ", "bridge ", "tc "].iter().any(|tool| line.starts_with(tool));
            for line in script.lines().filter(is_command) {
                assert!(ran.stderr.contains(line), "`{line}` is not in what -v printed");
            }
        }
    });
}

/// What is compared of a namespace, with the words that ask for it: everything that `ip`, `bridge` and `tc` tell, packet filter
/// rules without their counters, and every network setting that can be read.
const QUESTIONS: [&str; 12] = [
    "ip -j -d link",
    "ip -j addr",
    "ip -j route",
    "ip -j -N route show table all",
    "ip -j -6 -N route show table all",
    "ip -j rule",
    "ip -j neigh show nud permanent",
    "bridge -j -d link",
    "tc -d qdisc",
    "nft -s list ruleset",
    "bridge -j fdb",
    "grep -rs . /proc/sys/net",
];

/// Numbers that say nothing of what was made: counters, clocks, the ids by which namespaces know each other, and the
/// addresses that the fallback devices of tunnel modules draw by lot.
const PASSING: &[&str] = &[
    "link_netnsid",
    "stats",
    "stats64",
    "hello_timer",
    "tcn_timer",
    "topology_change_timer",
    "gc_timer",
    "permaddr",
];

fn without_passing(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.retain(|key, _| !PASSING.contains(&key.as_str()));
            object.values_mut().for_each(without_passing);
        }
        Value::Array(items) => {
            items.iter_mut().for_each(without_passing);
            items.retain(|item| item.as_object().is_none_or(|object| !object.is_empty()));
            // What a bridge has learnt is traffic's doing: it has an empty state, what was added has none that is empty.
            items.retain(|item| item["state"] != "" || item["mac"].is_null());
            // Neighbours come in the order of a hash that is seeded anew for each table.
            items.sort_by_key(Value::to_string);
        }
        _ => {}
    }
}

/// The answers to all questions about all namespaces: one line each, with a heading.
fn answers(text: &str) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for part in text.split("\n=== ").skip(1) {
        let (heading, answer) = part.split_once('\n').expect("an answer below the heading");
        let answer = match serde_json::from_str::<Value>(answer) {
            Ok(mut json) => {
                without_passing(&mut json);
                serde_json::to_string_pretty(&json).expect("JSON")
            }
            Err(_) => answer.trim().to_owned(),
        };
        all.insert(heading.to_owned(), answer);
    }
    all
}

/// A script that asks all questions in the namespace of that name.
fn asking(world: &World, name: &str) -> String {
    let ask = |question: &&str| format!("echo; echo '=== {name}: {question}'; {question} 2>/dev/null\n");
    world.file(&format!("ask-{name}.sh"), &QUESTIONS.iter().map(ask).collect::<String>())
}

/// Asks every namespace of a lab that netlab made.
fn made_by_netlab(world: &World, lab: &netlab::model::Lab) -> BTreeMap<String, String> {
    let ask = |name: &str| world.netlab(&["exec", name, "--", "sh", &asking(world, name)]).stdout;
    answers(&plan(lab).namespaces.iter().map(|namespace| ask(&namespace.name)).collect::<String>())
}

/// What says which interfaces are up, and which have no carrier.
const STATES: &str = "ip -br link | sed 's/@[^ ]*//' | awk '{print $1, $2}'";

/// The states of a lab's interfaces, by namespace.
fn states(world: &World, lab: &netlab::model::Lab) -> BTreeMap<String, String> {
    let ask = |name: String| {
        let told = world.ok(&["exec", &name, "--", "sh", "-c", STATES]);
        (name, told)
    };
    plan(lab).namespaces.into_iter().map(|namespace| ask(namespace.name)).collect()
}

/// Pastes the plan's commands into a root shell that has a world of its own, and asks there: as soon as interfaces are in
/// the states that they shall have, for which kernels before 6.8 take up to a second.
fn made_by_commands(
    world: &World,
    lab: &netlab::model::Lab,
    states: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, String> {
    let plan = plan(lab);
    let script = world.file("plan.sh", &commands::script(&plan, &lab.name));
    // `ip netns` keeps its names in /run, which is the machine's: it gets one of its own.
    let mut shell = format!(
        "set -e; mount -t tmpfs none /run; mkdir -p /run/netns /run/keys; cd /run/keys; sh -e {script}; set +e\n"
    );
    let state = world.file("state.sh", STATES);
    for (name, wanted) in states {
        let wanted = world.file(&format!("state-{name}"), wanted);
        shell.push_str(&format!(
            "n=0; until ip netns exec {name} sh {state} | cmp -s - {wanted}; do \
             n=$((n+1)); [ $n -lt 300 ] || {{ echo '{name} is not as it was' >&2; break; }}; sleep 0.1; done\n"
        ));
    }
    for name in plan.namespaces.iter().map(|namespace| namespace.name.as_str()) {
        shell.push_str(&format!("ip netns exec {name} sh {}\n", asking(world, name)));
    }
    shell.push_str("echo\n");
    let mut command = Command::new("unshare");
    if world.mode == Mode::Ordinary {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", &shell]);
    world.prepare(&mut command);
    let ran =
        support::Ran::from(command.arg0("unshare").output().map_err(|error| format!("unshare: {error}"))?);
    if ran.code != 0 && ran.stdout.is_empty() && ran.stderr.contains("unshare") {
        return Err(ran.stderr);
    }
    assert!(ran.stderr.is_empty(), "the commands complain: {}", ran.stderr);
    Ok(answers(&ran.stdout))
}

/// A lab with the tunnel of that word.
fn tunnels(world: &World, word: &str) -> String {
    let pods = if word == "ipip" { "\"10.244.0.0/16\"" } else { "[\"10.244.0.0/16\", \"fd00:244::/56\"]" };
    let nodes = "[[node]]\nname = \"a\"\npods = [\"p\"]\n\n[[node]]\nname = \"b\"\npods = [\"q\"]\n";
    let text = format!("[cluster]\npod_cidr = {pods}\ndata_path = \"{word}\"\n\n{nodes}");
    world.file(&format!("{word}.toml"), &text)
}

/// Why a lab cannot be made here, by netlab or by hand.
fn cannot(world: &World, name: &str, file: &str) -> Option<String> {
    let wg = Command::new("sh").args(["-c", "command -v wg"]).output();
    if name == "wireguard" && !wg.is_ok_and(|output| output.status.success()) {
        return Some("wg is not installed".into());
    }
    let ran = world.netlab(&["up", file]);
    world.netlab(&["down", name]);
    (ran.code == 3).then(|| ran.stderr.lines().find(|line| line.contains("lacks")).unwrap_or("?").to_owned())
}

#[test]
fn pasted_commands_make_the_same_kernel_state() {
    let missing = ["ip", "bridge", "tc", "nft", "sysctl", "unshare"].into_iter().find(|tool| {
        !Command::new("sh")
            .args(["-c", &format!("command -v {tool}")])
            .output()
            .is_ok_and(|output| output.status.success())
    });
    if let Some(tool) = missing {
        return skip("pasted_commands_make_the_same_kernel_state", &format!("{tool} is not installed"));
    }
    // Where processes take their time, only what needs that kernel, and what shows that the rest is the same there.
    const ELSEWHERE: [&str; 10] = [
        "one-node",
        "three-node",
        "sidecar",
        "l2",
        "cloud",
        "vxlan-direct",
        "static",
        "flat",
        "checked",
        "rates",
    ];
    in_each_mode("pasted_commands_make_the_same_kernel_state", |world| {
        let shipped = [
            "one-node",
            "two-node",
            "three-node",
            "dual-stack",
            "sidecar",
            "egress",
            "l2",
            "cloud",
            "vxlan",
            "vxlan-direct",
        ];
        // Permanent neighbours, another MTU, strict reverse paths: what no shipped lab of a few pods has.
        let flat =
            STATIC.replace("[cluster]", "[cluster]\ndata_path = \"l2\"") + "\n[[external]]\nname = \"net\"\n";
        let made = [
            ("static", STATIC),
            ("flat", flat.as_str()),
            ("checked", &checked()),
            ("rates", RATES),
            ("impaired", IMPAIRED),
        ];
        let mut files: Vec<(String, String)> =
            made.map(|(name, text)| (name.to_owned(), world.file(&format!("{name}.toml"), text))).to_vec();
        files.extend(shipped.map(|name| (name.to_owned(), world.lab(&format!("{name}.toml")))));
        files.extend(
            ["geneve", "gre", "ipip", "wireguard"].map(|word| (word.to_owned(), tunnels(world, word))),
        );
        for (name, file) in &files {
            let name = name.as_str();
            if support::is_slow() && ELSEWHERE.contains(&name) {
                continue;
            }
            if let Some(why) = cannot(world, name, file) {
                skip("pasted_commands_make_the_same_kernel_state", &format!("{name}: {why}"));
                continue;
            }
            let lab = read(Path::new(file));
            world.ok(&["up", file]);
            let (netlab, states) = (made_by_netlab(world, &lab), states(world, &lab));
            world.ok(&["down", name]);
            let commands = match made_by_commands(world, &lab, &states) {
                Ok(commands) => commands,
                Err(why) => {
                    return skip(
                        "pasted_commands_make_the_same_kernel_state",
                        &format!("{:?}: {why}", world.mode),
                    );
                }
            };
            assert_eq!(netlab.len(), plan(&lab).namespaces.len() * QUESTIONS.len());
            for (question, ours) in &netlab {
                let theirs = commands.get(question).map(String::as_str).unwrap_or_default();
                let differs: Vec<_> =
                    ours.lines().zip(theirs.lines()).filter(|(one, other)| one != other).take(4).collect();
                assert!(
                    ours == theirs,
                    "{name}: {question}: netlab's and the commands' lines: {differs:#?}\n{theirs}"
                );
            }
        }
    });
}

const STATIC: &str = r#"
[cluster]
pod_cidr = ["10.0.0.0/16", "fd00:1::/56"]
neighbours = "static"
mtu = 1400
rp_filter = "strict"

[[node]]
name = "a"
pods = ["p", "q"]

[[node]]
name = "b"
pods = ["r"]
"#;

/// A rate of each kind of thing, which every kernel that shapes traffic can do.
const RATES: &str = r#"
[[segment]]
name = "rack"
impair = { rate = "100mbit" }

[[node]]
name = "a"
pods = ["p", "q"]
impair = { rate = "10mbit", direction = "out" }

[[node]]
name = "b"
pods = ["r"]

[[pod]]
name = "p"
impair = { rate = "64kbit" }
"#;

/// Everything that netem does, and neighbours for whoever loses frames.
const IMPAIRED: &str = r#"
[cluster]
pod_cidr = ["10.244.0.0/16", "fd00:244::/56"]

[[segment]]
name = "rack1"
impair = { delay = "1500us", jitter = "500us", rate = "10mbit" }
[[segment]]
name = "rack2"
[[router]]
name = "spine"
segments = ["rack1", "rack2"]

[[node]]
name = "a"
segment = "rack1"
pods = ["p", "q"]
impair = { loss = "0.3%", duplicate = "1%" }

[[node]]
name = "b"
segment = "rack1"
impair = { delay = "33us", rate = "1gbit", direction = "out" }

[[node]]
name = "c"
segment = "rack2"

[[pod]]
name = "p"
impair = { delay = "100ms", reorder = "25.5%", corrupt = "0.0001%", direction = "in" }
"#;

/// ARP for a pod of another node crosses the cables of both nodes where there is one flat network.
#[test]
fn pods_of_a_flat_network_that_loses_frames_know_each_other() {
    let text = |impair: &str| {
        format!(
            "[cluster]\ndata_path = \"l2\"\n[[node]]\nname = \"a\"\npods = [\"p\"]\n{impair}\n[[node]]\nname = \"b\"\npods = [\"q\"]\n"
        )
    };
    let script = |impair: &str| {
        let lab = netlab::parse(&text(impair), "flat").expect("a valid lab");
        commands::script(&plan(&lab), "flat")
    };
    let known = "ip -n p neigh replace 10.244.2.2 lladdr 0a:58:0a:f4:02:02 dev eth0 nud permanent";
    assert!(script("impair = { loss = \"50%\" }").contains(known));
    assert!(!script("impair = { rate = \"1mbit\" }").contains(known));
}

#[test]
fn impairments_come_last_and_neighbours_before_them() {
    let lab = netlab::parse(IMPAIRED, "impaired").expect("a valid lab");
    let plan = plan(&lab);
    let script = commands::script(&plan, "impaired");
    let (_, last) = script.split_once("\n##### last, when everything is there\n").expect("a last section");
    insta::with_settings!({ snapshot_path => "../snapshots/plan", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("impaired-last", last);
    });
    assert!(!script.replace(last, "").contains("qdisc"), "an impairment before the end");
    // Without an impairment there is no such section, and no permanent neighbour without lost frames.
    let rates = netlab::parse(RATES, "rates").expect("a valid lab");
    assert!(!commands::script(&netlab::plan::plan(&rates), "rates").contains("permanent"));
}

/// A cloud that checks what a node sends and gets.
fn checked() -> String {
    let text = STATIC.replace("[cluster]", "[cluster]\ndata_path = \"cloud\"");
    text.replace("name = \"b\"", "name = \"b\"\nsource_dest_check = true")
}
