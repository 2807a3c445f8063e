//! A kernel that gives an error instead of a route: which of its tables explains it?

use std::net::IpAddr;

use super::Blame;
use super::cause::Cause;
use super::facts::{Decision, Packet, Rule, State};
use super::follow::Walk;
use super::mend;
use crate::model::Family;

impl Walk<'_> {
    /// What explains it.
    pub(super) fn refused(
        &mut self,
        at: &str,
        state: &State,
        packet: &Packet,
        errno: &str,
        text: &str,
    ) -> Box<Blame> {
        let to = packet.to;
        let planned = self.map.planned(at, to);
        if let Some(route) = state.route(to)
            && route.kind != "unicast"
        {
            let cause = Cause::Refuses { to, route: route.to, kind: route.kind.clone() };
            let commands = mend::take_away(&self.map, at, state, route, planned.as_ref());
            return self.wrong(at, cause, commands);
        }
        if let Some(blame) = self.filtered(at, state, packet) {
            return blame;
        }
        let Some(planned) = planned else {
            let (cause, mend) = self.no_route(at, packet);
            return self.wrong(at, cause, mend);
        };
        // A route goes when its interface goes down, or loses the address that made it.
        let link = self.map.find(at, &planned.link);
        let family = Family::of_address(&to);
        if let Some(blame) = link.and_then(|link| self.standing(state, link).err()) {
            return blame;
        }
        if let Some(link) = link
            && let Some(address) = self.map.address(link, family)
            && let Some(blame) = self
                .unfit(state, link, address.addr())
                .or_else(|| self.of_wrong_length(at, state, link, family))
        {
            return blame;
        }
        if state.routes.iter().any(|route| route.to == planned.to) {
            let rules: Vec<&Rule> = state.rules.iter().filter(|rule| rule.family == family).collect();
            // Those that refuse by themselves, if there are any.
            let refuse: Vec<&Rule> = rules.iter().copied().filter(|rule| rule.table.is_none()).collect();
            let rules = if refuse.is_empty() { rules } else { refuse };
            if !rules.is_empty() {
                return self.ruled(at, to, None, &rules);
            }
            let said = format!("{text} ({errno}), and no route of its main table says so: see `ip rule`");
            return self.wrong(at, Cause::Denies { to, said }, Vec::new());
        }
        let mend = mend::restore(&self.map, at, &planned.link, state);
        let planned = self.explained(planned);
        self.wrong(at, Cause::NoRoute { to, planned: Some(planned) }, mend)
    }

    /// Reverse path filtering, which kernels report in different ways: so it is made sure by asking for the way back.
    fn filtered(&mut self, at: &str, state: &State, packet: &Packet) -> Option<Box<Blame>> {
        let (Some(link), Some(from)) = (&packet.entered, packet.from.filter(IpAddr::is_ipv4)) else {
            return None;
        };
        let filter = state.link(link)?.rp_filter;
        let back = self.facts.route(at, &Packet { from: None, to: from, entered: None }).ok()?;
        let how = match (filter, back) {
            (1, Decision::Send { link: out, .. }) if out == *link => return None,
            (1, _) => "strict",
            (0, _) | (_, Decision::Send { .. }) => return None,
            _ => "loose",
        };
        // The filter may be the lab's own; what is missing then is the route.
        let lost =
            self.map.planned(at, from).map(|planned| mend::restore(&self.map, at, &planned.link, state));
        let command = format!("sysctl -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.{link}.rp_filter=0");
        let cause = Cause::ReversePath { link: link.clone(), from, how };
        let mend = lost.filter(|commands| !commands.is_empty());
        Some(self.wrong(at, cause, mend.unwrap_or_else(|| vec![mend::exec(at, &command)])))
    }
}
