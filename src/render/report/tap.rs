//! A test run in the Test Anything Protocol, version 14.
//!
//! One flat list, not a subtest for each lab: every harness shows the names in a flat list, and older ones skip subtests.

use super::details;
use super::words::{indented, one_line, part, visible};
use crate::diag::Style;
use crate::suite::{CaseFailure, CaseReport, LabEnd, LabReport, RunReport};

/// How wide facts and hints get.
const WIDTH: usize = 76;

/// The report, plan first. Ends with a line end.
#[must_use]
pub fn tap(run: &RunReport) -> String {
    let points: Vec<Point> = run.labs.iter().flat_map(points).collect();
    let mut out = String::from("TAP version 14\n");
    out += &match points.len() {
        // A plan of nothing wants to say why.
        0 if run.partition.is_some_and(|partition| partition.here == 0) => {
            "1..0 # nothing is in this part\n".to_owned()
        }
        0 => "1..0 # no labs\n".to_owned(),
        all => format!("1..{all}\n"),
    };
    out.extend(run.partition.as_ref().map(|partition| format!("# {}\n", part(partition))));
    for (number, point) in (1..).zip(&points) {
        out += &point.lines(number);
    }
    for file in &run.unreferenced {
        out += &format!("# no topology refers to the snapshot {}\n", one_line(file));
    }
    if run.interrupted {
        out += "Bail out! interrupted\n";
    }
    out
}

/// One line of the protocol, with what belongs to it.
struct Point {
    fine: bool,
    name: String,
    skipped: Option<String>,
    diagnostic: Option<String>,
    comment: Option<String>,
}

impl Point {
    fn lines(&self, number: usize) -> String {
        let status = if self.fine { "ok" } else { "not ok" };
        let mut out = format!("{status} {number} - {}", escaped(&self.name));
        if let Some(reason) = &self.skipped {
            out += &format!(" # SKIP {}", escaped(reason));
        }
        out.push('\n');
        if let Some(yaml) = &self.diagnostic {
            let lines = ["---"].into_iter().chain(yaml.lines()).chain(["..."]);
            out.extend(lines.map(|line| indented(line, 2) + "\n"));
        }
        out.extend(self.comment.iter().map(|comment| format!("# {}\n", one_line(comment))));
        out
    }
}

fn points(lab: &LabReport) -> Vec<Point> {
    let mut points: Vec<Point> = lab.cases.iter().map(|case| checked(lab, case)).collect();
    let message = |text: &str| Some(format!("{}{}", scalar("message", text), at(lab, None)));
    let (fine, skipped, diagnostic) = match &lab.end {
        LabEnd::Finished => return points,
        LabEnd::Skipped { reason } => (true, Some(reason.clone()), None),
        LabEnd::Error { message: text } => (false, None, message(text)),
        LabEnd::Stopped => (false, None, message("stopped before its end")),
    };
    points.push(Point { fine, name: lab.name.clone(), skipped, diagnostic, comment: None });
    points
}

fn checked(lab: &LabReport, case: &CaseReport) -> Point {
    Point {
        fine: case.failure.is_none(),
        name: format!("{}: {}", lab.name, case.name),
        skipped: None,
        diagnostic: case.failure.as_ref().map(|failure| diagnostic(lab, case, failure)),
        comment: case.remark.clone(),
    }
}

/// The failure in YAML: words in quotes, facts and differences as blocks that people can read too.
fn diagnostic(lab: &LabReport, case: &CaseReport, failure: &CaseFailure) -> String {
    let mut yaml = scalar("message", &failure.message);
    yaml += &at(lab, case.line);
    let without_hint = CaseFailure { hint: None, ..failure.clone() };
    yaml += &block("facts", &details::facts(&without_hint, WIDTH, Style::Plain));
    yaml += &block("diff", &details::diff(&failure.diff, Style::Plain));
    if let Some(hint) = &failure.hint {
        yaml += &scalar("hint", hint);
    }
    yaml
}

fn at(lab: &LabReport, line: Option<u32>) -> String {
    let line = line.map(|line| format!("  line: {line}\n")).unwrap_or_default();
    format!("at:\n  {}{line}", scalar("file", &lab.file))
}

/// `key: "value"`
fn scalar(key: &str, value: &str) -> String {
    let mut quoted = String::new();
    for c in visible(value.trim_end()).chars() {
        match c {
            '\n' => quoted += "\\n",
            '"' | '\\' => quoted.extend(['\\', c]),
            c => quoted.push(c),
        }
    }
    format!("{key}: \"{quoted}\"\n")
}

/// Lines as they are. The `2` says how far they are indented, for a first line that itself begins with spaces.
fn block(key: &str, lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let lines: String = lines.iter().map(|line| indented(line, 2) + "\n").collect();
    format!("{key}: |2-\n{lines}")
}

/// A `#` would begin a directive.
fn escaped(text: &str) -> String {
    one_line(text).replace('\\', r"\\").replace('#', r"\#")
}
