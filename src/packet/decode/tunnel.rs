//! What tunnels put around a frame or packet.

use super::{Kind, Next, Read, array, long_number, number};

/// VXLAN's port by IANA, and the one that Linux had before there was one, which flannel keeps.
const VXLAN: [u16; 2] = [4789, 8472];
/// Geneve's port by IANA (RFC 8926).
const GENEVE: u16 = 6081;
/// The port that `WireGuard`'s documentation uses.
const WIREGUARD: u16 = 51_820;
/// The tag that ends what `WireGuard` encrypts (Poly1305), in bytes.
pub const WIREGUARD_TAG: usize = 16;

/// Which of a tunnel's networks a frame belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VirtualNetwork {
    /// Its number (VNI).
    pub id: u32,
}

/// The header of GRE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gre {
    /// What it carries, as an `EtherType`.
    pub carries: u16,
    /// The tunnel's key, where it has one.
    pub key: Option<u32>,
}

/// `WireGuard`'s header, of its four kinds of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wireguard {
    /// Keys are to be agreed on.
    HandshakeInitiation,
    /// The answer to that.
    HandshakeResponse,
    /// Too many handshakes: prove your address first.
    Cookie,
    /// An encrypted packet. It may be an empty one, to keep the tunnel open.
    Data {
        /// The number that the receiver gave to the sender.
        receiver: u32,
        /// The message's number. With the receiver's it is like no other's.
        counter: u64,
    },
}

/// What is in a UDP datagram. A tunnel's ends send to its port; their own is anything.
pub(super) fn of_ports(bytes: &[u8], [from, to]: [u16; 2]) -> Result<Read, Kind> {
    match to {
        _ if VXLAN.contains(&to) => vxlan(bytes),
        GENEVE => geneve(bytes),
        WIREGUARD => wireguard(bytes),
        // An answer to somebody's own port is no frame of a tunnel.
        _ if from == WIREGUARD => wireguard(bytes),
        _ => Err(Kind::Data),
    }
}

fn vxlan(bytes: &[u8]) -> Result<Read, Kind> {
    // 0x08 says that there is a VNI; its 24 bits come before a reserved byte.
    let (Some(0x08), Some(vni)) = (bytes.first(), long_number(bytes, 4)) else { return Err(Kind::Data) };
    Ok(Read::new(8, Kind::Vxlan(VirtualNetwork { id: vni >> 8 }), Next::Ethernet))
}

fn geneve(bytes: &[u8]) -> Result<Read, Kind> {
    let (Some(first), Some(carries), Some(vni)) = (bytes.first(), number(bytes, 2), long_number(bytes, 4))
    else {
        return Err(Kind::Cut("Geneve"));
    };
    // The lower six bits count words of four bytes of options.
    let length = 8 + 4 * usize::from(first & 0x3f);
    Ok(Read::new(length, Kind::Geneve(VirtualNetwork { id: vni >> 8 }), Next::Type(carries)))
}

pub(super) fn gre(bytes: &[u8]) -> Result<Read, Kind> {
    let fields = number(bytes, 0).zip(number(bytes, 2));
    let (flags, carries) = fields.ok_or(Kind::Cut("GRE"))?;
    let has = |flag: u16| usize::from(flags & flag != 0);
    // Checksum, key and sequence number have four bytes each, where they are.
    let (checksum, key, sequence) = (has(0x8000), has(0x2000), has(0x1000));
    let key = (key == 1).then(|| long_number(bytes, 4 + 4 * checksum)).flatten();
    let length = 4 + 4 * (checksum + has(0x2000) + sequence);
    Ok(Read::new(length, Kind::Gre(Gre { carries, key }), Next::Type(carries)))
}

fn wireguard(bytes: &[u8]) -> Result<Read, Kind> {
    let kind = match bytes.first() {
        Some(1) => Wireguard::HandshakeInitiation,
        Some(2) => Wireguard::HandshakeResponse,
        Some(3) => Wireguard::Cookie,
        Some(4) => {
            // These numbers have their least significant byte first.
            let fields = array(bytes, 4).zip(array(bytes, 8));
            let (receiver, counter) =
                fields.filter(|_| bytes.len() >= 16 + WIREGUARD_TAG).ok_or(Kind::Data)?;
            let (receiver, counter) = (u32::from_le_bytes(receiver), u64::from_le_bytes(counter));
            let next = Next::Encrypted;
            return Ok(Read::new(16, Kind::Wireguard(Wireguard::Data { receiver, counter }), next));
        }
        _ => return Err(Kind::Data),
    };
    Ok(Read::new(bytes.len(), Kind::Wireguard(kind), Next::Nothing))
}
