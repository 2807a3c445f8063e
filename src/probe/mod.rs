//! Probes without a network: when to send what, when to give up, and what came of it.
//!
//! Pure state machines. Time is a [`Duration`] since the probe's start, handed in by the caller,
//! so that tests need neither sockets nor sleeps.

pub mod outcome;
pub mod ping;
pub mod request;
pub mod schedule;
pub mod summary;
pub mod traceroute;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use outcome::{Outcome, UnreachableKind};
pub use ping::{Arrival, PingAction, PingEvent, PingOptions, Pinger};
pub use request::{Answer, Attempt, Finding, Request};
pub use schedule::{Probe, Schedule, ScheduleOptions, Step};
pub use summary::{Failure, PingSummary, RttStats};
pub use traceroute::{Hop, Trace, TraceAction, TraceEnd, Tracer, TracerouteOptions};

/// What to do about packets that are larger than the path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DontFragment {
    /// As the kernel does for everyone: set DF, remember what routers say, cut packets to that (`ping -M want`).
    #[default]
    Kernel,
    /// Let any router cut the packet (`ping -M dont`).
    Clear,
    /// Nobody cuts, and what routers said before is not remembered, so that every probe asks the path anew (`ping -M probe`).
    Set,
}

/// A duration in milliseconds, the unit that people read and JSON holds.
#[must_use]
pub fn millis(duration: Duration) -> f64 {
    // From whole nanoseconds, so that 61 µs print as 0.061.
    duration.as_nanos() as f64 / 1e6
}
