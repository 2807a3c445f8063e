//! A process that does one piece of work beside others and gives back a result.
//!
//! A process and not a thread: only a process with one thread can enter a user namespace, and every lab has its own.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::PollTimeout;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpid, getppid, pipe2};

use super::error::{Error, Result};
use super::interrupt::Interrupts;
use super::process;

/// A working process.
pub struct Worker {
    pid: Pid,
    results: File,
    heard: Vec<u8>,
    reaped: bool,
}

impl Worker {
    /// Starts a worker, which ends when this process does, however that happens. The calling process has one thread.
    pub fn start(work: impl FnOnce() -> Vec<u8>) -> Result<Self> {
        let (results, end) = pipe2(OFlag::O_CLOEXEC).map_err(Error::call("a pipe to a worker"))?;
        let parent = getpid();
        let ours = results.as_raw_fd();
        let pid = process::spawn(|| {
            process::close_inherited(&[ours]);
            let tied = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL);
            // The parent may have ended before that was said.
            if tied.is_err() || getppid() != parent {
                return 1;
            }
            let result = work();
            i32::from(File::from(end).write_all(&result).is_err())
        })?;
        Ok(Self { pid, results: results.into(), heard: Vec::new(), reaped: false })
    }

    /// Takes what has come of the result; true when all of it has.
    pub fn listen(&mut self) -> Result<bool> {
        let mut buffer = [0; 65_536];
        let read = self.results.read(&mut buffer).map_err(Error::io("listening to a worker"))?;
        self.heard.extend_from_slice(&buffer[..read]);
        Ok(read == 0)
    }

    /// The result, once all of it has come.
    pub fn finish(mut self) -> Result<Vec<u8>> {
        self.reaped = true;
        process::reap(self.pid)?;
        Ok(std::mem::take(&mut self.heard))
    }

    /// Ends the worker without waiting until it has ended: the kernel may be doing something for it that takes long.
    pub fn abandon(mut self) {
        self.reaped = true;
        let _ = kill(self.pid, Signal::SIGKILL);
    }

    /// Tells the worker to stop; its result is what it has got so far.
    pub fn stop(&self, signal: Signal) {
        // It may have ended by itself in the meantime; and one that somebody has halted hears nothing until it goes on.
        let _ = kill(self.pid, signal);
        let _ = kill(self.pid, Signal::SIGCONT);
    }
}

impl AsFd for Worker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.results.as_fd()
    }
}

/// Nobody waits for the result any more: the worker stops, and what it has made goes with it.
impl Drop for Worker {
    fn drop(&mut self) {
        if !self.reaped {
            self.stop(Signal::SIGTERM);
            // A result that is larger than the pipe would keep it waiting for a reader.
            while matches!(self.listen(), Ok(false)) {}
            let _ = process::reap(self.pid);
        }
    }
}

/// What there is to look after.
#[derive(Debug, Default)]
pub struct Ready {
    /// Indices of the workers that have something to say.
    pub workers: Vec<usize>,
    /// A signal that wants everything to stop.
    pub signal: Option<Signal>,
}

/// Waits until a worker has something to say or a signal comes, at most so long.
pub fn wait(workers: &[&Worker], interrupts: &Interrupts, patience: PollTimeout) -> Result<Ready> {
    let mut all: Vec<BorrowedFd<'_>> = workers.iter().map(|worker| worker.as_fd()).collect();
    all.push(interrupts.as_fd());
    let ready = process::readable(&all, patience).map_err(Error::call("waiting for workers"))?;
    let (signal, workers) = ready.split_last().map_or((false, &[][..]), |(last, rest)| (*last, rest));
    let talking = workers.iter().enumerate().filter(|(_, ready)| **ready).map(|(index, _)| index);
    Ok(Ready { workers: talking.collect(), signal: if signal { interrupts.take() } else { None } })
}

/// Waits so long, or until a signal comes.
pub fn pause(interrupts: &Interrupts, millis: u16) -> std::result::Result<bool, Errno> {
    process::readable(&[interrupts.as_fd()], PollTimeout::from(millis)).map(|ready| ready[0])
}
