//! Questions for a neighbour's Ethernet address, which a packet has to wait for.

use std::net::IpAddr;

use super::packet::Read;
use super::{Direction, Sighting};
use crate::packet::decode::{ArpOperation, Kind, MacAddress, Meaning};

/// A question for an Ethernet address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// How it was asked.
    pub protocol: Protocol,
    /// The interface by which it left.
    pub interface: String,
    /// Whose Ethernet address was wanted.
    pub whom: IpAddr,
    /// The answer; none if nobody answered.
    pub answer: Option<MacAddress>,
}

/// How neighbours are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// ARP, of IPv4.
    Arp,
    /// Neighbour discovery, of IPv6.
    NeighbourDiscovery,
}

/// A question with who asked it, and when.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) place: String,
    pub(super) time: u64,
    pub(super) asked: Asked,
}

/// What a frame says about neighbours.
enum Word {
    Question(Protocol, IpAddr),
    Answer(IpAddr, MacAddress),
}

/// The questions of all places, each once, with its answer.
#[derive(Default)]
pub(super) struct Questions(pub(super) Vec<Question>);

impl Questions {
    /// Takes note of a frame, in the order of time. False if it is about something else.
    pub(super) fn hear(&mut self, sighting: &Sighting, read: &Read<'_>) {
        match (word(read), sighting.direction) {
            (Some(Word::Question(protocol, whom)), Direction::Out) => {
                // A bridge's ports send what the bridge has sent; a question is repeated until it is answered.
                let is_known =
                    |question: &&Question| question.place == sighting.place && question.asked.whom == whom;
                if self.0.iter().any(|question| is_known(&question)) {
                    return;
                }
                let interface = sighting.interface.clone();
                let asked = Asked { protocol, interface, whom, answer: None };
                self.0.push(Question { place: sighting.place.clone(), time: sighting.time, asked });
            }
            (Some(Word::Answer(whom, mac)), Direction::In | Direction::InForOther) => {
                let open = self.0.iter_mut().find(|question| {
                    question.place == sighting.place
                        && question.asked.whom == whom
                        && question.asked.answer.is_none()
                });
                if let Some(question) = open {
                    question.asked.answer = Some(mac);
                }
            }
            _ => {}
        }
    }
}

/// A question to one who is known already only makes sure that it is still there, and nothing waits for that.
fn word(read: &Read<'_>) -> Option<Word> {
    let ethernet = read.packet.outer()?.ethernet?;
    read.headers.iter().find_map(|header| match header.kind {
        Kind::Arp(arp) => match arp.operation {
            ArpOperation::Request if ethernet.to.is_multicast() => {
                Some(Word::Question(Protocol::Arp, arp.target.1.into()))
            }
            ArpOperation::Reply => Some(Word::Answer(arp.sender.1.into(), arp.sender.0)),
            _ => None,
        },
        Kind::Icmp(icmp) => match icmp.meaning {
            Meaning::NeighbourSolicitation(whom, _) if ethernet.to.is_multicast() => {
                Some(Word::Question(Protocol::NeighbourDiscovery, whom.into()))
            }
            Meaning::NeighbourAdvertisement(whom, Some(mac)) => Some(Word::Answer(whom.into(), mac)),
            _ => None,
        },
        _ => None,
    })
}
