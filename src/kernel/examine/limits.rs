//! Reading the limits that labs run into.

use std::fs::{self, File};
use std::io::Read as _;

use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
use nix::unistd::getuid;

use super::cgroup::Groups;
use super::tasks;
use crate::doctor::{Limit, Reading, Takes, Value};

/// Labs that learn so few neighbours need no look at the table.
const FEW_NEIGHBOURS: u64 = 64;
/// Labs that take so few MiB need no look at the memory: where that is too much, no machine is of use.
const LITTLE_MEMORY: u64 = 32;
/// `CAP_SYS_ADMIN` and `CAP_SYS_RESOURCE` (capabilities(7)).
const SYS_ADMIN: u64 = 1 << 21;
const SYS_RESOURCE: u64 = 1 << 24;

/// All limits, as they are for the calling process.
pub(super) fn read() -> Vec<Reading> {
    let reader = Reader::new(u64::MAX);
    Limit::ALL.into_iter().map(|limit| reader.read(limit)).collect()
}

/// Those limits that a lab may run into which takes this, read as cheaply as can be: what is used is only counted where the
/// limit may be near.
pub fn limits_for(takes: &Takes) -> Vec<Reading> {
    let reader = Reader::new(takes.processes);
    let matters = |limit: &Limit| match limit {
        Limit::NeighboursV4 => takes.neighbours_v4 > FEW_NEIGHBOURS,
        Limit::NeighboursV6 => takes.neighbours_v6 > FEW_NEIGHBOURS,
        Limit::Memory | Limit::CgroupMemory => takes.memory > LITTLE_MEMORY,
        // Whoever may make the others needs none of these.
        Limit::UserNamespaces => !getuid().is_root() && !has_capability(SYS_ADMIN),
        Limit::InotifyInstances | Limit::InotifyWatches => false,
        _ => true,
    };
    Limit::ALL.into_iter().filter(matters).map(|limit| reader.read(limit)).collect()
}

/// What several limits are read from.
struct Reader {
    /// The processes that there has to be room for.
    processes: u64,
    /// All threads of the machine, and the last pid that was given out.
    load: Option<(u64, u64)>,
    groups: Groups,
}

impl Reader {
    fn new(processes: u64) -> Self {
        Self { processes, load: load(), groups: Groups::read() }
    }

    fn read(&self, limit: Limit) -> Reading {
        let mut reading = Reading::new(limit, Value::Unknown);
        match limit {
            Limit::Processes => (reading.value, reading.used) = self.processes(),
            Limit::PidMax => {
                reading.value = setting(limit);
                reading.used = self.load.and_then(|(all, last)| {
                    if self.has_room(reading.value, all) { Some(all) } else { tasks::pids(last) }
                });
            }
            Limit::Threads => (reading.value, reading.used) = (setting(limit), self.load.map(|(all, _)| all)),
            Limit::Files => reading.value = resource(Resource::RLIMIT_NOFILE),
            Limit::CgroupPids => reading = self.groups.pids(),
            Limit::CgroupMemory => reading = self.groups.memory(),
            Limit::Memory => (reading.value, reading.used) = memory(),
            Limit::NeighboursV4 => (reading.value, reading.used) = neighbours(limit, "arp_cache"),
            Limit::NeighboursV6 => (reading.value, reading.used) = neighbours(limit, "ndisc_cache"),
            _ => reading.value = setting(limit),
        }
        reading
    }

    /// Whether there is room even if all the machine's threads count.
    fn has_room(&self, value: Value, all: u64) -> bool {
        matches!(value, Value::Number(most) if most.saturating_sub(all) >= self.processes)
    }

    /// The soft limit, which nobody raises and not everybody is held to, and how much of it is used.
    fn processes(&self) -> (Value, Option<u64>) {
        let value = match getrlimit(Resource::RLIMIT_NPROC) {
            Ok((soft, _)) if soft == RLIM_INFINITY => return (Value::Unlimited, None),
            Ok((soft, _)) => Value::Number(soft),
            Err(_) => return (Value::Unknown, None),
        };
        if self.load.is_some_and(|(all, _)| self.has_room(value, all)) {
            return (value, None);
        }
        let user = getuid().as_raw();
        match Standing::of(user) {
            Standing::Exempt => (Value::Unlimited, None),
            // Those that count are the user's own within this user namespace: nobody says which they are.
            Standing::Inside => (value, None),
            Standing::Held => (value, Some(tasks::threads_of(user))),
        }
    }
}

/// Whether a user's processes are counted against `RLIMIT_NPROC`.
enum Standing {
    /// They are not: the machine's root, and whoever has its rights (fork(2)).
    Exempt,
    /// They are.
    Held,
    /// They are, within a user namespace that this process did not begin in.
    Inside,
}

impl Standing {
    fn of(user: u32) -> Self {
        let Ok(map) = fs::read_to_string("/proc/self/uid_map") else { return Self::Exempt };
        let mut ranges = map.lines().filter_map(|line| {
            let mut numbers = line.split_whitespace().map(str::parse::<u32>);
            Some((numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?))
        });
        let range = ranges.find(|(first, _, count)| user >= *first && user - first < *count);
        match range {
            // The only user namespace whose users are all, and themselves, is the first.
            Some((0, 0, u32::MAX)) if user != 0 && !has_capability(SYS_ADMIN | SYS_RESOURCE) => Self::Held,
            Some((first, outside, _)) if user - first + outside != 0 && (first, outside) != (0, 0) => {
                Self::Inside
            }
            _ => Self::Exempt,
        }
    }
}

/// Whether this process has any of these capabilities.
fn has_capability(any: u64) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    effective.is_some_and(|set| u64::from_str_radix(set.trim(), 16).is_ok_and(|set| set & any != 0))
}

fn setting(limit: Limit) -> Value {
    let path = format!("/proc/sys/{}", limit.name().replace('.', "/"));
    beginning(&path).map_or(Value::Unknown, |text| value(&text))
}

/// A number, or the word for there being no limit.
pub(super) fn value(text: &str) -> Value {
    match text.trim() {
        "max" => Value::Unlimited,
        number => number.parse().map_or(Value::Unknown, Value::Number),
    }
}

/// The first lines of a file that the kernel writes, by one call: some have a line for each processor.
fn beginning(path: &str) -> Option<String> {
    let mut buffer = [0; 512];
    let read = File::open(path).ok()?.read(&mut buffer).ok()?;
    Some(String::from_utf8_lossy(&buffer[..read]).into_owned())
}

/// The machine's threads, and the last pid of this PID namespace: `0.10 0.20 0.30 3/512 4711` in `/proc/loadavg`.
fn load() -> Option<(u64, u64)> {
    let text = beginning("/proc/loadavg")?;
    let mut words = text.split_whitespace().skip(3);
    let (threads, last) = (words.next()?.split_once('/')?.1, words.next()?);
    Some((threads.parse().ok()?, last.parse().ok()?))
}

/// The hard limit: netlab raises the soft one to it.
fn resource(which: Resource) -> Value {
    match getrlimit(which) {
        Ok((_, hard)) if hard == RLIM_INFINITY => Value::Unlimited,
        Ok((_, hard)) => Value::Number(hard),
        Err(_) => Value::Unknown,
    }
}

/// All memory in MiB, and how much of it could not be had without ending something.
fn memory() -> (Value, Option<u64>) {
    let text = beginning("/proc/meminfo").unwrap_or_default();
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    match (field("MemTotal:"), field("MemAvailable:")) {
        (Some(all), Some(available)) => {
            (Value::Number(all / 1024), Some(all.saturating_sub(available).div_ceil(1024)))
        }
        _ => (Value::Unknown, None),
    }
}

/// The most entries that the kernel keeps of those that are learnt, and how many it has. Permanent ones are among these but
/// do not count against it, so that what is more than the limit says nothing.
fn neighbours(limit: Limit, table: &str) -> (Value, Option<u64>) {
    let value = setting(limit);
    let text = beginning(&format!("/proc/net/stat/{table}")).unwrap_or_default();
    let entries = text.lines().nth(1).and_then(|line| line.split_whitespace().next());
    let entries = entries.and_then(|hex| u64::from_str_radix(hex, 16).ok());
    (value, entries.filter(|entries| matches!(value, Value::Number(most) if *entries <= most)))
}
