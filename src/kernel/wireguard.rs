//! `WireGuard` devices: giving one its key and peers, and asking who its peers are. Private keys go in and never out.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use netlink_packet_wireguard::{
    WireguardAddressFamily, WireguardAllowedIp, WireguardAllowedIpAttr, WireguardAttribute, WireguardCmd,
    WireguardMessage, WireguardPeer, WireguardPeerAttribute,
};
use nix::errno::Errno;

use super::generic::Generic;
use crate::plan::{Peer, PublicKey, Wireguard};

/// Peers a message: an attribute, such as the list of peers, has at most 64 KiB.
const PEERS: usize = 100;

/// Gives a device of this thread's network namespace its key and its peers.
pub(super) fn configure(setup: &Wireguard) -> Result<(), Errno> {
    let mut generic = Generic::open("wireguard")?;
    for message in messages(setup) {
        generic.ask(message)?;
    }
    Ok(())
}

fn messages(setup: &Wireguard) -> Vec<WireguardMessage> {
    let index = WireguardAttribute::IfIndex(setup.link.index);
    let message = |attributes| WireguardMessage { cmd: WireguardCmd::SetDevice, attributes };
    let own = message(vec![
        index.clone(),
        WireguardAttribute::PrivateKey(setup.private_key.bytes()),
        WireguardAttribute::ListenPort(setup.port),
    ]);
    let peers = setup.peers.chunks(PEERS).map(|peers| {
        let peers = peers.iter().map(peer).collect();
        message(vec![index.clone(), WireguardAttribute::Peers(peers)])
    });
    std::iter::once(own).chain(peers).collect()
}

fn peer(peer: &Peer) -> WireguardPeer {
    WireguardPeer(vec![
        WireguardPeerAttribute::PublicKey(peer.public_key.0),
        WireguardPeerAttribute::Endpoint(peer.endpoint),
        WireguardPeerAttribute::AllowedIps(peer.allowed.iter().map(allowed).collect()),
    ])
}

fn allowed(net: &IpNet) -> WireguardAllowedIp {
    let family = match net {
        IpNet::V4(_) => WireguardAddressFamily::Ipv4,
        IpNet::V6(_) => WireguardAddressFamily::Ipv6,
    };
    WireguardAllowedIp(vec![
        WireguardAllowedIpAttr::Family(family),
        WireguardAllowedIpAttr::IpAddr(net.network()),
        WireguardAllowedIpAttr::Cidr(net.prefix_len()),
    ])
}

/// A peer of a device, as the kernel has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundPeer {
    /// Its public key.
    pub public_key: PublicKey,
    /// Where its packets go.
    pub endpoint: Option<SocketAddr>,
    /// What is behind it.
    pub allowed: Vec<IpNet>,
}

/// A device, as the kernel has it.
#[derive(Debug, Default)]
pub(super) struct FoundDevice {
    pub(super) port: Option<u16>,
    pub(super) peers: Vec<FoundPeer>,
}

/// What a device of this process's network namespace was told.
pub(super) fn device(index: u32) -> Result<FoundDevice, Errno> {
    let mut generic = Generic::open("wireguard")?;
    let question = WireguardMessage {
        cmd: WireguardCmd::GetDevice,
        attributes: vec![WireguardAttribute::IfIndex(index)],
    };
    let mut device = FoundDevice::default();
    for attribute in generic.dump(question)?.into_iter().flat_map(|answer| answer.attributes) {
        // The kernel tells the private key too, to whoever may ask: it is left where it is.
        let peers = match attribute {
            WireguardAttribute::ListenPort(port) => {
                device.port = Some(port);
                continue;
            }
            WireguardAttribute::Peers(peers) => peers,
            _ => continue,
        };
        for peer in peers.iter().filter_map(found) {
            // What does not fit one message goes on in the next, for the same peer.
            match device.peers.last_mut().filter(|last| last.public_key == peer.public_key) {
                Some(last) => last.allowed.extend(peer.allowed),
                None => device.peers.push(peer),
            }
        }
    }
    Ok(device)
}

fn found(peer: &WireguardPeer) -> Option<FoundPeer> {
    let (mut public_key, mut endpoint, mut allowed) = (None, None, Vec::new());
    for attribute in &peer.0 {
        match attribute {
            WireguardPeerAttribute::PublicKey(key) => public_key = Some(PublicKey(*key)),
            WireguardPeerAttribute::Endpoint(address) => endpoint = Some(*address),
            WireguardPeerAttribute::AllowedIps(all) => allowed.extend(all.iter().filter_map(net)),
            _ => {}
        }
    }
    Some(FoundPeer { public_key: public_key?, endpoint, allowed })
}

fn net(allowed: &WireguardAllowedIp) -> Option<IpNet> {
    let (mut address, mut length): (Option<IpAddr>, Option<u8>) = (None, None);
    for attribute in &allowed.0 {
        match attribute {
            WireguardAllowedIpAttr::IpAddr(ip) => address = Some(*ip),
            WireguardAllowedIpAttr::Cidr(prefix) => length = Some(*prefix),
            _ => {}
        }
    }
    IpNet::new(address?, length?).ok()
}
