//! The limits that decide how large labs can get: what each is for, and when it is low.

use serde::Serialize;

use super::takes::{NAMESPACE, OWN_DESCRIPTORS};
use crate::model::KERNEL_NEIGHBOUR_LIMIT;

/// Namespaces that a machine for labs should have room for.
const ENOUGH: u64 = 1_000;
/// Labs that a machine should have room for at the same time, with the commands that look into them.
const LABS: u64 = 100;
/// Nodes that a machine should have room for.
const NODES: u64 = 250;
/// Memory for [`ENOUGH`] namespaces, in MiB.
const MEMORY: u64 = ENOUGH * NAMESPACE / 1024;

/// A limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// IPv4 neighbour entries, for all namespaces together.
    NeighboursV4,
    /// IPv6 neighbour entries.
    NeighboursV6,
    /// Network namespaces.
    NetNamespaces,
    /// UTS namespaces.
    UtsNamespaces,
    /// IPC namespaces.
    IpcNamespaces,
    /// User namespaces.
    UserNamespaces,
    /// PID namespaces.
    PidNamespaces,
    /// Mount namespaces.
    MountNamespaces,
    /// The largest pid.
    PidMax,
    /// Threads of the whole machine.
    Threads,
    /// Processes of this user.
    Processes,
    /// Open files of a process.
    Files,
    /// Processes of the control group that netlab runs in.
    CgroupPids,
    /// Watches of files, by instance.
    InotifyInstances,
    /// Watches of files.
    InotifyWatches,
    /// The machine's memory, in MiB.
    Memory,
    /// The memory of the control group that netlab runs in, in MiB.
    CgroupMemory,
}

/// What a limit bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Serves {
    /// The nodes, routers and pods of a lab, which are a namespace each.
    Namespaces,
    /// The nodes and routers of a lab: a connection to each stays open while it is built.
    Nodes,
    /// How many labs can run, with the containers and commands in them.
    Labs,
    /// What a lab learns by ARP and ND.
    Neighbours,
    /// Nothing of netlab's own.
    Containers,
    /// What the kernel keeps of each namespace, cable, route and neighbour.
    Memory,
}

/// A limit's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// A number.
    Number(u64),
    /// There is no limit.
    Unlimited,
    /// It cannot be read here.
    Unknown,
}

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Which limit.
    pub limit: Limit,
    /// Its value.
    pub value: Value,
    /// How much of it is used already, where the kernel says.
    pub used: Option<u64>,
    /// The file that it is set by, where that differs from machine to machine.
    pub file: Option<String>,
}

impl Limit {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 17] = [
        Self::NeighboursV4,
        Self::NeighboursV6,
        Self::NetNamespaces,
        Self::UtsNamespaces,
        Self::IpcNamespaces,
        Self::UserNamespaces,
        Self::PidNamespaces,
        Self::MountNamespaces,
        Self::PidMax,
        Self::Threads,
        Self::Processes,
        Self::Files,
        Self::CgroupPids,
        Self::InotifyInstances,
        Self::InotifyWatches,
        Self::Memory,
        Self::CgroupMemory,
    ];

    /// The setting's name where it is one, else what is usual to call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::NeighboursV4 => "net.ipv4.neigh.default.gc_thresh3",
            Self::NeighboursV6 => "net.ipv6.neigh.default.gc_thresh3",
            Self::NetNamespaces => "user.max_net_namespaces",
            Self::UtsNamespaces => "user.max_uts_namespaces",
            Self::IpcNamespaces => "user.max_ipc_namespaces",
            Self::UserNamespaces => "user.max_user_namespaces",
            Self::PidNamespaces => "user.max_pid_namespaces",
            Self::MountNamespaces => "user.max_mnt_namespaces",
            Self::PidMax => "kernel.pid_max",
            Self::Threads => "kernel.threads-max",
            Self::Processes => "RLIMIT_NPROC",
            Self::Files => "RLIMIT_NOFILE",
            Self::CgroupPids => "cgroup pids.max",
            Self::InotifyInstances => "fs.inotify.max_user_instances",
            Self::InotifyWatches => "fs.inotify.max_user_watches",
            Self::Memory => "memory",
            Self::CgroupMemory => "cgroup memory.max",
        }
    }

    /// What it bounds.
    pub fn serves(self) -> Serves {
        match self {
            Self::NeighboursV4 | Self::NeighboursV6 => Serves::Neighbours,
            Self::NetNamespaces
            | Self::UtsNamespaces
            | Self::IpcNamespaces
            | Self::PidMax
            | Self::Threads
            | Self::Processes
            | Self::CgroupPids => Serves::Namespaces,
            Self::Files => Serves::Nodes,
            Self::UserNamespaces | Self::PidNamespaces | Self::MountNamespaces => Serves::Labs,
            Self::InotifyInstances | Self::InotifyWatches => Serves::Containers,
            Self::Memory | Self::CgroupMemory => Serves::Memory,
        }
    }
}

impl Reading {
    /// What was read of a limit, and no more.
    pub fn new(limit: Limit, value: Value) -> Self {
        Self { limit, value, used: None, file: None }
    }

    /// How much of it is left.
    pub fn left(&self) -> Option<u64> {
        match self.value {
            Value::Number(number) => Some(number.saturating_sub(self.used.unwrap_or(0))),
            Value::Unlimited | Value::Unknown => None,
        }
    }

    /// Whether it is lower than a machine for labs should have it.
    pub(super) fn is_low(&self) -> bool {
        let wanted = match self.limit.serves() {
            Serves::Namespaces => ENOUGH,
            Serves::Nodes => NODES + OWN_DESCRIPTORS,
            Serves::Labs => LABS,
            Serves::Neighbours => KERNEL_NEIGHBOUR_LIMIT as u64,
            Serves::Memory => MEMORY,
            Serves::Containers => 0,
        };
        self.left().is_some_and(|left| left < wanted)
    }

    /// What it means for labs.
    pub fn meaning(&self) -> String {
        let learnt = KERNEL_NEIGHBOUR_LIMIT / 2;
        let what = match self.limit.serves() {
            Serves::Neighbours => {
                return format!("labs learn up to {learnt}; larger ones get permanent entries");
            }
            Serves::Containers => return "netlab uses none; programs in containers may".to_owned(),
            Serves::Namespaces | Serves::Memory => "nodes and pods",
            Serves::Nodes => "nodes of a lab",
            Serves::Labs => "labs and commands",
        };
        let room = |left: u64| match self.limit.serves() {
            Serves::Nodes => left.saturating_sub(OWN_DESCRIPTORS),
            Serves::Memory => left * 1024 / NAMESPACE,
            _ => left,
        };
        match (self.left(), self.value) {
            (Some(left), _) => format!("room for {} {what}", room(left)),
            (None, Value::Unlimited) => format!("any number of {what}"),
            (None, _) => format!("bounds {what}; not to be read here"),
        }
    }
}
