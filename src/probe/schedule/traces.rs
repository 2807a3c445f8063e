//! Traceroutes among the other questions.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::log::{Sent, YOUNG};
use super::question::{State, Weight, weight};
use super::source::Source;
use super::{CONFIRM_AFTER, PASSES_BY, Probe, RETRY_AFTER, Schedule};
use crate::probe::{Attempt, Outcome, Request, Trace, TraceAction, Tracer, TracerouteOptions};

/// Traceroutes of one source at once: each can use two of the five errors that the kernel sends a source at once.
const AT_ONCE: usize = 2;

/// From what a limited source last sent to its next traceroute: time for two errors, of the full TTL and of the last hop.
const APART: Duration = CONFIRM_AFTER.saturating_mul(2);

/// Bits of a probe's number that are the tracer's; those above count how often it began anew.
const SEQ_BITS: u32 = 16;

/// One traceroute that has begun.
struct Running {
    tracer: Tracer,
    /// How often it began anew.
    epoch: u32,
    /// When it wants to be asked.
    wake: Duration,
    /// Where the log has its probes.
    sent: Vec<usize>,
}

/// All traceroutes.
pub(super) struct Traces {
    options: HashMap<usize, TracerouteOptions>,
    running: BTreeMap<usize, Running>,
    found: HashMap<usize, Trace>,
    /// No running one wants to be asked before this.
    next_wake: Duration,
    /// Whether some source has any that have not begun.
    waiting: usize,
}

impl Traces {
    pub(super) fn new(requests: &[Request]) -> Self {
        let options: HashMap<usize, TracerouteOptions> = requests
            .iter()
            .enumerate()
            .filter_map(|(which, request)| match &request.attempt {
                Attempt::Traceroute(options) => Some((which, options.clone())),
                _ => None,
            })
            .collect();
        Self {
            waiting: options.len(),
            options,
            running: BTreeMap::new(),
            found: HashMap::new(),
            next_wake: Duration::MAX,
        }
    }

    /// What was found, by index of the request.
    pub(super) fn found(&mut self) -> HashMap<usize, Trace> {
        std::mem::take(&mut self.found)
    }

    fn start(&mut self, which: usize, epoch: u32, wake: Duration) {
        let tracer = Tracer::new(&self.options[&which]);
        self.running.insert(which, Running { tracer, epoch, wake, sent: Vec::new() });
        self.next_wake = self.next_wake.min(wake);
    }
}

/// When a source has time for a traceroute.
fn begins_from(source: &Source) -> Duration {
    let apart = match source {
        Source { limited: true, .. } => APART,
        // Whether it is limited will be known as soon as its other probes are answered.
        Source { undecided: 1.., .. } => YOUNG,
        _ => Duration::ZERO,
    };
    source.last_sent.map_or(Duration::ZERO, |sent| sent + apart)
}

impl Schedule {
    pub(super) fn next_of_traces(&mut self, now: Duration) -> Option<Probe> {
        loop {
            self.begin_traces(now);
            if now < self.traces.next_wake {
                return None;
            }
            let due: Vec<usize> = self
                .traces
                .running
                .iter()
                .filter(|(_, running)| running.wake <= now)
                .map(|(which, _)| *which)
                .collect();
            for which in due {
                if let Some(probe) = self.step_trace(which, now) {
                    return Some(probe);
                }
            }
            // One that is over may have let the next one begin.
            let wakes = self.traces.running.values().map(|running| running.wake);
            self.traces.next_wake = wakes.min().unwrap_or(Duration::MAX);
        }
    }

    pub(super) fn on_trace_answer(&mut self, which: usize, number: u32, outcome: Outcome, now: Duration) {
        let Some(running) = self.traces.running.get_mut(&which) else { return };
        if number >> SEQ_BITS != running.epoch {
            return;
        }
        let question = &mut self.questions[which];
        let begin_anew = match weight(&outcome, question.is_v6) {
            Weight::Passing => !question.has_waited(PASSES_BY, now),
            Weight::Doubtful => question.doubted.replace(number).is_none(),
            Weight::Final => false,
        };
        let seq = (number & ((1 << SEQ_BITS) - 1)) as u16;
        if let Some(&sent) = usize::from(seq).checked_sub(1).and_then(|index| running.sent.get(index)) {
            self.log.answered(sent);
        }
        if begin_anew {
            let epoch = running.epoch + 1;
            for &sent in &running.sent {
                self.log.answered(sent);
            }
            self.traces.start(which, epoch, now + RETRY_AFTER);
        } else {
            running.tracer.on_answer(seq, outcome);
            running.wake = now;
            self.traces.next_wake = self.traces.next_wake.min(now);
        }
    }

    /// When a traceroute wants to go on, or one that waits may begin.
    pub(super) fn next_trace_due(&self) -> Option<Duration> {
        let running = (!self.traces.running.is_empty()).then_some(self.traces.next_wake);
        let waiting = self.sources.iter().filter(|source| !source.traces.is_empty());
        let begins = waiting.map(begins_from).filter(|_| self.traces.waiting > 0);
        running.into_iter().chain(begins).min()
    }

    /// Lets those begin whose source has time for them.
    fn begin_traces(&mut self, now: Duration) {
        if self.traces.waiting == 0 {
            return;
        }
        for source in &mut self.sources {
            let busy = !source.fresh.is_empty() || !source.paced.is_empty();
            let at_once = if source.limited { 1 } else { AT_ONCE };
            while !busy && begins_from(source) <= now && source.tracing < at_once {
                let Some(which) = source.traces.pop_front() else { break };
                source.tracing += 1;
                self.traces.waiting -= 1;
                self.questions[which].began = Some(now);
                self.questions[which].state = State::Waiting;
                self.traces.start(which, 0, now);
            }
        }
    }

    fn step_trace(&mut self, which: usize, now: Duration) -> Option<Probe> {
        let running = self.traces.running.get_mut(&which)?;
        let source = &mut self.sources[self.questions[which].source];
        match running.tracer.next_action(now) {
            TraceAction::Send { ttl, seq } => {
                let number = running.epoch << SEQ_BITS | u32::from(seq);
                running.sent.push(self.log.push(Sent { at: now, which, number }));
                source.last_sent = Some(now);
                Some(Probe { which, number, ttl: Some(ttl) })
            }
            TraceAction::WaitUntil(wake) => {
                running.wake = wake;
                None
            }
            TraceAction::Done => {
                source.tracing -= 1;
                let trace = running.tracer.trace();
                self.traces.running.remove(&which);
                self.traces.found.insert(which, trace);
                self.decide(which, Outcome::Timeout);
                None
            }
        }
    }
}
