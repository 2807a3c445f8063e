//! Interfaces and their addresses.

use std::collections::HashMap;

use ipnet::IpNet;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use netlink_packet_route::link::{
    AfSpecInet, AfSpecInet6, AfSpecUnspec, BridgeStpState, Inet6DevConf, InetDevConf, InfoBridge,
    InfoBridgePort, InfoData, InfoPortData, LinkAttribute, LinkExtentMask, LinkFlags, LinkInfo, LinkMessage,
};

use super::reader::Reader;
use super::tunnel;
use super::{Bridge, Link, Port};
use crate::kernel::error::Result;
use crate::plan::Mac;

/// Ticks of the bridge's timers in a second (`USER_HZ`, 100 on every architecture of today).
const TICKS: u32 = 100;

/// The interfaces of the reader's namespace, without their other ends.
pub(super) fn links(reader: &mut Reader) -> Result<Vec<Link>> {
    let request = RouteNetlinkMessage::GetLink(request(0, None));
    let mut links: Vec<Link> = reader.dump("interfaces", &request)?.into_iter().filter_map(link).collect();
    links.sort_by_key(|link| link.index);
    let mut addresses = addresses(reader)?;
    for link in &mut links {
        link.addresses = addresses.remove(&link.index).unwrap_or_default();
    }
    Ok(links)
}

/// The question for an interface, or for all with index 0, of the namespace that the socket's namespace calls `namespace`.
pub(super) fn request(index: u32, namespace: Option<i32>) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    // Counters are most of an answer, and nobody reads them here.
    message.attributes.push(LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats]));
    message.attributes.extend(namespace.map(LinkAttribute::IfNetnsId));
    message
}

/// The question for one interface of the socket's own namespace.
pub(in crate::kernel) fn request_for(index: u32) -> LinkMessage {
    request(index, None)
}

fn addresses(reader: &mut Reader) -> Result<HashMap<u32, Vec<IpNet>>> {
    let request = RouteNetlinkMessage::GetAddress(AddressMessage::default());
    let mut found: HashMap<u32, Vec<IpNet>> = HashMap::new();
    for answer in reader.dump("addresses", &request)? {
        if let RouteNetlinkMessage::NewAddress(message) = answer
            && let Some(net) = address(&message)
        {
            found.entry(message.header.index).or_default().push(net);
        }
    }
    for nets in found.values_mut() {
        nets.sort_by_key(|net| net.addr().is_ipv6());
    }
    Ok(found)
}

fn address(message: &AddressMessage) -> Option<IpNet> {
    // `Address` is the far end on a point-to-point interface; `Local`, where it is there, is always this end.
    let local = message.attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::Local(address) => Some(*address),
        _ => None,
    });
    let any = message.attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::Address(address) => Some(*address),
        _ => None,
    });
    IpNet::new(local.or(any)?, message.header.prefix_len).ok()
}

/// An answer about one interface.
pub(super) fn link(answer: RouteNetlinkMessage) -> Option<Link> {
    let RouteNetlinkMessage::NewLink(message) = answer else { return None };
    let flags = message.header.flags;
    let mut link = Link {
        index: message.header.index,
        name: String::new(),
        kind: if flags.contains(LinkFlags::Loopback) { "loopback".into() } else { "physical".into() },
        up: flags.contains(LinkFlags::Up),
        carrier: flags.contains(LinkFlags::LowerUp),
        mtu: 0,
        mac: None,
        addresses: Vec::new(),
        master: None,
        port: None,
        bridge: None,
        peer: None,
        qdisc: None,
        tunnel: None,
        rp_filter: 0,
        forwards_v4: false,
        hop_limit: None,
        disabled_v6: false,
        far: None,
    };
    let mut namespace = None;
    for attribute in message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name = name,
            LinkAttribute::Mtu(mtu) => link.mtu = mtu,
            LinkAttribute::Address(bytes) => link.mac = mac(&bytes).filter(|mac| mac.0 != [0; 6]),
            LinkAttribute::Controller(index) => link.master = Some(index),
            LinkAttribute::Link(index) => link.far = Some((index, None)),
            LinkAttribute::LinkNetNsId(id) => namespace = Some(id),
            LinkAttribute::LinkInfo(infos) => infos.into_iter().for_each(|info| about(&mut link, info)),
            LinkAttribute::AfSpecUnspec(families) => {
                let settings = settings(&families);
                link.rp_filter = settings.map_or(0, |of| u8::try_from(of.rp_filter).unwrap_or(0));
                link.forwards_v4 = settings.is_some_and(|of| of.forwarding != 0);
                let of_v6 = settings_v6(&families);
                link.disabled_v6 = of_v6.is_some_and(|of| of.disable_ipv6 != 0);
                link.hop_limit = of_v6.and_then(|of| u8::try_from(of.hoplimit).ok());
            }
            _ => {}
        }
    }
    link.far = link.far.map(|(index, _)| (index, namespace));
    Some(link)
}

fn about(link: &mut Link, info: LinkInfo) {
    match info {
        LinkInfo::Kind(kind) => link.kind = kind.to_string(),
        LinkInfo::Data(InfoData::Bridge(attributes)) => link.bridge = Some(bridge(&attributes)),
        LinkInfo::Data(data) => link.tunnel = tunnel::tunnel(&data),
        LinkInfo::PortData(InfoPortData::BridgePort(attributes)) => link.port = Some(port(&attributes)),
        _ => {}
    }
}

fn bridge(attributes: &[InfoBridge]) -> Bridge {
    let mut bridge = Bridge { spanning_tree: false, ageing: 0 };
    for attribute in attributes {
        match attribute {
            InfoBridge::StpState(state) => bridge.spanning_tree = *state != BridgeStpState::Disabled,
            InfoBridge::AgeingTime(ticks) => bridge.ageing = ticks / TICKS,
            _ => {}
        }
    }
    bridge
}

fn port(attributes: &[InfoBridgePort]) -> Port {
    let mut port = Port { state: String::new(), hairpin: false, isolated: false };
    for attribute in attributes {
        match attribute {
            InfoBridgePort::State(state) => port.state = state.to_string(),
            InfoBridgePort::HairpinMode(on) => port.hairpin = *on,
            InfoBridgePort::Isolated(on) => port.isolated = *on,
            _ => {}
        }
    }
    port
}

/// What `/proc/sys/net/ipv4/conf/<name>` shows.
fn settings(families: &[AfSpecUnspec]) -> Option<&InetDevConf> {
    families.iter().find_map(|family| match family {
        AfSpecUnspec::Inet(settings) => settings.iter().find_map(|setting| match setting {
            AfSpecInet::DevConf(settings) => Some(settings),
            _ => None,
        }),
        _ => None,
    })
}

/// What `/proc/sys/net/ipv6/conf/<name>/` shows.
fn settings_v6(families: &[AfSpecUnspec]) -> Option<&Inet6DevConf> {
    let settings = families.iter().filter_map(|family| match family {
        AfSpecUnspec::Inet6(settings) => Some(settings),
        _ => None,
    });
    settings.flatten().find_map(|setting| match setting {
        AfSpecInet6::DevConf(settings) => Some(settings),
        _ => None,
    })
}

/// An Ethernet address; other kinds of interfaces have addresses of other lengths.
pub(super) fn mac(bytes: &[u8]) -> Option<Mac> {
    bytes.try_into().ok().map(Mac)
}
