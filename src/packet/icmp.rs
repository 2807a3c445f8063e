//! ICMP and ICMPv6 echo requests, every answer that one can get, and the errors that other probes can get.
//!
//! Raw sockets of the two families deliver different things: an IPv4 one the IP header and all, an ICMPv6 one
//! only the ICMPv6 message. So there is one parser for each. What an error means is not decided here
//! but in [`crate::probe`]; this module reports its type and code as they came.

use std::net::Ipv4Addr;

use etherparse::{
    IcmpEchoHeader, Icmpv4Header, Icmpv4Slice, Icmpv4Type, Icmpv6Header, Icmpv6Slice, Icmpv6Type, IpNumber,
    LaxIpSlice, icmpv4, icmpv6,
};

mod quoted;

pub use quoted::{Mark, Ports, Quoted};

/// Bytes of the nonce that starts the payload of every echo request.
pub const NONCE_LEN: usize = 8;

/// Bytes of an ICMP or ICMPv6 echo header.
pub const ECHO_HEADER_LEN: usize = 8;

/// One echo request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EchoRequest {
    /// Tells the answers of one prober from another's; chosen once per socket.
    pub id: u16,
    /// Tells the answers of one prober from each other.
    pub seq: u16,
    /// Starts the payload, as far as `size` has room for it, so that a capture can follow this one packet.
    pub nonce: u64,
    /// Payload length in bytes, without the ICMP header.
    pub size: u16,
}

impl EchoRequest {
    /// Puts the ICMP message for an IPv4 raw socket, checksum included, in place of what `message` holds.
    pub fn write_v4(&self, message: &mut Vec<u8>) {
        self.write_payload(message);
        let payload = &message[ECHO_HEADER_LEN..];
        let header = Icmpv4Header::with_checksum(Icmpv4Type::EchoRequest(self.header()), payload);
        message[..ECHO_HEADER_LEN].copy_from_slice(&header.to_bytes());
    }

    /// Puts the ICMPv6 message in place of what `message` holds. Its checksum is left to the kernel, which alone knows the
    /// source address by then.
    pub fn write_v6(&self, message: &mut Vec<u8>) {
        self.write_payload(message);
        let header = Icmpv6Header::new(Icmpv6Type::EchoRequest(self.header()));
        message[..ECHO_HEADER_LEN].copy_from_slice(&header.to_bytes());
    }

    fn header(&self) -> IcmpEchoHeader {
        IcmpEchoHeader { id: self.id, seq: self.seq }
    }

    /// Room for the header, the nonce, then ping's classic pattern: every byte holds its own offset.
    fn write_payload(&self, message: &mut Vec<u8>) {
        let size = usize::from(self.size);
        message.clear();
        message.resize(ECHO_HEADER_LEN, 0);
        message.extend(self.nonce.to_be_bytes());
        message.extend((NONCE_LEN..size).map(|offset| (offset & 0xff) as u8));
        message.truncate(ECHO_HEADER_LEN + size);
    }
}

/// A message that may answer a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IcmpAnswer {
    /// The target answered.
    EchoReply {
        /// Identifier, as sent.
        id: u16,
        /// Sequence number, as sent.
        seq: u16,
        /// The start of the payload, as sent; none if the payload is too short for it.
        nonce: Option<u64>,
        /// Length of the ICMP message in bytes, header included: the number that ping prints.
        bytes: usize,
    },
    /// No answer, but an echo request that came in. Where that is the sender's own, it was sent to the sender itself.
    EchoRequest {
        /// Identifier.
        id: u16,
        /// Sequence number.
        seq: u16,
        /// The start of the payload; none if the payload is too short for it.
        nonce: Option<u64>,
    },
    /// A router found the TTL (hop limit) used up.
    TimeExceeded {
        /// The packet that died.
        quoted: Quoted,
    },
    /// Destination unreachable, packet too big, or a parameter problem.
    Unreachable {
        /// ICMP or ICMPv6 type: 3 and 12 are ICMP's, 1, 2 and 4 ICMPv6's.
        icmp_type: u8,
        /// The code under that type.
        code: u8,
        /// The next hop's MTU, where the message says it.
        mtu: Option<u32>,
        /// The packet that was refused.
        quoted: Quoted,
    },
}

impl IcmpAnswer {
    /// What tells the packet that this answers from the sender's others.
    #[must_use]
    pub fn mark(&self) -> Mark {
        match *self {
            Self::EchoReply { id, seq, .. } | Self::EchoRequest { id, seq, .. } => Mark::Echo { id, seq },
            Self::TimeExceeded { quoted } | Self::Unreachable { quoted, .. } => quoted.mark,
        }
    }

    /// The packet that an error complains about.
    #[must_use]
    pub fn quoted(&self) -> Option<Quoted> {
        match *self {
            Self::EchoReply { .. } | Self::EchoRequest { .. } => None,
            Self::TimeExceeded { quoted } | Self::Unreachable { quoted, .. } => Some(quoted),
        }
    }
}

/// What an IPv4 raw socket delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerV4 {
    /// Source address of the outer IP header.
    pub from: Ipv4Addr,
    /// TTL left when it arrived.
    pub ttl: u8,
    /// The message.
    pub answer: IcmpAnswer,
}

/// Reads an IPv4 packet with its header; `None` if it answers no probe.
#[must_use]
pub fn parse_v4(packet: &[u8]) -> Option<AnswerV4> {
    let (ip, _) = LaxIpSlice::from_slice(packet).ok()?;
    if ip.payload_ip_number() != IpNumber::ICMP {
        return None;
    }
    let header = ip.ipv4()?.header();
    let icmp = Icmpv4Slice::from_slice(ip.payload().payload).ok()?;
    let answer = match icmp.icmp_type() {
        Icmpv4Type::EchoReply(echo) => echo_reply(echo, icmp.payload()),
        Icmpv4Type::EchoRequest(echo) => echo_request(echo, icmp.payload()),
        // The other code, a fragment that waited in vain, comes from a host and says nothing about the path.
        Icmpv4Type::TimeExceeded(icmpv4::TimeExceededCode::TtlExceededInTransit) => {
            IcmpAnswer::TimeExceeded { quoted: Quoted::read(icmp.payload())? }
        }
        _ if !matches!(icmp.type_u8(), icmpv4::TYPE_DEST_UNREACH | icmpv4::TYPE_PARAMETER_PROBLEM) => {
            return None;
        }
        unreachable => IcmpAnswer::Unreachable {
            icmp_type: icmp.type_u8(),
            code: icmp.code_u8(),
            mtu: mtu_v4(&unreachable),
            quoted: Quoted::read(icmp.payload())?,
        },
    };
    Some(AnswerV4 { from: header.source_addr(), ttl: header.ttl(), answer })
}

/// Reads an ICMPv6 message without its IP header; `None` if it answers no probe.
#[must_use]
pub fn parse_v6(message: &[u8]) -> Option<IcmpAnswer> {
    let icmp = Icmpv6Slice::from_slice(message).ok()?;
    match icmp.icmp_type() {
        Icmpv6Type::EchoReply(echo) => Some(echo_reply(echo, icmp.payload())),
        Icmpv6Type::EchoRequest(echo) => Some(echo_request(echo, icmp.payload())),
        Icmpv6Type::TimeExceeded(icmpv6::TimeExceededCode::HopLimitExceeded) => {
            Some(IcmpAnswer::TimeExceeded { quoted: Quoted::read(icmp.payload())? })
        }
        kind => match icmp.type_u8() {
            icmpv6::TYPE_DST_UNREACH | icmpv6::TYPE_PACKET_TOO_BIG | icmpv6::TYPE_PARAMETER_PROBLEM => {
                let mtu = match kind {
                    Icmpv6Type::PacketTooBig { mtu } => Some(mtu),
                    _ => None,
                };
                let (icmp_type, code) = (icmp.type_u8(), icmp.code_u8());
                Some(IcmpAnswer::Unreachable { icmp_type, code, mtu, quoted: Quoted::read(icmp.payload())? })
            }
            _ => None,
        },
    }
}

fn echo_reply(echo: IcmpEchoHeader, payload: &[u8]) -> IcmpAnswer {
    let bytes = ECHO_HEADER_LEN + payload.len();
    IcmpAnswer::EchoReply { id: echo.id, seq: echo.seq, nonce: nonce(payload), bytes }
}

fn echo_request(echo: IcmpEchoHeader, payload: &[u8]) -> IcmpAnswer {
    IcmpAnswer::EchoRequest { id: echo.id, seq: echo.seq, nonce: nonce(payload) }
}

fn nonce(payload: &[u8]) -> Option<u64> {
    payload.first_chunk::<NONCE_LEN>().map(|bytes| u64::from_be_bytes(*bytes))
}

/// Routers older than RFC 1191 leave the field zero.
fn mtu_v4(kind: &Icmpv4Type) -> Option<u32> {
    let Icmpv4Type::DestinationUnreachable(icmpv4::DestUnreachableHeader::FragmentationNeeded {
        next_hop_mtu,
    }) = kind
    else {
        return None;
    };
    (*next_hop_mtu != 0).then_some(u32::from(*next_hop_mtu))
}

#[cfg(test)]
mod tests;
