//! Waiting until the kernel has freed the namespaces of the lab before: it does so in the background, one batch after the
//! other, and a build meanwhile would wait for locks that it holds.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use nix::unistd::geteuid;

/// Makes a namespace with one end of a cable, drops it, and waits until the other end has gone. The first joins the batch
/// that is waiting; the second comes after that.
const SCRIPT: &str = "set -e
mount -t tmpfs tmpfs /run
mkdir /run/netns
while read -r _; do
  for _ in 1 2; do
    ip netns add canary
    ip link add here type veth peer name there netns canary
    ip netns del canary
    while ip link show here >/dev/null 2>&1; do sleep 0.01; done
  done
  echo quiet
done";

/// What is left of the canary's own namespace when its cable has gone.
const REST: Duration = Duration::from_millis(50);

/// A shell in namespaces of its own that can tell.
pub(crate) struct Quiet {
    shell: Child,
    ask: Option<ChildStdin>,
    answer: BufReader<ChildStdout>,
}

impl Quiet {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let mut command = Command::new("unshare");
        if !geteuid().is_root() {
            command.arg("--map-root-user");
        }
        command.args(["--mount", "--net", "sh", "-c", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut shell = command.spawn().context("unshare")?;
        let ask = shell.stdin.take();
        let answer = BufReader::new(shell.stdout.take().context("a pipe")?);
        Ok(Self { shell, ask, answer })
    }

    pub(crate) fn wait(&mut self) -> anyhow::Result<()> {
        self.ask.as_mut().context("a pipe")?.write_all(b"\n")?;
        let mut line = String::new();
        self.answer.read_line(&mut line)?;
        ensure!(line == "quiet\n", "the canary died");
        std::thread::sleep(REST);
        Ok(())
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        drop(self.ask.take());
        let _ = self.shell.wait();
    }
}
