//! Filters from text, and frames that they let through.

use proptest::prelude::*;

use super::super::decode::{Start, decode, decode_from};
use super::*;

/// Two pods, of which one has two addresses.
struct Lab;

impl Hosts for Lab {
    fn addresses(&self, name: &str) -> Option<Vec<IpAddr>> {
        let texts: &[&str] = match name {
            "pod1" => &["10.244.1.2"],
            "pod4" => &["10.244.2.3", "fd00:244:0:2::3"],
            "node1" => &["192.168.66.11"],
            _ => return None,
        };
        Some(texts.iter().map(|text| text.parse().expect("an address")).collect())
    }

    fn names(&self) -> Vec<String> {
        ["pod1", "pod4", "node1"].map(str::to_owned).to_vec()
    }
}

fn bytes(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("digits"), 16);
    digits.chunks(2).map(|pair| byte(pair).expect("two digits")).collect()
}

const ETHERNET: &str = "0a580af40102 0a580af40101 0800";
/// 10.244.1.2 to 10.244.2.3.
const ECHO: &str = "45000020 12344000 3f01 0000 0af40102 0af40203  0800 0000 0007 0001  aabbccdd";
/// 10.244.1.2 port 40000 to 10.244.2.3 port 80.
const SYN: &str =
    "45000028 12344000 3f06 0000 0af40102 0af40203  9c40 0050 00000001 00000000 5002 faf0 0000 0000";
/// From node1 to 192.168.66.12 port 8472, around an Ethernet frame.
const VXLAN: &str = "45000052 00010000 4011 0000 c0a8420b c0a8420c  c350 2118 003e 0000 0800000000000100";
/// From node1: no such host, about an echo request.
const ERROR: &str = "45000038 00010000 4001 0000 c0a8420b c0a8420d  0301 0000 00000000";
const ARP: &str =
    "ffffffffffff 0a580af40101 0806 0001 0800 06 04 0001 0a580af40101 0af40102 000000000000 0af40203";
/// fd00:244:0:1::2 to fd00:244:0:2::3.
const ECHO6: &str = "0a580af40102 0a580af40101 86dd 60000000 0008 3a40
    fd00024400000001 0000000000000002 fd00024400000002 0000000000000003 8000 0000 0007 0001";
const GRE: &str = "45000038 00010000 402f 0000 c0a8420b c0a8420c  0000 0800";

fn frame(name: &str) -> Vec<Header> {
    match name {
        "echo" => decode(&bytes(&[ETHERNET, ECHO].concat())),
        "syn" => decode(&bytes(&[ETHERNET, SYN].concat())),
        "vxlan" => decode(&bytes(&[ETHERNET, VXLAN, ETHERNET, ECHO].concat())),
        "error" => decode(&bytes(&[ETHERNET, ERROR, &ECHO[..56]].concat())),
        "arp" => decode(&bytes(ARP)),
        "echo6" => decode(&bytes(ECHO6)),
        "gre" => decode(&bytes(&[ETHERNET, GRE, ECHO].concat())),
        "raw" => decode_from(Start::Ip, &bytes(ECHO)),
        other => panic!("no frame {other}"),
    }
}

const FRAMES: [&str; 8] = ["echo", "syn", "vxlan", "error", "arp", "echo6", "gre", "raw"];

fn passing(text: &str) -> String {
    let filter = read(text, &Lab).unwrap_or_else(|wrong| panic!("{text}: {wrong:?}"));
    let passes = |name: &&str| filter.matches(&frame(name));
    FRAMES.into_iter().filter(passes).collect::<Vec<_>>().join(" ")
}

#[test]
fn each_word_lets_through_what_it_says() {
    let cases = [
        ("arp", "arp"),
        ("icmp", "echo vxlan error gre raw"),
        ("icmp6", "echo6"),
        ("ip", "echo syn vxlan error gre raw"),
        ("ip6", "echo6"),
        ("tcp", "syn"),
        ("udp", "vxlan"),
        ("vxlan", "vxlan"),
        ("geneve", ""),
        ("gre", "gre"),
        ("ipip", ""),
        ("wireguard", ""),
        // Inside tunnels and in ARP, but not in what an error quotes.
        ("host pod1", "echo syn vxlan arp gre raw"),
        ("src host pod1", "echo syn vxlan arp gre raw"),
        ("dst host pod1", ""),
        ("dst host pod4", "echo syn vxlan arp echo6 gre raw"),
        ("host 192.168.66.11", "vxlan error gre"),
        ("host fd00:244:0:2::3", "echo6"),
        ("net 192.168.66.0/24", "vxlan error gre"),
        ("dst net fd00:244:0:2::/64", "echo6"),
        ("src net fd00:244:0:2::/64", ""),
        ("port 80", "syn"),
        ("src port 80", ""),
        ("src port 40000", "syn"),
        ("port 8472", "vxlan"),
    ];
    for (text, expected) in cases {
        assert_eq!(passing(text), expected, "{text}");
    }
}

#[test]
fn conditions_are_joined_and_turned_round() {
    let cases = [
        ("icmp and host node1", "vxlan error gre"),
        ("icmp && not vxlan", "echo error gre raw"),
        ("tcp or arp", "syn arp"),
        ("tcp || arp", "syn arp"),
        ("!icmp", "syn arp echo6"),
        ("! icmp and !arp", "syn echo6"),
        ("not (icmp or arp)", "syn echo6"),
        ("(tcp or icmp) and host node1", "vxlan error gre"),
        ("tcp or (icmp and host node1)", "syn vxlan error gre"),
        // From left to right, which is how everybody reads it.
        ("icmp and host node1 or tcp", "syn vxlan error gre"),
        ("not not tcp", "syn"),
        ("(((tcp)))", "syn"),
        ("src host pod1 and dst port 80", "syn"),
    ];
    for (text, expected) in cases {
        assert_eq!(passing(text), expected, "{text}");
    }
}

#[test]
fn what_can_never_be_tcp_is_known_beforehand() {
    let never = [
        "icmp",
        "arp",
        "icmp6 or arp",
        "icmp and host pod4",
        "not tcp",
        "not ip and not ip6",
        "not (tcp or host pod4)",
    ];
    for text in never {
        assert!(read(text, &Lab).expect(text).never_tcp(), "{text}");
    }
    let maybe = [
        "tcp",
        "ip",
        "ip6",
        "host pod4",
        "not icmp",
        "icmp or port 80",
        "icmp or ip6",
        "not (tcp and port 80)",
        "not host pod1",
    ];
    for text in maybe {
        assert!(!read(text, &Lab).expect(text).never_tcp(), "{text}");
    }
}

#[test]
fn a_packet_in_a_packet_is_ipip() {
    let outer = "45000034 00010000 4004 0000 c0a8420b c0a8420c";
    let headers = decode(&bytes(&[ETHERNET, outer, ECHO].concat()));
    assert_eq!(
        read("ipip and host pod4 and host node1", &Lab).map(|filter| filter.matches(&headers)),
        Ok(true)
    );
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_a_remedy() {
    let cases = [
        ("hots pod4", "hots", "a filter knows no `hots`", "there is: arp, icmp"),
        ("icmp host pod4", "host", "two conditions stand side by side", "write `and host`"),
        ("tcp port 80", "port", "two conditions stand side by side", "write `and port`, or `or port`"),
        ("host pod9", "pod9", "nothing here is called `pod9`", "there is: pod1, pod4, node1"),
        ("pod4", "pod4", "a filter knows no `pod4`", "write `host pod4`"),
        ("icmp and 10.244.2.3", "10.244.2.3", "a filter knows no `10.244.2.3`", "write `host 10.244.2.3`"),
        ("host", "", "`host` of what name or address?", "such as `host pod4`"),
        ("host 10.0.0.0/8", "10.0.0.0/8", "`10.0.0.0/8` is a network", "write `net 10.0.0.0/8`"),
        ("net 10.0.0.0", "10.0.0.0", "`10.0.0.0` is no network", "write `host 10.0.0.0`, or say"),
        ("net x", "x", "`x` is no network", "such as `net 10.244.0.0/16`"),
        ("port http", "http", "`http` is no port", "a number up to 65535"),
        ("port 65536", "65536", "`65536` is no port", "a number up to 65535"),
        ("src", "", "`src` of what?", "write `src host`"),
        ("src pod4", "pod4", "`src` is followed by `host`", "write `src host pod4`"),
        ("dst tcp", "tcp", "`dst` is followed by `host`", "write `dst host`"),
        ("", "", "a condition is missing", "such as `icmp`"),
        ("not", "", "a condition is missing", "such as `icmp`"),
        ("icmp and", "", "a condition is missing", "such as `icmp`"),
        ("and icmp", "and", "a condition is missing before `and`", "such as `icmp`"),
        ("(icmp", "(", "this `(` is never closed", "write a `)`"),
        ("icmp)", ")", "this `)` closes nothing", "take it away"),
        ("()", ")", "a condition is missing before `)`", "such as `icmp`"),
        ("icmp & arp", "&", "`&` is not expected here", "write `and`"),
        ("icmp adn arp", "adn", "`adn` is not expected here", "write `and` or `or`"),
        ("tcp or icmp and arp", "and", "`and` after `or` can be read in two ways", "`(a or b) and c`"),
    ];
    for (text, place, message, help) in cases {
        let wrong = read(text, &Lab).expect_err(text);
        assert_eq!(&text[wrong.at.clone()], place, "{text}: {wrong:?}");
        assert!(wrong.message.contains(message), "{text}: {wrong:?}");
        assert!(wrong.help.contains(help), "{text}: {wrong:?}");
        if place.is_empty() {
            assert_eq!(wrong.at, text.len()..text.len(), "{text}");
        }
    }
}

#[test]
fn a_word_that_is_near_a_known_one_can_be_found() {
    let meant = |text: &str| read(text, &Lab).expect_err(text).meant;
    assert!(meant("hots pod4").contains(&"host".to_owned()));
    assert!(meant("src hots").contains(&"host".to_owned()));
    assert!(meant("icmp adn arp").contains(&"and".to_owned()));
    assert_eq!(meant("host pdo4"), ["pod1", "pod4", "node1"]);
}

#[test]
fn a_filter_is_told_from_a_name_by_its_first_word() {
    for word in ["icmp", "src", "not", "host", "(tcp", "!tcp", "!", "wireguard"] {
        assert!(begins(word), "{word}");
    }
    for word in ["pod1", "node1/cbr0", "fabric", "and", "or", "icmp-server"] {
        assert!(!begins(word), "{word}");
    }
}

#[test]
fn nesting_has_an_end() {
    let deep = |levels: usize| format!("{}tcp{}", "(".repeat(levels), ")".repeat(levels));
    assert!(read(&deep(50), &Lab).is_ok());
    assert!(read(&deep(100_000), &Lab).is_err());
    assert!(read(&deep(100), &Lab).is_err_and(|wrong| wrong.message.contains("too deeply")));
    assert!(read(&"not ".repeat(100_000), &Lab).is_err());
    assert!(read(&vec!["tcp"; 500].join(" or "), &Lab).is_ok());
    assert!(
        read(&vec!["tcp"; 501].join(" or "), &Lab).is_err_and(|wrong| wrong.message.contains("1000 words"))
    );
}

proptest! {
    #[test]
    fn no_text_is_too_strange(text in ".{0,60}") {
        let at = read(&text, &Lab).err().map(|wrong| wrong.at);
        prop_assert!(at.is_none_or(|at| text.get(at).is_some()));
    }

    #[test]
    fn nor_any_order_of_words(words in proptest::collection::vec("src|dst|host|net|port|and|or|not|tcp|\\(|\\)|pod4|80", 0..12)) {
        let text = words.join(" ");
        let at = read(&text, &Lab).err().map(|wrong| wrong.at);
        prop_assert!(at.is_none_or(|at| text.get(at).is_some()));
    }
}
