//! Mininet as a contestant, where it is installed: as many hosts, on as many switches joined by one.
//!
//! Not the same end state: hosts of one subnet on Linux bridges, no routes, no hostnames. It is what a user of Mininet
//! would write for a lab of this shape.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use nix::unistd::geteuid;

use crate::size::Size;

/// That Mininet is there.
pub(crate) struct Mininet;

impl Mininet {
    /// None where it is not installed.
    pub(crate) fn new() -> Option<Self> {
        let import = Command::new("python3").args(["-c", "import mininet"]).stderr(Stdio::null()).status();
        if !import.is_ok_and(|status| status.success()) {
            eprintln!("SKIPPED: Mininet: python3 finds no module of that name");
            return None;
        }
        if !geteuid().is_root() {
            eprintln!("SKIPPED: Mininet: it needs root");
            return None;
        }
        Some(Self)
    }

    /// Up, from starting the program to its word; and down, to its end.
    pub(crate) fn run(&self, size: Size) -> anyhow::Result<(Duration, Duration)> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/mininet/lab.py");
        // Mininet leaves root's ends of its cables in the namespace that it runs in: it gets one of its own.
        let mut command = Command::new("unshare");
        command.args(["--net", "--mount", "python3"]).arg(script);
        command.args([size.nodes.to_string(), size.pods.to_string()]);
        let begun = Instant::now();
        let mut program = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(program.stdout.take().context("a pipe")?).read_line(&mut line)?;
        let up = begun.elapsed();
        ensure!(line == "ready\n", "Mininet said {line:?} and ended with {}", program.wait()?);
        let begun = Instant::now();
        drop(program.stdin.take());
        ensure!(program.wait()?.success(), "Mininet failed");
        Ok((up, begun.elapsed()))
    }
}
