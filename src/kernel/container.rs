//! Containers: commands that run in their pod's namespaces, started by the holder and started again by policy.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::PollTimeout;
use nix::sched::{CloneFlags, setns};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, dup2_stderr, dup2_stdin, dup2_stdout, setsid};
use serde::{Deserialize, Serialize};

use super::error::{Error, Result};
use super::{process, sandbox};
use crate::plan::Sandbox;

/// The first pause before a container is started again; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Where commands are looked for when the user's own environment does not say.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A container as it is to be run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The pod's place among the plan's namespaces.
    pub sandbox: usize,
    /// The container's name.
    pub name: String,
    /// The command; `netlab` is this very program.
    pub command: Vec<String>,
    /// Its environment, beside the usual.
    pub env: BTreeMap<String, String>,
    /// When to start it again.
    pub restart: Restart,
    /// The file that takes its output.
    pub log: PathBuf,
}

/// When to start a container again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restart {
    /// Whenever it ends.
    Always,
    /// When it fails.
    OnFailure,
    /// Never.
    Never,
}

/// What became of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The pod.
    pub pod: String,
    /// The container.
    pub name: String,
    /// Running, waiting to be started again, or ended.
    pub phase: Phase,
    /// How often it has been started again.
    pub restarts: u32,
}

/// Where a container is in its life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "kebab-case")]
pub enum Phase {
    /// It runs, under this pid as the one who brought the lab up sees it.
    Running {
        /// The pid.
        pid: i32,
    },
    /// It ended and will be started again.
    Waiting {
        /// How it ended.
        ended: String,
    },
    /// It ended for good.
    Ended {
        /// How it ended.
        ended: String,
    },
}

struct Container {
    plan: Plan,
    state: State,
    pid: Option<Pid>,
    started: Instant,
    pause: Duration,
    due: Option<Instant>,
}

/// The containers of a lab.
pub(super) struct Containers<'a> {
    all: Vec<Container>,
    sandboxes: Vec<Sandbox>,
    hosts: PathBuf,
    directory: &'a Path,
    report: &'a dyn Fn(&[State]),
    outer: OwnedFd,
}

impl<'a> Containers<'a> {
    pub(super) fn new(
        plans: Vec<Plan>,
        sandboxes: Vec<Sandbox>,
        hosts: PathBuf,
        directory: &'a Path,
        report: &'a dyn Fn(&[State]),
        outer: OwnedFd,
    ) -> Self {
        let container = |plan: Plan| {
            let pod = sandboxes[plan.sandbox].name.clone();
            let phase = Phase::Waiting { ended: "not started".into() };
            let state = State { pod, name: plan.name.clone(), phase, restarts: 0 };
            Container { plan, state, pid: None, started: Instant::now(), pause: FIRST_PAUSE, due: None }
        };
        let all = plans.into_iter().map(container).collect();
        Self { all, sandboxes, hosts, directory, report, outer }
    }

    /// Starts all; gives back how many there are.
    pub(super) fn start_all(&mut self) -> usize {
        for place in 0..self.all.len() {
            self.start(place);
        }
        self.tell();
        self.all.len()
    }

    /// Starts those whose pause is over.
    pub(super) fn start_due(&mut self) {
        let now = Instant::now();
        let due: Vec<usize> =
            (0..self.all.len()).filter(|place| self.all[*place].due.is_some_and(|due| due <= now)).collect();
        for place in &due {
            self.all[*place].state.restarts += 1;
            self.start(*place);
        }
        if !due.is_empty() {
            self.tell();
        }
    }

    /// How long until one has to be started again.
    pub(super) fn next_start(&self) -> PollTimeout {
        let Some(due) = self.all.iter().filter_map(|container| container.due).min() else {
            return PollTimeout::NONE;
        };
        let left = due.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
        PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
    }

    /// Takes note of every process of the lab that has ended.
    pub(super) fn reap(&mut self) {
        let mut changed = false;
        loop {
            let (pid, ended, success) = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, code)) => (pid, format!("exit code {code}"), code == 0),
                Ok(WaitStatus::Signaled(pid, signal, _)) => {
                    (pid, format!("signal {}", signal.as_str()), false)
                }
                Ok(WaitStatus::StillAlive) | Err(_) => break,
                Ok(_) => continue,
            };
            if let Some(container) = self.all.iter_mut().find(|container| container.pid == Some(pid)) {
                container.ended(ended, success);
                changed = true;
            } else if let Some(sandbox) =
                self.sandboxes.iter().find(|sandbox| sandbox.inner_pid == pid.as_raw())
            {
                eprintln!(
                    "holder: the pause process of {} has ended ({ended}), and its namespace with it",
                    sandbox.name
                );
            }
        }
        if changed {
            self.tell();
        }
    }

    fn tell(&self) {
        let states: Vec<State> = self.all.iter().map(|container| container.state.clone()).collect();
        (self.report)(&states);
    }

    fn start(&mut self, place: usize) {
        let plan = &self.all[place].plan;
        let pod = &self.sandboxes[plan.sandbox];
        let result = process::spawn(|| {
            let error = match run(plan, pod, &self.hosts, self.directory) {
                Ok(never) => match never {},
                Err(error) => error,
            };
            eprintln!("netlab: {}/{}: {error}", pod.name, plan.name);
            127
        });
        let container = &mut self.all[place];
        container.due = None;
        container.started = Instant::now();
        match result {
            Ok(pid) => {
                container.pid = Some(pid);
                let pid = outer_pid(&self.outer, pid).unwrap_or(pid.as_raw());
                container.state.phase = Phase::Running { pid };
            }
            Err(error) => container.ended(error.to_string(), false),
        }
    }
}

impl Container {
    fn ended(&mut self, ended: String, success: bool) {
        self.pid = None;
        let again = match self.plan.restart {
            Restart::Always => true,
            Restart::OnFailure => !success,
            Restart::Never => false,
        };
        if !again {
            self.state.phase = Phase::Ended { ended };
            return;
        }
        // Who ran for long enough is not failing in a loop.
        if self.started.elapsed() > LONGEST_PAUSE {
            self.pause = FIRST_PAUSE;
        }
        self.due = Some(Instant::now() + self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        self.state.phase = Phase::Waiting { ended };
    }
}

/// Becomes the container's command. Runs in a child of the holder.
fn run(plan: &Plan, pod: &Sandbox, hosts: &Path, directory: &Path) -> Result<std::convert::Infallible> {
    let log = OpenOptions::new().create(true).append(true).mode(0o600).open(&plan.log);
    let log = log.map_err(Error::io(format!("opening {}", plan.log.display())))?;
    let null = File::open("/dev/null").map_err(Error::io("opening /dev/null"))?;
    let what = "redirecting output";
    dup2_stdin(&null).map_err(Error::call(what))?;
    dup2_stdout(&log).map_err(Error::call(what))?;
    dup2_stderr(&log).map_err(Error::call(what))?;
    setsid().map_err(Error::call("a session of its own"))?;
    let mask = nix::sys::signal::SigSet::empty();
    nix::sys::signal::sigprocmask(nix::sys::signal::SigmaskHow::SIG_SETMASK, Some(&mask), None)
        .map_err(Error::call("unblocking signals"))?;
    let pause = process::descriptor(Pid::from_raw(pod.inner_pid))
        .map_err(Error::call("finding the pod's pause process"))?;
    let own = CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWUTS | CloneFlags::CLONE_NEWIPC;
    setns(pause.as_fd(), own).map_err(Error::call("entering the pod"))?;
    sandbox::own_view(hosts)?;
    // A directory that is gone by now is no reason not to run.
    let _ = std::env::set_current_dir(directory);
    let mut env = vec![
        format!("PATH={}", std::env::var("PATH").unwrap_or_else(|_| PATH.to_owned())),
        format!("HOME={}", std::env::var("HOME").unwrap_or_else(|_| "/".to_owned())),
        format!("HOSTNAME={}", pod.name),
    ];
    env.extend(plan.env.iter().map(|(key, value)| format!("{key}={value}")));
    execute(&plan.command, Some(&env))
}

/// Replaces the calling process by a command; `netlab` is this very program, wherever it lies.
pub(super) fn execute(command: &[String], env: Option<&[String]>) -> Result<std::convert::Infallible> {
    let text = |text: &str| {
        CString::new(text).map_err(|_| Error::Unexpected(format!("`{}`: a zero byte", text.escape_debug())))
    };
    let Some(name) = command.first() else { return Err(Error::Unexpected("no command".into())) };
    let program = if name == "netlab" { "/proc/self/exe" } else { name };
    let program_text = text(program)?;
    let arguments = command.iter().map(|word| text(word)).collect::<Result<Vec<_>>>()?;
    // Rust ignores SIGPIPE, and an ignored signal stays ignored in the command.
    default_sigpipe();
    let result = match env {
        Some(env) => {
            let env = env.iter().map(|word| text(word)).collect::<Result<Vec<_>>>()?;
            nix::unistd::execvpe(&program_text, &arguments, &env)
        }
        None => nix::unistd::execvp(&program_text, &arguments),
    };
    // A directory of PATH that may not be searched makes "permission denied" of a command that is nowhere.
    result
        .map_err(|errno| match errno {
            Errno::EACCES if !name.contains('/') && !is_in_path(name) => Errno::ENOENT,
            errno => errno,
        })
        .map_err(Error::call(format!("running `{name}`")))
}

fn is_in_path(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(name).is_file())
}

#[allow(unsafe_code)] // sigaction
fn default_sigpipe() {
    use nix::sys::signal::{SigHandler, Signal, signal};
    // SAFETY: the default action runs no code of ours.
    let _ = unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) };
}

fn outer_pid(outer: &OwnedFd, pid: Pid) -> Option<i32> {
    process::outer_pid(outer, &process::descriptor(pid).ok()?).ok()
}
