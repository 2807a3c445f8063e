//! What speaks for a packet having been lost where it was: what kernels counted meanwhile, would do now, and said.

use super::request::Request;
use super::sent::Sent;
use crate::blame::{Blame, Cause, Decision, Facts as _, Packet};
use crate::cmd::blame::Live;
use crate::kernel::{Tally, tally};
use crate::plan::Sandbox;
use crate::probe::Outcome;
use crate::render::Names as _;
use crate::render::walk::{End, Story, WayKind};
use crate::walk::{Counters, Risen, Walk, Weight};

/// What each place's numbers have risen by since before the packet was sent.
pub(super) struct Tallies(Vec<(String, Vec<Risen>)>);

impl Tallies {
    /// Reads the numbers again. What cannot be read, because it has ended, tells nothing.
    pub(super) fn after(request: &Request<'_>, sent: &Sent) -> Self {
        let risen = sent.before.iter().filter_map(|(place, before)| {
            let sandbox = request.sandboxes.iter().find(|sandbox| sandbox.name == *place)?;
            let now = tally(sandbox).ok()?;
            Some((place.clone(), counters(&now).risen(&counters(before))))
        });
        Self(risen.collect())
    }

    /// Where numbers were read, and frames listened for.
    pub(super) fn places(&self) -> Vec<&str> {
        self.0.iter().map(|(place, _)| place.as_str()).collect()
    }

    /// Whether a number of a place has risen, or of IPv6 the like.
    pub(super) fn has_risen(&self, place: &str, name: &str) -> bool {
        let of_place = self.0.iter().filter(|(known, _)| known == place).flat_map(|(_, risen)| risen);
        of_place.into_iter().any(|risen| risen.name.replacen('6', "", 1) == name)
    }
}

/// What places have counted so far.
pub(super) fn before<'a>(places: impl Iterator<Item = &'a Sandbox>) -> Vec<(String, Tally)> {
    places.filter_map(|sandbox| Some((sandbox.name.clone(), tally(sandbox).ok()?))).collect()
}

fn counters(tally: &Tally) -> Counters {
    let queues = tally.queues.iter().map(|queue| (queue.link.as_str(), queue.kind.as_str(), queue.dropped));
    Counters::read(&tally.tables, &tally.list, &tally.links, queues)
}

/// What is known about a packet's end.
pub(super) struct Evidence<'a> {
    pub(super) request: &'a Request<'a>,
    pub(super) outcome: &'a Outcome,
    pub(super) walk: &'a Walk,
    pub(super) end: &'a End,
    pub(super) story: &'a Story,
    pub(super) tallies: &'a Tallies,
}

/// A queue that dropped something while the packet was under way.
pub(super) struct DroppingQueue<'a> {
    place: &'a str,
    link: &'a str,
    kind: &'a str,
    by: u64,
}

impl Evidence<'_> {
    /// All of it, what says most first.
    pub(super) fn lines(&self, live: &mut Live<'_>) -> Vec<String> {
        let mut lines: Vec<String> = self.said().into_iter().chain(self.asked(live)).collect();
        for (place, risen) in &self.tallies.0 {
            let tell = |risen: &&Risen| self.tells(place, risen);
            lines.extend(risen.iter().filter(tell).map(|risen| format!("{place} counted {}", risen.text())));
        }
        lines
    }

    /// Whether a number has to do with the packet: where it was last, whatever it is; elsewhere only what was dropped.
    fn tells(&self, place: &str, risen: &Risen) -> bool {
        let is_tunnelled = self.walk.request.iter().any(|step| step.packet.layers.len() > 1);
        let of_stack = risen.link.is_none();
        if of_stack && !is_tunnelled && risen.is_ipv6() != self.request.target.is_ipv6() {
            return false;
        }
        risen.weight == Weight::Dropped || place == self.end.place
    }

    /// The ICMP error that came back, and from whom.
    fn said(&self) -> Option<String> {
        let from = self.outcome.from()?;
        let who = self.request.names.name(from).map(|name| format!(" ({name})")).unwrap_or_default();
        match self.outcome {
            Outcome::Reply { .. } | Outcome::Refused { .. } => None,
            other => Some(format!("{from}{who} said by ICMP: {other}")),
        }
    }

    /// What the place that had it last would do with it now.
    fn asked(&self, live: &mut Live<'_>) -> Option<String> {
        let End { place, entered, is_answer, .. } = self.end;
        let steps = if *is_answer { &self.walk.reply } else { &self.walk.request };
        let ip = steps.last().and_then(|step| step.packet.inner()).and_then(|layer| layer.ip);
        let packet = match (ip, entered) {
            (Some(ip), Some(link)) => Packet { from: Some(ip.from), to: ip.to, entered: Some(link.clone()) },
            (None, _) => Packet { from: None, to: self.request.target, entered: None },
            _ => return None,
        };
        let does = match live.route(place, &packet).ok()? {
            Decision::Send { via, link, .. } => {
                let named =
                    |via| self.request.names.name(via).map(|name| format!(" ({name})")).unwrap_or_default();
                let via = via.map(|via| format!(" to {via}{}", named(via))).unwrap_or_default();
                format!("send it{via} by {link}")
            }
            Decision::Keep => "keep it: the address is its own".to_owned(),
            Decision::Refuse { errno, text } => format!("refuse it: {text} ({errno})"),
            Decision::Other(kind) => format!("take the address for {kind}"),
        };
        let how = match &packet.entered {
            Some(link) => format!("for {} that comes in by {link}", packet.to),
            None => format!("for {}", packet.to),
        };
        Some(format!("{place}'s kernel, asked about a packet {how}, would {does}"))
    }

    /// The queue that dropped it, if one at the place that had it last has dropped anything.
    pub(super) fn dropping_queue(&self) -> Option<DroppingQueue<'_>> {
        let (place, risen) = self.tallies.0.iter().find(|(place, _)| *place == self.end.place)?;
        risen.iter().find_map(|risen| {
            Some(DroppingQueue { place, link: risen.link.as_deref()?, kind: risen.queue()?, by: risen.by })
        })
    }

    /// What became of the message that a packet is too large, where its sender did not hear it.
    pub(super) fn unheard(&self, blame: &Blame) -> Option<String> {
        let Cause::TooLarge { own: false, silenced: None, .. } = &blame.cause else { return None };
        if *self.outcome != Outcome::Timeout {
            return None;
        }
        let error = self.story.ways.iter().find(|way| way.kind == WayKind::Error)?;
        let last = error.steps.last()?;
        Some(format!(
            "but that message was lost after step {}, {} {}: a path MTU black hole",
            last.number, last.place, last.interface
        ))
    }
}

impl DroppingQueue<'_> {
    /// In words.
    pub(super) fn cause(&self) -> String {
        let Self { place, link, kind, by } = self;
        format!(
            "{link} of {place} has a queueing discipline, {kind}, that drops frames: {by} while the packet was under way"
        )
    }

    /// What shows it.
    pub(super) fn show(&self) -> String {
        format!("netlab exec {} -- tc -s qdisc show dev {}", self.place, self.link)
    }

    /// What takes it away.
    pub(super) fn mend(&self) -> String {
        format!("netlab exec {} -- tc qdisc del dev {} root", self.place, self.link)
    }
}
