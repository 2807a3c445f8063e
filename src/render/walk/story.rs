//! A walk in words, for every view of it: text, step by step, JSON, diagrams and pages say the same.

use std::net::IpAddr;

use serde::Serialize;

use crate::probe::Outcome;
use crate::render::Endpoint;

/// Everything that a walk has to say; as JSON, `netlab.walk/1`.
#[derive(Debug, Clone, Serialize)]
pub struct Story {
    /// The lab.
    pub lab: String,
    /// Its data path.
    pub data_path: &'static str,
    /// Who sent the packet.
    pub from: String,
    /// For whom, as it was asked for.
    pub to: String,
    /// For which address.
    pub target: IpAddr,
    /// `icmp`, `udp:9`, `tcp:80`
    pub probe: String,
    /// `an ICMP echo request`
    pub what: String,
    /// Whether it was captured, or only foretold.
    pub origin: Origin,
    /// What the sender's own socket heard; none of what is foretold.
    pub outcome: Option<Outcome>,
    /// The packet's way, the answer's, and those of ICMP errors, in this order.
    pub ways: Vec<Way>,
    /// Questions for a neighbour that nobody answered.
    pub unanswered: Vec<String>,
    /// How much happened.
    pub counts: CountsTold,
    /// One line: what came of it.
    pub verdict: String,
    /// Whether the packet went where the kernels' tables say.
    pub prediction: Option<Agreement>,
    /// Where it was lost, and why, if it was.
    pub lost: Option<Lost>,
}

/// Where a walk comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// A real packet was captured.
    Captured,
    /// The kernels' tables say so; nothing was sent.
    Predicted,
}

/// Which packet a way is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WayKind {
    /// The packet that was sent.
    Request,
    /// Its answer.
    Reply,
    /// An ICMP error about either.
    Error,
}

/// The way of one packet.
#[derive(Debug, Clone, Serialize)]
pub struct Way {
    /// Which packet.
    pub kind: WayKind,
    /// What it is: `ICMP echo request`.
    pub what: String,
    /// The interfaces that it crossed, in order.
    pub steps: Vec<StepTold>,
}

/// The packet at one interface.
#[derive(Debug, Clone, Serialize)]
pub struct StepTold {
    /// Counted from 1 through the whole walk.
    pub number: usize,
    /// The namespace.
    pub place: String,
    /// What kind of place that is: `pod`, `node`, `router`, `external`, `fabric`.
    pub kind: &'static str,
    /// The interface there; of a segment, its switch.
    pub interface: String,
    /// Of a segment that the packet crosses: the ports by which it came and left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ports: Option<[String; 2]>,
    /// Which way it went there.
    pub direction: Heading,
    /// Nanoseconds after the first step of the walk.
    pub after_ns: u64,
    /// What the interface is there for: `pod1's cable, a port of cbr0`.
    pub role: String,
    /// The frame's length in bytes.
    pub bytes: usize,
    /// In how many pieces the packet passes here: one, unless it was taken apart; then this is the first of them.
    pub pieces: usize,
    /// What the frame consists of, outermost first: more than one where packets are wrapped in each other.
    pub layers: Vec<LayerTold>,
    /// From whom and for whom the frame is on its link: `pod1 → node1 cbr0`.
    pub macs: Option<String>,
    /// What is new since the step before.
    pub changes: Vec<ChangeTold>,
    /// What the place's kernel says about why the packet is here: asked from it, not captured.
    pub asked: Vec<Told>,
    /// Neighbours that the place asked for before it could send this on: `ARP: who has 10.244.1.1? node1 cbr0`.
    pub questions: Vec<String>,
    /// Who else got a copy, because a switch did not know where to: `node1 veth0123`.
    pub copies: Vec<String>,
    /// Which of the captured frames this is; none of what is foretold.
    #[serde(skip)]
    pub frame: Option<usize>,
}

/// Which way a packet goes at a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Heading {
    /// It comes in.
    In,
    /// It leaves.
    Out,
    /// It crosses a segment, from one of its ports to another.
    Through,
}

impl Heading {
    /// As it is printed.
    pub fn word(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
            Self::Through => "through",
        }
    }
}

/// One packet of those that are wrapped in each other.
#[derive(Debug, Clone, Serialize)]
pub struct LayerTold {
    /// Its Ethernet addresses, from whom and for whom, if it has any.
    pub ethernet: Option<[Mac; 2]>,
    /// Its IP header; none of ARP and its like.
    pub ip: Option<IpTold>,
    /// What IP carries: `ICMP echo request`, `UDP 40000 → 9`, `VXLAN 1`.
    pub carries: String,
    /// Bytes from its beginning to the frame's end.
    pub bytes: usize,
}

/// An Ethernet address, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mac {
    /// `0a:58:0a:f4:01:02`
    pub address: String,
    /// `pod1`, `node1 cbr0`, `everybody`
    pub owner: Option<String>,
}

/// What an IP header says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IpTold {
    /// From whom.
    pub from: Endpoint,
    /// For whom.
    pub to: Endpoint,
    /// TTL or hop limit.
    pub ttl: u8,
    /// The packet's length in bytes.
    pub length: usize,
    /// Whether no router may take it apart.
    pub dont_fragment: bool,
}

/// Something that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangeTold {
    /// What kind of change.
    pub kind: ChangeKind,
    /// In words: `TTL 64 → 63`.
    pub text: String,
}

/// What kind of change something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// Other Ethernet addresses.
    Macs,
    /// Counted down.
    Ttl,
    /// Another source.
    Source,
    /// Another target.
    Target,
    /// Put into another packet.
    Wrapped,
    /// Taken out of one.
    Unwrapped,
}

/// Something that a kernel says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    /// What it is about: `route`, `neighbour`, `fdb`, `setting`, `nft`.
    pub about: &'static str,
    /// In words.
    pub text: String,
}

/// How much happened on the way there and back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CountsTold {
    /// How often a router passed the packet on.
    pub routers: usize,
    /// How often an address was translated.
    pub translations: usize,
    /// How often it was wrapped in another packet.
    pub encapsulations: usize,
    /// How often a neighbour was asked for.
    pub questions: usize,
}

/// Whether a packet went where it was expected to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Agreement {
    /// Whether every interface was as foretold, in order, with what changed there.
    pub agrees: bool,
    /// Where it is not: a line for each.
    pub differences: Vec<String>,
    /// The steps that were foretold instead, from the first difference on.
    pub expected: Vec<String>,
}

/// Where a packet was lost, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lost {
    /// The last step at which it was seen; none if it was never sent.
    pub after_step: Option<usize>,
    /// The place that had it last, or should have sent it.
    pub place: String,
    /// `node1 eth0 received it, nothing left node1`
    pub text: String,
    /// What the kernel there counted and says.
    pub evidence: Vec<String>,
    /// The likely cause.
    pub cause: Option<String>,
    /// The commands that would show it.
    pub show: Vec<String>,
    /// The commands that would mend it.
    pub mend: Vec<String>,
}
