//! Why this user may not make namespaces, and what to do about it: the setting that forbids it, by name.
//!
//! Every text is one line, for scripts and for people who search for it.

use std::fs;

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::sys::wait::WaitStatus;
use nix::unistd::Uid;

use super::error::Error;
use super::process;
use crate::doctor::raise;

/// What a lab is made of, and the setting that limits how many of it each user may have (`namespaces(7)`).
const LIMITS: [(CloneFlags, &str, &str); 6] = [
    (CloneFlags::CLONE_NEWUSER, "user", "user.max_user_namespaces"),
    (CloneFlags::CLONE_NEWNET, "network", "user.max_net_namespaces"),
    (CloneFlags::CLONE_NEWPID, "PID", "user.max_pid_namespaces"),
    (CloneFlags::CLONE_NEWNS, "mount", "user.max_mnt_namespaces"),
    (CloneFlags::CLONE_NEWUTS, "UTS", "user.max_uts_namespaces"),
    (CloneFlags::CLONE_NEWIPC, "IPC", "user.max_ipc_namespaces"),
];

/// Debian's switch for user namespaces of ordinary users.
pub(super) const USERNS_CLONE: &str = "kernel/unprivileged_userns_clone";
/// Ubuntu's, for programs without an AppArmor profile.
pub(super) const APPARMOR_RESTRICT: &str = "kernel/apparmor_restrict_unprivileged_userns";

/// The error for a refusal to make the lab's namespaces, or to use them, to `user` who runs netlab.
pub(super) fn denied(doing: &str, errno: Errno, user: Uid) -> Error {
    if errno == Errno::ENOSPC {
        return used_up(doing);
    }
    let why = if let Some(profile) = profile() {
        format!("the AppArmor profile `{profile}` forbids it: change the profile")
    } else if user.is_root() {
        "not allowed although you are root: this looks like a container without CAP_SYS_ADMIN; run it with --privileged"
            .to_owned()
    } else if setting(USERNS_CLONE) == Some(0) {
        "this kernel forbids user namespaces to ordinary users (kernel.unprivileged_userns_clone is 0): run \
         `sudo sysctl -w kernel.unprivileged_userns_clone=1`"
            .to_owned()
    } else if setting(APPARMOR_RESTRICT) == Some(1) {
        "AppArmor forbids user namespaces to programs without a profile \
         (kernel.apparmor_restrict_unprivileged_userns is 1, the default of Ubuntu 23.10 and later): run \
         `sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`"
            .to_owned()
    } else {
        format!(
            "{} ({errno:?}): a security module or a container's seccomp filter may forbid it: ask its administrator",
            errno.desc()
        )
    };
    let sudo = if user.is_root() { "" } else { ", or run netlab with sudo" };
    Error::Denied(format!("{doing}: {why}{sudo}"))
}

/// The error for `ENOSPC`, which says that there are too many namespaces, but not of which kind.
pub(super) fn used_up(doing: &str) -> Error {
    let Some((flag, kind, setting)) = limit() else {
        return Error::Denied(format!(
            "{doing}: the kernel makes no more namespaces (ENOSPC): one of the limits user.max_*_namespaces is reached"
        ));
    };
    // Root needs no user namespace, but as many of the others as anybody.
    let instead = if flag == CloneFlags::CLONE_NEWUSER { ", or run netlab with sudo" } else { "" };
    Error::Denied(format!(
        "{doing}: the kernel's limit on {kind} namespaces is reached ({setting}): raise it with `{}`{instead}",
        raise(setting)
    ))
}

/// The limit that is reached, found by trying each in a process of its own. Reading the settings would not do: inside a
/// user namespace they show its own limits, and those of its parent count too.
fn limit() -> Option<(CloneFlags, &'static str, &'static str)> {
    let reached = |flag| unshare(flag) == Err(Errno::ENOSPC);
    let child = process::spawn(|| {
        // Who may make the others only as root of a user namespace needs one of those first.
        let ordinary = unshare(CloneFlags::CLONE_NEWUTS) == Err(Errno::EPERM);
        let place = LIMITS.iter().position(|(flag, ..)| {
            let first = *flag == CloneFlags::CLONE_NEWUSER;
            (!first || ordinary) && reached(*flag)
        });
        place.and_then(|place| i32::try_from(place).ok()).unwrap_or(-1)
    });
    match process::reap(child.ok()?) {
        Ok(WaitStatus::Exited(_, place)) => LIMITS.get(usize::try_from(place).ok()?).copied(),
        _ => None,
    }
}

/// The AppArmor profile that confines a process with this label; labels of other modules have another form.
fn confining(label: &str) -> Option<&str> {
    let (profile, mode) = label.trim_end_matches(['\n', '\0']).rsplit_once(" (")?;
    // `unprivileged_userns` is where Ubuntu's restriction puts programs without a profile, which has its own remedy.
    (mode == "enforce)" && profile != "unprivileged_userns").then_some(profile)
}

/// The AppArmor profile that confines this process.
pub(super) fn profile() -> Option<String> {
    let label = fs::read_to_string("/proc/self/attr/current").ok()?;
    confining(&label).map(str::to_owned)
}

/// The error for a kernel setting that cannot be written because of how `/proc/sys` is mounted.
pub(super) fn read_only(doing: &str) -> Error {
    Error::Denied(format!(
        "{doing}: /proc/sys is read-only: in a container, it has to be run with --privileged"
    ))
}

/// What each kind of namespace says when it is asked for by itself, in a process of its own: none where it was made.
pub(super) fn try_each() -> Vec<(&'static str, Option<Errno>)> {
    let tried = |(flag, kind, _): &(CloneFlags, &'static str, &str)| {
        let child = process::spawn(|| {
            // Who may make the others only as root of a user namespace needs one of those first.
            let user = CloneFlags::CLONE_NEWUSER;
            let ordinary = *flag != user && unshare(CloneFlags::CLONE_NEWUTS) == Err(Errno::EPERM);
            let made = if ordinary { unshare(user).and_then(|()| unshare(*flag)) } else { unshare(*flag) };
            made.map_or_else(|errno| errno as i32, |()| 0)
        });
        let refused = match child.and_then(process::reap) {
            Ok(WaitStatus::Exited(_, 0)) => None,
            Ok(WaitStatus::Exited(_, code)) => Some(Errno::from_raw(code)),
            _ => Some(Errno::ECHILD),
        };
        (*kind, refused)
    };
    LIMITS.iter().map(tried).collect()
}

/// A number below `/proc/sys`.
pub(super) fn setting(path: &str) -> Option<u64> {
    fs::read_to_string(format!("/proc/sys/{path}")).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_enforced_profile_confines() {
        assert_eq!(confining("netlab-denied (enforce)\n"), Some("netlab-denied"));
        assert_eq!(confining("/usr/bin/some thing (enforce)"), Some("/usr/bin/some thing"));
        for label in [
            "",
            "unconfined\n",
            "unconfined (complain)",
            "unprivileged_userns (enforce)",
            "system_u:system_r:kernel_t:s0\0",
        ] {
            assert_eq!(confining(label), None, "{label}");
        }
    }
}
