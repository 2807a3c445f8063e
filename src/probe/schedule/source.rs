//! What one source still has to ask, and whose turn it is.

use std::collections::VecDeque;
use std::time::Duration;

use super::{CONFIRM_AFTER, PACED_FOR, pop_if};

/// How many probes one source sends before it is the next one's turn: a few system calls on the same socket
/// are cheaper than as many on different ones.
const BURST: usize = 16;

/// One address that probes are sent from.
#[derive(Default)]
pub(super) struct Source {
    /// Never asked yet.
    pub(super) fresh: VecDeque<usize>,
    /// Traceroutes that have not begun.
    pub(super) traces: VecDeque<usize>,
    /// Traceroutes that have.
    pub(super) tracing: usize,
    /// To be asked again one at a time.
    pub(super) paced: VecDeque<usize>,
    /// Whether it was told an error of which the kernel sends only so many.
    pub(super) limited: bool,
    /// Whether a host told it that nobody listens on a port, which hosts do six times at once and then once per second.
    pub(super) refused_datagrams: bool,
    /// Questions, traceroutes apart, that are not decided.
    pub(super) undecided: usize,
    /// When it last sent anything.
    pub(super) last_sent: Option<Duration>,
    paced_since: Option<Duration>,
}

impl Source {
    /// Whether there is time left for asking one at a time.
    pub(super) fn may_pace(&mut self, now: Duration) -> bool {
        now < *self.paced_since.get_or_insert(now) + PACED_FOR
    }

    /// When the kernel will be ready to send this source the next error.
    pub(super) fn paced_due(&self) -> Duration {
        self.last_sent.map_or(Duration::ZERO, |sent| sent + CONFIRM_AFTER)
    }
}

/// Sources with fresh questions, in turns.
pub(super) struct Rotation {
    turns: VecDeque<usize>,
    /// How many probes the first one has sent in its turn.
    burst: usize,
}

impl Rotation {
    pub(super) fn new(sources: &[Source]) -> Self {
        let turns = (0..sources.len()).filter(|&source| !sources[source].fresh.is_empty()).collect();
        Self { turns, burst: 0 }
    }

    /// The next fresh question that may be asked.
    pub(super) fn next(&mut self, sources: &mut [Source], may: impl Fn(usize) -> bool) -> Option<usize> {
        for _ in 0..self.turns.len() {
            let &turn = self.turns.front()?;
            let source = &mut sources[turn];
            if self.burst < BURST
                && let Some(which) = pop_if(&mut source.fresh, |which| may(*which))
            {
                self.burst += 1;
                return Some(which);
            }
            self.turns.pop_front();
            self.burst = 0;
            if !source.fresh.is_empty() {
                self.turns.push_back(turn);
            }
        }
        // One source alone may have come to the end of its burst.
        let &turn = self.turns.front()?;
        pop_if(&mut sources[turn].fresh, |which| may(*which))
    }
}
