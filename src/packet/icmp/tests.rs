//! Bytes in, answers out: each message as a kernel would send it.

use std::net::IpAddr;

use super::*;

const REQUEST: EchoRequest = EchoRequest { id: 0x1234, seq: 7, nonce: 0x0102_0304_0506_0708, size: 12 };

fn v4(request: EchoRequest) -> Vec<u8> {
    let mut message = b"of the request before".to_vec();
    request.write_v4(&mut message);
    message
}

fn v6(request: EchoRequest) -> Vec<u8> {
    let mut message = b"of the request before".to_vec();
    request.write_v6(&mut message);
    message
}

fn ipv4(ttl: u8, source: [u8; 4], destination: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let length = (20 + payload.len() as u16).to_be_bytes();
    let mut packet = vec![0x45, 0, length[0], length[1], 0, 1, 0, 0, ttl, 1, 0, 0];
    packet.extend(source.into_iter().chain(destination));
    packet.extend(payload);
    packet
}

fn ipv6(destination: [u8; 16], payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u16).to_be_bytes();
    let mut packet = vec![0x60, 0, 0, 0, length[0], length[1], 58, 1];
    packet.extend([0; 16].into_iter().chain(destination));
    packet.extend(payload);
    packet
}

fn error_v4(icmp_type: u8, code: u8, rest: [u8; 4]) -> Vec<u8> {
    let mut message = vec![icmp_type, code, 0, 0];
    message.extend(rest);
    // What RFC 792 demands is quoted and no more: the header and eight bytes.
    message.extend(&ipv4(1, [10, 244, 1, 2], [10, 244, 2, 3], &v4(REQUEST))[..28]);
    ipv4(63, [10, 244, 1, 1], [10, 244, 1, 2], &message)
}

fn error_v6(icmp_type: u8, code: u8, rest: [u8; 4]) -> Vec<u8> {
    let mut message = vec![icmp_type, code, 0, 0];
    message.extend(rest);
    message.extend(ipv6([0xfd; 16], &v6(REQUEST)));
    message
}

fn unreachable_v4(code: u8, rest: [u8; 4]) -> IcmpAnswer {
    parse_v4(&error_v4(3, code, rest)).expect("an answer").answer
}

const ECHO: Mark = Mark::Echo { id: 0x1234, seq: 7 };
const QUOTED: Quoted = Quoted { destination: IpAddr::V4(Ipv4Addr::new(10, 244, 2, 3)), mark: ECHO };

#[test]
fn a_request_carries_its_nonce_then_the_pattern() {
    let bytes = v4(REQUEST);
    assert_eq!(bytes[..2], [8, 0]);
    assert_eq!(bytes[4..], [0x12, 0x34, 0, 7, 1, 2, 3, 4, 5, 6, 7, 8, 8, 9, 10, 11]);
    let sum = bytes.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum::<u32>();
    assert_eq!((sum & 0xffff) + (sum >> 16), 0xffff, "the Internet checksum of a whole message is all ones");
    assert_eq!(v6(REQUEST)[..4], [128, 0, 0, 0]);
    assert_eq!(v6(REQUEST)[4..], bytes[4..]);
}

#[test]
fn a_payload_shorter_than_the_nonce_is_cut_and_read_back_as_none() {
    let mut bytes = v6(EchoRequest { size: 3, ..REQUEST });
    assert_eq!(bytes.len(), 11);
    bytes[0] = 129;
    assert_eq!(parse_v6(&bytes), Some(IcmpAnswer::EchoReply { id: 0x1234, seq: 7, nonce: None, bytes: 11 }));
}

#[test]
fn an_echo_reply_gives_source_ttl_and_nonce() {
    let mut reply = v4(REQUEST);
    reply[0] = 0;
    let read = parse_v4(&ipv4(62, [10, 244, 2, 3], [10, 244, 1, 2], &reply)).expect("an answer");
    assert_eq!((read.from, read.ttl), (Ipv4Addr::new(10, 244, 2, 3), 62));
    let nonce = Some(REQUEST.nonce);
    assert_eq!(read.answer, IcmpAnswer::EchoReply { id: 0x1234, seq: 7, nonce, bytes: 20 });
    assert_eq!(read.answer.mark(), ECHO);
}

#[test]
fn ones_own_request_is_known_again() {
    let request = IcmpAnswer::EchoRequest { id: 0x1234, seq: 7, nonce: Some(REQUEST.nonce) };
    let read = parse_v4(&ipv4(64, [127, 0, 0, 1], [127, 0, 0, 1], &v4(REQUEST))).expect("a request");
    assert_eq!(read.answer, request);
    assert_eq!(parse_v6(&v6(REQUEST)), Some(request));
    assert_eq!((request.mark(), request.quoted()), (ECHO, None));
}

#[test]
fn foreign_messages_are_not_answers() {
    assert_eq!(parse_v4(&error_v4(5, 1, [10, 0, 0, 1])), None, "a redirect");
    assert_eq!(parse_v4(&error_v4(11, 1, [0; 4])), None, "a reassembly timeout");
    assert_eq!(parse_v6(&error_v6(135, 0, [0; 4])), None, "a neighbour solicitation");
}

#[test]
fn errors_name_the_probe_that_they_quote() {
    let exceeded = parse_v4(&error_v4(11, 0, [0; 4])).expect("an answer");
    assert_eq!(exceeded.answer, IcmpAnswer::TimeExceeded { quoted: QUOTED });
    let unreachable = |code, mtu| IcmpAnswer::Unreachable { icmp_type: 3, code, mtu, quoted: QUOTED };
    assert_eq!(unreachable_v4(0, [0; 4]), unreachable(0, None));
    assert_eq!(unreachable_v4(4, [0, 0, 0x05, 0xaa]), unreachable(4, Some(1450)));
    assert_eq!(unreachable_v4(4, [0; 4]), unreachable(4, None));
    assert_eq!(unreachable_v4(13, [0; 4]), unreachable(13, None));
    assert_eq!(unreachable_v4(99, [0; 4]), unreachable(99, None), "codes not invented yet");
}

#[test]
fn errors_of_icmpv6_too() {
    let quoted = Quoted { destination: IpAddr::V6([0xfd; 16].into()), ..QUOTED };
    assert_eq!(parse_v6(&error_v6(3, 0, [0; 4])), Some(IcmpAnswer::TimeExceeded { quoted }));
    let too_big = IcmpAnswer::Unreachable { icmp_type: 2, code: 0, mtu: Some(1400), quoted };
    assert_eq!(parse_v6(&error_v6(2, 0, [0, 0, 0x05, 0x78])), Some(too_big));
    let no_route = IcmpAnswer::Unreachable { icmp_type: 1, code: 0, mtu: None, quoted };
    assert_eq!(parse_v6(&error_v6(1, 0, [0; 4])), Some(no_route));
}

#[test]
fn a_quote_behind_an_ipv6_fragment_header_is_found() {
    let mut fragment = vec![58, 0, 0, 1, 0, 0, 0, 9];
    fragment.extend(v6(REQUEST));
    let mut packet = ipv6([0xfd; 16], &fragment);
    packet[6] = 44;
    let message = [&[1, 0, 0, 0, 0, 0, 0, 0], packet.as_slice()].concat();
    assert_eq!(parse_v6(&message).map(|answer| answer.mark()), Some(ECHO));
}

#[test]
fn cut_off_and_mangled_input_never_panics() {
    for whole in [error_v4(3, 4, [0, 0, 5, 0xaa]), error_v4(11, 0, [0; 4]), error_v6(2, 0, [0, 0, 5, 0])] {
        for length in 0..whole.len() {
            assert_eq!(parse_v4(&whole[..length]), None, "{length} bytes are too few");
            let _ = parse_v6(&whole[..length]);
        }
        for position in 0..whole.len() {
            for value in [0x00, 0x01, 0x0f, 0x46, 0x4f, 0x60, 0x7f, 0x80, 0xff] {
                let mut bytes = whole.clone();
                bytes[position] = value;
                let _ = parse_v4(&bytes);
                let _ = parse_v6(&bytes);
            }
        }
    }
}

/// An IP header of either family, then the eight bytes of a TCP or UDP header that every error quotes.
fn quoting(protocol: u8, bytes: [u8; 8]) -> (Option<IcmpAnswer>, Option<IcmpAnswer>) {
    let mut inner_v4 = ipv4(1, [10, 244, 1, 2], [10, 244, 2, 3], &bytes);
    inner_v4[9] = protocol;
    // The sender's packet was longer than the quote.
    inner_v4[2..4].copy_from_slice(&1500u16.to_be_bytes());
    let mut inner_v6 = ipv6([0xfd; 16], &bytes);
    inner_v6[6] = protocol;
    let message_v4 = [[3, 3, 0, 0, 0, 0, 0, 0].as_slice(), &inner_v4].concat();
    let message_v6 = [[1, 4, 0, 0, 0, 0, 0, 0].as_slice(), &inner_v6].concat();
    let read_v4 = parse_v4(&ipv4(63, [10, 244, 1, 1], [10, 244, 1, 2], &message_v4));
    (read_v4.map(|read| read.answer), parse_v6(&message_v6))
}

#[test]
fn errors_about_tcp_and_udp_name_both_ports() {
    let ports = Ports { source: 40_000, destination: 80 };
    let bytes = [0x9c, 0x40, 0, 80, 1, 2, 3, 4];
    for (protocol, mark) in [(6, Mark::Tcp(ports)), (17, Mark::Udp(ports))] {
        let (read_v4, read_v6) = quoting(protocol, bytes);
        let quoted = |address: IpAddr| Quoted { destination: address, mark };
        let unreachable = |icmp_type, code, address| IcmpAnswer::Unreachable {
            icmp_type,
            code,
            mtu: None,
            quoted: quoted(address),
        };
        assert_eq!(read_v4, Some(unreachable(3, 3, QUOTED.destination)));
        assert_eq!(read_v6, Some(unreachable(1, 4, IpAddr::V6([0xfd; 16].into()))));
        assert_eq!(read_v4.map(|answer| answer.mark()), Some(mark));
    }
    assert_eq!(quoting(132, bytes), (None, None), "SCTP is nobody's probe");
}

#[test]
fn a_quote_of_a_reply_is_of_no_probe() {
    for echo_reply in [0, 129] {
        assert_eq!(quoting(1, [echo_reply, 0, 0, 0, 0, 0, 0, 0]).0, None);
        assert_eq!(quoting(58, [echo_reply, 0, 0, 0, 0, 0, 0, 0]).1, None);
    }
}
