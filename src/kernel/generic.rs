//! Generic netlink: asking one family of the kernel, and hearing its whole answer.

use std::os::fd::{AsRawFd as _, BorrowedFd};
use std::time::Duration;

use netlink_packet_core::{
    Emitable, NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload, ParseableParametrized,
};
use netlink_packet_generic::ctrl::nlas::GenlCtrlAttrs;
use netlink_packet_generic::ctrl::{GenlCtrl, GenlCtrlCmd};
use netlink_packet_generic::{GenlFamily, GenlHeader, GenlMessage};
use netlink_sys::protocols::NETLINK_GENERIC;
use netlink_sys::{Socket, SocketAddr};
use nix::errno::Errno;
use nix::sys::socket::{setsockopt, sockopt};
use nix::sys::time::TimeVal;

/// How long the kernel may take over one request.
const PATIENCE: Duration = Duration::from_secs(30);

/// A socket of the network namespace in which it was opened.
pub(super) struct Generic {
    socket: Socket,
    family: u16,
    sequence: u32,
}

/// What is sent and received here.
pub(super) trait Message:
    GenlFamily + Emitable + ParseableParametrized<[u8], GenlHeader> + std::fmt::Debug
{
}
impl<T: GenlFamily + Emitable + ParseableParametrized<[u8], GenlHeader> + std::fmt::Debug> Message for T {}

impl Generic {
    /// Opens a socket and finds the number that the kernel gave to a family; `ENOENT` where it has no such family.
    pub(super) fn open(family: &str) -> Result<Self, Errno> {
        let errno = |error: std::io::Error| Errno::from_raw(error.raw_os_error().unwrap_or(0));
        let socket = Socket::new(NETLINK_GENERIC).map_err(errno)?;
        socket.connect(&SocketAddr::new(0, 0)).map_err(errno)?;
        let patience = TimeVal::new(i64::try_from(PATIENCE.as_secs()).unwrap_or(30), 0);
        setsockopt(&borrowed(&socket), sockopt::ReceiveTimeout, &patience)?;
        let mut generic = Self { socket, family: 0, sequence: 0 };
        let name = GenlCtrlAttrs::FamilyName(family.to_owned());
        let answers = generic.send(GenlCtrl { cmd: GenlCtrlCmd::GetFamily, nlas: vec![name] }, NLM_F_ACK)?;
        let id = answers.iter().flat_map(|answer| &answer.nlas).find_map(|nla| match nla {
            GenlCtrlAttrs::FamilyId(id) => Some(*id),
            _ => None,
        });
        generic.family = id.ok_or(Errno::ENOENT)?;
        Ok(generic)
    }

    /// Asks for something to be done, and waits until it is.
    pub(super) fn ask<T: Message>(&mut self, message: T) -> Result<(), Errno> {
        self.send(message, NLM_F_ACK).map(|_| ())
    }

    /// Asks for all that there is.
    pub(super) fn dump<T: Message>(&mut self, message: T) -> Result<Vec<T>, Errno> {
        self.send(message, NLM_F_DUMP)
    }

    fn send<T: Message>(&mut self, message: T, flags: u16) -> Result<Vec<T>, Errno> {
        let errno = |error: std::io::Error| Errno::from_raw(error.raw_os_error().unwrap_or(0));
        self.sequence = self.sequence.wrapping_add(1);
        let mut message = GenlMessage::from_payload(message);
        message.set_resolved_family_id(self.family);
        let mut request = NetlinkMessage::from(message);
        request.header.flags = NLM_F_REQUEST | flags;
        request.header.sequence_number = self.sequence;
        request.finalize();
        let mut bytes = vec![0; request.buffer_len()];
        request.serialize(&mut bytes);
        self.socket.send(&bytes, 0).map_err(errno)?;
        let mut answers = Vec::new();
        let mut buffer = Vec::with_capacity(65_536);
        loop {
            buffer.clear();
            self.socket.recv(&mut buffer, 0).map_err(errno)?;
            let mut rest = buffer.as_slice();
            while !rest.is_empty() {
                let answer =
                    NetlinkMessage::<GenlMessage<T>>::deserialize(rest).map_err(|_| Errno::EBADMSG)?;
                let length = (answer.header.length as usize).max(1).next_multiple_of(4);
                rest = rest.get(length..).unwrap_or_default();
                match answer.payload {
                    NetlinkPayload::Done(_) => return Ok(answers),
                    NetlinkPayload::Error(error) => {
                        return match error.code {
                            None => Ok(answers),
                            Some(code) => Err(Errno::from_raw(-code.get())),
                        };
                    }
                    NetlinkPayload::InnerMessage(message) => answers.push(message.payload),
                    _ => {}
                }
            }
        }
    }
}

#[allow(unsafe_code)] // the socket crate gives only the raw descriptor
fn borrowed(socket: &Socket) -> BorrowedFd<'_> {
    // SAFETY: the descriptor is the socket's, which outlives what borrows it here.
    unsafe { BorrowedFd::borrow_raw(socket.as_raw_fd()) }
}
