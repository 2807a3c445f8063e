//! Packets as bytes: what to put on the wire, and what came off it.
//!
//! Pure: no socket is opened here and no clock is read.

pub mod checksum;
pub mod decode;
pub mod filter;
pub mod frame;
pub mod heard;
pub mod icmp;
pub mod pcapng;
pub mod stun;

pub use icmp::{EchoRequest, IcmpAnswer, Mark, Ports, Quoted};
