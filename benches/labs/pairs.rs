//! All pairs of a lab's pods: one `netlab matrix`, beside the real `fping` and `ping` for a sample of the pairs.
//!
//! Each of the others is measured at its best: `fping` asks all other pods at once and without a pause, started once for
//! each asker by `nsenter`; `ping` sends one request, started once for each pair. What counts is the time per probe.

use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::netlab::Netlab;
use crate::quiet::Quiet;
use crate::report::Figures;
use crate::{NOBODY, Who};

/// Nodes and pods of each, and how many milliseconds all pairs of pods should take.
const SIZES: [(usize, usize, f64); 2] = [(10, 10, 1000.0), (10, 30, 5000.0)];
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
pub(crate) struct Measured {
    pods: usize,
    who: Who,
    target: f64,
    times: Times,
}

/// Measures every size for every user, in turns.
pub(crate) fn measure(rounds: u32, quiet: &mut Quiet) -> anyhow::Result<Vec<Measured>> {
    let mut all = Vec::new();
    for (nodes, pods, target) in SIZES {
        for who in Who::all() {
            quiet.wait()?;
            let text = format!("[[node]]\nname = \"node\"\ncount = {nodes}\npods = {pods}\n");
            let netlab = Netlab::of(*who, &text)?;
            netlab.up()?;
            let times = rounds_of(&netlab, *who, rounds.clamp(1, MOST_ROUNDS))?;
            netlab.down()?;
            all.push(Measured { pods: nodes * pods, who: *who, target, times });
        }
    }
    Ok(all)
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
        if let Some(uid) = who.uid() {
            use std::os::unix::process::CommandExt as _;
            debug_assert_eq!(uid, NOBODY);
            command.uid(uid).gid(uid);
        }
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

fn millis(took: Duration) -> f64 {
    took.as_secs_f64() * 1000.0
}

fn per_thousand(took: Duration, probes: usize) -> f64 {
    millis(took) * 1000.0 / count(probes)
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
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
pub(crate) fn table(all: &[Measured]) -> String {
    let mut out = String::from(
        "| all pairs, one `netlab matrix` | as | fping ÷ netlab, per probe | ping ÷ netlab, per probe | \
         netlab: median | least | most | per probe | target | |\n|---|---|---:|---:|---:|---:|---:|---:|---:|---|\n",
    );
    for measured in all {
        let ours = Figures::of(&measured.times.netlab);
        let rate = measured.rate();
        let ratio = |times: &[f64]| match times {
            [] => "not installed".to_owned(),
            times => format!("{:.1} ×", Figures::of(times).median / rate),
        };
        let verdict = if ours.median < measured.target { "met" } else { "NOT MET" };
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "| {} pods, {} probes | {} | {} | {} | {:.0} ms | {:.0} ms | {:.0} ms | {:.1} µs | < {:.0} ms | {verdict} |",
            measured.pods,
            measured.probes(),
            measured.who.word(),
            ratio(&measured.times.fping),
            ratio(&measured.times.ping),
            ours.median,
            ours.least,
            ours.most,
            rate,
            measured.target,
        );
    }
    out
}

pub(crate) fn json(all: &[Measured]) -> Vec<Value> {
    let one = |measured: &Measured| {
        json!({
            "pods": measured.pods, "as": measured.who.word(), "target_ms": measured.target,
            "netlab_ms": measured.times.netlab, "fping_ms_per_1000": measured.times.fping,
            "ping_ms_per_1000": measured.times.ping,
        })
    };
    all.iter().map(one).collect()
}
