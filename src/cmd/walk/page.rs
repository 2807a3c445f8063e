//! The page that a walk is written to.

use super::request::Request;
use crate::cmd::new_file::NewFile;
use crate::plan::plan;
use crate::render::walk::{Story, page};
use crate::ui;

/// Writes it, and says so.
pub(super) fn write(file: NewFile, request: &Request<'_>, story: &Story) -> anyhow::Result<()> {
    let text = page(story, request.lab, &plan(request.lab))?;
    let said = format!("wrote {}", file.path().display());
    file.write(text.as_bytes())?;
    ui::remark(&said);
    Ok(())
}
