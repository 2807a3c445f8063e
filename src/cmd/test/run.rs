//! Several labs at the same time, each by a worker of its own; results come in the order of the command line.

use std::collections::BTreeMap;
use std::time::Instant;

use nix::poll::PollTimeout;
use nix::sys::signal::Signal;

use super::job::Job;
use super::worker::{Keep, Result as LabResult, work};
use crate::kernel::Interrupts;
use crate::kernel::worker::{Worker, wait};
use crate::suite::LabEnd;

/// What a failure means for the labs that are still to be tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnFailure {
    GoOn,
    Stop,
}

/// A run of many jobs.
pub(super) struct Run<'a> {
    jobs: &'a [Job],
    keep: Keep,
    on_failure: OnFailure,
    most: usize,
    interrupts: &'a Interrupts,
    /// The next job to be started, and the next whose result is to be given back.
    next: usize,
    due: usize,
    working: Vec<(usize, Instant, Worker)>,
    done: BTreeMap<usize, LabResult>,
    stopped: bool,
    signal: Option<Signal>,
}

impl<'a> Run<'a> {
    /// A run that has not begun; `most` labs at the same time.
    pub(super) fn new(
        jobs: &'a [Job],
        keep: Keep,
        on_failure: OnFailure,
        most: Option<u16>,
        interrupts: &'a Interrupts,
    ) -> Self {
        let processors = || std::thread::available_parallelism().map_or(1, usize::from);
        let most = most.map_or_else(processors, usize::from);
        Self {
            jobs,
            keep,
            on_failure,
            most,
            interrupts,
            next: 0,
            due: 0,
            working: Vec::new(),
            done: BTreeMap::new(),
            stopped: false,
            signal: None,
        }
    }

    /// The next lab's result; `progress` is told the labs that are being tested.
    pub(super) fn next(
        &mut self,
        progress: &mut dyn FnMut(&[&str]),
    ) -> anyhow::Result<Option<(usize, LabResult)>> {
        loop {
            if let Some(result) = self.done.remove(&self.due) {
                self.due += 1;
                return Ok(Some((self.due - 1, result)));
            }
            if self.due == self.jobs.len() {
                return Ok(None);
            }
            self.start()?;
            progress(
                &self.working.iter().map(|(job, ..)| self.jobs[*job].title.as_str()).collect::<Vec<_>>(),
            );
            self.listen()?;
        }
    }

    /// Starts nothing more, and stops what is running.
    fn stop(&mut self) {
        self.stopped = true;
        self.tell_all(Signal::SIGTERM);
    }

    /// The signal that stopped the run.
    pub(super) fn signal(&self) -> Option<Signal> {
        self.signal
    }

    fn tell_all(&self, signal: Signal) {
        for (.., worker) in &self.working {
            worker.stop(signal);
        }
    }

    fn start(&mut self) -> anyhow::Result<()> {
        while self.next < self.jobs.len() && self.working.len() < self.most {
            let job = &self.jobs[self.next];
            if self.stopped {
                self.done.insert(self.next, LabResult::ended(job, LabEnd::Stopped));
            } else {
                let (keep, interrupts) = (self.keep, self.interrupts);
                let result = || serde_json::to_vec(&work(job, keep, interrupts)).unwrap_or_default();
                self.working.push((self.next, Instant::now(), Worker::start(result)?));
            }
            self.next += 1;
        }
        Ok(())
    }

    fn listen(&mut self) -> anyhow::Result<()> {
        if self.working.is_empty() {
            return Ok(());
        }
        let workers: Vec<&Worker> = self.working.iter().map(|(.., worker)| worker).collect();
        let ready = wait(&workers, self.interrupts, PollTimeout::NONE)?;
        if let Some(signal) = ready.signal {
            // Who asks twice does not want to wait: the keepers of the labs clean up all the same.
            let how = if self.signal.is_some() { Signal::SIGKILL } else { Signal::SIGTERM };
            self.signal = Some(signal);
            self.stopped = true;
            self.tell_all(how);
        }
        for index in ready.workers.into_iter().rev() {
            if self.working[index].2.listen()? {
                let (job, begun, worker) = self.working.remove(index);
                let result = worker.finish()?;
                let result = self.understand(job, begun, &result);
                if self.on_failure == OnFailure::Stop && !result.report.is_fine() {
                    self.stop();
                }
                self.done.insert(job, result);
            }
        }
        Ok(())
    }

    fn understand(&self, job: usize, begun: Instant, result: &[u8]) -> LabResult {
        serde_json::from_slice(result).unwrap_or_else(|_| {
            let end = if self.stopped {
                LabEnd::Stopped
            } else {
                LabEnd::Error {
                    message: "its worker ended without a word: was it killed, or out of memory?".into(),
                }
            };
            let mut result = LabResult::ended(&self.jobs[job], end);
            result.report.took_ms = begun.elapsed().as_secs_f64() * 1000.0;
            result
        })
    }
}
