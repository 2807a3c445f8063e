//! A test run as JSON, `netlab.test/1`: every key is always there, and counts are counted.

use serde::Serialize;

use crate::suite::{CaseReport, Counts, DiffLine, Fact, LabEnd, LabReport, Partition, RunReport, Verdict};

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    counts: Counts,
    /// Which part of a run this is; nothing where it is the whole.
    partition: Option<Partition>,
    interrupted: bool,
    took_ms: f64,
    labs: Vec<Lab<'a>>,
    unreferenced: &'a [String],
}

#[derive(Serialize)]
struct Lab<'a> {
    name: &'a str,
    file: &'a str,
    result: Verdict,
    /// Why it was skipped, or the error.
    reason: Option<&'a str>,
    kept: Option<&'a str>,
    took_ms: f64,
    cases: Vec<Case<'a>>,
}

#[derive(Serialize)]
struct Case<'a> {
    name: &'a str,
    line: Option<u32>,
    result: Verdict,
    remark: Option<&'a str>,
    took_ms: f64,
    failure: Option<Failure<'a>>,
}

#[derive(Serialize)]
struct Failure<'a> {
    message: &'a str,
    facts: &'a [Fact],
    diff: &'a [DiffLine],
    hint: Option<&'a str>,
}

/// The report as indented JSON.
///
/// # Errors
/// None that can be caused from outside; `serde_json`'s are passed on.
pub fn json(run: &RunReport) -> serde_json::Result<String> {
    serde_json::to_string_pretty(&Document {
        schema: "netlab.test/1",
        counts: run.counts(),
        partition: run.partition,
        interrupted: run.interrupted,
        took_ms: run.took_ms,
        labs: run.labs.iter().map(lab).collect(),
        unreferenced: &run.unreferenced,
    })
}

fn lab(lab: &LabReport) -> Lab<'_> {
    Lab {
        name: &lab.name,
        file: &lab.file,
        result: lab.verdict(),
        reason: match &lab.end {
            LabEnd::Skipped { reason } => Some(reason),
            LabEnd::Error { message } => Some(message),
            LabEnd::Finished | LabEnd::Stopped => None,
        },
        kept: lab.kept.as_deref(),
        took_ms: lab.took_ms,
        cases: lab.cases.iter().map(case).collect(),
    }
}

fn case(case: &CaseReport) -> Case<'_> {
    let failure = case.failure.as_ref().map(|failure| Failure {
        message: &failure.message,
        facts: &failure.facts,
        diff: &failure.diff,
        hint: failure.hint.as_deref(),
    });
    Case {
        name: &case.name,
        line: case.line,
        result: if failure.is_some() { Verdict::Failed } else { Verdict::Passed },
        remark: case.remark.as_deref(),
        took_ms: case.took_ms,
        failure,
    }
}
