//! One data path after the other, each by a worker of its own, since only a process with one thread can enter a lab, and
//! may not leave it again.

use std::path::Path;

use nix::poll::PollTimeout;
use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

use super::measure::measure;
use super::trial::Trial;
use crate::cmd::transient::{self, NotUp};
use crate::compare::{Comparison, RowEnd};
use crate::kernel::Interrupts;
use crate::kernel::worker::{Worker, wait};
use crate::model::{DataPath, Lab};
use crate::state;
use crate::ui::{self, Bar};

/// What came of a turn.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Came {
    /// What is told of the data path.
    End(RowEnd),
    /// This user cannot make any lab on this machine.
    Denied(String),
    /// That signal came.
    Stopped(i32),
}

/// The turns of a comparison.
pub(super) struct Turns<'a> {
    comparison: &'a Comparison,
    interrupts: &'a Interrupts,
    bar: Option<Bar>,
    done: usize,
    total: usize,
}

impl<'a> Turns<'a> {
    pub(super) fn new(trials: &[Trial], comparison: &'a Comparison, interrupts: &'a Interrupts) -> Self {
        let total = trials.iter().filter(|trial| trial.lab.is_ok()).count();
        Self { comparison, interrupts, bar: Bar::new("comparing", total), done: 0, total }
    }

    /// Brings a lab up, measures, and takes it down.
    pub(super) fn take(&mut self, data_path: DataPath, lab: &Lab) -> anyhow::Result<Came> {
        self.tell(data_path);
        let (comparison, interrupts) = (self.comparison, self.interrupts);
        let work = || serde_json::to_vec(&work(lab, comparison, interrupts)).unwrap_or_default();
        let mut worker = Worker::start(work)?;
        let mut stopped: Option<Signal> = None;
        loop {
            let ready = wait(&[&worker], interrupts, PollTimeout::NONE)?;
            if let Some(signal) = ready.signal {
                // Who asks twice does not want to wait: the lab's keeper cleans up all the same.
                worker.stop(if stopped.is_some() { Signal::SIGKILL } else { Signal::SIGTERM });
                stopped = Some(signal);
            }
            if !ready.workers.is_empty() && worker.listen()? {
                break;
            }
        }
        let result = worker.finish()?;
        self.done += 1;
        if let Some(signal) = stopped {
            return Ok(Came::Stopped(signal as i32));
        }
        Ok(serde_json::from_slice(&result).unwrap_or_else(|_| {
            let why = "its worker ended without a word: was it killed, or out of memory?";
            Came::End(RowEnd::Error(why.into()))
        }))
    }

    fn tell(&self, data_path: DataPath) {
        match &self.bar {
            Some(bar) => bar.show(self.done, data_path.word()),
            None => ui::remark(&format!(
                "comparing {}: {} ({} of {})",
                self.comparison.lab,
                data_path.word(),
                self.done + 1,
                self.total
            )),
        }
    }
}

/// What the worker does.
fn work(lab: &Lab, comparison: &Comparison, interrupts: &Interrupts) -> Came {
    let name = transient::name(&lab.name, "compare");
    let directory = state::test_directory_of(&name);
    let named = Lab { name, ..lab.clone() };
    let up = transient::bring_up(&named, Path::new(&comparison.file), &directory, interrupts);
    let (launched, record) = match up {
        Ok(up) => up,
        Err(NotUp::Lacks(why)) => return Came::End(RowEnd::Lacks(why)),
        Err(NotUp::Error(why)) => return Came::End(RowEnd::Error(why)),
        Err(NotUp::Denied(why)) => return Came::Denied(why),
        Err(NotUp::Stopped) => return Came::Stopped(Signal::SIGTERM as i32),
    };
    let measured = measure(lab, &record.sandboxes, comparison, interrupts);
    let end = match measured {
        Some(measured) => Came::End(RowEnd::Measured(Box::new(measured))),
        None => Came::Stopped(Signal::SIGTERM as i32),
    };
    match launched.abort() {
        Ok(()) => end,
        Err(problem) => Came::End(RowEnd::Error(problem.to_string())),
    }
}
