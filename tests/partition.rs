//! `netlab test --partition`: all parts together do what the whole does, each thing once.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use support::{Ran, World, in_each_mode};

fn snapshots(world: &World) -> PathBuf {
    world.temporary().join("snapshots")
}

fn test(world: &World, args: &[&str]) -> Ran {
    let folder = snapshots(world);
    world.netlab(&[&["test", "--snapshots", folder.to_str().expect("text")], args].concat())
}

fn passes(world: &World, args: &[&str]) -> String {
    let ran = test(world, args);
    assert_eq!(ran.code, 0, "{:?}: netlab test {args:?}: {ran:#?}", world.mode);
    ran.stdout
}

/// Labs of some sizes, one of them with two tests.
fn labs(world: &World) -> Vec<String> {
    let test = |name: &str| format!("[[test]]\nname = \"{name}\"\nfrom = \"node1\"\nto = \"node2\"\n");
    let of = |name: &str, pods: usize, more: &str| {
        let text = format!("[[node]]\nname = \"node\"\ncount = 2\npods = {pods}\n{more}");
        world.file(&format!("{name}.toml"), &text)
    };
    let tests = test("there") + &test("there again");
    vec![of("small", 1, ""), of("middling", 3, &tests), of("other", 1, ""), of("alike", 1, "")]
}

/// Each `lab: case` of a report in JUnit's format.
fn cases(junit: &str) -> Vec<String> {
    let attribute = |line: &str, name: &str| -> Option<String> {
        Some(line.split_once(&format!(" {name}=\""))?.1.split('"').next()?.to_owned())
    };
    let lines = junit.lines().filter(|line| line.trim_start().starts_with("<testcase "));
    let case = |line| Some(format!("{}: {}", attribute(line, "classname")?, attribute(line, "name")?));
    lines.map(|line| case(line).unwrap_or_else(|| panic!("{line}"))).collect()
}

/// What a run reports, as JUnit.
fn report(world: &World, args: &[&str]) -> (String, Vec<String>) {
    let path = world.temporary().join("report.xml");
    let text = passes(world, &[&["--junit", path.to_str().expect("text")], args].concat());
    let junit = fs::read_to_string(path).expect("a report");
    (text, cases(&junit))
}

#[test]
fn the_parts_together_hold_everything_once() {
    in_each_mode("the_parts_together_hold_everything_once", |world| {
        let files = labs(world);
        let named: Vec<&str> = files.iter().map(String::as_str).collect();
        let both = [&["--data-path", "host-gw,l2"], &named[..]].concat();
        passes(world, &[&["--accept"], &both[..]].concat());
        let (_, mut whole) = report(world, &both);
        whole.sort();
        assert_eq!(whole.iter().collect::<BTreeSet<_>>().len(), 12, "{whole:?}");
        let mut backwards = both.clone();
        backwards[2..].reverse();
        for count in [1, 3, 10] {
            let mut all = Vec::new();
            for number in 1..=count {
                let part = format!("{number}/{count}");
                // The shell of another machine may list files in another order.
                let line = if number % 2 == 0 { &backwards } else { &both };
                let (text, cases) = report(world, &[&["--partition", &part], &line[..]].concat());
                assert!(text.contains(&format!("part {number} of {count}: ")), "{text}");
                assert_eq!(number > 8, cases.is_empty(), "{part}: {text}");
                let labs: BTreeSet<_> = cases.iter().filter_map(|case| case.split_once(": ")).collect();
                let many = labs.iter().filter(|(lab, _)| lab.starts_with("middling")).count();
                assert_eq!(many % 3, 0, "a lab is not split: {cases:?}");
                all.extend(cases);
            }
            all.sort();
            assert_eq!(all, whole, "of {count} parts");
        }
    });
}

#[test]
fn a_single_lab_is_split_by_its_checks() {
    in_each_mode("a_single_lab_is_split_by_its_checks", |world| {
        let lab = &labs(world)[1];
        passes(world, &["--accept", lab]);
        let (_, mut whole) = report(world, &[lab]);
        let mut all = Vec::new();
        for part in ["1/2", "2/2"] {
            let (text, cases) = report(world, &["--partition", part, lab]);
            assert!(text.contains(" of 3 checks"), "{text}");
            all.extend(cases);
        }
        all.sort();
        whole.sort();
        assert_eq!(all, whole);
        // What the filter leaves is dealt out.
        let (text, cases) = report(world, &["--partition", "2/2", "--filter", "again", lab]);
        assert!(text.contains("part 2 of 2: none of 1 check, so there is nothing to do"), "{text}");
        assert!(cases.is_empty(), "{cases:?}");
        let (_, cases) = report(world, &["--partition", "1/2", "--filter", "again", lab]);
        assert_eq!(cases, ["middling: there again"]);
    });
}

#[test]
fn a_running_lab_is_a_lab_like_any_other() {
    in_each_mode("a_running_lab_is_a_lab_like_any_other", |world| {
        let lab = &labs(world)[1];
        passes(world, &["--accept", lab]);
        world.ok(&["up", lab]);
        let (_, one) = report(world, &["--partition", "1/3", "middling"]);
        let (_, two) = report(world, &["--partition", "2/3", "middling"]);
        let (_, three) = report(world, &["--partition", "3/3", "middling"]);
        let all: BTreeSet<String> = [one, two, three].concat().into_iter().collect();
        assert_eq!(all.len(), 3, "{all:?}");
    });
}

#[test]
fn a_part_accepts_its_own_snapshots_only() {
    in_each_mode("a_part_accepts_its_own_snapshots_only", |world| {
        let files = labs(world);
        let named: Vec<&str> = files.iter().map(String::as_str).collect();
        passes(world, &[&["--accept"], &named[..]].concat());
        // All are wrong, and one belongs to nobody.
        let folder = snapshots(world);
        let entries = fs::read_dir(&folder).expect("snapshots");
        let paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
        let good: Vec<String> =
            paths.iter().map(|path| fs::read_to_string(path).expect("a snapshot")).collect();
        for (path, good) in paths.iter().zip(&good) {
            fs::write(path, good.replace("TTL", "ttl").replace("host-gw", "hostgw")).expect("spoiling it");
        }
        let orphan = folder.join("orphan.snap");
        fs::write(&orphan, "---\nsource: netlab test\ninput_file: gone.toml\n---\nx\n").expect("an orphan");
        let is_good = || -> Vec<bool> {
            let same =
                |(path, good): (&PathBuf, &String)| fs::read_to_string(path).expect("a snapshot") == *good;
            paths.iter().zip(&good).map(same).collect()
        };
        let count = |all: Vec<bool>| all.into_iter().filter(|is| *is).count();
        assert_eq!(count(is_good()), 0);
        let first = passes(world, &[&["--accept", "--partition", "1/2"], &named[..]].concat());
        let after_first = count(is_good());
        assert!((1..4).contains(&after_first), "{after_first} of 4: {first}");
        let second = passes(world, &[&["--accept", "--partition", "2/2"], &named[..]].concat());
        assert_eq!(count(is_good()), 4, "{second}");
        assert!(orphan.exists());
        let tells = |text: &str| text.contains("orphan.snap");
        assert!(tells(&first) && !tells(&second), "it is told once:\n{first}\n{second}");
    });
}

#[test]
fn programs_are_told_which_part_it_is() {
    in_each_mode("programs_are_told_which_part_it_is", |world| {
        let files = labs(world);
        passes(world, &["--accept", &files[0], &files[2]]);
        let partition = |args: &[&str]| -> Value {
            let text = passes(world, &[args, &["--format", "json", &files[0], &files[2]]].concat());
            serde_json::from_str::<Value>(&text).expect("JSON")["partition"].take()
        };
        let expected = serde_json::json!({"part": 3, "of": 3, "dealt": "labs", "here": 0, "all": 2});
        assert_eq!(partition(&["--partition", "3/3"]), expected);
        assert_eq!(partition(&[]), Value::Null);
        let tap = |part: &str| passes(world, &["--partition", part, "--format", "tap", &files[0], &files[2]]);
        assert!(tap("1/3").contains("1..1\n# part 1 of 3: 1 of 2 labs\n"), "{}", tap("1/3"));
        assert!(tap("3/3").contains("1..0 # nothing is in this part\n"), "{}", tap("3/3"));
    });
}

/// A part that cannot be meant, and a failure in a part.
#[test]
fn exit_codes_are_those_of_a_whole_run() {
    in_each_mode("exit_codes_are_those_of_a_whole_run", |world| {
        let files = labs(world);
        for (part, words) in [
            ("0/4", "the first is 1/4"),
            ("5/4", "there is no part 5 of 4"),
            ("1/0", "there has to be one part at least"),
            ("x", "such as 2/4"),
            ("2", "such as 2/4"),
            ("1/2/3", "such as 2/4"),
            ("", "such as 2/4"),
        ] {
            let error = world.fails(2, &["test", &format!("--partition={part}"), &files[0]]);
            assert!(error.contains(words), "{part}: {error}");
        }
        // No snapshot yet, so that whichever part has it fails.
        let codes = ["1/3", "2/3", "3/3"]
            .map(|part| test(world, &["--check", "--partition", part, &files[0], &files[2]]).code);
        assert_eq!(codes, [1, 1, 0]);
        // What is wrong with a file is wrong with the run, in whichever part the file were.
        let wrong = world.file("wrong.toml", "[[node]]\n");
        for part in ["1/2", "2/2"] {
            world.fails(2, &["test", "--partition", part, &files[0], &wrong]);
        }
    });
}
