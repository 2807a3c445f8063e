//! The netlink connection to a namespace's packet filter.

use netlink_sys::{Socket, protocols::NETLINK_NETFILTER};
use nix::errno::Errno;
use nix::sys::socket::{setsockopt, sockopt};

use super::super::error::{Error, Result};
use super::super::netlink::{Answers, Borrowed, open};
use super::batch::{Request, datagram};

/// A whole transaction is one datagram, and each of its answers takes most of a kilobyte until it is read.
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
        // Only the host's administrator may have that much. The kernel's default is enough for some 250 requests at once,
        // and says so where it is not.
        let _ = setsockopt(&descriptor, sockopt::SndBufForce, &BUFFER);
        let _ = setsockopt(&descriptor, sockopt::RcvBufForce, &BUFFER);
        Ok(Self { socket, sequence: 1 })
    }

    /// Sends a transaction and waits until the kernel has answered every request of it.
    pub(super) fn commit(&mut self, requests: &[Request<'_>]) -> Result<Option<Refusal>> {
        let begin = self.sequence;
        let count = u32::try_from(requests.len()).unwrap_or(u32::MAX);
        self.sequence = begin.wrapping_add(count).wrapping_add(2);
        let datagram = datagram(requests, begin);
        let sent = self.socket.send(&datagram, 0).map_err(Error::io("sending to nftables"))?;
        if sent != datagram.len() {
            return Err(Error::Unexpected("nftables took only a part of a transaction".into()));
        }
        let mut refusal: Option<Refusal> = None;
        let mut answered = 0;
        let mut buffer = Vec::with_capacity(8192);
        while answered < count {
            buffer.clear();
            let received = self.socket.recv(&mut buffer, 0);
            received.map_err(Error::io("waiting for nftables' acknowledgement"))?;
            for answer in Answers(&buffer) {
                let errno = Errno::from_raw(-answer.errno);
                let place = match answer.sequence.wrapping_sub(begin) {
                    // Kernels from 6.10 on acknowledge the beginning too, when asked; unasked it is only refused.
                    0 if answer.errno == 0 => continue,
                    0 => return Ok(Some(Refusal { place: None, errno, said: answer.said })),
                    place if place <= count => place as usize - 1,
                    _ => continue,
                };
                answered += 1;
                let first = |other: &Refusal| other.place.is_some_and(|other| other < place);
                if answer.errno != 0 && !refusal.as_ref().is_some_and(first) {
                    refusal = Some(Refusal { place: Some(place), errno, said: answer.said });
                }
            }
        }
        Ok(refusal)
    }
}
