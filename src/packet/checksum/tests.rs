//! Frames whose sums another crate's builder has filled in: taken out, they must come back.

use etherparse::PacketBuilder;

use super::super::decode::{Start, decode, decode_from};
use super::*;

const V4: ([u8; 4], [u8; 4]) = ([10, 244, 1, 2], [10, 244, 2, 3]);
const V6: ([u8; 16], [u8; 16]) = (
    [0xfd, 0, 2, 0x44, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2],
    [0xfd, 0, 2, 0x44, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3],
);
const DATA: &[u8] = b"an odd number of bytes!";

fn tcp_v4(data: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    let builder = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4(V4.0, V4.1, 64).tcp(40_000, 80, 7, 64_240);
    builder.write(&mut frame, data).expect("a frame");
    frame
}

fn vxlan(inner: &[u8]) -> Vec<u8> {
    let carried = [&[8, 0, 0, 0, 0, 0, 1, 0], inner].concat();
    let mut frame = Vec::new();
    let builder = PacketBuilder::ethernet2([6; 6], [8; 6]).ipv6(V6.0, V6.1, 64).udp(50_000, 8472);
    builder.write(&mut frame, &carried).expect("a frame");
    frame
}

/// The frame after the sum of that header was made wrong and filled in again, and what was said.
fn mended(frame: &[u8], sum: usize) -> (Vec<u8>, Option<Unfinished>) {
    let mut broken = frame.to_vec();
    broken[sum] ^= 0x55;
    let said = fill_in(&mut broken, &decode(frame));
    (broken, said)
}

#[test]
fn sums_that_are_missing_are_filled_in() {
    let tcp = tcp_v4(DATA);
    assert_eq!(mended(&tcp, 14 + 20 + 16), (tcp.clone(), Some(Unfinished::Filled("TCP"))));

    let mut udp = Vec::new();
    let builder = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv6(V6.0, V6.1, 64).udp(40_000, 53);
    builder.write(&mut udp, DATA).expect("a frame");
    assert_eq!(mended(&udp, 14 + 40 + 6), (udp.clone(), Some(Unfinished::Filled("UDP"))));

    let mut icmp = Vec::new();
    let builder = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv6(V6.0, V6.1, 64).icmpv6_echo_request(7, 1);
    builder.write(&mut icmp, DATA).expect("a frame");
    assert_eq!(mended(&icmp, 14 + 40 + 2), (icmp.clone(), Some(Unfinished::Filled("ICMPv6"))));
}

#[test]
fn what_is_right_is_left_as_it_is() {
    let mut frame = tcp_v4(DATA);
    let headers = decode(&frame);
    assert_eq!(fill_in(&mut frame, &headers), None);
    assert_eq!(frame, tcp_v4(DATA));
}

#[test]
fn udp_over_ipv4_may_have_no_sum() {
    let mut frame = Vec::new();
    let builder = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4(V4.0, V4.1, 64).udp(40_000, 53);
    builder.write(&mut frame, DATA).expect("a frame");
    frame[40..42].fill(0);
    let headers = decode(&frame);
    assert_eq!(fill_in(&mut frame, &headers), None);
    assert_eq!(frame[40..42], [0, 0]);
}

#[test]
fn within_a_tunnel_the_inner_sum_is_filled_in_and_then_the_outer_one() {
    let whole = vxlan(&tcp_v4(DATA));
    let (inner, outer) = (14 + 40 + 8 + 8 + 14 + 20 + 16, 14 + 40 + 6);
    assert_eq!(mended(&whole, inner), (whole.clone(), Some(Unfinished::Filled("TCP"))));
    assert_eq!(mended(&whole, outer), (whole.clone(), Some(Unfinished::Filled("UDP"))));
}

#[test]
fn a_frame_that_is_cut_short_stays_open() {
    let whole = tcp_v4(&[1; 500]);
    let mut cut = whole[..100].to_vec();
    cut[14 + 20 + 16] ^= 0x55;
    let before = cut.clone();
    let headers = decode(&cut);
    assert_eq!(fill_in(&mut cut, &headers), Some(Unfinished::Open));
    assert_eq!(cut, before);
}

#[test]
fn a_part_of_a_packet_has_no_sum_of_its_own() {
    let mut frame = tcp_v4(DATA);
    // More fragments will come.
    frame[20] = 0x20;
    frame[50] ^= 0x55;
    let before = frame.clone();
    let headers = decode(&frame);
    assert_eq!(fill_in(&mut frame, &headers), None);
    assert_eq!(frame, before);
}

#[test]
fn what_icmp_quotes_is_left_alone() {
    let quoted = tcp_v4(DATA)[14..].to_vec();
    let mut frame = Vec::new();
    let builder = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4(V4.1, V4.0, 64).icmpv4_raw(3, 1, [0; 4]);
    builder.write(&mut frame, &quoted).expect("a frame");
    let last = frame.len() - DATA.len() - 4;
    frame[last] ^= 0x55;
    let before = frame.clone();
    let headers = decode(&frame);
    assert_eq!(fill_in(&mut frame, &headers), None);
    assert_eq!(frame, before);
}

#[test]
fn a_frame_that_is_too_long_is_counted_in_frames_that_are_not() {
    // 1,500 less 20 for IPv4 and 20 for TCP: 1,460 of data each.
    for (data, count) in [(1460, None), (1461, Some(2)), (14_600, Some(10)), (14_601, Some(11))] {
        let frame = tcp_v4(&vec![0; data]);
        assert_eq!(stands_for(&decode(&frame), frame.len(), 1500), count, "{data}");
        // The beginning of it tells as much.
        let start = decode(&frame[..80]);
        assert_eq!(stands_for(&start, frame.len(), 1500), count, "{data} of which 80 are there");
    }
    let inside = vxlan(&tcp_v4(&[0; 2 * 1378]));
    // 1,500 less 40, 8 and 8 outside, 14, 20 and 20 inside: 1,390.
    assert_eq!(stands_for(&decode(&inside), inside.len(), 1500), Some(2));
    let packet = &tcp_v4(&[0; 3000])[14..];
    assert_eq!(stands_for(&decode_from(Start::Ip, packet), packet.len(), 1500), Some(3));
}

#[test]
fn nothing_is_counted_where_nothing_can_be() {
    let frame = tcp_v4(&[0; 3000]);
    assert_eq!(stands_for(&decode(&frame), frame.len(), 30), None);
    assert_eq!(stands_for(&[], 3000, 1500), None);
    assert_eq!(stands_for(&decode(&[0xff; 3000]), 3000, 1500), None);
}

#[test]
fn it_is_said_in_words() {
    let words = "segmentation offload: one frame of 14,480 bytes stands for ten";
    assert_eq!(offload_words(14_480, 10), words);
    assert_eq!(offload_words(999, 45), "segmentation offload: one frame of 999 bytes stands for 45");
    assert_eq!(thousands(1_234_567), "1,234,567");
    assert_eq!(thousands(123), "123");
}
