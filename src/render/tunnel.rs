//! Tunnels as the commands that make them.

use crate::plan::{Peer, TTL, Tunnel, TunnelKind, Wireguard};

/// The command that makes a tunnel device in a namespace.
pub(super) fn device(at: &str, Tunnel { link, mac, mtu, kind }: &Tunnel) -> String {
    let mac = mac.map(|mac| format!("address {mac} ")).unwrap_or_default();
    let how = match kind {
        TunnelKind::Vxlan { id, port, local, dev } => {
            format!("vxlan id {id} dev {} local {local} dstport {port} nolearning", dev.name)
        }
        TunnelKind::Geneve { port } => format!("geneve external dstport {port}"),
        TunnelKind::Ipip { local } => format!("ipip mode ipip local {local} ttl {TTL}"),
        TunnelKind::Gre => "gre external".to_owned(),
        TunnelKind::Ip6Gre => "ip6gre external".to_owned(),
        TunnelKind::Wireguard => "wireguard".to_owned(),
    };
    format!("ip -n {at} link add name {} index {} {mac}mtu {mtu} type {how}", link.name, link.index)
}

/// The commands that give a `WireGuard` device its key and its peers. netlab's own keys are not shown: these make others,
/// one file for each node in the current directory, with which the same lab works as well.
pub(super) fn wireguard(at: &str, Wireguard { link, port, peers, .. }: &Wireguard) -> Vec<String> {
    let set = format!("ip netns exec {at} wg set {}", link.name);
    let own = format!("{}; {set} listen-port {port} private-key {at}.key", key(at));
    let peer = |Peer { node, endpoint, allowed, .. }: &Peer| {
        let allowed: Vec<String> = allowed.iter().map(ToString::to_string).collect();
        let key = key(node);
        let allowed = allowed.join(",");
        format!("{key}; {set} peer \"$(wg pubkey < {node}.key)\" endpoint {endpoint} allowed-ips {allowed}")
    };
    std::iter::once(own).chain(peers.iter().map(peer)).collect()
}

/// Makes a node's key where there is none yet.
fn key(node: &str) -> String {
    format!("[ -e {node}.key ] || (umask 077; wg genkey > {node}.key)")
}
