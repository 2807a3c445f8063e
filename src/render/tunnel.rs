//! Tunnels as the commands that make them.

use std::net::IpAddr;

use crate::plan::{Encap, TTL, Tunnel, TunnelKind};

/// The command that makes a tunnel device in a namespace.
pub(super) fn device(at: &str, Tunnel { link, mac, mtu, kind }: &Tunnel) -> String {
    let mac = mac.map(|mac| format!("address {mac} ")).unwrap_or_default();
    let how = match kind {
        TunnelKind::Vxlan { id, port, local, dev } => {
            format!("vxlan id {id} dev {} local {local} dstport {port} nolearning", dev.name)
        }
        TunnelKind::Geneve { port } => format!("geneve external dstport {port}"),
        TunnelKind::Ipip { local } => format!("ipip local {local} ttl {TTL}"),
        TunnelKind::Gre => "gre external".to_owned(),
        TunnelKind::Ip6Gre => "ip6gre external".to_owned(),
        TunnelKind::Wireguard => "wireguard".to_owned(),
    };
    format!("ip -n {at} link add name {} index {} {mac}mtu {mtu} type {how}", link.name, link.index)
}

/// What a route says of its tunnel.
pub(super) fn encapsulation(encap: &Encap) -> String {
    let (family, ttl) = match encap.to {
        IpAddr::V4(_) => ("ip", "ttl"),
        IpAddr::V6(_) => ("ip6", "hoplimit"),
    };
    let id = encap.id.map(|id| format!("id {id} ")).unwrap_or_default();
    format!("encap {family} {id}dst {} {ttl} {TTL} ", encap.to)
}
