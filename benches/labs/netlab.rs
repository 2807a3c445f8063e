//! netlab as a contestant: whole commands, from starting the program to its end.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::Who;

/// netlab for one user, with a runtime directory of its own and a copy of the program that every user can run.
pub(crate) struct Netlab {
    who: Who,
    directory: tempfile::TempDir,
    /// The first pod, and the last.
    pod: String,
    last: String,
}

impl Netlab {
    pub(crate) fn new(who: Who, lab: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(lab).with_context(|| lab.display().to_string())?;
        Self::of(who, &text)
    }

    /// For a lab of this text.
    pub(crate) fn of(who: Who, text: &str) -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new().prefix("netlab-bench-").tempdir()?;
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))?;
        fs::copy(env!("CARGO_BIN_EXE_netlab"), directory.path().join("netlab"))?;
        let copy = directory.path().join("lab.toml");
        fs::write(&copy, text)?;
        fs::set_permissions(copy, fs::Permissions::from_mode(0o644))?;
        let runtime = directory.path().join("run");
        fs::create_dir(&runtime)?;
        fs::set_permissions(&runtime, fs::Permissions::from_mode(0o700))?;
        if let Some(uid) = who.uid() {
            std::os::unix::fs::chown(&runtime, Some(uid), Some(uid))?;
        }
        let parsed =
            netlab::parse(text, "lab").map_err(|_| anyhow::anyhow!("not a valid topology: {text}"))?;
        let pods: Vec<String> = parsed.pods().map(|(_, pod)| pod.name.clone()).collect();
        let (pod, last) = pods.first().cloned().zip(pods.last().cloned()).context("a lab with pods")?;
        Ok(Self { who, directory, pod, last })
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

    /// What `netlab plan` prints.
    pub(crate) fn plan(&self) -> anyhow::Result<String> {
        let output = self.command(&["plan", "lab.toml"]).output()?;
        ensure!(output.status.success(), "netlab plan: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?)
    }

    /// The record of the running lab.
    pub(crate) fn record(&self) -> anyhow::Result<serde_json::Value> {
        let labs = fs::read_dir(self.directory.path().join("run"))?;
        let lab = labs.flatten().find(|lab| !lab.file_name().to_string_lossy().starts_with('.'));
        let path = lab.context("no lab is running")?.path().join("lab.json");
        Ok(serde_json::from_slice(&fs::read(path)?)?)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.directory.path().join("netlab"));
        command.args(args).current_dir(self.directory.path()).stdin(Stdio::null());
        command.env("NETLAB_RUNTIME_DIR", self.directory.path().join("run"));
        if let Some(uid) = self.who.uid() {
            command.uid(uid).gid(uid);
        }
        command
    }

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
}

impl Drop for Netlab {
    fn drop(&mut self) {
        // Nothing of a bench that failed half-way stays.
        let _ = self.command(&["down", "--all"]).output();
    }
}
