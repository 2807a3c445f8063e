//! Knowing when the kernel has freed the network namespaces of labs that have gone.
//!
//! The last user of a namespace does not free it: it puts it on a list, which a single kernel worker (`cleanup_net()`, on the
//! ordered queue `netns`; net/core/net_namespace.c) takes away as a whole, a batch after the other, each done before the next.
//! Nobody is told of that, but one effect can be heard: with a namespace goes its end of a cable, and with that end the other
//! one, of which a netlink socket hears. So a *canary* is dropped, a namespace with a cable to one that stays: when the cable has
//! gone, the kernel is at the canary's batch, and done with all batches before it.
//!
//! Three canaries are dropped, each when the one before has gone:
//!
//! 1. The first may have joined the very batch that the labs are in, or one before it: a namespace is held for a moment longer by
//!    netlink sockets that were open in it, which are freed only after a grace period of RCU. At the end of each batch the kernel
//!    waits for all that is freed so (`rcu_barrier()`).
//! 2. So the labs are in the second's batch at the latest,
//! 3. and that batch is done when the third goes. (With two, one of two dozen trials with sockets open to the end came
//!    too early.)

use std::fs::File;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::thread::sleep;
use std::time::{Duration, Instant};

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NetlinkBuffer, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{InfoData, InfoKind, InfoVeth, LinkAttribute};
use netlink_sys::{Socket, protocols::NETLINK_ROUTE};
use nix::errno::Errno;
use nix::poll::PollTimeout;
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::signal::Signal;
use nix::unistd::{Uid, getuid};
use rtnetlink::{LinkMessageBuilder, LinkUnspec, LinkVeth};

use super::error::{Error, Result};
use super::interrupt::Interrupts;
use super::netlink::{self, Connection};
use super::privilege;
use super::worker::{self, Worker};
use crate::event::Failure;

/// How many canaries it takes, as the module says.
const CANARIES: u32 = 3;
/// `RTNLGRP_LINK` (linux/rtnetlink.h): interfaces that come, change and go.
const LINKS: u32 = 1;
/// How long there may be no room for a canary, because the labs have used up a limit on namespaces and are not freed yet.
const NO_ROOM: Duration = Duration::from_secs(240);
/// How often it is tried again: of room the kernel tells nobody.
const AGAIN: Duration = Duration::from_millis(5);

/// How waiting for the kernel ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freed {
    /// All network namespaces that nobody used when the waiting began are gone, and with them what was in them.
    All,
    /// Not so within the time given.
    NotYet,
    /// Somebody wants netlab to stop.
    Interrupted(Signal),
}

/// Waits until the kernel has freed every network namespace of this machine that nobody uses any more. It needs a few
/// namespaces of its own for that, and touches no other. The calling process has one thread.
///
/// # Errors
/// If this user may make no namespaces, or the kernel refuses one for another reason.
pub fn wait_until_freed(interrupts: &Interrupts, patience: Duration) -> Result<Freed> {
    let user = getuid();
    // A process of its own: whatever the kernel keeps that one waiting for, this one can be interrupted.
    let mut watcher = Worker::start(|| serde_json::to_vec(&told(watch(user))).unwrap_or_default())?;
    let until = Instant::now() + patience;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        let ready = worker::wait(&[&watcher], interrupts, timeout)?;
        if let Some(signal) = ready.signal {
            watcher.abandon();
            return Ok(Freed::Interrupted(signal));
        }
        if !ready.workers.is_empty() && watcher.listen()? {
            break;
        }
        if left.is_zero() {
            watcher.abandon();
            return Ok(Freed::NotYet);
        }
    }
    match serde_json::from_slice::<Told>(&watcher.finish()?) {
        Ok(None) => Ok(Freed::All),
        Ok(Some((Failure::Machine, message))) => Err(Error::Denied(message)),
        Ok(Some((_, message))) => Err(Error::Unexpected(message)),
        Err(_) => Err(Error::Unexpected(
            "the process that watched the kernel free namespaces ended without a word".into(),
        )),
    }
}

/// What the watching process tells: nothing, or what went wrong.
type Told = Option<(Failure, String)>;

fn told(result: Result<()>) -> Told {
    result.err().map(|error| (error.failure(), error.to_string()))
}

/// Drops the canaries, in namespaces of this process's own.
fn watch(user: Uid) -> Result<()> {
    leave_home(user)?;
    let home = network()?;
    let mut connection = Connection::open()?;
    let mut ears = netlink::open(NETLINK_ROUTE)?;
    ears.add_membership(LINKS).map_err(Error::io("listening for interfaces that go"))?;
    // 1 is `lo`.
    for index in 2..2 + CANARIES {
        drop_canary(user, &home, &mut connection, index)?;
        hear_of_the_end(&mut ears, index)?;
    }
    Ok(())
}

/// Moves to a network namespace of this process's own; an ordinary user needs a user namespace for that.
fn leave_home(user: Uid) -> Result<()> {
    let refused = |errno| privilege::denied("making a namespace to watch others go from", errno, user);
    match when_there_is_room(CloneFlags::CLONE_NEWNET) {
        Err(Errno::EPERM) => {
            let both = CloneFlags::CLONE_NEWNET.union(CloneFlags::CLONE_NEWUSER);
            when_there_is_room(both).map_err(refused)
        }
        result => result.map_err(refused),
    }
}

/// Makes namespaces; where a limit is reached, tries again: labs that are not freed yet still count, and may be all that
/// the limit allows.
fn when_there_is_room(namespaces: CloneFlags) -> std::result::Result<(), Errno> {
    let begun = Instant::now();
    loop {
        match unshare(namespaces) {
            Err(Errno::ENOSPC) if begun.elapsed() < NO_ROOM => sleep(AGAIN),
            result => return result,
        }
    }
}

/// Makes a namespace that nobody uses, with a cable to this process's own, which has that index there.
fn drop_canary(user: Uid, home: &OwnedFd, connection: &mut Connection, index: u32) -> Result<()> {
    when_there_is_room(CloneFlags::CLONE_NEWNET)
        .map_err(|errno| privilege::denied("making a namespace to watch go", errno, user))?;
    let canary = network()?;
    setns(home, CloneFlags::CLONE_NEWNET).map_err(Error::call("going back to the watching namespace"))?;
    let far = LinkMessageBuilder::<LinkUnspec>::default()
        .name("canary")
        .setns_by_fd(canary.as_raw_fd())
        .append_extra_attribute(LinkAttribute::NumTxQueues(1))
        .append_extra_attribute(LinkAttribute::NumRxQueues(1))
        .build();
    let cable = LinkMessageBuilder::<LinkVeth>::new_with_info_kind(InfoKind::Veth)
        .name(format!("canary{index}"))
        .index(index)
        .append_extra_attribute(LinkAttribute::NumTxQueues(1))
        .append_extra_attribute(LinkAttribute::NumRxQueues(1))
        .set_info_data(InfoData::Veth(InfoVeth::Peer(far)))
        .build();
    connection.queue(RouteNetlinkMessage::NewLink(cable), NLM_F_CREATE | NLM_F_EXCL);
    match connection.flush()? {
        None => Ok(()),
        Some(refusal) => Err(Error::Refused {
            place: "the watching namespace".into(),
            what: "a cable to a namespace to watch go".into(),
            errno: refusal.errno,
            said: refusal.said,
        }),
    }
}

/// Waits until the cable's end here has gone.
fn hear_of_the_end(ears: &mut Socket, index: u32) -> Result<()> {
    let mut heard = Vec::with_capacity(8192);
    loop {
        heard.clear();
        match ears.recv(&mut heard, 0) {
            Ok(_) if is_end(&heard, index) => return Ok(()),
            Ok(_) => {}
            // The socket has a deadline for others' sake; here it is the waiting process that has one.
            Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EINTR)) => {}
            Err(error) => return Err(Error::io("listening for interfaces that go")(error)),
        }
    }
}

/// Whether a datagram says that the interface of that index has gone.
fn is_end(datagram: &[u8], index: u32) -> bool {
    let mut rest = datagram;
    while let Ok(header) = NetlinkBuffer::new_checked(rest) {
        let length = header.length() as usize;
        let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(&rest[..length]);
        if let Ok(message) = message
            && let NetlinkPayload::InnerMessage(RouteNetlinkMessage::DelLink(link)) = message.payload
            && link.header.index == index
        {
            return true;
        }
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    false
}

/// The network namespace that this process is in.
fn network() -> Result<OwnedFd> {
    let path = "/proc/thread-self/ns/net";
    File::open(path).map(OwnedFd::from).map_err(Error::io(format!("opening {path}")))
}
