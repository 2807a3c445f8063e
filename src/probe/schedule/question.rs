//! One question, and how much an answer to it is worth.

use std::time::Duration;

use crate::probe::{Attempt, Outcome, Request, UnreachableKind};

/// Local errors that pass by themselves: no address yet (IPv6's are tentative for up to 2 s), full queues and tables.
const PASSING: [&str; 4] = ["EADDRNOTAVAIL", "ENOBUFS", "EAGAIN", "ENOMEM"];

/// ICMPv6 "beyond scope of source address" (RFC 4443, 3.1): the source had only a link-local address to send from.
const BEYOND_SCOPE: UnreachableKind = UnreachableKind::Other(1, 2);

/// Where a question is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Never asked.
    Fresh,
    /// Asked, and not answered yet.
    Waiting,
    /// To be asked again.
    Queued,
    /// Answered, or given up.
    Decided,
}

/// One question.
pub(super) struct Question {
    pub(super) source: usize,
    pub(super) state: State,
    pub(super) tries: u8,
    /// Where the log has the latest try.
    pub(super) sent: usize,
    /// When it was first asked.
    pub(super) began: Option<Duration>,
    /// Since when there have been errors that pass by themselves.
    pub(super) refused_since: Option<Duration>,
    /// Whether it was its turn when its source asked one target at a time.
    pub(super) paced: bool,
    /// The latest try when an error came that wants confirming.
    pub(super) doubted: Option<u32>,
    /// The answer, or the best one so far.
    pub(super) outcome: Outcome,
    pub(super) is_v6: bool,
    pub(super) is_trace: bool,
    pub(super) is_udp: bool,
    is_tcp: bool,
}

impl Question {
    pub(super) fn new(source: usize, request: &Request) -> Self {
        Self {
            source,
            state: State::Fresh,
            tries: 0,
            sent: 0,
            began: None,
            refused_since: None,
            paced: false,
            doubted: None,
            outcome: Outcome::Timeout,
            is_v6: request.to.is_ipv6(),
            is_trace: matches!(request.attempt, Attempt::Traceroute(_)),
            is_tcp: matches!(request.attempt, Attempt::Tcp { .. }),
            is_udp: matches!(request.attempt, Attempt::Udp { .. }),
        }
    }

    /// The number of the latest try.
    pub(super) fn number(&self) -> u32 {
        self.tries.into()
    }

    /// Whether the latest try is that one, and unanswered.
    pub(super) fn is_silent_since(&self, number: u32) -> bool {
        self.state == State::Waiting && !self.is_trace && self.number() == number
    }

    /// Whether such errors have come for that long, this one included.
    pub(super) fn is_refused_for(&mut self, time: Duration, now: Duration) -> bool {
        *self.refused_since.get_or_insert(now) + time <= now
    }

    pub(super) fn has_waited(&self, time: Duration, now: Duration) -> bool {
        self.began.is_some_and(|began| began + time <= now)
    }

    pub(super) fn needs_socket(&self) -> bool {
        self.is_tcp || self.is_udp
    }

    pub(super) fn has_socket(&self) -> bool {
        self.needs_socket() && self.tries > 0
    }

    /// How often silence has to be met before it is believed.
    pub(super) fn tries_for_silence(&self, limited: bool) -> u8 {
        // The kernel repeats a SYN by itself, and may spend on that what a paced try was to get.
        let spent_by_others = self.is_tcp && limited;
        // The second try may still come before a tentative address is ready, the third does not.
        2 + u8::from(self.is_v6 || spent_by_others)
    }
}

/// How much an answer is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// It decides.
    Final,
    /// It may pass by itself.
    Passing,
    /// It has to come twice.
    Doubtful,
}

pub(super) fn weight(outcome: &Outcome, is_v6: bool) -> Weight {
    match outcome {
        Outcome::LocalError { errno, .. } if PASSING.contains(&errno.as_str()) => Weight::Passing,
        Outcome::Unreachable { kind: BEYOND_SCOPE, .. } if is_v6 => Weight::Passing,
        // ND asked three times within 2 s, which is how long a target may not yet answer for its new address.
        Outcome::Unreachable { kind: UnreachableKind::HostUnreachable, .. } if is_v6 => Weight::Doubtful,
        _ => Weight::Final,
    }
}

/// Whether nobody listens on a port.
pub(super) fn is_refused_datagram(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Unreachable { kind: UnreachableKind::PortUnreachable, .. })
}

/// Whether this is an error of which the kernel sends only so many to one source.
pub(super) fn tells_of_a_limit(outcome: &Outcome) -> bool {
    use UnreachableKind::{HostUnreachable, NetUnreachable, NoRoute, Prohibited};
    matches!(
        outcome,
        Outcome::Unreachable { kind: NetUnreachable | HostUnreachable | NoRoute | Prohibited, .. }
    )
}
