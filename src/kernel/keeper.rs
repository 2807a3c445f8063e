//! The two processes of a running lab.
//!
//! The *holder* is PID 1 of the lab: everything in the lab is its descendant, so the kernel ends it all with it. The
//! *keeper* is its parent outside: it ends the holder when `netlab up` is killed half-way or when it is asked to, and
//! removes the lab's files when the holder is gone, however it went. Each notices the death of the other.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd, RawFd};

use nix::fcntl::OFlag;
use nix::poll::PollTimeout;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::{Pid, dup2_stderr, dup2_stdin, dup2_stdout, pipe2, setsid};

use super::error::{Error, Result};
use super::holder::{self, Job};
use super::interrupt::Interrupts;
use super::{foundation, process};
use crate::event::{Event, Failure};

/// A lab that is being brought up.
pub struct Launched {
    /// The keeper, a child of this process.
    pub keeper: Pid,
    events: File,
    heard: Vec<u8>,
    life: OwnedFd,
}

/// What came while a lab was being built.
#[derive(Debug)]
pub enum Heard {
    /// The holder said something.
    Event(Event),
    /// The holder has nothing more to say.
    Ended,
    /// Somebody wants netlab to stop.
    Interrupted(Signal),
}

impl Launched {
    /// Waits for what comes next: a word of the holder, its end, or a signal.
    pub fn next(&mut self, interrupts: &Interrupts) -> Result<Heard> {
        loop {
            if let Some(end) = self.heard.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.heard.drain(..=end).collect();
                let event = serde_json::from_slice(&line);
                return event
                    .map(Heard::Event)
                    .map_err(|error| Error::Unexpected(format!("the holder's words: {error}")));
            }
            let ready = process::readable(&[self.events.as_fd(), interrupts.as_fd()], PollTimeout::NONE)
                .map_err(Error::call("waiting for the holder"))?;
            if ready[1]
                && let Some(signal) = interrupts.take()
            {
                return Ok(Heard::Interrupted(signal));
            }
            if ready[0] {
                let mut buffer = [0; 8192];
                let read = self.events.read(&mut buffer).map_err(Error::io("listening to the holder"))?;
                if read == 0 {
                    return Ok(Heard::Ended);
                }
                self.heard.extend_from_slice(&buffer[..read]);
            }
        }
    }

    /// Lets the lab live on when this process ends. Until then, its end is the lab's.
    pub fn commit(self) -> Result<()> {
        File::from(self.life).write_all(b"c").map_err(Error::io("telling the lab's keeper to stay"))
    }

    /// Takes the half-built lab down and waits until nothing of it is left.
    pub fn abort(self) -> Result<()> {
        drop(self.life);
        process::reap(self.keeper).map(drop)
    }
}

/// What the keeper does first: claims the lab's name and opens the log that takes its last words.
pub type Claim<'a> = &'a dyn Fn() -> std::result::Result<File, (Failure, String)>;

/// Starts a lab's keeper and, by it, its holder. The keeper makes the claim itself, so that there is never a file of a lab
/// without somebody who removes it.
pub fn launch(job: Job<'_>, claim: Claim<'_>) -> Result<Launched> {
    let what = "a pipe to the lab's keeper";
    let (events, events_end) = pipe2(OFlag::O_CLOEXEC).map_err(Error::call(what))?;
    let (life_end, life) = pipe2(OFlag::O_CLOEXEC).map_err(Error::call(what))?;
    let ends = [events.as_raw_fd(), life.as_raw_fd()];
    let keeper = process::spawn(|| {
        process::close_inherited(&ends);
        keep(job, claim, events_end, &life_end)
    })?;
    Ok(Launched { keeper, events: events.into(), heard: Vec::new(), life })
}

/// Closes what `netlab up` was started with beside its standard input and outputs: whoever waits for the end of such a
/// pipe would wait for the end of the lab.
#[allow(unsafe_code)] // in a forked child, where the parent's owners do not exist
fn close_all_but(kept: [RawFd; 2]) {
    let (low, high) = (kept[0].min(kept[1]), kept[0].max(kept[1]));
    for (first, last) in [(3, low - 1), (low + 1, high - 1), (high + 1, RawFd::MAX)] {
        if first <= last {
            // SAFETY: nothing in this process uses or closes these; a kernel without the call (before 5.9) leaves them open.
            unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
        }
    }
}

fn keep(job: Job<'_>, claim: Claim<'_>, events: OwnedFd, life: &OwnedFd) -> i32 {
    process::rename(c"netlab-keeper");
    let clean_up = job.clean_up;
    let told = File::from(events);
    let fail = |mut told: &File, failure, message| {
        holder::tell(&mut told, &Event::Failed { failure, message });
        1
    };
    close_all_but([told.as_raw_fd(), life.as_raw_fd()]);
    let signals = match detach() {
        Ok(signals) => signals,
        Err(error) => return fail(&told, error.failure(), error.to_string()),
    };
    let log = match claim() {
        Ok(log) => log,
        Err((failure, message)) => return fail(&told, failure, message),
    };
    match speak_to(&log).and_then(|()| start_holder(job, &told)) {
        Ok((holder, leash)) => {
            // Only the holder speaks from here on: when it has nothing more to say, the pipe ends.
            drop(told);
            let code = watch(holder, life, &signals, clean_up);
            drop(leash);
            code
        }
        Err(error) => {
            let code = fail(&told, error.failure(), error.to_string());
            clean_up();
            code
        }
    }
}

/// Leaves the terminal, and takes signals by descriptor from here on.
fn detach() -> Result<SignalFd> {
    setsid().map_err(Error::call("leaving the terminal's session"))?;
    let null = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/null")
        .map_err(Error::io("opening /dev/null"))?;
    dup2_stdin(&null).map_err(Error::call("letting go of the terminal"))?;
    speak_to(&null)?;
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        signals.add(signal);
    }
    signals.thread_block().map_err(Error::call("blocking signals"))?;
    SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC).map_err(Error::call("taking signals"))
}

/// Sends what this process prints to a file.
fn speak_to(file: &File) -> Result<()> {
    let what = "redirecting the output of the lab's keeper";
    dup2_stdout(file).map_err(Error::call(what))?;
    dup2_stderr(file).map_err(Error::call(what))
}

/// Starts the holder in the lab's namespaces.
fn start_holder(job: Job<'_>, events: &File) -> Result<(Pid, OwnedFd)> {
    let (leash_end, leash) = pipe2(OFlag::O_CLOEXEC).map_err(Error::call("a pipe to the holder"))?;
    let keeper = holder::outer_self()
        .ok_or_else(|| Error::Unexpected("reading the keeper's own pid from /proc".into()))?;
    let (theirs, user) = (events.as_raw_fd(), job.user.0);
    // The first try may fail before the job is used: only a child takes it.
    let job = std::cell::Cell::new(Some(job));
    let holder = foundation::start(user, |privilege| {
        let Some(job) = job.take() else { return 1 };
        let (Ok(events), Ok(leash_end)) = (events.try_clone(), leash_end.try_clone()) else { return 1 };
        process::close_inherited(&[leash.as_raw_fd(), theirs]);
        holder::hold(job, privilege, keeper, events, &leash_end)
    })?;
    Ok((holder, leash))
}

/// Watches the holder until it has ended, and ends it when that is asked for. Cleans up, once: a holder that is being ended
/// needs its files no more, so they go while the kernel is busy with the processes of the lab.
fn watch(holder: Pid, life: &OwnedFd, signals: &SignalFd, clean_up: &dyn Fn()) -> i32 {
    let by_itself = wait_for_reason(holder, life, signals);
    if !by_itself {
        // It may have ended by itself in the meantime; then there is nothing to end.
        let _ = kill(holder, Signal::SIGKILL);
        clean_up();
    }
    let code = i32::from(process::reap(holder).is_err());
    if by_itself {
        clean_up();
    }
    code
}

/// Waits until the holder has ended (true), or is to be ended.
fn wait_for_reason(holder: Pid, life: &OwnedFd, signals: &SignalFd) -> bool {
    let Ok(descriptor) = process::descriptor(holder) else { return false };
    let mut committed = false;
    loop {
        let all = [descriptor.as_fd(), signals.as_fd(), life.as_fd()];
        // Once the lab is up, `netlab up` has ended and its pipe has nothing more to say.
        let some = if committed { &all[..2] } else { &all[..] };
        let Ok(ready) = process::readable(some, PollTimeout::NONE) else { return false };
        if ready[0] || ready[1] {
            return ready[0];
        }
        if ready.get(2) == Some(&true) {
            let mut byte = [0];
            committed = life
                .try_clone()
                .is_ok_and(|life| File::from(life).read(&mut byte).is_ok_and(|read| read == 1));
            if !committed {
                return false;
            }
        }
    }
}
