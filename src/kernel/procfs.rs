//! Writing kernel settings through a private procfs.
//!
//! A write under `/proc/sys/net` gets slower with every namespace that one procfs instance has seen (20 to 400 µs at a
//! thousand), so a builder takes a fresh instance now and then, which nobody else sees.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;

use super::error::{Error, Result};

/// Namespaces that one instance serves.
const SERVES: usize = 64;

/// Writes settings of the calling thread's current namespaces.
pub(super) struct Settings {
    root: OwnedFd,
    served: usize,
    private: bool,
}

impl Settings {
    pub(super) fn open() -> Result<Self> {
        match mount() {
            Ok(root) => Ok(Self { root, served: 0, private: true }),
            // Inside containers whose /proc is partly covered the kernel refuses a fresh one; the covered one works.
            Err(_) => {
                let root = File::open("/proc").map_err(Error::io("opening /proc"))?;
                Ok(Self { root: root.into(), served: 0, private: false })
            }
        }
    }

    /// Says that the writes that follow are for another namespace.
    pub(super) fn next_namespace(&mut self) {
        self.served += 1;
        if self.private
            && self.served.is_multiple_of(SERVES)
            && let Ok(root) = mount()
        {
            self.root = root;
        }
    }

    /// Writes one setting; `Ok(false)` when the kernel has none of that name.
    pub(super) fn write(&self, path: &str, value: &str) -> std::result::Result<bool, Errno> {
        let path = format!("sys/{path}");
        let file = match openat(&self.root, path.as_str(), OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty())
        {
            Ok(file) => file,
            Err(Errno::ENOENT) => return Ok(false),
            Err(errno) => return Err(errno),
        };
        let written = File::from(file).write_all(value.as_bytes());
        written.map(|()| true).map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)))
    }
}

/// A procfs that is mounted nowhere.
#[allow(unsafe_code)] // nix has no wrappers for the new mount calls
fn mount() -> std::result::Result<OwnedFd, Errno> {
    // SAFETY: each call gets valid C strings and descriptors, and each result is checked before it is used.
    unsafe {
        let context =
            Errno::result(libc::syscall(libc::SYS_fsopen, c"proc".as_ptr(), 1 /* FSOPEN_CLOEXEC */))?;
        let context = OwnedFd::from_raw_fd(descriptor(context));
        let create = 6; // FSCONFIG_CMD_CREATE
        let none = std::ptr::null::<libc::c_char>();
        Errno::result(libc::syscall(libc::SYS_fsconfig, context.as_raw_fd(), create, none, none, 0))?;
        let root = Errno::result(libc::syscall(
            libc::SYS_fsmount,
            context.as_raw_fd(),
            1, /* FSMOUNT_CLOEXEC */
            0,
        ))?;
        Ok(OwnedFd::from_raw_fd(descriptor(root)))
    }
}

/// Descriptors are small, whatever a raw system call returns them as.
fn descriptor(result: libc::c_long) -> i32 {
    i32::try_from(result).unwrap_or(-1)
}
