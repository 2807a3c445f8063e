//! Beyond the cluster, where nobody has a route to pods: sources are translated on the way out, or the answer is lost.

use std::net::IpAddr;

use super::cause::Cause;
use super::facts::{Packet, State};
use super::follow::{Translated, Walk};
use super::mend;
use crate::model::Family;
use crate::plan::nftables::{Rule, Verdict, translation};

impl Walk<'_> {
    /// The source with which a packet leaves a place.
    pub(super) fn translate(
        &mut self,
        at: &str,
        state: &State,
        link: &str,
        source: IpAddr,
        to: IpAddr,
    ) -> IpAddr {
        if self.translated.is_some() || !self.is_on_its_way_out(at, source) {
            return source;
        }
        let own = match translation(&state.source_nat, source, to) {
            Some(Verdict::SourceNat(own)) => Some(own),
            Some(_) => self.map.node_address(at, Family::of_address(&source)),
            None => {
                self.untouched = Some(at.to_owned());
                return source;
            }
        };
        match own {
            Some(own) => {
                self.translated = Some(Translated { at: at.to_owned(), link: link.to_owned(), source });
                own
            }
            None => source,
        }
    }

    /// Why a place has no route to an address that the lab gave it none to.
    pub(super) fn no_route(&self, at: &str, packet: &Packet) -> (Cause, Vec<String>) {
        let to = packet.to;
        if !self.map.is_external(at) || self.map.pods_node(to).is_none() {
            return (Cause::NoRoute { to, planned: None }, Vec::new());
        }
        let pod = self.named(to);
        let Some(node) = self.untouched.clone() else {
            return (Cause::Outside { pod, kept_by: None }, Vec::new());
        };
        let rules: Vec<Rule> = self
            .map
            .tables(&node)
            .flat_map(|table| &table.chains)
            .flat_map(|chain| chain.rules.clone())
            .collect();
        let is_planned = packet.from.is_some_and(|from| translation(&rules, to, from).is_some());
        let mend = if is_planned {
            mend::translation(&self.map, &node)
        } else {
            vec![format!(
                "take {at}'s address out of non_masquerade_cidrs, under [cluster] of the lab's file"
            )]
        };
        (Cause::Outside { pod, kept_by: Some(node) }, mend)
    }

    /// Whether a packet from a pod is at that pod's node, and nobody's answer.
    fn is_on_its_way_out(&self, at: &str, source: IpAddr) -> bool {
        self.is_going() && self.map.pods_node(source) == Some(at)
    }
}
