//! A TCP connection between two places of a lab, both ends of it in this process: what one segment is, and how much goes
//! through.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{Domain, Protocol, Socket, Type};

use super::enter::{Place, enter_network};
use super::error::Error;
use super::interrupt::Interrupts;
use super::process;
use super::sockopt::tcp_segment_size;
use super::worker::Worker;

/// How long nothing may happen. TCP itself tries again after 1 and 3 seconds.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes that make the kernel find out the path's MTU and open its window.
const SETTLING: usize = 256 << 10;
/// So many parts of the time of measuring are looked at one by one.
const PARTS: usize = 10;
/// Bytes written, or read, at a time.
const CHUNK: usize = 128 << 10;

/// What keeps a stream from going on.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// A signal came; it waits to be taken.
    #[error("stopped")]
    Stopped,
    /// Nothing happened for that long.
    #[error("nothing came through for {} s", PATIENCE.as_secs())]
    Silence,
    /// A socket said no.
    #[error("{0}")]
    Socket(#[from] io::Error),
    /// Something else did.
    #[error("{0}")]
    Other(#[from] Error),
}

/// What a try gives back where it may not go on.
type Tried<T> = Result<T, Broken>;

/// One connection.
pub struct Stream<'a> {
    sender: Socket,
    sink: Socket,
    interrupts: &'a Interrupts,
}

impl<'a> Stream<'a> {
    /// Connects two places. This process, which must have one thread, moves into `to` and then into `from`, and stays there.
    ///
    /// # Errors
    /// If the connection does not come about.
    pub fn open(
        from: &Place<'_>,
        to: &Place<'_>,
        address: IpAddr,
        interrupts: &'a Interrupts,
    ) -> Tried<Self> {
        let domain = if address.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
        let socket = || Socket::new(domain, Type::STREAM.nonblocking(), Some(Protocol::TCP));
        enter_network(to)?;
        let listener = socket()?;
        listener.bind(&SocketAddr::new(address, 0).into())?;
        listener.listen(1)?;
        let target = listener.local_addr()?;
        enter_network(from)?;
        let sender = socket()?;
        match sender.connect(&target) {
            Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => return Err(error.into()),
            _ => wait(&sender, PollFlags::POLLOUT, interrupts)?,
        }
        if let Some(error) = sender.take_error()? {
            return Err(error.into());
        }
        wait(&listener, PollFlags::POLLIN, interrupts)?;
        let (sink, _) = listener.accept()?;
        sink.set_nonblocking(true)?;
        sender.set_tcp_nodelay(true)?;
        Ok(Self { sender, sink, interrupts })
    }

    /// Sends enough for TCP to find out what it can send at once.
    ///
    /// # Errors
    /// If it does not arrive.
    pub fn settle(&self) -> Tried<()> {
        self.send(&vec![0; SETTLING])
    }

    /// How many bytes of data the largest segment has.
    ///
    /// # Errors
    /// If the kernel does not say.
    pub fn segment_size(&self) -> Tried<usize> {
        Ok(tcp_segment_size(&self.sender)?)
    }

    /// Sends this, and takes it off at the other end.
    ///
    /// # Errors
    /// If it does not arrive.
    pub fn send(&self, data: &[u8]) -> Tried<()> {
        let (mut sent, mut heard) = (0, 0);
        let mut buffer = vec![0; CHUNK];
        while heard < data.len() {
            if sent < data.len() {
                sent += waiting_is_fine((&self.sender).write(&data[sent..]))?.unwrap_or(0);
            }
            match waiting_is_fine((&self.sink).read(&mut buffer))? {
                Some(0) => return Err(io::Error::from(ErrorKind::UnexpectedEof).into()),
                Some(read) => heard += read,
                None => wait(&self.sink, PollFlags::POLLIN, self.interrupts)?,
            }
        }
        Ok(())
    }

    /// Sends as fast as it goes, from this process to another one that takes it off: two, so that two processors can work.
    /// Gives back bits of data a second, as they arrive in `time` after a while to get going.
    ///
    /// # Errors
    /// If nothing arrives.
    pub fn rate(self, get_going: Duration, time: Duration) -> Tried<f64> {
        let Self { sender, sink, interrupts } = self;
        let theirs = sender.as_raw_fd();
        let mut taker = Worker::start(|| {
            process::close_inherited(&[theirs]);
            take(&sink, get_going, time, interrupts)
                .map_or_else(|_| Vec::new(), |rate| rate.to_be_bytes().to_vec())
        })?;
        drop(sink);
        let outcome = give(&sender, get_going + time, interrupts);
        // Without its other end, the one who takes has nothing to wait for.
        drop(sender);
        while !taker.listen()? {}
        let rate = <[u8; 8]>::try_from(taker.finish()?.as_slice()).map(f64::from_be_bytes);
        match (outcome, rate) {
            (Err(broken), _) => Err(broken),
            (Ok(()), Ok(rate)) if rate > 0.0 => Ok(rate),
            (Ok(()), _) => Err(Broken::Silence),
        }
    }
}

/// Writes until nobody takes it any more.
fn give(sender: &Socket, planned: Duration, interrupts: &Interrupts) -> Tried<()> {
    let chunk = vec![0x5a; CHUNK];
    let begun = Instant::now();
    loop {
        match waiting_is_fine((&*sender).write(&chunk)) {
            Ok(Some(_)) => {}
            Ok(None) => wait(sender, PollFlags::POLLOUT, interrupts)?,
            // The one who takes has had enough.
            Err(error) if [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset].contains(&error.kind()) => {
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
        if begun.elapsed() > planned + PATIENCE {
            return Err(Broken::Silence);
        }
    }
}

/// Reads for that long after a while to get going, counted from the first byte. The rate is that of the middle one of its
/// parts: what else the machine does for a moment does not count.
fn take(sink: &Socket, get_going: Duration, time: Duration, interrupts: &Interrupts) -> Tried<f64> {
    let mut buffer = vec![0; CHUNK];
    let mut part: Option<(Instant, u64)> = None;
    let mut end = None;
    let (mut total, mut rates) = (0, Vec::with_capacity(PARTS));
    loop {
        match waiting_is_fine((&*sink).read(&mut buffer))? {
            None => {
                wait(sink, PollFlags::POLLIN, interrupts)?;
                continue;
            }
            Some(0) => return Err(Broken::Silence),
            Some(read) => total += read as u64,
        }
        let now = Instant::now();
        let end = *end.get_or_insert(now + get_going + time);
        match part {
            None if now + time >= end => part = Some((now, total)),
            Some((since, before)) if now - since >= time / PARTS as u32 => {
                rates.push((total - before) as f64 * 8.0 / (now - since).as_secs_f64());
                part = Some((now, total));
            }
            _ => {}
        }
        if now >= end && !rates.is_empty() {
            rates.sort_by(f64::total_cmp);
            return Ok(rates[rates.len() / 2]);
        }
    }
}

/// Nothing where a socket has nothing, or no room, at the moment.
fn waiting_is_fine(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if [ErrorKind::WouldBlock, ErrorKind::Interrupted].contains(&error.kind()) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Waits until a socket is ready, a signal comes, or patience ends.
fn wait(socket: &Socket, what: PollFlags, interrupts: &Interrupts) -> Tried<()> {
    let patience = PollTimeout::try_from(PATIENCE).unwrap_or(PollTimeout::MAX);
    loop {
        let mut both =
            [PollFd::new(socket.as_fd(), what), PollFd::new(interrupts.as_fd(), PollFlags::POLLIN)];
        match poll(&mut both, patience) {
            Ok(0) => return Err(Broken::Silence),
            Ok(_) if both[1].any().unwrap_or(false) => return Err(Broken::Stopped),
            Ok(_) => return Ok(()),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(Error::call("waiting for a connection")(errno).into()),
        }
    }
}
