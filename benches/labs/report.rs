//! What was measured, as a table for people and as JSON.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Who;
use crate::memory::Memory;

/// MiB that an idle holder may use.
const HOLDER: f64 = 8.0;

/// Who did what.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Row {
    lab: &'static str,
    who: Who,
    command: &'static str,
    tool: Tool,
    /// Milliseconds.
    target: Option<f64>,
}

#[derive(Clone, Copy, PartialEq)]
enum Tool {
    Netlab,
    Batch,
}

impl Row {
    pub(crate) fn netlab(lab: &'static str, who: Who, command: &'static str, target: Option<f64>) -> Self {
        Self { lab, who, command, tool: Tool::Netlab, target }
    }

    pub(crate) fn batch(lab: &'static str, who: Who, command: &'static str) -> Self {
        Self { lab, who, command, tool: Tool::Batch, target: None }
    }
}

#[derive(Default)]
pub(crate) struct Report {
    /// Milliseconds of each run.
    times: Vec<(Row, Vec<f64>)>,
    memory: Vec<(&'static str, Who, Memory)>,
}

/// Milliseconds: median, least, most.
pub(crate) struct Figures {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Figures {
    pub(crate) fn of(times: &[f64]) -> Self {
        let mut sorted = times.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |place: usize| sorted.get(place).copied().unwrap_or(f64::NAN);
        let half = sorted.len() / 2;
        let median = if sorted.len().is_multiple_of(2) {
            (at(half.wrapping_sub(1)) + at(half)) / 2.0
        } else {
            at(half)
        };
        Self { median, least: at(0), most: at(sorted.len().wrapping_sub(1)) }
    }
}

impl Report {
    pub(crate) fn add(&mut self, row: Row, took: Duration) {
        let millis = took.as_secs_f64() * 1000.0;
        match self.times.iter_mut().find(|(known, _)| *known == row) {
            Some((_, times)) => times.push(millis),
            None => self.times.push((row, vec![millis])),
        }
    }

    /// Forgets the runs that were only to warm up.
    pub(crate) fn forget_times(&mut self) {
        self.times.clear();
    }

    pub(crate) fn has_memory(&self, lab: &str, who: Who) -> bool {
        self.memory.iter().any(|(known, by, _)| *known == lab && *by == who)
    }

    pub(crate) fn memory(&mut self, lab: &'static str, who: Who, memory: Memory) {
        self.memory.push((lab, who, memory));
    }

    /// The same done by `ip -batch`.
    fn rival(&self, row: &Row) -> Option<Figures> {
        let same = |other: &Row| {
            other.tool == Tool::Batch
                && (other.lab, other.who, other.command) == (row.lab, row.who, row.command)
        };
        self.times.iter().find(|(other, _)| same(other)).map(|(_, times)| Figures::of(times))
    }

    fn netlab(&self) -> impl Iterator<Item = (&Row, Figures)> {
        let ours = self.times.iter().filter(|(row, _)| row.tool == Tool::Netlab);
        ours.map(|(row, times)| (row, Figures::of(times)))
    }

    /// Markdown, the ratios first.
    pub(crate) fn table(&self) -> String {
        let mut out = String::from(
            "| command | lab | as | ip -batch ÷ netlab | netlab: median | least | most | ip -batch: median | target | |\n\
             |---|---|---|---:|---:|---:|---:|---:|---:|---|\n",
        );
        for (row, ours) in self.netlab() {
            let rival = self.rival(row);
            let ratio =
                rival.as_ref().map_or(String::new(), |rival| format!("{:.1} ×", rival.median / ours.median));
            let rival = rival.map_or(String::new(), |rival| millis(rival.median));
            let (target, verdict) = judge(ours.median, row.target, " ms");
            let (median, least, most) = (millis(ours.median), millis(ours.least), millis(ours.most));
            // Writing to a string cannot fail.
            let _ = writeln!(
                out,
                "| {} | {} | {} | {ratio} | {median} | {least} | {most} | {rival} | {target} | {verdict} |",
                row.command,
                row.lab,
                row.who.word()
            );
        }
        out.push_str(
            "\n| idle lab | as | holder and its pauses: PSS | RSS | keeper: PSS | target | |\n|---|---|---:|---:|---:|---:|---|\n",
        );
        for (lab, who, memory) in &self.memory {
            let (target, verdict) = judge(mib(memory.holder_rss), Some(HOLDER), " MiB");
            let _ = writeln!(
                out,
                "| {lab} | {} | {:.1} MiB | {:.1} MiB | {:.1} MiB | {target} | {verdict} |",
                who.word(),
                mib(memory.holder_pss),
                mib(memory.holder_rss),
                mib(memory.keeper_pss)
            );
        }
        out
    }

    pub(crate) fn json(&self, rounds: u32, pairs: &[Value], growth: &[Value]) -> serde_json::Result<String> {
        let rows: Vec<Value> = self
            .times
            .iter()
            .map(|(row, times)| {
                let Figures { median, least, most } = Figures::of(times);
                json!({
                    "lab": row.lab, "as": row.who.word(), "command": row.command,
                    "tool": if row.tool == Tool::Netlab { "netlab" } else { "ip -batch" },
                    "median_ms": median, "least_ms": least, "most_ms": most, "target_ms": row.target,
                    "times_ms": times,
                })
            })
            .collect();
        let memory: Vec<Value> = self
            .memory
            .iter()
            .map(|(lab, who, memory)| {
                json!({
                    "lab": lab, "as": who.word(), "holder_rss_kib": memory.holder_rss,
                    "holder_pss_kib": memory.holder_pss, "keeper_pss_kib": memory.keeper_pss,
                })
            })
            .collect();
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        serde_json::to_string_pretty(&json!({
            "schema": "netlab.bench/1", "kernel": kernel.trim(), "rounds": rounds, "times": rows, "memory": memory,
            "all_pairs": pairs,
            "growth": growth,
        }))
    }
}

fn millis(time: f64) -> String {
    format!("{time:.1} ms")
}

/// Kibibytes as mebibytes.
fn mib(kib: u64) -> f64 {
    f64::from(u32::try_from(kib).unwrap_or(u32::MAX)) / 1024.0
}

fn judge(figure: f64, target: Option<f64>, unit: &str) -> (String, &'static str) {
    let Some(target) = target else { return (String::new(), "") };
    (format!("< {target:.0}{unit}"), if figure < target { "met" } else { "NOT MET" })
}
