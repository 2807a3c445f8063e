//! `netlab compare`: what is shown of made-up figures, and what is measured of real ones, which must be the same each time.

mod support;

#[path = "compare/sample.rs"]
mod sample;

use std::collections::BTreeSet;
use std::fs;
use std::io::BufRead as _;
use std::process::Child;

use netlab::compare::Verdict;
use netlab::render::compare::{TABLE_WIDTH, json, markdown, text};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use support::{World, in_each_mode, is_slow, isolated, skip, wait_until};

fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots/compare");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn made_up_figures_look_like_this() {
    let all = sample::everything();
    let table = text(&all, TABLE_WIDTH);
    let widest = table.lines().map(|line| line.chars().count()).max().unwrap_or(0);
    assert!(widest <= TABLE_WIDTH, "{widest} columns:\n{table}");
    snapshot("everything.txt", &table);
    snapshot("everything.narrow.txt", &text(&all, 60));
    snapshot("everything.md", &markdown(&all));
    snapshot("everything.json", &json(&all).expect("JSON"));
    let interrupted = sample::interrupted();
    snapshot("interrupted.txt", &text(&interrupted, TABLE_WIDTH));
    snapshot("interrupted.md", &markdown(&interrupted));
    snapshot("interrupted.json", &json(&interrupted).expect("JSON"));
    snapshot("nothing.txt", &text(&sample::nothing(), TABLE_WIDTH));
    assert_eq!(all.verdict(), Verdict::Failed);
    assert_eq!(sample::nothing().verdict(), Verdict::NothingHere);
}

#[test]
fn every_line_of_a_markdown_table_has_as_many_cells() {
    let page = markdown(&sample::everything());
    let cells: BTreeSet<usize> =
        page.lines().filter(|line| line.starts_with('|')).map(|line| line.matches('|').count()).collect();
    assert_eq!(cells.len(), 1, "{page}");
    assert!(!page.contains('\u{1b}'), "{page}");
}

/// The figures of one data path, as JSON, without those that differ on each run.
fn fixed(mut comparison: Value) -> Value {
    for row in comparison["data_paths"].as_array_mut().expect("data paths") {
        if let Some(measured) = row["measured"].as_object_mut() {
            let now = measured.remove("here_and_now").expect("what varies");
            for key in ["rtt_median_ms", "tcp_gbit_per_s"] {
                assert!(now[key].as_f64().is_some_and(|figure| figure > 0.0), "{key}: {now}");
            }
        }
    }
    comparison
}

fn compare(world: &World, args: &[&str]) -> Value {
    let all = [&["compare", "--seconds", "0.05", "--format", "json"], args].concat();
    serde_json::from_str(&world.ok(&all)).expect("JSON")
}

#[test]
fn all_but_times_and_rates_is_the_same_on_every_run_as_root_and_rootless() {
    let found = std::sync::Mutex::new(BTreeSet::new());
    in_each_mode("all_but_times_and_rates_is_the_same", |world| {
        let lab = world.lab("two-node.toml");
        for _ in 0..if is_slow() { 1 } else { 5 } {
            let mut once = fixed(compare(world, &["--data-path", "l2,host-gw,cloud,vxlan", &lab]));
            once["file"] = "two-node.toml".into();
            let text = serde_json::to_string_pretty(&once).expect("JSON");
            found.lock().expect("no panic").insert(text);
        }
        world.expect_no_files();
    });
    let found = found.into_inner().expect("no panic");
    assert!(found.len() <= 1, "{found:#?}");
    if let Some(found) = found.first() {
        snapshot("two-node.json", found);
    }
}

/// A comparison takes half a minute in a slow VM: there only what depends on the kernel is tried.
fn is_for_fast_machines(test: &str) -> bool {
    if is_slow() {
        skip(test, "a slow VM, and nothing of it depends on the kernel");
    }
    is_slow()
}

#[test]
fn the_table_of_a_real_lab() {
    if is_for_fast_machines("the_table_of_a_real_lab") {
        return;
    }
    in_each_mode("the_table_of_a_real_lab", |world| {
        let lab = world.lab("two-node.toml");
        let table =
            world.ok(&["compare", "--seconds", "0.05", "--data-path", "l2,host-gw,cloud,vxlan", &lab]);
        let lines: Vec<&str> = table.lines().collect();
        let starts = [
            "data path  hops TTL   wire more    data wire more     ping  routes FDB neigh  ",
            "l2            1  64     98  53%    1448 1514 4.6%     1472       0   0     0  ",
            "host-gw       3  62     98  53%    1448 1514 4.6%     1472       1   0     0  ",
            "cloud         4  61     98  53%    1448 1514 4.6%     1472       1   0     0  ",
            "vxlan         3  62    148 131%    1398 1514 8.3%     1422       1   1     1  ",
            "  vxlan    148 (+50): Ethernet 14, IPv4 20, UDP 8, VXLAN 8, Ethernet 14, IPv4 20, ICMP 8, data 56",
            "  vxlan    node1 cbr0, node2 flannel.1, pod3",
            "  l2       98: Ethernet 14, IPv4 20, ICMP 8, data 56",
            "  cloud    node1 cbr0, fabric, node2 eth0, pod3",
            "  cloud  routes 2",
        ];
        for start in starts {
            assert!(lines.iter().any(|line| line.starts_with(start)), "{start}\n{table}");
        }
        let host_gw = lines.iter().find(|line| line.starts_with("host-gw ")).expect("a row");
        assert!(host_gw.ends_with(" = 100%"), "{host_gw}");
    });
}

/// What theory says of a tunnel: bytes of the ping's frame and of a segment's data, the largest ping, and the frame.
const TUNNELS: [(&str, [u64; 3], &str); 4] = [
    ("geneve", [148, 1398, 1422], "IPv4 20, UDP 8, Geneve 8, Ethernet 14, IPv4 20, ICMP 8, data 56"),
    ("ipip", [118, 1428, 1452], "IPv4 20, IPv4 20, ICMP 8, data 56"),
    ("gre", [122, 1424, 1448], "IPv4 20, GRE 4, IPv4 20, ICMP 8, data 56"),
    // 84 bytes of packet and 12 that fill them up to a multiple of 16; the largest has no room for that.
    ("wireguard", [170, 1388, 1412], "IPv4 20, UDP 8, WireGuard 32, encrypted 96"),
];

#[test]
fn each_tunnel_that_this_kernel_has_costs_what_theory_says() {
    in_each_mode("each_tunnel_costs_what_theory_says", |world| {
        let lab = world.lab("two-node.toml");
        for (name, sizes, frame) in TUNNELS {
            let args = ["compare", "--seconds", "0.05", "--format", "json", "--data-path", name, &lab];
            let ran = world.netlab(&args);
            let found: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:#?}"));
            let row = &found["data_paths"][0];
            if row["result"] == "lacks" {
                assert_eq!(ran.code, 3, "nothing could be measured: {ran:#?}");
                let why = row["reason"].as_str().and_then(|why| why.split(';').next()).unwrap_or_default();
                skip("each_tunnel_costs_what_theory_says", why);
                continue;
            }
            assert_eq!((ran.code, &row["result"]), (0, &"measured".into()), "{ran:#?}");
            let measured = &row["measured"];
            let all = [
                &measured["ping"]["wire_bytes"],
                &measured["tcp_segment"]["payload_bytes"],
                &measured["largest_ping_data_bytes"],
            ];
            assert_eq!(all, sizes.map(Value::from).each_ref(), "{name}: {measured:#}");
            assert_eq!(measured["tcp_segment"]["wire_bytes"], 1514, "{name}: {measured:#}");
            assert_eq!(
                (&measured["hops"], &measured["ttl"]),
                (&3.into(), &62.into()),
                "{name}: {measured:#}"
            );
            let parts = measured["ping"]["frame"].as_array().expect("a frame");
            let parts = parts
                .iter()
                .map(|part| format!("{} {}", part["name"].as_str().expect("a name"), part["bytes"]));
            assert_eq!(parts.collect::<Vec<_>>().join(", "), format!("Ethernet 14, {frame}"), "{name}");
        }
    });
}

#[test]
fn other_places_and_the_other_family() {
    if is_for_fast_machines("other_places_and_the_other_family") {
        return;
    }
    in_each_mode("other_places_and_the_other_family", |world| {
        let lab = world.lab("dual-stack.toml");
        let found = compare(world, &["--data-path", "host-gw", "-6", "--from", "node1", &lab]);
        assert_eq!(found["schema"], "netlab.compare/1");
        assert_eq!((&found["from"]["name"], &found["to"]["name"]), (&"node1".into(), &"pod3".into()));
        assert_eq!(found["family"], "IPv6");
        let measured = &found["data_paths"][0]["measured"];
        // IPv6's header has 20 bytes more than IPv4's.
        assert_eq!((&measured["hops"], &measured["ttl"]), (&2.into(), &63.into()));
        assert_eq!(measured["ping"]["wire_bytes"], 118);
        assert_eq!(measured["tcp_segment"]["payload_bytes"], 1428);
        assert_eq!(measured["largest_ping_data_bytes"], 1452);
        assert_eq!(measured["entries"][1]["routes"], 2, "one of each family: {measured}");
    });
}

#[test]
fn a_smaller_mtu_shows_in_the_largest_ping_and_the_segment() {
    if is_for_fast_machines("a_smaller_mtu_shows_in_the_largest_ping_and_the_segment") {
        return;
    }
    in_each_mode("a_smaller_mtu_shows", |world| {
        let nodes = "[[node]]\nname = \"a\"\npods = 1\n[[node]]\nname = \"b\"\npods = 1\n";
        let lab = world.file("small.toml", &format!("[cluster]\nmtu = 1400\n{nodes}"));
        let found = compare(world, &["--data-path", "host-gw", &lab]);
        let measured = &found["data_paths"][0]["measured"];
        assert_eq!(measured["largest_ping_data_bytes"], 1372);
        assert_eq!(measured["tcp_segment"]["wire_bytes"], 1414);
        assert_eq!(measured["tcp_segment"]["payload_bytes"], 1348);
    });
}

#[test]
fn what_the_topology_does_not_allow_is_a_row_unless_it_is_all_there_is() {
    if is_for_fast_machines("what_the_topology_does_not_allow_is_a_row_unless_it_is_all_there_is") {
        return;
    }
    in_each_mode("what_the_topology_does_not_allow", |world| {
        let text = fs::read_to_string("tests/bad/host-gw-across-segments.toml").expect("a topology");
        let lab = world.file("across.toml", &format!("{text}\n[cluster]\ndata_path = \"cloud\"\n"));
        for (named, end) in [
            ("host-gw", "across.toml does not allow host-gw; nothing was compared"),
            ("host-gw,l2", "across.toml allows none of these data paths; nothing was compared"),
        ] {
            let error = world.fails(2, &["compare", "--data-path", named, &lab]);
            for words in ["error[NL018]", "they share no segment", end] {
                assert!(error.contains(words), "{words}\n{error}");
            }
        }
        let two = ["compare", "--seconds", "0.05", "--data-path", "host-gw,cloud", &lab];
        let table = world.ok(&two);
        assert!(table.contains("they share no segment (NL018)"), "{table}");
        let all = ["compare", "--seconds", "0.05", "--format", "json", &lab];
        let ran = world.netlab(&all);
        let found: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:#?}"));
        let rows = found["data_paths"].as_array().expect("rows");
        let row = |name: &str| rows.iter().find(|row| row["data_path"] == name).expect("a row");
        assert_eq!(row("host-gw")["result"], "not-allowed");
        let why = row("host-gw")["reason"].as_str().expect("a reason");
        assert!(why.ends_with("they share no segment (NL018)"), "{why}");
        for name in ["cloud", "vxlan"] {
            assert_eq!(row(name)["result"], "measured", "{ran:#?}");
        }
        let failures: Vec<&Value> = rows.iter().map(|row| &row["measured"]["failures"]).collect();
        assert_eq!(ran.code, 0, "{failures:?}\n{}", ran.stderr);
    });
}

#[test]
fn what_cannot_be_compared_is_refused() {
    in_each_mode("what_cannot_be_compared_is_refused", |world| {
        let (two, one) = (world.lab("two-node.toml"), world.lab("one-node.toml"));
        let broken = world.file("broken.toml", "[[node]]\nname = \"n\"\nfoo = 1\n");
        let cases: [(&[&str], &str); 8] = [
            (&["compare", &one], "has no pods on two nodes"),
            (&["compare", "--from", "pod1", "--to", "pod2", &two], "both are on node1"),
            (&["compare", "--from", "podd1", &two], "no pod or node `podd1`; did you mean `pod1`?"),
            (&["compare", "-6", &two], "pod1 and pod3 have no IPv6 addresses in common"),
            (&["compare", "--data-path", "host-gv", &two], "did you mean `host-gw`?"),
            (&["compare", "--data-path", "l2,l2", &two], "--data-path names l2 twice"),
            (&["compare", &broken], "broken.toml is not a valid topology; nothing was compared"),
            (&["compare", "--seconds", "0", &two], "must be more than 0"),
        ];
        for (args, words) in cases {
            let error = world.fails(2, args);
            assert!(error.contains(words), "{args:?}: {error}");
        }
    });
}

/// The processes that a process has started.
fn children(parent: i32) -> Vec<i32> {
    let is_child = |pid: &i32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let rest = stat.rsplit(") ").next().unwrap_or_default();
        rest.split(' ').nth(1).and_then(|text| text.parse().ok()) == Some(parent)
    };
    let entries = fs::read_dir("/proc").expect("/proc").flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(is_child).collect()
}

/// Starts a comparison that would take ten minutes, and waits until TCP is measured: then its worker has two children, the
/// lab's keeper and the process that takes what TCP carries.
fn in_the_middle(world: &World, lab: &str) -> (Child, Pid) {
    let child = world.spawn(&["compare", "--seconds", "600", "--data-path", "host-gw", lab]);
    let pid = i32::try_from(child.id()).expect("a small pid");
    wait_until("TCP is measured", || {
        children(pid).first().is_some_and(|worker| children(*worker).len() == 2)
    });
    (child, Pid::from_raw(pid))
}

#[test]
fn a_signal_ends_it_and_nothing_is_left() {
    if is_for_fast_machines("a_signal_ends_it_and_nothing_is_left") {
        return;
    }
    if !isolated("a_signal_ends_it_and_nothing_is_left") {
        return;
    }
    in_each_mode("a_signal_ends_it_and_nothing_is_left", |world| {
        let lab = world.lab("two-node.toml");
        for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
            let (child, pid) = in_the_middle(world, &lab);
            kill(pid, signal).expect("netlab runs");
            let ran = support::Ran::from(child.wait_with_output().expect("netlab"));
            assert_eq!(ran.code, code, "{ran:#?}");
            assert!(ran.stdout.is_empty() && ran.stderr.contains("interrupted"), "{ran:#?}");
            world.expect_no_files();
        }
        let (mut child, pid) = in_the_middle(world, &lab);
        kill(pid, Signal::SIGKILL).expect("netlab runs");
        child.wait().expect("its end");
        world.expect_no_files();
        wait_until("all of its processes have ended", || {
            let ours = |pid: &i32| *pid != 1 && *pid != std::process::id() as i32 && support::lives(*pid);
            let entries = fs::read_dir("/proc").expect("/proc").flatten();
            let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
            pids.filter(ours).count() == 0
        });
    });
}

#[test]
fn what_was_measured_before_a_signal_is_shown() {
    if is_for_fast_machines("what_was_measured_before_a_signal_is_shown") {
        return;
    }
    in_each_mode("what_was_measured_before_a_signal_is_shown", |world| {
        let lab = world.lab("two-node.toml");
        let paths = "l2,host-gw,vxlan";
        let args = ["compare", "--seconds", "3", "--format", "json", "--data-path", paths, &lab];
        let mut child = world.spawn(&args);
        // The second data path's turn has come when the first is told to be behind it.
        let mut told = std::io::BufReader::new(child.stderr.take().expect("a pipe")).lines();
        told.find(|line| line.as_ref().is_ok_and(|line| line.contains("host-gw (2 of 3)")))
            .expect("a second turn")
            .expect("text");
        kill(Pid::from_raw(i32::try_from(child.id()).expect("a small pid")), Signal::SIGINT)
            .expect("netlab runs");
        let rest: Vec<String> = told.map(|line| line.expect("text")).collect();
        let ran = support::Ran::from(child.wait_with_output().expect("netlab"));
        assert_eq!(ran.code, 130, "{ran:#?}");
        assert_eq!(rest, ["netlab: interrupted: 1 of 3 data paths were measured"]);
        let found: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:#?}"));
        assert_eq!(found["interrupted"], true);
        let results = found["data_paths"].as_array().expect("rows").iter().map(|row| &row["result"]);
        assert_eq!(results.collect::<Vec<_>>(), ["measured", "stopped", "stopped"]);
        world.expect_no_files();
    });
}

#[test]
fn a_lab_that_dies_in_the_middle_is_told_of() {
    if is_for_fast_machines("a_lab_that_dies_in_the_middle_is_told_of") {
        return;
    }
    in_each_mode("a_lab_that_dies_in_the_middle_is_told_of", |world| {
        let (child, _) = in_the_middle(world, &world.lab("two-node.toml"));
        let labs = fs::read_dir(world.runtime().join("_test")).expect("labs").flatten();
        let record = labs.map(|lab| lab.path().join("lab.json")).next().expect("a lab");
        let record: Value = serde_json::from_slice(&fs::read(record).expect("a record")).expect("JSON");
        let holder = record["holder"]["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok());
        kill(Pid::from_raw(holder.expect("a pid")), Signal::SIGKILL).expect("the lab runs");
        let ran = support::Ran::from(child.wait_with_output().expect("netlab"));
        assert_eq!(ran.code, 1, "{ran:#?}");
        assert!(ran.stdout.contains("  host-gw  TCP rate: nothing came through for 5 s\n"), "{}", ran.stdout);
        assert!(ran.stdout.contains("\nhost-gw       3  62     98  53% "), "{}", ran.stdout);
        world.expect_no_files();
    });
}
