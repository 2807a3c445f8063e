//! Who listens for datagrams, as a kernel lists its sockets.

use std::net::IpAddr;

/// Whether one of the sockets of `/proc/net/udp` and `/proc/net/udp6` gets what anybody sends to that address and port.
pub fn is_listened_to(sockets: &str, to: IpAddr, port: u16) -> bool {
    sockets.lines().any(|line| {
        // Its number, its own address and port, and those of the only one from whom it takes anything, in hexadecimal.
        let mut words = line.split_whitespace().skip(1);
        let (Some(own), Some(other)) = (words.next().and_then(end), words.next().and_then(end)) else {
            return false;
        };
        let is_for = match own.0 {
            Some(IpAddr::V4(own)) => to.is_ipv4() && (own.is_unspecified() || to == own),
            // One for all addresses gets those of IPv4 too, unless it was told not to.
            Some(IpAddr::V6(own)) => own.is_unspecified() || own.to_canonical() == to,
            None => false,
        };
        is_for && own.1 == port && other.1 == 0
    })
}

/// Address and port, the address in words as they are in memory, `0100007F:0035`.
fn end(text: &str) -> Option<(Option<IpAddr>, u16)> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let mut bytes = Vec::new();
    for at in (0..address.len()).step_by(8) {
        let word = u32::from_str_radix(address.get(at..at + 8)?, 16).ok()?;
        bytes.extend(word.to_ne_bytes());
    }
    let address = match <[u8; 4]>::try_from(bytes.as_slice()) {
        Ok(v4) => Some(v4.into()),
        Err(_) => <[u8; 16]>::try_from(bytes.as_slice()).ok().map(IpAddr::from),
    };
    Some((address, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_socket_of_that_port_counts() {
        let word = u32::from_ne_bytes([10, 244, 2, 3]);
        let text = format!(
            "  sl  local_address rem_address   st tx_queue\n  \
             1: 00000000:270F 00000000:0000 07 0\n  \
             2: {word:08X}:0035 00000000:0000 07 0\n  \
             3: 00000000:0050 {word:08X}:0051 01 0\n  \
             4: 00000000000000000000000000000000:0044 00000000000000000000000000000000:0000 07 0\n"
        );
        let is = |to: &str, port| is_listened_to(&text, to.parse().expect("an address"), port);
        assert!(is("10.244.2.3", 9999) && is("10.244.2.3", 53) && is("fd00::1", 68) && is("10.244.2.3", 68));
        assert!(!is("10.244.2.3", 80), "it takes from one only");
        assert!(!is("10.244.2.4", 53) && !is("10.244.2.3", 9998) && !is("fd00::1", 9999));
        for end in 0..text.len() {
            is_listened_to(&text[..end], [0; 4].into(), 1);
        }
    }
}
