//! What the kernel refused, said so that a reader can act on it.

use nix::errno::Errno;

use crate::event::Failure;
use crate::plan::Feature;

/// What went wrong in the kernel's part.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kernel refused one operation of the plan.
    #[error("{place}: {what}: {}{}", text(*errno), detail(said))]
    Refused {
        /// The namespace.
        place: String,
        /// The operation.
        what: String,
        /// Why.
        errno: Errno,
        /// The kernel's own words (extended acknowledgement), if it had any.
        said: String,
    },
    /// A system call failed.
    #[error("{what}: {}", text(*errno))]
    Call {
        /// What was being done.
        what: String,
        /// Why not.
        errno: Errno,
    },
    /// The kernel was built or booted without something that the lab needs.
    #[error("this kernel lacks {}", lacking(*.0))]
    Lacks(Feature),
    /// This user may not make namespaces.
    #[error("{0}")]
    Denied(String),
    /// A place has no such interface.
    #[error("{place} has no interface `{interface}`; it has: {}", there.join(", "))]
    NoInterface {
        /// The place.
        place: String,
        /// What was asked for.
        interface: String,
        /// What there is.
        there: Vec<String>,
    },
    /// Something that should not happen, such as an answer that is not one.
    #[error("{0}")]
    Unexpected(String),
}

/// Results of the kernel's part.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error of the system call that was doing `what`.
    pub fn call(what: impl Into<String>) -> impl FnOnce(Errno) -> Self {
        let what = what.into();
        move |errno| Self::Call { what, errno }
    }

    /// An I/O error of the standard library while doing `what`.
    pub fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |error| match error.raw_os_error() {
            Some(code) => Self::Call { what, errno: Errno::from_raw(code) },
            None => Self::Unexpected(format!("{what}: {error}")),
        }
    }

    /// Whose fault it is.
    pub fn failure(&self) -> Failure {
        match self {
            Self::Lacks(_) => Failure::Feature,
            Self::Denied(_) => Failure::Machine,
            _ => Failure::Other,
        }
    }
}

/// `No such process (ESRCH)`: the words for people, the name for search engines.
fn text(errno: Errno) -> String {
    format!("{} ({errno:?})", errno.desc())
}

/// `bridges (module `bridge`; …)`: what it is, where it is, and how to get it.
fn lacking(feature: Feature) -> String {
    let about = feature.about();
    match about.modules {
        [] => format!("{} ({}; {})", about.name, about.config.join(", "), about.package),
        modules => format!(
            "{} (module `{}`; {}; try `sudo modprobe -a {}`)",
            about.name,
            modules.join("`, `"),
            about.package,
            modules.join(" ")
        ),
    }
}

fn detail(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(": {said}") }
}

/// Whether this is how the kernel says that it has no such kind of thing: interfaces and encapsulations give the first,
/// queueing disciplines and parts of nftables the second.
pub(super) fn is_lack(errno: Errno) -> bool {
    matches!(errno, Errno::EOPNOTSUPP | Errno::ENOENT)
}
