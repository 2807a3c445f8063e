//! Whether a lab that nobody uses uses the processor: the ticks of its processes, now and some seconds later.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::figures::{Target, count};
use crate::memory::pid;
use crate::size::Size;
use crate::table::Table;

/// Between the two looks.
const WHILE: Duration = Duration::from_secs(3);

/// What a lab's processes did in that time.
pub(crate) struct Idle {
    processes: usize,
    /// Clock ticks, in user mode and in the kernel.
    ticks: u64,
    /// Microseconds by the scheduler's own account, where it keeps one.
    micros: Option<f64>,
}

/// Looks at a running lab.
pub(crate) fn of(record: &Value) -> anyhow::Result<Idle> {
    let sandboxes = record["sandboxes"].as_array().context("sandboxes")?;
    let pauses = sandboxes.iter().filter_map(|sandbox| sandbox["pid"].as_i64());
    let mut pids: Vec<i64> =
        [pid(record, "keeper")?, pid(record, "holder")?].into_iter().chain(pauses).collect();
    pids.sort_unstable();
    pids.dedup();
    pids.retain(|pid| *pid > 0);
    let look = || -> anyhow::Result<(u64, Option<u64>)> {
        let ticks = pids.iter().map(|pid| ticks(*pid)).sum::<anyhow::Result<u64>>()?;
        Ok((ticks, pids.iter().map(|pid| nanos(*pid)).sum()))
    };
    let before = look()?;
    sleep(WHILE);
    let after = look()?;
    let nanos = after.1.zip(before.1).map(|(after, before)| Duration::from_nanos(after - before));
    Ok(Idle {
        processes: pids.len(),
        ticks: after.0 - before.0,
        micros: nanos.map(|time| time.as_secs_f64() * 1e6),
    })
}

/// `utime` and `stime` of proc_pid_stat(5).
fn ticks(pid: i64) -> anyhow::Result<u64> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).with_context(|| path.clone())?;
    // The command's name may hold spaces and parentheses.
    let rest = text.rsplit_once(") ").map(|(_, rest)| rest).context("a command's name")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    let field = |number: usize| fields.get(number - 3).and_then(|field| field.parse::<u64>().ok());
    field(14).zip(field(15)).map(|(user, system)| user + system).with_context(|| path.clone())
}

/// Nanoseconds on a processor.
fn nanos(pid: i64) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/schedstat")).ok()?;
    text.split(' ').next()?.parse().ok()
}

impl Idle {
    pub(crate) fn json(&self, size: Size) -> Value {
        json!({
            "nodes": size.nodes, "pods_each": size.pods, "processes": self.processes,
            "seconds": WHILE.as_secs_f64(), "ticks": self.ticks, "micros": self.micros,
        })
    }
}

/// Markdown: a row a lab.
pub(crate) fn table(all: &[(Size, Idle)]) -> String {
    let mut table = Table::new(&[
        "idle lab",
        "#keeper, holder and pauses",
        "#their CPU time in 3 s, in clock ticks",
        "target",
        "",
        "#in µs, by the scheduler",
    ]);
    for (size, idle) in all {
        let ticks = count(usize::try_from(idle.ticks).unwrap_or(usize::MAX));
        let [target, verdict] = Target::Most(0.0, "ticks").judge(ticks);
        let micros = idle.micros.map_or(String::new(), |micros| format!("{micros:.0}"));
        table.row([size.word(), idle.processes.to_string(), ticks.to_string(), target, verdict, micros]);
    }
    table.finish()
}
