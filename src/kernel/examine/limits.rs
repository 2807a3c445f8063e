//! Reading the limits that labs run into.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
use nix::unistd::getuid;

use crate::doctor::{Limit, Reading, Value};

/// All limits, as they are for the calling process.
pub(super) fn read() -> Vec<Reading> {
    let threads = threads();
    let reading = |limit| {
        let (value, used) = match limit {
            Limit::Processes => processes(),
            Limit::Files => (resource(Resource::RLIMIT_NOFILE), None),
            Limit::CgroupPids => cgroup(),
            Limit::PidMax | Limit::Threads => (setting(limit), threads),
            _ => (setting(limit), None),
        };
        Reading { limit, value, used }
    };
    Limit::ALL.into_iter().map(reading).collect()
}

fn setting(limit: Limit) -> Value {
    let path = format!("/proc/sys/{}", limit.name().replace('.', "/"));
    fs::read_to_string(path).map_or(Value::Unknown, |text| value(&text))
}

/// A number, or the word for there being no limit.
fn value(text: &str) -> Value {
    match text.trim() {
        "max" => Value::Unlimited,
        number => number.parse().map_or(Value::Unknown, Value::Number),
    }
}

/// How many threads there are, each with a pid: the second number of `3/512` in `/proc/loadavg`.
fn threads() -> Option<u64> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().nth(3)?.split_once('/')?.1.parse().ok()
}

/// The hard limit: netlab raises the soft one to it.
fn resource(which: Resource) -> Value {
    match getrlimit(which) {
        Ok((_, hard)) if hard == RLIM_INFINITY => Value::Unlimited,
        Ok((_, hard)) => Value::Number(hard),
        Err(_) => Value::Unknown,
    }
}

/// The soft limit, which nobody raises, and which root is not held to (`getrlimit(2)`); and how much of it is used.
fn processes() -> (Value, Option<u64>) {
    match getrlimit(Resource::RLIMIT_NPROC) {
        _ if getuid().is_root() => (Value::Unlimited, None),
        Ok((soft, _)) if soft == RLIM_INFINITY => (Value::Unlimited, None),
        Ok((soft, _)) => (Value::Number(soft), threads_of(getuid().as_raw())),
        Err(_) => (Value::Unknown, None),
    }
}

/// How many threads a user has.
fn threads_of(user: u32) -> Option<u64> {
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let own = processes.filter(|process| process.metadata().is_ok_and(|found| found.uid() == user));
    let threads = own.filter_map(|process| fs::read_dir(process.path().join("task")).ok());
    Some(threads.map(|threads| threads.count() as u64).sum())
}

/// The narrowest limit of this process's control group and of those above it, and how much of that is used.
fn cgroup() -> (Value, Option<u64>) {
    let Ok(text) = fs::read_to_string("/proc/self/cgroup") else { return (Value::Unknown, None) };
    let mut known = false;
    let mut narrowest: Option<(u64, u64)> = None;
    for line in text.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let root = match controllers {
            "" => Path::new("/sys/fs/cgroup"),
            "pids" => Path::new("/sys/fs/cgroup/pids"),
            _ => continue,
        };
        let own = root.join(path.trim_start_matches('/'));
        for group in own.ancestors().take_while(|group| group.starts_with(root)) {
            let number = |name| fs::read_to_string(group.join(name)).map(|text| value(&text));
            match (number("pids.max"), number("pids.current")) {
                (Ok(Value::Number(most)), Ok(Value::Number(used))) => {
                    known = true;
                    let left = |(most, used): (u64, u64)| most.saturating_sub(used);
                    if narrowest.is_none_or(|other| left((most, used)) < left(other)) {
                        narrowest = Some((most, used));
                    }
                }
                (Ok(Value::Unlimited), _) => known = true,
                _ => {}
            }
        }
    }
    match narrowest {
        Some((most, used)) => (Value::Number(most), Some(used)),
        None if known => (Value::Unlimited, None),
        None => (Value::Unknown, None),
    }
}
