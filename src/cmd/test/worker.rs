//! What one worker does: a lab up, examined, and down again, whatever happens.

use std::path::Path;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::examine::{Examined, examine};
use super::job::Job;
use super::subject::Here;
use crate::cmd::running;
use crate::cmd::transient::{self, NotUp};
use crate::kernel::Interrupts;
use crate::model::Lab;
use crate::state;
use crate::suite::{CaseReport, LabEnd, LabReport};

/// Whether a lab in which something failed stays up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    Never,
    OnFailure,
}

/// What a worker gives back.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Result {
    /// What is told of it.
    pub(super) report: LabReport,
    /// The text that a snapshot of what was found has.
    pub(super) found: Option<String>,
    /// Why this user cannot make any lab on this machine.
    pub(super) denied: Option<String>,
}

impl Result {
    /// Nothing but how it ended.
    pub(super) fn ended(job: &Job, end: LabEnd) -> Self {
        let report = LabReport {
            name: job.title.clone(),
            file: job.file.clone(),
            end,
            cases: Vec::new(),
            kept: None,
            took_ms: 0.0,
        };
        Self { report, found: None, denied: None }
    }
}

/// Tests one lab. This process has been started for it and ends after it.
pub(super) fn work(job: &Job, keep: Keep, interrupts: &Interrupts) -> Result {
    let begun = Instant::now();
    let mut result = match &job.running {
        Some(record) => {
            let mut result = judged(
                job,
                Here { sandboxes: &record.sandboxes, directory: &running::directory(record) },
                interrupts,
            );
            let others = state::labs().is_ok_and(|labs| labs.len() > 1);
            mends(&mut result.report, Some(&record.lab.name).filter(|_| others), Stays::Yes);
            result
        }
        None => in_lab_of_its_own(job, keep, interrupts),
    };
    result.report.took_ms = begun.elapsed().as_secs_f64() * 1000.0;
    result
}

fn in_lab_of_its_own(job: &Job, keep: Keep, interrupts: &Interrupts) -> Result {
    let name = transient::name(&job.lab.name, "test");
    let directory = match keep {
        Keep::Never => state::test_directory_of(&name),
        Keep::OnFailure => state::directory_of(&name),
    };
    let lab = Lab { name: name.clone(), ..job.lab.clone() };
    let (launched, record) = match transient::bring_up(&lab, Path::new(&job.file), &directory, interrupts) {
        Ok(up) => up,
        Err(NotUp::Lacks(reason)) => return Result::ended(job, LabEnd::Skipped { reason }),
        Err(NotUp::Error(message)) => return Result::ended(job, LabEnd::Error { message }),
        Err(NotUp::Stopped) => return Result::ended(job, LabEnd::Stopped),
        Err(NotUp::Denied(denied)) => {
            return Result { denied: Some(denied), ..Result::ended(job, LabEnd::Stopped) };
        }
    };
    let here = Here { sandboxes: &record.sandboxes, directory: &directory };
    let mut result = judged(job, here, interrupts);
    let stays = keep == Keep::OnFailure && result.report.end == LabEnd::Finished && !result.report.is_fine();
    mends(&mut result.report, Some(&name), if stays { Stays::Yes } else { Stays::No });
    let ended = if stays {
        result.report.kept = Some(name);
        launched.commit()
    } else {
        launched.abort()
    };
    if let Err(error) = ended {
        result.report.end = LabEnd::Error { message: error.to_string() };
    }
    result
}

/// Whether a lab is still there when its report is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stays {
    Yes,
    No,
}

/// Commands that mend something are of use only for a lab that stays, and name it where that is needed.
fn mends(report: &mut LabReport, lab: Option<&String>, stays: Stays) {
    for failure in report.cases.iter_mut().filter_map(|case| case.failure.as_mut()) {
        failure.facts.retain(|fact| fact.label != "mend" || stays == Stays::Yes);
        if let Some(lab) = lab {
            for fact in failure.facts.iter_mut().filter(|fact| fact.label == "mend") {
                fact.text = fact.text.replace("netlab exec ", &format!("netlab exec --lab {lab} "));
            }
        }
    }
}

fn judged(job: &Job, here: Here<'_>, interrupts: &Interrupts) -> Result {
    let mut cases: Vec<CaseReport> = Vec::new();
    let mut result = match examine(job, here, interrupts, &mut cases) {
        Ok(Examined::Whole { found }) => Result { found, ..Result::ended(job, LabEnd::Finished) },
        Ok(Examined::Stopped) => Result::ended(job, LabEnd::Stopped),
        Err(problem) => Result::ended(job, LabEnd::Error { message: format!("{problem:#}") }),
    };
    result.report.cases = cases;
    result
}
