//! The machine, in a few lines: figures mean little without it.

use std::fs;
use std::process::Command;

use serde_json::{Map, Value};

use crate::figures::mib;
use crate::memory::kilobytes;

/// What is worth knowing of it, in order, with its name. What cannot be read is left out.
pub(crate) fn describe() -> Vec<(&'static str, String)> {
    let facts = [
        ("date", command("date", &["-u", "+%F %H:%M UTC"])),
        ("netlab", commit()),
        ("processors", processors()),
        ("memory", memory()),
        ("kernel", trimmed("/proc/sys/kernel/osrelease")),
        ("distribution", distribution()),
        ("mitigations", mitigations()),
        ("load before", trimmed("/proc/loadavg")),
    ];
    facts.into_iter().filter_map(|(name, fact)| Some((name, fact?))).collect()
}

pub(crate) fn markdown(facts: &[(&'static str, String)]) -> String {
    facts.iter().map(|(name, fact)| format!("- {name}: {fact}\n")).collect()
}

pub(crate) fn json(facts: &[(&'static str, String)]) -> Value {
    let fields = facts.iter().map(|(name, fact)| ((*name).to_owned(), Value::from(fact.as_str())));
    Value::Object(fields.collect::<Map<_, _>>())
}

fn trimmed(path: &str) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

fn command(program: &str, args: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    let output = command.args(args).current_dir(env!("CARGO_MANIFEST_DIR")).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn commit() -> Option<String> {
    let commit = command("git", &["rev-parse", "--short=12", "HEAD"])?;
    let changed =
        command("git", &["status", "--porcelain", "--untracked-files=no", "--", "src", "Cargo.lock"])?;
    Some(if changed.is_empty() { commit } else { format!("{commit} and changes that are not committed") })
}

fn processors() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let count = std::thread::available_parallelism().ok()?;
    Some(format!("{count} × {}", model.map_or("of an unknown model", |(_, model)| model)))
}

fn memory() -> Option<String> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    Some(format!("{:.1} GiB", mib(mib(kilobytes(&text, "MemTotal:")?))))
}

fn distribution() -> Option<String> {
    let text = fs::read_to_string("/etc/os-release").ok()?;
    let name = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(name.trim_matches('"').to_owned())
}

/// Those that the kernel has turned on: they cost a part of every system call.
fn mitigations() -> Option<String> {
    let mut found: Vec<String> = fs::read_dir("/sys/devices/system/cpu/vulnerabilities")
        .ok()?
        .flatten()
        .filter_map(|file| {
            let said = fs::read_to_string(file.path()).ok()?;
            let mitigation = said.trim().strip_prefix("Mitigation: ")?;
            Some(format!("{} ({mitigation})", file.file_name().to_string_lossy()))
        })
        .collect();
    found.sort();
    Some(if found.is_empty() { "none".to_owned() } else { found.join(", ") })
}
