//! TCP connections and UDP requests under way.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;

use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Domain, Protocol, Socket, Type};

use super::readiness::{Key, Readiness};
use crate::kernel::error::Result;
use crate::kernel::icmp::{Buffer, SentAt};
use crate::kernel::probe::local_error;
use crate::kernel::sockopt::tcp_rtt;
use crate::packet::icmp::{Mark, Ports};
use crate::probe::{Attempt, Outcome, Probe};

/// One try.
pub(super) struct Connection {
    socket: Socket,
    pub(super) probe: Probe,
    pub(super) place: usize,
    pub(super) to: IpAddr,
    pub(super) sent: SentAt,
    mark: Mark,
    /// Whether an ICMP error has told of it.
    pub(super) told: bool,
}

/// What a socket has to say.
pub(super) enum Heard {
    /// Nothing yet.
    Nothing,
    /// That it is of no more use, which others have told better, or which is silence.
    End,
    /// What came of it.
    Outcome(Outcome),
}

impl Connection {
    /// Starts it in the network namespace that this process is in.
    pub(super) fn open(place: usize, to: IpAddr, attempt: &Attempt, probe: Probe) -> io::Result<Self> {
        let domain = if to.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
        let (socket, sent, port) = match *attempt {
            Attempt::Udp { port } => {
                let socket = Socket::new(domain, Type::DGRAM.nonblocking(), Some(Protocol::UDP))?;
                let sent = send_datagram(&socket, SocketAddr::new(to, port))?;
                (socket, sent, port)
            }
            Attempt::Tcp { port } => {
                let socket = Socket::new(domain, Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
                let sent = begin_connecting(&socket, SocketAddr::new(to, port))?;
                (socket, sent, port)
            }
            Attempt::Ping { .. } | Attempt::Traceroute(_) => return Err(io::ErrorKind::Unsupported.into()),
        };
        let source = socket.local_addr()?.as_socket().map_or(0, |address| address.port());
        let ports = Ports { source, destination: port };
        let mark = if matches!(attempt, Attempt::Udp { .. }) { Mark::Udp(ports) } else { Mark::Tcp(ports) };
        Ok(Self { socket, probe, place, to, sent, mark, told: false })
    }

    /// What the socket says, after all ICMP errors that had come before have been looked at.
    pub(super) fn hear(&self, buffer: &mut Buffer) -> Heard {
        match self.mark {
            Mark::Udp(_) => self.hear_datagram(buffer),
            _ => self.hear_connection(),
        }
    }

    fn hear_connection(&self) -> Heard {
        let error = match self.socket.take_error() {
            Ok(None) => {
                let Ok(rtt) = tcp_rtt(&self.socket) else { return Heard::Nothing };
                // Without a sample the kernel says zero.
                let rtt = if rtt.is_zero() { self.sent.until(None) } else { rtt };
                return Heard::Outcome(Outcome::Reply { from: self.to, ttl: None, rtt });
            }
            Ok(Some(error)) | Err(error) => error,
        };
        match error.raw_os_error() {
            _ if self.told => Heard::End,
            Some(libc::ECONNREFUSED | libc::ECONNRESET) => {
                Heard::Outcome(Outcome::Refused { from: self.to, rtt: self.sent.until(None) })
            }
            // The kernel has given up repeating its SYN. The schedule knows better how long to wait.
            Some(libc::ETIMEDOUT) => Heard::End,
            _ => Heard::Outcome(local_error(&error, || None)),
        }
    }

    fn hear_datagram(&self, buffer: &mut Buffer) -> Heard {
        match buffer.read(&self.socket) {
            Ok(packet) => {
                let rtt = self.sent.until(packet.at);
                Heard::Outcome(Outcome::Reply { from: self.to, ttl: packet.ttl, rtt })
            }
            // Nothing there, or an error, which reading clears: only ICMP says from whom it came.
            Err(_) => Heard::Nothing,
        }
    }
}

fn send_datagram(socket: &Socket, target: SocketAddr) -> io::Result<SentAt> {
    setsockopt(socket, sockopt::ReceiveTimestampns, &true)?;
    if target.is_ipv4() {
        setsockopt(socket, sockopt::Ipv4RecvTtl, &true)?;
    } else {
        socket.set_recv_hoplimit_v6(true)?;
    }
    socket.connect(&target.into())?;
    // Text, so that a server which logs what it gets logs something readable; of its own each time, so that it can be found.
    let payload = format!("netlab {:016x}\n", RandomState::new().hash_one(target));
    let sent = SentAt::now();
    socket.send(payload.as_bytes())?;
    Ok(sent)
}

fn begin_connecting(socket: &Socket, target: SocketAddr) -> io::Result<SentAt> {
    let sent = SentAt::now();
    match socket.connect(&target.into()) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
        _ => Ok(sent),
    }
}

/// All that are under way, by number, by request, and by what an ICMP error quotes.
#[derive(Default)]
pub(super) struct Connections {
    open: HashMap<u64, Connection>,
    of_request: HashMap<usize, Vec<u64>>,
    of_mark: HashMap<(usize, Mark, IpAddr), u64>,
    next: u64,
}

impl Connections {
    pub(super) fn add(&mut self, connection: Connection, readiness: &Readiness) -> Result<()> {
        let number = self.next;
        self.next += 1;
        let key = Key::Connection(number);
        match connection.mark {
            Mark::Tcp(_) => readiness.watch(&connection, key)?,
            _ => readiness.watch_for_input(&connection, key)?,
        }
        self.of_request.entry(connection.probe.which).or_default().push(number);
        self.of_mark.insert(connection.key(), number);
        self.open.insert(number, connection);
        Ok(())
    }

    pub(super) fn get(&self, number: u64) -> Option<&Connection> {
        self.open.get(&number)
    }

    /// The one whose packet an error quotes.
    pub(super) fn quoted(&mut self, place: usize, mark: Mark, to: IpAddr) -> Option<&mut Connection> {
        self.open.get_mut(self.of_mark.get(&(place, mark, to))?)
    }

    /// Closes it. An established connection is ended as any client does it, without a reset that a server would report.
    pub(super) fn close(&mut self, number: u64) {
        if let Some(connection) = self.open.remove(&number) {
            // Its ports may have been given to a later one.
            if self.of_mark.get(&connection.key()) == Some(&number) {
                self.of_mark.remove(&connection.key());
            }
        }
    }

    pub(super) fn close_all(&mut self, which: usize) {
        for number in self.of_request.remove(&which).unwrap_or_default() {
            self.close(number);
        }
    }
}

impl Connection {
    fn key(&self) -> (usize, Mark, IpAddr) {
        (self.place, self.mark, self.to)
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
