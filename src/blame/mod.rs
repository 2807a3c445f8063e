//! PURE. Why a packet does not arrive, from what the kernel says of itself along the way.
//!
//! A packet is followed from place to place as each kernel would send it, there and back, and the first thing that is not
//! as it must be is blamed. Nothing is guessed: what no look-up shows for certain is a suspicion, for when all else is in order.

mod cause;
mod facts;
mod filter;
mod follow;
mod length;
mod map;
mod mend;
mod outside;
mod refused;
mod show;
mod size;
mod stack;
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
    Decision, Facts, FilterChain, FilterRule, Forward, Link, Neighbour, Packet, Peer, Route, Rule, Stage,
    State, Switched, Tunnel, Wraps,
};
pub use map::Planned;

/// What was found out about one pair of places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The route look-ups that were made, in order.
    pub lookups: Vec<LookUp>,
    /// What is wrong; `None` where every look-up on the way is in order.
    pub blame: Option<Blame>,
    /// How sure that is.
    pub certainty: Certainty,
}

/// How sure it is that what was found to be wrong is what loses the packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certainty {
    /// The packet cannot pass it.
    Certain,
    /// It may be the reason: no look-up shows that it is.
    Suspected,
}

/// What packet it is that gets no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sent {
    /// Bytes that it has with its IP header, where that is known.
    pub bytes: Option<u32>,
    /// Whether nobody may take it apart.
    pub whole: bool,
    /// What kind of packet it is.
    pub kind: SentKind,
    /// The number of IP's protocol, where it is known, and the port that the packet goes to, if it has one.
    pub about: Option<(u8, Option<u16>)>,
}

/// What kind of packet gets no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SentKind {
    /// An echo request, which some places are told not to answer.
    #[default]
    Echo,
    /// Anything else.
    Other,
}

/// One route look-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookUp {
    /// Which packet it is about.
    pub way: Way,
    /// The place that was asked.
    pub place: String,
    /// The packet that it was asked about.
    pub packet: Packet,
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

/// Follows a small packet from a place to an address, and its answer back.
pub fn blame(lab: &Lab, from: &str, to: IpAddr, facts: &mut dyn Facts) -> Verdict {
    blame_for(lab, from, to, Sent::default(), facts)
}

/// The same for a packet of which more is known.
pub fn blame_for(lab: &Lab, from: &str, to: IpAddr, sent: Sent, facts: &mut dyn Facts) -> Verdict {
    let mut walk = Walk::new(lab, sent, facts);
    let (blame, certainty) = walk.there_and_back(from, to);
    Verdict { lookups: walk.lookups, blame, certainty }
}

impl Verdict {
    /// Commands that show a student what is wrong, without changing anything.
    pub fn show(&self) -> Vec<String> {
        self.blame.as_ref().map(|blame| show::show(blame, &self.lookups)).unwrap_or_default()
    }
}

impl fmt::Display for Blame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let back = if self.way == Way::Back { "on the way back, " } else { "" };
        write!(f, "{back}{}", self.cause.text(&self.place))
    }
}
