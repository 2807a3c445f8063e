//! Through a tunnel: which end a packet is for, whether the tables that say so are as they were given, and the way of the
//! packet that it is wrapped in.

use std::net::IpAddr;
use std::rc::Rc;

use super::cause::Cause;
use super::facts::State;
use super::follow::{Found, Walk};
use super::map::Id;
use super::{Sent, mend};

impl Walk<'_> {
    /// Follows a packet that leaves by a tunnel to the tunnel's other end, and gives back that.
    pub(super) fn tunnelled(
        &mut self,
        at: &str,
        state: &State,
        near: Id,
        via: Option<IpAddr>,
        to: IpAddr,
    ) -> Found<Id> {
        let link = self.map.interface(near).name.clone();
        let Some(far) = self.map.far_end(at, &link, via, to) else {
            let via = via.map(|via| self.named(via));
            let cause = Cause::WrongHop { to, via, link, planned: None };
            return Err(self.wrong(at, cause, Vec::new()));
        };
        self.passes(state, near)?;
        let place = self.map.place(far).to_owned();
        let there: Rc<State> = self.state(&place)?;
        if let Some(end) = via.filter(|via| self.map.owner(*via) == Some(far)) {
            self.neighbour_given(at, state, &link, end, far)?;
            self.addressed(at, state, &link, end, far, Some(&there))?;
        }
        self.forwarded(at, state, &link, far)?;
        if let Some(outside) = self.map.outside(&place) {
            let inner = self.sent;
            self.sent = self.wrapped(at, near);
            self.follow(at, None, None, outside)?;
            self.sent = inner;
        }
        self.passes(&there, far)?;
        Ok(far)
    }

    /// What the packet becomes in the tunnel, which may take apart what is around it.
    fn wrapped(&self, at: &str, tunnel: Id) -> Sent {
        let around = self.map.find(at, "eth0").map_or(0, |outside| {
            self.map.interface(outside).mtu.saturating_sub(self.map.interface(tunnel).mtu)
        });
        Sent { bytes: self.sent.bytes.map(|bytes| bytes + around), whole: false, about: None, ..self.sent }
    }

    /// Whether the other end's Ethernet address is still known: in a tunnel nobody can be asked for it.
    fn neighbour_given(&self, at: &str, state: &State, link: &str, end: IpAddr, far: Id) -> Found<()> {
        let Some(mac) = self.map.given_mac(at, link, end) else { return Ok(()) };
        if state.neighbour(link, end).is_some_and(|entry| entry.mac.is_some()) {
            return Ok(());
        }
        let command = format!("ip neigh replace {end} lladdr {mac} dev {link} nud permanent");
        let whose = self.map.name(far);
        let cause = Cause::NoNeighbour { link: link.to_owned(), address: end, whose, mac };
        Err(self.wrong(at, cause, vec![mend::exec(at, &command)]))
    }

    /// Whether the tunnel's database sends the other end's frames to the node that it is on.
    fn forwarded(&self, at: &str, state: &State, link: &str, far: Id) -> Found<()> {
        let Some((mac, to)) = self.map.forward(at, link, far) else { return Ok(()) };
        let mut entries = state.forwards.iter().filter(|entry| entry.link == link && entry.mac == mac);
        if entries.clone().any(|entry| entry.to == to) && entries.clone().count() == 1 {
            return Ok(());
        }
        let wrong = entries.find(|entry| entry.to != to);
        let add = mend::exec(at, &format!("bridge fdb replace {mac} dev {link} dst {to} self permanent"));
        let cause = Cause::NoForward {
            link: link.to_owned(),
            mac,
            whose: self.map.name(far),
            now: wrong.map(|entry| self.named(entry.to)),
            planned: self.named(to),
        };
        Err(self.wrong(at, cause, vec![add]))
    }
}
