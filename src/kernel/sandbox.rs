//! What a process sees inside a pod or node: its own `/sys`, the lab's `/etc/hosts`, and names for `ip netns`.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

use super::error::{Error, Result};
use crate::plan::Sandbox;

const NONE: Option<&str> = None;

/// Gives the calling process mounts of its own: a `/sys` that shows its network namespace, and the lab's `/etc/hosts`.
pub(super) fn own_view(hosts: &Path) -> Result<()> {
    unshare(CloneFlags::CLONE_NEWNS).map_err(Error::call("a mount namespace of its own"))?;
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE)
        .map_err(Error::call("making mounts private"))?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    match mount(Some("sysfs"), "/sys", Some("sysfs"), flags, NONE) {
        // Inside containers whose /sys is partly covered the kernel refuses a fresh one; commands work without.
        Ok(()) | Err(Errno::EPERM) => {}
        Err(errno) => return Err(Error::call("mounting /sys")(errno)),
    }
    if hosts.exists() && Path::new("/etc/hosts").exists() {
        mount(Some(hosts), "/etc/hosts", NONE, MsFlags::MS_BIND, NONE)
            .map_err(Error::call("mounting /etc/hosts"))?;
    }
    Ok(())
}

/// Makes `ip netns list` and `ip netns exec NAME` work in the calling process's own mount namespace. The names are
/// links, not mounts: they keep no namespace alive.
pub(super) fn name_namespaces(sandboxes: &[Sandbox]) -> Result<()> {
    let run = fs::canonicalize("/var/run").unwrap_or_else(|_| PathBuf::from("/run"));
    let names = run.join("netns");
    if !names.is_dir() {
        cover(&run)?;
        fs::create_dir(&names).map_err(Error::io(format!("making {}", names.display())))?;
    }
    mount(Some("netlab"), &names, Some("tmpfs"), MsFlags::empty(), Some("mode=755"))
        .map_err(Error::call(format!("mounting {}", names.display())))?;
    for sandbox in sandboxes {
        let target = format!("/proc/{}/ns/net", sandbox.inner_pid);
        symlink(&target, names.join(&sandbox.name)).map_err(Error::io(format!("naming {}", sandbox.name)))?;
    }
    Ok(())
}

/// Puts a writable directory over `run` in which everything of the old one is still there. An ordinary user cannot make
/// a directory in `/run` itself, and root should not.
fn cover(run: &Path) -> Result<()> {
    let what = || format!("covering {}", run.display());
    let entries = fs::read_dir(run).map_err(Error::io(what()))?;
    let aside = Path::new("/sys");
    // `/sys` of this view is only ours, and covered again as soon as this is done.
    mount(Some("netlab"), aside, Some("tmpfs"), MsFlags::empty(), Some("mode=755"))
        .map_err(Error::call(what()))?;
    for entry in entries.flatten() {
        let (old, new) = (entry.path(), aside.join(entry.file_name()));
        let Ok(kind) = entry.file_type() else { continue };
        let made = if kind.is_symlink() {
            fs::read_link(&old).and_then(|target| symlink(target, &new))
        } else if kind.is_dir() {
            fs::create_dir(&new)
        } else {
            File::create(&new).map(drop)
        };
        made.map_err(Error::io(what()))?;
        if !kind.is_symlink() {
            let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
            // What cannot be bound (a directory of another user in a user namespace) could not be used before either.
            let _ = mount(Some(&old), &new, NONE, flags, NONE);
        }
    }
    mount(Some(aside), run, NONE, MsFlags::MS_MOVE, NONE).map_err(Error::call(what()))
}
