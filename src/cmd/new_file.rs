//! A file that is opened before the work that fills it, and is there under its name only when it is whole.

use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::test::snapshots::owner_for;
use super::{Fail, OTHER, usage};

/// A file to be written.
pub(super) struct NewFile {
    /// The option by which it was asked for, and its path: how errors begin.
    called: String,
    path: PathBuf,
    /// A temporary file, and what it is to become.
    file: NamedTempFile,
    becomes: PathBuf,
}

impl NewFile {
    /// Opens it. Nothing is there under its name yet.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn open(option: &str, path: &Path) -> anyhow::Result<Self> {
        if path == Path::new("-") {
            return Err(usage(format!("{option} -: standard output is where the walk is told: name a file")));
        }
        let called = format!("{option} {}", path.display());
        let opened = target(path).and_then(|becomes| Ok((temporary(&becomes)?, becomes)));
        let (file, becomes) = opened.map_err(|error| cannot(&called, &reason(path, &error)))?;
        Ok(Self { called, path: path.to_owned(), file, becomes })
    }

    /// Its path, as it was given.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes all of it.
    ///
    /// # Errors
    /// If it cannot be written; whatever was there before is still there then.
    pub(super) fn write(self, bytes: &[u8]) -> anyhow::Result<()> {
        let Self { called, path, mut file, becomes } = self;
        let written = file.write_all(bytes).and_then(|()| file.flush());
        let written = written.and_then(|()| file.persist(becomes).map(drop).map_err(|error| error.error));
        written.map_err(|error| cannot(&called, &reason(&path, &error)))
    }
}

/// The file that is replaced: what a link points to is written, and the link stays. A device or a pipe is left alone.
fn target(path: &Path) -> io::Result<PathBuf> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(found) if !found.is_file() => return Err(io::Error::other("it is no regular file")),
        Ok(found) if found.permissions().readonly() => {
            return Err(io::Error::other("it is read-only; `chmod u+w` lets it be written"));
        }
        _ => {}
    }
    // Whoever writes may be somewhere else by then.
    if path.is_symlink() { fs::canonicalize(path) } else { std::path::absolute(path) }
}

fn temporary(becomes: &Path) -> io::Result<NamedTempFile> {
    let folder = becomes.parent().unwrap_or(Path::new("/"));
    let file = tempfile::Builder::new()
        .prefix(".netlab-")
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)?;
    // What root writes belongs to whom the folder belongs to.
    if let Some((user, group)) = owner_for(folder)? {
        fchown(file.as_file(), Some(user), Some(group))?;
    }
    Ok(file)
}

fn cannot(called: &str, reason: &str) -> anyhow::Error {
    Fail { code: OTHER, message: format!("{called}: it cannot be written: {reason}") }.into()
}

fn reason(path: &Path, error: &io::Error) -> String {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match error.kind() {
        io::ErrorKind::NotFound if path.is_symlink() => "it is a link to nothing".to_owned(),
        io::ErrorKind::NotFound => format!("there is no folder {}", folder.display()),
        io::ErrorKind::NotADirectory => format!("{} is no folder", folder.display()),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        io::ErrorKind::PermissionDenied => format!("you may not write to {}", folder.display()),
        io::ErrorKind::StorageFull => "the disk is full".to_owned(),
        io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(result: anyhow::Result<NewFile>) -> String {
        result.err().expect("an error").to_string()
    }

    #[test]
    fn a_file_is_there_when_it_is_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("walk.pcapng");
        fs::write(&path, "before").expect("a file");
        let abandoned = NewFile::open("--pcapng", &path).expect("a file");
        assert_eq!(fs::read(&path).expect("a file"), b"before");
        drop(abandoned);
        NewFile::open("--pcapng", &path).expect("a file").write(b"now").expect("written");
        assert_eq!(fs::read(&path).expect("a file"), b"now");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing else is left");
    }

    #[test]
    fn a_link_and_what_is_no_file_stay_what_they_are() {
        let folder = tempfile::tempdir().expect("a folder");
        let (link, path) = (folder.path().join("link"), folder.path().join("file"));
        fs::write(&path, "before").expect("a file");
        std::os::unix::fs::symlink(&path, &link).expect("a link");
        NewFile::open("--pcapng", &link).expect("a file").write(b"now").expect("written");
        assert!(link.is_symlink());
        assert_eq!(fs::read(&path).expect("a file"), b"now");
        let complaint = message(NewFile::open("--pcapng", Path::new("/dev/null")));
        assert_eq!(complaint, "--pcapng /dev/null: it cannot be written: it is no regular file");
    }

    #[test]
    fn what_cannot_be_written_is_refused_before() {
        let folder = tempfile::tempdir().expect("a folder");
        let shown = folder.path().display();
        let open = |path: &Path| message(NewFile::open("--pcapng", path));
        assert_eq!(open(folder.path()), format!("--pcapng {shown}: it cannot be written: it is a folder"));
        assert_eq!(
            open(&folder.path().join("no/file")),
            format!("--pcapng {shown}/no/file: it cannot be written: there is no folder {shown}/no")
        );
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("nowhere", &link).expect("a link");
        assert!(open(&link).ends_with("it is a link to nothing"));
        assert!(open(Path::new("-")).ends_with("name a file"));
    }
}
