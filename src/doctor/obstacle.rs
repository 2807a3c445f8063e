//! What a lab takes more of than this machine leaves, and what to do about it.

use serde::Serialize;

use super::{Limit, Reading, Takes};
use crate::model::KERNEL_NEIGHBOUR_LIMIT;

/// More than the largest lab needs.
const PLENTY: u64 = 20_000;
/// The most that the kernel gives out (`PID_MAX_LIMIT` on 64 bits, `<linux/threads.h>`).
const MOST_PIDS: u64 = 4_194_304;
/// Memory is an estimate, which is no reason to refuse a lab that takes a little more than there is: one that takes so many
/// times of all that the machine has is.
const BEYOND_DOUBT: u64 = 2;

/// The command that raises a kernel setting far enough.
pub fn raise(setting: &str) -> String {
    format!("sudo sysctl -w {setting}={PLENTY}")
}

/// A limit that is too low for a lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// Which.
    pub limit: Limit,
    /// Whether it is certain to keep the lab from coming up.
    pub gravity: Gravity,
    /// How much of it the lab needs.
    pub needed: u64,
    /// How much of it is left.
    pub left: u64,
    /// What to do.
    pub remedy: String,
}

/// What comes of a limit that is too low.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gravity {
    /// The lab cannot come up.
    Refused,
    /// It comes up, or may, but will not be as it should be.
    Doubtful,
}

impl Limit {
    /// How much of it a lab takes, and what that is a number of; none of those that netlab takes nothing of.
    fn taken(self, takes: &Takes) -> Option<(u64, &'static str)> {
        Some(match self {
            Self::NeighboursV4 => (takes.neighbours_v4, "IPv4 neighbours"),
            Self::NeighboursV6 => (takes.neighbours_v6, "IPv6 neighbours"),
            Self::NetNamespaces | Self::UtsNamespaces | Self::IpcNamespaces => {
                (takes.namespaces, "namespaces")
            }
            Self::UserNamespaces | Self::PidNamespaces | Self::MountNamespaces => (1, "namespace of its own"),
            Self::PidMax | Self::Threads | Self::Processes | Self::CgroupPids => {
                (takes.processes, "processes")
            }
            Self::Files => (takes.descriptors, "open files"),
            Self::Memory | Self::CgroupMemory => (takes.memory, "MiB of memory"),
            Self::InotifyInstances | Self::InotifyWatches => return None,
        })
    }
}

impl Reading {
    /// Whether a lab takes more of it than is left. What is used already and cannot be known counts as nothing, and a limit
    /// that cannot be read is none: what is said to be in the way is in the way.
    pub(super) fn obstacle(&self, takes: &Takes) -> Option<Obstacle> {
        let (needed, _) = self.limit.taken(takes)?;
        let left = self.left().filter(|left| *left < needed)?;
        let value = left + self.used.unwrap_or(0);
        let gravity = match self.limit {
            Limit::NeighboursV4 | Limit::NeighboursV6 | Limit::CgroupMemory => Gravity::Doubtful,
            Limit::Memory if needed < value.saturating_mul(BEYOND_DOUBT) => Gravity::Doubtful,
            _ => Gravity::Refused,
        };
        Some(Obstacle { limit: self.limit, gravity, needed, left, remedy: self.remedy(needed) })
    }

    /// How to raise it, so that there is room for so much.
    pub(super) fn remedy(&self, needed: u64) -> String {
        let value = self.left().unwrap_or(0) + self.used.unwrap_or(0);
        // Enough whatever is in use, and a round number.
        let enough = (value + needed).next_multiple_of(1000).max(PLENTY);
        let name = self.limit.name();
        let file = |name: &str| self.file.clone().unwrap_or_else(|| format!("/sys/fs/cgroup/…/{name}"));
        match self.limit {
            Limit::NeighboursV4 | Limit::NeighboursV6 => {
                let enough = (value + needed).next_power_of_two().max(KERNEL_NEIGHBOUR_LIMIT as u64);
                format!("`sudo sysctl -w {name}={enough}`, or neighbours = \"static\" in [cluster]")
            }
            Limit::PidMax => format!("`sudo sysctl -w {name}={MOST_PIDS}`"),
            Limit::UserNamespaces => format!("`sudo sysctl -w {name}={enough}`, or run netlab with sudo"),
            Limit::Processes => format!(
                "`sudo prlimit --pid $$ --nproc={enough}:{enough}` for this shell; for good, `nproc` in \
                 /etc/security/limits.conf, or LimitNPROC= of the service"
            ),
            Limit::Files => format!(
                "`sudo prlimit --pid $$ --nofile={enough}:{enough}` for this shell; for good, `nofile` in \
                 /etc/security/limits.conf, or LimitNOFILE= of the service"
            ),
            Limit::CgroupPids => format!(
                "`echo {enough} | sudo tee {}`; for good, TasksMax= of the unit, or the container's --pids-limit",
                file("pids.max")
            ),
            Limit::CgroupMemory => format!(
                "`echo {}M | sudo tee {}`; for good, MemoryMax= of the unit, or the container's --memory",
                (value + needed).next_multiple_of(1024),
                file("memory.max")
            ),
            Limit::Memory => {
                "end what takes memory, take fewer pods, or spread them over machines (docs/scale.md)"
                    .to_owned()
            }
            _ => format!("`sudo sysctl -w {name}={enough}`"),
        }
    }
}

impl Obstacle {
    /// What the lab needs, and what is left; for those that need the same, told together.
    pub fn needs(&self) -> String {
        format!("{} {}", self.needed, self.unit())
    }

    /// What it is a number of.
    pub fn unit(&self) -> &'static str {
        let any = Takes {
            namespaces: 0,
            processes: 0,
            descriptors: 0,
            neighbours_v4: 0,
            neighbours_v6: 0,
            memory: 0,
        };
        self.limit.taken(&any).map_or("", |(_, unit)| unit)
    }

    /// `NAME leaves 7`.
    pub fn leaves(&self) -> String {
        format!("{} leaves {}", self.limit.name(), self.left)
    }

    /// One line that says all of it of somebody: `lab x`, `large.toml`.
    pub fn said_of(&self, who: &str) -> String {
        let (needs, leaves, remedy) = (self.needs(), self.leaves(), &self.remedy);
        match self.limit {
            Limit::NeighboursV4 | Limit::NeighboursV6 => format!(
                "{who} learns {needs} when all its pods talk to each other, but {leaves}, and packets to those that do \
                 not fit are lost: {remedy}"
            ),
            Limit::Memory | Limit::CgroupMemory => {
                format!("{who} takes about {needs}, but {leaves}: {remedy}")
            }
            _ => format!("{who} needs {needs}, but {leaves}: {remedy}"),
        }
    }
}

/// What a lab takes more of than is left, the worst first.
pub fn obstacles<'a>(takes: &Takes, readings: impl IntoIterator<Item = &'a Reading>) -> Vec<Obstacle> {
    let mut all: Vec<Obstacle> = readings.into_iter().filter_map(|reading| reading.obstacle(takes)).collect();
    all.sort_by_key(|obstacle| obstacle.gravity == Gravity::Doubtful);
    all
}
