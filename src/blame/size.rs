//! Packets that are too large for what they come to.

use std::net::IpAddr;

use super::cause::Cause;
use super::facts::{Packet, Stage, State};
use super::follow::{Found, Walk};
use super::map::Id;
use super::mend;
use super::{Sent, SentKind};
use crate::model::Family;

impl Sent {
    /// The answer to a packet that was `sent`: that to an echo request is as large, and its sender lets others take it
    /// apart; any other is taken for a small one.
    pub(super) fn answered(sent: Self) -> Self {
        let bytes = sent.bytes.map(|bytes| if sent.kind == SentKind::Echo { bytes } else { 0 });
        Self { bytes, whole: false, ..sent }
    }
}

impl Walk<'_> {
    /// Whether a packet fits an interface by which a place sends it; from there on it goes in pieces, if it may.
    pub(super) fn fits(&mut self, at: &str, state: &State, link: &str, packet: &Packet) -> Found<()> {
        let Some((bytes, mtu)) = self.larger_than(state, link) else { return Ok(()) };
        let own = packet.entered.is_none();
        // Of IPv6, only who sends a packet takes it apart.
        if !self.sent.whole && (own || packet.to.is_ipv4()) {
            self.sent.bytes = Some(mtu);
            return Ok(());
        }
        if let Some(id) = self.map.find(at, link) {
            self.large_enough(at, state, id, mtu)?;
        }
        let mut silenced = None;
        let mut mend = Vec::new();
        if let (Some(entered), Some(from)) = (&packet.entered, packet.from) {
            if let Some((cause, commands, place)) = self.unheard(at, state, entered, from) {
                silenced = Some((place, Box::new(cause)));
                mend.extend(commands);
            }
            mend.extend(self.smaller_at_the_source(mtu));
        }
        let cause = Cause::TooLarge { link: link.to_owned(), mtu, bytes, own, silenced };
        Err(self.wrong(at, cause, mend))
    }

    /// Whether an interface that a frame passes takes it: here nobody says that it is too large.
    pub(super) fn carries(&mut self, at: &str, state: &State, id: Id) -> Found<()> {
        // A switch does not heed its own.
        if !self.map.ports(id).is_empty() {
            return Ok(());
        }
        let link = self.map.interface(id).name.clone();
        match self.larger_than(state, &link) {
            Some((_, mtu)) => self.large_enough(at, state, id, mtu),
            None => Ok(()),
        }
    }

    /// What the packet has and the interface takes, where that is less.
    fn larger_than(&self, state: &State, link: &str) -> Option<(u32, u32)> {
        let bytes = self.sent.bytes?;
        let mtu = state.link(link)?.mtu;
        (bytes > mtu).then_some((bytes, mtu))
    }

    /// Blames an interface whose MTU is smaller than planned, or the port because of which a bridge's is.
    fn large_enough(&self, at: &str, state: &State, id: Id, mtu: u32) -> Found<()> {
        let smaller = |id: &Id| {
            let interface = self.map.interface(*id);
            state.link(&interface.name).is_some_and(|link| link.mtu < interface.mtu)
        };
        let id = self.map.ports(id).iter().copied().find(smaller).unwrap_or(id);
        let interface = self.map.interface(id);
        let (link, planned) = (interface.name.clone(), interface.mtu);
        let mtu = state.link(&link).map_or(mtu, |link| link.mtu);
        if mtu >= planned {
            return Ok(());
        }
        let mend = vec![mend::exec(at, &format!("ip link set {link} mtu {planned}"))];
        Err(self.wrong(at, Cause::SmallMtu { link, mtu, planned }, mend))
    }

    /// What keeps the message that a packet is too large from getting to its source, if a filter of either place does.
    fn unheard(
        &mut self,
        at: &str,
        state: &State,
        entered: &str,
        source: IpAddr,
    ) -> Option<(Cause, Vec<String>, String)> {
        let family = Family::of_address(&source);
        let own = self.map.find(at, entered).and_then(|id| self.map.address(id, family))?.addr();
        let (first, _) = self.first.clone()?;
        let there = self.state(&first).ok()?;
        let asked = [
            (at, state, [Stage::Output, Stage::Postrouting]),
            (first.as_str(), &*there, [Stage::Prerouting, Stage::Input]),
        ];
        asked.into_iter().find_map(|(place, state, stages)| {
            let mut found =
                stages.iter().filter_map(|stage| self.refusal(place, state, stage, (own, source)));
            found.next().map(|(cause, mend, _)| (cause, mend, place.to_owned()))
        })
    }

    /// Has the source send no more than passes.
    fn smaller_at_the_source(&self, mtu: u32) -> Option<String> {
        let (place, link) = self.first.as_ref()?;
        Some(mend::exec(place, &format!("ip link set {link} mtu {mtu}")))
    }
}
