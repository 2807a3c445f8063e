//! "No offload", which the older ethtool interface says in five short calls.

use std::os::fd::AsRawFd;

use nix::errno::Errno;

/// Commands of `SIOCETHTOOL` (linux/ethtool.h).
const NO_OFFLOAD: [u32; 5] = [
    0x17, // ETHTOOL_STXCSUM
    0x19, // ETHTOOL_SSG
    0x1f, // ETHTOOL_STSO
    0x24, // ETHTOOL_SGSO
    0x2c, // ETHTOOL_SGRO
];

#[repr(C)]
struct Value {
    command: u32,
    data: u32,
}

/// Turns checksum, scatter-gather, segmentation and receive merging offload off.
pub(super) fn offload_off(socket: &impl AsRawFd, interface: &str) -> Result<(), Errno> {
    for command in NO_OFFLOAD {
        match call(socket, interface, command) {
            Ok(_) | Err(Errno::EOPNOTSUPP) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

#[allow(unsafe_code)] // no crate that we use has SIOCETHTOOL
fn call(socket: &impl AsRawFd, interface: &str, command: u32) -> Result<u32, Errno> {
    let mut value = Value { command, data: 0 };
    // SAFETY: an all-zero ifreq is valid: it is plain old data.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().take(libc::IFNAMSIZ - 1).zip(interface.bytes()) {
        *to = from.cast_signed();
    }
    request.ifr_ifru.ifru_data = std::ptr::from_mut(&mut value).cast();
    // SAFETY: `request` and the `value` that it points to live until the call returns, and are what SIOCETHTOOL takes.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL, &mut request) };
    Errno::result(result).map(|_| value.data)
}
