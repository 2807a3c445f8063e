//! Why this user may not make namespaces, and what to do about it: the setting that forbids it, by name.

use std::fs;

use nix::errno::Errno;
use nix::unistd::geteuid;

use super::error::Error;

/// The error for a refusal to make the lab's namespaces, or to use them.
pub(super) fn denied(doing: &str, errno: Errno) -> Error {
    let sudo = "or run netlab with sudo";
    let text = if geteuid().is_root()
        && setting("user/max_user_namespaces") != Some(0)
        && errno != Errno::ENOSPC
    {
        format!(
            "{doing}: not allowed although you are root: this looks like a container without CAP_SYS_ADMIN; run it with --privileged"
        )
    } else if setting("kernel/unprivileged_userns_clone") == Some(0) {
        format!(
            "{doing}: this kernel forbids user namespaces to ordinary users \
             (kernel.unprivileged_userns_clone is 0): run `sudo sysctl -w kernel.unprivileged_userns_clone=1`, {sudo}"
        )
    } else if let Some(name) = exhausted(errno) {
        format!(
            "{doing}: the kernel's limit on namespaces is reached ({name}): raise it with `sudo sysctl -w {name}=10000`, {sudo}"
        )
    } else if setting("kernel/apparmor_restrict_unprivileged_userns") == Some(1) {
        format!(
            "{doing}: AppArmor forbids user namespaces to programs without a profile \
             (kernel.apparmor_restrict_unprivileged_userns is 1, the default of Ubuntu 23.10 and later): \
             run `sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`, {sudo}"
        )
    } else if fs::read_to_string("/proc/self/attr/current").is_ok_and(|profile| is_confined(&profile)) {
        let profile = fs::read_to_string("/proc/self/attr/current").unwrap_or_default();
        format!("{doing}: the AppArmor profile `{}` forbids it: change the profile, {sudo}", profile.trim())
    } else {
        format!(
            "{doing}: {} ({errno:?}): a security module or a container's seccomp filter may forbid it: ask its administrator, {sudo}",
            errno.desc()
        )
    };
    Error::Denied(text)
}

/// The limit that is used up, if that is what the error says.
fn exhausted(errno: Errno) -> Option<&'static str> {
    if errno != Errno::ENOSPC && errno != Errno::EUSERS && setting("user/max_user_namespaces") != Some(0) {
        return None;
    }
    let limits = [
        "user/max_user_namespaces",
        "user/max_net_namespaces",
        "user/max_pid_namespaces",
        "user/max_mnt_namespaces",
    ];
    let zero = limits.into_iter().find(|limit| setting(limit) == Some(0)).unwrap_or(limits[0]);
    Some(match zero {
        "user/max_net_namespaces" => "user.max_net_namespaces",
        "user/max_pid_namespaces" => "user.max_pid_namespaces",
        "user/max_mnt_namespaces" => "user.max_mnt_namespaces",
        _ => "user.max_user_namespaces",
    })
}

fn is_confined(profile: &str) -> bool {
    let profile = profile.trim();
    !profile.is_empty() && !profile.starts_with("unconfined") && profile.contains('(')
}

fn setting(path: &str) -> Option<u64> {
    fs::read_to_string(format!("/proc/sys/{path}")).ok()?.trim().parse().ok()
}
