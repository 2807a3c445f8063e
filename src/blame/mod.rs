//! PURE. Why a packet does not arrive, from what the kernel says of itself along the way.
//!
//! A packet is followed from place to place as each kernel would send it, there and back, and the first thing that is not
//! as it must be is blamed. Nothing is guessed: what no look-up shows, a packet filter within a place for one, is not blamed.

mod cause;
mod facts;
mod filter;
mod follow;
mod length;
mod map;
mod mend;
mod outside;
#[cfg(test)]
mod tests;
mod tunnel;
mod wire;
mod words;

#[cfg(test)]
pub(crate) use tests::world;

use std::fmt;
use std::net::IpAddr;

use crate::model::Lab;
use follow::Walk;

pub use cause::{Cause, Named, Routes};
pub use facts::{
    Decision, Facts, Forward, Link, Neighbour, Packet, Peer, Route, Rule, State, Switched, Tunnel, Wraps,
};
pub use map::Planned;

/// What was found out about one pair of places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The route look-ups that were made, in order.
    pub lookups: Vec<LookUp>,
    /// What is wrong; `None` where every look-up on the way is in order.
    pub blame: Option<Blame>,
}

/// One route look-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookUp {
    /// Which packet it is about.
    pub way: Way,
    /// The place that was asked.
    pub place: String,
    /// What it said: `10.244.2.3 via 10.244.1.1 (node1 cbr0) dev eth0 src 10.244.1.2`.
    pub text: String,
}

/// Which packet something is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the source to the target.
    There,
    /// The target's answer.
    Back,
}

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blame {
    /// Whether the packet or its answer is lost.
    pub way: Way,
    /// The place at which it is lost.
    pub place: String,
    /// Why.
    pub cause: Cause,
    /// Commands that would mend it, in order; none where none is known.
    pub mend: Vec<String>,
}

/// Follows a packet from a place to an address, and its answer back.
pub fn blame(lab: &Lab, from: &str, to: IpAddr, facts: &mut dyn Facts) -> Verdict {
    let mut walk = Walk::new(lab, facts);
    let blame = walk.there_and_back(from, to);
    Verdict { lookups: walk.lookups, blame }
}

impl fmt::Display for Blame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let back = if self.way == Way::Back { "on the way back, " } else { "" };
        write!(f, "{back}{}", self.cause.text(&self.place))
    }
}
