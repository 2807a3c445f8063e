//! What a place gives its own packets, and whether it passes on those of others.

use std::net::IpAddr;

use super::{Followed, dropped};
use crate::blame::{Link, State};
use crate::model::Family;

/// The address that a place takes for its own packets by an interface: of several, the one that is near the next hop.
pub(super) fn own_address(link: &Link, hop: IpAddr, to: IpAddr) -> Option<IpAddr> {
    let family = Family::of_address(&to);
    let on_link = is_link_local(to);
    let fits = |net: &&ipnet::IpNet| Family::of(net) == family && is_link_local(net.addr()) == on_link;
    let mut all = link.addresses.iter().filter(fits);
    let near = all.clone().find(|net| net.contains(&hop));
    near.or_else(|| all.next()).map(ipnet::IpNet::addr)
}

/// How many routers the packets that a place makes itself may pass, where its kernel has said so.
pub(super) fn own_hops(state: &State, link: &Link, to: IpAddr) -> Option<u8> {
    if to.is_ipv4() { state.ttl_v4 } else { link.hop_limit }
}

/// The address from which a place sends to one of its own: that one itself, or of a whole network that is its own, as
/// 127.0.0.0/8, the one that it has in it.
pub(super) fn to_itself(state: &State, to: IpAddr) -> IpAddr {
    if state.has(to) {
        return to;
    }
    let mut own = state.links.iter().flat_map(|link| &link.addresses);
    own.find(|net| net.contains(&to)).map_or(to, ipnet::IpNet::addr)
}

/// Whether an address is one of a single link. Those of IPv4 are nothing special to a kernel.
pub(super) fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

/// Whether a place sends on what comes in by an interface.
pub(super) fn forwards(at: &str, state: &State, link: &str, to: IpAddr) -> Followed<()> {
    let of_link = state.link(link).is_none_or(|link| link.forwards_v4);
    let setting = match Family::of_address(&to) {
        Family::V4 if !state.forwards_v4 => "net.ipv4.ip_forward".to_owned(),
        Family::V4 if !of_link => format!("net.ipv4.conf.{link}.forwarding"),
        Family::V6 if !state.forwards_v6 => "net.ipv6.conf.all.forwarding".to_owned(),
        _ => return Ok(()),
    };
    Err(dropped(at, format!("{at} does not forward: {setting} = 0")))
}
