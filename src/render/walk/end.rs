//! Where a packet was seen last, and what did not come after that.

use super::Teller;
use super::story::{Heading, StepTold, Story, WayKind};
use crate::probe::Outcome;
use crate::walk::{Role, Wiring as _};

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
}

impl End {
    /// One line about it.
    pub fn verdict(&self, outcome: &Outcome) -> String {
        let what = if self.is_answer { "the answer" } else { "the packet" };
        let lost = match self.after_step {
            Some(step) => format!("{what} was lost after step {step}: {}", self.text),
            None => format!("{what} was never sent: {}", self.text),
        };
        match outcome {
            // What they say is in the text already, or they say nothing.
            Outcome::Timeout | Outcome::LocalError { .. } | Outcome::OwnAddress { .. } => lost,
            Outcome::Reply { .. } | Outcome::Refused { .. } => format!("another answered; {lost}"),
            other => format!("{other}; {lost}"),
        }
    }
}

impl Teller<'_> {
    /// The end of a packet that got no answer.
    pub fn ending(&self, story: &Story) -> End {
        let of = |kind| story.ways.iter().find(move |way| way.kind == kind).map(|way| &way.steps);
        let reply = of(WayKind::Reply);
        let target = self.names.name(self.title.target);
        let target = target.as_deref().and_then(|name| name.split(' ').next());
        let Some(step) = reply.or(of(WayKind::Request)).and_then(|steps| steps.last()) else {
            let text = self.never_sent();
            let place = self.title.from.to_owned();
            return End { after_step: None, place, entered: None, text, is_answer: false };
        };
        let is_answer = reply.is_some();
        let goal = if is_answer { Some(self.title.from) } else { target };
        let (place, interface) = (&step.place, &step.interface);
        let (entered, text) = match step.direction {
            Heading::Out => (None, self.left(place, interface)),
            Heading::Through => {
                let [_, out] = step.ports.as_ref().unwrap_or(&[String::new(), String::new()]).clone();
                let (there, link) = self.wires.peer(place, &out).unwrap_or(("its other end", ""));
                (None, format!("it crossed {interface}, and never came in at {there} {link}"))
            }
            Heading::In => (self.stack_of(step), self.came(step, goal, is_answer)),
        };
        let text = text.trim_end().to_owned();
        End { after_step: Some(step.number), place: place.clone(), entered, text, is_answer }
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

    fn left(&self, place: &str, interface: &str) -> String {
        match (self.wires.peer(place, interface), self.wires.role(place, interface)) {
            (Some((there, link)), _) => {
                format!("it left {place} by {interface}, and never came in at {there} {link}")
            }
            (None, Some(Role::Bridge)) => {
                format!("{place} sent it into {interface}, and it left by none of its ports")
            }
            (None, Some(Role::Tunnel(kind))) => {
                format!("{place} sent it into {interface}, and no {kind} packet left {place}")
            }
            _ => format!("it left {place} by {interface}, and was not seen again"),
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
