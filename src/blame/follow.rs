//! From place to place, as the kernels' route look-ups say.

use std::net::IpAddr;
use std::rc::Rc;

use super::cause::{Cause, Named};
use super::facts::{Decision, Facts, Packet, Rule, Stage, State};
use super::map::{Id, Map, Planned};
use super::{Blame, Certainty, LookUp, Sent, SentKind, Way, mend};
use crate::model::{Family, Lab};

/// What is found on the way.
pub(super) struct Walk<'a> {
    pub(super) map: Map,
    pub(super) facts: &'a mut dyn Facts,
    pub(super) lookups: Vec<LookUp>,
    way: Way,
    /// A turn that was not planned: what comes after it only follows from it.
    turn: Option<Blame>,
    /// Who gave the packet another source.
    pub(super) translated: Option<Translated>,
    /// The last node that passed a pod's packet on with the pod's own address.
    pub(super) untouched: Option<String>,
    /// What is known of the packet; it gets smaller where it is taken apart.
    pub(super) sent: Sent,
    /// The place and the interface by which it leaves its source.
    pub(super) first: Option<(String, String)>,
    /// What need not be wrong, for when nothing is that must be: a neighbour that may have been silent for a while only.
    suspect: Option<Blame>,
}

/// Something is wrong; boxed, because it is much larger than what goes on.
pub(super) type Found<T> = Result<T, Box<Blame>>;

/// A packet that arrived.
pub(super) struct Arrived {
    at: String,
    /// The address that it came from.
    from: IpAddr,
}

/// A place that gave a packet another source, and undoes that for its answer.
pub(super) struct Translated {
    pub(super) at: String,
    /// The interface by which it left, and its answer comes.
    pub(super) link: String,
    /// The source that it had.
    pub(super) source: IpAddr,
}

/// How a packet leaves a place.
struct Exit {
    via: Option<IpAddr>,
    link: String,
    /// The source that the place gives to a packet of its own.
    own: Option<IpAddr>,
    /// The table that says so, where it is not the main one.
    table: Option<u32>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(lab: &Lab, sent: Sent, facts: &'a mut dyn Facts) -> Self {
        let map = Map::new(lab);
        Self {
            map,
            facts,
            lookups: Vec::new(),
            way: Way::There,
            turn: None,
            translated: None,
            untouched: None,
            sent,
            first: None,
            suspect: None,
        }
    }

    pub(super) fn there_and_back(&mut self, from: &str, to: IpAddr) -> (Option<Blame>, Certainty) {
        let sent = self.sent;
        let found = self.follow(from, None, None, to).and_then(|arrived| {
            if arrived.at == from {
                return Ok(arrived);
            }
            self.way = Way::Back;
            self.sent = Sent::answered(sent);
            let back = self.follow(&arrived.at, None, Some(to), arrived.from)?;
            match self.translated.take() {
                Some(Translated { at, link, source }) => self.follow(&at, Some(link), Some(to), source),
                None => Ok(back),
            }
        });
        match self.turn.take().or(found.err().map(|blame| *blame)) {
            Some(blame) => (Some(blame), Certainty::Certain),
            None => (self.suspect.take(), Certainty::Suspected),
        }
    }

    pub(super) fn follow(
        &mut self,
        start: &str,
        entered: Option<String>,
        source: Option<IpAddr>,
        to: IpAddr,
    ) -> Found<Arrived> {
        let mut source = source;
        let (mut at, mut entered) = (start.to_owned(), entered);
        let mut passed: Vec<String> = Vec::new();
        loop {
            let state = self.state(&at)?;
            let packet = Packet { from: source, to, entered: entered.clone() };
            // First of all: what a look-up says of an address that two have only confuses.
            for address in [Some(to), source].into_iter().flatten() {
                self.alone(&at, &state, address)?;
            }
            if entered.is_some() {
                self.unrefused(&at, &state, &[Stage::Prerouting], (source, to))?;
            }
            let decision = self.look_up(&at, &packet)?;
            let Some(target) = self.map.owner(to) else {
                // Its loopback, or an address that somebody gave to it since.
                return match decision {
                    Decision::Keep => Ok(Arrived { from: source.unwrap_or(to), at }),
                    _ => Err(self.wrong(&at, Cause::NobodyHas { to }, Vec::new())),
                };
            };
            if self.map.place(target) == at {
                self.delivered(&at, &state, &packet, target, &decision)?;
                self.unrefused(&at, &state, &[Stage::Input], (source, to))?;
                return Ok(Arrived { from: source.unwrap_or(to), at });
            }
            if let Some(entered) = &entered {
                self.forwards(&at, &state, entered, Family::of_address(&to))?;
            }
            let exit = self.exit(&at, &state, &packet, decision)?;
            self.turns(&at, &state, to, &exit);
            let Exit { via, link, own, .. } = exit;
            self.first.get_or_insert_with(|| (at.clone(), link.clone()));
            source = source.or_else(|| self.source(&at, &state, &link, own, Family::of_address(&to)));
            self.fits(&at, &state, &link, &packet)?;
            let stage = if entered.is_some() { Stage::Forward } else { Stage::Output };
            self.unrefused(&at, &state, &[stage, Stage::Postrouting], (source, to))?;
            source = source.map(|source| self.translate(&at, &state, &link, source, to));
            let hop = self.crossed(&at, &state, &link, via, to)?;
            self.unfiltered(&at, &link, via.unwrap_or(to), (source, to))?;
            passed.push(at);
            at = self.map.place(hop).to_owned();
            entered = Some(self.map.interface(hop).name.clone());
            if let Some(first) = passed.iter().position(|place| *place == at) {
                let places = passed[first..].iter().chain([&at]).cloned().collect();
                return Err(self.wrong(&at, Cause::Loop { to, places }, Vec::new()));
            }
        }
    }

    /// Whether a place leaves an address to the one that it was given to.
    pub(super) fn alone(&self, at: &str, state: &State, address: IpAddr) -> Found<()> {
        let owner = self.map.owner(address).map(|id| self.map.place(id));
        let Some((link, net)) = state.given(address).filter(|_| owner.is_some_and(|owner| owner != at))
        else {
            return Ok(());
        };
        let mend = vec![mend::exec(at, &format!("ip addr del {net} dev {}", link.name))];
        Err(self.wrong(at, Cause::AlsoHas { address: self.named(address) }, mend))
    }

    /// How a packet that is another's leaves a place.
    fn exit(&mut self, at: &str, state: &State, packet: &Packet, decision: Decision) -> Found<Exit> {
        let to = packet.to;
        match decision {
            Decision::Send { via, link, source, table, .. } => Ok(Exit { via, link, own: source, table }),
            Decision::Keep => Err(self.wrong(at, Cause::Keeps { to: self.named(to) }, Vec::new())),
            Decision::Refuse { errno, text } => Err(self.refused(at, state, packet, &errno, &text)),
            Decision::Other(kind) => {
                let said = format!("it takes it for a {kind} address");
                Err(self.wrong(at, Cause::Denies { to, said }, Vec::new()))
            }
        }
    }

    /// Asks a place what it would do, and keeps the answer for the reader.
    fn look_up(&mut self, at: &str, packet: &Packet) -> Found<Decision> {
        let said = self.facts.route(at, packet);
        let text = match &said {
            Ok(decision) => self.words(at, packet, decision),
            Err(why) => why.clone(),
        };
        self.lookups.push(LookUp { way: self.way, place: at.to_owned(), packet: packet.clone(), text });
        said.map_err(|why| self.wrong(at, Cause::Unreadable { why }, Vec::new()))
    }

    fn words(&self, at: &str, packet: &Packet, decision: &Decision) -> String {
        let to = packet.to;
        match decision {
            Decision::Send { via, link, source, .. } => {
                let via = via.map(|via| format!("via {} ", self.next(at, via))).unwrap_or_default();
                // A forwarded packet has a source already.
                let source = source.filter(|_| packet.entered.is_none());
                let source = source.map(|source| format!(" src {source}")).unwrap_or_default();
                format!("{to} {via}dev {link}{source}")
            }
            Decision::Keep => format!("{to} is its own"),
            Decision::Refuse { errno, text } => format!("{to}: none: {text} ({errno})"),
            Decision::Other(kind) => format!("{to}: {kind}"),
        }
    }

    /// The packet is where it belongs: does that place take it?
    fn delivered(
        &mut self,
        at: &str,
        state: &State,
        packet: &Packet,
        target: Id,
        decision: &Decision,
    ) -> Found<()> {
        match decision {
            Decision::Keep => {
                self.answers(at, state, packet.to);
                Ok(())
            }
            _ if !state.has(packet.to) => Err(self
                .unfit(state, target, packet.to)
                .unwrap_or_else(|| self.wrong(at, Cause::NobodyHas { to: packet.to }, Vec::new()))),
            Decision::Refuse { errno, text } => Err(self.refused(at, state, packet, errno, text)),
            _ => {
                let said =
                    "it has the address, and a rule or route that sends packets for it elsewhere".into();
                Err(self.wrong(at, Cause::Denies { to: packet.to, said }, Vec::new()))
            }
        }
    }

    /// Remembers that a place answers no ping. Others may have been silent for a while; this one is so for good.
    fn answers(&mut self, at: &str, state: &State, to: IpAddr) {
        let setting = match Family::of_address(&to) {
            Family::V4 if state.ignores_pings_v4 => "net.ipv4.icmp_echo_ignore_all",
            Family::V6 if state.ignores_pings_v6 => "net.ipv6.icmp.echo_ignore_all",
            _ => return,
        };
        // Only an echo request is ignored.
        if self.way == Way::There && self.sent.kind == SentKind::Echo {
            let mend = vec![mend::exec(at, &format!("sysctl -w {setting}=0"))];
            self.suspect = Some(*self.wrong(at, Cause::IgnoresPings { setting }, mend));
        }
    }

    fn forwards(&mut self, at: &str, state: &State, entered: &str, family: Family) -> Found<()> {
        let of_link = state.link(entered).is_none_or(|link| link.forwards_v4);
        let setting = match family {
            Family::V4 if !state.forwards_v4 => "net.ipv4.ip_forward".to_owned(),
            Family::V4 if !of_link => format!("net.ipv4.conf.{entered}.forwarding"),
            Family::V6 if !state.forwards(family) => "net.ipv6.conf.all.forwarding".to_owned(),
            _ => return Ok(()),
        };
        let mend = vec![mend::exec(at, &format!("sysctl -w {setting}=1"))];
        Err(self.wrong(at, Cause::NotForwarding { setting }, mend))
    }

    /// Remembers a next hop that is not the planned one. It may still lead to the target, so it is followed.
    fn turns(&mut self, at: &str, state: &State, to: IpAddr, exit: &Exit) {
        let Exit { via, link, table, .. } = exit;
        let planned = self.map.planned(at, to);
        let as_planned = planned.as_ref().is_some_and(|planned| planned.via == *via && planned.link == *link);
        if as_planned || self.turn.is_some() {
            return;
        }
        let family = Family::of_address(&to);
        let leads = |rule: &&Rule| rule.family == family && rule.table.is_some() && rule.table == *table;
        let rules: Vec<&Rule> = state.rules.iter().filter(leads).collect();
        if !rules.is_empty() {
            self.turn = Some(*self.ruled(at, to, *table, &rules));
            return;
        }
        if via.is_none()
            && let Some(blame) = self.too_wide(at, state, link, to)
        {
            self.turn = Some(*blame);
            return;
        }
        let mend = mend::turn_back(&self.map, at, state, to, planned.as_ref());
        let planned = planned.map(|planned| self.explained(planned));
        let via = via.map(|via| self.named(via));
        let cause = Cause::WrongHop { to, via, link: link.clone(), planned };
        self.turn = Some(*self.wrong(at, cause, mend));
    }

    pub(super) fn ruled(&self, at: &str, to: IpAddr, table: Option<u32>, rules: &[&Rule]) -> Box<Blame> {
        let texts = rules.iter().map(|rule| rule.text.clone()).collect();
        self.wrong(at, Cause::Ruled { to, table, rules: texts }, mend::without(at, rules))
    }

    /// The address that the packet gets at its source.
    fn source(
        &mut self,
        at: &str,
        state: &State,
        link: &str,
        own: Option<IpAddr>,
        family: Family,
    ) -> Option<IpAddr> {
        let id = self.map.find(at, link);
        let source = own.or_else(|| Some(self.map.address(id?, family)?.addr()));
        // Somebody may have given the interface another address: what answers it goes there, plan or not.
        if let (Some(source), Some(id)) = (source, id)
            && state.has(source)
        {
            self.map.adopt(source, id);
        }
        source
    }

    /// Whether this is the packet itself, and not its answer.
    pub(super) fn is_going(&self) -> bool {
        self.way == Way::There
    }

    /// The protocol and port of what is followed now; an answer goes to a port that nobody knows beforehand.
    pub(super) fn about(&self) -> Option<(u8, Option<u16>)> {
        self.sent.about.map(|(protocol, port)| (protocol, port.filter(|_| self.is_going())))
    }

    pub(super) fn state(&mut self, place: &str) -> Found<Rc<State>> {
        self.facts.place(place).map_err(|why| self.wrong(place, Cause::Unreadable { why }, Vec::new()))
    }

    pub(super) fn wrong(&self, place: &str, cause: Cause, mend: Vec<String>) -> Box<Blame> {
        Box::new(Blame { way: self.way, place: place.to_owned(), cause, mend })
    }

    /// Keeps the first thing that may be wrong.
    pub(super) fn suspect(&mut self, place: &str, cause: Cause, mend: Vec<String>) {
        let blame = self.wrong(place, cause, mend);
        self.suspect.get_or_insert(*blame);
    }

    pub(super) fn named(&self, address: IpAddr) -> Named {
        Named { address, owner: self.map.owner(address).map(|id| self.map.name(id)) }
    }

    /// A next hop, with what the lab calls who is behind it.
    fn next(&self, at: &str, hop: IpAddr) -> Named {
        Named { address: hop, owner: self.map.next_hop(at, hop).map(|id| self.map.name(id)) }
    }

    pub(super) fn explained(&self, planned: Planned) -> (Planned, Option<Named>) {
        let via = planned.via.map(|via| self.named(via));
        (planned, via)
    }
}
