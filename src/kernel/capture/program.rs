//! What the kernel asks of each frame before it finds room for it: a program of classic BPF (`linux/filter.h`).

use libc::{
    BPF_ABS, BPF_ALU, BPF_AND, BPF_B, BPF_H, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W, SKF_AD_HATYPE,
    SKF_AD_IFINDEX, SKF_AD_OFF,
};
use socket2::SockFilter;

use super::KeptAway;
use super::ring::Size;

const LOAD_WORD: u16 = (BPF_LD | BPF_W | BPF_ABS) as u16;
const LOAD_SHORT: u16 = (BPF_LD | BPF_H | BPF_ABS) as u16;
const LOAD_BYTE: u16 = (BPF_LD | BPF_B | BPF_ABS) as u16;
const AND: u16 = (BPF_ALU | BPF_AND | BPF_K) as u16;
const IF_EQUAL: u16 = (BPF_JMP | BPF_JEQ | BPF_K) as u16;
const RETURN: u16 = (BPF_RET | BPF_K) as u16;

/// Where a program finds the index, and the hardware type, of the frame's interface.
const INTERFACE: u32 = (SKF_AD_OFF + SKF_AD_IFINDEX) as u32;
const HARDWARE: u32 = (SKF_AD_OFF + SKF_AD_HATYPE) as u32;

/// Where an Ethernet frame has its type, IPv4 its place in a fragmented packet and its protocol, IPv6 its next header.
const TYPE: u32 = 12;
const FRAGMENT: u32 = 14 + 6;
const PROTOCOL: u32 = 14 + 9;
const NEXT_HEADER: u32 = 14 + 6;
const TCP: u32 = 6;

fn step(code: u16, value: u32) -> SockFilter {
    SockFilter::new(code, 0, 0, value)
}

/// Goes over so many steps if the value is this one, and over so many others if not.
fn if_equal(value: u32, then: u8, otherwise: u8) -> SockFilter {
    SockFilter::new(IF_EQUAL, then, otherwise, value)
}

/// The end: so many bytes of the frame are wanted.
fn keep(bytes: usize) -> SockFilter {
    step(RETURN, u32::try_from(bytes).unwrap_or(u32::MAX))
}

/// The program for frames of these interfaces, or of all.
pub(super) fn program(indices: Option<&[u32]>, size: &Size) -> Vec<SockFilter> {
    let mut program = match size.kept_away {
        KeptAway::Nothing => Vec::new(),
        KeptAway::PlainTcp => without_plain_tcp(),
    };
    if let Some(indices) = indices {
        program.push(step(LOAD_WORD, INTERFACE));
        for index in indices {
            // On to the next step, or over it: jumps are short, and there may be many interfaces.
            program.push(if_equal(*index, 0, 1));
            program.push(keep(size.snap));
        }
        program.push(keep(0));
    } else {
        program.push(keep(size.snap));
    }
    program
}

/// Ends for plain TCP, and goes on after its last step for everything else. What is not the beginning of a packet goes on,
/// too: no TCP header is in it.
fn without_plain_tcp() -> Vec<SockFilter> {
    vec![
        // Loopback and Ethernet; frames of other hardware have no Ethernet header.
        step(LOAD_SHORT, HARDWARE),
        if_equal(u32::from(libc::ARPHRD_ETHER), 1, 0),
        if_equal(u32::from(libc::ARPHRD_LOOPBACK), 0, 11),
        step(LOAD_SHORT, TYPE),
        if_equal(libc::ETH_P_IP as u32, 0, 5),
        step(LOAD_SHORT, FRAGMENT),
        step(AND, 0x1fff),
        if_equal(0, 0, 6),
        step(LOAD_BYTE, PROTOCOL),
        if_equal(TCP, 3, 4),
        if_equal(libc::ETH_P_IPV6 as u32, 0, 3),
        step(LOAD_BYTE, NEXT_HEADER),
        if_equal(TCP, 0, 1),
        keep(0),
    ]
}
