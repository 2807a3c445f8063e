//! Who is behind an address: the neighbour tables of IP, and the forwarding databases of bridges and tunnels.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::route::RouteProtocol;
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::link::mac;
use super::reader::Reader;
use super::{FdbEntry, Neighbour, Origin};
use crate::kernel::error::Result;
use crate::plan::Mac;

/// The neighbours of both families.
pub(in crate::kernel) fn neighbours(reader: &mut Reader) -> Result<Vec<Neighbour>> {
    let answers = dump(reader, "neighbours", AddressFamily::Unspec)?;
    let mut neighbours: Vec<Neighbour> = answers.iter().filter_map(neighbour).collect();
    neighbours.sort_by_key(|neighbour| (neighbour.link, neighbour.address));
    Ok(neighbours)
}

/// A neighbour that somebody has entered for good.
pub(in crate::kernel) struct Permanent {
    /// Index of the interface behind which it is.
    pub(in crate::kernel) link: u32,
    pub(in crate::kernel) address: IpAddr,
    /// Who entered it, as far as they said (`ip neigh … protocol`).
    pub(in crate::kernel) protocol: Option<RouteProtocol>,
}

/// The permanent neighbours of both families.
pub(in crate::kernel) fn permanent(reader: &mut Reader) -> Result<Vec<Permanent>> {
    let answers = dump(reader, "neighbours", AddressFamily::Unspec)?;
    let permanent = answers.iter().filter(|message| message.header.state == NeighbourState::Permanent);
    let entry = |message: &NeighbourMessage| {
        let protocol = message.attributes.iter().find_map(|attribute| match attribute {
            NeighbourAttribute::Protocol(protocol) => Some(*protocol),
            _ => None,
        });
        Some(Permanent { link: message.header.ifindex, address: destination(message)?, protocol })
    };
    Ok(permanent.filter_map(entry).collect())
}

/// The forwarding databases, without the groups that each interface listens to.
pub(super) fn fdb(reader: &mut Reader) -> Result<Vec<FdbEntry>> {
    let answers = dump(reader, "forwarding databases", AddressFamily::Bridge)?;
    let mut entries: Vec<FdbEntry> = answers.iter().filter_map(fdb_entry).collect();
    entries.sort_by_key(|entry| (entry.bridge, entry.origin, entry.link, entry.mac.0));
    Ok(entries)
}

fn dump(reader: &mut Reader, what: &str, family: AddressFamily) -> Result<Vec<NeighbourMessage>> {
    let mut message = NeighbourMessage::default();
    message.header.family = family;
    let answers = reader.dump(what, &RouteNetlinkMessage::GetNeighbour(message))?;
    let entries = answers.into_iter().filter_map(|answer| match answer {
        RouteNetlinkMessage::NewNeighbour(message) => Some(message),
        _ => None,
    });
    Ok(entries.collect())
}

fn neighbour(message: &NeighbourMessage) -> Option<Neighbour> {
    let state = message.header.state;
    // `noarp` entries are multicast, broadcast and loopback: addresses whose MAC nobody has to ask for.
    if state == NeighbourState::None || has(state, NeighbourState::Noarp) {
        return None;
    }
    Some(Neighbour {
        address: destination(message)?,
        mac: message.attributes.iter().find_map(|attribute| match attribute {
            NeighbourAttribute::LinkLayerAddress(bytes) => mac(bytes),
            _ => None,
        }),
        link: message.header.ifindex,
        state: state.to_string(),
    })
}

fn fdb_entry(message: &NeighbourMessage) -> Option<FdbEntry> {
    let mut entry = FdbEntry {
        mac: Mac([0; 6]),
        link: message.header.ifindex,
        bridge: None,
        vlan: None,
        to: destination(message),
        origin: origin(message.header.state),
    };
    for attribute in &message.attributes {
        match attribute {
            NeighbourAttribute::LinkLayerAddress(bytes) => entry.mac = mac(bytes)?,
            NeighbourAttribute::Controller(index) => entry.bridge = Some(*index),
            NeighbourAttribute::Vlan(number) => entry.vlan = Some(*number),
            _ => {}
        }
    }
    // An interface's own list of groups that it listens to is no way to anywhere.
    let listens = entry.bridge.is_none() && entry.to.is_none();
    (!listens).then_some(entry)
}

/// `bridge fdb` calls an entry by the first of these bits; what it adds to a tunnel by itself has both.
fn origin(state: NeighbourState) -> Origin {
    if has(state, NeighbourState::Permanent) {
        Origin::Permanent
    } else if has(state, NeighbourState::Noarp) {
        Origin::Static
    } else {
        Origin::Learned
    }
}

fn has(state: NeighbourState, bit: NeighbourState) -> bool {
    u16::from(state) & u16::from(bit) != 0
}

fn destination(message: &NeighbourMessage) -> Option<IpAddr> {
    message.attributes.iter().find_map(|attribute| match attribute {
        NeighbourAttribute::Destination(NeighbourAddress::Inet(address)) => Some((*address).into()),
        NeighbourAttribute::Destination(NeighbourAddress::Inet6(address)) => Some((*address).into()),
        // In a tunnel's database the family of the entry says `bridge`, not that of the far end.
        NeighbourAttribute::Destination(NeighbourAddress::Other(bytes)) => far_end(bytes),
        _ => None,
    })
}

fn far_end(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(Ipv4Addr::from).map(IpAddr::V4);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(Ipv6Addr::from).map(IpAddr::V6)).ok()
}
