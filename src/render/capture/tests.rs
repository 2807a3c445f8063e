//! Frames and the lines that are shown of them.

use std::net::IpAddr;

use super::*;
use crate::packet::decode::{Start, decode, decode_from};

fn bytes(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("digits"), 16);
    digits.chunks(2).map(|pair| byte(pair).expect("two digits")).collect()
}

fn names(address: IpAddr) -> Option<String> {
    let name = match address.to_string().as_str() {
        "10.244.1.2" => "pod1",
        "10.244.2.3" | "fd00:244:0:2::3" => "pod4",
        "192.168.66.11" => "node1 eth0",
        "192.168.66.12" => "node2 eth0",
        _ => return None,
    };
    Some(name.to_owned())
}

const ETHERNET: &str = "0a580af40102 0a580af40101 0800";
const ECHO: &str = "45000020 12344000 3f01 0000 0af40102 0af40203  0800 0000 0007 0001  aabbccdd";
const SYN_ACK: &str =
    "4500002c 12344000 3f06 0000 0af40203 0af40102  0050 9c40 00000009 00000005 5012 faf0 00000000 aabbccdd";
const VXLAN: &str = "45000052 00010000 4011 0000 c0a8420b c0a8420c  c350 2118 003e 0000 0800000000000100";
const ERROR: &str = "45000038 00010000 4001 0000 c0a8420b 0af40102  0304 0000 0000 05aa";
const V6: &str =
    "86dd 60000000 0020 3aff fd00024400000001 0000000000000002 fd00024400000002 0000000000000003";

fn told(parts: &[&str]) -> String {
    let frame = bytes(&parts.concat());
    summary(&decode(&frame), frame.len(), &names)
}

#[test]
fn each_kind_of_packet_is_told_in_its_words() {
    assert_eq!(told(&[ETHERNET, ECHO]), "pod1 > pod4  ICMP echo request id 7 seq 1, ttl 63");
    let answer = "pod4 > pod1  TCP 80 > 40000 SYN+ACK, seq 9, ack 5, data 4, ttl 63";
    assert_eq!(told(&[ETHERNET, SYN_ACK]), answer);
    let about = "fragmentation needed, MTU 1450 about [ pod1 > pod4  ICMP echo request id 7 seq 1, ttl 63 ]";
    assert_eq!(told(&[ETHERNET, ERROR, ECHO]), format!("node1 eth0 > pod1  ICMP {about}, ttl 64"));
    let udp = "45000020 00010000 4011 0000 0af40102 08080808  9c40 0035 000c 0000 aabbccdd";
    assert_eq!(told(&[ETHERNET, udp]), "pod1 > 8.8.8.8  UDP 40000 > 53, data 4, ttl 64");
    assert_eq!(
        told(&["ffffffffffff 0a580af40101 88cc 0102"]),
        "0a:58:0a:f4:01:01 > ff:ff:ff:ff:ff:ff  type 0x88cc"
    );
    assert_eq!(told(&[""]), "nothing");
}

#[test]
fn what_is_in_a_tunnel_stands_in_brackets() {
    let inner = "pod1 > pod4  ICMP echo request id 7 seq 1, ttl 63";
    let outer = |what: &str| format!("node1 eth0 > node2 eth0  {what} [ {inner} ], ttl 64");
    assert_eq!(told(&[ETHERNET, VXLAN, ETHERNET, ECHO]), outer("VXLAN 1"));
    let gre = "45000038 00010000 402f 0000 c0a8420b c0a8420c  0000 0800";
    assert_eq!(told(&[ETHERNET, gre, ECHO]), outer("GRE"));
    let ipip = "45000034 00010000 4004 0000 c0a8420b c0a8420c";
    assert_eq!(told(&[ETHERNET, ipip, ECHO]), outer("IPIP"));
    let packet = bytes(ECHO);
    assert_eq!(summary(&decode_from(Start::Ip, &packet), packet.len(), &names), inner);
}

#[test]
fn questions_for_ethernet_addresses_are_asked_and_answered() {
    let arp = |operation: &str, target: &str| {
        let words = ["0001 0800 06 04", operation, "0a580af40102 0af40102 000000000000", target];
        told(&["ffffffffffff 0a580af40102 0806", &words.concat()])
    };
    assert_eq!(arp("0001", "0af40203"), "ARP who has pod4? tell pod1");
    assert_eq!(arp("0002", "0af40203"), "ARP pod1 is at 0a:58:0a:f4:01:02");
    assert_eq!(arp("0001", "0af40102"), "ARP pod1 is at 0a:58:0a:f4:01:02, to everybody");
    let target = "fd00024400000002 0000000000000003";
    let ask = ["0a580af40102 0a580af40101", V6, "8700 0000 00000000", target, "0101 0a580af40101"].concat();
    assert_eq!(told(&[&ask]), "fd00:244:0:1::2 > pod4  ND who has pod4?, hop limit 255");
    let answer =
        ["0a580af40102 0a580af40101", V6, "8800 0000 60000000", target, "0201 0a580af40203"].concat();
    let expected = "fd00:244:0:1::2 > pod4  ND pod4 is at 0a:58:0a:f4:02:03, hop limit 255";
    assert_eq!(told(&[&answer]), expected);
}

#[test]
fn fragments_say_where_they_belong() {
    let first = "45000020 12342000 3f01 0000 0af40102 0af40203  0800 0000 0007 0001  aabbccdd";
    let expected = "pod1 > pod4  fragment of 4660 at 0, more follow: ICMP echo request id 7 seq 1, ttl 63";
    assert_eq!(told(&[ETHERNET, first]), expected);
    let last = "45000020 123400b9 3f01 0000 0af40102 0af40203  0800 0000 0007 0001  aabbccdd";
    assert_eq!(
        told(&[ETHERNET, last]),
        "pod1 > pod4  fragment of 4660 at 1480, the last: protocol 1, ttl 63"
    );
}

#[test]
fn what_was_cut_off_is_counted_all_the_same() {
    let packet =
        "45000bcc 12344000 3f06 0000 0af40203 0af40102  0050 9c40 00000009 00000005 5010 faf0 00000000";
    let frame = bytes(&[ETHERNET, packet].concat());
    let expected = "pod4 > pod1  TCP 80 > 40000 ACK, seq 9, ack 5, data 2980, ttl 63";
    assert_eq!(summary(&decode(&frame), 14 + 3020, &names), expected);
}

#[test]
fn every_start_of_a_frame_can_be_told() {
    let whole = bytes(&[ETHERNET, VXLAN, ETHERNET, ECHO].concat());
    for length in 0..whole.len() {
        assert!(!summary(&decode(&whole[..length]), whole.len(), &names).is_empty());
    }
}

fn line(width: Option<usize>, style: Style, notes: &[String]) -> String {
    let frame = bytes(&[ETHERNET, ECHO].concat());
    let headers = decode(&frame);
    let text =
        CaptureText { names: &names, stamp: Stamp::Relative, start: 1_000_000, longest: 12, width, style };
    let (interface, direction) = ("node1/cbr0", Direction::In);
    text.line(&Passed { interface, direction, time: 3_000_000, length: 46, headers: &headers, notes })
}

#[test]
fn a_line_says_when_where_and_which_way() {
    let expected =
        "  0.002000  node1/cbr0    in   pod1 > pod4  ICMP echo request id 7 seq 1, ttl 63, 46 bytes";
    assert_eq!(line(None, Style::Plain, &[]), expected);
    assert_eq!(line(Some(200), Style::Plain, &[]), expected);
    let notes = ["one".to_owned(), "two".to_owned()];
    assert_eq!(line(None, Style::Plain, &notes), format!("{expected}; one; two"));
    assert!(line(None, Style::Coloured, &[]).contains("\u{1b}[1mnode1/cbr0\u{1b}[0m    in   pod1"));
}

#[test]
fn a_line_is_folded_where_the_terminal_ends() {
    let expected = "  0.002000  node1/cbr0    in   pod1 > pod4  ICMP echo request id 7 seq\n\
                    \u{20}                              1, ttl 63, 46 bytes";
    assert_eq!(line(Some(72), Style::Plain, &[]), expected);
    let narrow =
        "  0.002000  node1/cbr0    in\n    pod1 > pod4  ICMP echo request id 7\n    seq 1, ttl 63, 46 bytes";
    assert_eq!(line(Some(40), Style::Plain, &[]), narrow);
    for width in 36..200 {
        let text = line(Some(width), Style::Plain, &[]);
        assert!(text.lines().all(|line| line.chars().count() <= width), "{width}:\n{text}");
    }
}
