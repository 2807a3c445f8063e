//! Services with their ports bound, and the loop that accepts.

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener, UdpSocket as StdUdpSocket};
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;
use tokio::time::{Duration, sleep};

use super::listen::{tcp, tcp_and_udp};
use super::target::{Target, plain};
use super::{Log, Service, cause, echo, http, proxy, stun};

/// Open connections of one service; the next wait in the kernel's backlog.
const MAX_CONNECTIONS: usize = 256;

/// Services whose ports are theirs already, though nobody serves them yet; a client that connects now waits.
#[derive(Debug)]
pub struct Servers(Vec<Bound>);

#[derive(Debug)]
enum Bound {
    Http(StdListener),
    Echo(StdListener, StdUdpSocket),
    Stun(StdListener, StdUdpSocket),
    Proxy(StdListener, Target),
}

impl Bound {
    fn new(service: &Service) -> io::Result<Self> {
        Ok(match service {
            Service::Http { port } => Self::Http(tcp(*port)?),
            Service::Echo { port } => {
                tcp_and_udp(*port).map(|(listener, socket)| Self::Echo(listener, socket))?
            }
            Service::Stun { port } => {
                tcp_and_udp(*port).map(|(listener, socket)| Self::Stun(listener, socket))?
            }
            Service::Proxy { port, target } => Self::Proxy(tcp(*port)?, target.clone()),
        })
    }
}

impl Servers {
    /// Binds all services, on IPv4 and IPv6 at once where the kernel has both.
    ///
    /// # Errors
    /// When a port cannot be had: `http: port 80: already in use`.
    pub fn bind(services: &[Service]) -> Result<Self> {
        let bind_one = |service: &Service| {
            let (name, port) = (service.name(), service.port());
            Bound::new(service).map_err(|error| anyhow!("{name}: port {port}: {}", cause(&error)))
        };
        services.iter().map(bind_one).collect::<Result<_>>().map(Self)
    }

    /// The port of each service, in the order of [`Servers::bind`]'s argument.
    ///
    /// # Errors
    /// When the kernel does not tell, which it always should.
    pub fn ports(&self) -> io::Result<Vec<u16>> {
        let listener = |bound: &Bound| match bound {
            Bound::Http(listener)
            | Bound::Echo(listener, _)
            | Bound::Stun(listener, _)
            | Bound::Proxy(listener, _) => listener.local_addr(),
        };
        self.0.iter().map(|bound| listener(bound).map(|address| address.port())).collect()
    }

    /// Serves until dropped, which closes every connection.
    ///
    /// # Errors
    /// When the sockets cannot be handed to tokio.
    pub async fn serve(self, log: Log) -> Result<()> {
        let ports = self.ports().context("serve: ask for the ports")?;
        let hostname = nix::unistd::gethostname().context("serve: ask for the hostname")?;
        let hostname: Arc<str> = hostname.to_string_lossy().into();
        let mut servers = JoinSet::new();
        for (bound, port) in self.0.into_iter().zip(ports) {
            let log = log.clone();
            match bound {
                Bound::Http(listener) => {
                    let listener = TcpListener::from_std(listener).context("http: listen")?;
                    log(&format!("http: listening on port {port}"));
                    let hostname = hostname.clone();
                    servers.spawn(accept("http", listener, log.clone(), move |stream, peer| {
                        http::answer(stream, peer, hostname.clone(), log.clone())
                    }));
                }
                Bound::Echo(listener, socket) => {
                    let listener = TcpListener::from_std(listener).context("echo: listen")?;
                    let socket = UdpSocket::from_std(socket).context("echo: listen")?;
                    log(&format!("echo: listening on port {port}, tcp and udp"));
                    servers.spawn(echo::datagrams(socket, log.clone()));
                    servers.spawn(accept("echo", listener, log.clone(), move |stream, peer| {
                        echo::stream(stream, peer, log.clone())
                    }));
                }
                Bound::Stun(listener, socket) => {
                    let listener = TcpListener::from_std(listener).context("stun: listen")?;
                    let socket = UdpSocket::from_std(socket).context("stun: listen")?;
                    log(&format!("stun: listening on port {port}, tcp and udp"));
                    servers.spawn(stun::datagrams(socket, log.clone()));
                    servers.spawn(accept("stun", listener, log.clone(), move |stream, peer| {
                        stun::stream(stream, peer, log.clone())
                    }));
                }
                Bound::Proxy(listener, target) => {
                    let listener = TcpListener::from_std(listener).context("proxy: listen")?;
                    log(&format!("proxy: listening on port {port}, to {target}"));
                    servers.spawn(accept("proxy", listener, log.clone(), move |stream, peer| {
                        proxy::pass(stream, peer, target.clone(), log.clone())
                    }));
                }
            }
        }
        while servers.join_next().await.is_some() {}
        Ok(())
    }
}

async fn accept<F: Future<Output = ()> + Send + 'static>(
    name: &'static str,
    listener: TcpListener,
    log: Log,
    handle: impl Fn(TcpStream, SocketAddr) -> F,
) {
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = open.join_next() => {}
            accepted = listener.accept(), if open.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, peer)) => drop(open.spawn(handle(stream, plain(peer)))),
                Err(error) => {
                    log(&format!("{name}: accept: {}", cause(&error)));
                    breathe().await;
                }
            }
        }
    }
}

/// Out of file descriptors, say: the same error would come back at once, and fill the log.
pub(super) async fn breathe() {
    sleep(Duration::from_millis(100)).await;
}
