//! Where the time of bringing a lab up goes, by phase.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A kind of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Reading and checking the topology file.
    Parse,
    /// Working out every kernel object.
    Plan,
    /// Asking the machine whether it has room, and starting the keeper and the holder.
    Starting,
    /// Moving the holder into the lab's own namespaces.
    Entering,
    /// Namespaces of fabric, routers, nodes and pods, with a netlink connection into each.
    Namespaces,
    /// Pause processes.
    Pauses,
    /// Kernel settings.
    Sysctls,
    /// Cables, bridges and tunnels.
    Links,
    /// IP addresses.
    Addresses,
    /// Routes.
    Routes,
    /// Permanent neighbours and forwarding entries.
    Neighbours,
    /// Packet filters, keys of tunnels, impairments.
    Rules,
    /// Seeing to it that every cable can send.
    LinkState,
    /// The programs in pods and externals.
    Containers,
    /// Writing down what runs, and telling of the progress.
    Telling,
}

impl Phase {
    /// All of them, in the order in which a lab comes up.
    pub const ALL: [Self; 15] = [
        Self::Parse,
        Self::Plan,
        Self::Starting,
        Self::Entering,
        Self::Namespaces,
        Self::Pauses,
        Self::Sysctls,
        Self::Links,
        Self::Addresses,
        Self::Routes,
        Self::Neighbours,
        Self::Rules,
        Self::LinkState,
        Self::Containers,
        Self::Telling,
    ];

    /// What it is called.
    pub fn word(self) -> &'static str {
        match self {
            Self::Parse => "parse",
            Self::Plan => "plan",
            Self::Starting => "starting",
            Self::Entering => "entering",
            Self::Namespaces => "namespaces",
            Self::Pauses => "pauses",
            Self::Sysctls => "sysctls",
            Self::Links => "links",
            Self::Addresses => "addresses",
            Self::Routes => "routes",
            Self::Neighbours => "neighbours",
            Self::Rules => "rules",
            Self::LinkState => "link state",
            Self::Containers => "containers",
            Self::Telling => "telling",
        }
    }

    /// What is done in it.
    pub fn about(self) -> &'static str {
        match self {
            Self::Parse => "the file read and checked",
            Self::Plan => "all kernel objects worked out",
            Self::Starting => "keeper and holder started",
            Self::Entering => "the holder's own namespaces",
            Self::Namespaces => "unshared, netlink connected",
            Self::Pauses => "processes that hold them",
            Self::Sysctls => "kernel settings",
            Self::Links => "cables, bridges, tunnels; up",
            Self::Addresses => "IP addresses",
            Self::Routes => "routes",
            Self::Neighbours => "permanent neighbours, FDB",
            Self::Rules => "filters, keys, impairments",
            Self::LinkState => "found that all can send",
            Self::Containers => "programs of pods, externals",
            Self::Telling => "progress told, lab.json",
        }
    }
}

/// What one phase took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// Which.
    pub phase: Phase,
    /// How many things were done in it.
    pub count: usize,
    /// How long they took together.
    pub nanoseconds: u64,
}

/// What each phase took.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timings {
    /// One a phase that there was, in the order of [`Phase::ALL`].
    pub phases: Vec<Spent>,
}

impl Timings {
    /// Adds to a phase.
    pub fn add(&mut self, phase: Phase, count: usize, took: Duration) {
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        match self.phases.binary_search_by_key(&phase, |spent| spent.phase) {
            Ok(place) => {
                let spent = &mut self.phases[place];
                spent.count += count;
                spent.nanoseconds = spent.nanoseconds.saturating_add(nanoseconds);
            }
            Err(place) => self.phases.insert(place, Spent { phase, count, nanoseconds }),
        }
    }

    /// Adds all of another's.
    pub fn merge(&mut self, other: &Self) {
        for spent in &other.phases {
            self.add(spent.phase, spent.count, Duration::from_nanos(spent.nanoseconds));
        }
    }

    /// All phases together.
    pub fn total(&self) -> Duration {
        Duration::from_nanos(self.phases.iter().map(|spent| spent.nanoseconds).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_are_kept_in_the_order_in_which_a_lab_comes_up() {
        let mut timings = Timings::default();
        for phase in Phase::ALL.into_iter().rev() {
            timings.add(phase, 1, Duration::from_nanos(3));
        }
        timings.add(Phase::Links, 2, Duration::from_nanos(4));
        assert!(timings.phases.iter().map(|spent| spent.phase).eq(Phase::ALL));
        let links = timings.phases.iter().find(|spent| spent.phase == Phase::Links).expect("links");
        assert_eq!((links.count, links.nanoseconds), (3, 7));
        assert_eq!(timings.total(), Duration::from_nanos(15 * 3 + 4));
    }

    #[test]
    fn timings_of_several_add_up() {
        let mut timings = Timings::default();
        timings.add(Phase::Plan, 1, Duration::from_nanos(2));
        let mut others = timings.clone();
        others.add(Phase::Routes, 5, Duration::from_nanos(10));
        timings.merge(&others);
        assert_eq!(timings.total(), Duration::from_nanos(14));
        assert_eq!(timings.phases.len(), 2);
    }
}
