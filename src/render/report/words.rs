//! What all formats need to turn a report into words: safe text, durations, numbers of things, lines that fit.

use crate::render::count;
use crate::suite::partition::Dealt;
use crate::suite::{CaseReport, LabEnd, LabReport, Partition};

/// Text as it may be printed: what would move the cursor, change colours or reorder other text, and what XML forbids,
/// becomes an escape. Line ends stay.
pub(in crate::render) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.replace("\r\n", "\n").chars() {
        if hidden(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// Text that must stay on one line.
pub(in crate::render) fn one_line(text: &str) -> String {
    visible(text.trim_end_matches('\n')).replace('\n', "\\n")
}

fn hidden(c: char) -> bool {
    let control = c.is_control() && c != '\n';
    // Line and paragraph separators, marks and overrides of the writing direction, and two that are no characters.
    control
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || matches!(c, '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// A duration as people say it: `62 ms`, `1.4 s`, `2 min 5 s`.
pub(super) fn duration(millis: f64) -> String {
    if millis < 10.0 {
        format!("{millis:.1} ms")
    } else if millis < 999.5 {
        format!("{millis:.0} ms")
    } else if millis < 59_950.0 {
        format!("{:.1} s", millis / 1000.0)
    } else {
        let seconds = (millis / 1000.0).round();
        format!("{:.0} min {:.0} s", (seconds / 60.0).floor(), seconds % 60.0)
    }
}

/// `3 tests`
pub(super) fn number(number: usize, thing: &str) -> String {
    count(number as u64, thing)
}

/// `part 2 of 4: 5 of 18 labs`
pub(super) fn part(partition: &Partition) -> String {
    let Partition { part, of, dealt, here, all } = partition;
    let whole = number(
        *all,
        match dealt {
            Dealt::Labs => "lab",
            Dealt::Checks => "check",
        },
    );
    match here {
        0 => format!("part {part} of {of}: none of {whole}, so there is nothing to do"),
        here if here == all => format!("part {part} of {of}: all of {whole}"),
        here => format!("part {part} of {of}: {here} of {whole}"),
    }
}

/// What was checked and how that went: `snapshot, 2 tests`, `snapshot; 1 of 2 tests failed`.
pub(super) fn checked(lab: &LabReport) -> String {
    let (snapshots, tests): (Vec<_>, Vec<_>) = lab.cases.iter().partition(|case| case.is_snapshot());
    let failed = |cases: &[&CaseReport]| cases.iter().filter(|case| case.failure.is_some()).count();
    let any_failed = lab.failed().next().is_some();
    let snapshot = match (snapshots.len(), failed(&snapshots)) {
        (0, _) => None,
        (_, 0) => Some("snapshot".to_owned()),
        _ => Some("snapshot failed".to_owned()),
    };
    let tests = match (tests.len(), failed(&tests)) {
        (0, _) => None,
        (all, 0) if any_failed => Some(format!("{} passed", number(all, "test"))),
        (all, 0) => Some(number(all, "test")),
        (1, _) => Some("its test failed".to_owned()),
        (all, failed) => Some(format!("{failed} of {all} tests failed")),
    };
    let said: Vec<String> = snapshot.into_iter().chain(tests).collect();
    let said = said.join(if any_failed { "; " } else { ", " });
    match (&lab.end, said.is_empty()) {
        (LabEnd::Stopped, true) => "stopped before anything was checked".to_owned(),
        (LabEnd::Stopped, false) => format!("{said}; stopped"),
        (_, true) => "nothing to check".to_owned(),
        (_, false) => said,
    }
}

/// A line moved to the right, without spaces where nothing follows them.
pub(super) fn indented(line: &str, by: usize) -> String {
    if line.trim().is_empty() { String::new() } else { format!("{}{line}", " ".repeat(by)) }
}

/// Breaks a line between words so that no piece is wider than `width`, except a single word that is. What is indented
/// was laid out by somebody, and stays as it is.
pub(in crate::render) fn wrap(line: &str, width: usize) -> Vec<String> {
    if line.starts_with(' ') || line.chars().count() <= width {
        return vec![line.to_owned()];
    }
    let mut lines = vec![String::new()];
    for word in line.split(' ') {
        let last = lines.len() - 1;
        let taken = lines[last].chars().count();
        if taken == 0 {
            lines[last].push_str(word);
        } else if taken + 1 + word.chars().count() <= width {
            lines[last].push(' ');
            lines[last].push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_visible_is_escaped() {
        assert_eq!(
            visible("\u{1b}[31mred\u{7}\tü→\r\nnext\u{202e}"),
            "\\u{1b}[31mred\\u{7}\\tü→\nnext\\u{202e}"
        );
        assert_eq!(one_line("two\nlines\n"), "two\\nlines");
    }

    #[test]
    fn durations_are_as_long_as_people_need() {
        let said = [0.04, 9.94, 62.3, 999.4, 999.6, 59_949.0, 59_960.0, 125_000.0, f64::NAN].map(duration);
        let expected = ["0.0 ms", "9.9 ms", "62 ms", "999 ms", "1.0 s", "59.9 s", "1 min 0 s", "2 min 5 s"]
            .map(String::from);
        assert_eq!(said[..8], expected);
    }

    #[test]
    fn an_empty_line_stays_empty_and_spaces_at_the_end_stay() {
        assert_eq!([indented("", 2), indented("  ", 2), indented("+ a ", 2)], ["", "", "  + a "]);
    }

    #[test]
    fn lines_break_between_words_only() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij k", 4), ["abcdefghij", "k"]);
        assert_eq!(wrap("  laid out by hand", 4), ["  laid out by hand"]);
        assert_eq!(wrap("", 4), [""]);
    }
}
