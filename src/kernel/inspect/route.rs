//! The routes that decide where packets for others go.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteHeader, RouteMessage, RouteType, RouteVia,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::reader::Reader;
use super::tunnel::encap;
use super::{Hop, Route};
use crate::kernel::error::Result;

/// The main tables of both families. What the kernel keeps in its `local` table is left out: it follows from the addresses.
pub(super) fn routes(reader: &mut Reader) -> Result<Vec<Route>> {
    let mut routes = Vec::new();
    for family in [AddressFamily::Inet, AddressFamily::Inet6] {
        let mut message = RouteMessage::default();
        message.header.address_family = family;
        let answers = reader.dump("routes", &RouteNetlinkMessage::GetRoute(message))?;
        routes.extend(answers.into_iter().filter_map(|answer| match answer {
            RouteNetlinkMessage::NewRoute(message) => route(&message),
            _ => None,
        }));
    }
    Ok(routes)
}

/// Where a route leads.
pub(super) fn leads_to(message: &RouteMessage) -> Option<IpNet> {
    let to = message.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Destination(address) => ip(address),
        _ => None,
    });
    let to = to.or_else(|| unspecified(&message.header))?;
    IpNet::new(to, message.header.destination_prefix_length).ok()
}

fn route(message: &RouteMessage) -> Option<Route> {
    let header = &message.header;
    let kind = kind(header.kind)?;
    let mut table = u32::from(header.table);
    let mut to = unspecified(header)?;
    let mut route = Route {
        to: IpNet::new(to, header.destination_prefix_length).ok()?,
        kind: kind.to_owned(),
        hops: Vec::new(),
        protocol: header.protocol.to_string(),
        source: None,
        metric: 0,
    };
    let mut several = Vec::new();
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Table(number) => table = *number,
            RouteAttribute::Destination(address) => to = ip(address)?,
            RouteAttribute::PrefSource(address) => route.source = ip(address),
            RouteAttribute::Priority(metric) => route.metric = *metric,
            RouteAttribute::MultiPath(hops) => {
                several.extend(hops.iter().map(|hop| Hop {
                    via: via(&hop.attributes),
                    link: hop.interface_index,
                    encap: encap(&hop.attributes),
                }));
            }
            _ => {}
        }
    }
    let link = message.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Oif(index) => Some(*index),
        _ => None,
    });
    // The kernel gives IPv6's blackholes the interface `lo`; nothing ever goes there.
    if header.kind == RouteType::Unicast {
        route.hops = match link {
            Some(link) if several.is_empty() => {
                vec![Hop { via: via(&message.attributes), link, encap: encap(&message.attributes) }]
            }
            _ => several,
        };
    }
    route.to = IpNet::new(to, header.destination_prefix_length).ok()?;
    let cached = header.flags.contains(RouteFlags::Cloned);
    (table == u32::from(RouteHeader::RT_TABLE_MAIN) && !cached).then_some(route)
}

/// iproute2's word for what a route does; `None` for what only says which addresses are this namespace's own.
fn kind(kind: RouteType) -> Option<&'static str> {
    Some(match kind {
        RouteType::Unicast => "unicast",
        RouteType::BlackHole => "blackhole",
        RouteType::Unreachable => "unreachable",
        RouteType::Prohibit => "prohibit",
        RouteType::Throw => "throw",
        _ => return None,
    })
}

fn unspecified(header: &RouteHeader) -> Option<IpAddr> {
    match header.address_family {
        AddressFamily::Inet => Some(Ipv4Addr::UNSPECIFIED.into()),
        AddressFamily::Inet6 => Some(Ipv6Addr::UNSPECIFIED.into()),
        _ => None,
    }
}

pub(super) fn via(attributes: &[RouteAttribute]) -> Option<IpAddr> {
    attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Gateway(address) => ip(address),
        RouteAttribute::Via(RouteVia::Inet(address)) => Some((*address).into()),
        RouteAttribute::Via(RouteVia::Inet6(address)) => Some((*address).into()),
        _ => None,
    })
}

pub(super) fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(address) => Some((*address).into()),
        RouteAddress::Inet6(address) => Some((*address).into()),
        _ => None,
    }
}
