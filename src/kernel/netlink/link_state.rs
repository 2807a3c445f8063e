//! Whether interfaces can send.
//!
//! Right after a cable was made its link state is still to be worked off, and what is sent on it meanwhile is dropped: the
//! first packet of one lab in three would wait a second for its answer.

use netlink_packet_core::NLM_F_REQUEST;
use nix::errno::Errno;

use super::{Connection, ERROR, HEADER, u16_at, u32_at};
use crate::kernel::error::{Error, Result};

/// How many links are asked for at once: each answer takes about a kilobyte of the receive buffer.
const QUESTIONS: usize = 50;
/// `RTM_GETLINK`, and the length of its `ifinfomsg`.
const GET_LINK: u16 = 18;
const LINK_HEADER: usize = 16;
/// `IFLA_OPERSTATE`, `IFLA_EXT_MASK` and `RTEXT_FILTER_SKIP_STATS` (linux/if_link.h, linux/rtnetlink.h).
const OPERATIONAL_STATE: u16 = 16;
const EXTENDED_MASK: u16 = 29;
const SKIP_STATISTICS: u32 = 8;

/// The state that an interface is to come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kernel) enum Awaited {
    /// It can send.
    Up,
    /// The kernel has made up its mind: a switch without a port is down.
    Known,
}

impl Awaited {
    /// `IF_OPER_UNKNOWN` is 0, `IF_OPER_UP` is 6 (linux/if.h).
    fn is(self, state: u8) -> bool {
        match self {
            Self::Up => state == 6,
            Self::Known => state != 0,
        }
    }
}

/// Asks for one interface, without its statistics.
fn link_question(sequence: u32, index: u32) -> Vec<u8> {
    let length = (HEADER + LINK_HEADER + 8) as u32;
    let mut bytes = Vec::with_capacity(length as usize);
    bytes.extend(length.to_ne_bytes());
    bytes.extend(GET_LINK.to_ne_bytes());
    bytes.extend(NLM_F_REQUEST.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend([0; 8]);
    bytes.extend(index.to_ne_bytes());
    bytes.extend([0; 8]);
    bytes.extend(8u16.to_ne_bytes());
    bytes.extend(EXTENDED_MASK.to_ne_bytes());
    bytes.extend(SKIP_STATISTICS.to_ne_bytes());
    bytes
}

/// `IFLA_OPERSTATE` of a link message.
fn operational_state(message: &[u8]) -> Option<u8> {
    let mut rest = message.get(HEADER + LINK_HEADER..)?;
    while let (Some(length), Some(kind)) = (u16_at(rest, 0), u16_at(rest, 2)) {
        let length = usize::from(length).max(4);
        if kind == OPERATIONAL_STATE {
            return rest.get(4).copied();
        }
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    None
}

impl Connection {
    /// Whether the state of all these interfaces, given by index, is as awaited, having made the kernel bring it up to date
    /// where it lets itself be made to (`rtnl_getlink()` does so since Linux 6.8; before, it is done when the kernel gets
    /// round to it).
    pub(in crate::kernel) fn are_settled(&mut self, links: &[(u32, Awaited)]) -> Result<bool> {
        let mut settled = true;
        for some in links.chunks(QUESTIONS) {
            settled &= self.some_are_settled(some)?;
        }
        Ok(settled)
    }

    fn some_are_settled(&mut self, links: &[(u32, Awaited)]) -> Result<bool> {
        let first = self.sequence;
        self.sequence = first.wrapping_add(u32::try_from(links.len()).unwrap_or(0));
        let questions: Vec<u8> =
            (first..).zip(links).flat_map(|(sequence, (index, _))| link_question(sequence, *index)).collect();
        self.socket.send(&questions, 0).map_err(Error::io("asking for link state"))?;
        let (mut answered, mut settled) = (0, true);
        let mut buffer = Vec::with_capacity(8192);
        while answered < links.len() {
            buffer.clear();
            self.socket.recv(&mut buffer, 0).map_err(Error::io("waiting for link state"))?;
            let mut rest = buffer.as_slice();
            while let (Some(length), Some(kind), Some(sequence)) =
                (u32_at(rest, 0), u16_at(rest, 4), u32_at(rest, 8))
            {
                let length = (length as usize).max(HEADER);
                let message = rest.get(..length).unwrap_or_default();
                rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
                let Some((index, awaited)) = links.get(sequence.wrapping_sub(first) as usize) else {
                    continue;
                };
                answered += 1;
                if kind == ERROR {
                    let errno =
                        Errno::from_raw(u32_at(message, HEADER).map_or(0, |code| -code.cast_signed()));
                    return Err(Error::call(format!("asking for the state of interface {index}"))(errno));
                }
                settled &= operational_state(message).is_some_and(|state| awaited.is(state));
            }
        }
        Ok(settled)
    }
}
