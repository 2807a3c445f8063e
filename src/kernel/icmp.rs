//! Raw ICMP and ICMPv6 sockets: echo requests out, answers with the kernel's own receive times in.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal};

use super::sockopt::{path_mtu, set_dont_fragment, set_int};
use crate::packet::icmp::{ECHO_HEADER_LEN, EchoRequest, IcmpAnswer, Mark};
use crate::probe::DontFragment;

mod filter;
mod raw;

use raw::Requests;

pub(super) use raw::RawSocket;
pub use raw::{Buffer, Received, SentAt};

/// Lets the kernel choose: `net.ipv4.ip_default_ttl`, `net.ipv6.conf.all.hop_limit`.
const DEFAULT_TTL: i32 = -1;

/// The address family of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// IPv4 and ICMP.
    V4,
    /// IPv6 and ICMPv6.
    V6,
}

impl From<IpAddr> for Family {
    fn from(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }
}

/// A raw ICMP socket with an identifier of its own, in the network namespace of the thread that opened it.
pub struct IcmpSocket {
    raw: RawSocket,
    id: u16,
    nonce: u64,
    /// As the socket has them set, so that it is told only of changes.
    ttl: Option<u8>,
    dont_fragment: Option<DontFragment>,
    message: Vec<u8>,
    /// For those who do not bring one.
    buffer: Buffer,
}

/// For waiting on many sockets at once; then [`IcmpSocket::take`] what is there.
impl AsFd for IcmpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.raw.as_fd()
    }
}

impl IcmpSocket {
    /// Opens a socket in the calling thread's network namespace.
    ///
    /// # Errors
    /// `EPERM` without `CAP_NET_RAW` there, `EAFNOSUPPORT` where the kernel has no IPv6.
    pub fn open(family: Family) -> io::Result<Self> {
        Self::with(family, Requests::KeptAway)
    }

    /// Opens a socket that takes its own requests too, where they come back to this namespace: its own address was asked.
    /// No interface tells that: what a namespace sends to itself counts as received by the one that has the address.
    pub(super) fn open_to_itself(family: Family) -> io::Result<Self> {
        Self::with(family, Requests::Heard)
    }

    fn with(family: Family, requests: Requests) -> io::Result<Self> {
        let random = RandomState::new();
        let nonce = random.build_hasher().finish();
        let id = (random.hash_one(nonce) & 0xffff) as u16;
        let raw = RawSocket::open(family, &filter::answers_to(family, id), requests)?;
        let (message, buffer) = (Vec::new(), Buffer::default());
        Ok(Self { raw, id, nonce, ttl: None, dont_fragment: None, message, buffer })
    }

    /// Sends from this address instead of the one that the route prefers.
    ///
    /// # Errors
    /// `EADDRNOTAVAIL` if the namespace does not have the address.
    pub fn bind(&self, source: IpAddr) -> io::Result<()> {
        self.raw.socket.bind(&SocketAddr::new(source, 0).into())
    }

    /// What to do about packets larger than the path.
    ///
    /// # Errors
    /// Those of `setsockopt`.
    pub fn set_dont_fragment(&mut self, dont_fragment: DontFragment) -> io::Result<()> {
        if self.dont_fragment == Some(dont_fragment) {
            return Ok(());
        }
        set_dont_fragment(&self.raw.socket, self.raw.family, dont_fragment)?;
        self.dont_fragment = Some(dont_fragment);
        Ok(())
    }

    /// Sends one echo request with `size` bytes of payload. Without `ttl` it has the kernel's default.
    ///
    /// # Errors
    /// What the kernel says of the route, the packet's size or its filters: see [`crate::probe::Outcome::LocalError`].
    pub fn send(&mut self, target: IpAddr, ttl: Option<u8>, seq: u16, size: u16) -> io::Result<SentAt> {
        if ttl != self.ttl {
            let (level, name) = match self.raw.family {
                Family::V4 => (libc::IPPROTO_IP, libc::IP_TTL),
                Family::V6 => (libc::IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS),
            };
            set_int(&self.raw.socket, level, name, ttl.map_or(DEFAULT_TTL, i32::from))?;
            self.ttl = ttl;
        }
        let request = self.request(seq, size);
        match self.raw.family {
            Family::V4 => request.write_v4(&mut self.message),
            Family::V6 => request.write_v6(&mut self.message),
        }
        let target = SocketAddr::new(target, 0).into();
        loop {
            let sent_at = SentAt::now();
            match self.raw.socket.send_to(&self.message, &target) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result.map(|_| sent_at),
            }
        }
    }

    fn request(&self, seq: u16, size: u16) -> EchoRequest {
        EchoRequest { id: self.id, seq, nonce: self.nonce_of(seq), size }
    }

    /// The payload of request `seq` with that size, by which a capture knows the whole of it.
    #[must_use]
    pub fn data_of(&self, seq: u16, size: u16) -> Vec<u8> {
        let mut message = Vec::new();
        self.request(seq, size).write_v4(&mut message);
        message.split_off(ECHO_HEADER_LEN)
    }

    /// The nonce in the payload of request `seq`, by which a capture can find it.
    #[must_use]
    pub fn nonce_of(&self, seq: u16) -> u64 {
        self.nonce.wrapping_add(seq.into())
    }

    /// The next answer to one of this socket's requests; `None` at `deadline`, or once `stop` is set.
    /// What has arrived already is returned even when the deadline is past.
    ///
    /// SIGINT and SIGTERM are let in only while this waits, so that one that sets `stop` is never slept through.
    ///
    /// # Errors
    /// Those of `recvmsg` and `ppoll`, except `EINTR`.
    pub fn recv(&mut self, deadline: Instant, stop: &AtomicBool) -> io::Result<Option<Received>> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let result = self.recv_into(&mut buffer, deadline, stop);
        self.buffer = buffer;
        result
    }

    fn recv_into(
        &self,
        buffer: &mut Buffer,
        deadline: Instant,
        stop: &AtomicBool,
    ) -> io::Result<Option<Received>> {
        loop {
            match self.take(buffer) {
                Ok(Some(received)) => return Ok(Some(received)),
                Ok(None) => continue,
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) if stop.load(Ordering::Relaxed) || deadline <= Instant::now() => {
                    return Ok(None);
                }
                Err(Errno::EAGAIN) => self.wait(deadline, stop)?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The MTU towards `target`, as this thread's namespace knows it.
    pub(super) fn path_mtu(&self, target: IpAddr) -> Option<u32> {
        path_mtu(target)
    }

    /// Takes one packet off the socket without waiting; `Ok(None)` if it is not for us.
    ///
    /// # Errors
    /// `EAGAIN` if there is none, and those of `recvmsg`.
    pub fn take(&self, buffer: &mut Buffer) -> nix::Result<Option<Received>> {
        Ok(self.raw.take(buffer)?.filter(|received| self.is_ours(&received.answer)))
    }

    /// The filter knows the identifier only, and another prober may have drawn the same.
    fn is_ours(&self, answer: &IcmpAnswer) -> bool {
        let Mark::Echo { id, seq } = answer.mark() else { return false };
        let nonce_fits = match answer {
            IcmpAnswer::EchoReply { nonce: Some(nonce), .. }
            | IcmpAnswer::EchoRequest { nonce: Some(nonce), .. } => *nonce == self.nonce_of(seq),
            _ => true,
        };
        id == self.id && nonce_fits
    }

    fn wait(&self, deadline: Instant, stop: &AtomicBool) -> io::Result<()> {
        let signals = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM]);
        let before = signals.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
        let result = if stop.load(Ordering::Relaxed) {
            Ok(0)
        } else {
            let left = deadline.saturating_duration_since(Instant::now());
            ppoll(&mut [PollFd::new(self.raw.as_fd(), PollFlags::POLLIN)], Some(left.into()), Some(before))
        };
        before.thread_set_mask()?;
        match result {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// A raw ICMP socket that takes the errors which quote somebody's TCP segments and UDP datagrams, and nothing else.
pub(super) fn open_errors(family: Family) -> io::Result<RawSocket> {
    RawSocket::open(family, &filter::errors_of_ports(family), Requests::KeptAway)
}
