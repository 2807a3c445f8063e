//! A TCP proxy: one connection in, one connection out.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;
use tokio::time::Duration;

use super::target::Target;
use super::{Log, cause};

/// How long a connection to the target may take, look-up included.
const PATIENCE: Duration = Duration::from_secs(5);

/// Copies both ways, half-closes included, until both ends are done; 8 KiB are held for each direction.
pub(super) async fn pass(mut client: TcpStream, peer: SocketAddr, target: Target, log: Log) {
    let mut server = match target.connect(PATIENCE).await {
        Ok(server) => server,
        // No error page: what is being passed need not be HTTP.
        Err(failure) => return log(&format!("proxy: {peer} to {target}: {failure}")),
    };
    // Only costs latency if it fails.
    let _ = server.set_nodelay(true);
    match copy_bidirectional(&mut client, &mut server).await {
        Ok((there, back)) => log(&format!("proxy: {peer} to {target}: {there} bytes there, {back} back")),
        Err(error) => log(&format!("proxy: {peer} to {target}: {}", cause(&error))),
    }
}
