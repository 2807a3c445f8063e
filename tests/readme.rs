//! Every command of README.md is run, and what it prints is what README.md shows, but for times.

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use support::in_each_mode;

fn readme() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("README.md")
}

/// The fenced blocks of one kind.
fn blocks(text: &str, kind: &str) -> Vec<String> {
    let parts = text.split("\n```").skip(1).step_by(2);
    parts.filter_map(|part| part.strip_prefix(&format!("{kind}\n")).map(str::to_owned)).collect()
}

/// The commands of a console block with what each prints.
fn commands(block: &str) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    for line in block.lines() {
        match (line.strip_prefix("$ "), all.last_mut()) {
            (Some(command), _) => all.push((command.to_owned(), String::new())),
            (None, Some((_, output))) => {
                output.push_str(line.trim_end());
                output.push('\n');
            }
            (None, None) => panic!("output before any command: {line}"),
        }
    }
    all
}

/// Numbers that differ from run to run: times.
fn without_times(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        // A time's width moves what stands before it.
        let has_time = line.ends_with(" ms") || line.ends_with(" s");
        let words: Vec<_> = line.trim_end().split(' ').filter(|word| !has_time || !word.is_empty()).collect();
        let shown = words.iter().enumerate().map(|(place, word)| {
            let next = words.get(place + 1).is_some_and(|next| ["ms", "s"].contains(next));
            match word.split_once('=') {
                Some(("time", _)) => "time=T".to_owned(),
                // On a slow machine a time may be one of seconds.
                _ if place > 0 && *word == "s" => "ms".to_owned(),
                _ if next && word.chars().all(|c| c.is_ascii_digit() || ".,/".contains(c)) => "T".to_owned(),
                _ => (*word).to_owned(),
            }
        });
        lines.push(shown.collect::<Vec<_>>().join(" "));
    }
    lines.join("\n")
}

#[test]
fn every_console_block_prints_what_it_shows() {
    in_each_mode("every_console_block_prints_what_it_shows", |world| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for (directory, extension) in [("labs", "toml"), ("tests/bad", "toml"), ("snapshots", "snap")] {
            fs::create_dir_all(world.path().join(directory)).expect("a directory");
            for entry in fs::read_dir(root.join(directory)).expect("files").flatten() {
                if entry.path().extension().is_some_and(|found| found == extension) {
                    fs::copy(entry.path(), world.path().join(directory).join(entry.file_name()))
                        .expect("a copy");
                }
            }
        }
        let mut count = 0;
        for (command, shown) in blocks(&readme(), "console").iter().flat_map(|block| commands(block)) {
            let mut shell = Command::new("sh");
            shell.args(["-c", &command]);
            world.prepare(&mut shell);
            let ran = support::Ran::from(shell.output().expect("a shell"));
            assert_eq!(without_times(&ran.stdout), without_times(&shown), "$ {command}\n{}", ran.stderr);
            count += 1;
        }
        assert!(count > 7, "only {count} commands were found");
    });
}

#[test]
fn every_topology_is_valid() {
    let blocks = blocks(&readme(), "toml");
    assert_eq!(blocks.len(), 2);
    for block in blocks {
        let lab = netlab::parse(&block, "readme");
        assert!(lab.is_ok(), "{lab:#?}\n{block}");
    }
}

#[test]
fn the_two_commands_and_the_ci_steps_exist() {
    let text = readme();
    let makefile =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Makefile")).expect("a Makefile");
    for block in blocks(&text, "sh") {
        for line in block.lines() {
            let target = line.strip_prefix("make ").and_then(|rest| rest.split(' ').next());
            let target = target.unwrap_or_else(|| panic!("`{line}` is run by no test"));
            // `.ci/run` runs both; a test that ran them would run itself.
            assert!(makefile.contains(&format!("\n{target}:")), "no target {target}");
        }
    }
    let ci: String = blocks(&text, "yaml").concat();
    for line in ci.lines().filter_map(|line| line.split_once("netlab ").map(|(_, words)| words)) {
        let verb = line.split(' ').next().unwrap_or_default();
        let ran = Command::new(env!("CARGO_BIN_EXE_netlab")).args([verb, "--help"]).output().expect("netlab");
        assert!(ran.status.success(), "netlab {verb}");
    }
}

#[test]
fn the_first_line_says_which_netlab_this_is_not() {
    assert!(readme().lines().next().is_some_and(|line| line.contains("not [ipSpace's netlab]")));
}
