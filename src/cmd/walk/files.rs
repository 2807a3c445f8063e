//! The page that a walk is written to.

use super::request::Request;
use crate::cli;
use crate::cmd::new_file::NewFile;
use crate::plan::plan;
use crate::render::walk::{Story, page};
use crate::ui;

/// Where the page goes.
pub(super) struct Page(NewFile);

impl Page {
    /// Makes sure that the page can be written, if one is wanted.
    pub(super) fn open(args: &cli::Walk) -> anyhow::Result<Option<Self>> {
        args.html.as_deref().map(|path| NewFile::open("--html", path).map(Self)).transpose()
    }

    /// Writes it, and says so.
    pub(super) fn write(self, request: &Request<'_>, story: &Story) -> anyhow::Result<()> {
        let text = page(story, request.lab, &plan(request.lab))?;
        let path = self.0.path().display().to_string();
        self.0.write(text.as_bytes())?;
        ui::remark(&format!("wrote {path}"));
        Ok(())
    }
}
