//! `wireguard`: every node is a peer of every other. A peer's allowed addresses are its slices and its own: what is routed
//! there is encrypted for it, and only what comes from there is taken from it. Cilium and Calico do the same, with keys that nodes announce.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ipnet::IpNet;
use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use x25519_dalek::StaticSecret;

use super::data_path::Why;
use super::link::Link;
use super::op::Op;
use super::tunnel::{Here, TunnelKind};
use crate::model::{DataPath, Lab, Node};

/// WireGuard's port in its own examples and in most products.
pub(super) const PORT: u16 = 51820;

/// What a `WireGuard` device is told: its key and its peers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wireguard {
    /// The device.
    pub link: Link,
    /// The UDP port.
    pub port: u16,
    /// The node's own key, which nobody is told.
    #[serde(skip)]
    pub private_key: PrivateKey,
    /// The other nodes.
    pub peers: Vec<Peer>,
}

/// Another node, as a `WireGuard` device knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Peer {
    /// The node.
    pub node: String,
    /// Its public key.
    pub public_key: PublicKey,
    /// Where its packets go.
    pub endpoint: SocketAddr,
    /// What is behind it.
    pub allowed: Vec<IpNet>,
}

/// A private key. It has no text form, so that no error, log or record can show it.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateKey([u8; 32]);

/// A public key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey(pub [u8; 32]);

impl PrivateKey {
    /// The key of a node: the same whenever the lab is brought up, so that its plan is. Whoever knows the lab's file knows
    /// it too; a lab is sealed, and what it protects is nobody's secret.
    fn of_node(lab: &str, node: &str) -> Self {
        Self(Sha256::digest(format!("netlab wireguard private key\n{lab}\n{node}")).into())
    }

    /// Its bytes, for the kernel.
    pub fn bytes(&self) -> [u8; 32] {
        self.0
    }

    fn public(&self) -> PublicKey {
        PublicKey(x25519_dalek::PublicKey::from(&StaticSecret::from(self.0)).to_bytes())
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(…)")
    }
}

impl fmt::Display for PublicKey {
    /// As `wg show` writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The public keys of all nodes of a lab, worked out once; empty where the data path has none.
pub struct Keys(Vec<PublicKey>);

impl Keys {
    /// The keys of a lab.
    pub fn new(lab: &Lab) -> Self {
        if lab.data_path != DataPath::Wireguard {
            return Self(Vec::new());
        }
        Self(lab.nodes.iter().map(|node| PrivateKey::of_node(&lab.name, &node.name).public()).collect())
    }

    /// The number of the node with that key.
    pub fn node(&self, key: PublicKey) -> Option<usize> {
        self.0.iter().position(|own| *own == key)
    }
}

pub(super) fn node_steps(here: &Here<'_>, keys: &Keys) -> Vec<Why> {
    let peer = |(number, node, to): (usize, &Node, IpAddr)| {
        Some(Peer {
            node: node.name.clone(),
            public_key: *keys.0.get(number)?,
            endpoint: SocketAddr::new(to, PORT),
            // Its own address too: what a node itself answers to a pod comes by the tunnel as well.
            allowed: node.pod_cidr.iter().chain(node.address.ips().map(IpNet::from)).collect(),
        })
    };
    let setup = Wireguard {
        link: here.link(),
        port: PORT,
        private_key: PrivateKey::of_node(&here.lab.name, &here.node().name),
        peers: here.numbered_far_ends().filter_map(peer).collect(),
    };
    vec![
        here.device(TunnelKind::Wireguard, None),
        (
            "the node's own key, and every other node with what is behind it".into(),
            vec![Op::Wireguard(setup)],
        ),
        here.routes(|_, _| (None, None)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_key_has_no_text_form() {
        let key = PrivateKey::of_node("lab", "node1");
        assert_eq!(format!("{key:?}"), "PrivateKey(…)");
        assert_ne!(key, PrivateKey::of_node("lab", "node2"));
        assert_ne!(key, PrivateKey::of_node("other", "node1"));
    }

    /// RFC 7748, 5.2: one turn of X25519 with the base point, 9, as the key too.
    #[test]
    fn public_keys_are_those_of_curve25519() {
        let mut nine = [0; 32];
        nine[0] = 9;
        let hexadecimal: String =
            PrivateKey(nine).public().0.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hexadecimal, "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
    }
}
