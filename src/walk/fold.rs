//! From frames to steps.

use super::change::changes;
use super::neighbour::{Question, Questions};
use super::packet::{Layer, Packet, Read};
use super::tell_apart::{Class, Teller, is_later_piece};
use super::{Aside, Beside, Direction, Part, Probe, Sighting, Step, Walk};

/// How the interfaces of a lab hang together.
pub trait Wiring {
    /// The other end of an interface's cable: its place and name.
    fn peer(&self, place: &str, interface: &str) -> Option<(&str, &str)>;

    /// Whether an interface is a port of a bridge: no frame is for a port itself.
    fn is_port(&self, place: &str, interface: &str) -> bool;
}

/// A frame that has to do with the packet.
struct Found<'a> {
    /// Which one.
    number: usize,
    sighting: &'a Sighting,
    packet: Packet,
}

impl Found<'_> {
    /// Whether the same packet passed the same interface before. One that goes round in circles is counted down each time.
    fn is_repeated_by(&self, later: &Self) -> bool {
        let here = |found: &Self| {
            let Sighting { place, interface, direction, .. } = found.sighting;
            let ttl = found.packet.inner().and_then(|layer| layer.ip).map(|ip| ip.ttl);
            (place.clone(), interface.clone(), *direction, ttl, found.packet.layers.len())
        };
        here(self) == here(later)
    }
}

/// Finds the way of a packet and its answer in everything that was captured meanwhile.
pub fn fold(probe: Probe, sightings: &[Sighting], wiring: &dyn Wiring) -> Walk {
    let mut order: Vec<(usize, &Sighting)> = sightings.iter().enumerate().collect();
    order.sort_by_key(|(_, sighting)| sighting.time);
    let mut teller = Teller::new(probe);
    let mut questions = Questions::default();
    let mut found: Vec<(Class, Vec<Found<'_>>)> = Vec::new();
    let mut pieces: Vec<(Class, &Sighting)> = Vec::new();
    let mut asides = Vec::new();
    for (number, sighting) in order {
        let read = Read::new(sighting);
        questions.hear(number, sighting, &read);
        let Some(class) = teller.class(sighting, &read) else { continue };
        // Of a packet that was taken apart, the first piece is followed; the others are counted.
        if is_later_piece(&read) {
            pieces.push((class, sighting));
            asides.push(Aside { frame: number, what: Beside::Piece(part(class)) });
            continue;
        }
        let one = Found { number, sighting, packet: read.packet };
        match found.iter_mut().find(|(other, _)| *other == class) {
            Some((_, those)) if those.iter().any(|other| other.is_repeated_by(&one)) => {
                asides.push(Aside { frame: number, what: Beside::Again(part(class)) });
            }
            Some((_, those)) => those.push(one),
            None => found.push((class, vec![one])),
        }
    }
    let start = found.iter().flat_map(|(_, those)| those).map(|one| one.sighting.time).min().unwrap_or(0);
    let mut walk = Walk { asides, ..Walk::default() };
    for (class, those) in found {
        let path = Path { found: those, wiring, start };
        let way = path.way();
        walk.asides.extend(path.copies(&way, part(class)));
        let steps = path.steps(&way, &mut questions, &mut walk.asides);
        let steps = with_pieces(steps, class, &pieces);
        match class {
            Class::Request => walk.request = steps,
            Class::Reply => walk.reply = steps,
            Class::Error(..) => walk.errors.push(steps),
        }
    }
    let last = walk.reply.last().or(walk.request.last()).map(|step| step.place.clone());
    let is_back = last.is_some()
        && !walk.reply.is_empty()
        && last == walk.request.first().map(|step| step.place.clone());
    // Whoever else asks meanwhile has reasons of their own.
    let is_ours = |question: &&Question| {
        question.asked.answer.is_none()
            && !is_back
            && last.as_ref().is_none_or(|last| *last == question.place)
    };
    for question in questions.all.iter().filter(is_ours) {
        walk.unanswered.push((question.place.clone(), question.asked.clone()));
        walk.asides.extend(question.frames(&questions.said));
    }
    walk
}

fn part(class: Class) -> Part {
    match class {
        Class::Request => Part::Request,
        Class::Reply => Part::Reply,
        Class::Error(..) => Part::Error,
    }
}

fn with_pieces(mut steps: Vec<Step>, class: Class, pieces: &[(Class, &Sighting)]) -> Vec<Step> {
    for step in &mut steps {
        let is_here = |(other, sighting): &&(Class, &Sighting)| {
            *other == class
                && sighting.place == step.place
                && sighting.interface == step.interface
                && sighting.direction == step.direction
        };
        step.pieces += pieces.iter().filter(is_here).count();
    }
    steps
}

/// The frames of one packet, in the order of time.
struct Path<'a> {
    found: Vec<Found<'a>>,
    wiring: &'a dyn Wiring,
    start: u64,
}

impl Path<'_> {
    fn steps(&self, way: &[usize], questions: &mut Questions, asides: &mut Vec<Aside>) -> Vec<Step> {
        let Questions { all: questions, said } = questions;
        let mut steps: Vec<Step> = Vec::with_capacity(way.len());
        for (number, at) in way.iter().enumerate() {
            let Found { number: frame, sighting, packet, .. } = &self.found[*at];
            let before = number.checked_sub(1).map(|before| &self.found[way[before]].packet);
            steps.push(Step {
                place: sighting.place.clone(),
                interface: sighting.interface.clone(),
                direction: sighting.direction,
                after: sighting.time - self.start,
                packet: packet.clone(),
                changes: before.map(|before| changes(before, packet)).unwrap_or_default(),
                asked: Vec::new(),
                copies: Vec::new(),
                frame: Some(*frame),
                pieces: 1,
            });
        }
        for step in &mut steps {
            let to = step.packet.outer().and_then(Layer::macs).map(|(_, to)| to);
            let waits = |question: &mut Question| {
                step.direction == Direction::Out
                    && question.place == step.place
                    && question.time <= self.start + step.after
                    && question.asked.answer.is_some()
                    && question.asked.answer == to
            };
            for question in questions.extract_if(.., waits) {
                asides.extend(question.frames(said));
                step.asked.push(question.asked);
            }
        }
        for (at, Found { sighting, .. }) in self.found.iter().enumerate() {
            if !way.contains(&at) && self.is_for_other(sighting) {
                let before = steps.iter_mut().rfind(|step| self.start + step.after <= sighting.time);
                let copy = (sighting.place.clone(), sighting.interface.clone());
                before.into_iter().for_each(|step| step.copies.push(copy.clone()));
            }
        }
        steps
    }

    /// The frames that are not on the way: a switch that does not know where to makes copies.
    fn copies(&self, way: &[usize], part: Part) -> Vec<Aside> {
        let others = self.found.iter().enumerate().filter(|(at, _)| !way.contains(at));
        others.map(|(_, found)| Aside { frame: found.number, what: Beside::Copy(part) }).collect()
    }

    /// The frames on the way, from the first to the last, and none of the copies that a switch makes when it does not know
    /// where to: each frame is led back to the one that it came from, beginning with the last.
    fn way(&self) -> Vec<usize> {
        let before: Vec<Option<usize>> = (0..self.found.len()).map(|at| self.before(at)).collect();
        let mut way = Vec::new();
        let mut at = self.end(&before);
        while let Some(here) = at.filter(|here| !way.contains(here)) {
            way.push(here);
            at = before[here];
        }
        way.reverse();
        way
    }

    /// The last frame of the way, of all that no other came from: the one that somebody took, or else the last that was not
    /// dropped for being another's.
    fn end(&self, before: &[Option<usize>]) -> Option<usize> {
        let is_end = |at: &usize| !before.contains(&Some(*at));
        let is_taken = |at: &usize| {
            let Sighting { place, interface, direction, .. } = self.found[*at].sighting;
            *direction == Direction::In && !self.wiring.is_port(place, interface)
        };
        let mut all = 0..self.found.len();
        let mut ends = (0..self.found.len()).filter(is_end);
        let taken = ends.clone().rev().find(is_taken);
        let own = |at: &usize| !self.is_for_other(self.found[*at].sighting);
        taken.or_else(|| ends.rfind(own)).or_else(|| all.rfind(own))
    }

    /// Whether a frame was dropped by who got it, because it is another's.
    fn is_for_other(&self, sighting: &Sighting) -> bool {
        sighting.direction == Direction::InForOther
            && !self.wiring.is_port(&sighting.place, &sighting.interface)
    }

    /// The frame that one came from; where that was not captured, the one before it in time.
    fn before(&self, at: usize) -> Option<usize> {
        self.cause(at).or_else(|| (0..at).rfind(|other| !self.is_for_other(self.found[*other].sighting)))
    }

    fn cause(&self, at: usize) -> Option<usize> {
        let Sighting { place, interface, direction, time, .. } = self.found[at].sighting;
        let peer = self.wiring.peer(place, interface);
        // Of two frames with one time, either may have been first.
        let earlier = || {
            let may_be = move |other: &usize| *other < at || self.found[*other].sighting.time == *time;
            (0..self.found.len()).rev().filter(move |other| *other != at).filter(may_be)
        };
        let sighting = |other: usize| self.found[other].sighting;
        let came_in =
            |other: &usize| sighting(*other).direction != Direction::Out && sighting(*other).place == *place;
        match (direction, peer) {
            (Direction::In | Direction::InForOther, Some((far, end))) => earlier().find(|other| {
                let other = sighting(*other);
                other.direction == Direction::Out && other.place == far && other.interface == end
            }),
            (Direction::In | Direction::InForOther, None) => {
                earlier().find(|other| *other < at && came_in(other))
            }
            // What leaves by a port was sent by the bridge itself, or came in by another port; what leaves by anything else was
            // put into a tunnel before, or came in.
            (Direction::Out, _) => earlier().find(|other| {
                let before = sighting(*other);
                *other < at
                    && before.place == *place
                    && (came_in(other)
                        || before.interface != *interface && !self.wiring.is_port(place, &before.interface))
            }),
        }
    }
}
