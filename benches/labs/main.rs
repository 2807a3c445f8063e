//! How long whole commands of netlab take, beside what the kernel itself needs for the same end state (benches/floor),
//! beside `ip -batch`, and beside Mininet where it is installed.
//!
//! Everything is measured in turns (netlab, the floor program, `ip -batch`, and again), so that a busy machine is busy for
//! all of them, and each begins only when the kernel has freed what the one before left. Nothing is asserted: the tables
//! say which targets were met on this machine, now.
//!
//!     make bench                                  everything, 20 rounds; writes docs/benchmarks.md
//!     NETLAB_BENCH_ROUNDS=5 make bench
//!     NETLAB_BENCH=labs,pairs make bench          only these sections; prints, and leaves the document alone
//!     NETLAB_BENCH=labs NETLAB_BENCH_LABS=2x2,10x100 make bench

mod batch;
mod contest;
mod document;
mod figures;
mod floor;
mod growth;
mod idle;
mod machine;
mod memory;
mod mininet;
mod netlab;
mod pairs;
mod quiet;
mod results;
mod section;
mod size;
mod startup;
mod table;
mod who;

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use serde_json::{Map, Value, json};

use contest::Contest;
use floor::Floor;
use mininet::Mininet;
use quiet::Quiet;
use results::Results;
use section::Section;
use size::Size;
use who::Who;

/// The labs of the section `labs`. Large ones take long, differ less from round to round, and are made as one user.
const SMALL: [Size; 2] = [Size::of(2, 2), Size::of(10, 10)];
const LARGE: [Size; 4] = [Size::of(100, 10), Size::of(10, 100), Size::of(50, 20), Size::of(250, 4)];
/// That of the section `large`.
const LARGEST: Size = Size::of(50, 100);
/// Rounds of large labs at most.
const LONG_ROUNDS: u32 = 3;

const SECTIONS: [&str; 6] = ["labs", "large", "memory", "startup", "pairs", "growth"];

fn main() -> anyhow::Result<()> {
    let rounds = match std::env::var("NETLAB_BENCH_ROUNDS") {
        Ok(text) => text.parse().context("NETLAB_BENCH_ROUNDS is a number")?,
        Err(_) => 20_u32,
    };
    let only = std::env::var("NETLAB_BENCH").unwrap_or_default();
    let wanted: Vec<&str> = if only.is_empty() { SECTIONS.to_vec() } else { only.split(',').collect() };
    for name in &wanted {
        ensure!(SECTIONS.contains(name), "NETLAB_BENCH is some of {}", SECTIONS.join(", "));
    }
    let sizes = std::env::var("NETLAB_BENCH_LABS").unwrap_or_default();
    let is_whole = wanted.len() == SECTIONS.len() && sizes.is_empty();
    let machine = machine::describe();
    let mut text = machine::markdown(&machine);
    println!("{text}");
    let mut quiet = Quiet::new()?;
    let mut all = Map::new();
    for name in &wanted {
        let begun = Instant::now();
        let section = measure(name, rounds, &sizes, &mut quiet)?;
        eprintln!("{name}: {} s", begun.elapsed().as_secs());
        println!("{}", section.markdown());
        text.push('\n');
        text.push_str(&section.markdown());
        all.insert((*name).to_owned(), section.json);
    }
    let all = json!({
        "schema": "netlab.bench/2", "machine": machine::json(&machine), "rounds": rounds, "sections": all,
    });
    write_json(&all)?;
    if is_whole {
        document::write(&text)?;
    }
    Ok(())
}

fn measure(name: &str, rounds: u32, sizes: &str, quiet: &mut Quiet) -> anyhow::Result<Section> {
    let few = rounds.min(LONG_ROUNDS);
    match name {
        "labs" => {
            contests("labs", "Up, down, and what is asked of a running lab", &labs(rounds, sizes)?, quiet)
        }
        "large" => {
            let title = "5,000 pods: up, every gateway, 10,000 pairs across nodes, down";
            let section = contests("large", title, &[(LARGEST, Who::first(), few)], quiet)?;
            with_memory(section, quiet)
        }
        "memory" => memory::measure(quiet),
        "startup" => startup::measure(rounds),
        "pairs" => pairs::measure(rounds, quiet),
        _ => growth::measure(rounds, quiet),
    }
}

/// Adds what the largest lab costs in memory.
fn with_memory(mut section: Section, quiet: &mut Quiet) -> anyhow::Result<Section> {
    let (memory, idle) = memory::of(LARGEST, "", quiet)?;
    let tables = [memory::table(std::slice::from_ref(&memory)), idle::table(&[(LARGEST, idle)])];
    section.tables = [section.tables, tables.join("\n")].join("\n");
    section.json = json!({ "times": section.json, "memory": memory.json() });
    Ok(section)
}

/// The labs of the section `labs`, for whom, and in how many rounds; `sizes` may name some of them.
fn labs(rounds: u32, sizes: &str) -> anyhow::Result<Vec<(Size, Who, u32)>> {
    let small = SMALL.into_iter().flat_map(|size| Who::all().iter().map(move |who| (size, *who, rounds)));
    let mut labs: Vec<_> =
        small.chain(LARGE.map(|size| (size, Who::first(), rounds.min(LONG_ROUNDS)))).collect();
    if !sizes.is_empty() {
        let wanted = sizes.split(',').map(Size::read).collect::<anyhow::Result<Vec<_>>>()?;
        labs.retain(|(size, ..)| wanted.contains(size));
    }
    ensure!(!labs.is_empty(), "NETLAB_BENCH_LABS={sizes}: none of the labs has that size");
    Ok(labs)
}

/// Labs up and down: once to warm up where that is not long, and then so many times each, in turns.
fn contests(
    name: &'static str,
    title: &'static str,
    labs: &[(Size, Who, u32)],
    quiet: &mut Quiet,
) -> anyhow::Result<Section> {
    let (floor, mininet) = (Floor::new()?, Mininet::new());
    let mut contests = Vec::new();
    for (size, who, rounds) in labs {
        contests.push((Contest::new(*size, *who, floor.as_ref(), mininet.as_ref())?, *rounds));
    }
    let mut results = Results::default();
    for (contest, _) in contests.iter().filter(|(contest, _)| contest.is_quick()) {
        contest.round(0, quiet, &mut results)?;
    }
    results.forget();
    let most = contests.iter().map(|(_, rounds)| *rounds).max().unwrap_or(0);
    for round in 1..=most {
        for (contest, _) in contests.iter().filter(|(_, rounds)| round <= *rounds) {
            contest.round(round, quiet, &mut results)?;
        }
    }
    Ok(Section { name, title, tables: results.tables(), json: results.json() })
}

fn write_json(all: &Value) -> anyhow::Result<()> {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench.json");
    std::fs::write(&path, serde_json::to_string_pretty(all)?)
        .with_context(|| format!("writing {}", path.display()))?;
    eprintln!("every single value is in {}", path.display());
    Ok(())
}
