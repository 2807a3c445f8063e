use super::*;
use crate::packet::EchoRequest;

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const NONCE: u64 = 0x1234_5678_9abc_def0;

/// One after the other.
fn packed(parts: &[Vec<u8>]) -> Vec<u8> {
    parts.concat()
}

fn ethernet(then: u16) -> Vec<u8> {
    let mut bytes = vec![0x0a; 12];
    bytes.extend(then.to_be_bytes());
    bytes
}

fn ipv4(then: u8) -> Vec<u8> {
    let mut bytes = vec![0; 20];
    (bytes[0], bytes[9]) = (0x45, then);
    bytes
}

fn ipv6(then: u8) -> Vec<u8> {
    let mut bytes = vec![0; 40];
    (bytes[0], bytes[6]) = (0x60, then);
    bytes
}

fn udp(to: u16) -> Vec<u8> {
    let mut bytes = vec![0; 8];
    bytes[2..4].copy_from_slice(&to.to_be_bytes());
    bytes
}

fn echo() -> Vec<u8> {
    let mut message = Vec::new();
    EchoRequest { id: 1, seq: 1, nonce: NONCE, size: 56 }.write_v4(&mut message);
    message
}

fn text(frame: &[u8]) -> String {
    let layers = layers(frame);
    assert_eq!(layers.iter().map(|layer| layer.bytes).sum::<usize>(), frame.len());
    layers.iter().map(|layer| format!("{} {}", layer.name, layer.bytes)).collect::<Vec<_>>().join(", ")
}

#[test]
fn every_tunnel_is_taken_apart_and_the_nonce_is_found_in_it() {
    let inner = packed(&[ipv4(1), echo()]);
    let vxlan = |port| {
        packed(&[
            ethernet(IPV4),
            ipv4(17),
            udp(port),
            vec![8, 0, 0, 0, 0, 0, 1, 0],
            ethernet(IPV4),
            inner.clone(),
        ])
    };
    let geneve = [vec![0, 0, 0x65, 0x58], vec![0; 4]].concat();
    let gre = vec![0, 0, 8, 0];
    let gre_with_key = [vec![0x20, 0, 0x65, 0x58], vec![0; 4]].concat();
    let options = vec![4, 0, 4, 1, 4, 1, 0, 0];
    let cases = [
        (packed(&[ethernet(IPV4), inner.clone()]), "Ethernet 14, IPv4 20, ICMP 8, data 56"),
        (vxlan(8472), "Ethernet 14, IPv4 20, UDP 8, VXLAN 8, Ethernet 14, IPv4 20, ICMP 8, data 56"),
        (vxlan(4789), "Ethernet 14, IPv4 20, UDP 8, VXLAN 8, Ethernet 14, IPv4 20, ICMP 8, data 56"),
        (
            packed(&[ethernet(IPV4), ipv4(17), udp(6081), geneve, ethernet(IPV4), inner.clone()]),
            "Ethernet 14, IPv4 20, UDP 8, Geneve 8, Ethernet 14, IPv4 20, ICMP 8, data 56",
        ),
        (packed(&[ethernet(IPV4), ipv4(4), inner.clone()]), "Ethernet 14, IPv4 20, IPv4 20, ICMP 8, data 56"),
        (
            packed(&[ethernet(IPV4), ipv4(47), gre, inner.clone()]),
            "Ethernet 14, IPv4 20, GRE 4, IPv4 20, ICMP 8, data 56",
        ),
        (
            packed(&[ethernet(IPV4), ipv4(47), gre_with_key, ethernet(IPV4), inner.clone()]),
            "Ethernet 14, IPv4 20, GRE 8, Ethernet 14, IPv4 20, ICMP 8, data 56",
        ),
        (
            packed(&[ethernet(IPV6), ipv6(60), options, inner.clone()]),
            "Ethernet 14, IPv6 40, IPv6 options 8, IPv4 20, ICMP 8, data 56",
        ),
        (packed(&[ethernet(IPV6), ipv6(58), echo()]), "Ethernet 14, IPv6 40, ICMPv6 8, data 56"),
    ];
    for (frame, expected) in cases {
        assert_eq!(text(&frame), expected);
        assert!(holds(&frame, &NONCE.to_be_bytes()), "{expected}");
        assert!(!holds(&frame, &(NONCE + 1).to_be_bytes()), "{expected}");
    }
}

#[test]
fn what_is_encrypted_stays_so_and_its_tag_counts_as_header() {
    let message = [vec![4, 0, 0, 0], vec![0; 12], vec![0xee; 96], vec![0; 16]].concat();
    let frame = packed(&[ethernet(IPV4), ipv4(17), udp(51_820), message]);
    assert_eq!(text(&frame), "Ethernet 14, IPv4 20, UDP 8, WireGuard 32, encrypted 96");
    // A handshake is no data message.
    let frame = packed(&[ethernet(IPV4), ipv4(17), udp(51_820), [vec![1, 0, 0, 0], vec![0; 144]].concat()]);
    assert_eq!(text(&frame), "Ethernet 14, IPv4 20, UDP 8, WireGuard 148");
}

#[test]
fn what_is_cut_short_or_not_known_is_data() {
    let mut tcp = vec![0; 32];
    tcp[12] = 0x80;
    assert_eq!(
        text(&packed(&[ethernet(IPV4), ipv4(6), tcp, vec![7; 9]])),
        "Ethernet 14, IPv4 20, TCP 32, data 9"
    );
    assert_eq!(text(&packed(&[ethernet(0x88cc), vec![0; 5]])), "Ethernet 14, data 5");
    let whole = packed(&[ethernet(IPV4), ipv4(17), udp(8472), vec![0; 8], ethernet(IPV4), ipv4(1), echo()]);
    for length in 0..whole.len() {
        text(&whole[..length]);
    }
    assert!(!holds(&[], &[1]) && !holds(&[1, 2], &[]) && !holds(&[1], &[1, 2]));
}
