//! Integer socket options that neither nix nor socket2 wraps.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use nix::libc;
use nix::sys::socket::{getsockopt, sockopt};

use super::icmp::Family;
use crate::probe::DontFragment;

/// Sets an `int` option.
#[allow(unsafe_code)] // IP_MTU_DISCOVER and its IPv6 twin have no safe wrapper
pub(super) fn set_int(socket: &impl AsFd, level: i32, name: i32, value: i32) -> io::Result<()> {
    let length = size_of_val(&value) as libc::socklen_t;
    let value = (&raw const value).cast();
    // SAFETY: `value` points to `length` bytes that live through the call, and the descriptor is borrowed.
    let result = unsafe { libc::setsockopt(socket.as_fd().as_raw_fd(), level, name, value, length) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Whether what the socket sends may be cut on its way.
pub(super) fn set_dont_fragment(socket: &impl AsFd, family: Family, how: DontFragment) -> io::Result<()> {
    let (level, name) = match family {
        Family::V4 => (libc::IPPROTO_IP, libc::IP_MTU_DISCOVER),
        Family::V6 => (libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER),
    };
    // The values are the same for both families.
    let value = match how {
        DontFragment::Kernel => libc::IP_PMTUDISC_WANT,
        DontFragment::Clear => libc::IP_PMTUDISC_DONT,
        DontFragment::Set => libc::IP_PMTUDISC_PROBE,
    };
    set_int(socket, level, name, value)?;
    if family == Family::V6 {
        // IPv6 cuts packets only at the source, and there this option forbids it.
        set_int(socket, level, libc::IPV6_DONTFRAG, i32::from(how == DontFragment::Set))?;
    }
    Ok(())
}

/// Sets an option that is a row of bits, such as the filters of raw ICMP sockets.
#[allow(unsafe_code)] // ICMP_FILTER and its IPv6 twin have no safe wrapper
pub(super) fn set_filter(socket: &impl AsFd, level: i32, name: i32, bits: &[u32]) -> io::Result<()> {
    let length = size_of_val(bits) as libc::socklen_t;
    // SAFETY: `bits` is `length` bytes that live through the call, and the descriptor is borrowed.
    let result =
        unsafe { libc::setsockopt(socket.as_fd().as_raw_fd(), level, name, bits.as_ptr().cast(), length) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Reads an `int` option.
#[allow(unsafe_code)] // IPV6_MTU has no safe wrapper
fn get_int(socket: &impl AsFd, level: i32, name: i32) -> io::Result<i32> {
    let mut value: i32 = 0;
    let mut length = size_of_val(&value) as libc::socklen_t;
    let target = (&raw mut value).cast();
    // SAFETY: `target` points to `length` writable bytes that live through the call.
    let result =
        unsafe { libc::getsockopt(socket.as_fd().as_raw_fd(), level, name, target, &raw mut length) };
    if result == 0 { Ok(value) } else { Err(io::Error::last_os_error()) }
}

/// The round-trip time as TCP measured it: of a new connection, that of its SYN.
pub(super) fn tcp_rtt(socket: &impl AsFd) -> io::Result<Duration> {
    tcp_info(socket).map(|info| Duration::from_micros(info.tcpi_rtt.into()))
}

/// How many bytes of data the largest segment has that TCP sends now, options such as timestamps taken off.
pub(super) fn tcp_segment_size(socket: &impl AsFd) -> io::Result<usize> {
    tcp_info(socket).map(|info| usize::try_from(info.tcpi_snd_mss).unwrap_or(0))
}

#[allow(unsafe_code)] // TCP_INFO has no safe wrapper
fn tcp_info(socket: &impl AsFd) -> io::Result<libc::tcp_info> {
    // SAFETY: all fields are plain numbers, for which zero is a value.
    let mut info: libc::tcp_info = unsafe { std::mem::zeroed() };
    let mut length = size_of_val(&info) as libc::socklen_t;
    let (fd, target) = (socket.as_fd().as_raw_fd(), (&raw mut info).cast());
    // SAFETY: `target` points to `length` writable bytes that live through the call; older kernels fill fewer.
    let result = unsafe { libc::getsockopt(fd, libc::IPPROTO_TCP, libc::TCP_INFO, target, &raw mut length) };
    if result == 0 { Ok(info) } else { Err(io::Error::last_os_error()) }
}

/// The MTU in bytes on the way to `target`, as this namespace's routes and path MTU cache have it.
///
/// Only a connected socket can be asked, so a UDP one, which sends nothing, is connected for the question.
pub(super) fn path_mtu(target: IpAddr) -> Option<u32> {
    let any: SocketAddr = match target {
        IpAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
        IpAddr::V6(_) => ([0u16; 8], 0).into(),
    };
    let socket = UdpSocket::bind(any).ok()?;
    // The port does not matter; discard's is as good as any.
    socket.connect((target, 9)).ok()?;
    let mtu = match target {
        IpAddr::V4(_) => getsockopt(&socket, sockopt::IpMtu).ok()?,
        IpAddr::V6(_) => get_int(&socket, libc::IPPROTO_IPV6, libc::IPV6_MTU).ok()?,
    };
    u32::try_from(mtu).ok()
}
