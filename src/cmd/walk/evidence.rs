//! What speaks for a packet having been lost where it was: what kernels counted meanwhile, would do now, and said.

use super::request::Request;
use super::sent::Sent;
use crate::blame::{Blame, Cause, Decision, Facts as _, Packet};
use crate::cmd::blame::Live;
use crate::kernel::{Queued, Tally, tally};
use crate::plan::Sandbox;
use crate::probe::Outcome;
use crate::render::Names as _;
use crate::render::walk::{End, Story, WayKind};
use crate::walk::{Change, Counters, Risen, Walk, Weight};

/// The TTL that kernels give to what they send, unless they are told another.
const USUAL_TTL: u8 = 64;

/// What each place's numbers have risen by since before the packet was sent.
pub(super) struct Tallies {
    /// Those of each place.
    risen: Vec<(String, Vec<Risen>)>,
    /// The queues in which frames wait now.
    waiting: Vec<(String, Queued)>,
    /// The TTL of what the sender's kernel sends, unless it is told another.
    ttl: Option<u64>,
}

impl Tallies {
    /// Reads the numbers again. What cannot be read, because it has ended, tells nothing.
    pub(super) fn after(request: &Request<'_>, sent: &Sent) -> Self {
        let mut tallies = Self { risen: Vec::new(), waiting: Vec::new(), ttl: None };
        for (place, before) in &sent.before {
            let sandbox = request.sandboxes.iter().find(|sandbox| sandbox.name == *place);
            let Some(now) = sandbox.and_then(|sandbox| tally(sandbox).ok()) else { continue };
            let waits = now.queues.iter().filter(|queue| queue.waiting > 0);
            tallies.waiting.extend(waits.map(|queue| (place.clone(), queue.clone())));
            let (before, now) = (counters(before), counters(&now));
            tallies.risen.push((place.clone(), now.risen(&before)));
            if place == request.from {
                tallies.ttl = now.value("IpDefaultTTL");
            }
        }
        tallies
    }

    /// Where numbers were read, and frames listened for.
    pub(super) fn places(&self) -> Vec<&str> {
        self.risen.iter().map(|(place, _)| place.as_str()).collect()
    }

    /// Whether a number of a place has risen, or of IPv6 the like.
    pub(super) fn has_risen(&self, place: &str, name: &str) -> bool {
        let of_place = self.risen.iter().filter(|(known, _)| known == place).flat_map(|(_, risen)| risen);
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

/// What may be the reason, what shows it, and what mends it.
#[derive(Default)]
pub(super) struct Likely {
    pub(super) cause: Option<String>,
    pub(super) show: Vec<String>,
    pub(super) mend: Vec<String>,
}

/// A queue that dropped something while the packet was under way.
struct DroppingQueue<'a> {
    place: &'a str,
    link: &'a str,
    kind: &'a str,
    by: u64,
}

impl Evidence<'_> {
    /// All of it, what says most first.
    pub(super) fn lines(&self, live: &mut Live<'_>) -> Vec<String> {
        let mut lines: Vec<String> = self.said().into_iter().chain(self.asked(live)).collect();
        lines.extend(self.waiting_queue().map(|(place, queue)| waits(place, queue)));
        for (place, risen) in &self.tallies.risen {
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
    fn dropping_queue(&self) -> Option<DroppingQueue<'_>> {
        let (place, risen) = self.tallies.risen.iter().find(|(place, _)| *place == self.end.place)?;
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

impl Evidence<'_> {
    /// The queue in which it may wait, if one at the place that had it last holds anything: then it is late, and not lost.
    pub(super) fn waiting_queue(&self) -> Option<(&str, &Queued)> {
        let is_late = *self.outcome == Outcome::Timeout;
        let found = self.tallies.waiting.iter().find(|(place, _)| *place == self.end.place);
        found.filter(|_| is_late).map(|(place, queue)| (place.as_str(), queue))
    }

    /// The queue that dropped it, or in which it waits.
    pub(super) fn queued(&self) -> Option<Likely> {
        let (place, link, cause) = match (self.dropping_queue(), self.waiting_queue()) {
            (Some(queue), _) => (queue.place, queue.link, queue.cause()),
            (None, Some((place, queue))) => (place, queue.link.as_str(), waits(place, queue)),
            (None, None) => return None,
        };
        let tc = |command: &str, of: &str| format!("netlab exec {place} -- tc {command} dev {link}{of}");
        Some(Likely {
            cause: Some(cause),
            show: vec![tc("-s qdisc show", "")],
            mend: vec![tc("qdisc del", " root")],
        })
    }

    /// That the packet may pass too few routers, because its sender's kernel says so.
    pub(super) fn used_up(&self) -> Option<Likely> {
        let End { place, .. } = self.end;
        let from = self.request.from;
        let first = self.walk.request.first()?;
        let ttl = first.packet.inner()?.ip?.ttl;
        let is_own = !self.request.target.is_ipv6() && self.tallies.ttl == Some(u64::from(ttl));
        // As many as kernels send by themselves are enough for every lab.
        if ttl >= USUAL_TTL {
            return None;
        }
        let setting = "net.ipv4.ip_default_ttl";
        let why = if is_own { format!(", {setting} = {ttl}") } else { String::new() };
        let cause = format!("its TTL was used up at {place}: {from} sends with TTL {ttl}{why}");
        let sysctl = |words: String| is_own.then(|| format!("netlab exec {from} -- sysctl {words}"));
        Some(Likely {
            cause: Some(cause),
            show: sysctl(setting.to_owned()).into_iter().collect(),
            mend: sysctl(format!("-w {setting}={USUAL_TTL}")).into_iter().collect(),
        })
    }

    /// That another answered since somebody gave the packet another target, as far as that shows.
    pub(super) fn translated(&self, live: &mut Live<'_>) -> Option<Likely> {
        let seen = self.walk.request.iter().find_map(|step| {
            let now = step.changes.iter().find_map(|change| match change {
                Change::Target { before, now } => Some((before.0, now.0)),
                _ => None,
            })?;
            Some((step.place.as_str(), now))
        });
        let place = seen.map_or(self.end.place.as_str(), |(place, _)| place);
        let chains = live.place(place).map(|state| state.target_nat.clone()).unwrap_or_default();
        let by = match chains.as_slice() {
            [] => String::new(),
            chains => format!(": see the chain {}", chains.join(", ")),
        };
        let cause = match seen {
            Some((_, (before, now))) => {
                let name = self.request.names.name(now).map(|name| format!(" ({name})")).unwrap_or_default();
                format!("{place} gave the packet another target, {now}{name} instead of {before}{by}")
            }
            None if chains.is_empty() => return None,
            None => format!("{place} may have given the packet another target, by a translation (NAT){by}"),
        };
        let show = chains.iter().map(|chain| format!("netlab exec {place} -- nft list chain {chain}"));
        Some(Likely { cause: Some(cause), show: show.collect(), mend: Vec::new() })
    }
}

fn waits(place: &str, Queued { link, kind, waiting, .. }: &Queued) -> String {
    let (frames, wait) = if *waiting == 1 { ("frame", "waits") } else { ("frames", "wait") };
    format!("{waiting} {frames} {wait} in the queue ({kind}) of {place} {link}: it may come later")
}

impl DroppingQueue<'_> {
    /// In words.
    fn cause(&self) -> String {
        let Self { place, link, kind, by } = self;
        format!(
            "{link} of {place} has a queueing discipline, {kind}, that drops frames: {by} while the packet was under way"
        )
    }
}
