//! The holder: PID 1 of a lab. It builds the lab, says so, and from then on only reaps what ended.

use std::fs::{self, File};
use std::io::Write;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Pid, Uid};

use super::build::{self, Built};
use super::container::{Containers, Plan as ContainerPlan, State};
use super::error::{Error, Result};
use super::foundation::{self, Privilege};
use super::process;
use super::stopwatch::Stopwatch;
use crate::event::{Event, Failure, Phase};
use crate::plan::Plan;

/// What a holder is to do.
pub struct Job<'a> {
    /// The lab's name, which becomes the holder's hostname.
    pub name: &'a str,
    /// Gives what to build: called in the holder, which forgets it when it is built. Nobody else has to remember it for days.
    pub plan: &'a dyn Fn() -> Plan,
    /// Gives what to run in it.
    pub containers: &'a dyn Fn(&Built) -> Vec<ContainerPlan>,
    /// The lab's `/etc/hosts`.
    pub hosts: PathBuf,
    /// Where containers start.
    pub directory: &'a Path,
    /// Who runs netlab: an unmapped process in a new user namespace no longer knows.
    pub user: (Uid, Gid),
    /// Called in the holder when all namespaces are there: writes the lab's record.
    pub record: &'a dyn Fn(&Standing, &Built) -> std::result::Result<(), String>,
    /// Removes the lab's files: called in the keeper when the lab has ended, or in the holder when the keeper has.
    pub clean_up: &'a dyn Fn(),
    /// Called in the holder when a container started or ended.
    pub report: &'a dyn Fn(&[State]),
    /// Running where the time of each phase is to be told.
    pub watch: Stopwatch,
}

/// Who holds the lab, as the one who ran `netlab up` numbers processes.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    /// Whether the lab has a user namespace of its own.
    pub privilege: Privilege,
    /// The keeper's pid, and when it started in clock ticks since boot.
    pub keeper: (i32, u64),
    /// The holder's pid, and when it started in clock ticks since boot.
    pub holder: (i32, u64),
}

/// Sends an event to `netlab up`; false when nobody listens.
pub(super) fn tell(events: &mut impl Write, event: &Event) -> bool {
    let Ok(mut line) = serde_json::to_vec(event) else { return false };
    line.push(b'\n');
    events.write_all(&line).is_ok()
}

/// Runs the holder to its end.
pub(super) fn hold(
    job: Job<'_>,
    privilege: Privilege,
    keeper: (i32, u64),
    mut events: File,
    leash: &OwnedFd,
) -> i32 {
    process::rename(c"netlab-holder");
    let clean_up = job.clean_up;
    let (mut containers, plan) = match set_up(job, privilege, keeper, &mut events) {
        Ok(ready) => ready,
        Err(error) => {
            tell(&mut events, &Event::Failed { failure: error.failure(), message: error.to_string() });
            return 1;
        }
    };
    if !tell(&mut events, &Event::Ready) {
        return 1;
    }
    // Whoever waits for the lab need not wait for this.
    drop((events, plan));
    give_memory_back();
    match stay(&mut containers, leash) {
        Ok(End::Asked) => 0,
        Ok(End::Alone) => {
            clean_up();
            0
        }
        Err(error) => {
            eprintln!("holder: {error}");
            1
        }
    }
}

fn set_up<'a>(
    job: Job<'a>,
    privilege: Privilege,
    keeper: (i32, u64),
    events: &mut File,
) -> Result<(Containers<'a>, Plan)> {
    let mut watch = job.watch;
    watch.lap(Phase::Starting, 1);
    // Pauses and containers would inherit what the keeper blocked.
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)
        .map_err(Error::call("unblocking signals"))?;
    let outer = outer_processes()?;
    let holder =
        outer_self().ok_or_else(|| Error::Unexpected("reading the holder's own pid from /proc".into()))?;
    foundation::move_in(privilege, job.user, job.name)?;
    // A connection and a pause for each namespace. If the kernel refuses, the build says which descriptor was one too many.
    process::raise_descriptor_limit();
    let plan = (job.plan)();
    watch.lap(Phase::Plan, plan.operations());
    let mut progress = Progress::new(events, plan.namespaces.len());
    let built = build::build(&plan, &outer, &mut watch, &mut |count| progress.done(count))?;
    if !progress.is_heard {
        return Err(Error::Unexpected("netlab up has gone".into()));
    }
    let standing = Standing { privilege, keeper, holder };
    (job.record)(&standing, &built).map_err(Error::Unexpected)?;
    watch.lap(Phase::Telling, 0);
    let plans = (job.containers)(&built);
    let mut containers = Containers::new(plans, built.sandboxes, job.hosts, job.directory, job.report, outer);
    let count = containers.start_all();
    if count > 0 {
        tell(events, &Event::Started(count));
        watch.lap(Phase::Containers, count);
    }
    if let Some(timings) = watch.timings() {
        tell(events, &Event::Timings(timings));
    }
    Ok((containers, plan))
}

/// Tells `netlab up` how far the build is, often enough for a bar to move: each word wakes it up.
struct Progress<'a> {
    events: &'a mut File,
    total: usize,
    spoke: Instant,
    /// Whether somebody listens.
    is_heard: bool,
}

impl<'a> Progress<'a> {
    const EVERY: Duration = Duration::from_millis(20);

    fn new(events: &'a mut File, total: usize) -> Self {
        let is_heard = tell(events, &Event::Built(0));
        Self { events, total, spoke: Instant::now(), is_heard }
    }

    fn done(&mut self, count: usize) {
        if self.is_heard && (count == self.total || self.spoke.elapsed() > Self::EVERY) {
            self.is_heard = tell(self.events, &Event::Built(count));
            self.spoke = Instant::now();
        }
    }
}

/// `/proc/self/fdinfo` as the user who ran netlab sees it, opened before the lab has a `/proc` of its own.
fn outer_processes() -> Result<OwnedFd> {
    let path = "/proc/self/fdinfo";
    nix::fcntl::open(path, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
        .map_err(Error::call(format!("opening {path}")))
}

/// This process's pid and start time as the current `/proc` has them.
pub(super) fn outer_self() -> Option<(i32, u64)> {
    let pid: i32 = fs::read_link("/proc/self").ok()?.to_str()?.parse().ok()?;
    Some((pid, process::start_time(pid)?))
}

/// Gives what the build used back to the system: the holder may stay for days.
fn give_memory_back() {
    #[cfg(target_env = "gnu")]
    {
        #[allow(unsafe_code)] // a C library call without arguments that could be wrong
        // SAFETY: always allowed.
        unsafe {
            libc::malloc_trim(0)
        };
    }
}

/// Why a holder stops.
enum End {
    /// Somebody asked it to.
    Asked,
    /// Its keeper is gone.
    Alone,
}

/// Reaps, and starts containers again, until the keeper is gone or somebody says so.
fn stay(containers: &mut Containers<'_>, leash: &OwnedFd) -> Result<End> {
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGINT] {
        signals.add(signal);
    }
    signals.thread_block().map_err(Error::call("blocking signals"))?;
    let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
    let queue = SignalFd::with_flags(&signals, flags).map_err(Error::call("taking signals"))?;
    loop {
        // A child may have ended before its signal was asked for.
        containers.reap();
        let patience = containers.next_start();
        let ready =
            process::readable(&[queue.as_fd(), leash.as_fd()], patience).map_err(Error::call("waiting"))?;
        if ready[1] {
            return Ok(End::Alone);
        }
        while let Ok(Some(signal)) = queue.read_signal() {
            if signal.ssi_signo != Signal::SIGCHLD as u32 {
                return Ok(End::Asked);
            }
        }
        containers.start_due();
    }
}

/// The failure that a process without a word means.
pub fn silent_death(keeper: Pid) -> (Failure, String) {
    (
        Failure::Other,
        format!("the lab's holder ended without a word (keeper {keeper}): was it killed, or out of memory?"),
    )
}
