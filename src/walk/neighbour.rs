//! Questions for a neighbour's Ethernet address, which a packet has to wait for.

use std::net::IpAddr;

use super::packet::Read;
use super::{Aside, Beside, Direction, Sighting};
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
    /// Who asked: bridges send on what others ask.
    by: MacAddress,
}

/// What a frame says about neighbours.
#[derive(Debug, Clone, Copy)]
pub(super) enum Word {
    /// From whom, how, and for whom.
    Question(MacAddress, Protocol, IpAddr),
    /// About whom, what, and to whom.
    Answer(IpAddr, MacAddress, MacAddress),
}

/// The questions of all places, each once, with its answer.
#[derive(Default)]
pub(super) struct Questions {
    pub(super) all: Vec<Question>,
    /// The frames that ask and answer, wherever they were seen.
    pub(super) said: Vec<(usize, Word)>,
}

impl Questions {
    /// Takes note of a frame, in the order of time.
    pub(super) fn hear(&mut self, number: usize, sighting: &Sighting, read: &Read<'_>) {
        let word = word(read);
        self.said.extend(word.map(|word| (number, word)));
        match (word, sighting.direction) {
            (Some(Word::Question(by, protocol, whom)), Direction::Out) => {
                // A question is sent on by switches, and repeated until it is answered.
                if self.all.iter().any(|known| known.by == by && known.asked.whom == whom) {
                    return;
                }
                let interface = sighting.interface.clone();
                let asked = Asked { protocol, interface, whom, answer: None };
                self.all.push(Question { place: sighting.place.clone(), time: sighting.time, asked, by });
            }
            (Some(Word::Answer(whom, mac, _)), Direction::In | Direction::InForOther) => {
                let open = self.all.iter_mut().find(|question| {
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

impl Question {
    /// The frames by which it was asked and answered.
    pub(super) fn frames(&self, said: &[(usize, Word)]) -> Vec<Aside> {
        let asked = || (self.place.clone(), self.asked.clone());
        let what = |word: Word| match word {
            Word::Question(by, _, whom) if by == self.by && whom == self.asked.whom => {
                Some(Beside::Question(asked().0, asked().1))
            }
            Word::Answer(whom, _, to) if to == self.by && whom == self.asked.whom => {
                Some(Beside::Answer(asked().0, asked().1))
            }
            _ => None,
        };
        said.iter().filter_map(|(frame, word)| Some(Aside { frame: *frame, what: what(*word)? })).collect()
    }
}

/// A question to one who is known already only makes sure that it is still there, and nothing waits for that.
fn word(read: &Read<'_>) -> Option<Word> {
    let ethernet = read.packet.outer()?.ethernet?;
    read.headers.iter().find_map(|header| match header.kind {
        Kind::Arp(arp) => match arp.operation {
            ArpOperation::Request if ethernet.to.is_multicast() => {
                Some(Word::Question(ethernet.from, Protocol::Arp, arp.target.1.into()))
            }
            ArpOperation::Reply => Some(Word::Answer(arp.sender.1.into(), arp.sender.0, ethernet.to)),
            _ => None,
        },
        Kind::Icmp(icmp) => match icmp.meaning {
            Meaning::NeighbourSolicitation(whom, _) if ethernet.to.is_multicast() => {
                Some(Word::Question(ethernet.from, Protocol::NeighbourDiscovery, whom.into()))
            }
            Meaning::NeighbourAdvertisement(whom, Some(mac)) => {
                Some(Word::Answer(whom.into(), mac, ethernet.to))
            }
            _ => None,
        },
        _ => None,
    })
}
