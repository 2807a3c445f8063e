//! Which of many descriptors has something to say.

use std::os::fd::AsFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use crate::kernel::error::{Error, Result};
use crate::kernel::icmp::Family;

/// Events taken at once.
const EVENTS: usize = 256;

/// What a descriptor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// Signals that were held back.
    Interrupts,
    /// The process that holds a place.
    Holder(usize),
    /// A place's socket for echoes.
    Echo(usize, Family),
    /// A place's socket for errors about connections.
    Errors(usize, Family),
    /// A connection, by number.
    Connection(u64),
}

impl Key {
    /// A kind in the lowest three bits, then a number.
    fn to_word(self) -> u64 {
        match self {
            Self::Interrupts => 0,
            Self::Holder(place) => 1 | (place as u64) << 3,
            Self::Echo(place, Family::V4) => 2 | (place as u64) << 3,
            Self::Echo(place, Family::V6) => 3 | (place as u64) << 3,
            Self::Errors(place, Family::V4) => 4 | (place as u64) << 3,
            Self::Errors(place, Family::V6) => 5 | (place as u64) << 3,
            Self::Connection(number) => 6 | number << 3,
        }
    }

    fn from_word(word: u64) -> Self {
        let (kind, number) = (word & 7, word >> 3);
        match kind {
            0 => Self::Interrupts,
            1 => Self::Holder(number as usize),
            2 => Self::Echo(number as usize, Family::V4),
            3 => Self::Echo(number as usize, Family::V6),
            4 => Self::Errors(number as usize, Family::V4),
            5 => Self::Errors(number as usize, Family::V6),
            _ => Self::Connection(number),
        }
    }

    /// A connection is also heard of when it can be written to: then it is there.
    fn flags(self) -> EpollFlags {
        match self {
            Self::Connection(_) => EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT,
            _ => EpollFlags::EPOLLIN,
        }
    }
}

pub(super) struct Readiness {
    epoll: Epoll,
    events: Vec<EpollEvent>,
}

impl Readiness {
    pub(super) fn new() -> Result<Self> {
        let epoll =
            Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map_err(Error::call("watching many sockets"))?;
        Ok(Self { epoll, events: vec![EpollEvent::empty(); EVENTS] })
    }

    /// Until it is closed or forgotten.
    pub(super) fn watch(&self, descriptor: impl AsFd, key: Key) -> Result<()> {
        let event = EpollEvent::new(key.flags(), key.to_word());
        self.epoll.add(descriptor, event).map_err(Error::call("watching a socket"))
    }

    /// As [`watch`](Self::watch), but only for something to read.
    pub(super) fn watch_for_input(&self, descriptor: impl AsFd, key: Key) -> Result<()> {
        let event = EpollEvent::new(EpollFlags::EPOLLIN, key.to_word());
        self.epoll.add(descriptor, event).map_err(Error::call("watching a socket"))
    }

    pub(super) fn forget(&self, descriptor: impl AsFd) -> Result<()> {
        self.epoll.delete(descriptor).map_err(Error::call("no longer watching"))
    }

    /// What is ready, at once or within that time; what finds no room here comes with the next call.
    pub(super) fn wait(&mut self, time: Duration) -> Result<Vec<Key>> {
        // Rounded up, or the last millisecond of every wait would be a busy one.
        let milliseconds = time.as_nanos().div_ceil(1_000_000);
        let timeout = EpollTimeout::try_from(milliseconds).unwrap_or(EpollTimeout::MAX);
        match self.epoll.wait(&mut self.events, timeout) {
            Ok(count) => Ok(self.events[..count].iter().map(|event| Key::from_word(event.data())).collect()),
            Err(Errno::EINTR) => Ok(Vec::new()),
            Err(errno) => Err(Error::call("waiting for answers")(errno)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_the_kernel() {
        let families = [Family::V4, Family::V6];
        let of_places =
            families.into_iter().flat_map(|family| [Key::Echo(7, family), Key::Errors(9, family)]);
        let others = [Key::Interrupts, Key::Holder(311), Key::Connection(1 << 40)];
        for key in of_places.chain(others) {
            assert_eq!(Key::from_word(key.to_word()), key);
        }
    }
}
