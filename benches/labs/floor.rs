//! The floor program as a contestant: what the kernel itself needs for the lab, and for its end.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

#[path = "../floor/compile.rs"]
mod compile;

use crate::size::Size;
use crate::who::{Who, readable_directory};

/// The compiled program, where every user can run it.
pub(crate) struct Floor {
    directory: tempfile::TempDir,
}

/// A lab that it holds.
pub(crate) struct Held {
    /// From starting the program to its word.
    pub(crate) took: Duration,
    program: Child,
}

/// A lab that stays, as one of netlab's does.
pub(crate) struct Left {
    /// From starting the first command to its end.
    pub(crate) took: Duration,
    keeper: String,
}

impl Floor {
    /// Compiles it; none where there is no compiler.
    pub(crate) fn new() -> anyhow::Result<Option<Self>> {
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("floor");
        if !compile::compile(&program).map_err(anyhow::Error::msg).context("compiling benches/floor")? {
            eprintln!("SKIPPED: the floor program: there is no `cc`");
            return Ok(None);
        }
        let directory = readable_directory()?;
        std::fs::copy(program, directory.path().join("floor"))?;
        Ok(Some(Self { directory }))
    }

    fn command(&self, who: Who, words: &[&str]) -> Command {
        let mut command = Command::new(self.directory.path().join("floor"));
        command.args(words).stdin(Stdio::null());
        who.becomes(&mut command);
        command
    }

    fn build(&self, who: Who, size: Size, detach: &[&str]) -> Command {
        let mut command = self.command(who, &[&size.nodes.to_string(), &size.pods.to_string()]);
        if who == Who::Rootless {
            command.arg("--rootless");
        }
        command.args(detach).stdout(Stdio::piped()).stderr(Stdio::inherit());
        command
    }

    /// Makes a lab that this program holds.
    pub(crate) fn up(&self, who: Who, size: Size) -> anyhow::Result<Held> {
        let mut command = self.build(who, size, &[]);
        command.stdin(Stdio::piped());
        let begun = Instant::now();
        let mut program = command.spawn().context("starting the floor program")?;
        let mut line = String::new();
        BufReader::new(program.stdout.take().context("a pipe")?).read_line(&mut line)?;
        let took = begun.elapsed();
        ensure!(line == "ready\n", "the floor program said {line:?} and ended with {}", program.wait()?);
        Ok(Held { took, program })
    }

    /// Makes a lab that stays.
    pub(crate) fn up_and_leave(&self, who: Who, size: Size) -> anyhow::Result<Left> {
        let begun = Instant::now();
        let output = self.build(who, size, &["--detach"]).output()?;
        let took = begun.elapsed();
        let said = String::from_utf8(output.stdout)?;
        let Some(keeper) = said.trim().strip_prefix("ready ") else { bail!("floor --detach said {said:?}") };
        Ok(Left { took, keeper: keeper.to_owned() })
    }

    /// Ends a lab that stayed.
    pub(crate) fn down(&self, who: Who, lab: &Left) -> anyhow::Result<Duration> {
        let mut command = self.command(who, &["--down", &lab.keeper]);
        let begun = Instant::now();
        let status = command.status()?;
        let took = begun.elapsed();
        ensure!(status.success(), "floor --down: {status}");
        Ok(took)
    }
}

impl Held {
    /// Ends the lab, and says how long that took.
    pub(crate) fn end(mut self) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        drop(self.program.stdin.take());
        let status = self.program.wait()?;
        let took = begun.elapsed();
        ensure!(status.success(), "the floor program ended with {status}");
        Ok(took)
    }
}
