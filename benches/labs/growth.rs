//! How bringing up grows with the nodes of a lab: time, memory, and the operations of the plan beside the entries that the
//! technique needs: N nodes that know of each other are N × (N − 1) routes, and with VXLAN as many neighbours and FDB entries.

use std::collections::BTreeMap;
use std::time::Duration;

use netlab::model::DataPath;
use serde_json::{Value, json};

use crate::figures::{Figures, count, mib, millis, time};
use crate::memory::Kernel;
use crate::netlab::Netlab;
use crate::quiet::Quiet;
use crate::section::Section;
use crate::size::Size;
use crate::table::Table;
use crate::who::Who;

/// Nodes, each with one pod.
const NODES: [usize; 4] = [25, 50, 100, 250];
const DATA_PATHS: [DataPath; 2] = [DataPath::HostGw, DataPath::Vxlan];
/// Rounds are long here.
const MOST_ROUNDS: u32 = 3;
/// The lab's kernel memory is there when `up` returns, and goes on changing while the kernel works off what is queued.
const REST: Duration = Duration::from_millis(300);

/// What was measured of one lab.
struct Measured {
    nodes: usize,
    data_path: DataPath,
    /// Operations of the plan, by kind.
    operations: BTreeMap<&'static str, usize>,
    /// Milliseconds of each round.
    up: Vec<f64>,
    down: Vec<f64>,
    /// Kilobytes that the kernel has more while the lab is up.
    kernel: Vec<f64>,
}

/// Measures every size on every data path, in turns.
pub(crate) fn measure(rounds: u32, quiet: &mut Quiet) -> anyhow::Result<Section> {
    let mut all = Vec::new();
    for data_path in DATA_PATHS {
        for nodes in NODES {
            all.push(of(nodes, data_path, rounds.clamp(1, MOST_ROUNDS), quiet)?);
        }
    }
    let json = all.iter().map(json).collect();
    Ok(Section { name: "growth", title: "How cost grows with the nodes", tables: table(&all), json })
}

fn of(nodes: usize, data_path: DataPath, rounds: u32, quiet: &mut Quiet) -> anyhow::Result<Measured> {
    let word = data_path.word();
    eprintln!("{nodes} nodes on {word}");
    let text = Size::of(nodes, 1).topology(&format!("data_path = \"{word}\""));
    let netlab = Netlab::of(Who::first(), &text)?;
    let (mut up, mut down, mut kernel) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        quiet.wait()?;
        let before = Kernel::now()?.all;
        up.push(millis(netlab.up()?));
        std::thread::sleep(REST);
        kernel.push(Kernel::now()?.all - before);
        down.push(millis(netlab.down()?));
    }
    Ok(Measured { nodes, data_path, operations: operations(&text)?, up, down, kernel })
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

/// Markdown: a row a lab.
fn table(all: &[Measured]) -> String {
    let mut table = Table::new(&[
        "data path",
        "#nodes, a pod on each",
        "#up: median",
        "#µs an operation",
        "#down",
        "#routes",
        "#neighbours",
        "#FDB entries",
        "#other operations",
        "#kernel memory",
    ]);
    for Measured { nodes, data_path, operations, up, down, kernel } in all {
        let number = |kind: &str| operations.get(kind).copied().unwrap_or(0).to_string();
        let sum: usize = operations.values().sum();
        let median = |values: &[f64]| Figures::of(values).median;
        let each = median(up) * 1000.0 / count(sum);
        let first = [
            data_path.word().to_owned(),
            nodes.to_string(),
            time(median(up)),
            format!("{each:.1}"),
            time(median(down)),
        ];
        let numbers = ["routes", "neighbours", "FDB entries", "others"].map(number);
        table.row(first.into_iter().chain(numbers).chain([format!("{:.0} MiB", mib(median(kernel)))]));
    }
    table.finish()
}

/// The same for programs.
fn json(one: &Measured) -> Value {
    json!({
        "data_path": one.data_path.word(), "nodes": one.nodes, "up_ms": one.up, "down_ms": one.down,
        "operations": one.operations, "kernel_memory_kb": one.kernel,
    })
}
