//! The part of STUN (RFC 8489) by which a host finds out as whom others see it: a binding request, and its answer.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The port of STUN servers (RFC 8489, 18.6).
pub const PORT: u16 = 3478;
/// Length of the header, which is all of a request.
pub const HEADER: usize = 20;

/// A binding request, and the success that answers it (RFC 8489, 18.1).
const REQUEST: u16 = 0x0001;
const SUCCESS: u16 = 0x0101;
/// What tells STUN from everything else (RFC 8489, 5).
const COOKIE: u32 = 0x2112_a442;
/// `XOR-MAPPED-ADDRESS`: hidden from translators that replace addresses wherever they find them (RFC 8489, 14.2).
const XOR_MAPPED_ADDRESS: u16 = 0x0020;

/// What tells one request from another.
pub type Transaction = [u8; 12];

/// A binding request.
pub fn request(transaction: Transaction) -> [u8; HEADER] {
    let mut bytes = [0; HEADER];
    bytes[..2].copy_from_slice(&REQUEST.to_be_bytes());
    bytes[4..8].copy_from_slice(&COOKIE.to_be_bytes());
    bytes[8..].copy_from_slice(&transaction);
    bytes
}

/// The transaction of a binding request, if this is one, and how many bytes the whole of it has.
pub fn parse_request(bytes: &[u8]) -> Option<(Transaction, usize)> {
    let (transaction, length) = header(bytes, REQUEST)?;
    Some((transaction, HEADER + length))
}

/// The answer to whom is seen as `peer`.
pub fn response(transaction: Transaction, peer: SocketAddr) -> Vec<u8> {
    let (family, mut address) = match peer.ip() {
        IpAddr::V4(ip) => (1, ip.octets().to_vec()),
        IpAddr::V6(ip) => (2, ip.octets().to_vec()),
    };
    hide(&mut address, &transaction);
    let value = 4 + address.len() as u16;
    let mut bytes = Vec::with_capacity(HEADER + 4 + usize::from(value));
    bytes.extend(SUCCESS.to_be_bytes());
    bytes.extend((value + 4).to_be_bytes());
    bytes.extend(COOKIE.to_be_bytes());
    bytes.extend(transaction);
    bytes.extend(XOR_MAPPED_ADDRESS.to_be_bytes());
    bytes.extend(value.to_be_bytes());
    bytes.extend([0, family]);
    bytes.extend((peer.port() ^ (COOKIE >> 16) as u16).to_be_bytes());
    bytes.extend(address);
    bytes
}

/// As whom a server saw the one who sent a request, if these bytes are its answer to that.
pub fn parse_response(bytes: &[u8], transaction: Transaction) -> Option<SocketAddr> {
    let (answered, length) = header(bytes, SUCCESS)?;
    let mut rest = bytes.get(HEADER..HEADER + length).filter(|_| answered == transaction)?;
    loop {
        let (kind, length) = (u16_at(rest, 0)?, usize::from(u16_at(rest, 2)?));
        let value = rest.get(4..4 + length)?;
        if kind == XOR_MAPPED_ADDRESS {
            return address(value, &transaction);
        }
        rest = rest.get(4 + length.next_multiple_of(4)..)?;
    }
}

fn address(value: &[u8], transaction: &Transaction) -> Option<SocketAddr> {
    let port = u16_at(value, 2)? ^ (COOKIE >> 16) as u16;
    let mut address = value.get(4..)?.to_vec();
    hide(&mut address, transaction);
    let ip = match value.get(1)? {
        1 => IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(address).ok()?)),
        2 => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(address).ok()?)),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// Hides an address, or shows it again.
fn hide(address: &mut [u8], transaction: &Transaction) {
    let key = COOKIE.to_be_bytes().into_iter().chain(*transaction);
    address.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
}

/// The transaction and the length of the rest of a message of that kind.
fn header(bytes: &[u8], kind: u16) -> Option<(Transaction, usize)> {
    let is_stun = bytes.get(4..8)? == COOKIE.to_be_bytes() && u16_at(bytes, 0)? == kind;
    let transaction = bytes.get(8..HEADER)?.try_into().ok()?;
    is_stun.then_some((transaction, usize::from(u16_at(bytes, 2)?)))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The transaction of RFC 5769's sample responses.
    const SAMPLE: Transaction = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];

    #[test]
    fn addresses_are_hidden_as_in_the_samples_of_rfc_5769() {
        let v4 = response(SAMPLE, "192.0.2.1:32853".parse().expect("an address"));
        assert_eq!(v4[20..], [0, 0x20, 0, 8, 0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);
        let peer = "[2001:db8:1234:5678:11:2233:4455:6677]:32853".parse().expect("an address");
        let v6 = response(SAMPLE, peer);
        let hidden =
            [0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25, 0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9];
        assert_eq!(v6[20..28], [0, 0x20, 0, 20, 0, 2, 0xa1, 0x47]);
        assert_eq!(v6[28..], hidden);
        assert_eq!(parse_response(&v6, SAMPLE), Some(peer));
    }

    #[test]
    fn what_is_cut_or_another_s_is_no_answer() {
        let peer = "192.0.2.1:32853".parse().expect("an address");
        let whole = response(SAMPLE, peer);
        assert_eq!(parse_response(&whole, SAMPLE), Some(peer));
        assert_eq!(parse_response(&whole, [0; 12]), None);
        for end in 0..whole.len() {
            assert_eq!(parse_response(&whole[..end], SAMPLE), None, "{end}");
        }
        assert_eq!(parse_request(&request(SAMPLE)), Some((SAMPLE, HEADER)));
        assert_eq!(parse_request(b"netlab 0123456789abcdef\n"), None);
        assert_eq!(parse_request(&whole), None);
    }
}
