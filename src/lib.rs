//! netlab: fake Kubernetes nodes and pods on the real Linux data path, from one TOML file.
//!
//! Text becomes a [`spec`] (as written), that a [`model`] (validated, every address assigned), that a
//! [`plan`](mod@plan) (the exact kernel objects, in order), and that is built by [`kernel`]. The first three do no I/O.

pub mod blame;
pub mod cli;
pub mod cmd;
pub mod compare;
pub mod diag;
pub mod doctor;
pub mod event;
pub mod kernel;
pub mod model;
pub mod packet;
pub mod plan;
pub mod probe;
pub mod render;
pub mod serve;
pub mod spec;
pub mod state;
pub mod suite;
pub mod ui;
pub mod walk;

use diag::Diagnostic;
use model::{DataPath, Lab};

/// Reads a topology and validates it: the lab, or everything that is wrong with the file.
///
/// `file_stem` names the lab where the file does not.
pub fn parse(text: &str, file_stem: &str) -> Result<Lab, Vec<Diagnostic>> {
    parse_with(text, file_stem, None)
}

/// As [`parse`], with another data path than the file's.
pub fn parse_with(text: &str, file_stem: &str, data_path: Option<DataPath>) -> Result<Lab, Vec<Diagnostic>> {
    let (document, mut diagnostics) = spec::read(text);
    if diagnostics.iter().any(|diagnostic| diagnostic.code == diag::Code::Syntax) {
        return Err(diagnostics);
    }
    match model::build(&document, file_stem, data_path) {
        Ok(lab) if diagnostics.is_empty() => Ok(lab),
        Ok(_) => Err(diagnostics),
        Err(more) => {
            diagnostics.extend(more);
            diagnostics
                .sort_by_key(|diagnostic| diagnostic.labels.first().map_or(0, |label| label.span.start));
            Err(diagnostics)
        }
    }
}
