//! Ctrl-C and its like, taken when there is time for them instead of in the middle of things.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use super::error::{Error, Result};

const ALL: [Signal; 3] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];

/// SIGINT, SIGTERM and SIGHUP, held back until they are asked for.
pub struct Interrupts(SignalFd);

impl Interrupts {
    /// From here on these signals wait.
    pub fn hold() -> Result<Self> {
        Self::hold_also(&[])
    }

    /// The same, and these others too.
    pub(super) fn hold_also(others: &[Signal]) -> Result<Self> {
        // What is ignored (`nohup`) stays ignored: held back, it would be delivered all the same.
        let all = ALL.iter().chain(others).copied();
        let signals = SigSet::from_iter(all.filter(|signal| !is_ignored(*signal)));
        signals.thread_block().map_err(Error::call("holding signals back"))?;
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        SignalFd::with_flags(&signals, flags).map(Self).map_err(Error::call("taking signals"))
    }

    /// The signal that came, if one did.
    pub fn take(&self) -> Option<Signal> {
        let signal = self.0.read_signal().ok().flatten()?;
        Signal::try_from(i32::try_from(signal.ssi_signo).ok()?).ok()
    }
}

impl AsFd for Interrupts {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[allow(unsafe_code)] // nix can only replace an action, not look at it
fn is_ignored(signal: Signal) -> bool {
    // SAFETY: an all-zero sigaction is valid, and the call only writes to it.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal as i32, std::ptr::null(), &raw mut action) == 0
            && action.sa_sigaction == libc::SIG_IGN
    }
}

static STOP: AtomicBool = AtomicBool::new(false);

extern "C" fn stop(_: libc::c_int) {
    STOP.store(true, Ordering::Relaxed);
}

/// A flag that SIGINT and SIGTERM raise, for what can end early and still say what it found.
#[allow(unsafe_code)] // sigaction
pub fn stop_flag() -> &'static AtomicBool {
    let action = SigAction::new(SigHandler::Handler(stop), SaFlags::empty(), SigSet::empty());
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        // SAFETY: the handler stores to an atomic and does nothing else.
        let _ = unsafe { sigaction(signal, &action) };
    }
    &STOP
}
