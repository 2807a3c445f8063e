//! Commands that need no lab: how soon small ones are done, and how soon files of thousands of pods are read and planned.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::ensure;
use serde_json::{Value, json};

use crate::figures::{Figures, Target, millis};
use crate::netlab::Netlab;
use crate::section::Section;
use crate::size::Size;
use crate::table::Table;
use crate::who::Who;

/// Milliseconds for a small command, and for one about five thousand pods.
const SMALL: Target = Target::Most(5.0, "ms");
const LARGE: Target = Target::Most(300.0, "ms");
/// Small commands are quick, and their times small beside what disturbs them: they get so many times the rounds.
const MORE: u32 = 10;

/// Those that should be done at once.
const COMMANDS: [&[&str]; 7] = [
    &["--version"],
    &["--help"],
    &["explain", "NL012"],
    &["schema"],
    &["completions", "bash"],
    &["check", "lab.toml"],
    &["plan", "lab.toml"],
];
/// Those that have to do with the size of a lab.
const OF_FILES: [&[&str]; 4] = [
    &["check", "lab.toml"],
    &["check", "--format", "json", "lab.toml"],
    &["plan", "lab.toml"],
    &["plan", "--format", "json", "lab.toml"],
];
const SIZES: [Size; 3] = [Size::of(10, 100), Size::of(250, 4), Size::of(50, 100)];

/// One command, with its times.
struct Timed {
    size: Option<Size>,
    words: String,
    target: Option<Target>,
    times: Vec<f64>,
}

pub(crate) fn measure(rounds: u32) -> anyhow::Result<Section> {
    let mut all = small(rounds * MORE)?;
    all.extend(files(rounds)?);
    let mut table = Table::new(&["command", "lab", "#median", "#least", "#most", "target", ""]);
    for one in &all {
        let figures = Figures::of(&one.times);
        let size = one.size.map_or_else(String::new, Size::word);
        let row = [one.words.clone(), size].into_iter().chain(figures.cells());
        table.row(row.chain(Target::judge_some(one.target, Some(figures.median))));
    }
    let json = all.iter().map(|one| {
        json!({
            "command": one.words, "nodes": one.size.map(|size| size.nodes),
            "pods_each": one.size.map(|size| size.pods), "times_ms": one.times,
        })
    });
    let json: Value = json.collect();
    Ok(Section { name: "startup", title: "Commands that need no lab", tables: table.finish(), json })
}

/// In turns, with a program that does nothing among them: what starting any program takes.
fn small(rounds: u32) -> anyhow::Result<Vec<Timed>> {
    let size = Size::of(2, 2);
    let netlab = Netlab::of(Who::first(), &size.topology(""))?;
    let mut all =
        vec![Timed { size: None, words: "`true`, for comparison".into(), target: None, times: Vec::new() }];
    all.extend(COMMANDS.map(|words| {
        let size = words.contains(&"lab.toml").then_some(size);
        Timed { size, words: shown(words), target: Some(SMALL), times: Vec::new() }
    }));
    eprintln!("{} commands that need no lab, {rounds} rounds", COMMANDS.len());
    for _ in 0..rounds {
        all[0].times.push(nothing()?);
        for (one, words) in all[1..].iter_mut().zip(COMMANDS) {
            one.times.push(millis(netlab.time(words)?));
        }
    }
    Ok(all)
}

fn nothing() -> anyhow::Result<f64> {
    let mut command = Command::new("true");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let begun = Instant::now();
    ensure!(command.status()?.success());
    Ok(millis(begun.elapsed()))
}

fn files(rounds: u32) -> anyhow::Result<Vec<Timed>> {
    let mut all = Vec::new();
    for size in SIZES {
        let netlab = Netlab::of(Who::first(), &size.topology(""))?;
        let target = (size.all_pods() >= 5000).then_some(LARGE);
        eprintln!("files of {}, {rounds} rounds", size.word());
        let mut some =
            OF_FILES.map(|words| Timed { size: Some(size), words: shown(words), target, times: Vec::new() });
        for _ in 0..rounds {
            for (one, words) in some.iter_mut().zip(OF_FILES) {
                one.times.push(millis(netlab.time(words)?));
            }
        }
        all.extend(some);
    }
    Ok(all)
}

fn shown(words: &[&str]) -> String {
    format!("`netlab {}`", words.join(" "))
}
