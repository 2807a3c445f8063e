//! The frames that leave by one interface, whole, as the kernel hands them to it.

use std::io;
use std::os::fd::AsRawFd as _;

use nix::errno::Errno;
use nix::net::if_::if_nametoindex;
use nix::sys::socket::{LinkAddr, recvfrom};
use socket2::{Domain, Protocol, SockAddr, SockAddrStorage, Socket, Type};

/// Room for frames of any size that one ping or segment can cause.
const RECEIVE_BUFFER: usize = 1 << 20;
/// The largest frame that segmentation offload makes, with its headers.
const LARGEST_FRAME: usize = 128 << 10;

/// A packet socket that is bound to one interface, and does not make it promiscuous.
pub struct Tap {
    socket: Socket,
    buffer: Vec<u8>,
}

impl Tap {
    /// Listens in the calling thread's network namespace.
    ///
    /// # Errors
    /// `ENODEV` if there is no such interface, `EPERM` without `CAP_NET_RAW`.
    pub fn open(link: &str) -> io::Result<Self> {
        let index = if_nametoindex(link)?;
        // With no protocol it hears nothing until it is bound: nothing of other interfaces gets in.
        let socket = Socket::new(Domain::PACKET, Type::RAW.nonblocking(), None::<Protocol>)?;
        socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
        socket.bind(&address_of(index))?;
        Ok(Self { socket, buffer: vec![0; LARGEST_FRAME] })
    }

    /// Takes the frames that have left since the last time, Ethernet header first.
    ///
    /// # Errors
    /// Those of `recvfrom`, `ENETDOWN` if the interface is no longer up.
    pub fn sent(&mut self) -> io::Result<Vec<Vec<u8>>> {
        let mut frames = Vec::new();
        loop {
            match recvfrom::<LinkAddr>(self.socket.as_raw_fd(), &mut self.buffer) {
                Ok((length, from)) => {
                    let leaves = from.is_some_and(|from| from.pkttype() == libc::PACKET_OUTGOING);
                    frames.extend(leaves.then(|| self.buffer[..length].to_vec()));
                }
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return Ok(frames),
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

/// All protocols of an interface; of index 0, of every interface.
#[allow(unsafe_code)] // nix makes link addresses only by reading them from the kernel
pub(super) fn address_of(index: u32) -> SockAddr {
    let mut storage = SockAddrStorage::zeroed();
    // SAFETY: `sockaddr_ll` is one of the kinds of address that the storage is for, and made of plain numbers.
    let address = unsafe { storage.view_as::<libc::sockaddr_ll>() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    address.sll_ifindex = i32::try_from(index).unwrap_or(0);
    let length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: the storage holds an address of that length.
    unsafe { SockAddr::new(storage, length) }
}
