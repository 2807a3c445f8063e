//! What each captured frame of a walk is, in a line: the comments of a capture file.

use super::story::{StepTold, Story, Way, WayKind};
use super::tell::{Teller, protocol};
use crate::walk::{Aside, Asked, Beside, Direction, Part, Sighting, Step, Walk};

impl Teller<'_> {
    /// Every frame that has to do with the walk, by its number among the sightings, and what it is:
    /// `request, step 4 of 9: node1 eth0 out; TTL 64 → 63`. Steps have the story's numbers.
    pub fn comments(&self, walk: &Walk, story: &Story, sightings: &[Sighting]) -> Vec<(usize, String)> {
        let all = [&walk.request, &walk.reply].into_iter().chain(&walk.errors);
        let ways = all.filter(|steps| !steps.is_empty()).zip(&story.ways);
        let steps = ways.flat_map(|(steps, way)| of_way(steps, way));
        let asides = walk
            .asides
            .iter()
            .filter_map(|aside| Some((aside.frame, self.aside(aside, sightings.get(aside.frame)?))));
        steps.chain(asides).collect()
    }

    fn aside(&self, Aside { what, .. }: &Aside, sighting: &Sighting) -> String {
        let direction = match sighting.direction {
            Direction::Out => "out",
            Direction::In | Direction::InForOther => "in",
        };
        let here = format!("{} {} {direction}", sighting.place, sighting.interface);
        match what {
            Beside::Copy(part) => format!("{}, a copy that a switch made: {here}", word(*part)),
            Beside::Piece(part) => format!("{}, another piece of it: {here}", word(*part)),
            Beside::Again(part) => format!("{}, once more: {here}", word(*part)),
            Beside::Question(place, asked) => {
                format!("{}: {place} asks who has {}: {here}", protocol(asked), asked.whom)
            }
            Beside::Answer(place, asked) => self.answer(place, asked, &here),
        }
    }

    fn answer(&self, place: &str, asked: &Asked, here: &str) -> String {
        let whose = asked.answer.map(|mac| self.mac(mac)).unwrap_or_default();
        format!("{}: {place} is told that {} is {whose}: {here}", protocol(asked), asked.whom)
    }
}

/// The frames of one packet. A segment that it crosses is one step and two frames.
fn of_way(steps: &[Step], way: &Way) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut rest = steps.iter();
    let last = way.steps.last().map_or(0, |step| step.number);
    for told in &way.steps {
        let begin = format!("{}, step {} of {last}: ", kind(way.kind), told.number);
        let mut note = |step: &Step, text: String| found.extend(step.frame.map(|frame| (frame, text)));
        let Some(step) = rest.next() else { break };
        match &told.ports {
            None => note(
                step,
                format!(
                    "{begin}{} {} {}{}",
                    told.place,
                    told.interface,
                    told.direction.word(),
                    changes(told)
                ),
            ),
            Some([came, left]) => {
                let here = format!("{begin}{} {}", told.place, told.interface);
                note(step, format!("{here}, in by {came}{}", changes(told)));
                let Some(step) = rest.next() else { break };
                note(step, format!("{here}, out by {left}"));
            }
        }
    }
    found
}

fn changes(step: &StepTold) -> String {
    step.changes.iter().map(|change| format!("; {}", change.text)).collect()
}

fn kind(kind: WayKind) -> &'static str {
    match kind {
        WayKind::Request => word(Part::Request),
        WayKind::Reply => word(Part::Reply),
        WayKind::Error => word(Part::Error),
    }
}

fn word(part: Part) -> &'static str {
    match part {
        Part::Request => "request",
        Part::Reply => "reply",
        Part::Error => "ICMP error",
    }
}
