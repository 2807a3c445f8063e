//! `HOST:PORT`, and how to get connected to it. The proxy and `fetch` share it.

use std::fmt;
use std::io;
use std::net::{Ipv6Addr, SocketAddr};

use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Duration, Instant, timeout};

use super::cause;

/// The far end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// A name or an address; IPv6 is kept without its brackets.
    pub host: String,
    /// The TCP port, never 0.
    pub port: u16,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

impl Target {
    /// Reads `HOST:PORT` or `[IPV6]:PORT`; the port may be left out if there is a default.
    pub(super) fn parse(text: &str, default_port: Option<u16>) -> Result<Self, String> {
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let (host, after) = rest.split_once(']').ok_or_else(|| format!("{text:?} lacks a ]"))?;
            let (address, zone) = host.split_once('%').unwrap_or((host, "0"));
            if address.parse::<Ipv6Addr>().is_err() || !is_name(zone) {
                return Err(format!("{host:?} is no IPv6 address"));
            }
            let port = after.strip_prefix(':');
            if port.is_none() && !after.is_empty() {
                return Err(format!("{after:?} is no port"));
            }
            (host, port)
        } else {
            let (host, port) = text.rsplit_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
            if !is_name(host) {
                let hint = if host.contains(':') { "; IPv6 goes in brackets" } else { "" };
                return Err(format!("{host:?} is no host{hint}"));
            }
            (host, port)
        };
        let port = match port {
            Some(port) => parse_port(port)?,
            None => default_port.ok_or_else(|| format!("{text:?} lacks a port"))?,
        };
        if port == 0 {
            return Err("nothing can listen on port 0".into());
        }
        Ok(Self { host: host.to_owned(), port })
    }

    /// Tries each address of the host in turn. The error is a fragment that names what was tried and the cause.
    pub(super) async fn connect(&self, patience: Duration) -> Result<TcpStream, String> {
        let deadline = Instant::now() + patience;
        // Looked up each time: a pod that came back may have another address.
        let addresses: Vec<SocketAddr> =
            match timeout(patience, lookup_host((self.host.as_str(), self.port))).await {
                Err(_) => return Err(format!("{}: name look-up timed out after {patience:?}", self.host)),
                Ok(Err(error)) => return Err(format!("{}: unknown name ({error})", self.host)),
                Ok(Ok(addresses)) => addresses.collect(),
            };
        let mut failures = Vec::new();
        for (tried, address) in addresses.iter().enumerate() {
            // A silent address may not use up the time of those after it.
            let left = deadline.saturating_duration_since(Instant::now());
            let share = left / u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
            match timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => failures.push(format!("connect to {address}: {}", cause(&error))),
                Err(_) => failures.push(format!("connect to {address}: timed out after {share:.1?}")),
            }
        }
        Err(if failures.is_empty() { format!("{}: unknown name", self.host) } else { failures.join("; ") })
    }
}

/// Digits only: Rust's own parser would let `+80` pass.
pub(super) fn parse_port(text: &str) -> Result<u16, String> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or_else(|| format!("{text:?} is no port"))
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}

/// An IPv4 peer of a dual-stack socket, as people write it: `10.244.2.3:41234`, not `[::ffff:10.244.2.3]:41234`.
pub(super) fn plain(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        ip if ip.is_ipv4() => SocketAddr::new(ip, address.port()),
        _ => address, // as it is, with the zone of a link-local address
    }
}

/// [`plain`], of the end of a connection that is ours.
pub(super) fn local(stream: &TcpStream) -> io::Result<SocketAddr> {
    stream.local_addr().map(plain)
}
