//! The namespaces that probes are sent from, and the sockets that are open in them.

use std::os::fd::{AsFd as _, OwnedFd};

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns};

use super::echo::Echo;
use super::readiness::{Key, Readiness};
use crate::kernel::enter::{Place, gone, holder_of, user};
use crate::kernel::error::{Error, Result};
use crate::kernel::icmp::{Family, IcmpSocket, RawSocket, open_errors};
use crate::plan::Sandbox;

/// Of one namespace.
#[derive(Default)]
struct Sockets {
    /// The process that holds it.
    holder: Option<OwnedFd>,
    echo: [Option<Echo>; 2],
    errors: [Option<RawSocket>; 2],
}

pub(super) struct Places {
    sandboxes: Vec<Sandbox>,
    sockets: Vec<Sockets>,
    /// Which one this process is in.
    inside: Option<usize>,
}

fn index(family: Family) -> usize {
    match family {
        Family::V4 => 0,
        Family::V6 => 1,
    }
}

impl Places {
    pub(super) fn new(sandboxes: &[Sandbox]) -> Self {
        let sockets = sandboxes.iter().map(|_| Sockets::default()).collect();
        Self { sandboxes: sandboxes.to_vec(), sockets, inside: None }
    }

    pub(super) fn name(&self, place: usize) -> &str {
        self.sandboxes.get(place).map_or("?", |sandbox| &sandbox.name)
    }

    /// Its pause process has ended.
    pub(super) fn gone(&self, place: usize) -> Error {
        gone(&self.sandboxes[place])
    }

    pub(super) fn failed(&self, place: usize, errno: Errno) -> Error {
        Error::call(format!("{}: receiving answers", self.name(place)))(errno)
    }

    /// A new round begins: what comes in from now on answers only what is sent from now on, and this process may have been
    /// moved since the last round.
    pub(super) fn start_anew(&mut self) {
        self.inside = None;
        self.sockets.iter_mut().flat_map(|sockets| &mut sockets.echo).flatten().for_each(Echo::forget);
    }

    /// How many descriptors are open.
    pub(super) fn open(&self) -> u64 {
        let of = |sockets: &Sockets| {
            let echoes = sockets.echo.iter().flatten().count();
            usize::from(sockets.holder.is_some()) + echoes + sockets.errors.iter().flatten().count()
        };
        self.sockets.iter().map(of).sum::<usize>() as u64
    }

    /// Closes them all; who asks again has them opened again.
    pub(super) fn close(&mut self) {
        self.sockets.iter_mut().for_each(|sockets| *sockets = Sockets::default());
    }

    /// Moves this process there.
    pub(super) fn enter(&mut self, place: usize, readiness: &Readiness) -> Result<()> {
        if self.inside == Some(place) {
            return Ok(());
        }
        let sandbox = &self.sandboxes[place];
        let here = Place { sandbox };
        let holder = match &mut self.sockets[place].holder {
            Some(holder) => holder,
            none => {
                let holder = none.insert(holder_of(&here)?);
                readiness.watch(&*holder, Key::Holder(place))?;
                holder
            }
        };
        // All namespaces of a lab belong to one user namespace: where it has to be entered, it is so once.
        let user = if self.inside.is_none() { user(&here) } else { CloneFlags::empty() };
        setns(holder.as_fd(), user | CloneFlags::CLONE_NEWNET).map_err(|errno| match errno {
            Errno::ESRCH => gone(sandbox),
            errno => Error::call(format!("entering {}", sandbox.name))(errno),
        })?;
        self.inside = Some(place);
        Ok(())
    }

    /// The socket for echoes, opened at the first use.
    pub(super) fn echo(&mut self, place: usize, family: Family, readiness: &Readiness) -> Result<&mut Echo> {
        if self.sockets[place].echo[index(family)].is_none() {
            self.enter(place, readiness)?;
            let socket = IcmpSocket::open_to_itself(family).map_err(Error::io(self.opening(place)))?;
            readiness.watch(&socket, Key::Echo(place, family))?;
            self.sockets[place].echo[index(family)] = Some(Echo::new(socket));
        }
        self.sockets[place].echo[index(family)].as_mut().ok_or_else(|| gone(&self.sandboxes[place]))
    }

    /// The socket for errors about connections, opened at the first use.
    pub(super) fn errors(
        &mut self,
        place: usize,
        family: Family,
        readiness: &Readiness,
    ) -> Result<&RawSocket> {
        if self.sockets[place].errors[index(family)].is_none() {
            self.enter(place, readiness)?;
            let socket = open_errors(family).map_err(Error::io(self.opening(place)))?;
            readiness.watch(&socket, Key::Errors(place, family))?;
            self.sockets[place].errors[index(family)] = Some(socket);
        }
        self.sockets[place].errors[index(family)].as_ref().ok_or_else(|| gone(&self.sandboxes[place]))
    }

    fn opening(&self, place: usize) -> String {
        format!("{}: opening a raw socket", self.name(place))
    }
}
