//! A planned operation as the netlink message that asks for it.

use std::net::IpAddr;

use ipnet::IpNet;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::{AddressAttribute, AddressFlags};
use netlink_packet_route::link::{BridgeStpState, InfoData, InfoKind, InfoVeth, LinkAttribute};
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::route::{RouteAttribute, RouteFlags, RouteMessage, RouteScope, RouteType};
use rtnetlink::{
    AddressMessageBuilder, LinkBridge, LinkBridgePort, LinkMessageBuilder, LinkUnspec, LinkVeth,
    RouteMessageBuilder,
};

use super::error::{Error, Result};
use super::{qdisc, tunnel};
use crate::plan::{End, Mac, NextHop, Op, Route};

/// The message for an operation, and the flags that go with it. `pid_of` gives the pause process of a namespace.
pub(super) fn message(op: &Op, pid_of: impl Fn(usize) -> u32) -> Result<(RouteNetlinkMessage, u16)> {
    let new = NLM_F_CREATE | NLM_F_EXCL;
    Ok(match op {
        Op::Bridge { link, mac, mtu } => {
            let message = LinkBridge::new(&link.name)
                .stp_state(BridgeStpState::Disabled)
                .forward_delay(0)
                .mcast_snooping(false)
                // No VLAN 1 on ports: kernels with VLAN filtering would keep each FDB entry twice.
                .vlan_default_pvid(0)
                .index(link.index)
                .address(mac.0.to_vec())
                .mtu(*mtu)
                .up()
                .build();
            (RouteNetlinkMessage::NewLink(message), new)
        }
        Op::Veth { near, bridge, far_namespace, far, mtu } => {
            let peer = end(LinkMessageBuilder::<LinkUnspec>::default(), far, *mtu)
                .setns_by_pid(pid_of(*far_namespace))
                .build();
            let cable = LinkMessageBuilder::<LinkVeth>::new_with_info_kind(InfoKind::Veth)
                .set_info_data(InfoData::Veth(InfoVeth::Peer(peer)));
            let cable = end(cable, near, *mtu).up();
            let cable = match bridge {
                Some(bridge) => cable.controller(bridge.index),
                None => cable,
            };
            (RouteNetlinkMessage::NewLink(cable.build()), new)
        }
        Op::Hairpin { link } => {
            let message = LinkBridgePort::new(link.index).hairpin(true).build();
            // As RTM_NEWLINK: the kernel takes RTM_SETLINK too, ignores the port's settings in it, and says that all is well.
            (RouteNetlinkMessage::NewLink(message), 0)
        }
        Op::Enslave { link, bridge } => {
            let port = LinkUnspec::new_with_index(link.index).controller(bridge.index);
            (RouteNetlinkMessage::SetLink(port.build()), 0)
        }
        Op::Up { link } => {
            (RouteNetlinkMessage::SetLink(LinkUnspec::new_with_index(link.index).up().build()), 0)
        }
        Op::Address { link, address } => {
            let mut message = match address {
                IpNet::V4(net) => AddressMessageBuilder::<std::net::Ipv4Addr>::new()
                    .address(net.addr(), net.prefix_len())
                    .index(link.index)
                    .build(),
                IpNet::V6(net) => AddressMessageBuilder::<std::net::Ipv6Addr>::new()
                    .address(net.addr(), net.prefix_len())
                    .index(link.index)
                    .build(),
            };
            if address.addr().is_ipv6() {
                // Nobody else can have this address: usable at once, without duplicate address detection.
                message.attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
            }
            (RouteNetlinkMessage::NewAddress(message), new)
        }
        Op::Route(planned) => (RouteNetlinkMessage::NewRoute(route(op, planned)?), new),
        Op::Neighbour { link, address, mac } => (
            RouteNetlinkMessage::NewNeighbour(neighbour(link.index, *address, *mac)),
            NLM_F_CREATE | NLM_F_REPLACE,
        ),
        Op::Impair { link, qdisc } => {
            (RouteNetlinkMessage::NewQueueDiscipline(qdisc::message(link.index, qdisc)), new)
        }
        Op::Tunnel(planned) => (RouteNetlinkMessage::NewLink(tunnel::device(planned)), new),
        Op::NoLinkLocal { link } => (RouteNetlinkMessage::SetLink(tunnel::no_link_local(link.index)), 0),
        Op::Fdb { link, mac, to } => {
            (RouteNetlinkMessage::NewNeighbour(tunnel::forwarding(link.index, *mac, *to)), new)
        }
        Op::Sysctl { .. } | Op::Offload { .. } | Op::Nftables { .. } | Op::Wireguard(_) => {
            return Err(Error::Unexpected(format!("{op}: not an operation of netlink")));
        }
    })
}

/// What both ends of a cable get. One queue each way: the default follows the number of processors and costs time.
fn end<T>(builder: LinkMessageBuilder<T>, end: &End, mtu: u32) -> LinkMessageBuilder<T> {
    builder
        .name(end.link.name.to_string())
        .index(end.link.index)
        .address(end.mac.0.to_vec())
        .mtu(mtu)
        .append_extra_attribute(LinkAttribute::NumTxQueues(1))
        .append_extra_attribute(LinkAttribute::NumRxQueues(1))
}

fn route(op: &Op, route: &Route) -> Result<RouteMessage> {
    let wrong = |error| Error::Unexpected(format!("{op}: {error}"));
    let builder = RouteMessageBuilder::<IpAddr>::new()
        .destination_prefix(route.to.network(), route.to.prefix_len())
        .map_err(wrong)?
        .output_interface(route.link.index);
    let mut message = match route.via {
        Some(via) => builder.gateway(via).map_err(wrong)?.build(),
        // As `ip` has it: the destination is on the link itself.
        None => builder.scope(RouteScope::Link).build(),
    };
    if route.next_hop == NextHop::OnLink {
        message.header.flags |= RouteFlags::Onlink;
    }
    if let Some(source) = route.source {
        message.attributes.push(RouteAttribute::PrefSource(source.into()));
    }
    if let Some(encap) = &route.encap {
        message.attributes.extend(tunnel::encapsulation(encap));
    }
    Ok(message)
}

fn neighbour(index: u32, address: IpAddr, mac: Mac) -> NeighbourMessage {
    let mut message = entry(index, address);
    message.header.state = NeighbourState::Permanent;
    message.attributes.push(NeighbourAttribute::LinkLayerAddress(mac.0.to_vec()));
    message
}

/// Which entry of a neighbour table is meant.
pub(super) fn entry(index: u32, address: IpAddr) -> NeighbourMessage {
    let mut message = NeighbourMessage::default();
    message.header.ifindex = index;
    message.header.kind = RouteType::Unspec;
    message.header.family = match address {
        IpAddr::V4(_) => netlink_packet_route::AddressFamily::Inet,
        IpAddr::V6(_) => netlink_packet_route::AddressFamily::Inet6,
    };
    let address = match address {
        IpAddr::V4(address) => NeighbourAddress::Inet(address),
        IpAddr::V6(address) => NeighbourAddress::Inet6(address),
    };
    message.attributes.push(NeighbourAttribute::Destination(address));
    message
}
