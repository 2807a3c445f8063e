//! Waiting for frames, for a signal, and for the reader of the output to go away.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::Ears;
use crate::kernel::error::{Error, Result};
use crate::kernel::interrupt::Interrupts;

/// Why the waiting ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Woken {
    /// There may be frames, or the time is over.
    Look,
    /// A signal asks for the end.
    Interrupted,
    /// Nobody reads what is written any more.
    Unread,
}

/// Waits until there may be something to do, or the time is over. `output` is where frames are written to.
///
/// # Errors
/// If the kernel cannot wait.
pub fn wait(
    ears: &Ears,
    interrupts: &Interrupts,
    output: Option<BorrowedFd<'_>>,
    time: Option<Duration>,
) -> Result<Woken> {
    // Rounded up, or the last millisecond of every wait would be a busy one.
    let milliseconds = |time: Duration| time.as_nanos().div_ceil(1_000_000);
    let timeout = time.map_or(PollTimeout::NONE, |time| {
        PollTimeout::try_from(milliseconds(time)).unwrap_or(PollTimeout::MAX)
    });
    let mut descriptors = vec![
        PollFd::new(interrupts.as_fd(), PollFlags::POLLIN),
        PollFd::new(ears.as_fd(), PollFlags::POLLIN),
    ];
    // Errors are told without being asked for: a pipe has one when its reader is gone.
    descriptors.extend(output.map(|output| PollFd::new(output, PollFlags::empty())));
    match poll(&mut descriptors, timeout) {
        Ok(_) | Err(Errno::EINTR) => {}
        Err(errno) => return Err(Error::call("waiting for frames")(errno)),
    }
    if interrupts.take().is_some() {
        return Ok(Woken::Interrupted);
    }
    let said = descriptors.get(2).and_then(PollFd::revents).unwrap_or(PollFlags::empty());
    let closed = said.intersects(PollFlags::POLLERR | PollFlags::POLLNVAL);
    Ok(if closed { Woken::Unread } else { Woken::Look })
}
