//! Making, naming and finding namespaces.

use std::fs::File;
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns, unshare};
use nix::unistd::sethostname;

use super::error::{Error, Result};
use super::privilege;

/// What every node, router and pod has for itself: its network, its hostname, its message queues.
const OWN: CloneFlags =
    CloneFlags::CLONE_NEWNET.union(CloneFlags::CLONE_NEWUTS).union(CloneFlags::CLONE_NEWIPC);

/// Moves the calling thread into new namespaces with that hostname.
pub(super) fn enter_new(hostname: &str) -> Result<()> {
    unshare(OWN).map_err(|errno| match errno {
        Errno::ENOSPC => privilege::used_up(hostname),
        errno => Error::call(format!("{hostname}: new namespaces"))(errno),
    })?;
    sethostname(hostname).map_err(Error::call(format!("{hostname}: setting the hostname")))
}

/// The namespaces that the calling thread is in, to come back to.
pub(super) struct Home([(File, CloneFlags); 3]);

impl Home {
    pub(super) fn remember() -> Result<Self> {
        let open = |name: &str, flag| {
            let path = format!("/proc/thread-self/ns/{name}");
            File::open(&path).map(|file| (file, flag)).map_err(Error::io(format!("opening {path}")))
        };
        Ok(Self([
            open("net", CloneFlags::CLONE_NEWNET)?,
            open("uts", CloneFlags::CLONE_NEWUTS)?,
            open("ipc", CloneFlags::CLONE_NEWIPC)?,
        ]))
    }

    pub(super) fn go_back(&self) -> Result<()> {
        for (file, flag) in &self.0 {
            setns(file.as_fd(), *flag).map_err(Error::call("going back to the holder's namespaces"))?;
        }
        Ok(())
    }
}

/// The inode number of the calling thread's network namespace: what tells one from another.
pub(super) fn network_inode() -> Result<u64> {
    use std::os::unix::fs::MetadataExt as _;
    let path = "/proc/thread-self/ns/net";
    std::fs::metadata(path).map(|metadata| metadata.ino()).map_err(Error::io(format!("reading {path}")))
}
