//! What can be asked of the network, and what an answer looks like.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{DontFragment, Outcome, Trace, TracerouteOptions};

/// One thing to find out: can this place get something from that address?
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Index of the place that asks.
    pub from: usize,
    /// The address that is asked.
    pub to: IpAddr,
    /// How.
    pub attempt: Attempt,
}

/// How something is tried.
#[derive(Clone, Debug, PartialEq)]
pub enum Attempt {
    /// An ICMP echo request.
    Ping {
        /// Payload bytes.
        size: u16,
        /// May routers cut the packet?
        dont_fragment: DontFragment,
    },
    /// The hops on the way.
    Traceroute(TracerouteOptions),
    /// A TCP connection, closed as soon as it is there.
    Tcp {
        /// The port.
        port: u16,
    },
    /// A UDP datagram that wants one back.
    Udp {
        /// The port.
        port: u16,
    },
}

impl Attempt {
    /// A ping as `netlab ping` sends it.
    pub const PING: Self = Self::Ping { size: 56, dont_fragment: DontFragment::Kernel };
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// Of a ping, a TCP connection or a UDP request: a TCP connection that was accepted is a reply.
    Answer(Answer),
    /// Of a traceroute.
    Path(Trace),
}

/// What came of one attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// What came back, and from whom.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// How often it was tried: more than once where silence had to be confirmed.
    pub tries: u8,
}
