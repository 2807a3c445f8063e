//! Which TTL a traceroute probes when, and when it knows enough.
//!
//! The first probe has the full TTL. If it is answered, the TTL left in the reply tells about how many hops there are,
//! and all of them are probed at once. If it comes back as unreachable, hops are walked one by one,
//! because the kernel limits the errors of failed route look-ups (5 at once, then one per second and source): probes
//! sent beyond the failing hop would use them up. If nothing comes back, hops are walked a few at a time, up to
//! a silent stretch. Silence counts only when a second probe, sent when the limit has let go, was not answered either.

use std::time::Duration;

use super::{DontFragment, Outcome};

mod tracer;

pub use tracer::Tracer;

/// TTL of the first probe: what Linux gives its own packets (`net.ipv4.ip_default_ttl`).
pub const FULL_TTL: u8 = 64;

/// So many hops in a row without an answer end a trace whose target is silent too.
pub const SILENT_HOPS: usize = 3;

/// From a probe to the one that confirms its silence: longer than the one second after which
/// the kernel allows a source the next error.
pub const CONFIRM_AFTER: Duration = Duration::from_millis(1100);

/// How to trace.
#[derive(Clone, Debug, PartialEq)]
pub struct TracerouteOptions {
    /// The TTL to start with (`-f`), at least 1.
    pub first_ttl: u8,
    /// The last TTL to try (`-m`).
    pub max_hops: u8,
    /// Probes per hop (`-q`), 1 to 10.
    pub queries: u8,
    /// How long to wait for each answer (`-W`).
    pub timeout: Duration,
    /// Payload bytes of a probe.
    pub size: u16,
    /// May routers cut the packet?
    pub dont_fragment: DontFragment,
}

impl Default for TracerouteOptions {
    fn default() -> Self {
        Self {
            first_ttl: 1,
            max_hops: 30,
            queries: 1,
            timeout: Duration::from_secs(1),
            // 60 bytes with the IPv4 and ICMP headers, as traceroute sends them.
            size: 32,
            dont_fragment: DontFragment::Clear,
        }
    }
}

/// What one TTL found.
#[derive(Clone, Debug, PartialEq)]
pub struct Hop {
    /// The TTL.
    pub ttl: u8,
    /// One outcome for each query.
    pub answers: Vec<Outcome>,
}

/// Why a trace ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceEnd {
    /// The target answered.
    Reached,
    /// The last hop said that it cannot deliver.
    Refused,
    /// The last hops, [`SILENT_HOPS`] or more, and the target did not answer, not even when asked again.
    Silent,
    /// `max_hops` were tried.
    MaxHops,
    /// Packets go in circles.
    Loop,
    /// The source's own kernel would not send.
    NotSent,
    /// Stopped from outside.
    Interrupted,
}

/// What a traceroute found.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// From the first TTL up to the one that ended the trace.
    pub hops: Vec<Hop>,
    /// What the probe with the full TTL got.
    pub full_ttl: Outcome,
    /// Why there are no more hops.
    pub end: TraceEnd,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceAction {
    /// Send an echo request now.
    Send {
        /// Its TTL or hop limit.
        ttl: u8,
        /// Its sequence number, counted from 1.
        seq: u16,
    },
    /// Nothing, until an answer comes or it is this time.
    WaitUntil(Duration),
    /// The trace is over.
    Done,
}

#[cfg(test)]
mod tests;
