//! `ip -batch` as a contestant: what `netlab plan` prints, sorted into as few calls of `ip` and `bridge` as will do.
//!
//! It runs in mount and network namespaces of its own with an empty `/run`, so `ip netns add` is not seen outside, and
//! everything is gone when its shell ends. A lab of netlab's also has a pause process for each pod; this has none.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use crate::who::{Who, readable_directory};

/// What one namespace gets, each a file or an argument list.
#[derive(Default)]
struct Namespace {
    name: String,
    sysctls: Vec<String>,
    ip: String,
    bridge: String,
}

/// A script that builds a lab, says `ready`, and holds it until its input ends.
pub(crate) struct Batch {
    who: Who,
    directory: tempfile::TempDir,
}

/// A lab that a script holds.
pub(crate) struct Built {
    /// From starting the shell to its word.
    pub(crate) took: Duration,
    shell: Child,
}

impl Batch {
    /// Writes the script.
    pub(crate) fn new(who: Who, plan: &str) -> anyhow::Result<Self> {
        let directory = readable_directory()?;
        let namespaces = read(plan)?;
        let names =
            namespaces.iter().map(|namespace| format!("netns add {}\n", namespace.name)).collect::<String>();
        let mut script = String::from("set -e\nmount -t tmpfs tmpfs /run\nmkdir /run/netns\n");
        let write = |name: &str, text: &str| -> anyhow::Result<String> {
            let path = directory.path().join(name);
            fs::write(&path, text)?;
            Ok(path.display().to_string())
        };
        writeln!(script, "ip -batch {}", write("names", &names)?)?;
        for Namespace { name, sysctls, ip, bridge } in &namespaces {
            if !sysctls.is_empty() {
                // `ip netns exec` would also mount a /sys, which nobody needs here.
                writeln!(script, "nsenter --net=/run/netns/{name} sysctl -qew {}", sysctls.join(" "))?;
            }
            if !ip.is_empty() {
                writeln!(script, "ip -n {name} -batch {}", write(&format!("{name}.ip"), ip)?)?;
            }
            if !bridge.is_empty() {
                writeln!(script, "bridge -n {name} -batch {}", write(&format!("{name}.bridge"), bridge)?)?;
            }
        }
        script.push_str("echo ready\nread -r end || :\n");
        write("build.sh", &script)?;
        Ok(Self { who, directory })
    }

    pub(crate) fn build(&self) -> anyhow::Result<Built> {
        let mut command = Command::new("unshare");
        if self.who == Who::Rootless {
            command.arg("--map-root-user");
        }
        command.args(["--mount", "--net", "sh"]).arg(self.directory.path().join("build.sh"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        self.who.becomes(&mut command);
        let begun = Instant::now();
        let mut shell = command.spawn().context("unshare")?;
        let mut line = String::new();
        BufReader::new(shell.stdout.take().context("a pipe")?).read_line(&mut line)?;
        let took = begun.elapsed();
        ensure!(line == "ready\n", "the script said {line:?} and ended with {}", shell.wait()?);
        Ok(Built { took, shell })
    }
}

impl Built {
    /// Ends the shell, and with it the lab.
    pub(crate) fn end(mut self) -> anyhow::Result<()> {
        drop(self.shell.stdin.take());
        ensure!(self.shell.wait()?.success());
        Ok(())
    }
}

/// Sorts the lines of a plan by namespace. The fabric comes first and each node before its pods, as they need each other.
fn read(plan: &str) -> anyhow::Result<Vec<Namespace>> {
    let mut namespaces: Vec<Namespace> = Vec::new();
    for line in plan.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (words, rest) = split(line);
        match words[..] {
            ["ip", "netns", "add", name] => {
                namespaces.push(Namespace { name: name.to_owned(), ..Namespace::default() });
            }
            ["ip", "netns", "exec", name] => {
                let Some((_, setting)) = rest.rsplit_once(' ').filter(|_| rest.starts_with("sysctl ")) else {
                    bail!("a line that this cannot sort: {line}");
                };
                within(&mut namespaces, name)?.sysctls.push(setting.to_owned());
            }
            ["ip", "-n", name, verb] => writeln!(within(&mut namespaces, name)?.ip, "{verb} {rest}")?,
            ["bridge", "-n", name, verb] => writeln!(within(&mut namespaces, name)?.bridge, "{verb} {rest}")?,
            _ => bail!("a line that this cannot sort: {line}"),
        }
    }
    Ok(namespaces)
}

fn within<'a>(namespaces: &'a mut [Namespace], name: &str) -> anyhow::Result<&'a mut Namespace> {
    let found = namespaces.iter_mut().find(|namespace| namespace.name == name);
    found.with_context(|| format!("the plan uses `{name}` before it adds it"))
}

/// The first four words, and the rest.
fn split(line: &str) -> (Vec<&str>, &str) {
    let mut rest = line;
    let mut words = Vec::new();
    while words.len() < 4 && !rest.is_empty() {
        let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
        words.push(word);
        rest = after;
    }
    (words, rest)
}
