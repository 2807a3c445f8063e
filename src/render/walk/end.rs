//! Where a packet was seen last, and what did not come after that.

use std::time::Duration;

use super::Teller;
use super::story::{Heading, StepTold, Story, WayKind};
use crate::probe::Outcome;
use crate::walk::{Role, Wiring as _};

/// How long it takes to send a packet, and to see that its answer has come.
const SLACK: Duration = Duration::from_millis(5);

/// The last that was seen of a packet, or of its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// The last step; none if it was never sent.
    pub after_step: Option<usize>,
    /// The place that had it last, or should have sent it.
    pub place: String,
    /// The interface by which that place got it; none where it has sent it, or never got it.
    pub entered: Option<String>,
    /// `node1 eth0 received it, and nothing left node1`
    pub text: String,
    /// Whether it is the answer that was lost.
    pub is_answer: bool,
    /// Whether that came to who waits for it after all, too late.
    pub is_late: bool,
}

impl End {
    /// One line about it.
    pub fn verdict(&self, outcome: &Outcome, patience: Duration, may_come: bool) -> String {
        let what = if self.is_answer { "the answer" } else { "the packet" };
        let lost = match self.after_step {
            Some(step) if self.is_late || may_come => {
                format!("{what} is late, after step {step}: {}", self.text)
            }
            Some(step) => format!("{what} was lost after step {step}: {}", self.text),
            None => format!("{what} was never sent: {}", self.text),
        };
        match (outcome, self.after_step) {
            // What they say is in the text already, or they say nothing.
            (Outcome::Timeout, Some(_)) => format!("no answer within {}: {lost}", seconds(patience)),
            (Outcome::Timeout | Outcome::LocalError { .. } | Outcome::OwnAddress { .. }, _) => lost,
            (Outcome::Reply { .. } | Outcome::Refused { .. }, Some(step)) => {
                format!("answered by another, after step {step}: {}", self.text)
            }
            (Outcome::Reply { .. } | Outcome::Refused { .. }, None) => {
                format!("answered by another: {}", self.text)
            }
            (other, _) => format!("{other}; {lost}"),
        }
    }
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

impl Teller<'_> {
    /// The end of a packet that got no answer, or one from another than it was for. `heard` are the places at which it would
    /// have been seen, and `patience` is for how long the answer was waited for.
    pub fn ending(&self, story: &Story, heard: &[&str], patience: Duration) -> End {
        let of = |kind| story.ways.iter().find(move |way| way.kind == kind).map(|way| &way.steps);
        let is_answered = matches!(self.title.outcome, Some(Outcome::Reply { .. } | Outcome::Refused { .. }));
        let reply = of(WayKind::Reply).filter(|_| !is_answered);
        let name = self.names.name(self.title.target);
        let target = name.as_deref().and_then(|name| name.split(' ').next());
        let Some(step) = reply.or(of(WayKind::Request)).and_then(|steps| steps.last()) else {
            let text = self.never_sent();
            let place = self.title.from.to_owned();
            return End { after_step: None, place, entered: None, text, is_answer: false, is_late: false };
        };
        let goal = if reply.is_some() { Some(self.title.from) } else { target };
        let (place, interface) = (&step.place, &step.interface);
        let out = step.ports.as_ref().map_or(interface, |[_, out]| out);
        let is_late = reply.is_some()
            && step.direction == Heading::In
            && *place == self.title.from
            && Duration::from_nanos(step.after_ns) + SLACK >= patience;
        let (entered, text) = match (step.direction, is_answered) {
            (Heading::In, true) => (None, format!("{place} {interface} took it, and answered in its place")),
            (_, true) => {
                let there = self.wires.peer(place, out).map_or("another", |(there, _)| there);
                (None, format!("it left {place} by {out} for {there}, which answered in its place"))
            }
            (Heading::In, false) if is_late => {
                let after = seconds(Duration::from_millis(step.after_ns / 1_000_000));
                (None, format!("{place} {interface} received it after {after}: the answer came too late"))
            }
            (Heading::In, false) => (self.stack_of(step), self.came(step, goal, reply.is_some())),
            (_, false) => (None, self.flooded(step, out).unwrap_or_else(|| self.left(step, out, heard))),
        };
        let is_answer = reply.is_some();
        End { after_step: Some(step.number), place: place.clone(), entered, text, is_answer, is_late }
    }

    /// A frame that a switch sends by all its ports is for nobody in particular that it knows.
    fn flooded(&self, step: &StepTold, out: &str) -> Option<String> {
        let bridge = self.wires.bridge(&step.place, out)?;
        let (there, _) = self.wires.peer(&step.place, out)?;
        let [_, to] = step.layers.first()?.ethernet.as_ref()?;
        let owner = to.owner.as_deref().and_then(|owner| owner.split(' ').next());
        if owner == Some(there) {
            return None;
        }
        let whose =
            to.owner.as_ref().map_or("nobody's address".to_owned(), |owner| format!("{owner}'s address"));
        Some(format!(
            "{}'s {bridge} does not know where {}, {whose}, is: it sent it by all its other ports, and nobody took it",
            step.place, to.address
        ))
    }

    fn never_sent(&self) -> String {
        let from = self.title.from;
        match self.title.outcome {
            Some(Outcome::LocalError { errno, text, mtu }) => {
                let mtu = mtu.map(|mtu| format!(", as at most {mtu} bytes pass")).unwrap_or_default();
                format!("{from}'s own kernel refused, with {errno} ({text}){mtu}")
            }
            Some(Outcome::OwnAddress { address, .. }) => {
                format!("{from} asked itself, as it has the address {address}")
            }
            _ => format!("nothing was seen to leave {from}"),
        }
    }

    fn left(&self, StepTold { place, interface, ports, .. }: &StepTold, out: &str, heard: &[&str]) -> String {
        let does = if ports.is_some() {
            format!("it crossed {interface}")
        } else {
            format!("it left {place} by {out}")
        };
        match (self.wires.peer(place, out), self.wires.role(place, out)) {
            (Some((there, _)), _) if !heard.contains(&there) => {
                format!("{does}, and nobody listened at {there} (--everywhere does)")
            }
            (Some((there, link)), _) => format!("{does}, and never came in at {there} {link}"),
            (None, Some(Role::Bridge)) => {
                format!("{place} sent it into {interface}, and it left by none of its ports")
            }
            (None, Some(Role::Tunnel(kind))) => {
                format!("{place} sent it into {interface}, and no {kind} packet left {place}")
            }
            _ => format!("{does}, and was not seen again"),
        }
    }

    /// The interface by which a place's own IP stack got the packet; none of a bridge's port.
    fn stack_of(&self, step: &StepTold) -> Option<String> {
        self.wires.bridge(&step.place, &step.interface).is_none().then(|| step.interface.clone())
    }

    fn came(&self, step: &StepTold, goal: Option<&str>, is_answer: bool) -> String {
        let StepTold { place, interface, .. } = step;
        match self.wires.bridge(place, interface) {
            Some(bridge) => {
                format!("{interface}, a port of {place}'s {bridge}, received it, and nothing left {bridge}")
            }
            None if goal == Some(place) && is_answer => {
                format!("{place} {interface} received it, and who waits for it did not get it")
            }
            None if goal == Some(place) => {
                format!("{place} {interface} received it, and no answer left {place}")
            }
            None => format!("{place} {interface} received it, and nothing left {place}"),
        }
    }
}
