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

/// More nodes than this, and their first packets have to make them known to each other: all pairs would take too long.
const MOST_GREETINGS: usize = 50;
/// Any number but zero: it is taken back at once.
const KEEPALIVE: u16 = 25;

/// A device of a lab that is being built.
pub(super) struct Device {
    generic: Generic,
    setup: Wireguard,
    place: String,
}

impl Device {
    /// Gives a device of this thread's network namespace, which is that place's, its key and its peers.
    pub(super) fn configure(setup: &Wireguard, place: &str) -> Result<Self, Errno> {
        let mut generic = Generic::open("wireguard")?;
        for message in messages(setup) {
            generic.ask(message)?;
        }
        Ok(Self { generic, setup: setup.clone(), place: place.to_owned() })
    }

    /// Has the device agree with its peers on keys now. Where both ends begin at the same moment, as first packets in both
    /// directions have them do, each drops what the other began, and nothing passes for the 5 s until they try again
    /// (`REKEY_TIMEOUT`). So one end of each pair begins: a keepalive that is asked for is sent at once, and is then taken back.
    pub(super) fn greet(&mut self) -> Result<(), Errno> {
        if self.setup.peers.len() >= MOST_GREETINGS {
            return Ok(());
        }
        let begins = |peer: &&Peer| self.place < peer.node;
        let peers: Vec<PublicKey> =
            self.setup.peers.iter().filter(begins).map(|peer| peer.public_key).collect();
        for seconds in [KEEPALIVE, 0] {
            let told = peers.iter().map(|key| {
                let key = WireguardPeerAttribute::PublicKey(key.0);
                WireguardPeer(vec![key, WireguardPeerAttribute::PersistentKeepalive(seconds)])
            });
            let attributes = vec![
                WireguardAttribute::IfIndex(self.setup.link.index),
                WireguardAttribute::Peers(told.collect()),
            ];
            self.generic.ask(WireguardMessage { cmd: WireguardCmd::SetDevice, attributes })?;
        }
        Ok(())
    }

    /// Whether it has agreed with all of its peers.
    pub(super) fn has_met_all(&mut self) -> Result<bool, Errno> {
        if self.setup.peers.len() >= MOST_GREETINGS {
            return Ok(true);
        }
        let index = WireguardAttribute::IfIndex(self.setup.link.index);
        let question = WireguardMessage { cmd: WireguardCmd::GetDevice, attributes: vec![index] };
        let answers = self.generic.dump(question)?;
        let attributes = answers.iter().flat_map(|answer| &answer.attributes);
        let peers = attributes.filter_map(|attribute| match attribute {
            WireguardAttribute::Peers(peers) => Some(peers),
            _ => None,
        });
        // A peer that does not fit one message goes on in the next, and is told of twice.
        Ok(peers.flatten().filter(|peer| has_met(peer)).count() >= self.setup.peers.len())
    }

    /// The node that it is on.
    pub(super) fn place(&self) -> &str {
        &self.place
    }
}

fn has_met(peer: &WireguardPeer) -> bool {
    peer.iter().any(|attribute| match attribute {
        WireguardPeerAttribute::LastHandshake(at) => at.seconds != 0 || at.nano_seconds != 0,
        _ => false,
    })
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
