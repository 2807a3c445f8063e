//! What a lab costs in memory while it is made and while nobody uses it, and that it uses no processor then.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::figures::{Target, count, mib};
use crate::idle::{self, Idle};
use crate::netlab::Netlab;
use crate::quiet::Quiet;
use crate::section::Section;
use crate::size::Size;
use crate::table::Table;
use crate::who::Who;

/// The labs as they are measured by default, and the pair whose difference is so many pods and nothing else: there,
/// neighbours are learnt, as entries for each other grow with the square of the pods.
const LABS: [Size; 4] = [Size::of(2, 2), Size::of(10, 10), Size::of(10, 100), Size::of(250, 4)];
const PAIR: [Size; 2] = [Size::of(10, 50), Size::of(10, 100)];
const LEARN: &str = "neighbours = \"learn\"";
/// The lab's kernel memory is there when `up` returns, and goes on changing while the kernel works off what is queued.
const REST: Duration = Duration::from_millis(300);
/// MiB that the holder of a small idle lab may have resident, and KiB that a pause may have for itself.
const HOLDER: f64 = 8.0;
const PAUSE: f64 = 200.0;
/// Of so few pods, the kernel's memory for each is lost in the noise.
const FEW: usize = 100;

/// Kilobytes.
pub(crate) struct Memory {
    size: Size,
    /// The most that the processes had while the lab was made.
    up_peak: f64,
    keeper_peak: f64,
    holder_peak: f64,
    /// Resident set of the holder and its pauses, with pages that other programs use too.
    holder_rss: f64,
    /// Proportional set of the same: such pages count in part.
    holder_pss: f64,
    keeper_pss: f64,
    /// What only the holder and its pauses have.
    holder_private: f64,
    /// What the kernel holds more while the lab is up; of that, its stacks for processes.
    kernel: f64,
    stacks: f64,
}

impl Memory {
    /// Everything there is of it, for each pod.
    fn per_pod(&self) -> f64 {
        (self.kernel + self.holder_pss + self.keeper_pss) / count(self.size.all_pods())
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "nodes": self.size.nodes, "pods_each": self.size.pods,
            "up_peak_kib": self.up_peak, "keeper_peak_kib": self.keeper_peak, "holder_peak_kib": self.holder_peak,
            "holder_rss_kib": self.holder_rss, "holder_pss_kib": self.holder_pss, "keeper_pss_kib": self.keeper_pss,
            "holder_private_kib": self.holder_private, "kernel_kib": self.kernel, "kernel_stacks_kib": self.stacks,
            "per_pod_kib": self.per_pod(),
        })
    }
}

/// Brings a lab up, looks, and takes it down.
pub(crate) fn of(size: Size, cluster: &str, quiet: &mut Quiet) -> anyhow::Result<(Memory, Idle)> {
    let netlab = Netlab::of(Who::first(), &size.topology(cluster))?;
    quiet.wait()?;
    let before = Kernel::now()?;
    let up_peak = netlab.up_watched()?;
    sleep(REST);
    let after = Kernel::now()?;
    let record = netlab.record()?;
    let memory = Memory {
        size,
        up_peak,
        keeper_peak: of_process(pid(&record, "keeper")?, "status", &["VmHWM:"])?,
        holder_peak: of_process(pid(&record, "holder")?, "status", &["VmHWM:"])?,
        // The pauses share the holder's memory, page tables included, so its figures are theirs too.
        holder_rss: of_process(pid(&record, "holder")?, "smaps_rollup", &["Rss:"])?,
        holder_pss: of_process(pid(&record, "holder")?, "smaps_rollup", &["Pss:"])?,
        keeper_pss: of_process(pid(&record, "keeper")?, "smaps_rollup", &["Pss:"])?,
        holder_private: of_process(
            pid(&record, "holder")?,
            "smaps_rollup",
            &["Private_Clean:", "Private_Dirty:"],
        )?,
        kernel: after.all - before.all,
        stacks: after.stacks - before.stacks,
    };
    let idle = idle::of(&record)?;
    netlab.down()?;
    Ok((memory, idle))
}

/// What the kernel holds for itself and cannot give back at once.
pub(crate) struct Kernel {
    pub(crate) all: f64,
    stacks: f64,
}

impl Kernel {
    pub(crate) fn now() -> anyhow::Result<Self> {
        let text = fs::read_to_string("/proc/meminfo")?;
        let field =
            |name: &str| kilobytes(&text, name).with_context(|| format!("/proc/meminfo has no {name}"));
        // Kernel stacks are in VmallocUsed already.
        let parts = ["Slab:", "Percpu:", "VmallocUsed:", "PageTables:"].into_iter().map(field);
        Ok(Self { all: parts.sum::<anyhow::Result<f64>>()?, stacks: field("KernelStack:")? })
    }
}

pub(crate) fn pid(record: &Value, who: &str) -> anyhow::Result<i64> {
    record[who]["pid"].as_i64().with_context(|| format!("{who}: no pid"))
}

/// The sum of fields of a file of /proc/PID.
fn of_process(pid: i64, file: &str, fields: &[&str]) -> anyhow::Result<f64> {
    let path = format!("/proc/{pid}/{file}");
    let text = fs::read_to_string(&path).with_context(|| path.clone())?;
    fields.iter().map(|field| kilobytes(&text, field).with_context(|| format!("{path}: {field}"))).sum()
}

/// A field of a file whose lines are like `Pss:   12 kB`.
pub(crate) fn kilobytes(text: &str, field: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

pub(crate) fn measure(quiet: &mut Quiet) -> anyhow::Result<Section> {
    let (mut labs, mut idles) = (Vec::new(), Vec::new());
    for size in LABS {
        eprintln!("memory of {}", size.word());
        let (memory, idle) = of(size, "", quiet)?;
        labs.push(memory);
        idles.push((size, idle));
    }
    let mut pair = Vec::new();
    for size in PAIR {
        pair.push(of(size, LEARN, quiet)?.0);
    }
    let tables = [table(&labs), pause_table(&pair[0], &pair[1])?, idle::table(&idles)].join("\n");
    let rows = |all: &[Memory]| all.iter().map(Memory::json).collect::<Vec<_>>();
    let idle: Vec<Value> = idles.iter().map(|(size, idle)| idle.json(*size)).collect();
    let json = json!({ "labs": rows(&labs), "pair": rows(&pair), "idle": idle });
    Ok(Section { name: "memory", title: "Memory, and a lab that nobody uses", tables, json })
}

/// Markdown: a row a lab.
pub(crate) fn table(labs: &[Memory]) -> String {
    let mut table = Table::new(&[
        "lab",
        "#kernel",
        "#holder and pauses: PSS",
        "#RSS",
        "target",
        "",
        "#keeper: PSS",
        "#all of it, per pod",
        "#peak of `up`",
        "#of the keeper",
        "#of the holder",
    ]);
    let cell = |kib: f64| format!("{:.1} MiB", mib(kib));
    for lab in labs {
        let is_small = lab.size.all_pods() <= FEW;
        let judged =
            Target::judge_some(is_small.then_some(Target::Most(HOLDER, "MiB")), Some(mib(lab.holder_rss)));
        let sizes = [cell(lab.kernel), cell(lab.holder_pss), cell(lab.holder_rss)];
        let each = if is_small { String::new() } else { format!("{:.0} KiB", lab.per_pod()) };
        let peaks = [lab.up_peak, lab.keeper_peak, lab.holder_peak].map(cell);
        let row = [lab.size.word()].into_iter().chain(sizes).chain(judged);
        table.row(row.chain([cell(lab.keeper_pss), each]).chain(peaks));
    }
    table.finish()
}

/// What one pod more costs.
fn pause_table(small: &Memory, large: &Memory) -> anyhow::Result<String> {
    let more = count(large.size.all_pods() - small.size.all_pods());
    let each = |of: fn(&Memory) -> f64| (of(large) - of(small)) / more;
    let (own, stack, kernel) =
        (each(|lab| lab.holder_private), each(|lab| lab.stacks), each(|lab| lab.kernel));
    let structures = structures()?;
    let pause = own + stack + structures.unwrap_or(0.0);
    let [target, verdict] = Target::Most(PAUSE, "KiB").judge(pause);
    let mut table = Table::new(&[
        "one pod more",
        "#its pause: own pages",
        "#kernel stack",
        "#kernel's structures of a process",
        "#together",
        "target",
        "",
        "#its namespaces and cable, in the kernel",
    ]);
    let cell = |kib: f64| format!("{kib:.1} KiB");
    let structures_cell = structures.map_or("unreadable".to_owned(), cell);
    table.row([
        format!("{} against {}, neighbours learnt", large.size.word(), small.size.word()),
        cell(own),
        cell(stack),
        structures_cell,
        cell(pause),
        target,
        verdict,
        cell(kernel - stack - structures.unwrap_or(0.0)),
    ]);
    Ok(table.finish())
}

/// Kilobytes of what the kernel keeps for each process besides its stack, by the size of its objects; none where
/// /proc/slabinfo cannot be read.
fn structures() -> anyhow::Result<Option<f64>> {
    let Ok(text) = fs::read_to_string("/proc/slabinfo") else { return Ok(None) };
    let mut bytes = 0.0;
    for name in ["task_struct", "signal_cache", "sighand_cache", "pid"] {
        let line = text.lines().find(|line| line.split(' ').next() == Some(name));
        // name, active objects, objects, bytes of one
        if let Some(size) = line.and_then(|line| line.split_whitespace().nth(3)) {
            bytes += size.parse::<f64>()?;
        }
    }
    Ok(Some(bytes / 1024.0))
}
