//! `netlab serve` and `netlab fetch`: the servers and the client that labs need, so that no container needs Python or curl.
//!
//! I/O on tokio, started after all namespaces are entered; imports nothing of ours.
//! One thread, fixed buffers and a cap on open connections: a lab may run hundreds of these.

mod echo;
mod fetch;
mod http;
mod listen;
mod proxy;
mod servers;
mod service;
mod stun;
mod target;

use std::io::{self, Write as _};
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use tokio::signal::unix::{SignalKind, signal};

pub use fetch::fetch;
pub use servers::Servers;
pub use service::{ParseServiceError, Service};
pub use target::Target;

/// Takes each line of the log, without its newline.
pub type Log = Arc<dyn Fn(&str) + Send + Sync>;

/// Runs all `services` together until SIGTERM or SIGINT, which is success; the log goes to stdout.
///
/// # Errors
/// When a port cannot be had; the text names the service, the port and the cause.
pub fn run(services: &[Service]) -> Result<()> {
    ensure!(!services.is_empty(), "serve: no service given: write {}", service::FORMS);
    let servers = Servers::bind(services)?;
    // Only name look-ups block; a broken resolver must not collect threads.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(2)
        .build()
        .context("serve: start tokio")?;
    let outcome = runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).context("serve: watch for SIGTERM")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("serve: watch for SIGINT")?;
        tokio::select! {
            _ = terminate.recv() => Ok(()),
            _ = interrupt.recv() => Ok(()),
            failed = servers.serve(Arc::new(print)) => failed,
        }
    });
    // Dropping the runtime would wait for a name look-up in flight.
    runtime.shutdown_background();
    outcome
}

/// A reader of the log that went away is no reason to stop serving, hence no `println!`.
fn print(line: &str) {
    let _ = writeln!(io::stdout().lock(), "{line}");
}

/// What an I/O error means to someone who debugs a network.
fn cause(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "already in use".into(),
        io::ErrorKind::ConnectionRefused => "refused".into(),
        io::ErrorKind::ConnectionReset => "reset by the other end".into(),
        io::ErrorKind::HostUnreachable => "no route to host".into(),
        io::ErrorKind::NetworkUnreachable => "no route: network is unreachable".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        io::ErrorKind::TimedOut => "timed out".into(),
        _ => error.to_string(),
    }
}
