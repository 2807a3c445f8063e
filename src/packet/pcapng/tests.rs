//! Blocks byte by byte, each written out by hand from the draft.

use proptest::prelude::*;

use super::*;

/// Bytes from hexadecimal digits; blanks are for people.
fn bytes(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("digits"), 16);
    digits.chunks(2).map(|pair| byte(pair).expect("two digits")).collect()
}

#[test]
fn a_file_begins_with_who_wrote_it() {
    let expected = [
        "0a0d0d0a 2c000000 4d3c2b1a 0100 0000 ffffffffffffffff",
        // shb_userappl, seven bytes and one to fill up; the end of the options.
        "0400 0700 6e65746c616220 00 0000 0000",
        "2c000000",
    ];
    assert_eq!(section("netlab "), bytes(&expected.concat()));
}

#[test]
fn addresses_have_names() {
    let names_of = [("10.244.1.2", "pod1"), ("fd00::1", "a b")]
        .map(|(address, name)| (address.parse().expect("an address"), name.to_owned()));
    let expected = [
        "04000000 38000000",
        "0100 0900 0af40102 706f643100 000000",
        "0200 1400 fd000000000000000000000000000001 61206200",
        "0000 0000",
        "38000000",
    ];
    assert_eq!(names(&names_of), bytes(&expected.concat()));
    assert_eq!(names(&[]), bytes("04000000 10000000 0000 0000 10000000"));
}

#[test]
fn an_interface_has_its_name_and_counts_nanoseconds() {
    let interface = Interface { name: "n/lo", description: "", link: LinkType::Ethernet };
    let expected = [
        "01000000 28000000 0100 0000 00000000",
        "0200 0400 6e2f6c6f",
        "0900 0100 09 000000",
        "0000 0000",
        "28000000",
    ];
    assert_eq!(interface.block(), bytes(&expected.concat()));
    let tunnel = Interface { name: "n/lo", description: "abc", link: LinkType::RawIp };
    let expected = [
        "01000000 30000000 6500 0000 00000000",
        "0200 0400 6e2f6c6f",
        "0300 0300 616263 00",
        "0900 0100 09 000000",
        "0000 0000",
        "30000000",
    ];
    assert_eq!(tunnel.block(), bytes(&expected.concat()));
}

#[test]
fn a_frame_has_its_time_direction_comment_and_true_length() {
    let frame = Frame {
        interface: 3,
        time: 0x1122_3344_5566_7788,
        direction: Direction::Out,
        original: 99,
        bytes: &[1, 2, 3, 4, 5],
        comment: "hi",
    };
    let expected = [
        "06000000 3c000000 03000000 44332211 88776655 05000000 63000000",
        "0102030405 000000",
        "0100 0200 6869 0000",
        "0200 0400 02000000",
        "0000 0000",
        "3c000000",
    ];
    assert_eq!(frame.block(), bytes(&expected.concat()));
    let quiet = Frame { direction: Direction::In, comment: "", ..frame }.block();
    assert_eq!(quiet[36..44], bytes("0200 0400 01000000"));
    assert_eq!(quiet.len(), 0x34);
}

#[test]
fn statistics_count_what_passed_and_what_was_lost() {
    let statistics = Statistics { interface: 1, time: 1 << 32, accepted: 258, dropped: 1, comment: "" };
    let expected = [
        "05000000 34000000 01000000 01000000 00000000",
        "0500 0800 0100000000000000",
        "0600 0800 0201000000000000",
        "0000 0000",
        "34000000",
    ];
    assert_eq!(statistics.block(), bytes(&expected.concat()));
}

#[test]
fn a_comment_that_is_too_long_for_its_field_is_cut() {
    let frame = Frame {
        interface: 0,
        time: 0,
        direction: Direction::In,
        original: 0,
        bytes: &[],
        comment: &"x".repeat(70_000),
    };
    let block = frame.block();
    assert_eq!(block[28..32], [1, 0, 0xff, 0xff]);
    assert!(block.len().is_multiple_of(4));
}

proptest! {
    #[test]
    fn blocks_say_their_length_at_both_ends(data in proptest::collection::vec(any::<u8>(), 0..300), comment in ".{0,40}") {
        let frame = Frame {
            interface: 0, time: 1, direction: Direction::In, original: data.len(), bytes: &data, comment: &comment,
        };
        let block = frame.block();
        let length = u32::try_from(block.len()).expect("a small block").to_le_bytes();
        prop_assert_eq!(block.len() % 4, 0);
        prop_assert_eq!(&block[4..8], &length);
        prop_assert_eq!(&block[block.len() - 4..], &length);
    }
}
