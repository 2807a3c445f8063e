//! A test run as Markdown, for the summary page of a job on GitHub: a table of labs, and what failed below it.

use super::details;
use super::words::{checked, duration, number, one_line, part, visible};
use crate::diag::Style;
use crate::suite::{CaseFailure, CaseReport, LabEnd, LabReport, RunReport, Verdict};

/// How wide facts get: the page has room for more, but reads worse.
const WIDTH: usize = 96;
/// How many lines of one difference the page shows: GitHub refuses pages of more than a mebibyte.
const MOST_DIFF: usize = 300;

/// The page. Ends with a line end.
#[must_use]
pub fn summary(run: &RunReport) -> String {
    let mut out = format!("## netlab test: {}\n\n", headline(run));
    if !run.labs.is_empty() {
        out += "| result | lab | checks | time |\n|---|---|---|--:|\n";
        out.extend(run.labs.iter().map(row));
        out.push('\n');
    }
    for lab in &run.labs {
        out.extend(
            lab.failed()
                .filter_map(|case| Some((case, case.failure.as_ref()?)))
                .map(|(c, f)| failure(lab, c, f)),
        );
        if let LabEnd::Error { message } = &lab.end {
            let title = format!("{}: {}", code(&lab.name), "error");
            out += &folded(&title, &fenced("text", &visible(message.trim_end())));
        }
    }
    if !run.unreferenced.is_empty() {
        out += "Snapshots that no topology refers to:\n\n";
        out.extend(run.unreferenced.iter().map(|file| format!("- {}\n", code(file))));
        out.push('\n');
    }
    out
}

fn headline(run: &RunReport) -> String {
    let labs = run.counts().labs;
    let said = [
        (labs.passed, "passed"),
        (labs.failed, "failed"),
        (labs.error, "in error"),
        (labs.skipped, "skipped"),
        (labs.stopped, "stopped"),
    ];
    let said = said.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}"));
    let whole = run.partition.as_ref().map_or_else(|| number(labs.total, "lab"), part);
    let parts = [whole].into_iter().chain(said);
    let parts: Vec<_> = parts.chain(run.interrupted.then(|| "interrupted".to_owned())).collect();
    format!("{}, in {}", parts.join(", "), duration(run.took_ms))
}

fn row(lab: &LabReport) -> String {
    let verdict = match lab.verdict() {
        Verdict::Passed => "✅ passed",
        Verdict::Failed => "❌ failed",
        Verdict::Skipped => "⏭️ skipped",
        Verdict::Error => "❌ error",
        Verdict::Stopped => "⏹️ stopped",
    };
    let checks = match &lab.end {
        LabEnd::Skipped { reason } => escaped(reason),
        // The whole message is below the table.
        LabEnd::Error { message } => escaped(message.lines().next().unwrap_or_default()),
        LabEnd::Finished | LabEnd::Stopped => checked(lab),
    };
    let time = if lab.verdict() == Verdict::Skipped { String::new() } else { duration(lab.took_ms) };
    format!("| {verdict} | {} | {checks} | {time} |\n", code(&lab.name))
}

fn failure(lab: &LabReport, case: &CaseReport, failure: &CaseFailure) -> String {
    let place = case.line.map_or_else(|| lab.file.clone(), |line| format!("{}:{line}", lab.file));
    let title = format!("{}: <b>{}</b>", code(&lab.name), escaped(&case.name));
    let mut body = format!("{} ({})\n\n", escaped(&failure.message), code(&place));
    let facts = details::facts(failure, WIDTH, Style::Plain);
    if !facts.is_empty() {
        body += &fenced("text", &facts.join("\n"));
    }
    if !failure.diff.is_empty() {
        body += &fenced("diff", &details::short_diff(&failure.diff, MOST_DIFF).join("\n"));
    }
    folded(&title, &body)
}

/// The empty line after the title is where GitHub begins to read Markdown again.
fn folded(title: &str, body: &str) -> String {
    format!("<details><summary>{title}</summary>\n\n{body}</details>\n\n")
}

/// A block that nothing within can end.
fn fenced(language: &str, text: &str) -> String {
    let runs = text.split(|c| c != '`').map(str::len);
    let fence = "`".repeat(runs.max().unwrap_or(0).max(2) + 1);
    format!("{fence}{language}\n{text}\n{fence}\n\n")
}

/// A name in HTML's `code`, where GitHub makes no links and no emoji of it, and which holds backticks too.
fn code(name: &str) -> String {
    format!("<code>{}</code>", escaped(name))
}

/// Every character that means something to Markdown or HTML as a character reference, which means nothing to both, even
/// in cells of tables.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in one_line(text).chars() {
        if "\\`*_[]<>&#|~$".contains(c) {
            out += &format!("&#{};", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}
