//! When to ask what, where many questions are asked at once, and when to believe that nobody answers.
//!
//! What somebody *said* is believed at once: a reply, a refusal, an error with a sender. What nobody said is not, because
//! the kernel keeps silent for reasons of its own that have nothing to do with the question:
//!
//! * It limits the errors of failed route look-ups to five at once and then one per second and source address
//!   (`ip_error()` in net/ipv4/route.c). No namespace can change that. So silence is asked again after [`CONFIRM_AFTER`];
//!   and once a source has been told such an error, it asks again about its silent targets one at a time, so that each gets
//!   an answer of its own. This goes on for at most [`PACED_FOR`] per source, sources in parallel: some twenty targets.
//!   What is silent after that is a timeout, though an error may have been held back.
//! * It limits each host's "port unreachable" likewise (`net.ipv4.icmp_ratelimit`: six at once for each sender, then one
//!   per second; and some fifty at once for all senders). Most of those held back come at the second try; what is silent
//!   then too is asked one at a time.
//! * It drops what waits for ARP or ND when the queue is full, and tries for 3 s before it says so: [`PATIENCE`].
//! * While an IPv6 address is tentative (up to 2 s) nobody answers for it, and packets that should leave with it leave with
//!   `::1` and are dropped at the far end, or with a link-local address that routers refuse ("beyond scope"). So
//!   IPv6 is asked twice more, the refusal is not believed for [`PASSES_BY`], and an unreachable host is asked for again.
//!
//! Local errors that pass by themselves (full queues, no address yet) are tried again for [`PASSES_BY`].
//!
//! At most [`ScheduleOptions::window`] probes younger than 50 ms are unanswered, so that neither the kernel's backlog nor
//! receive buffers overflow. Sources take turns; the order depends on nothing but the requests and the answers.
//! Traceroutes of a source wait for its other probes and for each other, because each uses up to two of the limited errors.
//!
//! [`on_answer`](Schedule::on_answer) has to be told everything that arrived before `now` before
//! [`next_action`](Schedule::next_action) is asked, and time must not count while nobody listened.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::{Answer, Attempt, Finding, Outcome, Request};
use log::{Log, Sent};
use question::{Question, State, Weight, is_refused_datagram, tells_of_a_limit, weight};
use source::{Rotation, Source};
use traces::Traces;

pub use super::traceroute::CONFIRM_AFTER;
pub use step::{Probe, ScheduleOptions, Step};

mod log;
mod question;
mod source;
mod step;
mod traces;

/// How long to wait for the answer to the last try: just longer than the kernel tries ARP or ND before it says
/// "host unreachable" (`mcast_solicit` 3 times `retrans_time` 1 s).
pub const PATIENCE: Duration = Duration::from_secs(4);

/// How long errors that pass by themselves are given to pass: duplicate address detection takes up to 2 s.
pub const PASSES_BY: Duration = Duration::from_secs(3);

/// How long one source asks again one target at a time.
pub const PACED_FOR: Duration = Duration::from_secs(20);

/// From an error that passes by itself to the next try.
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// The state of all questions.
pub struct Schedule {
    options: ScheduleOptions,
    questions: Vec<Question>,
    sources: Vec<Source>,
    /// Sources whose questions have not all been asked once.
    rotation: Rotation,
    traces: Traces,
    log: Log,
    /// To be asked again as soon as the window allows.
    ready: VecDeque<usize>,
    /// To be asked again at that time, after an error that passes.
    resting: VecDeque<(Duration, usize)>,
    /// Given up, and the caller does not know yet.
    given_up: VecDeque<usize>,
    undecided: usize,
    open_sockets: usize,
}

impl Schedule {
    /// Nothing is asked yet; time starts at zero.
    #[must_use]
    pub fn new(requests: &[Request], options: ScheduleOptions) -> Self {
        let mut numbers = HashMap::new();
        let mut sources: Vec<Source> = Vec::new();
        let mut questions = Vec::with_capacity(requests.len());
        for (which, request) in requests.iter().enumerate() {
            // The kernel's limits are per source address, and a place has one of each family.
            let source = *numbers.entry((request.from, request.to.is_ipv6())).or_insert_with(|| {
                sources.push(Source::default());
                sources.len() - 1
            });
            match &request.attempt {
                Attempt::Traceroute(_) => sources[source].traces.push_back(which),
                _ => {
                    sources[source].fresh.push_back(which);
                    sources[source].undecided += 1;
                }
            }
            questions.push(Question::new(source, request));
        }
        Self {
            rotation: Rotation::new(&sources),
            traces: Traces::new(requests),
            log: Log::default(),
            undecided: questions.len(),
            questions,
            sources,
            options,
            ready: VecDeque::new(),
            resting: VecDeque::new(),
            given_up: VecDeque::new(),
            open_sockets: 0,
        }
    }

    /// What to do at `now`. After `Send` and `GaveUp`, ask again.
    pub fn next_action(&mut self, now: Duration) -> Step {
        self.log.age(now);
        self.note_what_is_due(now);
        if let Some(which) = self.given_up.pop_front() {
            return Step::GaveUp { which };
        }
        let has_room = self.log.young() < self.options.window;
        match if has_room { self.next_probe(now) } else { None } {
            Some(probe) => Step::Send(probe),
            None if self.undecided == 0 => Step::Done,
            None => Step::WaitUntil(self.next_due(now)),
        }
    }

    /// An answer to one probe, or the local error of sending it. Late ones are as good as others.
    pub fn on_answer(&mut self, which: usize, number: u32, outcome: Outcome, now: Duration) {
        let question = &mut self.questions[which];
        if question.state == State::Decided {
            return;
        }
        let source = &mut self.sources[question.source];
        source.limited |= tells_of_a_limit(&outcome);
        source.refused_datagrams |= is_refused_datagram(&outcome);
        let current = question.state == State::Waiting && number == question.number();
        let weight = weight(&outcome, question.is_v6);
        if question.is_trace {
            return self.on_trace_answer(which, number, outcome, now);
        }
        if current {
            self.log.answered(question.sent);
        }
        match weight {
            Weight::Final => self.decide(which, outcome),
            Weight::Passing if !current => {}
            Weight::Passing if question.is_refused_for(PASSES_BY, now) => self.decide(which, outcome),
            Weight::Passing => {
                question.state = State::Queued;
                self.resting.push_back((now + RETRY_AFTER, which));
            }
            // All tries that waited for the same neighbour are told at once: only a later one confirms.
            Weight::Doubtful => match question.doubted {
                Some(before) if number > before => self.decide(which, outcome),
                Some(_) => {}
                None => {
                    question.doubted = Some(question.number());
                    question.outcome = outcome;
                    question.state = State::Queued;
                    self.ready.push_back(which);
                }
            },
        }
    }

    /// Whether nobody waits for answers to this request any longer.
    #[must_use]
    pub fn is_decided(&self, which: usize) -> bool {
        self.questions[which].state == State::Decided
    }

    /// What was found, in the order of the requests; none where it is not decided.
    #[must_use]
    pub fn findings(mut self) -> Vec<Option<Finding>> {
        let mut traces = self.traces.found();
        let questions = self.questions.drain(..).enumerate();
        questions
            .map(|(which, question)| match question {
                Question { state: State::Decided, is_trace: true, .. } => {
                    traces.remove(&which).map(Finding::Path)
                }
                Question { state: State::Decided, outcome, tries, .. } => {
                    Some(Finding::Answer(Answer { outcome, tries }))
                }
                _ => None,
            })
            .collect()
    }

    fn decide(&mut self, which: usize, outcome: Outcome) {
        let question = &mut self.questions[which];
        self.open_sockets -= usize::from(question.has_socket());
        question.state = State::Decided;
        question.outcome = outcome;
        self.sources[question.source].undecided -= usize::from(!question.is_trace);
        self.undecided -= 1;
    }

    /// Decides by what is known without a last answer: the error that was to be confirmed, or silence.
    fn give_up(&mut self, which: usize) {
        let outcome = std::mem::replace(&mut self.questions[which].outcome, Outcome::Timeout);
        self.decide(which, outcome);
        self.given_up.push_back(which);
    }

    fn note_what_is_due(&mut self, now: Duration) {
        while let Some((_, which)) = pop_if(&mut self.resting, |(due, _)| *due <= now) {
            self.ready.push_back(which);
        }
        let questions = &self.questions;
        let silent = |sent: &Sent| questions[sent.which].is_silent_since(sent.number);
        let (to_confirm, to_give_up) =
            (self.log.take_silent(now, silent), self.log.take_hopeless(now, silent));
        to_confirm.into_iter().for_each(|which| self.confirm(which, now));
        for which in to_give_up {
            // It may have been queued just above.
            if self.questions[which].state == State::Waiting {
                self.doubt_silence(which, now);
            }
        }
    }

    /// Nothing came back for a while.
    fn confirm(&mut self, which: usize, now: Duration) {
        let question = &mut self.questions[which];
        question.refused_since = None;
        let limited = self.sources[question.source].limited;
        if question.tries >= question.tries_for_silence(limited) {
            return;
        }
        if limited {
            // If there is no time left for that, its patience goes on.
            let _ = self.queue_paced(which, now);
        } else {
            self.questions[which].state = State::Queued;
            self.ready.push_back(which);
        }
    }

    /// Nothing came back at all.
    fn doubt_silence(&mut self, which: usize, now: Duration) {
        let question = &self.questions[which];
        let source = &self.sources[question.source];
        let limited = source.limited || question.is_udp && source.refused_datagrams;
        if !(limited && !question.paced && self.queue_paced(which, now)) {
            self.give_up(which);
        }
    }

    /// Asks again when the limit has let go of the source, or at once where time is up; not where that was done.
    #[must_use]
    fn queue_paced(&mut self, which: usize, now: Duration) -> bool {
        let question = &mut self.questions[which];
        let source = &mut self.sources[question.source];
        let queue = if source.may_pace(now) {
            &mut source.paced
        } else if question.tries < 2 {
            &mut self.ready
        } else {
            return false;
        };
        question.state = State::Queued;
        question.paced = true;
        queue.push_back(which);
        true
    }

    fn next_probe(&mut self, now: Duration) -> Option<Probe> {
        while let Some(which) = self.ready.pop_front() {
            if self.questions[which].state == State::Queued {
                return Some(self.send(which, now));
            }
        }
        let sockets_left = self.open_sockets < self.options.sockets;
        let questions = &self.questions;
        let may = |which: usize| sockets_left || !questions[which].needs_socket();
        if let Some(which) = self.rotation.next(&mut self.sources, may) {
            return Some(self.send(which, now));
        }
        self.next_of_traces(now).or_else(|| self.next_paced(now).map(|which| self.send(which, now)))
    }

    fn next_paced(&mut self, now: Duration) -> Option<usize> {
        for source in &mut self.sources {
            while let Some(&which) = source.paced.front() {
                if self.questions[which].state != State::Queued {
                    source.paced.pop_front();
                } else if source.may_pace(now) {
                    if source.paced_due() <= now {
                        return source.paced.pop_front();
                    }
                    break;
                } else {
                    // Time is up: whoever is left is asked without waiting for the limit.
                    return source.paced.pop_front();
                }
            }
        }
        None
    }

    fn send(&mut self, which: usize, now: Duration) -> Probe {
        let question = &mut self.questions[which];
        self.open_sockets += usize::from(question.needs_socket() && !question.has_socket());
        question.tries = question.tries.saturating_add(1);
        question.began.get_or_insert(now);
        question.state = State::Waiting;
        let number = question.number();
        question.sent = self.log.push(Sent { at: now, which, number });
        self.sources[question.source].last_sent = Some(now);
        Probe { which, number, ttl: None }
    }

    fn next_due(&self, now: Duration) -> Duration {
        let silent = |sent: &Sent| self.questions[sent.which].is_silent_since(sent.number);
        let paced = self.sources.iter().filter(|source| !source.paced.is_empty()).map(Source::paced_due);
        let due = self.log.next_due(silent).chain(self.resting.front().map(|(due, _)| *due));
        let due = due.chain(paced).chain(self.next_trace_due());
        // What is due but finds no room waits for the window, which the log knows of.
        due.filter(|due| *due > now).min().unwrap_or(now + RETRY_AFTER)
    }
}

/// Takes the first one if it is due.
fn pop_if<T>(queue: &mut VecDeque<T>, due: impl FnOnce(&T) -> bool) -> Option<T> {
    if queue.front().is_some_and(due) { queue.pop_front() } else { None }
}

#[cfg(test)]
mod tests;
