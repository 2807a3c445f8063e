//! Raw ICMP and ICMPv6 sockets: echo requests out, answers with the kernel's own receive times in.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};
use nix::sys::time::TimeSpec;
use socket2::{Domain, Protocol, Socket, Type};

use super::sockopt::{path_mtu, set_int};
use crate::packet::icmp::{EchoRequest, IcmpAnswer, parse_v4, parse_v6};
use crate::probe::DontFragment;

mod filter;

/// Room for a burst of answers from some thousand targets; without privilege the kernel gives less.
const RECEIVE_BUFFER: usize = 4 << 20;

/// The largest IP packet.
const LARGEST_PACKET: usize = 1 << 16;

/// The address family of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// When a request left.
#[derive(Clone, Copy, Debug)]
pub struct SentAt {
    /// On the clock of the kernel's receive timestamps.
    wall: SystemTime,
    /// On the one that nobody sets.
    steady: Instant,
}

impl SentAt {
    fn now() -> Self {
        Self { wall: SystemTime::now(), steady: Instant::now() }
    }

    /// The time until `received` reached its socket. If someone set the wall clock meanwhile, the time until now.
    #[must_use]
    pub fn rtt(&self, received: &Received) -> Duration {
        let at_most = self.steady.elapsed();
        let stamped = received.at.and_then(|at| at.duration_since(self.wall).ok());
        stamped.filter(|&rtt| rtt <= at_most).unwrap_or(at_most)
    }
}

/// One answer, as it came out of the socket.
#[derive(Clone, Copy, Debug)]
pub struct Received {
    /// The ICMP message.
    pub answer: IcmpAnswer,
    /// Who sent it.
    pub from: IpAddr,
    /// TTL or hop limit left; zero if the kernel did not say.
    pub ttl: u8,
    /// The kernel's receive timestamp.
    at: Option<SystemTime>,
}

/// A raw ICMP socket with an identifier of its own, in the network namespace of the thread that opened it.
pub struct IcmpSocket {
    socket: Socket,
    family: Family,
    id: u16,
    nonce: u64,
    ttl: Option<u8>,
    buffer: Vec<u8>,
}

/// For waiting on many sockets at once; then [`IcmpSocket::recv`] with a deadline that is past takes what is there.
impl AsFd for IcmpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl IcmpSocket {
    /// Opens a socket in the calling thread's network namespace.
    ///
    /// # Errors
    /// `EPERM` without `CAP_NET_RAW` there, `EAFNOSUPPORT` where the kernel has no IPv6.
    pub fn open(family: Family) -> io::Result<Self> {
        let (domain, protocol) = match family {
            Family::V4 => (Domain::IPV4, Protocol::ICMPV4),
            Family::V6 => (Domain::IPV6, Protocol::ICMPV6),
        };
        let random = RandomState::new();
        let nonce = random.build_hasher().finish();
        let id = (random.hash_one(nonce) & 0xffff) as u16;
        let socket = Socket::new(domain, Type::RAW, Some(protocol))?;
        socket.attach_filter(&filter::answers_to(family, id))?;
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
        if family == Family::V6 {
            socket.set_recv_hoplimit_v6(true)?;
        }
        // Past the system's limit where that is allowed, else as far as it goes.
        if setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER).is_err() {
            socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
        }
        Ok(Self { socket, family, id, nonce, ttl: None, buffer: vec![0; LARGEST_PACKET] })
    }

    /// Sends from this address instead of the one that the route prefers.
    ///
    /// # Errors
    /// `EADDRNOTAVAIL` if the namespace does not have the address.
    pub fn bind(&self, source: IpAddr) -> io::Result<()> {
        self.socket.bind(&SocketAddr::new(source, 0).into())
    }

    /// What to do about packets larger than the path.
    ///
    /// # Errors
    /// Those of `setsockopt`.
    pub fn set_dont_fragment(&self, dont_fragment: DontFragment) -> io::Result<()> {
        let (level, name) = match self.family {
            Family::V4 => (libc::IPPROTO_IP, libc::IP_MTU_DISCOVER),
            Family::V6 => (libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER),
        };
        // The values are the same for both families.
        let value = match dont_fragment {
            DontFragment::Kernel => libc::IP_PMTUDISC_WANT,
            DontFragment::Clear => libc::IP_PMTUDISC_DONT,
            DontFragment::Set => libc::IP_PMTUDISC_PROBE,
        };
        set_int(&self.socket, level, name, value)?;
        if self.family == Family::V6 {
            // IPv6 cuts packets only at the source, and there this option forbids it.
            let forbid = i32::from(dont_fragment == DontFragment::Set);
            set_int(&self.socket, level, libc::IPV6_DONTFRAG, forbid)?;
        }
        Ok(())
    }

    /// Sends one echo request with `size` bytes of payload. `ttl` stays set for the requests after it; none
    /// leaves it as it is, at first the kernel's default.
    ///
    /// # Errors
    /// What the kernel says of the route, the packet's size or its filters: see [`crate::probe::Outcome::LocalError`].
    pub fn send(&mut self, target: IpAddr, ttl: Option<u8>, seq: u16, size: u16) -> io::Result<SentAt> {
        if let Some(hops) = ttl.filter(|_| ttl != self.ttl) {
            match self.family {
                Family::V4 => self.socket.set_ttl_v4(hops.into())?,
                Family::V6 => self.socket.set_unicast_hops_v6(hops.into())?,
            }
            self.ttl = ttl;
        }
        let request = EchoRequest { id: self.id, seq, nonce: self.nonce_of(seq), size };
        let message = match self.family {
            Family::V4 => request.to_v4(),
            Family::V6 => request.to_v6(),
        };
        let target = SocketAddr::new(target, 0).into();
        loop {
            let sent_at = SentAt::now();
            match self.socket.send_to(&message, &target) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result.map(|_| sent_at),
            }
        }
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
        loop {
            match self.take() {
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

    /// Takes one packet off the socket; `None` if it is not for us.
    fn take(&mut self) -> nix::Result<Option<Received>> {
        let mut control = nix::cmsg_space!(TimeSpec, i32);
        let mut slices = [IoSliceMut::new(&mut self.buffer)];
        let fd = self.socket.as_raw_fd();
        let message =
            recvmsg::<SockaddrStorage>(fd, &mut slices, Some(&mut control), MsgFlags::MSG_DONTWAIT)?;
        let mut at = None;
        let mut hop_limit = 0;
        for item in message.cmsgs()? {
            match item {
                ControlMessageOwned::ScmTimestampns(stamp) => at = Some(UNIX_EPOCH + Duration::from(stamp)),
                ControlMessageOwned::Ipv6HopLimit(hops) => hop_limit = hops,
                _ => {}
            }
        }
        let from = message
            .address
            .and_then(|address| address.as_sockaddr_in6().map(nix::sys::socket::SockaddrIn6::ip));
        let length = message.bytes;
        let received = match self.family {
            Family::V4 => {
                parse_v4(&self.buffer[..length]).map(|read| (read.answer, read.from.into(), read.ttl))
            }
            Family::V6 => parse_v6(&self.buffer[..length])
                .zip(from)
                .map(|(answer, from)| (answer, from.into(), u8::try_from(hop_limit).unwrap_or(0))),
        };
        let received = received.filter(|(answer, ..)| self.is_ours(answer));
        Ok(received.map(|(answer, from, ttl)| Received { answer, from, ttl, at }))
    }

    /// The filter knows the identifier only, and another prober may have drawn the same.
    fn is_ours(&self, answer: &IcmpAnswer) -> bool {
        let (id, seq) = answer.echo();
        let nonce_fits = match answer {
            IcmpAnswer::EchoReply { nonce: Some(nonce), .. } => *nonce == self.nonce_of(seq),
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
            ppoll(&mut [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)], Some(left.into()), Some(before))
        };
        before.thread_set_mask()?;
        match result {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
