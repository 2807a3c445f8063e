//! Counting processes, exactly: it takes a look at each, and is worth it only where a limit is near.

use std::fs;
use std::path::PathBuf;

/// The kernel gives pids below this only once, while it counts up for the first time (`RESERVED_PIDS`, kernel/pid.c).
const RESERVED: u64 = 300;

/// The directories of all processes that can be seen.
fn processes() -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let is_number = |name: &std::ffi::OsStr| name.as_encoded_bytes().iter().all(u8::is_ascii_digit);
    entries.filter(move |entry| is_number(&entry.file_name())).map(|entry| entry.path())
}

/// How many threads have this user as their real one.
pub(super) fn threads_of(user: u32) -> u64 {
    let threads = processes().filter_map(|process| {
        let status = fs::read_to_string(process.join("status")).ok()?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        };
        if field("Uid:")? == u64::from(user) { field("Threads:") } else { None }
    });
    threads.sum()
}

/// How many pids are in use or out of reach, of those of this process's PID namespace; none where `/proc` shows another's.
/// `last` is the one that was given out last.
pub(super) fn pids(last: u64) -> Option<u64> {
    let own = fs::read_link("/proc/self").ok()?;
    if own.to_str()?.parse::<u32>().ok()? != std::process::id() {
        return None;
    }
    let reach = RESERVED.min(last + 1);
    let threads =
        processes().filter_map(|process| fs::read_dir(process.join("task")).ok()).flatten().flatten();
    let used = threads.filter_map(|thread| thread.file_name().to_str()?.parse::<u64>().ok());
    Some(reach + used.filter(|pid| *pid >= reach).count() as u64)
}
