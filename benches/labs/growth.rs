//! How bringing up grows with the nodes of a lab: time, memory, and the operations of the plan beside the entries that the
//! technique needs: N nodes that know of each other are N × (N − 1) routes, and with VXLAN as many neighbours and FDB entries.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use anyhow::Context as _;
use netlab::model::DataPath;
use serde_json::{Value, json};

use crate::Who;
use crate::memory::{self, Memory};
use crate::netlab::Netlab;
use crate::quiet::Quiet;
use crate::report::Figures;

/// Nodes, each with one pod.
const NODES: [usize; 4] = [25, 50, 100, 250];
const DATA_PATHS: [DataPath; 2] = [DataPath::HostGw, DataPath::Vxlan];
/// Rounds are long here.
const MOST_ROUNDS: u32 = 3;
/// The lab's kernel memory is there when `up` returns, and goes on changing while the kernel works off what is queued.
const REST: Duration = Duration::from_millis(300);

/// What was measured of one lab.
pub(crate) struct Measured {
    nodes: usize,
    data_path: DataPath,
    who: Who,
    /// Operations of the plan, by kind.
    operations: BTreeMap<&'static str, usize>,
    /// Milliseconds of each round.
    up: Vec<f64>,
    down: Vec<f64>,
    memory: Memory,
    /// Kilobytes that the kernel has more while the lab is up.
    kernel: Vec<f64>,
}

/// Measures every size on every data path, in turns.
pub(crate) fn measure(rounds: u32, quiet: &mut Quiet) -> anyhow::Result<Vec<Measured>> {
    let mut all = Vec::new();
    let who = *Who::all().first().context("nobody to run as")?;
    for data_path in DATA_PATHS {
        for nodes in NODES {
            all.push(of(nodes, data_path, who, rounds.clamp(1, MOST_ROUNDS), quiet)?);
        }
    }
    Ok(all)
}

fn of(
    nodes: usize,
    data_path: DataPath,
    who: Who,
    rounds: u32,
    quiet: &mut Quiet,
) -> anyhow::Result<Measured> {
    let word = data_path.word();
    eprintln!("{nodes} nodes on {word}");
    let text =
        format!("[cluster]\ndata_path = \"{word}\"\n[[node]]\nname = \"node\"\ncount = {nodes}\npods = 1\n");
    let netlab = Netlab::of(who, &text)?;
    let (mut up, mut down, mut kernel, mut memory) = (Vec::new(), Vec::new(), Vec::new(), None);
    for _ in 0..rounds {
        quiet.wait()?;
        let before = kernel_memory()?;
        up.push(millis(netlab.up()?));
        std::thread::sleep(REST);
        kernel.push(kernel_memory()? - before);
        memory = Some(memory::of(&netlab.record()?)?);
        down.push(millis(netlab.down()?));
    }
    let memory = memory.context("no round")?;
    Ok(Measured { nodes, data_path, who, operations: operations(&text)?, up, down, memory, kernel })
}

/// How many operations of each kind a plan has; those that grow with the square of the nodes have names of their own.
fn operations(text: &str) -> anyhow::Result<BTreeMap<&'static str, usize>> {
    let lab = netlab::parse(text, "lab").map_err(|_| anyhow::anyhow!("not a valid topology: {text}"))?;
    let plan = serde_json::to_value(netlab::plan::plan(&lab))?;
    let mut counts = BTreeMap::new();
    let steps = plan["namespaces"].as_array().into_iter().flatten().filter_map(|one| one["steps"].as_array());
    for op in steps.flatten().filter_map(|step| step["ops"].as_array()).flatten() {
        let kind = match op["op"].as_str() {
            Some("route") => "routes",
            Some("neighbour") => "neighbours",
            Some("fdb") => "FDB entries",
            _ => "others",
        };
        *counts.entry(kind).or_default() += 1;
    }
    Ok(counts)
}

/// What the kernel holds for itself and cannot give back at once, in kilobytes.
fn kernel_memory() -> anyhow::Result<f64> {
    let text = fs::read_to_string("/proc/meminfo")?;
    let field = |name: &str| -> anyhow::Result<f64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let line = line.with_context(|| format!("/proc/meminfo has no {name}"))?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    };
    ["Slab:", "Percpu:", "KernelStack:", "VmallocUsed:"].into_iter().map(field).sum()
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Markdown: a row a lab.
pub(crate) fn table(all: &[Measured]) -> String {
    if all.is_empty() {
        return String::new();
    }
    let mut out = String::from(
        "| data path | nodes | as | up: median | µs an operation | down | routes | neighbours | FDB entries | other operations | \
         kernel memory | holder: PSS |\n|---|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for Measured { nodes, data_path, who, operations, up, down, memory, kernel } in all {
        let count = |kind: &str| operations.get(kind).copied().unwrap_or(0);
        let sum: usize = operations.values().sum();
        let (up, down, kernel) =
            (Figures::of(up).median, Figures::of(down).median, Figures::of(kernel).median);
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "| {} | {nodes} | {} | {up:.0} ms | {:.1} | {down:.0} ms | {} | {} | {} | {} | {:.0} MiB | {:.1} MiB |",
            data_path.word(),
            who.word(),
            up * 1000.0 / sum as f64,
            count("routes"),
            count("neighbours"),
            count("FDB entries"),
            count("others"),
            kernel / 1024.0,
            memory.holder_pss as f64 / 1024.0,
        );
    }
    out
}

/// The same for programs.
pub(crate) fn json(all: &[Measured]) -> Vec<Value> {
    let row = |one: &Measured| {
        json!({
            "data_path": one.data_path.word(), "nodes": one.nodes, "as": one.who.word(),
            "up_ms": one.up, "down_ms": one.down, "operations": one.operations,
            "kernel_memory_kb": one.kernel, "holder_pss_kb": one.memory.holder_pss,
        })
    };
    all.iter().map(row).collect()
}
