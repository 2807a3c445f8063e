//! A route netlink connection that sends in batches and takes no operation for done before the kernel says so.
//!
//! A blocking socket, not a task on a runtime: the kernel works a request off inside `send`, so the answers are there
//! when it returns, and there is nothing to wait for.

use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

use netlink_packet_core::{NLM_F_ACK, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use nix::errno::Errno;
use nix::sys::socket::{setsockopt, sockopt};
use nix::sys::time::TimeVal;

use super::error::{Error, Result};
pub(super) use link_state::Awaited;

mod link_state;

/// Operations a datagram. More than some 300 acknowledgements overflow the socket's receive buffer, and are lost.
pub(super) const BATCH: usize = 100;
/// How long the kernel may take over one batch before netlab gives up on it.
const PATIENCE: Duration = Duration::from_secs(30);
/// Length of a netlink message's header and of the error code that an acknowledgement begins with.
const HEADER: usize = 16;
const CODE: usize = 4;
/// `NLMSG_ERROR`, and flags of it (linux/netlink.h).
const ERROR: u16 = 2;
const CAPPED: u16 = 0x100;
const HAS_ATTRIBUTES: u16 = 0x200;
/// `NLMSGERR_ATTR_MSG`.
const MESSAGE: u16 = 1;

/// What the kernel said about one operation that it refused.
pub(super) struct Refusal {
    /// Its place in the batch.
    pub(super) place: usize,
    pub(super) errno: Errno,
    pub(super) said: String,
}

/// A connection to the network namespace in which it was opened, wherever its user goes later.
pub(super) struct Connection {
    socket: Socket,
    sequence: u32,
    /// The requests of the batch that is being put together.
    batch: Vec<u8>,
    waiting: usize,
}

/// Opens a socket of a netlink protocol in the calling thread's network namespace, with refusals in the kernel's own words
/// and a deadline.
pub(super) fn open(protocol: isize) -> Result<Socket> {
    let what = "opening a netlink socket";
    let socket = Socket::new(protocol).map_err(Error::io(what))?;
    socket.set_ext_ack(true).map_err(Error::io(what))?;
    socket.set_cap_ack(true).map_err(Error::io(what))?;
    socket.connect(&SocketAddr::new(0, 0)).map_err(Error::io(what))?;
    let patience = TimeVal::new(i64::try_from(PATIENCE.as_secs()).unwrap_or(30), 0);
    setsockopt(&Borrowed::of(&socket), sockopt::ReceiveTimeout, &patience).map_err(Error::call(what))?;
    Ok(socket)
}

impl AsRawFd for Connection {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

impl Connection {
    /// Opens a connection in the calling thread's network namespace.
    pub(super) fn open() -> Result<Self> {
        let socket = open(NETLINK_ROUTE)?;
        Ok(Self { socket, sequence: 0, batch: Vec::with_capacity(8192), waiting: 0 })
    }

    /// Adds an operation to the batch.
    pub(super) fn queue(&mut self, message: RouteNetlinkMessage, flags: u16) {
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | NLM_F_ACK | flags;
        header.sequence_number = self.sequence.wrapping_add(u32::try_from(self.waiting).unwrap_or(0));
        let mut request = NetlinkMessage::new(header, NetlinkPayload::from(message));
        request.finalize();
        let start = self.batch.len();
        self.batch.resize(start + request.buffer_len().next_multiple_of(4), 0);
        request.serialize(&mut self.batch[start..]);
        self.waiting += 1;
    }

    /// How many operations are in the batch.
    pub(super) fn queued(&self) -> usize {
        self.waiting
    }

    /// Sends the batch and waits until the kernel has answered every operation of it. `Ok(Some(..))` is the first that it
    /// refused.
    pub(super) fn flush(&mut self) -> Result<Option<Refusal>> {
        if self.waiting == 0 {
            return Ok(None);
        }
        let count = u32::try_from(self.waiting).unwrap_or(u32::MAX);
        let first = self.sequence;
        self.sequence = first.wrapping_add(count);
        self.waiting = 0;
        let sent = self.socket.send(&self.batch, 0).map_err(Error::io("sending to netlink"))?;
        if sent != self.batch.len() {
            return Err(Error::Unexpected("netlink took only a part of a request".into()));
        }
        self.batch.clear();
        let mut refusal: Option<Refusal> = None;
        let mut answered = 0;
        let mut buffer = Vec::with_capacity(8192);
        while answered < count {
            buffer.clear();
            self.socket.recv(&mut buffer, 0).map_err(Error::io("waiting for netlink's acknowledgement"))?;
            for answer in Answers(&buffer) {
                let place = answer.sequence.wrapping_sub(first);
                if place >= count {
                    continue;
                }
                answered += 1;
                let place = place as usize;
                if answer.errno != 0 && refusal.as_ref().is_none_or(|other| place < other.place) {
                    refusal =
                        Some(Refusal { place, errno: Errno::from_raw(-answer.errno), said: answer.said });
                }
            }
        }
        Ok(refusal)
    }
}

/// A borrowed descriptor, for calls that want one.
pub(super) struct Borrowed(RawFd);

impl Borrowed {
    pub(super) fn of(socket: &Socket) -> Self {
        Self(socket.as_raw_fd())
    }
}

impl std::os::fd::AsFd for Borrowed {
    #[allow(unsafe_code)] // the socket crate gives only the raw descriptor
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        // SAFETY: made from a socket that outlives the call it is used in.
        unsafe { std::os::fd::BorrowedFd::borrow_raw(self.0) }
    }
}

/// An acknowledgement.
pub(super) struct Answer {
    pub(super) sequence: u32,
    /// 0, or a negative error number.
    pub(super) errno: i32,
    pub(super) said: String,
}

/// The acknowledgements of one datagram.
pub(super) struct Answers<'a>(pub(super) &'a [u8]);

impl Iterator for Answers<'_> {
    type Item = Answer;

    fn next(&mut self) -> Option<Answer> {
        loop {
            let length = u32_at(self.0, 0)? as usize;
            let kind = u16_at(self.0, 4)?;
            let flags = u16_at(self.0, 6)?;
            let sequence = u32_at(self.0, 8)?;
            let message = self.0.get(..length.max(HEADER))?;
            self.0 = self.0.get(length.max(HEADER).next_multiple_of(4)..).unwrap_or_default();
            if kind != ERROR {
                continue;
            }
            let errno = u32_at(message, HEADER)?.cast_signed();
            let said = if flags & HAS_ATTRIBUTES != 0 { extended(message, flags) } else { String::new() };
            return Some(Answer { sequence, errno, said });
        }
    }
}

/// The kernel's own words in an acknowledgement.
fn extended(message: &[u8], flags: u16) -> String {
    // The header of the request comes back; its payload only where the answer is not capped.
    let payload =
        if flags & CAPPED != 0 { HEADER } else { u32_at(message, HEADER + CODE).unwrap_or(16) as usize };
    let mut rest = message.get(HEADER + CODE + payload.next_multiple_of(4)..).unwrap_or_default();
    while let (Some(length), Some(kind)) = (u16_at(rest, 0), u16_at(rest, 2)) {
        let length = usize::from(length).max(4);
        if kind & 0x3fff == MESSAGE {
            let text = rest.get(4..length).unwrap_or_default();
            return String::from_utf8_lossy(text).trim_end_matches('\0').to_owned();
        }
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    String::new()
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acknowledgement_with_words_is_understood() {
        let mut bytes = Vec::new();
        let text = b"Nexthop has invalid gateway\0";
        let total = HEADER + CODE + HEADER + 4 + text.len();
        bytes.extend((total as u32).to_ne_bytes());
        bytes.extend(ERROR.to_ne_bytes());
        bytes.extend((CAPPED | HAS_ATTRIBUTES).to_ne_bytes());
        bytes.extend(7u32.to_ne_bytes());
        bytes.extend(0u32.to_ne_bytes());
        bytes.extend((-101i32).to_ne_bytes());
        bytes.extend([0u8; HEADER]);
        bytes.extend((4 + text.len() as u16).to_ne_bytes());
        bytes.extend(MESSAGE.to_ne_bytes());
        bytes.extend(text);
        let answers: Vec<Answer> = Answers(&bytes).collect();
        assert_eq!(answers.len(), 1);
        assert_eq!((answers[0].sequence, answers[0].errno), (7, -101));
        assert_eq!(answers[0].said, "Nexthop has invalid gateway");
        for end in 0..bytes.len() {
            let _ = Answers(&bytes[..end]).count();
        }
    }
}
