//! Layer 2: interfaces and their cables, bridges and their ports, and who is behind each.

use super::super::table::table;
use super::super::{Bridge, FdbEntry, Inspection, Interface, LinkState, Origin, Peer, Port};
use super::{is_only_port, tunnel};
use crate::plan::Mac;

/// More permanent entries of one bridge than this are told as a number.
const PERMANENT_SHOWN: usize = 12;

pub(super) fn interfaces(inspection: &Inspection) -> Vec<String> {
    let told = inspection.interfaces.iter().filter(|interface| !is_only_port(interface));
    let (idle, shown): (Vec<&Interface>, Vec<&Interface>) =
        told.partition(|interface| tunnel::is_fallback(interface));
    let rows = shown.iter().map(|interface| {
        [
            interface.index.to_string(),
            interface.name.clone(),
            interface.kind.clone(),
            state(interface.state).to_owned(),
            interface.mtu.to_string(),
            text(interface.mac),
            interface.peer.as_ref().map(plug).unwrap_or_default(),
        ]
    });
    let mut rows = table(["#", "NAME", "KIND", "STATE", "MTU", "MAC", "PLUGGED INTO"], rows).into_iter();
    let mut lines = vec!["INTERFACES".to_owned()];
    lines.extend(rows.next());
    // Addresses stand below the name that they belong to.
    let indent = 4 + shown.iter().map(|interface| interface.index.to_string().len()).max().unwrap_or(1);
    for (row, interface) in rows.zip(shown) {
        lines.push(row);
        lines.extend(interface.addresses.iter().map(|address| format!("{:indent$}{address}", "")));
        lines.extend(interface.impair.map(|impair| format!("{:indent$}to what it sends: {impair}", "")));
        lines.extend(tunnel::about(interface).map(|about| format!("{:indent$}{about}", "")));
    }
    let such_as = idle.first().map(|interface| interface.name.as_str());
    lines.extend(such_as.map(|name| {
        format!("  not shown: {} idle devices of the kernel's tunnel modules, such as {name}", idle.len())
    }));
    lines
}

fn state(state: LinkState) -> &'static str {
    match state {
        LinkState::Up => "up",
        LinkState::NoCarrier => "no carrier",
        LinkState::Down => "down",
    }
}

pub(super) fn text(mac: Option<Mac>) -> String {
    mac.map(|mac| mac.to_string()).unwrap_or_default()
}

/// `pod1 eth0`, `node1 vethccc1ffe7 (cbr0)`
fn plug(peer: &Peer) -> String {
    let bridge = peer.bridge.as_ref().map(|bridge| format!(" ({bridge})")).unwrap_or_default();
    match (&peer.place, &peer.interface) {
        (Some(place), Some(interface)) => format!("{place} {interface}{bridge}"),
        _ => format!("interface {} somewhere else", peer.index),
    }
}

pub(super) fn ports(bridge: &Bridge) -> Vec<String> {
    let name = &bridge.name;
    if bridge.ports.is_empty() {
        return vec![format!("PORTS OF {name}"), "  none: nothing is plugged into this switch".into()];
    }
    let row = |port: &Port| {
        [
            port.index.to_string(),
            port.interface.clone(),
            port.state.clone(),
            if port.hairpin { "on" } else { "off" }.to_owned(),
            text(port.mac),
            port.peer.as_ref().map(plug).unwrap_or_default(),
        ]
    };
    let mut lines = vec![format!("PORTS OF {name}: a bridge is a switch, and these are its sockets")];
    let heads = ["#", "PORT", "STATE", "HAIRPIN", "MAC", "PLUGGED INTO"];
    let mut rows = table(heads, bridge.ports.iter().map(row)).into_iter();
    lines.extend(rows.next());
    let indent = 4 + bridge.ports.iter().map(|port| port.index.to_string().len()).max().unwrap_or(1);
    for (row, port) in rows.zip(&bridge.ports) {
        lines.push(row);
        lines.extend(port.impair.map(|impair| format!("{:indent$}to what it sends: {impair}", "")));
    }
    if bridge.ports.iter().any(|port| port.hairpin) {
        lines.push("  hairpin: a frame may leave by the port that it came in by".into());
    }
    if bridge.spanning_tree {
        lines.push("  spanning tree: ports that would close a loop are blocked".into());
    }
    lines
}

pub(super) fn bridge_fdb(inspection: &Inspection, bridge: &Bridge) -> Vec<String> {
    let name = &bridge.name;
    let entries: Vec<&FdbEntry> =
        inspection.fdb.iter().filter(|entry| entry.bridge.as_ref() == Some(name)).collect();
    let own = entries.iter().filter(|entry| entry.origin == Origin::Permanent).count();
    let fold = own > PERMANENT_SHOWN;
    let shown = entries.iter().filter(|entry| !fold || entry.origin != Origin::Permanent);
    let itself = |owner: &str, entry: &FdbEntry| match entry.origin {
        Origin::Permanent => format!("{owner}, itself"),
        _ => owner.to_owned(),
    };
    let rows: Vec<[String; 4]> = shown
        .map(|entry| {
            let owner = entry.owner.as_ref().map(|owner| itself(owner, entry)).unwrap_or_default();
            [entry.mac.to_string(), entry.interface.clone(), how(entry), owner]
        })
        .collect();
    let mut lines = vec![format!("FDB OF {name}: which port leads to which MAC")];
    if !rows.is_empty() {
        lines.extend(table(["MAC", "PORT", "HOW", "WHOSE"], rows));
    }
    if fold {
        lines.push(format!("  {own} entries are permanent: the addresses of {name} itself and of its ports"));
    }
    lines.push(if entries.iter().any(|entry| entry.origin == Origin::Learned) {
        format!("  learned from frames that came in; forgotten after {} s without", bridge.ageing_seconds)
    } else if bridge.ports.is_empty() {
        "  nothing learned: nobody is there to send".into()
    } else {
        "  nothing learned: no frame has come in lately".into()
    });
    lines
}

pub(super) fn how(entry: &FdbEntry) -> String {
    let origin = match entry.origin {
        Origin::Learned => "learned",
        Origin::Static => "static",
        Origin::Permanent => "permanent",
    };
    entry.vlan.map_or_else(|| origin.to_owned(), |vlan| format!("{origin}, VLAN {vlan}"))
}
