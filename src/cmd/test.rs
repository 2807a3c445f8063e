//! `netlab test`: labs brought up, examined, compared with what was reviewed, and taken down.

mod examine;
mod explain;
mod job;
mod run;
mod share;
pub(super) mod snapshots;
mod subject;
mod tell;
mod tests;
mod walks;
mod worker;

use std::time::Instant;

use super::{FAILED, FINE, Fail, MACHINE, OTHER, usage};
use crate::cli;
use crate::kernel::Interrupts;
use crate::state;
use crate::suite::{CaseFailure, CaseReport, Fact, LabEnd, LabReport, RunReport};

use job::{Job, jobs};
use run::{OnFailure, Run};
use share::Share;
use snapshots::Writing;
use tell::Teller;
use worker::Keep;

pub(super) fn test(args: &cli::Test) -> anyhow::Result<u8> {
    let begun = Instant::now();
    let writing = writing(args)?;
    let share = jobs(args)?;
    let jobs = &share.jobs;
    // Whatever a test that was killed has left is removed here.
    state::labs()?;
    let interrupts = Interrupts::hold()?;
    let mut teller = Teller::new(args, &share)?;
    let labs = Vec::with_capacity(jobs.len());
    let mut report = RunReport { labs, partition: share.partition, ..RunReport::default() };
    let keep = if args.keep_on_failure { Keep::OnFailure } else { Keep::Never };
    // What is accepted is no failure, but only known after the lab has ended.
    let on_failure = if args.fail_fast && !args.accept { OnFailure::Stop } else { OnFailure::GoOn };
    let mut run = Run::new(jobs, keep, on_failure, args.jobs, &interrupts);
    while let Some((number, mut result)) = run.next(&mut |running| teller.progress(running))? {
        if let Some(message) = result.denied.take() {
            let none_came_up = report.labs.iter().all(|lab| lab.end != LabEnd::Finished);
            if none_came_up {
                return Err(Fail { code: MACHINE, message: format!("{message}\nno lab was tested") }.into());
            }
            result.report.end = LabEnd::Error { message };
        }
        settle(&jobs[number], &mut result, writing, args);
        teller.lab(&result.report)?;
        report.labs.push(result.report);
    }
    let signal = run.signal();
    if share.tells_of_all() {
        report.unreferenced = snapshots::unreferenced(share.all());
    }
    report.interrupted = signal.is_some();
    report.took_ms = begun.elapsed().as_secs_f64() * 1000.0;
    teller.end(&report)?;
    Ok(signal.map_or_else(|| code(&report), |signal| u8::try_from(128 + signal as i32).unwrap_or(OTHER)))
}

/// What was found about a lab, for test runners that compare by themselves.
#[derive(Debug)]
pub struct Finding {
    /// How it went, compared with the snapshot that is there.
    pub report: LabReport,
    /// The text for the snapshot, if the lab came up.
    pub text: Option<String>,
}

/// Brings labs up, examines them, and takes them down, as `netlab test` does, but tells nobody and writes nothing. The
/// calling process has one thread, since labs are brought up by processes that it forks.
pub fn examine(args: &cli::Test) -> anyhow::Result<Vec<Finding>> {
    let Share { jobs, .. } = jobs(args)?;
    let interrupts = Interrupts::hold()?;
    let mut run = Run::new(&jobs, Keep::Never, OnFailure::GoOn, args.jobs, &interrupts);
    let mut findings = Vec::with_capacity(jobs.len());
    while let Some((_, result)) = run.next(&mut |_| {})? {
        let worker::Result { report, found, denied } = result;
        match denied {
            Some(message) => return Err(Fail { code: MACHINE, message }.into()),
            None => findings.push(Finding { report, text: found }),
        }
    }
    Ok(findings)
}

/// In CI nothing is ever written: what is not in the repository does not count.
fn writing(args: &cli::Test) -> anyhow::Result<Writing> {
    let in_ci = std::env::var("CI").is_ok_and(|value| !["", "0", "false"].contains(&value.as_str()));
    match (args.accept, args.check || in_ci) {
        (true, true) => Err(usage(
            "--accept writes snapshots, and where CI is set nothing is written: unset CI, or accept at home",
        )),
        (true, false) => Ok(Writing::Accepted),
        (false, true) => Ok(Writing::Nothing),
        (false, false) => Ok(Writing::ForReview),
    }
}

/// Writes what a lab's examination leaves to be written, and says so in its report.
fn settle(job: &Job, result: &mut worker::Result, writing: Writing, args: &cli::Test) {
    let report = &mut result.report;
    if let (true, LabEnd::Skipped { reason }) = (args.no_skip, &report.end) {
        let failure = Some(CaseFailure { message: reason.clone(), ..CaseFailure::default() });
        let name = "comes up".to_owned();
        report.cases = vec![CaseReport { name, line: None, failure, remark: None, took_ms: report.took_ms }];
        report.end = LabEnd::Finished;
    }
    let Some(found) = &result.found else { return };
    let Some(case) = report.cases.iter_mut().find(|case| case.is_snapshot()) else { return };
    match (snapshots::write(job, found, writing), writing) {
        (Ok(written), Writing::Accepted) => accept(case, written.map(|path| path.display().to_string())),
        (Ok(Some(path)), _) => {
            add(case, "to review", path.display().to_string());
            review(case, [job.accept_command(args), "cargo insta review".to_owned()]);
        }
        (Ok(None), _) => review(case, [job.accept_command(args)]),
        (Err(why), _) => match &mut case.failure {
            Some(_) if writing == Writing::ForReview => add(case, "not written", why),
            // Wherever it was to be written, it was meant to be.
            failure => *failure = Some(CaseFailure { message: why, ..CaseFailure::default() }),
        },
    }
}

/// What is accepted is no failure, but pairs without a reply are not accepted unseen.
fn accept(case: &mut CaseReport, written: Option<String>) {
    let silent = case.failure.take().map_or(0, |failure| {
        let lines = failure.facts.iter().filter(|fact| fact.label.starts_with(explain::NO_REPLY));
        lines.map(|fact| fact.text.lines().count()).sum()
    });
    case.remark = written.map(|path| match silent {
        0 => format!("wrote {path}"),
        1 => format!("wrote {path}, with a line about pairs that get no reply"),
        lines => format!("wrote {path}, with {lines} lines about pairs that get no reply"),
    });
}

fn review(case: &mut CaseReport, commands: impl IntoIterator<Item = String>) {
    if let Some(failure) = &mut case.failure {
        failure.review.extend(commands);
    }
}

fn add(case: &mut CaseReport, label: &str, text: String) {
    if let Some(failure) = &mut case.failure {
        failure.facts.push(Fact { label: label.to_owned(), text });
    }
}

/// 0 all pass, 1 something failed, 3 this machine can make none of the labs, 4 a lab could not be examined. What one of several
/// parts skips says nothing about the others: where a run of the whole is fine, each of its parts is.
fn code(report: &RunReport) -> u8 {
    let any = |is: fn(&LabReport) -> bool| report.labs.iter().any(is);
    if any(|lab| lab.failed().next().is_some()) {
        FAILED
    } else if any(|lab| matches!(lab.end, LabEnd::Error { .. })) {
        OTHER
    } else if report.partition.is_none_or(|partition| partition.of == 1)
        && report.labs.iter().all(|lab| matches!(lab.end, LabEnd::Skipped { .. }))
    {
        MACHINE
    } else {
        FINE
    }
}

/// A case that has been decided, since it was begun.
fn case(name: &str, line: Option<u32>, failure: Option<CaseFailure>, begun: Instant) -> CaseReport {
    let took_ms = begun.elapsed().as_secs_f64() * 1000.0;
    CaseReport { name: name.to_owned(), line, failure, remark: None, took_ms }
}
