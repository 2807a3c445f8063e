//! Layer 4: UDP and TCP. Of a packet that an ICMP error quotes, only the first eight bytes need be there.

use std::fmt;

use super::{Kind, Next, Read, long_number, number};

/// UDP's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Udp {
    /// The port that it comes from.
    pub from: u16,
    /// The port that it goes to.
    pub to: u16,
    /// How long the datagram is in bytes, this header included.
    pub length: u16,
}

/// TCP's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tcp {
    /// The port that it comes from.
    pub from: u16,
    /// The port that it goes to.
    pub to: u16,
    /// The number of its first byte.
    pub sequence: u32,
    /// The number of the byte that its sender waits for; `None` of a header that is cut short.
    pub acknowledgment: Option<u32>,
    /// What it does.
    pub flags: TcpFlags,
}

/// TCP's flags (RFC 9293, section 3.1), as the header's fourteenth byte has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// Nothing more will come.
    pub const FIN: u8 = 1;
    /// A connection begins.
    pub const SYN: u8 = 2;
    /// There is no such connection.
    pub const RST: u8 = 4;
    /// The acknowledgment number counts.
    pub const ACK: u8 = 16;

    /// The flags by name, from the last bit on.
    const NAMES: [(&'static str, u8); 8] = [
        ("FIN", Self::FIN),
        ("SYN", Self::SYN),
        ("RST", Self::RST),
        ("PSH", 8),
        ("ACK", Self::ACK),
        ("URG", 32),
        ("ECE", 64),
        ("CWR", 128),
    ];

    /// Whether a flag is set.
    pub fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }
}

impl fmt::Display for TcpFlags {
    /// `SYN, ACK`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> =
            Self::NAMES.iter().filter(|(_, flag)| self.has(*flag)).map(|(name, _)| *name).collect();
        f.write_str(&names.join(", "))
    }
}

pub(super) fn udp(bytes: &[u8]) -> Result<Read, Kind> {
    let udp = || Some(Udp { from: number(bytes, 0)?, to: number(bytes, 2)?, length: number(bytes, 4)? });
    let udp = udp().filter(|_| bytes.len() >= 8).ok_or(Kind::Cut("UDP"))?;
    Ok(Read::new(8, Kind::Udp(udp), Next::Ports([udp.from, udp.to])))
}

pub(super) fn tcp(bytes: &[u8]) -> Result<Read, Kind> {
    let cut = || Kind::Cut("TCP");
    let ports = number(bytes, 0).zip(number(bytes, 2));
    let (from, to) = ports.ok_or_else(cut)?;
    let sequence = long_number(bytes, 4).ok_or_else(cut)?;
    let (Some(offset), Some(flags)) = (bytes.get(12), bytes.get(13)) else {
        let flags = TcpFlags::default();
        let tcp = Tcp { from, to, sequence, acknowledgment: None, flags };
        return Ok(Read::new(bytes.len(), Kind::Tcp(tcp), Next::Nothing));
    };
    // The upper four bits count words of four bytes, of which the header has five at least.
    let length = usize::from(offset >> 4) * 4;
    if length < 20 {
        return Err(cut());
    }
    let acknowledgment = long_number(bytes, 8);
    let tcp = Tcp { from, to, sequence, acknowledgment, flags: TcpFlags(*flags) };
    Ok(Read::new(length, Kind::Tcp(tcp), Next::Data))
}
