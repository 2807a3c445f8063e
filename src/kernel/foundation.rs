//! What every lab stands on: namespaces of its own, and root's rights in them.

use std::fs;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::CloneFlags;
use nix::unistd::{Gid, Pid, Uid, sethostname};

use super::error::Result;
use super::{privilege, process};

/// What a lab is made in: everything of its own but the user namespace, which only ordinary users need.
const NAMESPACES: CloneFlags = CloneFlags::CLONE_NEWNS
    .union(CloneFlags::CLONE_NEWPID)
    .union(CloneFlags::CLONE_NEWNET)
    .union(CloneFlags::CLONE_NEWUTS)
    .union(CloneFlags::CLONE_NEWIPC);

/// How a lab came by root's rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Privilege {
    /// netlab was run as root.
    Root,
    /// The lab has a user namespace in which it is root.
    Rootless,
}

/// Runs `child` in new namespaces: as root without a user namespace, else with one. Which it is, trying shows.
pub(super) fn start(user: Uid, child: impl Fn(Privilege) -> i32) -> Result<Pid> {
    match process::spawn_in(NAMESPACES, || child(Privilege::Root)) {
        Err(Errno::EPERM) => {
            let all = NAMESPACES.union(CloneFlags::CLONE_NEWUSER);
            process::spawn_in(all, || child(Privilege::Rootless))
                .map_err(|errno| privilege::denied("making a user namespace", errno, user))
        }
        Err(errno) => Err(privilege::denied("making namespaces", errno, user)),
        Ok(pid) => Ok(pid),
    }
}

/// What the child does first: becomes root there, with mounts and a hostname of its own.
pub(super) fn move_in(privilege: Privilege, user: (Uid, Gid), hostname: &str) -> Result<()> {
    if privilege == Privilege::Rootless {
        map_user(user)?;
    }
    let denied = |doing: &'static str| move |errno| privilege::denied(doing, errno, user.0);
    own_mounts().map_err(denied("setting up the lab's own mounts"))?;
    sethostname(hostname).map_err(denied("setting the lab's hostname"))
}

/// Makes the user who ran netlab root of the lab.
fn map_user((uid, gid): (Uid, Gid)) -> Result<()> {
    let write = |file: &str, text: String| {
        let path = format!("/proc/self/{file}");
        fs::write(&path, text).map_err(|error| {
            privilege::denied(
                &format!("writing {path}"),
                Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)),
                uid,
            )
        })
    };
    write("setgroups", "deny".into())?;
    write("uid_map", format!("0 {uid} 1\n"))?;
    write("gid_map", format!("0 {gid} 1\n"))
}

/// Nothing that is mounted from here on is seen outside, and `/proc` shows the lab's processes.
fn own_mounts() -> std::result::Result<(), Errno> {
    let none: Option<&str> = None;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    match mount(Some("proc"), "/proc", Some("proc"), flags, none) {
        // In containers whose /proc is partly covered a fresh one is refused: the lab does without.
        Err(Errno::EPERM) | Ok(()) => Ok(()),
        Err(errno) => Err(errno),
    }
}
