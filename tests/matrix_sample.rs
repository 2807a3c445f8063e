//! `netlab matrix --sample` and `--gateways`: some pairs out of many, the same on every run.

mod support;

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use serde_json::Value;
use support::{Mode, Ran, World, in_each_mode, skip};

/// Three nodes of four pods each.
const SMALL: &str = "[[node]]\nname = \"n\"\ncount = 3\npods = 4\n";
/// The same with IPv6 too.
const DUAL: &str = "[cluster]\npod_cidr = [\"10.244.0.0/16\", \"fd00:10:244::/56\"]\n[[node]]\nname = \"n\"\ncount = 3\npods = 4\n";

fn up(world: &World, name: &str, text: &str, more: &[&str]) -> Option<String> {
    let file = world.file(&format!("{name}.toml"), text);
    let ran = world.netlab(&[&["up", &file], more].concat());
    if ran.code == 3 {
        skip("matrix_sample", support::lacking(&ran.stderr));
        return None;
    }
    assert_eq!(ran.code, 0, "{ran:#?}");
    Some(file)
}

/// Who asks whom, of a matrix in CSV.
fn asked(csv: &str) -> Vec<(String, String)> {
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("family,from,to,answer"));
    let pair = |line: &str| {
        let words: Vec<&str> = line.split(',').collect();
        (words[1].to_owned(), words[2].to_owned())
    };
    lines.map(pair).collect()
}

fn node(pod: &str) -> &str {
    pod.split('-').next().expect("a node's name")
}

#[test]
fn a_sample_is_spread_evenly_and_the_same_again() {
    in_each_mode("a_sample_is_spread_evenly", |world| {
        up(world, "small", SMALL, &[]);
        let csv = |count: &str| world.ok(&["matrix", "--sample", count, "--format", "csv"]);
        let twelve = csv("12");
        assert_eq!(twelve, csv("12"));
        let pairs = asked(&twelve);
        let froms: BTreeSet<_> = pairs.iter().map(|(from, _)| from).collect();
        let tos: BTreeSet<_> = pairs.iter().map(|(_, to)| to).collect();
        assert_eq!((pairs.len(), froms.len(), tos.len()), (12, 12, 12), "{pairs:?}");
        assert!(pairs.iter().all(|(from, to)| node(from) != node(to)), "{pairs:?}");
        // More than there are: all, each once.
        let all = asked(&csv("1000"));
        assert_eq!((all.len(), all.iter().collect::<BTreeSet<_>>().len()), (96, 96));
        let text = world.ok(&["matrix", "--sample", "12"]);
        assert!(text.contains("pod to pod on another node      12 of 96 pairs: all reply, TTL 62"), "{text}");
        assert!(text.ends_with("\nall 12 that were asked in small replied\n"), "{text}");
        let markdown = world.ok(&["matrix", "--sample", "12", "--format", "markdown"]);
        assert!(markdown.contains("| pod to pod on another node | 12 | 96 | 12 |"), "{markdown}");
    });
}

#[test]
fn gateways_are_asked_by_the_pods_of_their_nodes() {
    in_each_mode("gateways_are_asked", |world| {
        up(world, "dual", DUAL, &[]);
        let csv = world.ok(&["matrix", "--gateways", "--format", "csv"]);
        let pairs = asked(&csv);
        assert_eq!(pairs.len(), 24, "{csv}");
        assert!(pairs.iter().all(|(from, to)| format!("{} cbr0", node(from)) == *to), "{csv}");
        assert_eq!(csv.lines().filter(|line| line.starts_with("IPv6,") && line.ends_with(",64")).count(), 12);
        assert_eq!(asked(&world.ok(&["matrix", "-6", "--gateways", "--format", "csv"])).len(), 12);
        // A node stands for its pods.
        let of_two = asked(&world.ok(&["matrix", "-4", "--gateways", "n2", "n3-pod1", "--format", "csv"]));
        let names: Vec<&str> = of_two.iter().map(|(from, _)| from.as_str()).collect();
        assert_eq!(names, ["n2-pod1", "n2-pod2", "n2-pod3", "n2-pod4", "n3-pod1"]);
        let json = world.ok(&["matrix", "--gateways", "--sample", "6", "--format", "json"]);
        let json: Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!((&json["reached"], &json["total"]), (&36.into(), &36.into()), "{json:#}");
        let kinds = json["sample"]["kinds"].as_array().expect("kinds");
        let of = |family: &str, kind: &str| {
            let found = kinds.iter().find(|row| row["family"] == family && row["kind"] == kind);
            found.map(|row| (row["asked"].as_u64(), row["of"].as_u64(), row["replied"].as_u64()))
        };
        assert_eq!(of("IPv6", "pod to its gateway"), Some((Some(12), Some(12), Some(12))));
        assert_eq!(of("IPv4", "pod to pod on another node"), Some((Some(6), Some(96), Some(6))));
        assert_eq!(json["sample"]["nodes"][0]["from"]["asked"], 12);
    });
}

#[test]
fn every_data_path_is_asked_alike() {
    in_each_mode("every_data_path_is_asked_alike", |world| {
        for path in ["l2", "cloud", "vxlan", "gre", "wireguard"] {
            if up(world, "dual", DUAL, &["--data-path", path]).is_none() {
                continue;
            }
            let text = world.ok(&["matrix", "--gateways", "--sample", "20"]);
            assert!(text.ends_with("\nall 64 that were asked in dual replied\n"), "{path}: {text}");
            world.ok(&["down", "dual"]);
        }
    });
}

#[test]
fn who_does_not_reply_is_counted_and_named() {
    in_each_mode("who_does_not_reply_is_counted_and_named", |world| {
        up(world, "small", SMALL, &[]);
        world.ok(&["link", "down", "n2-pod3"]);
        let ran = world.netlab(&["matrix", "--gateways", "--sample", "12"]);
        assert_eq!(ran.code, 1, "{ran:#?}");
        let lines: Vec<&str> = ran.stdout.lines().map(str::trim).collect();
        for line in [
            "no reply  from there  to there",
            "n2            2 of 8    2 of 8",
            "21 of 24 that were asked in small replied, 3 did not",
        ] {
            assert!(lines.contains(&line), "{line}\n{}", ran.stdout);
        }
        assert!(lines.iter().any(|line| line.starts_with("n2-pod3 → n2 cbr0: ")), "{}", ran.stdout);
        let csv = world.netlab(&["matrix", "--gateways", "n1", "n3", "--format", "csv"]);
        assert_eq!(csv.code, 0, "the others are as before: {csv:#?}");
    });
}

#[test]
fn what_cannot_be_asked_is_refused() {
    in_each_mode("what_cannot_be_asked_is_refused", |world| {
        up(world, "bare", "[[node]]\nname = \"n\"\ncount = 2\n", &[]);
        let cases: [(&[&str], &str); 6] = [
            (&["--sample", "0"], "0 is not in 1..=1000000"),
            (&["--sample", "1000001"], "not in 1..=1000000"),
            (&["--sample", "some"], "invalid value 'some'"),
            (&["--sample", "3"], "a sample takes two pods with IPv4 addresses at least"),
            (&["--gateways"], "there is no pod with an IPv4 address"),
            (&["--gateways", "n3"], "has no pod, node, router or external `n3`"),
        ];
        for (args, words) in cases {
            let error = world.fails(2, &[&["matrix"], args].concat());
            assert!(error.contains(words), "{args:?}: {error}");
        }
        world.ok(&["down", "bare"]);
        up(world, "small", SMALL, &[]);
        let error = world.fails(2, &["matrix", "--sample", "3", "n1-pod1"]);
        assert!(error.contains("a sample takes two pods"), "{error}");
        // On one node there are no others: its own are asked.
        let one = asked(&world.ok(&["matrix", "--sample", "100", "n1", "--format", "csv"]));
        assert_eq!(one.len(), 12, "{one:?}");
    });
}

/// 33 pods take 66 descriptors for echoes at least.
#[test]
fn few_descriptors_are_enough_for_many_pods() {
    in_each_mode("few_descriptors_are_enough", |world| {
        up(world, "crowd", "[[node]]\nname = \"n\"\ncount = 3\npods = 11\n", &[]);
        let limited = |args: &str| {
            let mut command = Command::new("sh");
            world.prepare(&mut command);
            let script = format!("ulimit -n 90 && exec \"$0\" matrix {args}");
            Ran::from(command.arg("-c").arg(script).arg(world.binary()).output().expect("a shell"))
        };
        let sample = limited("--sample 99 --gateways");
        assert_eq!(sample.code, 0, "{sample:#?}");
        assert!(sample.stdout.ends_with("\nall 132 that were asked in crowd replied\n"), "{sample:#?}");
        let all = limited("");
        assert!(all.stdout.ends_with("\nall 1260 pairs of crowd reach each other\n"), "{all:#?}");
        let tcp = limited("--tcp 80 --sample 66 --format csv");
        assert_eq!(tcp.code, 1, "{tcp:#?}");
        assert_eq!(tcp.stdout.lines().filter(|line| line.ends_with(",refused")).count(), 66, "{tcp:#?}");
    });
}

/// A thousand and some places, as root only: it takes seconds, and what is asked is the same for everybody.
#[test]
fn the_snapshot_of_a_very_large_lab_is_a_sample_and_the_same_again() {
    let name = "the_snapshot_of_a_very_large_lab";
    if !support::is_root() || support::is_slow() {
        return skip(name, "as root, and not in a slow virtual machine");
    }
    let world = World::new(Mode::Root).expect("root may do everything");
    up(&world, "large", "[[node]]\nname = \"n\"\ncount = 34\npods = 30\n", &[]);
    let folder = world.temporary().join("snapshots");
    let test =
        |more: &str| world.netlab(&["test", "--snapshots", folder.to_str().expect("text"), more, "large"]);
    let accepted = test("--accept");
    assert_eq!(accepted.code, 0, "{accepted:#?}");
    let text = std::fs::read_to_string(folder.join("large.snap")).expect("a snapshot");
    for words in [
        "1054 pods and nodes are too many to ask all 1109862 pairs",
        "pod to pod on another node      10000 of 1009800 pairs: all reply, TTL 62",
        "pod to its gateway               1020 of    1020 pairs: all reply, TTL 64",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    let again = test("--check");
    assert_eq!(again.code, 0, "{again:#?}");
}

#[test]
fn a_closed_pipe_is_no_failure() {
    in_each_mode("a_closed_pipe_is_no_failure", |world| {
        up(world, "small", SMALL, &[]);
        let mut command = world.command(&["matrix", "--sample", "96", "--format", "json"]);
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starting netlab");
        drop(child.stdout.take());
        let ran = Ran::from(child.wait_with_output().expect("netlab ends"));
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    });
}
