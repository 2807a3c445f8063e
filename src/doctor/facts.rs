//! What was tried and read on a machine.

use serde::{Deserialize, Serialize};

use super::limits::Reading;
use crate::plan::Feature;

/// Everything that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The machine and who asks.
    pub machine: Machine,
    /// Each kind of namespace that labs are made of, tried by itself.
    pub namespaces: Vec<Namespace>,
    /// What every lab stands on, tried as a whole.
    pub foundation: Foundation,
    /// Each feature of the kernel.
    pub features: Vec<Tried>,
    /// Each limit.
    pub limits: Vec<Reading>,
}

impl Facts {
    /// What became of trying a feature.
    pub fn state(&self, feature: Feature) -> State {
        let tried = self.features.iter().find(|tried| tried.feature == feature);
        tried.map_or(State::Denied, |tried| tried.state)
    }

    /// Why no lab can be made at all, in the words of `up`.
    pub fn denied(&self) -> Option<&str> {
        match &self.foundation {
            Foundation::Denied(why) => Some(why),
            Foundation::Root | Foundation::Rootless => None,
        }
    }
}

/// The machine and who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// The kernel's release, as `uname -r` has it.
    pub release: String,
    /// As `uname -m` has it.
    pub architecture: String,
    /// Who runs netlab.
    pub user: User,
    /// `kernel.unprivileged_userns_clone`, a setting of Debian's kernels.
    pub unprivileged_userns_clone: Option<u64>,
    /// `kernel.apparmor_restrict_unprivileged_userns`, where the kernel has it.
    pub apparmor_restrict: Option<u64>,
    /// The `AppArmor` profile that netlab is confined by.
    pub profile: Option<String>,
    /// Whether a filter of system calls is on this process.
    pub seccomp: Filter,
    /// Whether kernel settings can be written.
    pub settings: Settings,
    /// Whether the running kernel's modules are on this machine's disk.
    pub modules: Modules,
}

/// Who runs netlab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum User {
    /// root, who needs no user namespace.
    Root,
    /// Anybody else.
    Ordinary,
}

/// A filter of system calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Filter {
    /// None.
    None,
    /// One, as containers and some services have.
    Active,
    /// The kernel does not say.
    Unknown,
}

/// How `/proc/sys` is mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Settings {
    /// As usual.
    Writable,
    /// Read-only, as in most containers.
    ReadOnly,
}

/// The running kernel's modules, below `/lib/modules`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Modules {
    /// There is a list of them.
    Listed,
    /// There is none: a kernel without modules, a container, or a kernel that was upgraded since it was booted.
    NotListed,
}

/// One kind of namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Namespace {
    /// `user`, `network`, `PID`, …
    pub kind: &'static str,
    /// Why the kernel refused one; none when it made it.
    pub refused: Option<String>,
}

/// What every lab stands on: namespaces of its own, with root's rights in them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Foundation {
    /// Made without a user namespace.
    Root,
    /// Made in a user namespace.
    Rootless,
    /// Not made, and what to do about that.
    Denied(String),
}

/// A feature that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tried {
    /// Which.
    pub feature: Feature,
    /// What became of it.
    pub state: State,
    /// What the kernel said when it refused.
    pub said: Option<String>,
}

/// What became of trying a feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It worked.
    Present,
    /// It did not work, but its module is there and could be loaded by hand.
    Loadable,
    /// It did not work, and there is no module.
    Missing,
    /// It could not be tried, or was refused for another reason than that it is not there.
    Denied,
}

impl State {
    /// The word in tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Loadable => "loadable",
            Self::Missing => "missing",
            Self::Denied => "denied",
        }
    }
}
