//! Requests of netlink put together byte by byte: only here are messages of so many families wanted, and each just once.

use netlink_packet_core::{NLM_F_ACK, NLM_F_REQUEST};
use netlink_sys::{Socket, SocketAddr};
use nix::errno::Errno;
use nix::sys::socket::{setsockopt, sockopt};
use nix::sys::time::TimeVal;

use crate::kernel::netlink::{Answers, Borrowed};

/// `NLA_F_NESTED`.
const NESTED: u16 = 0x8000;
/// How long the kernel may take: it may have to load a module.
const PATIENCE: i64 = 30;

/// Attributes of a message, or of another attribute.
#[derive(Default)]
pub(super) struct Attributes(Vec<u8>);

impl Attributes {
    /// With one more, which is these bytes.
    pub(super) fn bytes(mut self, kind: u16, value: &[u8]) -> Self {
        let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
        self.0.extend(length.to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        self.0.extend(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    /// With one more, which is text.
    pub(super) fn text(self, kind: u16, value: &str) -> Self {
        self.bytes(kind, &[value.as_bytes(), &[0]].concat())
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// With one more, which is attributes.
    pub(super) fn nest(self, kind: u16, inner: &Self) -> Self {
        self.bytes(kind | NESTED, &inner.0)
    }
}

/// A request; it is acknowledged if its flags ask for that.
pub(super) fn request(kind: u16, flags: u16, header: &[u8], attributes: &Attributes) -> Vec<u8> {
    let length = 16 + header.len() + attributes.0.len();
    let mut bytes = Vec::with_capacity(length);
    bytes.extend(u32::try_from(length).unwrap_or(u32::MAX).to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend((NLM_F_REQUEST | flags).to_ne_bytes());
    bytes.extend([0; 8]);
    bytes.extend(header);
    bytes.extend(&attributes.0);
    bytes
}

/// What the kernel said to a request that it refused.
pub(super) type Refused = (Errno, String);

/// The kernel's refusal of a call, which comes without words.
pub(super) fn failed(error: &std::io::Error) -> Refused {
    (Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)), String::new())
}

/// Sends requests to the calling process's network namespace, in one datagram, and waits for all acknowledgements.
pub(super) fn ask(protocol: isize, requests: &[Vec<u8>]) -> Result<(), Refused> {
    let socket = Socket::new(protocol).map_err(|error| failed(&error))?;
    socket.set_ext_ack(true).map_err(|error| failed(&error))?;
    socket.set_cap_ack(true).map_err(|error| failed(&error))?;
    socket.connect(&SocketAddr::new(0, 0)).map_err(|error| failed(&error))?;
    setsockopt(&Borrowed::of(&socket), sockopt::ReceiveTimeout, &TimeVal::new(PATIENCE, 0))
        .map_err(|errno| (errno, String::new()))?;
    socket.send(&requests.concat(), 0).map_err(|error| failed(&error))?;
    let mut waiting = requests.iter().filter(|request| wants_answer(request)).count();
    let mut buffer = Vec::with_capacity(8192);
    while waiting > 0 {
        buffer.clear();
        socket.recv(&mut buffer, 0).map_err(|error| failed(&error))?;
        for answer in Answers(&buffer) {
            if answer.errno != 0 {
                return Err((Errno::from_raw(-answer.errno), answer.said));
            }
            waiting = waiting.saturating_sub(1);
        }
    }
    Ok(())
}

fn wants_answer(request: &[u8]) -> bool {
    request.get(6..8).is_some_and(|flags| u16::from_ne_bytes([flags[0], flags[1]]) & NLM_F_ACK != 0)
}
