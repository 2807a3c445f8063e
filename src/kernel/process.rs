//! Processes: starting them in new namespaces, watching them, ending them.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::CloneFlags;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

use super::error::{Error, Result};

/// Raises the number of descriptors that this process may have as far as it may, and gives it back if it can be known: the
/// usual soft limit of 1,024 is for programs that use `select`.
pub(super) fn raise_descriptor_limit() -> Option<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    Some(setrlimit(Resource::RLIMIT_NOFILE, hard, hard).map_or(soft, |()| hard))
}

/// Runs `child` in a copy of this process, which must have only one thread, and ends it with the code returned.
#[allow(unsafe_code)] // fork
pub(super) fn spawn(child: impl FnOnce() -> i32) -> Result<Pid> {
    // SAFETY: callers have one thread, so the child may do whatever this process could.
    match unsafe { fork() }.map_err(Error::call("starting a process"))? {
        ForkResult::Parent { child } => Ok(child),
        ForkResult::Child => leave(contained(child)),
    }
}

/// A panic ends the child: unwinding further would drop what belongs to its parent. 101 is what Rust's own `main` gives back.
fn contained(child: impl FnOnce() -> i32) -> i32 {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(child)).unwrap_or(101)
}

/// As [`spawn`], in new namespaces.
#[allow(unsafe_code)] // clone3 as a fork
pub(super) fn spawn_in(
    namespaces: CloneFlags,
    child: impl FnOnce() -> i32,
) -> std::result::Result<Pid, Errno> {
    let flags = u64::try_from(namespaces.bits()).unwrap_or(0);
    let arguments: [u64; 8] = [flags, 0, 0, 0, u64::from(libc::SIGCHLD.cast_unsigned()), 0, 0, 0];
    // SAFETY: without CLONE_VM this is a fork; the arguments are those of `struct clone_args` (linux/sched.h), version 0.
    let pid = unsafe { libc::syscall(libc::SYS_clone3, arguments.as_ptr(), size_of_val(&arguments)) };
    match Errno::result(pid)? {
        0 => leave(contained(child)),
        pid => Ok(Pid::from_raw(i32::try_from(pid).unwrap_or(-1))),
    }
}

/// Closes the ends that belong to the parent: a pipe ends when nobody holds its other end.
#[allow(unsafe_code)] // in a forked child, where the parent's owners do not exist
pub(super) fn close_inherited(descriptors: &[RawFd]) {
    for descriptor in descriptors {
        // SAFETY: the owners of these are in the parent; in this process nothing uses or closes them.
        unsafe { libc::close(*descriptor) };
    }
}

/// Ends this process without running what its parent registered for its own end.
#[allow(unsafe_code)] // _exit
fn leave(code: i32) -> ! {
    // SAFETY: does not return.
    unsafe { libc::_exit(code) }
}

/// A descriptor of a process, which stays that process's even when its pid is used again.
#[allow(unsafe_code)] // nix has no pidfd_open
pub fn descriptor(pid: Pid) -> std::result::Result<OwnedFd, Errno> {
    // SAFETY: takes and returns plain numbers.
    let result = unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) };
    let raw = Errno::result(result)?;
    // SAFETY: the kernel has just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(i32::try_from(raw).unwrap_or(-1)) })
}

/// Sends a signal by descriptor.
#[allow(unsafe_code)] // nix has no pidfd_send_signal
pub fn signal(process: &OwnedFd, signal: Signal) -> std::result::Result<(), Errno> {
    let none = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: a null siginfo is allowed.
    let result =
        unsafe { libc::syscall(libc::SYS_pidfd_send_signal, process.as_raw_fd(), signal as i32, none, 0) };
    Errno::result(result).map(drop)
}

/// Waits until a process, which need not be a child, has ended.
pub fn wait_for_end(process: &OwnedFd, patience: PollTimeout) -> std::result::Result<bool, Errno> {
    readable(&[std::os::fd::AsFd::as_fd(process)], patience).map(|ready| ready[0])
}

/// Waits until one of the descriptors can be read or has been closed at the other end. Signals do not end the waiting.
pub(super) fn readable(
    descriptors: &[BorrowedFd<'_>],
    patience: PollTimeout,
) -> std::result::Result<Vec<bool>, Errno> {
    loop {
        let mut polled: Vec<PollFd<'_>> =
            descriptors.iter().map(|descriptor| PollFd::new(*descriptor, PollFlags::POLLIN)).collect();
        match poll(&mut polled, patience) {
            Ok(_) => return Ok(polled.iter().map(|one| one.any().unwrap_or(false)).collect()),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// Waits for a child to end.
pub fn reap(pid: Pid) -> Result<WaitStatus> {
    loop {
        match waitpid(pid, None) {
            Err(Errno::EINTR) => {}
            result => return result.map_err(Error::call(format!("waiting for process {pid}"))),
        }
    }
}

/// When a process started, in clock ticks since boot: with its pid, what tells it from all others.
pub fn start_time(pid: i32) -> Option<u64> {
    stat(pid, 22)
}

/// Whether a process that was there a moment ago has been ended: of a lab's first process the kernel waits until all others
/// are. On a busy machine it may not even have begun to end: then SIGKILL is pending. One that is gone has ended, too.
pub fn is_ending(pid: i32) -> bool {
    /// `PF_EXITING` of `<linux/sched.h>`.
    const EXITING: u64 = 4;
    stat(pid, 9).is_none_or(|flags| flags & EXITING != 0) || is_killed(pid)
}

/// Whether SIGKILL waits for a process, by `/proc/PID/status` (proc(5)): its own signals, and those of all its threads.
fn is_killed(pid: i32) -> bool {
    const KILL: u64 = 1 << (libc::SIGKILL - 1);
    let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else { return true };
    let pending = ["SigPnd:", "ShdPnd:"].into_iter().filter_map(|field| {
        let mask = status.lines().find_map(|line| line.strip_prefix(field))?;
        u64::from_str_radix(mask.trim(), 16).ok()
    });
    pending.into_iter().any(|mask| mask & KILL != 0)
}

/// A field of `/proc/PID/stat`, as proc(5) counts them; not one of the first three, which are no numbers.
fn stat(pid: i32, field: usize) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field, the command's name, may hold spaces and parentheses.
    let rest = &stat[stat.rfind(')')? + 2..];
    rest.split(' ').nth(field - 3)?.parse().ok()
}

/// A process's pid as the outer procfs numbers it, from the `fdinfo` of a descriptor of it.
///
/// # Errors
/// Those of reading it; `ESRCH` if it names no process that the outer procfs knows.
pub(super) fn outer_pid(outer: &OwnedFd, descriptor: &OwnedFd) -> nix::Result<i32> {
    let name = descriptor.as_raw_fd().to_string();
    let file = openat(outer, name.as_str(), OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    let mut text = String::with_capacity(256);
    let read = File::from(file).read_to_string(&mut text);
    read.map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))?;
    let pid = text.lines().find_map(|line| line.strip_prefix("Pid:"));
    pid.and_then(|pid| pid.trim().parse().ok()).ok_or(Errno::ESRCH)
}

/// Names the calling process, as `ps -e` and `top` show it.
pub(super) fn rename(name: &std::ffi::CStr) {
    // A name is a courtesy: a kernel that refuses it is fine.
    let _ = nix::sys::prctl::set_name(name);
}
