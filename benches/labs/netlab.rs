//! netlab as a contestant: whole commands, from starting the program to its end.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::who::{Who, readable_directory};

/// How often a running command is asked how much memory it has used: each look takes some ten microseconds.
const LOOK: Duration = Duration::from_millis(1);
/// The exit code of a command line that netlab does not know.
const USAGE: i32 = 2;

/// netlab for one user, with a runtime directory of its own and a copy of the program that every user can run.
pub(crate) struct Netlab {
    who: Who,
    directory: tempfile::TempDir,
    runtime: tempfile::TempDir,
    /// The first pod, and the last.
    pod: String,
    last: String,
}

impl Netlab {
    /// For a lab of this text.
    pub(crate) fn of(who: Who, text: &str) -> anyhow::Result<Self> {
        let directory = readable_directory()?;
        fs::copy(env!("CARGO_BIN_EXE_netlab"), directory.path().join("netlab"))?;
        let copy = directory.path().join("lab.toml");
        fs::write(&copy, text)?;
        fs::set_permissions(copy, fs::Permissions::from_mode(0o644))?;
        let runtime = in_memory()?;
        let snapshots = directory.path().join("snapshots");
        fs::create_dir(&snapshots)?;
        for own in [runtime.path(), &snapshots] {
            fs::set_permissions(own, fs::Permissions::from_mode(0o700))?;
            if let Some(uid) = who.uid() {
                std::os::unix::fs::chown(own, Some(uid), Some(uid))?;
            }
        }
        let parsed =
            netlab::parse(text, "lab").map_err(|_| anyhow::anyhow!("not a valid topology: {text}"))?;
        let pods: Vec<String> = parsed.pods().map(|(_, pod)| pod.name.clone()).collect();
        let (pod, last) = pods.first().cloned().zip(pods.last().cloned()).context("a lab with pods")?;
        Ok(Self { who, directory, runtime, pod, last })
    }

    pub(crate) fn up(&self) -> anyhow::Result<Duration> {
        self.time(&["up", "lab.toml"])
    }

    pub(crate) fn down(&self) -> anyhow::Result<Duration> {
        self.time(&["down"])
    }

    pub(crate) fn status(&self) -> anyhow::Result<Duration> {
        self.time(&["status"])
    }

    pub(crate) fn exec(&self) -> anyhow::Result<Duration> {
        self.time(&["exec", &self.pod, "true"])
    }

    /// From the first pod to the last, which is on another node.
    pub(crate) fn walk(&self) -> anyhow::Result<Duration> {
        self.time(&["walk", &self.pod, &self.last])
    }

    /// Takes what there is for what should be.
    pub(crate) fn accept(&self) -> anyhow::Result<()> {
        self.time(&["test", "--accept", "--snapshots", "snapshots", "lab.toml"]).map(drop)
    }

    /// A lab from nothing to nothing: up, every test of it, down.
    pub(crate) fn test(&self) -> anyhow::Result<Duration> {
        self.time(&["test", "--check", "--snapshots", "snapshots", "lab.toml"])
    }

    /// What `netlab plan` prints.
    pub(crate) fn plan(&self) -> anyhow::Result<String> {
        let output = self.command(&["plan", "lab.toml"]).output()?;
        ensure!(output.status.success(), "netlab plan: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?)
    }

    /// The record of the running lab.
    pub(crate) fn record(&self) -> anyhow::Result<serde_json::Value> {
        let labs = fs::read_dir(self.runtime.path())?;
        let lab = labs.flatten().find(|lab| !lab.file_name().to_string_lossy().starts_with('.'));
        let path = lab.context("no lab is running")?.path().join("lab.json");
        Ok(serde_json::from_slice(&fs::read(path)?)?)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.program());
        command.args(args).current_dir(self.directory.path()).stdin(Stdio::null());
        command.env("NETLAB_RUNTIME_DIR", self.runtime.path());
        self.who.becomes(&mut command);
        command
    }

    fn program(&self) -> PathBuf {
        self.directory.path().join("netlab")
    }

    /// Times a command that must succeed.
    pub(crate) fn time(&self, args: &[&str]) -> anyhow::Result<Duration> {
        let mut command = self.command(args);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let begun = Instant::now();
        let status = command.status()?;
        let took = begun.elapsed();
        if !status.success() {
            let again = self.command(args).output()?;
            anyhow::bail!("netlab {args:?}: {status}: {}", String::from_utf8_lossy(&again.stderr).trim());
        }
        Ok(took)
    }

    /// Times a command that this netlab may not have yet; `None` if so. What it says last goes with it.
    pub(crate) fn time_if_known(&self, args: &[&str]) -> anyhow::Result<Option<(Duration, String)>> {
        let begun = Instant::now();
        let Output { status, stdout, stderr } = self.command(args).output()?;
        let took = begun.elapsed();
        if status.code() == Some(USAGE) {
            return Ok(None);
        }
        let said = String::from_utf8_lossy(&stdout);
        let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().to_owned();
        ensure!(status.success(), "netlab {args:?}: {status}: {last} {}", String::from_utf8_lossy(&stderr));
        Ok(Some((took, last)))
    }

    /// Brings the lab up; gives back the most memory that the command itself had, in kilobytes.
    pub(crate) fn up_watched(&self) -> anyhow::Result<f64> {
        let mut command = self.command(&["up", "lab.toml"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let status = Path::new("/proc").join(child.id().to_string()).join("status");
        let mut most: f64 = 0.0;
        loop {
            // A high-water mark: the last look before its end says all but what came after.
            let text = fs::read_to_string(&status).unwrap_or_default();
            most = crate::memory::kilobytes(&text, "VmHWM:").map_or(most, |now| most.max(now));
            if let Some(status) = child.try_wait()? {
                ensure!(status.success(), "netlab up: {status}");
                return Ok(most);
            }
            sleep(LOOK);
        }
    }
}

/// A directory for what runs: in memory, as /run and `$XDG_RUNTIME_DIR` are, where there is such a place.
fn in_memory() -> anyhow::Result<tempfile::TempDir> {
    let builder = || tempfile::Builder::new().prefix("netlab-bench-run-").rand_bytes(6).to_owned();
    Ok(builder().tempdir_in("/dev/shm").or_else(|_| builder().tempdir())?)
}

impl Drop for Netlab {
    fn drop(&mut self) {
        // Nothing of a bench that failed half-way stays.
        let _ = self.command(&["down", "--all"]).output();
    }
}
