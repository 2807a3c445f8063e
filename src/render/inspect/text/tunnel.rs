//! Tunnels: what kind one is, which end leads to which Ethernet address, and whom it shares keys with.

use std::net::IpAddr;

use super::super::table::table;
use super::super::{FdbEntry, Inspection, Interface, LinkState, TunnelPeer};
use super::ethernet::{how, text};
use crate::plan::Mac;

/// `VXLAN 1, UDP port 8472, from 192.168.66.11, learns nothing`
pub(super) fn about(interface: &Interface) -> Option<String> {
    let tunnel = interface.tunnel.as_ref()?;
    let name = match interface.kind.as_str() {
        "vxlan" => "VXLAN",
        "geneve" => "Geneve",
        "ipip" => "IP in IP",
        "gre" => "GRE",
        "ip6gre" => "GRE over IPv6",
        "wireguard" => "WireGuard",
        other => other,
    };
    let mut parts = vec![tunnel.id.map_or_else(|| name.to_owned(), |id| format!("{name} {id}"))];
    parts.extend(tunnel.port.map(|port| format!("UDP port {port}")));
    parts.extend(tunnel.local.map(|local| format!("from {local}")));
    parts.extend(tunnel.learns.map(|learns| if learns { "learns" } else { "learns nothing" }.to_owned()));
    if tunnel.by_route {
        parts.push("where to: as the route says".into());
    }
    // The fallback devices that modules put into every namespace.
    (parts.len() > 1).then(|| parts.join(", "))
}

/// The kinds of devices of which the kernel's modules put one, turned off, into every namespace.
const FALLBACKS: [&str; 10] =
    ["ipip", "gre", "gretap", "erspan", "sit", "ip6tnl", "ip6gre", "ip6gretap", "vti", "vti6"];

/// Whether it is one of those that nobody asked for, and that nobody uses.
pub(super) fn is_fallback(interface: &Interface) -> bool {
    FALLBACKS.contains(&interface.kind.as_str())
        && interface.name.ends_with('0')
        && interface.state == LinkState::Down
        && interface.addresses.is_empty()
}

/// `192.168.66.12 (node2 eth0)`
pub(super) fn named(address: IpAddr, owner: Option<&str>) -> String {
    owner.map_or_else(|| address.to_string(), |owner| format!("{address} ({owner})"))
}

/// The peers of a `WireGuard` device.
pub(super) fn peers(interface: &Interface) -> Option<Vec<String>> {
    let tunnel = interface.tunnel.as_ref().filter(|_| interface.kind == "wireguard")?;
    let name = &interface.name;
    let mut lines =
        vec![format!("PEERS OF {name}: who decrypts what is routed to {name}, by its destination")];
    if tunnel.peers.is_empty() {
        lines.push("  none: nobody".into());
    }
    let row = |peer: &TunnelPeer| {
        let allowed: Vec<String> = peer.allowed.iter().map(ToString::to_string).collect();
        [
            peer.node.clone().unwrap_or_else(|| "not of this lab".into()),
            peer.endpoint.map(|to| to.to_string()).unwrap_or_default(),
            allowed.join(" "),
        ]
    };
    if !tunnel.peers.is_empty() {
        lines.extend(table(["NODE", "ENDPOINT", "ALLOWED IPS"], tunnel.peers.iter().map(row)));
    }
    Some(lines)
}

/// The forwarding databases that tunnels have for themselves.
pub(super) fn fdbs(inspection: &Inspection) -> Vec<Vec<String>> {
    let own: Vec<&FdbEntry> = inspection.fdb.iter().filter(|entry| entry.bridge.is_none()).collect();
    own.chunk_by(|one, other| one.interface == other.interface).map(fdb).collect()
}

fn fdb(entries: &[&FdbEntry]) -> Vec<String> {
    let name = entries.first().map(|entry| entry.interface.as_str()).unwrap_or_default();
    let rows = entries.iter().map(|entry| {
        let owner = match entry.mac {
            Mac([0, 0, 0, 0, 0, 0]) => "everybody who is not listed".to_owned(),
            _ => entry.owner.clone().unwrap_or_default(),
        };
        let to = entry.to.map(|to| named(to, entry.to_owner.as_deref())).unwrap_or_default();
        [text(Some(entry.mac)), to, how(entry), owner]
    });
    let mut lines = vec![format!("FDB OF {name}: which end of the tunnel leads to which MAC")];
    lines.extend(table(["MAC", "TO", "HOW", "WHOSE"], rows));
    lines
}
