//! One packet, and what its sender's own socket hears of it: what a walk follows.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{Domain, Protocol, Socket, Type};

use super::enter::{Entered, Place, enter_network};
use super::error::{Error, Result};
use super::icmp::IcmpSocket;
use super::probe::{Probes, local_error};
use super::sockopt::{path_mtu, set_dont_fragment};
use crate::probe::{Attempt, DontFragment, Outcome};

/// The number of the only request among its sender's.
const FIRST: u16 = 1;
/// How long nobody looks whether there is still a reason to wait.
const GLANCE: Duration = Duration::from_millis(100);

/// By what a packet is known among others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// The number that begins its data.
    Nonce(u64),
    /// The port that it comes from.
    Port(u16),
}

/// What a UDP datagram of ours is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Datagram {
    /// Bytes of data; the number that it is known by takes eight of them.
    pub size: u16,
    /// May it be cut?
    pub dont_fragment: DontFragment,
}

impl Default for Datagram {
    fn default() -> Self {
        Self { size: 8, dont_fragment: DontFragment::Kernel }
    }
}

enum Way {
    Echo { socket: Box<IcmpSocket>, size: u16, dont_fragment: DontFragment },
    Udp { socket: Socket, port: u16, nonce: u64, size: u16 },
    Tcp { socket: Socket, port: u16, from: u16 },
}

/// A packet that is ready to be sent.
pub struct Single {
    way: Way,
    target: IpAddr,
    entered: Entered,
}

impl Single {
    /// Moves this process, which must have one thread, to where the packet comes from.
    ///
    /// # Errors
    /// If the place is gone, or its kernel gives no socket; a traceroute is more than one packet.
    pub fn new(place: &Place<'_>, target: IpAddr, attempt: &Attempt, datagram: Datagram) -> Result<Self> {
        let entered = enter_network(place)?;
        let opening = || Error::io(format!("{}: opening a socket", place.sandbox.name));
        let family = if target.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
        let way = match attempt {
            Attempt::Ping { size, dont_fragment } => {
                let socket = Box::new(IcmpSocket::open(target.into()).map_err(opening())?);
                Way::Echo { socket, size: *size, dont_fragment: *dont_fragment }
            }
            Attempt::Udp { port } => {
                let socket = Socket::new(family, Type::DGRAM, Some(Protocol::UDP)).map_err(opening())?;
                let nonce = IcmpSocket::open(target.into()).map_err(opening())?.nonce_of(0);
                set_dont_fragment(&socket, target.into(), datagram.dont_fragment).map_err(opening())?;
                Way::Udp { socket, port: *port, nonce, size: datagram.size }
            }
            Attempt::Tcp { port } => {
                let kind = Type::STREAM.nonblocking();
                let socket = Socket::new(family, kind, Some(Protocol::TCP)).map_err(opening())?;
                let any: IpAddr = if target.is_ipv4() { [0; 4].into() } else { [0; 16].into() };
                socket.bind(&SocketAddr::new(any, 0).into()).map_err(opening())?;
                let own = socket.local_addr().map_err(opening())?;
                let from = own.as_socket().map_or(0, |own| own.port());
                Way::Tcp { socket, port: *port, from }
            }
            Attempt::Traceroute(_) => {
                return Err(Error::Unexpected("a traceroute is more than one packet".into()));
            }
        };
        Ok(Self { way, target, entered })
    }

    /// By what the packet is known.
    pub fn identity(&self) -> Identity {
        match &self.way {
            Way::Echo { socket, .. } => Identity::Nonce(socket.nonce_of(FIRST)),
            Way::Udp { nonce, .. } => Identity::Nonce(*nonce),
            Way::Tcp { from, .. } => Identity::Port(*from),
        }
    }

    /// Whether the lab has ended, or this place of it.
    pub fn is_gone(&self) -> bool {
        self.entered.is_gone()
    }

    /// Sends the packet, and waits for an answer for that long at most; shorter where somebody stops it, or the lab ends.
    ///
    /// # Errors
    /// If the socket fails; that nobody answers is an answer.
    pub fn send(&mut self, patience: Duration, stop: &AtomicBool) -> Result<Outcome> {
        let target = self.target;
        let waiting = Waiting { until: Instant::now() + patience, stop, entered: &self.entered };
        let outcome = match &mut self.way {
            Way::Echo { socket, size, dont_fragment } => {
                let sent = echo(socket, target, (*size, *dont_fragment), &waiting);
                return sent.map_err(Error::io("sending"));
            }
            Way::Udp { socket, port, nonce, size } => {
                let mut data = vec![0; usize::from(*size).max(8)];
                data[..8].copy_from_slice(&nonce.to_be_bytes());
                datagram(socket, SocketAddr::new(target, *port), &data, &waiting)
            }
            Way::Tcp { socket, port, .. } => connect(socket, SocketAddr::new(target, *port), &waiting),
        };
        match outcome {
            Ok(outcome) => Ok(outcome),
            Err(error) => Ok(local_error(&error, || path_mtu(target))),
        }
    }
}

/// How long an answer is waited for.
struct Waiting<'a> {
    until: Instant,
    stop: &'a AtomicBool,
    entered: &'a Entered,
}

impl Waiting<'_> {
    /// How long to wait now; none if it is over. What ends early is noticed between two of these times.
    fn next(&self) -> Option<Duration> {
        let left = self.until.checked_duration_since(Instant::now())?;
        let is_over = self.stop.load(Ordering::Relaxed) || self.entered.is_gone();
        (!is_over).then(|| left.min(GLANCE))
    }

    fn until_ready(&self, socket: &Socket, what: PollFlags) -> io::Result<bool> {
        while let Some(time) = self.next() {
            let timeout = PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX);
            match poll(&mut [PollFd::new(socket.as_fd(), what)], timeout) {
                Ok(0) | Err(Errno::EINTR) => {}
                Ok(_) => return Ok(true),
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(false)
    }
}

fn echo(
    socket: &mut IcmpSocket,
    target: IpAddr,
    (size, dont_fragment): (u16, DontFragment),
    waiting: &Waiting<'_>,
) -> io::Result<Outcome> {
    socket.set_dont_fragment(dont_fragment)?;
    let mut probes = Probes::new(socket, target, size);
    let mut answer = probes.send(FIRST, None);
    while answer.is_none()
        && let Some(time) = waiting.next()
    {
        answer = probes.receive(probes.now() + time, waiting.stop)?;
    }
    Ok(answer.map_or(Outcome::Timeout, |answer| answer.outcome))
}

fn datagram(socket: &Socket, target: SocketAddr, data: &[u8], waiting: &Waiting<'_>) -> io::Result<Outcome> {
    let begun = Instant::now();
    socket.connect(&target.into())?;
    socket.send(data)?;
    if !waiting.until_ready(socket, PollFlags::POLLIN)? {
        return Ok(Outcome::Timeout);
    }
    let rtt = begun.elapsed();
    match socket.take_error()? {
        Some(error) => refused(error, target, rtt),
        None => Ok(Outcome::Reply { from: target.ip(), ttl: None, rtt }),
    }
}

fn connect(socket: &Socket, target: SocketAddr, waiting: &Waiting<'_>) -> io::Result<Outcome> {
    let begun = Instant::now();
    match socket.connect(&target.into()) {
        Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => {}
        Err(error) => return refused(error, target, begun.elapsed()),
        Ok(()) => {}
    }
    if !waiting.until_ready(socket, PollFlags::POLLOUT)? {
        return Ok(Outcome::Timeout);
    }
    let rtt = begun.elapsed();
    match socket.take_error()? {
        Some(error) => refused(error, target, rtt),
        None => Ok(Outcome::Reply { from: target.ip(), ttl: None, rtt }),
    }
}

fn refused(error: io::Error, target: SocketAddr, rtt: Duration) -> io::Result<Outcome> {
    match error.kind() {
        ErrorKind::ConnectionRefused => Ok(Outcome::Refused { from: target.ip(), rtt }),
        _ => Err(error),
    }
}
