//! Bytes in, answers out: each message as a kernel would send it.

use super::*;

const REQUEST: EchoRequest = EchoRequest { id: 0x1234, seq: 7, nonce: 0x0102_0304_0506_0708, size: 12 };

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
    message.extend(&ipv4(1, [10, 244, 1, 2], [10, 244, 2, 3], &REQUEST.to_v4())[..28]);
    ipv4(63, [10, 244, 1, 1], [10, 244, 1, 2], &message)
}

fn error_v6(icmp_type: u8, code: u8, rest: [u8; 4]) -> Vec<u8> {
    let mut message = vec![icmp_type, code, 0, 0];
    message.extend(rest);
    message.extend(ipv6([0xfd; 16], &REQUEST.to_v6()));
    message
}

fn unreachable_v4(code: u8, rest: [u8; 4]) -> IcmpAnswer {
    parse_v4(&error_v4(3, code, rest)).expect("an answer").answer
}

const QUOTED: Quoted = Quoted { destination: IpAddr::V4(Ipv4Addr::new(10, 244, 2, 3)), id: 0x1234, seq: 7 };

#[test]
fn a_request_carries_its_nonce_then_the_pattern() {
    let bytes = REQUEST.to_v4();
    assert_eq!(bytes[..2], [8, 0]);
    assert_eq!(bytes[4..], [0x12, 0x34, 0, 7, 1, 2, 3, 4, 5, 6, 7, 8, 8, 9, 10, 11]);
    let sum = bytes.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum::<u32>();
    assert_eq!((sum & 0xffff) + (sum >> 16), 0xffff, "the Internet checksum of a whole message is all ones");
    assert_eq!(REQUEST.to_v6()[..4], [128, 0, 0, 0]);
    assert_eq!(REQUEST.to_v6()[4..], bytes[4..]);
}

#[test]
fn a_payload_shorter_than_the_nonce_is_cut_and_read_back_as_none() {
    let mut bytes = EchoRequest { size: 3, ..REQUEST }.to_v6();
    assert_eq!(bytes.len(), 11);
    bytes[0] = 129;
    assert_eq!(parse_v6(&bytes), Some(IcmpAnswer::EchoReply { id: 0x1234, seq: 7, nonce: None, bytes: 11 }));
}

#[test]
fn an_echo_reply_gives_source_ttl_and_nonce() {
    let mut reply = REQUEST.to_v4();
    reply[0] = 0;
    let read = parse_v4(&ipv4(62, [10, 244, 2, 3], [10, 244, 1, 2], &reply)).expect("an answer");
    assert_eq!((read.from, read.ttl), (Ipv4Addr::new(10, 244, 2, 3), 62));
    let nonce = Some(REQUEST.nonce);
    assert_eq!(read.answer, IcmpAnswer::EchoReply { id: 0x1234, seq: 7, nonce, bytes: 20 });
    assert_eq!(read.answer.echo(), (0x1234, 7));
}

#[test]
fn ones_own_request_and_foreign_messages_are_not_answers() {
    assert_eq!(parse_v4(&ipv4(64, [127, 0, 0, 1], [127, 0, 0, 1], &REQUEST.to_v4())), None);
    assert_eq!(parse_v6(&REQUEST.to_v6()), None);
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
    fragment.extend(REQUEST.to_v6());
    let mut packet = ipv6([0xfd; 16], &fragment);
    packet[6] = 44;
    let message = [&[1, 0, 0, 0, 0, 0, 0, 0], packet.as_slice()].concat();
    assert_eq!(parse_v6(&message).map(|answer| answer.echo()), Some((0x1234, 7)));
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
