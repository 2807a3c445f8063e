//! How long whole commands of netlab take, beside `ip -batch` making the same end state.
//!
//! Everything is measured in turns (netlab as root, netlab as an ordinary user, `ip -batch`, and again), so that a busy
//! machine is busy for all of them, and each begins only when the kernel has freed what the one before left. Nothing is
//! asserted: the table says which targets were met on this machine, now.
//!
//!     make bench                                  20 rounds
//!     NETLAB_BENCH_ROUNDS=5 make bench
//!     NETLAB_BENCH=pairs make bench               only all pairs of many pods; or `labs`, or `growth`: up to 250 nodes

mod batch;
mod growth;
mod memory;
mod netlab;
mod pairs;
mod quiet;
mod report;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, ensure};
use nix::unistd::geteuid;

use batch::Batch;
use netlab::Netlab;
use quiet::Quiet;
use report::{Report, Row};

/// The user that stands for "an ordinary user" when this runs as root: nobody.
const NOBODY: u32 = 65_534;

/// The labs that are measured, and how long `up` should take for them in milliseconds, as root and rootless.
const LABS: [(&str, &str, [f64; 2]); 2] = [
    ("2 nodes × 2 pods", "two-node.toml", [30.0, 45.0]),
    ("10 nodes × 10 pods", "hundred-pods.toml", [200.0, 200.0]),
];

/// Milliseconds that `down` of two nodes should take.
const DOWN: f64 = 15.0;
/// Milliseconds that a walk should take in any of these labs.
const WALK: f64 = 300.0;

/// Whom netlab is run as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Root,
    Rootless,
}

impl Who {
    /// Those that can be measured here.
    fn all() -> &'static [Self] {
        if geteuid().is_root() { &[Self::Root, Self::Rootless] } else { &[Self::Rootless] }
    }

    /// Whom to become for it.
    fn uid(self) -> Option<u32> {
        (self == Self::Rootless && geteuid().is_root()).then_some(NOBODY)
    }

    fn word(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Rootless => "rootless",
        }
    }
}

/// One lab with all that compete in making it.
struct Contest {
    lab: &'static str,
    targets: [f64; 2],
    file: PathBuf,
    netlabs: Vec<(Who, Netlab)>,
    batches: Vec<(Who, Batch)>,
}

impl Contest {
    fn new(lab: &'static str, file: &str, targets: [f64; 2]) -> anyhow::Result<Self> {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("labs").join(file);
        let mut netlabs = Vec::new();
        let mut batches = Vec::new();
        for who in Who::all() {
            let netlab = Netlab::new(*who, &file)?;
            match Batch::new(*who, &netlab.plan()?) {
                Ok(batch) => batches.push((*who, batch)),
                Err(error) => eprintln!("SKIPPED: ip -batch, {}, {lab}: {error:#}", who.word()),
            }
            netlabs.push((*who, netlab));
        }
        Ok(Self { lab, targets, file, netlabs, batches })
    }

    /// Everybody's turn, once.
    fn round(&self, quiet: &mut Quiet, report: &mut Report) -> anyhow::Result<()> {
        for (who, netlab) in &self.netlabs {
            quiet.wait()?;
            let up_target = self.targets[usize::from(*who == Who::Rootless)];
            let down_target = (self.file.ends_with("two-node.toml")).then_some(DOWN);
            report.add(Row::netlab(self.lab, *who, "up", Some(up_target)), netlab.up()?);
            report.add(Row::netlab(self.lab, *who, "status", None), netlab.status()?);
            report.add(Row::netlab(self.lab, *who, "exec true", None), netlab.exec()?);
            report.add(Row::netlab(self.lab, *who, "walk", Some(WALK)), netlab.walk()?);
            if !report.has_memory(self.lab, *who) {
                report.memory(self.lab, *who, memory::of(&netlab.record()?)?);
            }
            report.add(Row::netlab(self.lab, *who, "down", down_target), netlab.down()?);
        }
        for (who, batch) in &self.batches {
            quiet.wait()?;
            let built = batch.build()?;
            report.add(Row::batch(self.lab, *who, "up"), built.took);
            built.end()?;
        }
        Ok(())
    }
}

fn main() -> anyhow::Result<()> {
    let rounds = match std::env::var("NETLAB_BENCH_ROUNDS") {
        Ok(text) => text.parse().context("NETLAB_BENCH_ROUNDS is a number")?,
        Err(_) => 20_u32,
    };
    let only = std::env::var("NETLAB_BENCH").unwrap_or_default();
    ensure!(
        ["", "labs", "pairs", "growth"].contains(&only.as_str()),
        "NETLAB_BENCH is labs, pairs or growth"
    );
    let wanted = |part: &str| only.is_empty() || only == part;
    let mut quiet = Quiet::new()?;
    let begun = Instant::now();
    let mut report = Report::default();
    if wanted("labs") {
        labs(rounds, &mut quiet, &mut report)?;
        println!("{}", report.table());
    }
    let pairs = if wanted("pairs") { pairs::measure(rounds, &mut quiet)? } else { Vec::new() };
    println!("{}", pairs::table(&pairs));
    let growth = if wanted("growth") { growth::measure(rounds, &mut quiet)? } else { Vec::new() };
    println!("{}", growth::table(&growth));
    let json = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench.json");
    std::fs::write(&json, report.json(rounds, &pairs::json(&pairs), &growth::json(&growth))?)
        .with_context(|| format!("writing {}", json.display()))?;
    eprintln!("{} s; all figures are in {}", begun.elapsed().as_secs(), json.display());
    Ok(())
}

/// Labs up and down, once to warm up and then so many times.
fn labs(rounds: u32, quiet: &mut Quiet, report: &mut Report) -> anyhow::Result<()> {
    let contests: Vec<Contest> = LABS
        .into_iter()
        .map(|(lab, file, targets)| Contest::new(lab, file, targets))
        .collect::<anyhow::Result<_>>()?;
    eprintln!("warming up, then {rounds} rounds of {} labs", contests.len());
    for contest in &contests {
        contest.round(quiet, report)?;
    }
    report.forget_times();
    for _ in 0..rounds {
        for contest in &contests {
            contest.round(quiet, report)?;
        }
    }
    Ok(())
}
