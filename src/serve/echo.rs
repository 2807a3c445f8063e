//! The echo service of RFC 862: what comes in goes back.

use std::net::SocketAddr;

use tokio::io;
use tokio::net::{TcpStream, UdpSocket};

use super::servers::breathe;
use super::target::plain;
use super::{Log, cause};

/// The largest UDP payload there can be, rounded up.
const MAX_DATAGRAM: usize = 64 << 10;

/// Ends when the client does. A client that does not read is not read from: `copy` holds 8 KiB, no more.
pub(super) async fn stream(mut stream: TcpStream, peer: SocketAddr, log: Log) {
    let (mut from, mut to) = stream.split();
    match io::copy(&mut from, &mut to).await {
        Ok(bytes) => log(&format!("echo: {peer} tcp {bytes} bytes")),
        Err(error) => log(&format!("echo: {peer} tcp: {}", cause(&error))),
    }
}

pub(super) async fn datagrams(socket: UdpSocket, log: Log) {
    let mut buffer = vec![0; MAX_DATAGRAM];
    loop {
        let (length, peer) = match socket.recv_from(&mut buffer).await {
            Ok(received) => received,
            Err(error) => {
                log(&format!("echo: udp receive: {}", cause(&error)));
                breathe().await;
                continue;
            }
        };
        match socket.send_to(&buffer[..length], peer).await {
            Ok(_) => log(&format!("echo: {} udp {length} bytes", plain(peer))),
            Err(error) => log(&format!("echo: {} udp: {}", plain(peer), cause(&error))),
        }
    }
}
