//! I/O. What netlab remembers of its labs: one directory each, with a lock that its holder keeps for life.
//!
//! A free lock means that the lab is gone, whatever the files beside it say. The keeper of a lab removes its directory;
//! where that was killed too, the next command that looks does it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::unistd::geteuid;
use serde::{Deserialize, Serialize};

use crate::model::{Lab, check_name};
use crate::plan::Sandbox;

/// The version of `lab.json`.
pub const SCHEMA: &str = "netlab.lab/1";
/// The variable that names another runtime directory.
const OVERRIDE: &str = "NETLAB_RUNTIME_DIR";
/// The folder of labs that are being tested. No lab can have this name.
const TESTS: &str = "_test";
/// How long another netlab may be in the middle of taking or leaving a directory.
const SETTLING: Duration = Duration::from_secs(2);

/// What `lab.json` says of a running lab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// [`SCHEMA`].
    pub schema: String,
    /// The version of netlab that brought it up.
    pub version: String,
    /// Seconds since 1970 when it was brought up.
    pub since: u64,
    /// The topology file, where it was one.
    pub file: Option<PathBuf>,
    /// Whether the lab has a user namespace of its own.
    pub rootless: bool,
    /// The process that watches the holder and cleans up after it.
    pub keeper: Process,
    /// PID 1 of the lab.
    pub holder: Process,
    /// The processes that hold the lab's network namespaces.
    pub sandboxes: Vec<Sandbox>,
    /// The topology, resolved.
    pub lab: Lab,
}

/// A process that cannot be mistaken for a later one of the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its pid.
    pub pid: i32,
    /// When it started, in clock ticks since boot.
    pub started: u64,
}

/// Who holds a running lab: what of its record is enough to end it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keepers {
    /// The lab.
    pub lab: String,
    /// The process that watches the holder and cleans up after it.
    pub keeper: Process,
    /// PID 1 of the lab.
    pub holder: Process,
}

impl Record {
    /// Who holds the lab.
    pub fn keepers(&self) -> Keepers {
        Keepers { lab: self.lab.name.clone(), keeper: self.keeper, holder: self.holder }
    }
}

/// What is wrong with the runtime directory.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something else holds the lab's lock.
    #[error("lab `{lab}` is being brought up by another netlab{}: wait for that, or give this one another name with \
             --name", by(*.pid))]
    Busy {
        /// The lab.
        lab: String,
        /// Who holds it, if that could be read.
        pid: Option<i32>,
    },
    /// The directory cannot be used.
    #[error("{}: {what}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was being done.
        what: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// The fallback directory belongs to somebody else.
    #[error("{}: no place for labs: it must be a directory that is yours alone (mode 0700); NETLAB_RUNTIME_DIR can \
             name another one", .0.display())]
    Foreign(PathBuf),
}

fn by(pid: Option<i32>) -> String {
    pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}

fn io_error(path: &Path, what: &'static str) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { path, what, source }
}

/// Where the labs of this user are: `/run/netlab` for root, else below `$XDG_RUNTIME_DIR`, else below the temp
/// directory. `$NETLAB_RUNTIME_DIR` overrides all of it, so that tests see only their own labs.
pub fn directory() -> PathBuf {
    if let Some(own) = std::env::var_os(OVERRIDE).filter(|own| !own.is_empty()) {
        return own.into();
    }
    if geteuid().is_root() {
        return "/run/netlab".into();
    }
    match std::env::var_os("XDG_RUNTIME_DIR").filter(|own| !own.is_empty()) {
        Some(runtime) => Path::new(&runtime).join("netlab"),
        None => std::env::temp_dir().join(format!("netlab-{}", geteuid())),
    }
}

/// The directory of the lab of that name.
pub fn directory_of(lab: &str) -> PathBuf {
    directory().join(lab)
}

/// The directory of a lab that is only there to be tested: no command sees it as a running lab.
pub fn test_directory_of(lab: &str) -> PathBuf {
    directory().join(TESTS).join(lab)
}

/// The right to be the lab of a name; given up when the last process that shares it ends.
#[derive(Debug)]
pub struct Claim {
    path: PathBuf,
    lock: File,
}

impl Claim {
    /// Claims a lab's directory, or says who has it.
    pub fn take(path: &Path) -> Result<Self, Error> {
        let path = path.to_owned();
        let lab = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let deadline = Instant::now() + SETTLING;
        loop {
            make_private(&directory())?;
            path.parent().map_or(Ok(()), make_private)?;
            match try_take(&path) {
                Ok(Taken::Ours(lock)) => {
                    let claim = Self { path, lock };
                    claim.clear()?;
                    return Ok(claim);
                }
                Ok(Taken::Theirs(pid)) if pid.is_some() || Instant::now() > deadline => {
                    return Err(Error::Busy { lab, pid });
                }
                // Somebody is between opening and locking, or between unlinking and leaving: look again.
                Ok(_) => std::thread::sleep(Duration::from_millis(1)),
                Err(error) if error.kind() == ErrorKind::NotFound && Instant::now() < deadline => {}
                Err(error) => return Err(io_error(&path, "claiming the lab's directory")(error)),
            }
        }
    }

    /// The lab's directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file of the lab so that readers see the old one or the new one and nothing between.
    pub fn write(&self, name: &str, contents: &[u8]) -> Result<(), Error> {
        write_whole(&self.path, name, contents)
    }

    /// Says in the lock file who holds it.
    pub fn sign(&self, pid: i32) -> Result<(), Error> {
        let mut lock = &self.lock;
        lock.set_len(0)
            .and_then(|()| writeln!(lock, "{pid}"))
            .map_err(io_error(&self.path, "writing the lock"))
    }

    /// What a lab of that name left behind when it was killed.
    fn clear(&self) -> Result<(), Error> {
        for entry in fs::read_dir(&self.path).map_err(io_error(&self.path, "reading"))?.flatten() {
            if entry.file_name() == "lock" {
                continue;
            }
            let path = entry.path();
            let gone = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            gone.map_err(io_error(&path, "removing what an earlier lab left"))?;
        }
        self.lock.set_len(0).map_err(io_error(&self.path, "emptying the lock"))
    }
}

/// Writes `name` in `directory` by way of a temporary file.
pub fn write_whole(directory: &Path, name: &str, contents: &[u8]) -> Result<(), Error> {
    let path = directory.join(name);
    let write = || -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        file.write_all(contents)?;
        file.persist(&path).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(io_error(&path, "writing"))
}

enum Taken {
    Ours(File),
    Theirs(Option<i32>),
}

fn try_take(path: &Path) -> io::Result<Taken> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let lock_path = path.join("lock");
    let mut lock = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&lock_path)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => {
            let mut text = String::new();
            lock.read_to_string(&mut text)?;
            return Ok(Taken::Theirs(text.trim().parse().ok()));
        }
        Err(fs::TryLockError::Error(error)) => return Err(error),
    }
    // The directory may have been removed between opening and locking.
    match fs::metadata(&lock_path) {
        Ok(there) if there.ino() == lock.metadata()?.ino() => Ok(Taken::Ours(lock)),
        Ok(_) => Ok(Taken::Theirs(None)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Taken::Theirs(None)),
        Err(error) => Err(error),
    }
}

/// Makes a directory for this user alone, or makes sure that it is.
fn make_private(path: &Path) -> Result<(), Error> {
    let made = DirBuilder::new().mode(0o700).recursive(true).create(path);
    made.map_err(io_error(path, "making the runtime directory (NETLAB_RUNTIME_DIR can name another one)"))?;
    let metadata = fs::symlink_metadata(path).map_err(io_error(path, "reading"))?;
    if is_private(&metadata) { Ok(()) } else { Err(Error::Foreign(path.to_owned())) }
}

/// Whether something is a directory that this user may do everything with, and nobody else anything.
fn is_private(metadata: &fs::Metadata) -> bool {
    let mode = metadata.permissions().mode() & 0o777;
    metadata.is_dir() && metadata.uid() == geteuid().as_raw() && mode == 0o700
}

/// Removes a lab's directory, and the runtime directory with the last one: moves it out of the way at once, so that the
/// name is free again, and then removes it.
pub fn remove(path: &Path) {
    let Some(root) = path.parent() else { return };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let aside = root.join(format!(".{name}.{}", std::process::id()));
    // Nothing can be done about a failure here: a free lock says all the same that the lab is gone.
    if fs::rename(path, &aside).is_ok() {
        let _ = fs::remove_dir_all(&aside);
    }
    let root = if root.file_name().is_some_and(|name| name == TESTS) {
        let _ = fs::remove_dir(root);
        root.parent().unwrap_or(root)
    } else {
        root
    };
    if std::env::var_os(OVERRIDE).is_none() {
        let _ = fs::remove_dir(root);
    }
}

/// The running labs of this user, by name. Directories of labs that were killed are removed on the way.
///
/// # Errors
/// If there is something in the runtime directory's place in which no labs can be.
pub fn labs() -> Result<Vec<String>, Error> {
    let directory = directory();
    match fs::symlink_metadata(&directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io_error(&directory, "reading the runtime directory")(error)),
        Ok(metadata) if !is_private(&metadata) => return Err(Error::Foreign(directory)),
        Ok(_) => {}
    }
    // What tests that were killed left is removed on the way.
    labs_in(&directory.join(TESTS));
    Ok(labs_in(&directory))
}

fn labs_in(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            let _ = fs::remove_dir_all(entry.path());
        } else if check_name(&name).is_ok() && alive(&entry.path()) {
            names.push(name);
        }
    }
    names.sort();
    names
}

/// Whether a lab's lock is held; if it is not, what the lab left is removed.
fn alive(path: &Path) -> bool {
    let Ok(lock) = File::open(path.join("lock")) else { return false };
    match lock.try_lock() {
        Ok(()) => {
            remove(path);
            false
        }
        Err(_) => true,
    }
}

/// The record of a running lab; `None` while it is being built, or when it is gone.
pub fn record(lab: &str) -> Option<Record> {
    let path = directory_of(lab);
    if check_name(lab).is_err() || !alive(&path) {
        return None;
    }
    record_in(&path)
}

/// Who holds the running lab of that name. The rest of its record, of thousands of pods perhaps, is only skimmed.
pub fn keepers(lab: &str) -> Option<Keepers> {
    #[derive(Deserialize)]
    struct Skimmed {
        keeper: Process,
        holder: Process,
    }
    let path = directory_of(lab);
    if check_name(lab).is_err() || !alive(&path) {
        return None;
    }
    let Skimmed { keeper, holder } = serde_json::from_slice(&fs::read(path.join("lab.json")).ok()?).ok()?;
    Some(Keepers { lab: lab.to_owned(), keeper, holder })
}

/// The record in a lab's directory.
pub fn record_in(directory: &Path) -> Option<Record> {
    let text = fs::read(directory.join("lab.json")).ok()?;
    serde_json::from_slice(&text).ok()
}
