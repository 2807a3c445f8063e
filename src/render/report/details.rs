//! The inside of a failure, as lines of text: what is known, how the snapshot differs, and what its author says.

use super::paint::{Paint, paint};
use super::words::{one_line, visible, wrap};
use crate::diag::Style;
use crate::suite::{CaseFailure, DiffLine, Fact, Piece, Side};

/// How far the values of facts are indented at most; a longer label has its value on the next line.
const LABELS: usize = 18;
/// The label of what is to be copied into a shell, which no line may break.
const COMMAND: &str = "mend";

/// Labels with their values beside them, and the author's hint as the last one. No line end within a line.
pub(super) fn facts(failure: &CaseFailure, width: usize, style: Style) -> Vec<String> {
    let hint = failure.hint.iter().map(|text| Fact { label: "hint".to_owned(), text: text.clone() });
    let facts: Vec<Fact> = failure.facts.iter().cloned().chain(hint).collect();
    let labels = facts.iter().map(|fact| one_line(&fact.label).chars().count());
    let column = labels.filter(|length| *length <= LABELS).max().unwrap_or(0) + 2;
    facts.iter().flat_map(|fact| lines_of(fact, column, width, style)).collect()
}

fn lines_of(fact: &Fact, column: usize, width: usize, style: Style) -> Vec<String> {
    let text = visible(fact.text.trim_end());
    let room = width.saturating_sub(column);
    let values = text.lines().flat_map(|line| {
        let line = line.trim_end();
        if fact.label == COMMAND { vec![line.to_owned()] } else { wrap(line, room) }
    });
    let label = one_line(&fact.label);
    let length = label.chars().count();
    let mut lines = Vec::new();
    let mut margin = if length > LABELS {
        lines.push(paint(&label, Paint::Faint, style));
        " ".repeat(column)
    } else {
        format!("{}{}", paint(&label, Paint::Faint, style), " ".repeat(column - length))
    };
    for value in values {
        lines.push(if value.is_empty() { String::new() } else { format!("{margin}{value}") });
        margin = " ".repeat(column);
    }
    lines
}

/// The lines of a difference, with `-`, `+` and gaps.
pub(super) fn diff(lines: &[DiffLine], style: Style) -> Vec<String> {
    lines.iter().map(|line| diff_line(line, style)).collect()
}

/// As [`diff`], but no more than so many lines, for places with little room.
pub(super) fn short_diff(lines: &[DiffLine], most: usize) -> Vec<String> {
    let mut shown = diff(&lines[..lines.len().min(most)], Style::Plain);
    if lines.len() > most {
        shown.push(format!("⋮ {} more lines", lines.len() - most));
    }
    shown
}

fn diff_line(line: &DiffLine, style: Style) -> String {
    let (mark, whole, part) = match line.side {
        Side::Both => return format!("  {}", one_line(&line.text())).trim_end().to_owned(),
        Side::Gap => {
            let text = format!("⋮ {}", one_line(&line.text()));
            return paint(text.trim_end(), Paint::Faint, style);
        }
        Side::Expected => ("- ", Paint::Gone, Paint::GonePart),
        Side::Found => ("+ ", Paint::New, Paint::NewPart),
    };
    let pieces = line.pieces.iter().map(|Piece { text, changed }| {
        // A difference in spaces at the end would be invisible but for its inverse colour.
        paint(&one_line(text), if *changed { part } else { whole }, style)
    });
    paint(mark, whole, style) + &pieces.collect::<String>()
}

/// All of a failure as plain text, for formats that know nothing finer; of the difference, so many lines.
pub(super) fn plain(failure: &CaseFailure, width: usize, most_diff: usize) -> String {
    let message = visible(&failure.message).lines().flat_map(|line| wrap(line, width)).collect();
    let blocks = [message, facts(failure, width, Style::Plain), short_diff(&failure.diff, most_diff)];
    let blocks: Vec<String> =
        blocks.iter().filter(|lines| !lines.is_empty()).map(|lines: &Vec<String>| lines.join("\n")).collect();
    blocks.join("\n\n")
}
