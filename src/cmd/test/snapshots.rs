//! Snapshot files on disk: read, compared, and written so that one that is killed half-way leaves the old one whole.

use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown, lchown};
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;

use super::job::Job;
use crate::suite::Snapshot;

/// The largest snapshot that is read: that of a hundred thousand pods.
const LARGEST: u64 = 64 << 20;

/// What may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writing {
    /// Nothing.
    Nothing,
    /// What is to be reviewed, as `.snap.new`.
    ForReview,
    /// The snapshots themselves.
    Accepted,
}

/// The snapshot of a job, if it has one; or why it cannot be used, with its path.
pub(super) fn read(path: &Path) -> Result<Option<Snapshot>, String> {
    let fail = |why: String| format!("{}: {why}", path.display());
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fail(error.to_string())),
        Ok(metadata) => metadata,
    };
    if metadata.is_dir() {
        return Err(fail("it is a directory, and has to be a file: move it away".into()));
    }
    // Reading a pipe or a device may never end.
    if !metadata.is_file() {
        return Err(fail("it is no ordinary file, and has to be one: move it away".into()));
    }
    if metadata.len() > LARGEST {
        return Err(fail(format!("it is larger than {} MiB, so it is no snapshot", LARGEST >> 20)));
    }
    let bytes = fs::read(path).map_err(|error| fail(error.to_string()))?;
    let remedy = "restore it (git checkout), or write it anew with --accept";
    let text = String::from_utf8(bytes).map_err(|error| {
        fail(format!("it is not UTF-8 text (byte {}): {remedy}", error.utf8_error().valid_up_to()))
    })?;
    Snapshot::parse(&text).map(Some).map_err(|broken| fail(format!("{broken}: {remedy}")))
}

/// Where a snapshot waits for its review.
pub(super) fn pending(snapshot: &Path) -> PathBuf {
    snapshot.with_extension("snap.new")
}

/// Writes what was found about a job, as far as that is allowed; gives back the file that was written.
pub(super) fn write(job: &Job, found: &str, writing: Writing) -> Result<Option<PathBuf>, String> {
    if writing == Writing::Nothing {
        return Ok(None);
    }
    let old = read(&job.snapshot).unwrap_or(None);
    let is_same = old.as_ref().is_some_and(|old| old.text() == crate::suite::normal(found));
    let pending = pending(&job.snapshot);
    if is_same {
        remove_pending(&pending)?;
        return Ok(None);
    }
    let new = match old {
        Some(old) => old.with_text(found),
        None => Snapshot::new(&job.topology, found),
    };
    let path = if writing == Writing::Accepted { &job.snapshot } else { &pending };
    write_whole(path, &new.to_string())
        .map_err(|error| format!("{}: writing it: {}", path.display(), reason(&error)))?;
    if writing == Writing::Accepted {
        remove_pending(&pending)?;
    }
    Ok(Some(path.clone()))
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull => "the disk is full; the old file, if there is one, is as it was".into(),
        io::ErrorKind::PermissionDenied => "you may not write there".into(),
        io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only".into(),
        _ => error.to_string(),
    }
}

/// A review that is no longer needed.
fn remove_pending(path: &Path) -> Result<(), String> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(format!("{}: removing it: {}", path.display(), reason(&error)))
        }
        _ => Ok(()),
    }
}

/// Writes a file by way of a temporary one. What root writes belongs to whom the folder belongs to: after `sudo netlab
/// test` it is the user who reviews.
pub(super) fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    // What a link points to is written, and the link stays.
    let path = &if path.is_symlink() { fs::canonicalize(path)? } else { path.to_owned() };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_folder(folder)?;
    if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.permissions().readonly()) {
        return Err(io::Error::other("it is read-only; `chmod u+w` lets it be written"));
    }
    let mut file = tempfile::Builder::new()
        .prefix(".netlab-")
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_data()?;
    if let Some((user, group)) = owner_for(folder)? {
        fchown(file.as_file(), Some(user), Some(group))?;
    }
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if folder.exists() {
        return Err(io::Error::other(format!("{} is a file, and has to be a folder", folder.display())));
    }
    fs::create_dir_all(folder)?;
    let above = folder.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Some((user, group)) = owner_for(above)? else { return Ok(()) };
    lchown(folder, Some(user), Some(group))
}

/// Whom root's files in a folder are to belong to. They are handed over by descriptor, or at least without following a
/// link: whoever owns the folder could have put one there by then, to any file of root's.
pub(in crate::cmd) fn owner_for(folder: &Path) -> io::Result<Option<(u32, u32)>> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    let metadata = fs::metadata(folder)?;
    Ok(Some((metadata.uid(), metadata.gid())))
}

/// Snapshots in these jobs' folders that no topology refers to: their file is gone, or is among the jobs and is by now
/// called something else.
pub(super) fn unreferenced<'a>(jobs: impl Iterator<Item = &'a Job>) -> Vec<String> {
    let jobs: Vec<&Job> = jobs.collect();
    let mut found = Vec::new();
    let mut folders: Vec<&Path> = jobs.iter().filter_map(|job| job.snapshot.parent()).collect();
    folders.sort();
    folders.dedup();
    for folder in folders {
        let mut paths: Vec<PathBuf> =
            fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        paths.sort();
        let snapshots = paths.iter().filter(|path| path.extension().is_some_and(|kind| kind == "snap"));
        found.extend(
            snapshots
                .filter(|path| is_unreferenced(path, folder, &jobs))
                .map(|path| path.display().to_string()),
        );
    }
    found
}

fn is_unreferenced(path: &Path, folder: &Path, jobs: &[&Job]) -> bool {
    let Ok(Some(snapshot)) = read(path) else { return false };
    let Some(topology) = snapshot.topology() else { return false };
    let lab = path.file_stem().unwrap_or_default().to_string_lossy();
    let lab = lab.split('@').next().unwrap_or_default();
    let of_this_file =
        jobs.iter().find(|job| job.topology == topology && job.snapshot.parent() == Some(folder));
    match of_this_file {
        Some(job) => job.lab.name != lab,
        None => !folder.parent().unwrap_or(Path::new("")).join(topology).exists(),
    }
}
