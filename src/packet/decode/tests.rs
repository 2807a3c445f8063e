//! Frames from bytes: each written out, so that the test does not share its idea of a header with the code.

use proptest::prelude::*;

use super::*;

/// Bytes from hexadecimal digits; blanks are for people.
fn bytes(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("digits"), 16);
    digits.chunks(2).map(|pair| byte(pair).expect("two digits")).collect()
}

const ETHERNET_V4: &str = "0a580af40102 0a580af40101 0800";
const ETHERNET_V6: &str = "0a580af40102 0a580af40101 86dd";
/// 10.244.1.2 to 10.244.2.3, TTL 63, id 0x1234, may not be fragmented.
const ECHO: &str = "45000020 12344000 3f01 0000 0af40102 0af40203  0800 0000 0007 0001  aabbccdd";

fn decoded(parts: &[&str]) -> Vec<Header> {
    let frame = bytes(&parts.concat());
    let headers = decode(&frame);
    assert_eq!(headers.iter().map(|header| header.bytes).sum::<usize>(), frame.len(), "{headers:#?}");
    headers
}

fn names(headers: &[Header]) -> Vec<&'static str> {
    headers.iter().map(|header| header.kind.name()).collect()
}

/// The only header of a kind.
fn the<T>(headers: &[Header], which: impl Fn(&Kind) -> Option<T>) -> T {
    let mut found = headers.iter().filter_map(|header| which(&header.kind));
    let first = found.next().expect("such a header");
    assert!(found.next().is_none(), "several in {headers:#?}");
    first
}

fn icmp(headers: &[Header]) -> Icmp {
    the(headers, |kind| if let Kind::Icmp(icmp) = kind { Some(*icmp) } else { None })
}

#[test]
fn an_echo_request_says_who_asks_whom() {
    let headers = decoded(&[ETHERNET_V4, ECHO]);
    assert_eq!(names(&headers), ["Ethernet", "IPv4", "ICMP", "data"]);
    let ethernet = the(&headers, |kind| if let Kind::Ethernet(it) = kind { Some(*it) } else { None });
    assert_eq!(ethernet.to.to_string(), "0a:58:0a:f4:01:02");
    assert_eq!(ethernet.from.to_string(), "0a:58:0a:f4:01:01");
    let ip = the(&headers, |kind| if let Kind::Ip(ip) = kind { Some(*ip) } else { None });
    assert_eq!((ip.from.to_string(), ip.to.to_string()), ("10.244.1.2".into(), "10.244.2.3".into()));
    assert_eq!((ip.ttl, ip.length, ip.dont_fragment), (63, 32, true));
    assert_eq!(ip.fragment, Some(Fragment { id: 0x1234, offset: 0, more: false }));
    assert_eq!(icmp(&headers).meaning, Meaning::EchoRequest(Echo { id: 7, sequence: 1 }));
}

#[test]
fn what_fills_a_short_frame_up_is_no_data() {
    let headers = decoded(&[ETHERNET_V4, ECHO, "000000000000"]);
    assert_eq!(names(&headers), ["Ethernet", "IPv4", "ICMP", "data", "padding"]);
    assert_eq!(headers[3].bytes, 4);
    let arp = "0001 0800 06 04 0001 0a580af40101 0af40101 000000000000 0af40102";
    let headers = decoded(&["ffffffffffff 0a580af40101 0806", arp, "0000000000000000"]);
    assert_eq!(names(&headers), ["Ethernet", "ARP", "padding"]);
}

#[test]
fn arp_asks_and_is_answered() {
    let arp = |operation: &str, target: &str| {
        let words = ["0001 0800 06 04", operation, "0a580af40101 0af40101", target, "0af40102"].concat();
        let headers = decoded(&["ffffffffffff 0a580af40101 0806", &words]);
        the(&headers, |kind| if let Kind::Arp(arp) = kind { Some(*arp) } else { None })
    };
    let asked = arp("0001", "000000000000");
    assert_eq!(asked.operation, ArpOperation::Request);
    assert_eq!(asked.sender.1.to_string(), "10.244.1.1");
    assert_eq!(asked.target, (MacAddress([0; 6]), "10.244.1.2".parse().expect("an address")));
    assert_eq!(arp("0002", "0a580af40102").operation, ArpOperation::Reply);
    assert_eq!(arp("0008", "000000000000").operation, ArpOperation::Other(8));
}

#[test]
fn an_error_quotes_the_packet_that_it_is_about() {
    // From 192.168.66.12: too long for 1450 bytes.
    let error = "4500003c 00010000 4001 0000 c0a8420c 0af40102  0304 0000 0000 05aa";
    let headers = decoded(&[ETHERNET_V4, error, ECHO]);
    assert_eq!(names(&headers), ["Ethernet", "IPv4", "ICMP", "IPv4", "ICMP", "data"]);
    let quoted: Vec<bool> = headers.iter().map(|header| header.quoted).collect();
    assert_eq!(quoted, [false, false, false, true, true, true]);
    let Kind::Icmp(icmp) = headers[2].kind else { panic!("{headers:#?}") };
    assert_eq!((icmp.meaning, icmp.is_error()), (Meaning::TooBig(1450), true));
}

#[test]
fn a_quoted_segment_may_be_cut_after_its_number() {
    let error = "45000038 00010000 4001 0000 c0a8420c 0af40102  0b00 0000 00000000";
    let segment = "4500003c 12344000 0106 0000 0af40102 0af40203  c350 0050 01020304";
    let headers = decoded(&[ETHERNET_V4, error, segment]);
    assert_eq!(names(&headers), ["Ethernet", "IPv4", "ICMP", "IPv4", "TCP"]);
    let tcp = the(&headers, |kind| if let Kind::Tcp(tcp) = kind { Some(*tcp) } else { None });
    assert_eq!((tcp.from, tcp.to, tcp.sequence), (50_000, 80, 0x0102_0304));
    assert_eq!(tcp.acknowledgment, None);
}

#[test]
fn ports_flags_and_numbers_of_tcp_and_udp() {
    let syn = "4500002c 12344000 4006 0000 0af40102 0af40203
        c350 0050 00000001 00000000 6012 faf0 0000 0000 020405b4";
    let headers = decoded(&[ETHERNET_V4, syn]);
    let tcp = the(&headers, |kind| if let Kind::Tcp(tcp) = kind { Some(*tcp) } else { None });
    assert_eq!(tcp.flags.to_string(), "SYN, ACK");
    assert!(tcp.flags.has(TcpFlags::SYN) && !tcp.flags.has(TcpFlags::RST));
    assert_eq!(headers[2].bytes, 24, "with its options");
    let datagram = "4500001e 12344000 4011 0000 0af40102 0af40203  c350 0007 000a 0000 6869";
    let headers = decoded(&[ETHERNET_V4, datagram]);
    assert_eq!(names(&headers), ["Ethernet", "IPv4", "UDP", "data"]);
    assert_eq!(headers[2].kind, Kind::Udp(Udp { from: 50_000, to: 7, length: 10 }));
}

#[test]
fn neighbour_discovery_has_the_address_and_whose_it_is() {
    let ip = "60000000 0020 3a ff fe800000000000000000000000000001 ff0200000000000000000001ff000002";
    let solicitation = "87 00 0000 00000000 fd000244000000010000000000000002 0101 0a580af40101";
    let headers = decoded(&[ETHERNET_V6, ip, solicitation]);
    assert_eq!(names(&headers), ["Ethernet", "IPv6", "ICMPv6"]);
    let message = icmp(&headers);
    let target = "fd00:244:0:1::2".parse().expect("an address");
    let sender = MacAddress([0x0a, 0x58, 10, 244, 1, 1]);
    assert_eq!(message.meaning, Meaning::NeighbourSolicitation(target, Some(sender)));
    assert!(message.is_neighbour_discovery());
    // Another option first, and one that claims to have no length.
    let advertisement =
        "88 00 0000 60000000 fd000244000000010000000000000002 0e01 000000000000 0201 0a580af40101";
    let ip = "60000000 0028 3a ff fe800000000000000000000000000001 fe800000000000000000000000000002";
    let found = icmp(&decoded(&[ETHERNET_V6, ip, advertisement])).meaning;
    assert_eq!(found, Meaning::NeighbourAdvertisement(target, Some(sender)));
    let endless = advertisement.replace("0e01", "0e00");
    assert_eq!(
        icmp(&decoded(&[ETHERNET_V6, ip, &endless])).meaning,
        Meaning::NeighbourAdvertisement(target, Some(sender))
    );
}

#[test]
fn fragments_know_their_place() {
    let first = "4500002c 12342000 3f11 0000 0af40102 0af40203  c350 0007 0800 0000 00000000 00000000 00000000 00000000";
    let headers = decoded(&[ETHERNET_V4, first]);
    assert_eq!(names(&headers), ["Ethernet", "IPv4", "UDP", "data"]);
    let second = "4500001c 12340003 3f11 0000 0af40102 0af40203  c350 0007 0800 0000";
    let headers = decoded(&[ETHERNET_V4, second]);
    assert_eq!(names(&headers), ["Ethernet", "IPv4", "data"], "what looks like ports is data");
    let ip = the(&headers, |kind| if let Kind::Ip(ip) = kind { Some(*ip) } else { None });
    assert_eq!(ip.fragment, Some(Fragment { id: 0x1234, offset: 24, more: false }));
    assert!(ip.fragment.is_some_and(|fragment| fragment.is_part()));
    let sixth = "60000000 0010 2c 3f fd000000000000000000000000000001 fd000000000000000000000000000002
        11 00 0001 00000009  c350 0007 0008 0000";
    let headers = decoded(&[ETHERNET_V6, sixth]);
    assert_eq!(names(&headers), ["Ethernet", "IPv6", "IPv6 fragment", "UDP"]);
    assert_eq!(headers[2].kind, Kind::Ipv6Fragment(Fragment { id: 9, offset: 0, more: true }));
}

#[test]
fn tunnels_are_looked_into() {
    let inner = [ETHERNET_V4, ECHO].concat();
    let outer = "45000000 00000000 4011 0000 c0a8420b c0a8420c";
    let vxlan = decoded(&[ETHERNET_V4, outer, "8000 2118 0000 0000", "08000000 00000100", &inner]);
    assert_eq!(names(&vxlan), ["Ethernet", "IPv4", "UDP", "VXLAN", "Ethernet", "IPv4", "ICMP", "data"]);
    assert_eq!(vxlan[3].kind, Kind::Vxlan(VirtualNetwork { id: 1 }));
    let geneve = decoded(&[ETHERNET_V4, outer, "8000 17c1 0000 0000", "01006558 00000700 01020304", &inner]);
    assert_eq!((geneve[3].bytes, &geneve[3].kind), (12, &Kind::Geneve(VirtualNetwork { id: 7 })));
    let gre = "45000000 00000000 402f 0000 c0a8420b c0a8420c";
    let keyed = decoded(&[ETHERNET_V4, gre, "a000 0800 00000000 0000002a", ECHO]);
    assert_eq!(names(&keyed), ["Ethernet", "IPv4", "GRE", "IPv4", "ICMP", "data"]);
    assert_eq!(keyed[2].kind, Kind::Gre(Gre { carries: 0x0800, key: Some(42) }));
    let ipip = decoded(&[ETHERNET_V4, &outer.replace("4011", "4004"), ECHO]);
    assert_eq!(names(&ipip), ["Ethernet", "IPv4", "IPv4", "ICMP", "data"]);
}

#[test]
fn of_wireguard_only_the_outside_is_told() {
    let outer = "45000000 00000000 4011 0000 c0a8420b c0a8420c  ca6c ca6c 0000 0000";
    let encrypted = "00".repeat(48);
    let data = decoded(&[ETHERNET_V4, outer, "04000000 07000000 0900000000000000", &encrypted]);
    assert_eq!(names(&data), ["Ethernet", "IPv4", "UDP", "WireGuard", "encrypted"]);
    assert_eq!(data[3].kind, Kind::Wireguard(Wireguard::Data { receiver: 7, counter: 9 }));
    let greeting = decoded(&[ETHERNET_V4, outer, "01000000", &"00".repeat(144)]);
    assert_eq!(greeting[3].kind, Kind::Wireguard(Wireguard::HandshakeInitiation));
    let other = decoded(&[ETHERNET_V4, outer, "09000000"]);
    assert_eq!(names(&other), ["Ethernet", "IPv4", "UDP", "data"]);
}

#[test]
fn tunnels_for_packets_have_no_ethernet_header() {
    let names_of = |text: &str| names(&decode_from(Start::Ip, &bytes(text)));
    assert_eq!(names_of(ECHO), ["IPv4", "ICMP", "data"]);
    assert_eq!(
        names_of(&["60000000 0008 11 40", &"00".repeat(32), "c350 0007 0008 0000"].concat()),
        ["IPv6", "UDP"]
    );
}

#[test]
fn what_is_cut_short_is_named() {
    for (frame, last) in [
        (bytes("0a58"), Kind::Cut("Ethernet")),
        (bytes(&[ETHERNET_V4, "4500"].concat()), Kind::Cut("IPv4")),
        (bytes(&[ETHERNET_V6, "6000"].concat()), Kind::Cut("IPv6")),
        (bytes(&["ffffffffffff 0a580af40101 0806", "0001 0800"].concat()), Kind::Cut("ARP")),
        (
            bytes(&[ETHERNET_V4, "45000000 00004000 3f06 0000 0af40102 0af40203", "c350"].concat()),
            Kind::Cut("TCP"),
        ),
        // Its header claims to have 60 bytes.
        (
            bytes(
                &[
                    ETHERNET_V4,
                    "45000000 00004000 3f06 0000 0af40102 0af40203",
                    "c3500050",
                    "00000000",
                    "00000000",
                    "f0020000",
                    "00000000",
                ]
                .concat(),
            ),
            Kind::Cut("TCP"),
        ),
        (
            bytes(&[ETHERNET_V4, "45000000 00004000 3f01 0000 0af40102 0af40203", "0800"].concat()),
            Kind::Cut("ICMP"),
        ),
    ] {
        assert_eq!(decode(&frame).last().map(|header| header.kind.clone()), Some(last), "{frame:02x?}");
    }
    assert!(decode(&[]).is_empty());
}

proptest! {
    /// Whatever comes, every byte is in one header, and nothing panics.
    #[test]
    fn every_byte_has_its_place(
        start in 0_usize..6,
        noise in proptest::collection::vec(any::<u8>(), 0..200),
        at in 0_usize..80,
        value: u8,
    ) {
        let known = [
            String::new(),
            [ETHERNET_V4, ECHO].concat(),
            [ETHERNET_V4, "4500003c 00010000 4001 0000 c0a8420c 0af40102  0304 0000 0000 05aa", ECHO].concat(),
            [ETHERNET_V4, "45000000 00000000 4011 0000 c0a8420b c0a8420c 8000 2118 0000 0000 08000000 00000100", ETHERNET_V4, ECHO].concat(),
            [ETHERNET_V6, "60000000 0020 3a ff fe800000000000000000000000000001 ff0200000000000000000001ff000002 87 00 0000"].concat(),
            [ETHERNET_V4, "45000000 00000000 402f 0000 c0a8420b c0a8420c b000 6558"].concat(),
        ];
        let mut frame = bytes(&known[start]);
        frame.extend(noise);
        if let Some(byte) = frame.get_mut(at) {
            *byte = value;
        }
        let headers = decode(&frame);
        let mut after = 0;
        for header in &headers {
            prop_assert_eq!(header.at, after);
            prop_assert!(header.bytes > 0);
            after = header.end();
        }
        prop_assert_eq!(after, frame.len());
    }
}
