//! Machines that nobody has, as they are shown.

use super::{report, text};
use crate::diag::Style;
use crate::doctor::Examination;
use crate::doctor::sample::{asked, everything_missing, fine, nothing_allowed};

fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../snapshots/doctor");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// As it is shown at that width, where every line has to fit.
fn shown(found: &Examination, width: usize) -> String {
    let text = text(found, Some(width), Style::Plain);
    for line in text.lines() {
        let breakable = line.trim_start().contains(' ') && !line.contains('`');
        assert!(line.chars().count() <= width || !breakable, "wider than {width}: {line}");
        assert_eq!(line, line.trim_end());
    }
    text
}

#[test]
fn machines() {
    snapshot("fine", &shown(&asked(fine()), 80));
    snapshot("nothing-allowed", &shown(&asked(nothing_allowed()), 80));
    snapshot("everything-missing", &shown(&asked(everything_missing()), 80));
}

#[test]
fn a_narrow_terminal() {
    snapshot("narrow", &shown(&asked(everything_missing()), 44));
}

#[test]
fn every_width_from_narrow_to_wide() {
    for found in [asked(fine()), asked(nothing_allowed()), asked(everything_missing())] {
        for width in 44..200 {
            shown(&found, width);
        }
    }
}

#[test]
fn without_a_terminal_lines_fit_eighty_columns() {
    let found = asked(everything_missing());
    assert_eq!(text(&found, None, Style::Plain), shown(&found, 80));
}

#[test]
fn colours_change_nothing_else() {
    let found = asked(everything_missing());
    let coloured = text(&found, None, Style::Coloured);
    assert!(coloured.contains("\u{1b}[1;31mmissing\u{1b}[0m"), "{coloured}");
    let mut plain = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.split_once('m').expect("an end of the sequence").1;
    }
    plain.push_str(rest);
    assert_eq!(plain, text(&found, None, Style::Plain));
}

#[test]
fn for_programs() {
    let found = asked(everything_missing());
    let json = serde_json::to_string_pretty(&report(&found)).expect("json");
    snapshot("everything-missing-json", &json);
}
