//! What a frame is made of, header by header, down to the data that somebody sent.

use serde::{Deserialize, Serialize};

/// VXLAN's port by IANA, and the one that Linux had before there was one, which flannel keeps.
const VXLAN: [u16; 2] = [4789, 8472];
/// Geneve's port by IANA (RFC 8926).
const GENEVE: u16 = 6081;
/// The port that WireGuard's documentation uses.
const WIREGUARD: u16 = 51_820;
/// WireGuard's header of a data message (type, receiver, counter) and the tag that ends it (Poly1305), in bytes.
const WIREGUARD_HEADER: usize = 16;
const WIREGUARD_TAG: usize = 16;
/// WireGuard's type of a data message, in the first of four bytes.
const WIREGUARD_DATA: u8 = 4;

/// The name of the part that no header comes after.
pub const DATA: &str = "data";
/// The name of the part that only the tunnel's far end can read.
pub const ENCRYPTED: &str = "encrypted";

/// One part of a frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// What it is called: `Ethernet`, `IPv4`, `VXLAN`, …
    pub name: String,
    /// How many bytes it has.
    pub bytes: usize,
}

/// What comes next in a frame.
#[derive(Clone, Copy)]
enum Next {
    Ethernet,
    /// What an EtherType names.
    Type(u16),
    /// What IP's protocol number, or next header, names.
    Protocol(u8),
    /// What a UDP datagram to that port carries.
    Port(u16),
    Data,
}

/// The parts of an Ethernet frame, outermost first; their bytes add up to its length. What is not understood is data.
pub fn layers(frame: &[u8]) -> Vec<Layer> {
    let mut layers = Vec::new();
    let (mut rest, mut next) = (frame, Next::Ethernet);
    while !rest.is_empty() {
        let Some((name, bytes, then)) = header(rest, next).filter(|(_, bytes, _)| *bytes <= rest.len())
        else {
            break;
        };
        layers.push(layer(name, bytes));
        (rest, next) = (&rest[bytes..], then);
        if name == "WireGuard" {
            // The tag is at the end, where nobody would look for it.
            let last = layers.len() - 1;
            layers[last].bytes += WIREGUARD_TAG;
            layers.push(layer(ENCRYPTED, rest.len() - WIREGUARD_TAG));
            return layers;
        }
    }
    if !rest.is_empty() {
        layers.push(layer(DATA, rest.len()));
    }
    layers
}

fn layer(name: &str, bytes: usize) -> Layer {
    Layer { name: name.to_owned(), bytes }
}

/// The header that these bytes begin with, its length, and what it says comes after it.
fn header(bytes: &[u8], next: Next) -> Option<(&'static str, usize, Next)> {
    Some(match next {
        Next::Ethernet => ("Ethernet", 14, Next::Type(number(bytes, 12)?)),
        Next::Type(0x0800) | Next::Protocol(4) => {
            ("IPv4", usize::from(*bytes.first()? & 0x0f) * 4, Next::Protocol(*bytes.get(9)?))
        }
        Next::Type(0x86dd) | Next::Protocol(41) => ("IPv6", 40, Next::Protocol(*bytes.get(6)?)),
        Next::Type(0x6558) => return header(bytes, Next::Ethernet),
        // Hop-by-hop and destination options: eight bytes, and eight for each that they count.
        Next::Protocol(0 | 60) => {
            ("IPv6 options", (usize::from(*bytes.get(1)?) + 1) * 8, Next::Protocol(*bytes.first()?))
        }
        Next::Protocol(1) => ("ICMP", 8, Next::Data),
        Next::Protocol(58) => ("ICMPv6", 8, Next::Data),
        Next::Protocol(6) => ("TCP", usize::from(*bytes.get(12)? >> 4) * 4, Next::Data),
        Next::Protocol(17) => ("UDP", 8, Next::Port(number(bytes, 2)?)),
        Next::Protocol(47) => {
            // Checksum, key and sequence number have four bytes each, where they are (RFC 2784, RFC 2890).
            let flags = number(bytes, 0)?;
            let optional = [0x8000, 0x2000, 0x1000].into_iter().filter(|flag| flags & flag != 0).count();
            ("GRE", 4 + 4 * optional, Next::Type(number(bytes, 2)?))
        }
        Next::Port(port) if VXLAN.contains(&port) => ("VXLAN", 8, Next::Ethernet),
        Next::Port(GENEVE) => {
            ("Geneve", 8 + 4 * usize::from(*bytes.first()? & 0x3f), Next::Type(number(bytes, 2)?))
        }
        Next::Port(WIREGUARD)
            if *bytes.first()? == WIREGUARD_DATA && bytes.len() >= WIREGUARD_HEADER + WIREGUARD_TAG =>
        {
            ("WireGuard", WIREGUARD_HEADER, Next::Data)
        }
        Next::Type(_) | Next::Protocol(_) | Next::Port(_) | Next::Data => return None,
    })
}

fn number(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]))
}

/// Whether these bytes stand in the frame, one after the other.
pub fn holds(frame: &[u8], bytes: &[u8]) -> bool {
    !bytes.is_empty() && frame.windows(bytes.len()).any(|some| some == bytes)
}

#[cfg(test)]
mod tests;
