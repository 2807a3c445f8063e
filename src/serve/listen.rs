//! Sockets bound to a port of every local address.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::time::Duration;

use socket2::{Domain, Socket, TcpKeepalive, Type};

pub(super) fn tcp(port: u16) -> io::Result<TcpListener> {
    let listener = bind(Type::STREAM, port)?;
    // Linux hands both options down to accepted sockets. Keepalive finds peers whose pod was killed: no FIN comes from those.
    listener.set_tcp_keepalive(
        &TcpKeepalive::new().with_time(Duration::from_secs(30)).with_interval(Duration::from_secs(10)),
    )?;
    listener.set_tcp_nodelay(true)?;
    listener.listen(128)?;
    Ok(listener.into())
}

/// RFC 862 has both on one port. A port that the kernel chose for TCP may be taken for UDP, so ask again then.
pub(super) fn tcp_and_udp(port: u16) -> io::Result<(TcpListener, UdpSocket)> {
    let mut attempts = if port == 0 { 16 } else { 1 };
    loop {
        attempts -= 1;
        let listener = tcp(port)?;
        match bind(Type::DGRAM, listener.local_addr()?.port()) {
            Ok(socket) => return Ok((listener, socket.into())),
            Err(error) if attempts == 0 => return Err(error),
            Err(_) => {}
        }
    }
}

fn bind(kind: Type, port: u16) -> io::Result<Socket> {
    match bind_to(kind, (Ipv6Addr::UNSPECIFIED, port).into()) {
        Err(error) if !matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied) => {
            // No IPv6 in this kernel shows as EAFNOSUPPORT or EADDRNOTAVAIL, by how it was left out.
            bind_to(kind, (Ipv4Addr::UNSPECIFIED, port).into())
        }
        outcome => outcome,
    }
}

fn bind_to(kind: Type, address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    if kind == Type::STREAM {
        // A restarted container must not wait for TIME_WAIT. On UDP it would let two servers share the port.
        socket.set_reuse_address(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}
