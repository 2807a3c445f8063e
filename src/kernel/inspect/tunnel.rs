//! What kind of tunnel an interface is, and whom it leads to.

use std::net::IpAddr;

use netlink_packet_route::link::{InfoData, InfoGeneve, InfoGre, InfoGre6, InfoIpTunnel, InfoVxlan};
use netlink_packet_route::route::{RouteAttribute, RouteIp6Tunnel, RouteIpTunnel, RouteLwTunnelEncap};

use super::{Found, Tunnel};
use crate::kernel::wireguard;
use crate::plan::Encap;

/// What the kernel says of an interface that is a tunnel.
pub(super) fn tunnel(data: &InfoData) -> Option<Tunnel> {
    let mut tunnel = Tunnel::default();
    match data {
        InfoData::Vxlan(attributes) => attributes.iter().for_each(|attribute| match attribute {
            InfoVxlan::Id(id) => tunnel.id = Some(*id),
            InfoVxlan::Port(port) => tunnel.port = Some(*port),
            InfoVxlan::Local(local) => tunnel.local = Some(IpAddr::V4(*local)),
            InfoVxlan::Local6(local) => tunnel.local = Some(IpAddr::V6(*local)),
            InfoVxlan::Learning(on) => tunnel.learns = Some(*on),
            InfoVxlan::CollectMetadata(on) => tunnel.by_route = *on,
            _ => {}
        }),
        InfoData::Geneve(attributes) => attributes.iter().for_each(|attribute| match attribute {
            InfoGeneve::Id(id) => tunnel.id = Some(*id),
            InfoGeneve::Port(port) => tunnel.port = Some(*port),
            InfoGeneve::CollectMetadata => tunnel.by_route = true,
            _ => {}
        }),
        InfoData::IpTunnel(attributes) => attributes.iter().for_each(|attribute| match attribute {
            InfoIpTunnel::Local(local) if !local.is_unspecified() => tunnel.local = Some(*local),
            InfoIpTunnel::CollectMetadata => tunnel.by_route = true,
            _ => {}
        }),
        InfoData::GreTun(attributes) => {
            tunnel.by_route = attributes.iter().any(|one| matches!(one, InfoGre::CollectMetadata));
        }
        InfoData::GreTun6(attributes) => {
            tunnel.by_route = attributes.iter().any(|one| matches!(one, InfoGre6::CollectMetadata));
        }
        InfoData::Wireguard(_) => {}
        _ => return None,
    }
    // The number belongs to the routes then.
    if tunnel.by_route {
        tunnel.id = None;
    }
    Some(tunnel)
}

/// Adds the peers of `WireGuard` devices, which another part of the kernel tells. Who may not ask sees none.
pub(super) fn add_peers(found: &mut Found) {
    for link in found.links.iter_mut().filter(|link| link.kind == "wireguard") {
        let tunnel = link.tunnel.get_or_insert_default();
        if let Ok(device) = wireguard::device(link.index) {
            tunnel.port = device.port;
            tunnel.peers = device.peers;
        }
    }
}

/// What a route tells a tunnel.
pub(super) fn encap(attributes: &[RouteAttribute]) -> Option<Encap> {
    let parts = attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Encap(parts) => Some(parts),
        _ => None,
    })?;
    let (mut to, mut id) = (None, None);
    for part in parts {
        match part {
            RouteLwTunnelEncap::Ip(RouteIpTunnel::Destination(address)) => to = Some(IpAddr::V4(*address)),
            RouteLwTunnelEncap::Ip6(RouteIp6Tunnel::Destination(address)) => to = Some(IpAddr::V6(*address)),
            RouteLwTunnelEncap::Ip(RouteIpTunnel::Id(number))
            | RouteLwTunnelEncap::Ip6(RouteIp6Tunnel::Id(number)) => id = u32::try_from(*number).ok(),
            _ => {}
        }
    }
    Some(Encap { id: id.filter(|id| *id != 0), to: to? })
}
