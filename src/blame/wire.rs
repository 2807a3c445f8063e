//! From one place to the next: the interfaces, cables and bridges that a frame passes, and the address that it is sent to.

use std::net::IpAddr;
use std::rc::Rc;

use super::cause::{Cause, Routes};
use super::facts::{Link, State};
use super::follow::{Found, Walk};
use super::map::Id;
use super::{Blame, mend};

/// All frames, in parts per million.
const ALL: u64 = 1_000_000;

impl Walk<'_> {
    /// Follows a frame from an interface to the next router or, without one, to the target, and gives back the interface
    /// that takes it.
    pub(super) fn crossed(
        &mut self,
        at: &str,
        state: &State,
        link: &str,
        via: Option<IpAddr>,
        to: IpAddr,
    ) -> Found<Id> {
        if let Some(near) = self.map.find(at, link).filter(|id| self.map.is_tunnel(*id)) {
            return self.tunnelled(at, state, near, via, to);
        }
        let hop = via.unwrap_or(to);
        let path = self.map.find(at, link).zip(self.map.next_hop(at, hop)).and_then(|(from, to)| {
            let path = self.map.wire(from, to)?;
            Some((path, to))
        });
        let Some((path, owner)) = path else {
            // The plan sends nothing to where it cannot arrive: this was a turn.
            let via = via.map(|via| self.named(via));
            let cause = Cause::WrongHop { to, via, link: link.to_owned(), planned: None };
            return Err(self.wrong(at, cause, Vec::new()));
        };
        let mut states: Vec<Rc<State>> = Vec::new();
        for id in &path {
            let place = self.map.place(*id).to_owned();
            states.push(self.state(&place)?);
        }
        self.addressed(at, state, link, hop, owner, states.last())?;
        // What is gone takes more along with it than its own name: a bridge leaves its ports behind.
        for (id, state) in path.iter().zip(&states) {
            self.present(state, *id)?;
        }
        // Everything that was switched off first: what merely lacks a carrier lacks it because of that.
        for (id, state) in path.iter().zip(&states) {
            self.passes(state, *id)?;
        }
        for (id, state) in path.iter().zip(&states) {
            self.flows(state, *id)?;
        }
        // An interface whose frames come out of the next one sends them.
        for (ids, states) in path.windows(2).zip(&states) {
            if self.map.far(ids[0]) == Some(ids[1]) {
                self.sends(states, ids[0])?;
            }
        }
        // A port, its bridge, and the next port.
        for (ids, states) in path.windows(3).zip(states.windows(3)) {
            self.switches(ids, states)?;
        }
        if self.map.owner(hop).is_none() {
            return Ok(owner);
        }
        match self.unfit(states.last().unwrap_or(&Rc::default()), owner, hop) {
            Some(blame) => Err(blame),
            None => Ok(owner),
        }
    }

    /// Whether frames are sent to the Ethernet address of the one who has `hop`.
    pub(super) fn addressed(
        &mut self,
        at: &str,
        state: &State,
        link: &str,
        hop: IpAddr,
        owner: Id,
        there: Option<&Rc<State>>,
    ) -> Found<()> {
        let Some(entry) = state.neighbour(link, hop) else { return Ok(()) };
        let (neighbour, link) = (self.named(hop), link.to_owned());
        let real = there.and_then(|state| state.link(&self.map.interface(owner).name)?.mac);
        match (entry.mac, real) {
            (Some(mac), Some(real)) if mac != real => {
                let mend = mend::forget(&self.map, at, &link, hop, real);
                let owner = self.map.owner_of_mac(mac);
                if let Some(place) = owner.map(|id| self.map.place(id).to_owned()) {
                    let state = self.state(&place)?;
                    self.alone(&place, &state, hop)?;
                }
                let whose = owner.map(|id| self.map.name(id));
                let cause = Cause::WrongMac { neighbour, link, mac, whose, real, state: entry.state.clone() };
                // What was learnt is learnt anew when it does not answer; what was given stays.
                if entry.state == "permanent" {
                    return Err(self.wrong(at, cause, mend));
                }
                self.suspect(at, cause, mend);
            }
            (None, _) if matches!(entry.state.as_str(), "failed" | "incomplete") => {
                let cause = Cause::Silent { neighbour, link, state: entry.state.clone() };
                self.suspect(at, cause, Vec::new());
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether an interface is there, up, and where it was put.
    pub(super) fn passes(&mut self, state: &State, id: Id) -> Found<()> {
        let place = self.map.place(id).to_owned();
        let link = self.standing(state, id)?;
        let interface = self.map.interface(id);
        let (name, planned) = (interface.name.clone(), interface.mtu);
        if let Some(bridge) = interface.bridge {
            let bridge = self.map.interface(bridge).name.clone();
            if link.bridge.as_ref() != Some(&bridge) {
                let leads_to = self.leads_to(id).unwrap_or_default();
                let mend = vec![mend::exec(&place, &format!("ip link set {name} master {bridge}"))];
                let now = link.bridge.clone();
                return Err(self.wrong(&place, Cause::NotAPort { link: name, leads_to, bridge, now }, mend));
            }
        }
        if self.sent.bytes.is_some() {
            return self.carries(&place, state, id);
        }
        if link.mtu < planned {
            let mend = vec![mend::exec(&place, &format!("ip link set {name} mtu {planned}"))];
            self.suspect(&place, Cause::SmallMtu { link: name, mtu: link.mtu, planned }, mend);
        }
        Ok(())
    }

    /// Whether an interface that is up lets anything through.
    fn flows(&mut self, state: &State, id: Id) -> Found<()> {
        let place = self.map.place(id).to_owned();
        let link = self.standing(state, id)?;
        // A bridge has the carrier of its ports, which come by themselves.
        if !link.carrier && self.map.far(id).is_some() {
            return Err(self.wrong(&place, Cause::NoCarrier { link: link.name.clone() }, Vec::new()));
        }
        if let (Some(port), Some(bridge)) = (&link.port, &link.bridge)
            && port != "forwarding"
        {
            let command = format!("bridge link set dev {} state 3", link.name);
            let (link, bridge, state) = (link.name.clone(), bridge.clone(), port.clone());
            let cause = Cause::PortBlocked { link, bridge, state };
            return Err(self.wrong(&place, cause, vec![mend::exec(&place, &command)]));
        }
        Ok(())
    }

    /// Whether an interface loses what it sends: all of it, or so much that this may be the reason.
    fn sends(&mut self, state: &State, id: Id) -> Found<()> {
        let ppm = self.present(state, id)?.loss_ppm;
        if ppm == 0 {
            return Ok(());
        }
        let (place, link) = (self.map.place(id).to_owned(), self.map.interface(id).name.clone());
        let leads_to = self.leads_to(id);
        let mend = mend::lossless(&self.map, id, leads_to.as_deref());
        let cause = Cause::Loses { link, leads_to, ppm };
        if ppm >= ALL {
            return Err(self.wrong(&place, cause, mend));
        }
        self.suspect(&place, cause, mend);
        Ok(())
    }

    /// Whether a bridge lets frames through from one of its ports to another.
    fn switches(&self, ids: &[Id], states: &[Rc<State>]) -> Found<()> {
        let ([one, bridge, other], [state, ..]) = (ids, states) else { return Ok(()) };
        let apart = |id: &Id| {
            let interface = self.map.interface(*id);
            let isolated = state.link(&interface.name).is_some_and(|link| link.isolated);
            (interface.bridge == Some(*bridge) && isolated).then(|| interface.name.clone())
        };
        let Some(ports) = apart(one).zip(apart(other)) else { return Ok(()) };
        let place = self.map.place(*bridge);
        let command = |port: &String| mend::exec(place, &format!("bridge link set dev {port} isolated off"));
        let mend = vec![command(&ports.0), command(&ports.1)];
        let bridge = self.map.interface(*bridge).name.clone();
        Err(self.wrong(place, Cause::Isolated { bridge, ports: ports.into() }, mend))
    }

    /// An interface that is there.
    fn present<'s>(&self, state: &'s State, id: Id) -> Found<&'s Link> {
        let (place, name) = (self.map.place(id), &self.map.interface(id).name);
        state.link(name).ok_or_else(|| {
            let cause = Cause::Gone { link: name.clone(), leads_to: self.leads_to(id) };
            self.wrong(place, cause, mend::anew(place, name))
        })
    }

    /// An interface that is there and up.
    pub(super) fn standing<'s>(&self, state: &'s State, id: Id) -> Found<&'s Link> {
        let (place, name) = (self.map.place(id), &self.map.interface(id).name);
        let link = self.present(state, id)?;
        if link.up {
            return Ok(link);
        }
        let mend = mend::restore(&self.map, place, name, state);
        let routes = if self.map.interface(id).addresses.is_empty() { Routes::None } else { Routes::Taken };
        Err(self.wrong(place, Cause::Down { link: name.clone(), leads_to: self.leads_to(id), routes }, mend))
    }

    /// The place at the other end of a cable that is a bridge's port. Of any other, its name says enough.
    fn leads_to(&self, id: Id) -> Option<String> {
        self.map.interface(id).bridge?;
        self.map.far(id).map(|far| self.map.place(far).to_owned())
    }

    /// What is wrong with an interface that is to have an address; none where its place has it and it is up.
    pub(super) fn unfit(&self, state: &State, id: Id, address: IpAddr) -> Option<Box<Blame>> {
        let link = match self.standing(state, id) {
            Ok(link) => link,
            Err(blame) => return Some(blame),
        };
        if state.has(address) {
            return None;
        }
        let (place, name) = (self.map.place(id), &self.map.interface(id).name);
        if let Some(setting) = state.without_v6(link).filter(|_| address.is_ipv6()) {
            let mend = mend::restore(&self.map, place, name, state);
            return Some(self.wrong(place, Cause::NoIpv6 { link: name.clone(), setting }, mend));
        }
        let planned = self.map.interface(id).addresses.iter().find(|net| net.addr() == address);
        let address = planned.copied().unwrap_or_else(|| address.into());
        let mend = mend::restore(&self.map, place, name, state);
        Some(self.wrong(place, Cause::NoAddress { link: name.clone(), address }, mend))
    }
}
