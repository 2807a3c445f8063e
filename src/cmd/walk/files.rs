//! The page that a walk is written to.
//!
//! It becomes a file of its name only when it is whole. That it can be written is found out before a packet is sent.

use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tempfile::NamedTempFile;

use super::request::Request;
use crate::cli;
use crate::cmd::usage;
use crate::plan::plan;
use crate::render::walk::{Story, page};
use crate::ui;

/// Where the page goes, and the temporary file beside it.
pub(super) struct Page {
    /// As it was named.
    named: PathBuf,
    path: PathBuf,
    file: NamedTempFile,
}

impl Page {
    /// Makes sure that the page can be written, if one is wanted.
    pub(super) fn open(args: &cli::Walk) -> anyhow::Result<Option<Self>> {
        let Some(named) = &args.html else { return Ok(None) };
        if named == Path::new("-") {
            return Err(usage(
                "--html -: the page goes to a file, such as walk.html; --format json is for pipes",
            ));
        }
        let open = || -> io::Result<Self> {
            let path = target(named)?;
            let folder =
                path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let file = tempfile::Builder::new()
                .prefix(".netlab-")
                .permissions(Permissions::from_mode(0o666))
                .tempfile_in(fs::canonicalize(folder)?)?;
            Ok(Self { named: named.clone(), path, file })
        };
        open().with_context(|| format!("--html {}: it cannot be written", named.display())).map(Some)
    }

    /// Writes it, and says so.
    pub(super) fn write(mut self, request: &Request<'_>, story: &Story) -> anyhow::Result<()> {
        let text = page(story, request.lab, &plan(request.lab))?;
        let write = || -> io::Result<()> {
            self.file.write_all(text.as_bytes())?;
            self.file.persist(&self.path)?;
            Ok(())
        };
        write().with_context(|| format!("--html {}: writing it", self.named.display()))?;
        ui::remark(&format!("wrote {}", self.named.display()));
        Ok(())
    }
}

/// The file that is replaced: what a link points to is written, and the link stays. A device or a pipe is left alone.
fn target(named: &Path) -> io::Result<PathBuf> {
    let path = if named.is_symlink() { fs::canonicalize(named)? } else { named.to_owned() };
    match fs::metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(path),
        Err(error) => Err(error),
        Ok(there) if there.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(there) if !there.is_file() => Err(io::Error::other("it is no regular file")),
        Ok(there) if there.permissions().readonly() => {
            Err(io::Error::other("it is read-only; `chmod u+w` lets it be written"))
        }
        Ok(_) => Ok(path),
    }
}
