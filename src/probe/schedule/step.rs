//! What a schedule tells its caller to do.

use std::time::Duration;

/// Bounds on what is under way at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScheduleOptions {
    /// Unanswered probes younger than 50 ms.
    pub window: usize,
    /// Undecided TCP connections and UDP requests, each of which needs a few descriptors.
    pub sockets: usize,
}

impl Default for ScheduleOptions {
    /// A quarter of the kernel's backlog (`net.core.netdev_max_backlog`, 1000).
    fn default() -> Self {
        Self { window: 256, sockets: 256 }
    }
}

/// A packet to send, or a connection to open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Index of the request.
    pub which: usize,
    /// Tells the probes of one request from each other; the answer is to come back with it.
    pub number: u32,
    /// TTL or hop limit; none leaves the kernel's.
    pub ttl: Option<u8>,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send this now.
    Send(Probe),
    /// Nobody waits any longer for answers to this request.
    GaveUp {
        /// Index of the request.
        which: usize,
    },
    /// Nothing, until an answer comes or it is this time.
    WaitUntil(Duration),
    /// Everything is decided.
    Done,
}
