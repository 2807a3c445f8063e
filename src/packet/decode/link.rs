//! Layer 2: Ethernet, VLAN tags and ARP.

use std::fmt;
use std::net::Ipv4Addr;

use etherparse::{ArpPacketSlice, Ethernet2HeaderSlice};

use super::{Kind, Next, Read, number};

/// `EtherType`s, from IEEE's registry.
pub(super) const IPV4: u16 = 0x0800;
pub(super) const ARP: u16 = 0x0806;
pub(super) const VLAN: u16 = 0x8100;
pub(super) const IPV6: u16 = 0x86dd;
/// Transparent Ethernet bridging: an Ethernet frame in GRE or Geneve.
pub(super) const BRIDGED: u16 = 0x6558;

/// An Ethernet address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MacAddress(pub [u8; 6]);

impl MacAddress {
    /// Everybody on the link.
    pub const BROADCAST: Self = Self([0xff; 6]);

    /// Whether it stands for many: everybody, or a group.
    pub fn is_multicast(self) -> bool {
        self.0[0] & 1 == 1
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Ethernet's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ethernet {
    /// Who is to have it.
    pub to: MacAddress,
    /// Who sent it on this link.
    pub from: MacAddress,
    /// What it carries, as an `EtherType`.
    pub carries: u16,
}

/// A message of ARP (RFC 826), for IPv4 over Ethernet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arp {
    /// What it is.
    pub operation: ArpOperation,
    /// Who says so.
    pub sender: (MacAddress, Ipv4Addr),
    /// About whom; in a request the Ethernet address is what is asked for.
    pub target: (MacAddress, Ipv4Addr),
}

/// What a message of ARP is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArpOperation {
    /// Who has the target's address?
    Request,
    /// The sender has it.
    Reply,
    /// Another, by its number.
    Other(u16),
}

pub(super) fn ethernet(bytes: &[u8]) -> Result<Read, Kind> {
    let header = Ethernet2HeaderSlice::from_slice(bytes).map_err(|_| Kind::Cut("Ethernet"))?;
    let carries = header.ether_type().0;
    let to = MacAddress(header.destination());
    let from = MacAddress(header.source());
    let length = header.slice().len();
    Ok(Read::new(length, Kind::Ethernet(Ethernet { to, from, carries }), Next::Type(carries)))
}

pub(super) fn vlan(bytes: &[u8]) -> Result<Read, Kind> {
    let tag = number(bytes, 0).zip(number(bytes, 2));
    let (tag, carries) = tag.ok_or(Kind::Cut("VLAN"))?;
    // The upper four bits are priorities.
    Ok(Read::new(4, Kind::Vlan(tag & 0x0fff), Next::Type(carries)))
}

pub(super) fn arp(bytes: &[u8]) -> Result<Read, Kind> {
    let cut = || Kind::Cut("ARP");
    let message = ArpPacketSlice::from_slice(bytes).map_err(|_| cut())?;
    let mac = |bytes: &[u8]| bytes.try_into().map(MacAddress).map_err(|_| Kind::Data);
    let ip = |bytes: &[u8]| <[u8; 4]>::try_from(bytes).map(Ipv4Addr::from).map_err(|_| Kind::Data);
    let operation = match message.operation().0 {
        1 => ArpOperation::Request,
        2 => ArpOperation::Reply,
        other => ArpOperation::Other(other),
    };
    let arp = Arp {
        operation,
        sender: (mac(message.sender_hw_addr())?, ip(message.sender_protocol_addr())?),
        target: (mac(message.target_hw_addr())?, ip(message.target_protocol_addr())?),
    };
    let length = message.slice().len();
    Ok(Read { until: Some(length), ..Read::new(length, Kind::Arp(arp), Next::Nothing) })
}
