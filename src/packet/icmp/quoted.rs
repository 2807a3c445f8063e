//! The head of a packet, quoted by the ICMP error that complains about it: whose packet it was.

use std::net::IpAddr;

use etherparse::{IpNumber, LaxIpSlice};

/// ICMP's and ICMPv6's types of an echo request.
const ECHO_REQUESTS: [(IpNumber, u8); 2] = [(IpNumber::ICMP, 8), (IpNumber::IPV6_ICMP, 128)];

/// The head of the packet that an ICMP error complains about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quoted {
    /// Where the packet was going when the error was made.
    pub destination: IpAddr,
    /// What tells it from the sender's other packets.
    pub mark: Mark,
}

/// By which numbers a sender knows its own packet again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mark {
    /// An ICMP or ICMPv6 echo request.
    Echo {
        /// Identifier.
        id: u16,
        /// Sequence number.
        seq: u16,
    },
    /// A TCP segment.
    Tcp(Ports),
    /// A UDP datagram.
    Udp(Ports),
}

/// Where a segment or datagram came from and went to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ports {
    /// The sender's port.
    pub source: u16,
    /// The receiver's port.
    pub destination: u16,
}

impl Quoted {
    /// Reads the quote; `None` if it is of no packet that has a mark. Errors need to quote only the IP header and eight
    /// bytes (RFC 792), which hold all that is read here; the length field of a quoted header counts more, and is not believed.
    pub(super) fn read(packet: &[u8]) -> Option<Self> {
        let (ip, _) = LaxIpSlice::from_slice(packet).ok()?;
        let head = ip.payload().payload.first_chunk::<8>()?;
        let number = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
        let ports = Ports { source: number(0), destination: number(2) };
        let mark = match ip.payload_ip_number() {
            IpNumber::TCP => Mark::Tcp(ports),
            IpNumber::UDP => Mark::Udp(ports),
            protocol if ECHO_REQUESTS.contains(&(protocol, head[0])) => {
                Mark::Echo { id: number(4), seq: number(6) }
            }
            _ => return None,
        };
        Some(Self { destination: ip.destination_addr(), mark })
    }
}
