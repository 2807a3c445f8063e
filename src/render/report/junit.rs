//! A test run as JUnit XML, for the many programs that show test results: a suite for each lab, a case for each check.
//!
//! `tests/junit.xsd` says what is allowed. What is no check but must be seen, such as a lab that was skipped, is a case
//! called `lab`.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

use super::details;
use super::words::{one_line, visible};
use crate::suite::{CaseReport, LabEnd, LabReport, Partition, RunReport};

/// How wide the text of a failure gets: viewers do not wrap it.
const WIDTH: usize = 100;

/// The report as XML.
///
/// # Errors
/// None that can be caused from outside; the serializer's are passed on.
pub fn junit(run: &RunReport) -> Result<String, SerializeError> {
    // Of parts that are put side by side, each says which it is.
    let name = run.partition.map(|Partition { part, of, .. }| format!("netlab {part}/{of}"));
    let mut report = Report::new(name.unwrap_or_else(|| "netlab".to_owned()));
    report.set_time(time(run.took_ms));
    report.add_test_suites(run.labs.iter().map(|lab| suite(lab, run.partition)));
    report.to_string()
}

fn suite(lab: &LabReport, partition: Option<Partition>) -> TestSuite {
    let mut suite = TestSuite::new(one_line(&lab.name));
    suite.set_time(time(lab.took_ms));
    suite.extra.insert("file".into(), one_line(&lab.file).into());
    if let Some(kept) = &lab.kept {
        suite.add_property(("kept", one_line(kept).as_str()));
    }
    if let Some(Partition { part, of, .. }) = partition {
        suite.add_property(("partition", format!("{part}/{of}").as_str()));
    }
    suite.add_test_cases(lab.cases.iter().map(|case| test_case(lab, case)));
    if let Some(status) = end(lab) {
        let mut case = TestCase::new("lab", status);
        locate(&mut case, lab, None);
        case.set_time(time(lab.took_ms));
        suite.add_test_case(case);
    }
    suite
}

fn test_case(lab: &LabReport, case: &CaseReport) -> TestCase {
    let status = case.failure.as_ref().map_or_else(TestCaseStatus::success, |failure| {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_message(one_line(&failure.message));
        status.set_type(if case.is_snapshot() { "snapshot" } else { "test" });
        status.set_description(details::plain(failure, WIDTH, usize::MAX));
        status
    });
    let mut written = TestCase::new(one_line(&case.name), status);
    locate(&mut written, lab, case.line);
    written.set_time(time(case.took_ms));
    if let Some(remark) = &case.remark {
        written.set_system_out(visible(remark));
    }
    written
}

/// `file` and `line` are in no schema, but written by pytest and read by GitLab and by those who annotate pull requests.
fn locate(case: &mut TestCase, lab: &LabReport, line: Option<u32>) {
    case.set_classname(one_line(&lab.name));
    case.extra.insert("file".into(), one_line(&lab.file).into());
    if let Some(line) = line {
        case.extra.insert("line".into(), line.to_string().into());
    }
}

/// How the lab ended, where that is not what its cases say.
fn end(lab: &LabReport) -> Option<TestCaseStatus> {
    let (mut status, message) = match &lab.end {
        LabEnd::Finished => return None,
        LabEnd::Skipped { reason } => (TestCaseStatus::skipped(), reason.as_str()),
        LabEnd::Error { message } => (TestCaseStatus::non_success(NonSuccessKind::Error), message.as_str()),
        // Not skipped: a run that somebody stopped must not look as if all was well.
        LabEnd::Stopped => (TestCaseStatus::non_success(NonSuccessKind::Error), "stopped before its end"),
    };
    status.set_message(one_line(message.lines().next().unwrap_or_default()));
    if message.trim_end().contains('\n') {
        status.set_description(visible(message));
    }
    Some(status)
}

/// The format has no way to say that a duration is not known.
fn time(millis: f64) -> Duration {
    Duration::try_from_secs_f64(millis / 1000.0).unwrap_or_default()
}
