//! The netlink connection to a namespace's packet filter.

use netlink_sys::{Socket, protocols::NETLINK_NETFILTER};
use nix::errno::Errno;
use nix::sys::socket::{setsockopt, sockopt};

use super::super::error::{Error, Result};
use super::super::netlink::{Answers, Borrowed, open};
use super::batch::{Request, datagram};

/// A whole transaction is one datagram.
const BUFFER: usize = 4 << 20;

/// What the kernel refused of a transaction.
pub(in crate::kernel) struct Refusal {
    /// Which of the requests; none: the transaction as a whole.
    pub(super) place: Option<usize>,
    pub(super) errno: Errno,
    pub(super) said: String,
}

/// A connection to the packet filter of the network namespace in which it was opened.
pub(in crate::kernel) struct Connection {
    socket: Socket,
    sequence: u32,
}

impl Connection {
    /// Opens a connection in the calling thread's network namespace.
    pub(in crate::kernel) fn open() -> Result<Self> {
        let socket = open(NETLINK_NETFILTER)?;
        let descriptor = Borrowed::of(&socket);
        // Only the host's administrator may have that much; others get what the host allows them, usually twice the default.
        let larger = setsockopt(&descriptor, sockopt::SndBufForce, &BUFFER);
        let _ = larger.or_else(|_| setsockopt(&descriptor, sockopt::SndBuf, &BUFFER));
        Ok(Self { socket, sequence: 1 })
    }

    /// Sends a transaction and waits until the kernel has taken or refused the whole of it.
    pub(super) fn commit(&mut self, requests: &[Request<'_>]) -> Result<Option<Refusal>> {
        if requests.is_empty() {
            return Ok(None);
        }
        let begin = self.sequence;
        let count = u32::try_from(requests.len()).unwrap_or(u32::MAX);
        self.sequence = begin.wrapping_add(count).wrapping_add(2);
        let datagram = datagram(requests, begin);
        let sent = self.socket.send(&datagram, 0).map_err(Error::io("sending to nftables"))?;
        if sent != datagram.len() {
            return Err(Error::Unexpected("nftables took only a part of a transaction".into()));
        }
        let mut buffer = Vec::with_capacity(8192);
        loop {
            buffer.clear();
            match self.socket.recv(&mut buffer, 0) {
                // More refusals than the socket holds. The first of them came first, and is there.
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => continue,
                received => received.map_err(Error::io("waiting for nftables' acknowledgement"))?,
            };
            for answer in Answers(&buffer) {
                let errno = Errno::from_raw(-answer.errno);
                let place = match answer.sequence.wrapping_sub(begin) {
                    // Kernels from 6.10 on acknowledge the beginning too, when asked; unasked it is only refused.
                    0 if answer.errno == 0 => continue,
                    0 => None,
                    place if place <= count => Some(place as usize - 1),
                    // What was left of another transaction.
                    _ => continue,
                };
                // Refusals come in order, and before the acknowledgement.
                return Ok((answer.errno != 0).then_some(Refusal { place, errno, said: answer.said }));
            }
        }
    }
}
