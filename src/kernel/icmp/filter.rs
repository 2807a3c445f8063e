//! Classic BPF that lets only answers to one identifier reach a socket.
//!
//! Every raw ICMP socket of a namespace gets every ICMP packet; without this, a hundred probers would wake each other up.

use nix::libc::{
    BPF_ABS, BPF_ADD, BPF_ALU, BPF_AND, BPF_B, BPF_H, BPF_IND, BPF_JEQ, BPF_JGT, BPF_JMP, BPF_K, BPF_LD,
    BPF_LDX, BPF_LSH, BPF_MISC, BPF_MSH, BPF_RET, BPF_TAX, BPF_X,
};
use socket2::SockFilter;

use super::Family;

/// Protocol numbers (IANA).
const TCP: u32 = 6;
const UDP: u32 = 17;
const ICMPV6: u32 = 58;

/// Accepts echo replies and requests with `id`, and errors that quote it.
pub(super) fn answers_to(family: Family, id: u16) -> Vec<SockFilter> {
    match family {
        Family::V4 => answers_to_v4(id.into()),
        Family::V6 => answers_to_v6(id.into()),
    }
}

/// Accepts errors that quote a TCP segment or a UDP datagram.
pub(super) fn errors_of_ports(family: Family) -> Vec<SockFilter> {
    match family {
        Family::V4 => vec![
            /* 0 */ op(BPF_LDX | BPF_B | BPF_MSH, 0), // X: length of the IP header
            /* 1 */ op(BPF_LD | BPF_B | BPF_IND, 0), // ICMP type
            /* 2 */ jump(BPF_JEQ, 3, 2, 0), // destination unreachable
            /* 3 */ jump(BPF_JEQ, 11, 1, 0), // time exceeded
            /* 4 */ jump(BPF_JEQ, 12, 0, 4), // parameter problem
            /* 5 */ op(BPF_LD | BPF_B | BPF_IND, 17), // the quoted protocol
            /* 6 */ jump(BPF_JEQ, TCP, 1, 0),
            /* 7 */ jump(BPF_JEQ, UDP, 0, 1),
            /* 8 */ op(BPF_RET | BPF_K, u32::MAX),
            /* 9 */ op(BPF_RET | BPF_K, 0),
        ],
        Family::V6 => vec![
            /* 0 */ op(BPF_LD | BPF_B | BPF_ABS, 0), // ICMPv6 type
            /* 1 */ jump(BPF_JGT, 4, 4, 0), // errors are 1 to 4
            /* 2 */ jump(BPF_JEQ, 0, 3, 0),
            /* 3 */ op(BPF_LD | BPF_B | BPF_ABS, 14), // the quoted next header
            /* 4 */
            jump(BPF_JEQ, ICMPV6, 1, 0), // TCP, UDP, or an extension header: the parser will see
            /* 5 */ op(BPF_RET | BPF_K, u32::MAX),
            /* 6 */ op(BPF_RET | BPF_K, 0),
        ],
    }
}

/// Sees the packet from its IP header on.
fn answers_to_v4(id: u32) -> Vec<SockFilter> {
    vec![
        /*  0 */ op(BPF_LDX | BPF_B | BPF_MSH, 0), // X: length of the IP header
        /*  1 */ op(BPF_LD | BPF_B | BPF_IND, 0), // ICMP type
        /*  2 */ jump(BPF_JEQ, 0, 11, 0), // echo reply
        /*  3 */ jump(BPF_JEQ, 8, 10, 0), // echo request
        /*  4 */ jump(BPF_JEQ, 3, 2, 0), // destination unreachable
        /*  5 */ jump(BPF_JEQ, 11, 1, 0), // time exceeded
        /*  6 */ jump(BPF_JEQ, 12, 0, 10), // parameter problem
        /*  7 */ op(BPF_LD | BPF_B | BPF_IND, 8), // the quoted IP header's version and length
        /*  8 */ op(BPF_ALU | BPF_AND | BPF_K, 0x0f),
        /*  9 */ op(BPF_ALU | BPF_LSH | BPF_K, 2),
        /* 10 */ op(BPF_ALU | BPF_ADD | BPF_X, 0),
        /* 11 */ op(BPF_MISC | BPF_TAX, 0),
        /* 12 */ op(BPF_LD | BPF_H | BPF_IND, 12), // the quoted identifier
        /* 13 */ jump(BPF_JEQ, id, 2, 3),
        /* 14 */ op(BPF_LD | BPF_H | BPF_IND, 4), // the reply's or request's own identifier
        /* 15 */ jump(BPF_JEQ, id, 0, 1),
        /* 16 */ op(BPF_RET | BPF_K, u32::MAX),
        /* 17 */ op(BPF_RET | BPF_K, 0),
    ]
}

/// Sees the packet from its ICMPv6 header on.
fn answers_to_v6(id: u32) -> Vec<SockFilter> {
    vec![
        /*  0 */ op(BPF_LD | BPF_B | BPF_ABS, 0), // ICMPv6 type
        /*  1 */ jump(BPF_JEQ, 129, 7, 0), // echo reply
        /*  2 */ jump(BPF_JEQ, 128, 6, 0), // echo request
        /*  3 */ jump(BPF_JGT, 4, 8, 0), // errors are 1 to 4
        /*  4 */ jump(BPF_JEQ, 0, 7, 0),
        /*  5 */ op(BPF_LD | BPF_B | BPF_ABS, 14), // the quoted next header
        /*  6 */ jump(BPF_JEQ, 58, 0, 4), // an extension header: the parser will see
        /*  7 */ op(BPF_LD | BPF_H | BPF_ABS, 52), // the quoted identifier
        /*  8 */ jump(BPF_JEQ, id, 2, 3),
        /*  9 */ op(BPF_LD | BPF_H | BPF_ABS, 4), // the reply's or request's own identifier
        /* 10 */ jump(BPF_JEQ, id, 0, 1),
        /* 11 */ op(BPF_RET | BPF_K, u32::MAX),
        /* 12 */ op(BPF_RET | BPF_K, 0),
    ]
}

fn op(code: u32, value: u32) -> SockFilter {
    SockFilter::new(code as u16, 0, 0, value)
}

/// Skips `then` instructions if the accumulator compares true with `value`, else `otherwise`.
fn jump(comparison: u32, value: u32, then: u8, otherwise: u8) -> SockFilter {
    SockFilter::new((BPF_JMP | comparison | BPF_K) as u16, then, otherwise, value)
}
