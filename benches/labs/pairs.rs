//! All pairs of a lab's pods: one `netlab matrix`, beside the real `fping` and `ping` for a sample of the pairs.
//!
//! Each of the others is measured at its best: `fping` asks all other pods at once and without a pause, started once for
//! each asker by `nsenter`; `ping` sends one request, started once for each pair. What counts is the time per probe.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::figures::{Figures, Target, count, millis};
use crate::netlab::Netlab;
use crate::quiet::Quiet;
use crate::section::Section;
use crate::size::Size;
use crate::table::Table;
use crate::who::Who;

/// How large each lab is, and how many milliseconds all pairs of its pods should take.
const SIZES: [(Size, f64); 2] = [(Size::of(10, 10), 1000.0), (Size::of(10, 30), 5000.0)];
/// How many pods of a lab ask by `fping`, and how many pairs by `ping`.
const ASKERS: usize = 5;
const PAIRS: usize = 50;
/// Rounds are long here.
const MOST_ROUNDS: u32 = 5;

/// Milliseconds per round of one contestant.
#[derive(Default)]
struct Times {
    netlab: Vec<f64>,
    fping: Vec<f64>,
    ping: Vec<f64>,
}

/// What was measured of one lab.
struct Measured {
    pods: usize,
    who: Who,
    target: f64,
    times: Times,
}

/// Measures every size for every user, in turns.
pub(crate) fn measure(rounds: u32, quiet: &mut Quiet) -> anyhow::Result<Section> {
    let mut all = Vec::new();
    for (size, target) in SIZES {
        for who in Who::all() {
            quiet.wait()?;
            eprintln!("all pairs of {} as {}", size.word(), who.word());
            let netlab = Netlab::of(*who, &size.topology(""))?;
            netlab.up()?;
            let times = rounds_of(&netlab, *who, rounds.clamp(1, MOST_ROUNDS))?;
            netlab.down()?;
            all.push(Measured { pods: size.all_pods(), who: *who, target, times });
        }
    }
    let json = all.iter().map(json).collect();
    Ok(Section { name: "pairs", title: "All pairs of many pods", tables: table(&all), json })
}

fn rounds_of(netlab: &Netlab, who: Who, rounds: u32) -> anyhow::Result<Times> {
    let record = netlab.record()?;
    let pods = Pod::all(&record)?;
    let names: Vec<&str> = ["matrix"].into_iter().chain(pods.iter().map(|pod| pod.name.as_str())).collect();
    let mut times = Times::default();
    // Once for warming up: neighbours are learnt, programs are in memory.
    netlab.time(&names)?;
    for _ in 0..rounds {
        times.netlab.push(millis(netlab.time(&names)?));
        match (fping(&pods, who)?, ping(&pods, who)?) {
            (Some(fping), Some(ping)) => {
                times.fping.push(fping);
                times.ping.push(ping);
            }
            (fping, ping) => {
                times.fping.extend(fping);
                times.ping.extend(ping);
            }
        }
    }
    Ok(times)
}

/// A pod, as other programs get into it.
struct Pod {
    name: String,
    pid: String,
    address: String,
}

impl Pod {
    fn all(record: &Value) -> anyhow::Result<Vec<Self>> {
        let nodes = record["lab"]["nodes"].as_array().context("nodes")?;
        let pods = nodes.iter().filter_map(|node| node["pods"].as_array()).flatten();
        pods.map(|pod| {
            let name = pod["name"].as_str().context("a name")?.to_owned();
            let sandboxes = record["sandboxes"].as_array().context("sandboxes")?;
            let sandbox = sandboxes.iter().find(|sandbox| sandbox["name"] == *name).context("a sandbox")?;
            let address = pod["address"]["v4"].as_str().context("an address")?;
            let address = address.split('/').next().unwrap_or(address).to_owned();
            Ok(Self { name, pid: sandbox["pid"].to_string(), address })
        })
        .collect()
    }

    /// Runs a program in the pod's network namespace.
    fn run(&self, who: Who, program: &[&str]) -> anyhow::Result<()> {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.pid, "--net"]);
        if who == Who::Rootless {
            command.args(["--user", "--preserve-credentials"]);
        }
        who.becomes(&mut command);
        let output = command.args(program).stdin(Stdio::null()).stdout(Stdio::null()).output()?;
        ensure!(output.status.success(), "{program:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }
}

/// Milliseconds per 1,000 probes; none where the program is not there.
fn fping(pods: &[Pod], who: Who) -> anyhow::Result<Option<f64>> {
    if !is_there("fping") {
        return Ok(None);
    }
    let begun = Instant::now();
    for asker in pods.iter().take(ASKERS) {
        let others = pods.iter().filter(|pod| pod.name != asker.name).map(|pod| pod.address.as_str());
        let options = ["fping", "--quiet", "--count=1", "--interval=0"];
        asker.run(who, &options.into_iter().chain(others).collect::<Vec<_>>())?;
    }
    Ok(Some(per_thousand(begun.elapsed(), ASKERS * (pods.len() - 1))))
}

fn ping(pods: &[Pod], who: Who) -> anyhow::Result<Option<f64>> {
    if !is_there("ping") {
        return Ok(None);
    }
    let begun = Instant::now();
    for pair in 0..PAIRS {
        let (from, to) = (&pods[pair % pods.len()], &pods[(pair * 7 + 3) % pods.len()]);
        from.run(who, &["ping", "-q", "-c1", &to.address])?;
    }
    Ok(Some(per_thousand(begun.elapsed(), PAIRS)))
}

fn is_there(program: &str) -> bool {
    let found = Command::new(program).arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status();
    found.is_ok()
}

fn per_thousand(took: Duration, probes: usize) -> f64 {
    millis(took) * 1000.0 / count(probes)
}

impl Measured {
    fn probes(&self) -> f64 {
        count(self.pods * (self.pods - 1))
    }

    /// Milliseconds per 1,000 probes of netlab.
    fn rate(&self) -> f64 {
        Figures::of(&self.times.netlab).median * 1000.0 / self.probes()
    }
}

/// Markdown, the ratios first.
fn table(all: &[Measured]) -> String {
    let mut table = Table::new(&[
        "all pairs, one `netlab matrix`",
        "as",
        "#fping ÷ netlab, per probe",
        "#ping ÷ netlab, per probe",
        "#netlab: median",
        "#least",
        "#most",
        "target",
        "",
        "#per probe",
    ]);
    for measured in all {
        let ours = Figures::of(&measured.times.netlab);
        let rate = measured.rate();
        let ratio = |times: &[f64]| match times {
            [] => "not installed".to_owned(),
            times => format!("{:.1} ×", Figures::of(times).median / rate),
        };
        let what = [
            format!("{} pods, {} probes", measured.pods, measured.probes()),
            measured.who.word().to_owned(),
            ratio(&measured.times.fping),
            ratio(&measured.times.ping),
        ];
        let judged = Target::Most(measured.target, "ms").judge(ours.median);
        table.row(what.into_iter().chain(ours.cells()).chain(judged).chain([format!("{rate:.1} µs")]));
    }
    table.finish()
}

fn json(measured: &Measured) -> Value {
    json!({
        "pods": measured.pods, "as": measured.who.word(), "target_ms": measured.target,
        "netlab_ms": measured.times.netlab, "fping_ms_per_1000": measured.times.fping,
        "ping_ms_per_1000": measured.times.ping,
    })
}
