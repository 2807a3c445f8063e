//! `netlab down`: ends labs. A lab that is not there is down already.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::PollTimeout;
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::{FINE, Fail, OTHER, running, usage};
use crate::cli::Down;
use crate::diag::closest;
use crate::kernel::{self, Freed, Interrupts};
use crate::state::{self, Keepers, Process};
use crate::ui;

/// How long a lab's processes may take to end: five thousand take a second.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the kernel may take to free what they leave: the namespaces of five thousand pods take it some 15 s.
const FREEING: Duration = Duration::from_secs(300);

pub(super) fn down(args: &Down) -> anyhow::Result<u8> {
    let names = if args.all {
        state::labs()?
    } else if args.labs.is_empty() {
        only()?
    } else {
        args.labs.iter().map(|word| running::lab_name(word)).collect::<anyhow::Result<_>>()?
    };
    if names.is_empty() {
        ui::print("no lab is running\n")?;
    }
    // One that cannot be ended keeps none of the others up.
    let mut failure = None;
    for name in names {
        if let Err(error) = one(&name)
            && let Some(earlier) = failure.replace(error)
        {
            ui::remark(&format!("netlab: {earlier:#}"));
        }
    }
    if args.wait
        && let Err(error) = until_freed()
        && let Some(earlier) = failure.replace(error)
    {
        ui::remark(&format!("netlab: {earlier:#}"));
    }
    failure.map_or(Ok(FINE), Err)
}

/// Waits until the kernel has freed what labs that are down were made of.
fn until_freed() -> anyhow::Result<()> {
    let begun = Instant::now();
    let interrupts = Interrupts::hold()?;
    match kernel::wait_until_freed(&interrupts, FREEING)? {
        Freed::All => {
            ui::print(&format!(
                "the kernel has freed all unused namespaces, in {}\n",
                ui::duration(begun.elapsed())
            ))?;
            Ok(())
        }
        Freed::NotYet => anyhow::bail!(
            "after {} s the kernel is still freeing namespaces that nobody uses any more: labs are down, but what is \
             built now may wait for that; `netlab down --wait` waits on",
            FREEING.as_secs()
        ),
        Freed::Interrupted(signal) => {
            let message =
                "interrupted: labs are down, and the kernel goes on freeing their namespaces".to_owned();
            Err(Fail { code: u8::try_from(128 + signal as i32).unwrap_or(OTHER), message }.into())
        }
    }
}

fn one(name: &str) -> anyhow::Result<()> {
    match state::keepers(name) {
        Some(keepers) => {
            end(&keepers)?;
            ui::print(&format!("{name} is down\n"))?;
        }
        None => not_running(name, &state::labs()?)?,
    }
    Ok(())
}

/// Says that a lab is down already; a name that was mistyped is not to look like one.
fn not_running(name: &str, labs: &[String]) -> anyhow::Result<()> {
    if labs.iter().any(|lab| lab == name) {
        return Err(usage(format!("lab `{name}` is still being brought up: interrupt that netlab instead")));
    }
    let near = closest(name, labs.iter().map(String::as_str));
    let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    ui::print(&format!("{name} is not running{near}\n"))?;
    Ok(())
}

/// The only lab there is, if any.
fn only() -> anyhow::Result<Vec<String>> {
    let labs = state::labs()?;
    if labs.len() > 1 {
        return Err(usage(format!(
            "{} labs are running ({}): name those to end, or say --all",
            labs.len(),
            labs.join(", ")
        )));
    }
    Ok(labs)
}

/// Ends a running lab and waits until none of its processes is left.
pub(super) fn end(lab: &Keepers) -> anyhow::Result<()> {
    running::are_in_sight(lab)?;
    // The keeper ends the holder, waits for it and cleans up; without a keeper the holder is ended directly.
    let keeper = ask(&lab.keeper, Signal::SIGTERM)?;
    let holder = if keeper.is_none() { ask(&lab.holder, Signal::SIGKILL)? } else { None };
    for process in keeper.into_iter().chain(holder) {
        let patience = PollTimeout::try_from(PATIENCE).unwrap_or(PollTimeout::MAX);
        let ended = kernel::wait_for_end(&process, patience)
            .map_err(kernel::Error::call("waiting for the lab to end"))?;
        anyhow::ensure!(ended, "lab `{}` did not end within {} s", lab.lab, PATIENCE.as_secs());
    }
    Ok(())
}

/// Sends a signal to a process of the lab, if it is still that process.
fn ask(process: &Process, signal: Signal) -> anyhow::Result<Option<OwnedFd>> {
    let what = || format!("ending process {}", process.pid);
    let descriptor = match kernel::descriptor(Pid::from_raw(process.pid)) {
        Ok(descriptor) => descriptor,
        Err(Errno::ESRCH) => return Ok(None),
        Err(errno) => return Err(kernel::Error::call(what())(errno).into()),
    };
    if kernel::start_time(process.pid) != Some(process.started) {
        return Ok(None);
    }
    match kernel::signal(&descriptor, signal) {
        Ok(()) => Ok(Some(descriptor)),
        Err(Errno::ESRCH) => Ok(None),
        Err(errno) => Err(kernel::Error::call(what())(errno).into()),
    }
}
