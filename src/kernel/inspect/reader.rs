//! Asking the kernel for what it has, over a route netlink socket that never waits.
//!
//! Not `rtnetlink`'s handle: that drops the message which ends a dump, and with it the mark that says the dump was
//! interrupted; and it cannot tell the end of a dump from the end of its connection.

use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use nix::errno::Errno;

use crate::kernel::error::{Error, Result};

/// The kernel fills at most 32 KiB of a dump at once (`netlink_recvmsg` in its af_netlink.c); this is twice that.
const BUFFER: usize = 64 * 1024;
/// How often a dump is begun again because the lab changed in the middle of it.
const ATTEMPTS: usize = 20;

/// A connection to the network namespace in which it was opened.
pub(in crate::kernel) struct Reader {
    /// The namespace's name, for errors.
    place: String,
    socket: Socket,
    sequence: u32,
    buffer: Vec<u8>,
}

/// How an exchange ended.
enum End {
    /// All is said.
    Complete,
    /// The kernel's tables changed while it was telling.
    Interrupted,
    /// The kernel refused.
    Refused(Errno),
}

impl Reader {
    /// Opens a connection in the calling thread's network namespace.
    pub(in crate::kernel) fn open(place: &str) -> Result<Self> {
        let what = || format!("{place}: opening a netlink socket");
        let socket = Socket::new(NETLINK_ROUTE).map_err(Error::io(what()))?;
        socket.connect(&SocketAddr::new(0, 0)).map_err(Error::io(what()))?;
        Ok(Self { place: place.to_owned(), socket, sequence: 0, buffer: Vec::with_capacity(BUFFER) })
    }

    /// Everything of one kind, as it was at one moment.
    pub(in crate::kernel) fn dump(
        &mut self,
        what: &str,
        request: &RouteNetlinkMessage,
    ) -> Result<Vec<RouteNetlinkMessage>> {
        for _ in 0..ATTEMPTS {
            match self.exchange(what, request, NLM_F_DUMP)? {
                (answers, End::Complete) => return Ok(answers),
                (_, End::Interrupted) => {}
                // A kernel without the family has nothing of it.
                (_, End::Refused(Errno::EOPNOTSUPP | Errno::EAFNOSUPPORT)) => return Ok(Vec::new()),
                (_, End::Refused(errno)) => return Err(self.refused(what, errno)),
            }
        }
        Err(Error::Unexpected(format!(
            "{}: {what}: they changed each of the {ATTEMPTS} times that they were read",
            self.place
        )))
    }

    /// One thing; `None` if the kernel does not have it.
    pub(in crate::kernel) fn get(
        &mut self,
        what: &str,
        request: &RouteNetlinkMessage,
    ) -> Result<Option<RouteNetlinkMessage>> {
        match self.exchange(what, request, 0)? {
            (_, End::Refused(Errno::ENODEV | Errno::ENOENT | Errno::EINVAL | Errno::EBADF)) => Ok(None),
            (_, End::Refused(errno)) => Err(self.refused(what, errno)),
            (mut answers, _) => Ok(answers.pop()),
        }
    }

    /// One thing, where the kernel's refusal is as much of an answer.
    pub(super) fn ask(
        &mut self,
        what: &str,
        request: &RouteNetlinkMessage,
    ) -> Result<std::result::Result<RouteNetlinkMessage, Errno>> {
        match self.exchange(what, request, 0)? {
            (_, End::Refused(errno)) => Ok(Err(errno)),
            (mut answers, _) => match answers.pop() {
                Some(answer) => Ok(Ok(answer)),
                None => Err(Error::Unexpected(format!("{}: no answer", self.asking(what)))),
            },
        }
    }

    fn refused(&self, what: &str, errno: Errno) -> Error {
        let what = format!("reading {what}");
        Error::Refused { place: self.place.clone(), what, errno, said: String::new() }
    }

    fn exchange(
        &mut self,
        what: &str,
        request: &RouteNetlinkMessage,
        flags: u16,
    ) -> Result<(Vec<RouteNetlinkMessage>, End)> {
        self.send(what, request, flags)?;
        let mut answers = Vec::new();
        let mut interrupted = false;
        loop {
            self.receive(what)?;
            let mut rest = self.buffer.as_slice();
            while !rest.is_empty() {
                let answer = NetlinkMessage::<RouteNetlinkMessage>::deserialize(rest)
                    .map_err(|error| Error::Unexpected(format!("{}: reading {what}: {error}", self.place)))?;
                let length = usize::try_from(answer.header.length).unwrap_or(0).next_multiple_of(4);
                rest = rest.get(length.max(16)..).unwrap_or_default();
                if answer.header.sequence_number != self.sequence {
                    continue;
                }
                interrupted |= answer.header.flags & NLM_F_DUMP_INTR != 0;
                let end = match answer.payload {
                    NetlinkPayload::InnerMessage(message) => {
                        answers.push(message);
                        // A single answer has no end mark.
                        if flags == 0 { End::Complete } else { continue }
                    }
                    NetlinkPayload::Done(_) if interrupted => End::Interrupted,
                    NetlinkPayload::Done(done) if done.code != 0 => {
                        End::Refused(Errno::from_raw(done.code.saturating_neg()))
                    }
                    NetlinkPayload::Error(error) if error.code.is_some() => {
                        End::Refused(Errno::from_raw(error.raw_code().saturating_neg()))
                    }
                    NetlinkPayload::Done(_) | NetlinkPayload::Error(_) => End::Complete,
                    _ => continue,
                };
                return Ok((answers, end));
            }
        }
    }

    fn send(&mut self, what: &str, request: &RouteNetlinkMessage, flags: u16) -> Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | flags;
        header.sequence_number = self.sequence;
        let mut message = NetlinkMessage::new(header, NetlinkPayload::from(request.clone()));
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        let sent = self.socket.send(&bytes, 0).map_err(Error::io(self.asking(what)))?;
        if sent == bytes.len() {
            Ok(())
        } else {
            Err(Error::Unexpected(format!("{}: netlink took only a part of the request", self.asking(what))))
        }
    }

    /// The next datagram. The kernel works a request off inside `send`, and fills the next part of a dump inside `recv`, so
    /// there is never anything to wait for.
    fn receive(&mut self, what: &str) -> Result<()> {
        self.buffer.clear();
        let flags = libc::MSG_DONTWAIT | libc::MSG_TRUNC;
        let length = self.socket.recv(&mut self.buffer, flags).map_err(Error::io(self.asking(what)))?;
        if length > self.buffer.len() {
            return Err(Error::Unexpected(format!("{}: an answer of {length} bytes", self.asking(what))));
        }
        Ok(())
    }

    fn asking(&self, what: &str) -> String {
        format!("{}: reading {what}", self.place)
    }
}
