//! What a machine can do for labs, as one table and as JSON.

mod json;
mod rows;
#[cfg(test)]
mod tests;

pub use json::{Report, report};

use super::report::paint::{Paint, paint};
use super::report::words::wrap;
use crate::diag::Style;
use crate::doctor::Examination;

/// How wide a line may be where nothing says so.
const WIDTH: usize = 80;
/// What is left for the last column at least, however narrow the terminal is.
const NARROWEST: usize = 24;

/// A line of the table.
struct Row {
    name: String,
    state: String,
    paint: Paint,
    detail: String,
}

/// For people: a table of everything, and what to do about what is not fine.
pub fn text(found: &Examination, width: Option<usize>, style: Style) -> String {
    let width = width.unwrap_or(WIDTH);
    let mut out = String::new();
    for (title, rows) in rows::sections(found) {
        out.push_str(&format!("{}\n", paint(title, Paint::Strong, style)));
        out.push_str(&table(&rows, width, style));
        out.push('\n');
    }
    let remedies = found.remedies();
    if !remedies.is_empty() {
        out.push_str(&format!("{}\n", paint("what to do", Paint::Strong, style)));
    }
    for remedy in remedies {
        for (margin, text) in [("  ", &remedy.about), ("    ", &remedy.text)] {
            for line in wrap_around_commands(text, width.saturating_sub(margin.len()).max(NARROWEST)) {
                out.push_str(&format!("{margin}{line}\n"));
            }
        }
    }
    if !out.ends_with("\n\n") {
        out.push('\n');
    }
    out.push_str(&format!("{}\n", rows::verdict(found)));
    out
}

/// Lines that fit, but for commands between backticks, which are to be copied whole.
fn wrap_around_commands(text: &str, width: usize) -> Vec<String> {
    const KEPT: &str = "\u{a0}";
    let parts = text.split('`').enumerate();
    let parts: Vec<String> = parts
        .map(|(number, part)| if number % 2 == 1 { part.replace(' ', KEPT) } else { part.to_owned() })
        .collect();
    wrap(&parts.join("`"), width).into_iter().map(|line| line.replace(KEPT, " ")).collect()
}

/// Names, states and details in columns; a detail goes on below itself where it is too long.
fn table(rows: &[Row], width: usize, style: Style) -> String {
    let longest = |of: fn(&Row) -> &str| rows.iter().map(|row| of(row).chars().count()).max().unwrap_or(0);
    let names = longest(|row| &row.name);
    let states = longest(|row| &row.state);
    let before = 2 + names + 2 + states + 2;
    // Where there is no room beside, details go below.
    let words = rows.iter().flat_map(|row| row.detail.split(' ')).map(|word| word.chars().count());
    let below = width < before + words.max().unwrap_or(0).max(NARROWEST);
    let column = if below { 4 } else { before };
    let mut out = String::new();
    for row in rows {
        let state = paint(&row.state, row.paint, style);
        let padding = if below { 0 } else { names };
        let mut line = format!("  {:padding$}  {state}", row.name);
        let mut details = wrap(&row.detail, width.saturating_sub(column).max(NARROWEST)).into_iter();
        if !below && let Some(first) = details.next() {
            let gap = " ".repeat(states - row.state.chars().count());
            line.push_str(&format!("{gap}  {first}"));
        }
        out.push_str(&format!("{}\n", line.trim_end()));
        for detail in details.filter(|detail| !detail.is_empty()) {
            out.push_str(&format!("{}{detail}\n", " ".repeat(column)));
        }
    }
    out
}
