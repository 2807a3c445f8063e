//! How interfaces are numbered, named and addressed on layer 2.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::net::IpAddr;

use serde::{Serialize, Serializer};

use crate::model::{Addresses, Node};

// A new namespace has `lo` as 1 and, on kernels with tunnel modules, up to nine fallback devices (`tunl0`, `sit0`, `gre0`,
// …) after it: indices begin above those. No index is used at both ends of any cable's namespaces: `bridge link` takes
// the index of a port's peer for one of its own namespace and would name the wrong interface.

/// `eth0` in pods.
const POD_ETH0: u32 = 12;
/// `eth0` in nodes, and a router's first port.
pub(super) const ETH0: u32 = 20;
/// `cbr0` in nodes.
const CBR0: u32 = 21;
/// The tunnel device of overlays, in nodes.
const TUNNEL: u32 = 22;
/// The first switch in the fabric.
pub(super) const FIRST_SWITCH: u32 = 100;
/// The first pod's veth in a node.
pub(super) const FIRST_VETH: u32 = 1000;
/// The first cable of a node or router in the fabric.
pub(super) const FIRST_PLUG: u32 = 10_000;

/// An interface of one namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Link {
    /// Its name.
    pub name: Cow<'static, str>,
    /// Its index, chosen by the plan.
    pub index: u32,
}

impl Link {
    pub(super) fn eth0() -> Self {
        Self { name: Cow::Borrowed("eth0"), index: ETH0 }
    }

    pub(super) fn pod_eth0() -> Self {
        Self { name: Cow::Borrowed("eth0"), index: POD_ETH0 }
    }

    pub(super) fn cbr0() -> Self {
        Self { name: Cow::Borrowed("cbr0"), index: CBR0 }
    }

    pub(super) fn tunnel(name: &'static str) -> Self {
        Self { name: Cow::Borrowed(name), index: TUNNEL }
    }

    pub(super) fn lo() -> Self {
        Self { name: Cow::Borrowed("lo"), index: 1 }
    }

    pub(super) fn named(name: String, index: u32) -> Self {
        Self { name: Cow::Owned(name), index }
    }
}

/// Hexadecimal ones.
const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// An Ethernet address.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// The address of an interface with that IP address: `0a:58` and the IPv4 address, as the CNI plugins do it; where
    /// there is only IPv6, `0a:58` and a hash.
    pub fn of_ip(addresses: &Addresses) -> Self {
        let [a, b, c, d] = match addresses.primary() {
            Some(IpAddr::V4(address)) => address.octets(),
            Some(IpAddr::V6(address)) => hash(&address.octets()).to_be_bytes(),
            None => [0; 4],
        };
        Self([0x0a, 0x58, a, b, c, d])
    }

    /// The address of a bridge's port or of a switch: numbered, so that no two of a lab are the same.
    pub(super) fn of_port(bridge: usize, port: u32) -> Self {
        let [_, _, a, b] = u32::try_from(bridge).unwrap_or(u32::MAX).to_be_bytes();
        let [_, _, c, d] = port.to_be_bytes();
        Self([0x06, 0x58, a, b, c, d])
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // By hand: a plan of thousands of pods has half a million of them.
        let mut text = [b':'; 17];
        for (digits, byte) in text.chunks_mut(3).zip(self.0) {
            digits[0] = DIGITS[usize::from(byte >> 4)];
            digits[1] = DIGITS[usize::from(byte & 15)];
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Mac {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// FNV-1a, 32 bits: the same on every machine and in every version.
fn hash(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

/// The host end of a pod's cable: `veth` and eight hexadecimal digits, from the pod's name alone.
pub fn veth_name(pod: &str) -> String {
    format!("veth{:08x}", hash(pod.as_bytes()))
}

/// The host ends of a node's pods, told apart where two names have one hash.
pub fn veth_names(node: &Node) -> Vec<String> {
    let mut used = HashSet::new();
    let mut unique = |pod: &str| {
        let mut text = pod.to_owned();
        loop {
            let name = veth_name(&text);
            if used.insert(name.clone()) {
                return name;
            }
            text.push('\'');
        }
    };
    node.pods.iter().map(|pod| unique(&pod.name)).collect()
}

/// Longest interface name (`IFNAMSIZ` is 16, with the zero).
const LONGEST_NAME: usize = 15;

/// A name for an interface that stands for something: that thing's own name where it fits.
pub(super) fn interface_name(owner: &str) -> String {
    if owner.len() <= LONGEST_NAME { owner.to_owned() } else { format!("if-{:08x}", hash(owner.as_bytes())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_mac_follows_the_cni_convention() {
        let address: ipnet::IpNet = "10.244.1.2/24".parse().expect("an address");
        let mac = Mac::of_ip(&[address].into_iter().collect());
        assert_eq!(mac.to_string(), "0a:58:0a:f4:01:02");
    }

    #[test]
    fn interface_names_fit() {
        assert_eq!(interface_name("node1"), "node1");
        assert!(interface_name(&"x".repeat(63)).len() <= LONGEST_NAME);
        assert_eq!(veth_name("pod1").len(), 12);
    }
}
