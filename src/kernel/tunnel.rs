//! Netlink messages of tunnels: devices, forwarding entries, and what routes say of them.

use std::net::IpAddr;

use netlink_packet_route::AddressFamily;
use netlink_packet_route::link::{AfSpecInet6, AfSpecUnspec, In6AddrGenMode, LinkAttribute, LinkMessage};
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::route::{
    RouteAttribute, RouteIp6Tunnel, RouteIpTunnel, RouteLwEnCapType, RouteLwTunnelEncap,
};
use rtnetlink::{
    LinkGeneve, LinkGre, LinkGre6, LinkIpIp, LinkMessageBuilder, LinkUnspec, LinkVxlan, LinkWireguard,
};

use crate::plan::{Encap, Mac, TTL, Tunnel, TunnelKind};

/// The message that makes a tunnel device.
pub(super) fn device(tunnel: &Tunnel) -> LinkMessage {
    let name = &tunnel.link.name;
    match &tunnel.kind {
        TunnelKind::Vxlan { id, port, local, dev } => {
            let vxlan = LinkVxlan::new(name, *id).dev(dev.index).port(*port).learning(false);
            let vxlan = match local {
                IpAddr::V4(local) => vxlan.local(*local),
                IpAddr::V6(local) => vxlan.local6(*local),
            };
            common(vxlan, tunnel)
        }
        TunnelKind::Geneve { port } => {
            common(LinkGeneve::new(name, 0).port(*port).collect_metadata(), tunnel)
        }
        TunnelKind::Ipip { local } => {
            // A time to live of its own is only allowed with path MTU discovery.
            common(LinkIpIp::new(name).local(*local).ttl(TTL).pmtudisc(true), tunnel)
        }
        TunnelKind::Gre => common(LinkGre::new(name).collect_metadata(true), tunnel),
        TunnelKind::Ip6Gre => common(LinkGre6::new(name).collect_metadata(true), tunnel),
        TunnelKind::Wireguard => common(LinkWireguard::new(name), tunnel),
    }
}

fn common<T>(builder: LinkMessageBuilder<T>, tunnel: &Tunnel) -> LinkMessage {
    let builder = builder.index(tunnel.link.index).mtu(tunnel.mtu);
    match tunnel.mac {
        Some(mac) => builder.address(mac.0.to_vec()).build(),
        None => builder.build(),
    }
}

/// The message that keeps an interface from making itself a link-local address. The kernel refuses this at the making.
pub(super) fn no_link_local(index: u32) -> LinkMessage {
    let mode = AfSpecUnspec::Inet6(vec![AfSpecInet6::AddrGenMode(In6AddrGenMode::None)]);
    LinkUnspec::new_with_index(index).append_extra_attribute(LinkAttribute::AfSpecUnspec(vec![mode])).build()
}

/// A permanent entry of a tunnel's own forwarding database.
pub(super) fn forwarding(index: u32, mac: Mac, to: IpAddr) -> NeighbourMessage {
    let mut message = NeighbourMessage::default();
    message.header.family = AddressFamily::Bridge;
    message.header.ifindex = index;
    message.header.state = NeighbourState::Permanent;
    message.header.flags = NeighbourFlags::Own;
    message.attributes.push(NeighbourAttribute::LinkLayerAddress(mac.0.to_vec()));
    let to = match to {
        IpAddr::V4(to) => NeighbourAddress::Inet(to),
        IpAddr::V6(to) => NeighbourAddress::Inet6(to),
    };
    message.attributes.push(NeighbourAttribute::Destination(to));
    message
}

/// What a route tells a tunnel device.
pub(super) fn encapsulation(encap: &Encap) -> [RouteAttribute; 2] {
    let (kind, parts) = match encap.to {
        IpAddr::V4(to) => {
            let id = encap.id.map(|id| RouteIpTunnel::Id(u64::from(id)));
            let rest = [RouteIpTunnel::Destination(to), RouteIpTunnel::Ttl(TTL)];
            let parts = id.into_iter().chain(rest).map(RouteLwTunnelEncap::Ip).collect();
            (RouteLwEnCapType::Ip, parts)
        }
        IpAddr::V6(to) => {
            let id = encap.id.map(|id| RouteIp6Tunnel::Id(u64::from(id)));
            let rest = [RouteIp6Tunnel::Destination(to), RouteIp6Tunnel::Hoplimit(TTL)];
            let parts = id.into_iter().chain(rest).map(RouteLwTunnelEncap::Ip6).collect();
            (RouteLwEnCapType::Ip6, parts)
        }
    };
    [RouteAttribute::EncapType(kind), RouteAttribute::Encap(parts)]
}
