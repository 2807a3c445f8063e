//! Going into a running lab: for a probe only the network namespace, for a command all of it.

use std::cell::Cell;
use std::fs;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use nix::errno::Errno;
use nix::poll::PollTimeout;
use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, kill, killpg, raise, sigaction};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getpgrp, isatty, setpgid, tcgetpgrp, tcsetpgrp};

use super::container::execute;
use super::error::{Error, Result};
use super::{process, sandbox};
use crate::plan::Sandbox;

/// A namespace of a running lab.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The process that holds the namespace.
    pub sandbox: &'a Sandbox,
}

/// What a command finds inside.
#[derive(Debug, Clone, Copy)]
pub struct Room<'a> {
    /// The lab's `/etc/hosts`.
    pub hosts: &'a Path,
    /// The namespaces that `ip netns` is to know by name.
    pub named: &'a [Sandbox],
}

/// A descriptor of the process that holds a namespace, made sure to be that one.
pub(super) fn holder_of(place: &Place<'_>) -> Result<OwnedFd> {
    let Sandbox { name, pid, inode, .. } = place.sandbox;
    let gone = |errno| match errno {
        Errno::ESRCH | Errno::ENOENT => gone(place.sandbox),
        Errno::EACCES | Errno::EPERM => {
            Error::Denied(format!("{name}: this lab belongs to another user or user namespace"))
        }
        errno => Error::Call { what: format!("entering {name}"), errno },
    };
    let descriptor = process::descriptor(Pid::from_raw(*pid)).map_err(gone)?;
    let found = fs::metadata(format!("/proc/{pid}/ns/net"))
        .map_err(|error| gone(Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO))))?;
    if found.ino() == *inode { Ok(descriptor) } else { Err(gone(Errno::ESRCH)) }
}

/// The process that held a namespace has ended.
pub(super) fn gone(Sandbox { name, pid, .. }: &Sandbox) -> Error {
    Error::Unexpected(format!("{name}: its pause process {pid} is gone, and its network with it"))
}

/// The user namespace, if it is another than this process's: the kernel lets nobody join their own. The lab may have made
/// it or, as with `unshare -Ur netlab up`, been brought up in it.
pub(super) fn user(place: &Place<'_>) -> CloneFlags {
    let inode = |who: &str| fs::metadata(format!("/proc/{who}/ns/user")).map(|found| found.ino()).ok();
    if inode(&place.sandbox.pid.to_string()) == inode("self") {
        CloneFlags::empty()
    } else {
        CloneFlags::CLONE_NEWUSER
    }
}

/// Moves this process, which must have one thread, into a network namespace of the lab, and into its user namespace
/// where it has one.
pub fn enter_network(place: &Place<'_>) -> Result<Entered> {
    let descriptor = holder_of(place)?;
    setns(descriptor.as_fd(), user(place) | CloneFlags::CLONE_NEWNET)
        .map_err(Error::call(format!("entering {}", place.sandbox.name)))?;
    Ok(Entered(descriptor))
}

/// A network namespace that this process is in. It stays there when the lab ends, alone with what is left of it.
pub struct Entered(OwnedFd);

impl Entered {
    /// Whether the process that held the namespace has ended, and the lab, or this part of it, with it.
    pub fn is_gone(&self) -> bool {
        process::wait_for_end(&self.0, PollTimeout::ZERO).unwrap_or(true)
    }
}

/// Runs a command inside, with this process's input, output and terminal, and gives back its exit code: 128 and the
/// signal where one ended it, 126 or 127 where it could not be run, as shells do.
pub fn run(place: &Place<'_>, room: &Room<'_>, command: &[String], env: &[(String, String)]) -> Result<i32> {
    let descriptor = holder_of(place)?;
    let all = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWIPC;
    let directory = std::env::current_dir();
    setns(descriptor.as_fd(), user(place) | all)
        .map_err(Error::call(format!("entering {}", place.sandbox.name)))?;
    drop(descriptor);
    let terminal = Terminal::of_this_process();
    // Held back until there is a child to pass them on to.
    let held = SigSet::from_iter(PASSED_ON);
    held.thread_block().map_err(Error::call("holding signals back"))?;
    let child = process::spawn(|| {
        let _ = held.thread_unblock();
        let error = match inside(room, command, env, directory.ok().as_deref(), &terminal) {
            Ok(never) => match never {},
            Err(error) => error,
        };
        eprintln!("netlab: {}: {error}", place.sandbox.name);
        match error {
            Error::Call { errno: Errno::ENOENT, .. } => 127,
            _ => 126,
        }
    })?;
    terminal.give_to(child);
    forward_signals(child);
    held.thread_unblock().map_err(Error::call("letting signals through"))?;
    let code = wait(child, &terminal);
    terminal.take_back();
    code
}

fn inside(
    room: &Room<'_>,
    command: &[String],
    env: &[(String, String)],
    directory: Option<&Path>,
    terminal: &Terminal,
) -> Result<std::convert::Infallible> {
    // If netlab is killed, its command is not to stay in the lab for ever.
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL).map_err(Error::call("tying the command to netlab"))?;
    terminal.lead();
    sandbox::own_view(room.hosts)?;
    if !room.named.is_empty() {
        sandbox::name_namespaces(room.named)?;
    }
    // Entering the lab's mounts moved this process to the root directory.
    let _ = std::env::set_current_dir(directory.unwrap_or_else(|| Path::new("/")));
    for (key, value) in env {
        set_variable(key, value);
    }
    execute(command, None)
}

#[allow(unsafe_code)] // changing the environment
fn set_variable(key: &str, value: &str) {
    // SAFETY: this process has one thread.
    unsafe { std::env::set_var(key, value) };
}

/// The terminal that this process was started from, if it was in its foreground.
struct Terminal {
    /// This process's group.
    group: Option<Pid>,
    /// Whether the child has it; it has not after a stop that a shell's `bg` ended.
    lent: Cell<bool>,
}

impl Terminal {
    fn of_this_process() -> Self {
        let ours = isatty(std::io::stdin()).unwrap_or(false) && Self::is_with(getpgrp());
        Self { group: ours.then(getpgrp), lent: Cell::new(false) }
    }

    fn is_with(group: Pid) -> bool {
        tcgetpgrp(std::io::stdin()) == Ok(group)
    }

    /// In the child: becomes a process group of its own, as every job of a shell is.
    fn lead(&self) {
        if self.group.is_some() {
            let _ = setpgid(Pid::from_raw(0), Pid::from_raw(0));
            with_background_writes(|| tcsetpgrp(std::io::stdin(), getpgrp()));
        }
    }

    /// In the parent: the same, so that it is done whoever comes first.
    fn give_to(&self, child: Pid) {
        if self.group.is_some() {
            let _ = setpgid(child, child);
            with_background_writes(|| tcsetpgrp(std::io::stdin(), child));
            self.lent.set(true);
        }
    }

    /// Gives it to the child again after a stop, unless this process goes on in the background: then the shell has it.
    fn give_again_to(&self, child: Pid) {
        if self.group.is_some_and(Self::is_with) {
            self.give_to(child);
        }
    }

    fn take_back(&self) {
        if let Some(group) = self.group
            && self.lent.replace(false)
        {
            with_background_writes(|| tcsetpgrp(std::io::stdin(), group));
        }
    }
}

/// A process in the background that touches the terminal would be stopped by SIGTTOU.
#[allow(unsafe_code)] // sigaction
fn with_background_writes(act: impl FnOnce() -> nix::Result<()>) {
    let ignore = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    // SAFETY: ignoring a signal and restoring what was there runs no code of ours.
    let before = unsafe { sigaction(Signal::SIGTTOU, &ignore) };
    // The terminal may be gone: then there is nothing to give or to take.
    let _ = act();
    if let Ok(before) = before {
        // SAFETY: as above.
        let _ = unsafe { sigaction(Signal::SIGTTOU, &before) };
    }
}

/// What ends or informs a program.
const PASSED_ON: [Signal; 6] =
    [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGUSR1, Signal::SIGUSR2, Signal::SIGINT, Signal::SIGQUIT];

static CHILD: std::sync::atomic::AtomicI32 = std::sync::atomic::AtomicI32::new(0);

extern "C" fn pass_on(signal: libc::c_int) {
    let child = CHILD.load(std::sync::atomic::Ordering::Relaxed);
    if let (1.., Ok(signal)) = (child, Signal::try_from(signal)) {
        let _ = kill(Pid::from_raw(child), signal);
    }
}

/// Passes signals on; what the terminal sends goes to the command by itself.
#[allow(unsafe_code)] // sigaction
fn forward_signals(child: Pid) {
    CHILD.store(child.as_raw(), std::sync::atomic::Ordering::Relaxed);
    let action = SigAction::new(SigHandler::Handler(pass_on), SaFlags::SA_RESTART, SigSet::empty());
    for signal in
        [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGUSR1, Signal::SIGUSR2, Signal::SIGINT, Signal::SIGQUIT]
    {
        // SAFETY: the handler makes one system call and touches nothing else.
        let _ = unsafe { sigaction(signal, &action) };
    }
}

fn wait(child: Pid, terminal: &Terminal) -> Result<i32> {
    loop {
        match waitpid(child, Some(WaitPidFlag::WUNTRACED)) {
            Ok(WaitStatus::Exited(_, code)) => return Ok(code),
            Ok(WaitStatus::Signaled(_, signal, _)) => return Ok(128 + signal as i32),
            Ok(WaitStatus::Stopped(..)) if terminal.group.is_some() => {
                // Ctrl-Z stopped the command: stop with it, and go on with it.
                terminal.take_back();
                let _ = raise(Signal::SIGSTOP);
                terminal.give_again_to(child);
                let _ = killpg(child, Signal::SIGCONT);
            }
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(Error::call("waiting for the command")(errno)),
        }
    }
}
