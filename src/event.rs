//! PURE. What happened while a lab was built. The progress bar, `-v` and JSON output are listeners of this one enum; it
//! crosses from the holder to `netlab up` as a line of JSON each.

mod timings;

use serde::{Deserialize, Serialize};

pub use timings::{Phase, Spent, Timings};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// So many of the plan's namespaces are there, with everything that was planned for them.
    Built(usize),
    /// All containers have been started.
    Started(usize),
    /// Where the holder's time went, where that was asked for.
    Timings(Timings),
    /// Traffic flows.
    Ready,
    /// The lab could not be built.
    Failed {
        /// Whose fault it is.
        failure: Failure,
        /// What failed, where and why.
        message: String,
    },
}

/// Whose fault a failure is; it decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Failure {
    /// Another netlab has the lab's name.
    Busy,
    /// This machine's kernel lacks something that the lab needs.
    Feature,
    /// This machine, or this user on it, cannot make any lab.
    Machine,
    /// Anything else.
    Other,
}
