//! As whom somebody is seen: a connection from its namespace to a server that tells.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::Prober;
use crate::kernel::error::Result;
use crate::packet::stun;
use crate::probe::{Attempt, Outcome};

/// How long a server may take over it.
const PATIENCE: Duration = Duration::from_secs(1);
/// So much of an answer is read.
const MAX_ANSWER: u64 = 16 << 10;
/// What comes before the asker's address in the answers of `netlab serve http`.
const YOU_ARE: &str = ", you are ";

/// What came of asking.
pub struct Seen {
    /// The answer, as of any probe.
    pub outcome: Outcome,
    /// As whom the server saw the one who asked; none where it answered and did not tell.
    pub address: Option<IpAddr>,
}

impl Prober {
    /// Asks a server which address it sees: over TCP with a request of HTTP, over UDP with one of STUN. None where no answer
    /// came at all: what stands in the way, a plain probe finds out better.
    ///
    /// # Errors
    /// If the place that asks is gone, or cannot be entered: the error names it.
    pub fn seen(&mut self, from: usize, to: IpAddr, attempt: &Attempt) -> Result<Option<Seen>> {
        self.places.start_anew();
        self.places.enter(from, &self.readiness)?;
        let begun = Instant::now();
        let told = match *attempt {
            Attempt::Tcp { port } => by_http(SocketAddr::new(to, port)),
            Attempt::Udp { port } => by_stun(SocketAddr::new(to, port)),
            Attempt::Ping { .. } | Attempt::Traceroute(_) => return Ok(None),
        };
        let outcome = Outcome::Reply { from: to, ttl: None, rtt: begun.elapsed() };
        Ok(told.ok().map(|address| Seen { outcome, address }))
    }
}

fn by_http(server: SocketAddr) -> io::Result<Option<IpAddr>> {
    let socket = Socket::new(Domain::for_address(server), Type::STREAM, Some(Protocol::TCP))?;
    socket.connect_timeout(&server.into(), PATIENCE)?;
    let mut stream = std::net::TcpStream::from(patient(socket)?);
    write!(stream, "GET / HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    // What came before a deadline or a reset may tell enough.
    let _ = stream.take(MAX_ANSWER).read_to_end(&mut answer);
    Ok(parse(&String::from_utf8_lossy(&answer)))
}

/// `hello from internet (203.0.113.10:80), you are 192.168.66.11:41234`
fn parse(answer: &str) -> Option<IpAddr> {
    let (_, after) = answer.split_once(YOU_ARE)?;
    let address: SocketAddr = after.lines().next()?.trim().parse().ok()?;
    Some(address.ip())
}

fn by_stun(server: SocketAddr) -> io::Result<Option<IpAddr>> {
    let socket = Socket::new(Domain::for_address(server), Type::DGRAM, Some(Protocol::UDP))?;
    socket.connect(&server.into())?;
    let socket = std::net::UdpSocket::from(patient(socket)?);
    // A connected socket hears one server only, so the transaction need not be a secret; it is the asker's port.
    let mut transaction = stun::Transaction::default();
    transaction[..2].copy_from_slice(&socket.local_addr()?.port().to_be_bytes());
    socket.send(&stun::request(transaction))?;
    let mut buffer = [0; 1024];
    let length = socket.recv(&mut buffer)?;
    Ok(stun::parse_response(&buffer[..length], transaction).map(|address| address.ip()))
}

fn patient(socket: Socket) -> io::Result<Socket> {
    let options = SockRef::from(&socket);
    options.set_read_timeout(Some(PATIENCE))?;
    options.set_write_timeout(Some(PATIENCE))?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_says_whom_it_saw() {
        let answer =
            "HTTP/1.1 200 OK\r\n\r\nhello from a (203.0.113.10:80), you are 192.168.66.11:4242\nGET /\n";
        assert_eq!(parse(answer), Some(IpAddr::from([192, 168, 66, 11])));
        let v6 = "hello from a ([fd00::1]:80), you are [fd00::2]:4242\n";
        assert_eq!(parse(v6), "fd00::2".parse().ok());
        assert_eq!(parse("HTTP/1.1 404 Not Found\r\n\r\n"), None);
    }
}
