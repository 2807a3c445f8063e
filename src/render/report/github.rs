//! A test run as workflow commands of GitHub Actions, which show failures beside the lines of a topology file.

use super::details;
use super::words::{one_line, visible};
use crate::suite::{CaseFailure, CaseReport, LabEnd, LabReport, RunReport};

/// How wide the text beside a line gets.
const WIDTH: usize = 76;
/// How many lines of a difference an annotation shows; the log and the summary have all.
const MOST_DIFF: usize = 20;

/// An annotation for each failure, error, skipped lab and unreferenced snapshot. Each line ends with a line end.
#[must_use]
pub fn annotations(run: &RunReport) -> String {
    let labs = run.labs.iter().flat_map(|lab| {
        let cases = lab.cases.iter().filter_map(|case| Some(failure(lab, case, case.failure.as_ref()?)));
        cases.chain(end(lab)).collect::<Vec<_>>()
    });
    let unreferenced = run.unreferenced.iter().map(|file| {
        let title = "unreferenced snapshot".to_owned();
        let message = format!("no topology refers to the snapshot {}", one_line(file));
        Annotation { level: "warning", file: file.clone(), line: None, title, message }
    });
    labs.chain(unreferenced).map(|annotation| annotation.command()).collect()
}

struct Annotation {
    level: &'static str,
    file: String,
    line: Option<u32>,
    title: String,
    message: String,
}

impl Annotation {
    fn command(&self) -> String {
        let Self { level, file, title, message, .. } = self;
        // GitHub finds files by their path from the top of the repository.
        let file = property(&one_line(file.strip_prefix("./").unwrap_or(file)));
        let line = self.line.map(|line| format!(",line={line}")).unwrap_or_default();
        let title = property(&one_line(title));
        format!("::{level} file={file}{line},title={title}::{}\n", data(&visible(message)))
    }
}

fn failure(lab: &LabReport, case: &CaseReport, failure: &CaseFailure) -> Annotation {
    Annotation {
        level: "error",
        file: lab.file.clone(),
        line: case.line,
        title: format!("{}: {}", lab.name, case.name),
        message: details::plain(failure, WIDTH, MOST_DIFF),
    }
}

fn end(lab: &LabReport) -> Option<Annotation> {
    let (level, what, message) = match &lab.end {
        LabEnd::Finished => return None,
        LabEnd::Skipped { reason } => ("warning", "skipped", reason.as_str()),
        LabEnd::Error { message } => ("error", "error", message.as_str()),
        LabEnd::Stopped => ("warning", "stopped", "stopped before its end"),
    };
    let title = format!("{}: {what}", lab.name);
    Some(Annotation {
        level,
        file: lab.file.clone(),
        line: None,
        title,
        message: message.trim_end().to_owned(),
    })
}

/// A command is one line, and `%` begins an escape.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Properties are separated by commas and end at a colon.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
