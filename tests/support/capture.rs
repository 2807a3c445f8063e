//! What passes an interface of a running lab: every frame, as the kernel shows it to tcpdump and its like.
//!
//! The socket is opened by a forked child, which can enter a user namespace as this process with its threads cannot, and
//! handed over. It belongs to its namespace wherever it is read.

use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd as _, AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};
use std::os::unix::fs::MetadataExt as _;

use netlab::plan::Mac;
use nix::errno::Errno;
use nix::libc;
use nix::sched::{CloneFlags, setns};
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg, sendmsg,
    socketpair,
};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};

use super::World;

/// IPv4 in an Ethernet frame.
pub const IPV4: u16 = 0x0800;
/// IPv6 in an Ethernet frame.
pub const IPV6: u16 = 0x86dd;
/// ARP in an Ethernet frame.
pub const ARP: u16 = 0x0806;

/// A frame that passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Whether it left by the interface; else it came in.
    pub left: bool,
    /// All of it, from the destination's Ethernet address on.
    pub bytes: Vec<u8>,
}

impl Frame {
    /// The Ethernet address that it goes to.
    pub fn to(&self) -> Mac {
        Mac(self.bytes[..6].try_into().expect("six bytes"))
    }

    /// The Ethernet address that it comes from.
    pub fn from(&self) -> Mac {
        Mac(self.bytes[6..12].try_into().expect("six bytes"))
    }

    /// What it carries: [`IPV4`], [`IPV6`], [`ARP`], …
    pub fn carries(&self) -> u16 {
        u16::from_be_bytes([self.bytes[12], self.bytes[13]])
    }

    /// What it carries, from that protocol's header on.
    pub fn payload(&self) -> &[u8] {
        &self.bytes[14..]
    }

    /// The protocol inside IPv4, or inside IPv6 without extension headers: 1 is ICMP, 58 ICMPv6, 17 UDP, 4 IPv4, 47 GRE.
    pub fn protocol(&self) -> Option<u8> {
        match self.carries() {
            IPV4 => self.payload().get(9).copied(),
            IPV6 => self.payload().get(6).copied(),
            _ => None,
        }
    }

    /// Whether it is an echo request or reply that is not wrapped in anything.
    pub fn is_ping(&self) -> bool {
        let message = match (self.carries(), self.protocol()) {
            (IPV4, Some(1)) => self.payload().get(20),
            (IPV6, Some(58)) => self.payload().get(40),
            _ => None,
        };
        matches!(message.copied(), Some(0 | 8 | 128 | 129))
    }
}

/// A listener on one interface of one place of a running lab. It does not make the interface promiscuous: what a
/// bridge only switches does not show on the bridge itself.
pub struct Capture {
    socket: OwnedFd,
}

impl Capture {
    /// Listens from now on.
    pub fn start(world: &World, lab: &str, place: &str, interface: &str) -> Self {
        let record = world.record(lab).expect("a running lab");
        let sandboxes = record["sandboxes"].as_array().expect("sandboxes");
        let sandbox = sandboxes.iter().find(|sandbox| sandbox["name"] == place);
        let pid = sandbox.unwrap_or_else(|| panic!("{lab} has no {place}"))["pid"].as_i64();
        let socket = opened_inside(pid.expect("a pid") as i32, interface);
        Self { socket: socket.unwrap_or_else(|errno| panic!("listening on {place} {interface}: {errno}")) }
    }

    /// What has passed since the start, or since this was asked last. What somebody got an answer to has passed.
    pub fn frames(&self) -> Vec<Frame> {
        let mut frames = Vec::new();
        let mut buffer = vec![0; 1 << 16];
        loop {
            // `recvfrom` also says which way a frame went, which `recv` does not.
            let mut from: libc::sockaddr_ll = zeroed();
            let mut length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
            #[allow(unsafe_code)] // nix knows no packet type
            // SAFETY: the buffer and the address are as long as the kernel is told.
            let got = unsafe {
                let address = (&raw mut from).cast();
                let data = buffer.as_mut_ptr().cast();
                libc::recvfrom(self.socket.as_raw_fd(), data, buffer.len(), 0, address, &mut length)
            };
            match Errno::result(got) {
                Ok(got) => {
                    let left = from.sll_pkttype == libc::PACKET_OUTGOING;
                    frames.push(Frame { left, bytes: buffer[..got as usize].to_vec() });
                }
                Err(Errno::EAGAIN) => return frames,
                Err(Errno::EINTR) => {}
                Err(errno) => panic!("reading what was captured: {errno}"),
            }
        }
    }

    /// What passes while something is done.
    pub fn during<T>(&self, action: impl FnOnce() -> T) -> (T, Vec<Frame>) {
        let _ = self.frames();
        let done = action();
        (done, self.frames())
    }
}

#[allow(unsafe_code)] // a plain structure of the C library
fn zeroed() -> libc::sockaddr_ll {
    // SAFETY: all of its fields are numbers, for which zero is a value.
    unsafe { std::mem::zeroed() }
}

/// A packet socket on an interface of the network namespace that a process is in.
fn opened_inside(pid: i32, interface: &str) -> nix::Result<OwnedFd> {
    let inode = |who: &str| std::fs::metadata(format!("/proc/{who}/ns/user")).map(|found| found.ino()).ok();
    let mut namespaces = CloneFlags::CLONE_NEWNET;
    // The kernel lets nobody join their own.
    if inode(&pid.to_string()) != inode("self") {
        namespaces |= CloneFlags::CLONE_NEWUSER;
    }
    #[allow(unsafe_code)] // nix has no pidfd_open
    // SAFETY: the call makes a descriptor, which is nobody else's.
    let process = unsafe {
        let descriptor = Errno::result(libc::syscall(libc::SYS_pidfd_open, pid, 0))?;
        OwnedFd::from_raw_fd(descriptor as RawFd)
    };
    let flags = SockFlag::SOCK_CLOEXEC;
    let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::Datagram, None, flags)?;
    #[allow(unsafe_code)] // fork
    // SAFETY: the child makes system calls and ends.
    match unsafe { fork() }? {
        ForkResult::Child => {
            let sent = setns(process.as_fd(), namespaces).and_then(|()| packet_socket(interface)).and_then(
                |socket| {
                    let rights = [socket.as_raw_fd()];
                    let message = [ControlMessage::ScmRights(&rights)];
                    sendmsg::<()>(
                        theirs.as_raw_fd(),
                        &[IoSlice::new(b"x")],
                        &message,
                        MsgFlags::empty(),
                        None,
                    )
                },
            );
            // SAFETY: no destructor of the tests' runs twice.
            unsafe { libc::_exit(sent.err().map_or(0, |errno| errno as i32)) }
        }
        ForkResult::Parent { child } => {
            drop(theirs);
            match waitpid(child, None)? {
                WaitStatus::Exited(_, 0) => {}
                WaitStatus::Exited(_, code) => return Err(Errno::from_raw(code)),
                _ => return Err(Errno::EINTR),
            }
        }
    }
    let mut room = nix::cmsg_space!([RawFd; 1]);
    let mut byte = [0];
    let mut into = [IoSliceMut::new(&mut byte)];
    let message = recvmsg::<()>(ours.as_raw_fd(), &mut into, Some(&mut room), MsgFlags::MSG_CMSG_CLOEXEC)?;
    let rights = message.cmsgs()?.find_map(|message| match message {
        ControlMessageOwned::ScmRights(descriptors) => descriptors.first().copied(),
        _ => None,
    });
    #[allow(unsafe_code)] // a descriptor that came as a number
    // SAFETY: the kernel has just made it for this process.
    rights.map(|descriptor| unsafe { OwnedFd::from_raw_fd(descriptor) }).ok_or(Errno::EBADMSG)
}

/// A packet socket that sees nothing but this interface, not even at first.
fn packet_socket(interface: &str) -> nix::Result<OwnedFd> {
    let index = nix::net::if_::if_nametoindex(interface)?;
    let mut address = zeroed();
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    address.sll_ifindex = index as i32;
    #[allow(unsafe_code)] // nix does not bind packet sockets
    // SAFETY: the descriptor is nobody else's, and the address as long as the kernel is told.
    unsafe {
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        let socket = OwnedFd::from_raw_fd(Errno::result(libc::socket(libc::AF_PACKET, kind, 0))?);
        let length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
        Errno::result(libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length))?;
        Ok(socket)
    }
}
