//! Taking the time of phases: every moment belongs to the one that it ended in, so that all of them add up to the whole.

use std::time::Instant;

use crate::event::{Phase, Timings};

/// A stopwatch, running only where somebody wants to know.
#[derive(Default)]
pub struct Stopwatch(Option<Running>);

struct Running {
    lap: Instant,
    timings: Timings,
}

impl Stopwatch {
    /// One that has just been started, or one that takes no time.
    pub fn new(is_wanted: bool) -> Self {
        Self(is_wanted.then(|| Running { lap: Instant::now(), timings: Timings::default() }))
    }

    /// Whether it is running: then what belongs to different phases is not to be done in one go.
    pub(super) fn is_running(&self) -> bool {
        self.0.is_some()
    }

    /// The time since the last lap went into so many things of this phase.
    pub fn lap(&mut self, phase: Phase, count: usize) {
        let Some(running) = &mut self.0 else { return };
        let now = Instant::now();
        running.timings.add(phase, count, now - running.lap);
        running.lap = now;
    }

    /// What it has measured.
    pub fn timings(self) -> Option<Timings> {
        self.0.map(|running| running.timings)
    }
}
