//! The limits of the control groups that netlab runs in.

use std::fs;
use std::path::{Component, Path, PathBuf};

use super::limits::value;
use crate::doctor::{Limit, Reading, Value};

/// What a controller calls its files: in version 2 of control groups, and in version 1.
struct Names {
    controller: &'static str,
    limits: [&'static str; 2],
    used: [&'static str; 2],
}

const PIDS: Names =
    Names { controller: "pids", limits: ["pids.max", "pids.max"], used: ["pids.current", "pids.current"] };
const MEMORY: Names = Names {
    controller: "memory",
    limits: ["memory.max", "memory.limit_in_bytes"],
    used: ["memory.current", "memory.usage_in_bytes"],
};
/// What the kernel drops from memory as soon as somebody wants it: files that it has read, in `memory.stat`.
const FILES: [&str; 2] = ["active_file ", "inactive_file "];
const MIB: u64 = 1 << 20;
/// Where version 1 says that there is no limit, it gives the largest number of pages there is, in bytes.
const NO_LIMIT: u64 = 1 << 62;

/// What `/proc/self/cgroup` says, read once for both.
pub(super) struct Groups(Option<String>);

impl Groups {
    pub(super) fn read() -> Self {
        Self(fs::read_to_string("/proc/self/cgroup").ok())
    }

    /// The narrowest limit on processes, of this process's group and of those above it.
    pub(super) fn pids(&self) -> Reading {
        self.narrowest(Limit::CgroupPids, &PIDS, |number, _| number)
    }

    /// The same of memory, in MiB.
    pub(super) fn memory(&self) -> Reading {
        self.narrowest(Limit::CgroupMemory, &MEMORY, |bytes, group| match group {
            None => bytes / MIB,
            Some(group) => bytes.saturating_sub(files_of(group)) / MIB,
        })
    }

    /// `size` turns a number into the reading's own; with a group, a number of what is used there.
    fn narrowest(&self, limit: Limit, names: &Names, size: fn(u64, Option<&Path>) -> u64) -> Reading {
        let mut found = Reading::new(limit, Value::Unknown);
        for (version, group) in self.of(names.controller) {
            let file = group.join(names.limits[version]);
            let number = |path: &Path| fs::read_to_string(path).map_or(Value::Unknown, |text| value(&text));
            match number(&file) {
                Value::Number(most) if most < NO_LIMIT => {
                    let Value::Number(used) = number(&group.join(names.used[version])) else { continue };
                    let used = Some(size(used, Some(&group)));
                    let file = Some(file.display().to_string());
                    let own = Reading { limit, value: Value::Number(size(most, None)), used, file };
                    if found.left().is_none_or(|left| own.left().is_some_and(|own| own < left)) {
                        found = own;
                    }
                }
                Value::Number(_) | Value::Unlimited if found.value == Value::Unknown => {
                    found.value = Value::Unlimited;
                }
                _ => {}
            }
        }
        found
    }

    /// This process's group of a controller and those above it, each with 0 for version 2 and 1 for version 1.
    fn of(&self, controller: &str) -> Vec<(usize, PathBuf)> {
        let lines = self.0.as_deref().unwrap_or_default().lines();
        let found = lines.filter_map(|line| {
            let mut parts = line.splitn(3, ':').skip(1);
            let (controllers, path) = (parts.next()?, parts.next()?);
            let own = Path::new(path.trim_start_matches('/'));
            // `/..` is what it says of a group that is outside of what can be seen here.
            if own.components().any(|part| part == Component::ParentDir) {
                return None;
            }
            let (version, root) = match controllers {
                "" => (0, PathBuf::from("/sys/fs/cgroup")),
                all if all.split(',').any(|one| one == controller) => {
                    (1, Path::new("/sys/fs/cgroup").join(controller))
                }
                _ => return None,
            };
            let own = root.join(own);
            let groups = own.ancestors().take_while(|group| group.starts_with(&root));
            Some(groups.map(|group| (version, group.to_owned())).collect::<Vec<_>>())
        });
        found.flatten().collect()
    }
}

/// Bytes of files in memory, which do not stay in anybody's way.
fn files_of(group: &Path) -> u64 {
    let text = fs::read_to_string(group.join("memory.stat")).unwrap_or_default();
    let number = |line: &str| {
        // Version 1 counts those of groups below by other names.
        let line = line.strip_prefix("total_").unwrap_or(line);
        FILES.into_iter().find_map(|name| line.strip_prefix(name)?.trim().parse::<u64>().ok())
    };
    let totals = text.lines().filter(|line| line.starts_with("total_")).filter_map(number).sum();
    if totals > 0 { totals } else { text.lines().filter_map(number).sum() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_those_of_both_versions_and_none_outside_of_what_is_seen() {
        let groups = |text: &str, controller| {
            let found = Groups(Some(text.to_owned())).of(controller);
            found
                .into_iter()
                .map(|(version, path)| format!("{version} {}", path.display()))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            groups("0::/user.slice/a.scope\n", "pids"),
            ["0 /sys/fs/cgroup/user.slice/a.scope", "0 /sys/fs/cgroup/user.slice", "0 /sys/fs/cgroup"]
        );
        let version_1 = "9:name=systemd:/\n8:pids:/a\n7:cpu,memory:/b\n";
        assert_eq!(groups(version_1, "pids"), ["1 /sys/fs/cgroup/pids/a", "1 /sys/fs/cgroup/pids"]);
        assert_eq!(groups(version_1, "memory"), ["1 /sys/fs/cgroup/memory/b", "1 /sys/fs/cgroup/memory"]);
        assert_eq!(groups("0::/../../init.scope\n", "pids"), [""; 0]);
    }
}
