//! What the interfaces are called that frames pass, and what is known of them.

use std::os::fd::{AsFd, AsRawFd as _};

use nix::errno::Errno;
use nix::net::if_::if_nameindex;

use super::block::link_type;
use crate::packet::pcapng::LinkType;

/// An interface that is listened on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// The namespace's name.
    pub place: String,
    /// Its index there.
    pub index: u32,
    /// Its name there.
    pub name: String,
    /// What its frames begin with.
    pub link: LinkType,
    /// Its MTU in bytes, when listening began; `None` if the kernel does not say.
    pub mtu: Option<usize>,
}

/// The interfaces of the namespace that the calling thread is in, by index and name.
pub(super) fn all() -> nix::Result<Vec<(u32, String)>> {
    let found = if_nameindex()?;
    Ok(found.iter().map(|one| (one.index(), one.name().to_string_lossy().into_owned())).collect())
}

/// What is known of an interface in the namespace of a socket. It may have gone in the meantime.
pub(super) fn describe(socket: &impl AsFd, place: &str, index: u32) -> Interface {
    let name = ask(socket, libc::SIOCGIFNAME, |request| request.ifr_ifru.ifru_ifindex = index as i32);
    let name = name.map(|answer| text(&answer.ifr_name));
    let named = |request: &mut libc::ifreq| {
        for (to, from) in request.ifr_name.iter_mut().zip(name.as_deref().unwrap_or_default().bytes()) {
            *to = from as libc::c_char;
        }
    };
    let link = ask(socket, libc::SIOCGIFHWADDR, named).map(|answer| link_type(hardware(&answer)));
    let mtu = ask(socket, libc::SIOCGIFMTU, named).map(|answer| mtu(&answer));
    Interface {
        place: place.to_owned(),
        index,
        link: link.unwrap_or(LinkType::Ethernet),
        mtu: mtu.ok().and_then(|mtu| usize::try_from(mtu).ok()).filter(|mtu| *mtu > 0),
        name: name.unwrap_or_else(|_| format!("if{index}")),
    }
}

fn text(name: &[libc::c_char]) -> String {
    let bytes: Vec<u8> = name.iter().map(|byte| *byte as u8).take_while(|byte| *byte != 0).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[allow(unsafe_code)] // a field of a union
fn hardware(answer: &libc::ifreq) -> u16 {
    // SAFETY: the kernel has filled in this field; any bits are a value of it.
    unsafe { answer.ifr_ifru.ifru_hwaddr.sa_family }
}

#[allow(unsafe_code)] // a field of a union
fn mtu(answer: &libc::ifreq) -> i32 {
    // SAFETY: the kernel has filled in this field; any bits are a value of it.
    unsafe { answer.ifr_ifru.ifru_mtu }
}

/// Asks about an interface of the socket's namespace, wherever the calling thread is.
#[allow(unsafe_code)] // nix has no wrapper for these requests
fn ask(
    socket: &impl AsFd,
    what: libc::Ioctl,
    fill: impl FnOnce(&mut libc::ifreq),
) -> nix::Result<libc::ifreq> {
    // SAFETY: all of its fields are numbers, for which zero is a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    fill(&mut request);
    // SAFETY: the request is as long as the kernel expects, and lives through the call.
    Errno::result(unsafe { libc::ioctl(socket.as_fd().as_raw_fd(), what, &raw mut request) })?;
    Ok(request)
}
