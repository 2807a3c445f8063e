//! Whom programs are run as, and where they lie so that everybody can run them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use nix::unistd::geteuid;

/// The user that stands for "an ordinary user" when this runs as root: nobody.
pub(crate) const NOBODY: u32 = 65_534;

/// Whom something is run as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Root,
    Rootless,
}

impl Who {
    /// Those that can be measured here.
    pub(crate) fn all() -> &'static [Self] {
        if geteuid().is_root() { &[Self::Root, Self::Rootless] } else { &[Self::Rootless] }
    }

    /// One of them, where one is enough.
    pub(crate) fn first() -> Self {
        if geteuid().is_root() { Self::Root } else { Self::Rootless }
    }

    /// Whom to become for it.
    pub(crate) fn uid(self) -> Option<u32> {
        (self == Self::Rootless && geteuid().is_root()).then_some(NOBODY)
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Rootless => "rootless",
        }
    }

    /// Has a command run as this user.
    pub(crate) fn becomes(self, command: &mut Command) {
        if let Some(uid) = self.uid() {
            command.uid(uid).gid(uid);
        }
    }
}

/// A temporary directory that every user can read.
pub(crate) fn readable_directory() -> anyhow::Result<tempfile::TempDir> {
    let directory = tempfile::Builder::new().prefix("netlab-bench-").tempdir()?;
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))?;
    Ok(directory)
}
