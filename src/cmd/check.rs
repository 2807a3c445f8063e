//! `netlab check`: what is wrong with topology files, all of it, without making anything.

use serde::Serialize;

use super::foresee::{self, Used};
use super::{FINE, USAGE, load, print_json};
use crate::cli::{Check, Format};
use crate::diag::Diagnostic;
use crate::doctor::{Gravity, Obstacle};
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
    /// What a lab of it takes more of than this machine leaves: no error of the file's.
    machine: Vec<Tight>,
}

/// One limit, for programs.
#[derive(Serialize)]
struct Tight {
    limit: &'static str,
    /// Whether `up` refuses for it.
    gravity: Gravity,
    needed: u64,
    left: u64,
    /// What the two are numbers of.
    unit: &'static str,
    remedy: String,
}

impl From<Obstacle> for Tight {
    fn from(obstacle: Obstacle) -> Self {
        Self {
            limit: obstacle.limit.name(),
            gravity: obstacle.gravity,
            needed: obstacle.needed,
            left: obstacle.left,
            unit: obstacle.unit(),
            remedy: obstacle.remedy,
        }
    }
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
        let mut checked = Checked {
            file: path.display().to_string(),
            valid: false,
            unreadable: None,
            errors: Vec::new(),
            machine: Vec::new(),
        };
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
                    let tight = foresee::limits(&lab, Used::Now);
                    if args.format == Format::Text {
                        ui::print(&format!("{}: fine: {}\n", text.path, summary(&lab)))?;
                        foresee::warn(&text.path, &tight);
                    }
                    checked.machine = tight.into_iter().map(Tight::from).collect();
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
