//! `netlab check`: what is wrong with topology files, all of it, without making anything.

use serde::Serialize;

use super::{FINE, USAGE, load, print_json};
use crate::cli::{Check, Format};
use crate::diag::Diagnostic;
use crate::render::summary;
use crate::ui;

/// What was found in one file.
#[derive(Serialize)]
struct Checked {
    file: String,
    /// Whether a lab can be made of it.
    valid: bool,
    /// Why it could not be read, if it could not.
    unreadable: Option<String>,
    errors: Vec<Finding>,
}

/// One error, for programs.
#[derive(Serialize)]
struct Finding {
    code: &'static str,
    message: String,
    /// Counted from 1, in characters.
    line: usize,
    column: usize,
    help: Vec<String>,
}

#[derive(Serialize)]
struct Report {
    files: Vec<Checked>,
}

pub(super) fn check(args: &Check) -> anyhow::Result<u8> {
    let mut code = FINE;
    let mut files = Vec::new();
    for path in &args.files {
        let mut checked =
            Checked { file: path.display().to_string(), valid: false, unreadable: None, errors: Vec::new() };
        match load::read(path) {
            Err(error) => {
                if args.format == Format::Text {
                    ui::remark(&format!("netlab: {error:#}"));
                }
                checked.unreadable = Some(error.to_string());
            }
            Ok(text) => match text.parse() {
                Ok(lab) => {
                    checked.valid = true;
                    if args.format == Format::Text {
                        ui::print(&format!("{}: fine: {}\n", text.path, summary(&lab)))?;
                    }
                }
                Err(diagnostics) => {
                    if args.format == Format::Text {
                        ui::remark(text.render(&diagnostics).trim_end());
                    }
                    checked.errors =
                        diagnostics.iter().map(|diagnostic| finding(&text.text, diagnostic)).collect();
                }
            },
        }
        if !checked.valid {
            code = USAGE;
        }
        files.push(checked);
    }
    if args.format == Format::Json {
        print_json("netlab.check/1", &Report { files })?;
    }
    Ok(code)
}

fn finding(text: &str, diagnostic: &Diagnostic) -> Finding {
    let start = diagnostic.labels.first().map_or(0, |label| label.span.start).min(text.len());
    let before = text.get(..start).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    Finding {
        code: diagnostic.code.id(),
        message: diagnostic.message.clone(),
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
        help: diagnostic.help.clone(),
    }
}
