//! A STUN server (RFC 8489): tells whoever asks as whom it sees them, which is how a host behind a translator finds out.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{Duration, timeout};

use super::servers::breathe;
use super::target::plain;
use super::{Log, cause};
use crate::packet::stun::{HEADER, parse_request, response};

/// The longest request that is read; a binding request needs no attributes at all.
const MAX_REQUEST: usize = 1 << 10;
/// For the next request of a connection.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn datagrams(socket: UdpSocket, log: Log) {
    let mut buffer = vec![0; MAX_REQUEST];
    loop {
        let (length, peer) = match socket.recv_from(&mut buffer).await {
            Ok(received) => received,
            Err(error) => {
                log(&format!("stun: udp receive: {}", cause(&error)));
                breathe().await;
                continue;
            }
        };
        // Everything else is not for us, and is not answered (RFC 8489, 6.3).
        let Some((transaction, _)) = parse_request(&buffer[..length]) else { continue };
        let seen = plain(peer);
        match socket.send_to(&response(transaction, seen), peer).await {
            Ok(_) => log(&format!("stun: {seen} udp")),
            Err(error) => log(&format!("stun: {seen} udp: {}", cause(&error))),
        }
    }
}

/// Answers request after request until the client has enough.
pub(super) async fn stream(mut stream: TcpStream, peer: SocketAddr, log: Log) {
    let mut buffer = [0; MAX_REQUEST];
    while let Ok(Ok(_)) = timeout(PATIENCE, stream.read_exact(&mut buffer[..HEADER])).await {
        let Some((transaction, length)) = parse_request(&buffer[..HEADER]) else { return };
        let Some(rest) = buffer.get_mut(HEADER..length) else { return };
        if !matches!(timeout(PATIENCE, stream.read_exact(rest)).await, Ok(Ok(_))) {
            return;
        }
        if stream.write_all(&response(transaction, peer)).await.is_err() {
            return;
        }
        log(&format!("stun: {peer} tcp"));
    }
}
