//! A comparison for documents: one table, and why what is not in it is not.

use super::table::{COLUMNS, Column, Kind};
use super::{failures, measured, reason, title};
use crate::compare::{Comparison, PINGS};
use crate::render::report::words::one_line;

/// The page. Ends with a line end.
pub fn markdown(comparison: &Comparison) -> String {
    let mut out = format!("{}\n\n", escaped(&title(comparison)));
    let row = |first: &str, cells: Vec<String>| format!("| {first} | {} |\n", cells.join(" | "));
    let head = |group: &str, head: &str, kind: Kind| {
        let star = if kind == Kind::HereAndNow { "*" } else { "" };
        // The star says that already.
        let group = if kind == Kind::HereAndNow { "" } else { group };
        format!("{group} {head}{star}").trim().replace('*', "\\*")
    };
    out += &row(
        "data path",
        COLUMNS.iter().map(|column| head(column.group, column.head, column.kind)).collect(),
    );
    out += &format!("|---|{}\n", "---:|".repeat(COLUMNS.len()));
    for (name, of) in measured(comparison) {
        // What aligns a column of text is nothing to Markdown.
        let cell = |column: &Column| {
            let text = (column.cell)(of, comparison);
            text.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        out += &row(name, COLUMNS.iter().map(cell).collect());
    }
    out += &format!(
        "\n\\* here and now: the median of {PINGS} pings, and TCP one way for {} s; only good for comparing with each \
         other. Sizes are in bytes, on {}'s eth0.\n",
        comparison.seconds, comparison.pair.from.node
    );
    let failures = measured(comparison)
        .flat_map(|(name, of)| failures(of).into_iter().map(move |line| format!("{name}: {line}")));
    let absent = comparison
        .rows
        .iter()
        .filter_map(|row| Some(format!("{}: not compared: {}", row.data_path.word(), reason(row)?)));
    let remarks: Vec<String> = failures.chain(absent).map(|line| format!("- {}\n", escaped(&line))).collect();
    if !remarks.is_empty() {
        out.push('\n');
        out.extend(remarks);
    }
    out
}

/// Text of which nothing is taken for markup.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in one_line(text).chars() {
        if "\\`*_[]<>&#|~$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
