//! The frames in a block of a ring, as `linux/if_packet.h` lays them out (`TPACKET_V3`).

use libc::{
    ARPHRD_LOOPBACK, PACKET_OTHERHOST, PACKET_OUTGOING, TP_STATUS_CSUMNOTREADY, TP_STATUS_VLAN_VALID,
};

use crate::packet::heard::{Heard, Sum, Whose};
use crate::packet::pcapng::{Direction, LinkType};

/// `tpacket_block_desc`: a version and an offset come before the status.
pub(super) const STATUS: usize = 8;
const FRAMES: usize = 12;
const FIRST: usize = 16;

/// `tpacket3_hdr`, and after it the `sockaddr_ll`.
const NEXT: usize = 0;
const SECONDS: usize = 4;
const NANOSECONDS: usize = 8;
const KEPT: usize = 12;
const LENGTH: usize = 16;
const FLAGS: usize = 20;
const BEGINS: usize = 24;
const TAG: usize = 32;
const TAG_KIND: usize = 36;
const ADDRESS: usize = 48;
const INDEX: usize = ADDRESS + 4;
const HARDWARE: usize = ADDRESS + 8;
const WAY: usize = ADDRESS + 10;

/// A frame as it stands in a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Raw {
    /// The interface's index.
    pub(super) index: u32,
    hardware: u16,
    way: u8,
    time: u64,
    length: usize,
    flags: u32,
    bytes: Vec<u8>,
}

impl Raw {
    pub(super) fn is_loopback(&self) -> bool {
        self.hardware == ARPHRD_LOOPBACK
    }

    pub(super) fn is_outgoing(&self) -> bool {
        self.way == PACKET_OUTGOING
    }

    pub(super) fn heard(self, interface: usize) -> Heard {
        let direction = if self.is_outgoing() { Direction::Out } else { Direction::In };
        let sum = if self.flags & TP_STATUS_CSUMNOTREADY == 0 { Sum::Final } else { Sum::Open };
        let whose = if self.way == PACKET_OTHERHOST { Whose::Other } else { Whose::Own };
        Heard { interface, direction, time: self.time, original: self.length, bytes: self.bytes, sum, whose }
    }
}

/// What the frames of an interface with that hardware type begin with. Tunnels for packets have no Ethernet header.
pub(super) fn link_type(hardware: u16) -> LinkType {
    match hardware {
        libc::ARPHRD_ETHER | ARPHRD_LOOPBACK => LinkType::Ethernet,
        _ => LinkType::RawIp,
    }
}

/// How many frames the kernel has written to a block.
pub(super) fn number(block: &[u8]) -> u64 {
    word(block, FRAMES).unwrap_or(0).into()
}

/// The frames of a block that the kernel has handed over.
pub(super) fn frames(block: &[u8]) -> Vec<Raw> {
    let count = word(block, FRAMES).unwrap_or(0);
    let mut at = word(block, FIRST).unwrap_or(0) as usize;
    let mut frames = Vec::new();
    for _ in 0..count {
        let Some(bytes) = block.get(at..) else { break };
        frames.extend(frame(bytes));
        at += word(bytes, NEXT).unwrap_or(0) as usize;
    }
    frames
}

fn frame(bytes: &[u8]) -> Option<Raw> {
    let (seconds, nanoseconds) = (word(bytes, SECONDS)?, word(bytes, NANOSECONDS)?);
    let begins = usize::from(short(bytes, BEGINS)?);
    let flags = word(bytes, FLAGS)?;
    let mut frame = bytes.get(begins..begins + word(bytes, KEPT)? as usize)?.to_vec();
    let mut length = word(bytes, LENGTH)? as usize;
    // The kernel has taken a VLAN's tag out of the frame; it belongs after the two Ethernet addresses.
    if flags & TP_STATUS_VLAN_VALID != 0 && frame.len() >= 12 {
        let (kind, tag) = (short(bytes, TAG_KIND)?, word(bytes, TAG)? as u16);
        frame.splice(12..12, [kind.to_be_bytes(), tag.to_be_bytes()].concat());
        length += 4;
    }
    Some(Raw {
        index: word(bytes, INDEX)?,
        hardware: short(bytes, HARDWARE)?,
        way: *bytes.get(WAY)?,
        time: u64::from(seconds) * 1_000_000_000 + u64::from(nanoseconds),
        length,
        flags,
        bytes: frame,
    })
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use libc::{sockaddr_ll, tpacket_block_desc, tpacket_hdr_v1, tpacket_hdr_variant1, tpacket3_hdr};
    use proptest::prelude::*;

    use super::*;

    /// The numbers above are those of the C library, which has them from the kernel.
    #[test]
    fn fields_are_where_the_kernel_puts_them() {
        let header = offset_of!(tpacket_block_desc, hdr);
        assert_eq!(STATUS, header + offset_of!(tpacket_hdr_v1, block_status));
        assert_eq!(FRAMES, header + offset_of!(tpacket_hdr_v1, num_pkts));
        assert_eq!(FIRST, header + offset_of!(tpacket_hdr_v1, offset_to_first_pkt));
        assert_eq!(NEXT, offset_of!(tpacket3_hdr, tp_next_offset));
        assert_eq!(SECONDS, offset_of!(tpacket3_hdr, tp_sec));
        assert_eq!(NANOSECONDS, offset_of!(tpacket3_hdr, tp_nsec));
        assert_eq!(KEPT, offset_of!(tpacket3_hdr, tp_snaplen));
        assert_eq!(LENGTH, offset_of!(tpacket3_hdr, tp_len));
        assert_eq!(FLAGS, offset_of!(tpacket3_hdr, tp_status));
        assert_eq!(BEGINS, offset_of!(tpacket3_hdr, tp_mac));
        let tags = offset_of!(tpacket3_hdr, hv1);
        assert_eq!(TAG, tags + offset_of!(tpacket_hdr_variant1, tp_vlan_tci));
        assert_eq!(TAG_KIND, tags + offset_of!(tpacket_hdr_variant1, tp_vlan_tpid));
        assert_eq!(ADDRESS, libc::TPACKET3_HDRLEN - size_of::<sockaddr_ll>());
        assert_eq!(INDEX, ADDRESS + offset_of!(sockaddr_ll, sll_ifindex));
        assert_eq!(HARDWARE, ADDRESS + offset_of!(sockaddr_ll, sll_hatype));
        assert_eq!(WAY, ADDRESS + offset_of!(sockaddr_ll, sll_pkttype));
    }

    fn put(block: &mut [u8], at: usize, value: u32) {
        block[at..at + 4].copy_from_slice(&value.to_ne_bytes());
    }

    /// A block with one frame of 16 bytes at 128.
    fn block(flags: u32) -> Vec<u8> {
        let mut block = vec![0; 256];
        put(&mut block, FRAMES, 1);
        put(&mut block, FIRST, 48);
        for (field, value) in
            [(SECONDS, 7), (NANOSECONDS, 9), (KEPT, 16), (LENGTH, 99), (FLAGS, flags), (BEGINS, 80)]
        {
            put(&mut block, 48 + field, value);
        }
        put(&mut block, 48 + TAG, 42);
        put(&mut block, 48 + TAG_KIND, 0x8100);
        put(&mut block, 48 + INDEX, 12);
        put(&mut block, 48 + HARDWARE, 1 | 4 << 16);
        for (place, byte) in block[128..144].iter_mut().enumerate() {
            *byte = place as u8;
        }
        block
    }

    #[test]
    fn a_frame_is_read_with_what_the_kernel_says_of_it() {
        let raw = frames(&block(TP_STATUS_CSUMNOTREADY)).remove(0);
        assert_eq!((raw.index, raw.is_loopback(), raw.is_outgoing()), (12, false, true));
        let heard = raw.heard(3);
        assert_eq!((heard.interface, heard.time, heard.original), (3, 7_000_000_009, 99));
        assert_eq!((heard.direction, heard.sum), (Direction::Out, Sum::Open));
        assert_eq!(heard.bytes, (0..16).collect::<Vec<u8>>());
    }

    #[test]
    fn a_tag_that_the_kernel_took_out_is_put_back() {
        let heard = frames(&block(TP_STATUS_VLAN_VALID)).remove(0).heard(0);
        assert_eq!(heard.bytes[10..18], [10, 11, 0x81, 0, 0, 42, 12, 13]);
        assert_eq!((heard.bytes.len(), heard.original, heard.sum), (20, 103, Sum::Final));
    }

    proptest! {
        #[test]
        fn no_block_is_read_past_its_end(bytes in proptest::collection::vec(any::<u8>(), 0..400), count in 0..5u32) {
            let mut bytes = bytes;
            if bytes.len() > FRAMES + 4 {
                put(&mut bytes, FRAMES, count);
            }
            prop_assert!(frames(&bytes).len() <= count.max(u32::from(bytes.len() > FRAMES + 4)) as usize || bytes.len() <= FRAMES + 4);
        }
    }
}
