//! A walk that was captured, held against the one that the kernels' tables foretell.

use super::story::{Agreement, ChangeKind, StepTold, Story, Way, WayKind};
use crate::probe::Attempt;
use crate::walk::{Ending, Halt};

/// What must be the same of a step.
#[derive(PartialEq, Eq)]
struct Key<'a> {
    place: &'a str,
    interface: &'a str,
    ports: Option<&'a [String; 2]>,
    heading: &'static str,
    /// That of the packet inside.
    ttl: Option<u8>,
    /// How many packets are in each other.
    layers: usize,
    macs: Option<&'a String>,
    changes: Vec<ChangeKind>,
}

impl<'a> Key<'a> {
    fn of(step: &'a StepTold) -> Self {
        Self {
            place: &step.place,
            interface: &step.interface,
            ports: step.ports.as_ref(),
            heading: step.direction.word(),
            ttl: ttl(step),
            layers: step.layers.len(),
            macs: step.macs.as_ref(),
            changes: step.changes.iter().map(|change| change.kind).collect(),
        }
    }
}

/// Whether a packet and its answer went where the tables say; `ends` is why the tables lead no further.
pub fn agreement(attempt: &Attempt, captured: &Story, foretold: &Story, ends: Option<&Ending>) -> Agreement {
    let mut all = Agreement { agrees: true, differences: Vec::new(), expected: Vec::new() };
    for kind in [WayKind::Request, WayKind::Reply] {
        let (one, other) = (way(captured, kind), way(foretold, kind));
        // Whether somebody listens there, and has something to say to a datagram, no table shows.
        if kind == WayKind::Reply && one.is_none() && matches!(attempt, Attempt::Udp { .. }) {
            continue;
        }
        let is_last = kind == WayKind::Reply || way(foretold, WayKind::Reply).is_none();
        let sides = Sides {
            kind,
            captured: one.map_or(&[], |way| &way.steps),
            foretold: other.map_or(&[], |way| &way.steps),
            ends: ends.filter(|_| is_last),
        };
        if let Some((difference, expected)) = sides.difference() {
            all.agrees = false;
            all.differences.push(difference);
            all.expected.extend(expected);
            break;
        }
    }
    all
}

fn way(story: &Story, kind: WayKind) -> Option<&Way> {
    story.ways.iter().find(|way| way.kind == kind)
}

/// One packet's way, twice.
struct Sides<'a> {
    kind: WayKind,
    captured: &'a [StepTold],
    foretold: &'a [StepTold],
    ends: Option<&'a Ending>,
}

impl Sides<'_> {
    fn floods(&self) -> bool {
        self.ends.is_some_and(|ends| ends.how == Halt::Flooded)
    }

    /// Whether the tables lead no further than that step.
    fn is_last(&self, step: usize) -> bool {
        step + 1 == self.foretold.len()
    }

    /// The first step at which the two are not the same, and what the tables say from there on.
    fn difference(&self) -> Option<(String, Vec<String>)> {
        let what = if self.kind == WayKind::Reply { "the answer" } else { "the packet" };
        let both = self.captured.iter().zip(self.foretold);
        let same = both.take_while(|(one, other)| Key::of(one) == Key::of(other)).count();
        let expected = || self.foretold[same..].iter().map(line).collect();
        let text = match (self.captured.get(same), self.foretold.get(same)) {
            (None, None) => return None,
            // A bridge that does not know where to sends copies, which were captured.
            (Some(_), None) if self.floods() => return None,
            // Of a segment's switch, those are told as if the packet had crossed it.
            (Some(step), Some(other)) if self.floods() && self.is_last(same) && entered(step, other) => {
                return None;
            }
            (Some(step), Some(other)) => format!("step {}: {}", step.number, unlike(step, other)),
            (Some(step), None) => {
                let why = self.ends.map(|ends| ends.text.as_str()).unwrap_or("it ends there");
                let (number, at) = (step.number, at(step));
                format!("step {number}: {what} went on to {at}, and the tables lead no further: {why}")
            }
            (None, Some(other)) => match self.captured.last() {
                Some(last) => format!(
                    "captured {} steps of {what}, the tables say {}: after step {}, {}, comes {}",
                    self.captured.len(),
                    self.foretold.len(),
                    last.number,
                    at(last),
                    at(other)
                ),
                None => format!("{what} was not captured at all, the tables begin with {}", at(other)),
            },
        };
        Some((text, expected()))
    }
}

/// Whether a packet crosses the segment that another only comes into.
fn entered(crossing: &StepTold, entering: &StepTold) -> bool {
    let came = crossing.ports.as_ref().map(|[came, _]| came);
    crossing.place == entering.place && came == Some(&entering.interface)
}

/// What is not the same of two steps, the plainest first.
fn unlike(captured: &StepTold, foretold: &StepTold) -> String {
    let (one, other) = (Key::of(captured), Key::of(foretold));
    if one.place != other.place {
        return format!("captured at {}, the tables say {}", at(captured), at(foretold));
    }
    let place = one.place;
    if one.interface != other.interface || one.heading != other.heading || one.ports != other.ports {
        let verb = if one.heading == "out" { "sent it by" } else { "has it at" };
        let way = if one.heading == other.heading { "" } else { other.heading };
        let other = format!("{} {way}", other.interface);
        return format!("{place} {verb} {}, the tables say {}", one.interface, other.trim_end());
    }
    let interface = format!("{place} {}", one.interface);
    if one.layers != other.layers {
        let word = |layers: usize| if layers > 1 { "wrapped" } else { "not wrapped" };
        return format!("at {interface} it is {}, the tables say {}", word(one.layers), word(other.layers));
    }
    if one.ttl != other.ttl {
        let word = |ttl: Option<u8>| ttl.map_or_else(|| "none".to_owned(), |ttl| ttl.to_string());
        return format!("at {interface} its TTL is {}, the tables say {}", word(one.ttl), word(other.ttl));
    }
    if one.macs != other.macs {
        let word = |macs: Option<&String>| macs.cloned().unwrap_or_else(|| "none".to_owned());
        return format!("at {interface} it is {}, the tables say {}", word(one.macs), word(other.macs));
    }
    let word = |step: &StepTold| {
        let all: Vec<&str> = step.changes.iter().map(|change| change.text.as_str()).collect();
        if all.is_empty() { "no change".to_owned() } else { all.join(", ") }
    };
    format!("at {interface}: {}, the tables say {}", word(captured), word(foretold))
}

fn at(step: &StepTold) -> String {
    format!("{} {} {}", step.place, step.interface, step.direction.word())
}

fn ttl(step: &StepTold) -> Option<u8> {
    step.layers.last()?.ip.as_ref().map(|ip| ip.ttl)
}

/// A step of the tables: `4 node1 eth0 out, TTL 63`.
fn line(step: &StepTold) -> String {
    let ttl = ttl(step).map(|ttl| format!(", TTL {ttl}")).unwrap_or_default();
    let changes: String = step.changes.iter().map(|change| format!(", {}", change.text)).collect();
    let text = if changes.is_empty() { ttl } else { changes };
    format!("{} {}{text}", step.number, at(step))
}

#[cfg(test)]
mod tests;
