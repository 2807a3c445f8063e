//! What raw ICMP sockets share: opening one with a filter, and taking packets off it with the kernel's receive times.

use std::io::{self, IoSliceMut};
use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::libc;
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, SockaddrIn6, SockaddrStorage, recvmsg, setsockopt, sockopt,
};
use nix::sys::time::TimeSpec;
use socket2::{Domain, Protocol, SockFilter, Socket, Type};

use super::Family;
use crate::kernel::sockopt::set_filter;
use crate::packet::icmp::{IcmpAnswer, parse_v4, parse_v6};
use crate::probe::Outcome;

/// Room for a burst of answers from some thousand targets; without privilege the kernel gives less.
const RECEIVE_BUFFER: usize = 4 << 20;

/// The largest IP packet.
const LARGEST_PACKET: usize = 1 << 16;

/// ICMP's type of an echo request.
const ECHO_REQUEST_V4: u32 = 8;

/// What a socket is to have of the requests that come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Requests {
    /// None: they are dropped by the kernel's own filter, before it copies them for the one above.
    KeptAway,
    /// Those that the other filter lets through.
    Heard,
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
    pub(in crate::kernel) fn now() -> Self {
        Self { wall: SystemTime::now(), steady: Instant::now() }
    }

    /// The time until `received` reached its socket. If someone set the wall clock meanwhile, the time until now.
    #[must_use]
    pub fn rtt(&self, received: &Received) -> Duration {
        self.until(received.at)
    }

    /// The time until the kernel's receive timestamp, if there is one that can be true, else until now.
    pub(in crate::kernel) fn until(&self, stamp: Option<SystemTime>) -> Duration {
        let at_most = self.steady.elapsed();
        let stamped = stamp.and_then(|at| at.duration_since(self.wall).ok());
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
    /// TTL or hop limit left; none if the kernel did not say.
    pub ttl: Option<u8>,
    /// The kernel's receive timestamp.
    at: Option<SystemTime>,
}

impl Received {
    /// What it means for the request that left then; none where it is no answer, but that request itself.
    #[must_use]
    pub fn outcome(&self, sent: &SentAt) -> Option<Outcome> {
        let (from, rtt) = (self.from, sent.rtt(self));
        Some(match self.answer {
            IcmpAnswer::EchoRequest { .. } => return None,
            IcmpAnswer::EchoReply { .. } => Outcome::Reply { from, ttl: self.ttl, rtt },
            IcmpAnswer::TimeExceeded { .. } => Outcome::TtlExceeded { from, rtt },
            IcmpAnswer::Unreachable { icmp_type, code, mtu, .. } => {
                Outcome::from_icmp_error(icmp_type, code, mtu, from, rtt)
            }
        })
    }
}

/// Room for one packet and what the kernel says about it; many sockets can share one.
#[derive(Default)]
pub struct Buffer {
    packet: Vec<u8>,
    control: Vec<u8>,
}

impl Buffer {
    /// Takes the room that any packet needs, once.
    fn prepare(&mut self) {
        if self.packet.is_empty() {
            self.packet = vec![0; LARGEST_PACKET];
            self.control = nix::cmsg_space!(TimeSpec, i32);
        }
    }

    /// Reads one packet without waiting; gives its length, its sender, and what was said of its time and TTL.
    pub(in crate::kernel) fn read(&mut self, socket: &impl AsFd) -> nix::Result<Packet<'_>> {
        self.prepare();
        let mut slices = [IoSliceMut::new(&mut self.packet)];
        let fd = socket.as_fd().as_raw_fd();
        let control = Some(self.control.as_mut_slice());
        let message = recvmsg::<SockaddrStorage>(fd, &mut slices, control, MsgFlags::MSG_DONTWAIT)?;
        let (mut at, mut ttl) = (None, None);
        for item in message.cmsgs()? {
            match item {
                ControlMessageOwned::ScmTimestampns(stamp) => at = Some(UNIX_EPOCH + Duration::from(stamp)),
                ControlMessageOwned::Ipv6HopLimit(hops) | ControlMessageOwned::Ipv4Ttl(hops) => {
                    ttl = u8::try_from(hops).ok();
                }
                _ => {}
            }
        }
        let from_v6 = message.address.and_then(|address| address.as_sockaddr_in6().map(SockaddrIn6::ip));
        let length = message.bytes;
        Ok(Packet { bytes: &self.packet[..length], from_v6, at, ttl })
    }
}

/// A packet in a [`Buffer`].
pub(in crate::kernel) struct Packet<'a> {
    pub(in crate::kernel) bytes: &'a [u8],
    from_v6: Option<std::net::Ipv6Addr>,
    pub(in crate::kernel) at: Option<SystemTime>,
    pub(in crate::kernel) ttl: Option<u8>,
}

/// A raw ICMP socket of which a filter keeps away what is not wanted.
pub(in crate::kernel) struct RawSocket {
    pub(super) socket: Socket,
    pub(super) family: Family,
}

impl AsFd for RawSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl RawSocket {
    pub(super) fn open(family: Family, filter: &[SockFilter], requests: Requests) -> io::Result<Self> {
        let (domain, protocol) = match family {
            Family::V4 => (Domain::IPV4, Protocol::ICMPV4),
            Family::V6 => (Domain::IPV6, Protocol::ICMPV6),
        };
        let socket = Socket::new(domain, Type::RAW, Some(protocol))?;
        socket.attach_filter(filter)?;
        if requests == Requests::KeptAway {
            keep_requests_away(&socket, family)?;
        }
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
        if family == Family::V6 {
            socket.set_recv_hoplimit_v6(true)?;
        }
        // Past the system's limit where that is allowed, else as far as it goes.
        if setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER).is_err() {
            socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
        }
        Ok(Self { socket, family })
    }

    /// Takes one packet off the socket without waiting; `Ok(None)` if it answers no probe, `EAGAIN` if there is none.
    pub(in crate::kernel) fn take(&self, buffer: &mut Buffer) -> nix::Result<Option<Received>> {
        let packet = buffer.read(&self.socket)?;
        let at = packet.at;
        Ok(match self.family {
            Family::V4 => parse_v4(packet.bytes).map(|read| Received {
                answer: read.answer,
                from: read.from.into(),
                ttl: Some(read.ttl),
                at,
            }),
            Family::V6 => parse_v6(packet.bytes).zip(packet.from_v6).map(|(answer, from)| Received {
                answer,
                from: from.into(),
                ttl: packet.ttl,
                at,
            }),
        })
    }
}

fn keep_requests_away(socket: &Socket, family: Family) -> io::Result<()> {
    match family {
        Family::V4 => set_filter(socket, libc::SOL_RAW, ICMP_FILTER, &[1u32 << ECHO_REQUEST_V4]),
        Family::V6 => {
            // One bit for each type; those below 128 are errors, and 129 is the echo reply.
            let blocked = [0, 0, 0, 0, !(1u32 << 1), u32::MAX, u32::MAX, u32::MAX];
            set_filter(socket, libc::IPPROTO_ICMPV6, ICMPV6_FILTER, &blocked)
        }
    }
}

/// `ICMP_FILTER` of linux/icmp.h and `ICMPV6_FILTER` of linux/icmpv6.h.
const ICMP_FILTER: i32 = 1;
const ICMPV6_FILTER: i32 = 1;
