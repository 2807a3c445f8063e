//! Packet filters at the ends of cables: what a cloud's source/destination check is made of.

use std::net::IpAddr;

use super::cause::Cause;
use super::facts::Stage;
use super::follow::{Found, Walk};
use super::map::Id;
use super::mend;
use crate::plan::nftables::{Hook, Verdict};

/// Which way a packet passes an interface.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Passing {
    In,
    Out,
}

impl Walk<'_> {
    /// Whether the filters at the interfaces that a frame passes from a link to a hop let a packet through.
    pub(super) fn unfiltered(
        &mut self,
        at: &str,
        link: &str,
        hop: IpAddr,
        packet: (Option<IpAddr>, IpAddr),
    ) -> Found<()> {
        let (Some(from), to) = packet else { return Ok(()) };
        let ends = self.map.find(at, link).zip(self.map.owner(hop));
        let path = ends.and_then(|(from, to)| self.map.wire(from, to)).unwrap_or_default();
        for three in path.windows(3) {
            let [one, bridge, other] = [three[0], three[1], three[2]];
            let is_port = |id: Id| self.map.interface(id).bridge == Some(bridge);
            if is_port(one) && is_port(other) {
                let place = self.map.place(bridge).to_owned();
                let state = self.state(&place)?;
                self.unrefused(&place, &state, &[Stage::Bridged], packet)?;
            }
        }
        for pair in path.windows(2) {
            let [near, far] = [pair[0], pair[1]];
            // A cable has two ends; a bridge and its port are one place.
            if self.map.far(near) == Some(far) {
                self.lets_through(near, Passing::Out, (from, to))?;
                self.lets_through(far, Passing::In, (from, to))?;
            }
        }
        Ok(())
    }

    fn lets_through(&mut self, id: Id, passing: Passing, packet: (IpAddr, IpAddr)) -> Found<()> {
        let place = self.map.place(id).to_owned();
        let name = self.map.interface(id).name.clone();
        let state = self.state(&place)?;
        let here = |hook: &Hook| match hook {
            Hook::Ingress { device } => passing == Passing::In && *device == name,
            Hook::Egress { device } => passing == Passing::Out && *device == name,
            Hook::NatPostrouting => false,
        };
        let (from, to) = packet;
        let stage = match passing {
            Passing::In => Stage::Ingress(name.clone()),
            Passing::Out => Stage::Egress(name.clone()),
        };
        let chains = state.filters.iter().flat_map(|table| table.chains.iter().map(move |one| (table, one)));
        for (table, chain) in chains.filter(|(_, chain)| here(&chain.hook)) {
            let Some(rule) = chain.decides(from, to).filter(|rule| rule.verdict == Verdict::Drop) else {
                continue;
            };
            let leads_to = self.map.far(id).map(|far| self.map.place(far).to_owned()).unwrap_or_default();
            let planned = self.map.has_chain(&place, &chain.name);
            let flush = |chain: &str| mend::exec(&place, &format!("nft flush chain {table} {chain}"));
            // The check has two halves, and one alone helps nobody.
            let mend = if planned {
                [format!("from-{leads_to}"), format!("to-{leads_to}")]
                    .iter()
                    .map(|name| flush(name))
                    .collect()
            } else {
                self.refusal(&place, &state, &stage, packet).map(|(_, mend, _)| mend).unwrap_or_default()
            };
            let cause = Cause::Filtered {
                link: name,
                leads_to,
                packet: [self.named(from), self.named(to)],
                rule: rule.to_string(),
                chain: format!("{table} {}", chain.name),
                planned,
            };
            return Err(self.wrong(&place, cause, mend));
        }
        // What of these filters cannot be read was left out above.
        self.unrefused(&place, &state, &[stage], (Some(from), to))
    }
}
