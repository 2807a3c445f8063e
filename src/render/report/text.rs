//! A test run as text for people: a block as each lab ends, and a summary that names what failed.

use super::details;
use super::paint::{Paint, paint};
use super::words::{checked, duration, indented, number, one_line, part, visible, wrap};
use crate::diag::Style;
use crate::suite::{CaseFailure, CaseReport, LabEnd, LabReport, RunReport, Verdict};

/// What a report is laid out for where nobody knows better.
pub const WIDTH: usize = 80;
/// The narrowest column of text that can still be read.
const NARROW: usize = 24;
/// The column of a verdict, with the space after it.
const VERDICT: usize = 6;
/// How wide the column of names may get: longer names push the rest of their line to the right.
const LONGEST_NAME: usize = 32;

/// How to tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportText {
    style: Style,
    /// How wide a line may get.
    width: usize,
    /// How wide the names of labs are, so that what is said of them stands in one column.
    names: usize,
}

impl ReportText {
    /// Tells about labs of these names.
    pub fn new<'a>(style: Style, width: usize, names: impl IntoIterator<Item = &'a str>) -> Self {
        let widest = names.into_iter().map(|name| one_line(name).chars().count()).max().unwrap_or(0);
        Self { style, width: width.min(WIDTH), names: widest.min(LONGEST_NAME) }
    }

    /// Everything about one lab: its line, and the details of what went wrong. Ends with a line end.
    #[must_use]
    pub fn lab(&self, lab: &LabReport) -> String {
        let mut lines = self.head(lab);
        let remarks = lab.cases.iter().filter_map(|case| Some((case, case.remark.as_ref()?)));
        for (case, remark) in remarks {
            lines.extend(hanging(
                &format!("{}: {}", one_line(&case.name), visible(remark)),
                VERDICT,
                self.width,
            ));
        }
        for (case, failure) in lab.failed().filter_map(|case| Some((case, case.failure.as_ref()?))) {
            lines.push(String::new());
            lines.extend(self.failure(lab, case, failure));
        }
        if let Some(kept) = &lab.kept {
            let kept = one_line(kept);
            lines.push(String::new());
            lines.push(format!("  {kept} is still up, as the failure left it:"));
            lines.push(format!("    netlab sh --lab {kept:<26} look into it"));
            lines.push(format!("    netlab down {kept:<30} take it down"));
        }
        if lines.iter().any(String::is_empty) {
            lines.push(String::new());
        }
        joined(&lines)
    }

    /// The last words: what failed, what was skipped and why, what could not be checked, and the numbers.
    #[must_use]
    pub fn end(&self, run: &RunReport) -> String {
        let labs = |verdict| run.labs.iter().filter(move |lab| lab.verdict() == verdict);
        let failed =
            run.labs.iter().flat_map(|lab| lab.failed().map(move |case| self.failed_case(lab, case)));
        let skipped = labs(Verdict::Skipped).flat_map(|lab| self.reason(lab));
        let errors = labs(Verdict::Error).flat_map(|lab| self.reason(lab));
        let stopped = labs(Verdict::Stopped).map(|lab| format!("  {}", one_line(&lab.name)));
        let unreferenced = run.unreferenced.iter().map(|file| format!("  {}", one_line(file)));
        let mut lines = Vec::new();
        for (title, colour, entries) in [
            ("failed", Paint::Bad, failed.collect::<Vec<_>>()),
            ("skipped", Paint::Unsure, skipped.collect()),
            ("errors", Paint::Bad, errors.collect()),
            ("stopped", Paint::Unsure, stopped.collect()),
            ("snapshots that no topology refers to", Paint::Unsure, unreferenced.collect()),
        ] {
            if !entries.is_empty() {
                lines.push(paint(&format!("{title}:"), colour, self.style));
                lines.extend(entries);
                lines.push(String::new());
            }
        }
        lines.extend(self.numbers(run));
        joined(&lines)
    }

    /// `PASS  one-node    snapshot, 2 tests                 62 ms`, or the reason where nothing was checked.
    fn head(&self, lab: &LabReport) -> Vec<String> {
        let (word, colour) = match lab.verdict() {
            Verdict::Passed => ("PASS", Paint::Good),
            Verdict::Failed => ("FAIL", Paint::Bad),
            Verdict::Skipped => ("SKIP", Paint::Unsure),
            Verdict::Error => ("ERROR", Paint::Bad),
            Verdict::Stopped => ("STOP", Paint::Unsure),
        };
        // How long it takes to find out that something is lacking tells nothing.
        let time = if lab.verdict() == Verdict::Skipped { String::new() } else { duration(lab.took_ms) };
        let column = VERDICT + self.names + 2;
        // Two spaces and the time stay free at the right.
        let room = self.width.saturating_sub(column + time.chars().count() + 2).max(NARROW);
        let text = match &lab.end {
            LabEnd::Skipped { reason } => visible(reason),
            LabEnd::Error { message } => visible(message),
            LabEnd::Finished | LabEnd::Stopped => checked(lab),
        };
        let mut lines = text.trim_end().lines().flat_map(|line| wrap(line, room));
        let first = lines.next().unwrap_or_default();
        let gap = " ".repeat(VERDICT - word.len());
        let (name, names) = (one_line(&lab.name), self.names);
        let start = format!("{name:<names$}  {first}");
        let taken = VERDICT + start.chars().count() + time.chars().count();
        let space = " ".repeat(self.width.saturating_sub(taken).max(2));
        let line = format!("{}{gap}{start}{space}{time}", paint(word, colour, self.style));
        let mut head = vec![line.trim_end().to_owned()];
        head.extend(lines.map(|line| format!("{}{line}", " ".repeat(column))));
        head
    }

    /// What is known of a failed case.
    fn failure(&self, lab: &LabReport, case: &CaseReport, failure: &CaseFailure) -> Vec<String> {
        let name = one_line(&case.name);
        let mut lines =
            vec![format!("  ✗ {}  {}", paint(&name, Paint::Strong, self.style), place(lab, case))];
        lines.extend(hanging(&one_line(&failure.message), 4, self.width));
        let facts = details::facts(failure, self.width.saturating_sub(6).max(NARROW), self.style);
        let diff = details::diff(&failure.diff, self.style);
        for block in [facts, diff] {
            if !block.is_empty() {
                lines.push(String::new());
            }
            lines.extend(block.iter().map(|line| indented(line, 6)));
        }
        if !failure.review.is_empty() {
            lines.push(String::new());
            lines.push("    if what was found is right, accept it:".to_owned());
            lines.extend(failure.review.iter().map(|command| format!("      {}", one_line(command))));
        }
        lines
    }

    fn failed_case(&self, lab: &LabReport, case: &CaseReport) -> String {
        let names = self.names;
        format!("  {:<names$}  {}  {}", one_line(&lab.name), one_line(&case.name), place(lab, case))
    }

    /// Why nothing, or not everything, was checked.
    fn reason(&self, lab: &LabReport) -> Vec<String> {
        let (LabEnd::Skipped { reason: text } | LabEnd::Error { message: text }) = &lab.end else {
            return Vec::new();
        };
        let column = self.names + 4;
        let mut margin = format!("  {:<names$}  ", one_line(&lab.name), names = self.names);
        let mut lines = Vec::new();
        for line in visible(text.trim_end())
            .lines()
            .flat_map(|line| wrap(line, self.width.saturating_sub(column).max(NARROW)))
        {
            lines.push(format!("{margin}{line}"));
            margin = " ".repeat(column);
        }
        lines
    }

    /// `4 labs: 2 passed, 1 failed, 1 skipped`, and the same of what was checked in them.
    fn numbers(&self, run: &RunReport) -> Vec<String> {
        let counts = run.counts();
        let (labs, cases) = (counts.labs, counts.cases);
        let mut lines = Vec::new();
        if run.interrupted {
            lines.push(paint("interrupted: not everything was checked", Paint::Unsure, self.style));
        }
        lines.extend(run.partition.as_ref().map(part));
        let of_labs = [
            (labs.passed, "passed", Paint::Good),
            (labs.failed, "failed", Paint::Bad),
            (labs.error, "in error", Paint::Bad),
            (labs.skipped, "skipped", Paint::Unsure),
            (labs.stopped, "stopped", Paint::Unsure),
        ];
        let of_cases = [(cases.passed, "passed", Paint::Good), (cases.failed, "failed", Paint::Bad)];
        lines.push(format!("{}{}", number(labs.total, "lab"), self.shares(&of_labs)));
        let time = duration(run.took_ms);
        lines.push(format!("{}{}, in {time}", number(cases.total, "check"), self.shares(&of_cases)));
        lines
    }

    /// `: 2 passed, 1 failed`; nothing where there is nothing.
    fn shares(&self, shares: &[(usize, &str, Paint)]) -> String {
        let shares: Vec<_> = shares
            .iter()
            .filter(|(number, ..)| *number > 0)
            .map(|(number, word, colour)| paint(&format!("{number} {word}"), *colour, self.style))
            .collect();
        if shares.is_empty() { String::new() } else { format!(": {}", shares.join(", ")) }
    }
}

/// Where the case is written down: `labs/two-node.toml:30`.
fn place(lab: &LabReport, case: &CaseReport) -> String {
    let file = one_line(&lab.file);
    case.line.map_or_else(|| file.clone(), |line| format!("{file}:{line}"))
}

/// Text that begins after `margin` spaces and, where it is too long, goes on two further to the right.
fn hanging(text: &str, margin: usize, width: usize) -> Vec<String> {
    let pieces = text.lines().flat_map(|line| wrap(line, width.saturating_sub(margin + 2).max(NARROW)));
    let indent = |(at, line): (usize, String)| format!("{}{line}", " ".repeat(margin + 2 * at.min(1)));
    pieces.enumerate().map(indent).collect()
}

fn joined(lines: &[String]) -> String {
    lines.iter().fold(String::new(), |text, line| text + line + "\n")
}
