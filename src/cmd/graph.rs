//! `netlab graph`: a topology as a drawing, of a file or of a running lab.

use std::path::Path;

use super::{FINE, load, running, usage};
use crate::cli::{Graph, GraphFormat};
use crate::model::Lab;
use crate::render::graph;
use crate::{state, ui};

pub(super) fn graph(args: &Graph) -> anyhow::Result<u8> {
    let lab = lab(&args.file, args.data_path.as_deref())?;
    ui::print(&match args.format {
        GraphFormat::Text => graph::text(&lab),
        GraphFormat::Mermaid => graph::mermaid(&lab),
        GraphFormat::Dot => graph::dot(&lab),
    })?;
    Ok(FINE)
}

/// A bare word that is no file names a running lab.
fn lab(path: &Path, data_path: Option<&str>) -> anyhow::Result<Lab> {
    let word = path.to_string_lossy();
    let bare = !word.contains('/') && !word.ends_with(".toml");
    if bare && data_path.is_some() && !path.is_file() {
        let record = running::find(Some(&word))?;
        return Err(usage(format!(
            "--data-path: `{word}` is running, on {}; name its file to see it on another data path",
            record.lab.data_path.word()
        )));
    }
    if bare
        && data_path.is_none()
        && let Some(record) = state::record(&word)
    {
        return Ok(record.lab);
    }
    if bare && !path.is_file() {
        return running::find(Some(&word)).map(|record| record.lab);
    }
    load::lab(path, data_path)
}
