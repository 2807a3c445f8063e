//! PURE. One packet's way, from the frames that were captured at every interface that it crossed.
//!
//! Frames come from all namespaces, with whatever else passed at the time. Those that carry the packet, its answer, an
//! ICMP error about either, or a question for a neighbour on their behalf are found, put in order, and compared each with
//! the one before: what changed from step to step is what the kernel did to the packet.

mod change;
mod counters;
mod fold;
mod neighbour;
mod packet;
mod predict;
mod said;
mod sockets;
mod tell_apart;
#[cfg(test)]
mod tests;
mod wiring;

use std::net::IpAddr;

pub use change::Change;
pub use counters::{Counters, Risen, Weight};
pub use fold::{Wiring, fold};
pub use neighbour::{Asked, Protocol};
pub use packet::{Carries, Ends, Layer, Packet};
pub use predict::{Ending, Halt, Path, Prediction, Sending, predict};
pub use sockets::is_listened_to;
pub use wiring::{Role, Wires};

use crate::packet::decode::Start;

/// A frame that was captured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// The namespace.
    pub place: String,
    /// The interface there.
    pub interface: String,
    /// Which way it went.
    pub direction: Direction,
    /// Nanoseconds since 1970.
    pub time: u64,
    /// What its bytes begin with.
    pub start: Start,
    /// All of it.
    pub bytes: Vec<u8>,
}

/// Which way a frame went, as an interface sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// It left.
    Out,
    /// It came in, for this interface or for everybody.
    In,
    /// It came in, and its Ethernet address is another's. Of a bridge's port that says nothing: a port is nobody's target.
    InForOther,
}

/// What is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// The address that it is sent to.
    pub to: IpAddr,
    /// How it can be told from all others.
    pub mark: Mark,
}

/// How a packet can be told from all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// An echo request whose data begins with this number.
    Echo(u64),
    /// A datagram to this port whose data begins with this number.
    Udp(u16, u64),
    /// The beginning of a connection to this port, from this one.
    Tcp {
        /// The port that it goes to.
        to: u16,
        /// The port that it comes from, as its sender knows it.
        from: u16,
    },
}

/// One packet's way and its answer's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Walk {
    /// The packet itself.
    pub request: Vec<Step>,
    /// What answered it: an echo reply, a datagram, an acknowledgment or a reset.
    pub reply: Vec<Step>,
    /// ICMP errors about either, in the order in which they were sent.
    pub errors: Vec<Vec<Step>>,
    /// Who asked for a neighbour while the packet was under way, and got no answer.
    pub unanswered: Vec<(String, Asked)>,
    /// Frames that are no steps, and belong to all this nevertheless.
    pub asides: Vec<Aside>,
}

/// A frame that is no step of a walk, and belongs to it nevertheless.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aside {
    /// Which of the sightings.
    pub frame: usize,
    /// What it has to do with the walk.
    pub what: Beside,
}

/// What a frame that is no step has to do with a walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Beside {
    /// A switch made it, which did not know where to.
    Copy(Part),
    /// Another piece of a packet that was taken apart.
    Piece(Part),
    /// The same packet once more: its sender repeated it, or it was doubled on its way.
    Again(Part),
    /// That place asked a neighbour.
    Question(String, Asked),
    /// That place got an answer.
    Answer(String, Asked),
}

/// Which of a walk's packets something is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The packet itself.
    Request,
    /// What answered it.
    Reply,
    /// An ICMP error about either.
    Error,
}

/// The packet at one interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The namespace.
    pub place: String,
    /// The interface there.
    pub interface: String,
    /// Which way it went.
    pub direction: Direction,
    /// Nanoseconds after the first step of the walk.
    pub after: u64,
    /// What it was.
    pub packet: Packet,
    /// What is new since the step before.
    pub changes: Vec<Change>,
    /// What the place asked its neighbours before it could send this on.
    pub asked: Vec<Asked>,
    /// Others who got a copy, since a switch did not know where to: place and interface.
    pub copies: Vec<(String, String)>,
    /// Which of the sightings this is; none of what is foretold.
    pub frame: Option<usize>,
    /// In how many pieces the packet passed: one, unless it had been taken apart; then this is the first.
    pub pieces: usize,
}

/// What a walk comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// How often a router passed the packet on.
    pub routers: usize,
    /// How often an address of it was translated.
    pub translations: usize,
    /// How often it was wrapped in another packet.
    pub encapsulations: usize,
    /// How often a neighbour was asked for.
    pub questions: usize,
}

impl Walk {
    /// What happened on the way there and back.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for step in self.request.iter().chain(&self.reply) {
            counts.questions += step.asked.len();
            for change in &step.changes {
                match change {
                    Change::Ttl { .. } => counts.routers += 1,
                    Change::Source { .. } | Change::Target { .. } => counts.translations += 1,
                    Change::Wrapped { .. } => counts.encapsulations += 1,
                    _ => {}
                }
            }
        }
        counts
    }
}
