//! Why a place does not get an answer from an address: the lab's kernels, asked, as facts for a reader.

use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;

use ipnet::IpNet;

use crate::blame::{self, Decision, Facts, Packet, Stage, State, Verdict, Way, blame};
use crate::kernel::inspect::{self, Answer, Found, FoundChain, FoundRule, Lookup, Question};
use crate::model::{Family, Lab};
use crate::plan::Sandbox;
use crate::plan::nftables::Rule;
use crate::suite::Fact;

/// Why an answer does not come.
pub(super) struct Explained {
    /// The route look-ups on the way, what is likely wrong, and what mends it.
    pub(super) facts: Vec<Fact>,
    /// The place that is blamed; none where nothing is found to be wrong.
    pub(super) place: Option<String>,
}

/// What is known about why `from` gets nothing from `to`. What cannot be read becomes a fact that says so.
///
/// Moves this process, which must have one thread, into the lab, and leaves it in the last namespace that was asked.
pub(super) fn facts_about(lab: &Lab, sandboxes: &[Sandbox], from: &str, to: IpAddr) -> Explained {
    let mut live = Live::new(sandboxes);
    let verdict = blame(lab, from, to, &mut live);
    Explained { facts: facts(&verdict), place: verdict.blame.map(|blame| blame.place) }
}

fn facts(verdict: &Verdict) -> Vec<Fact> {
    let mut facts: Vec<Fact> = Vec::new();
    for lookup in &verdict.lookups {
        let label = match lookup.way {
            Way::There => format!("route at {}", lookup.place),
            Way::Back => format!("route back at {}", lookup.place),
        };
        facts.push(Fact { label, text: lookup.text.clone() });
    }
    let likely = match &verdict.blame {
        Some(blame) => blame.to_string(),
        None => "every look-up on the way is in order, there and back; queues are not looked at".to_owned(),
    };
    facts.push(Fact { label: "likely".to_owned(), text: likely });
    let mend = verdict.blame.as_ref().map(|blame| blame.mend.join("\n")).unwrap_or_default();
    if !mend.is_empty() {
        facts.push(Fact { label: "mend".to_owned(), text: mend });
    }
    facts
}

/// The number of the table that packets are routed by unless a rule says otherwise.
const MAIN: u32 = 254;

/// The kernels of a running lab. Each place is read once: blame is about one moment.
pub(super) struct Live<'a> {
    lookup: Lookup<'a>,
    known: HashMap<String, Known>,
}

impl<'a> Live<'a> {
    /// Nothing is read yet.
    pub(super) fn new(sandboxes: &'a [Sandbox]) -> Self {
        Self { lookup: Lookup::new(sandboxes), known: HashMap::new() }
    }
}

struct Known {
    state: Rc<State>,
    /// The names of its interfaces, by index.
    names: HashMap<u32, String>,
}

impl Live<'_> {
    fn known(&mut self, place: &str) -> Result<&Known, String> {
        if !self.known.contains_key(place) {
            let found = self.lookup.found(place).map_err(|error| error.to_string())?;
            self.known.insert(place.to_owned(), known(found));
        }
        self.known.get(place).ok_or_else(|| format!("{place}: not read"))
    }
}

impl Live<'_> {
    fn question(&mut self, place: &str, packet: &Packet) -> Result<Question, String> {
        let names = &self.known(place)?.names;
        let index = |name: &String| names.iter().find(|(_, known)| *known == name).map(|(index, _)| *index);
        let entered = match &packet.entered {
            Some(name) => Some(index(name).ok_or_else(|| format!("{place}: it has no interface {name}"))?),
            None => None,
        };
        Ok(Question { from: packet.from, to: packet.to, entered })
    }
}

impl Facts for Live<'_> {
    fn matched(&mut self, place: &str, packet: &Packet) -> Option<IpNet> {
        let question = self.question(place, packet).ok()?;
        self.lookup.matched(place, &question).ok()?
    }

    fn place(&mut self, name: &str) -> Result<Rc<State>, String> {
        self.known(name).map(|known| Rc::clone(&known.state))
    }

    fn route(&mut self, place: &str, packet: &Packet) -> Result<Decision, String> {
        let question = self.question(place, packet)?;
        let answer = self.lookup.route(place, &question).map_err(|error| error.to_string())?;
        let names = &self.known(place)?.names;
        Ok(match answer {
            Answer::Send { via, link, source, table, encap, mtu } => {
                let table = (table != MAIN).then_some(table);
                Decision::Send { via, link: name(names, link), source, table, encap, mtu }
            }
            Answer::Keep => Decision::Keep,
            Answer::Refuse { errno, text } => Decision::Refuse { errno, text: text.to_owned() },
            Answer::Other(kind) => Decision::Other(kind),
        })
    }
}

/// `NF_INET_PRE_ROUTING`, `NF_INET_LOCAL_OUT` and `NF_INET_POST_ROUTING` (linux/netfilter.h).
const PREROUTING: u32 = 0;
const OUTPUT: u32 = 3;
const POSTROUTING: u32 = 4;

/// The rules that are asked for each connection that leaves.
fn source_nat(chains: &[FoundChain]) -> Vec<Rule> {
    let nat =
        chains.iter().filter(|chain| chain.kind.as_deref() == Some("nat") && chain.hook == Some(POSTROUTING));
    nat.flat_map(|chain| &chain.rules).filter_map(|found| found.rule.clone()).collect()
}

/// The chains that are asked for each connection before its route is looked for. netlab itself writes none, and does not
/// read what their rules say.
fn target_nat(chains: &[FoundChain]) -> Vec<String> {
    let is_asked = |chain: &&FoundChain| {
        let early = [Some(PREROUTING), Some(OUTPUT)].contains(&chain.hook);
        chain.kind.as_deref() == Some("nat") && early && !chain.rules.is_empty()
    };
    let name = |FoundChain { family, table, name, .. }: &FoundChain| format!("{family} {table} {name}");
    chains.iter().filter(is_asked).map(name).collect()
}

/// The chains that decide about packets, in the order in which the kernel asks them.
fn deciding(chains: &[FoundChain]) -> Vec<blame::FilterChain> {
    let mut bases: Vec<&FoundChain> = chains.iter().filter(|chain| chain.hook.is_some()).collect();
    bases.sort_by_key(|chain| chain.priority);
    let chain = |chain: &&FoundChain| {
        // Translation is no decision.
        if chain.kind.as_deref() == Some("nat") {
            return None;
        }
        Some(blame::FilterChain {
            table: format!("{} {}", chain.family, chain.table),
            name: chain.name.clone(),
            stage: stage(chain)?,
            family: match chain.family.as_str() {
                "ip" => Some(Family::V4),
                "ip6" => Some(Family::V6),
                _ => None,
            },
            drops: chain.drops,
            rules: chain.rules.iter().map(rule).collect(),
        })
    };
    bases.iter().filter_map(chain).collect()
}

fn rule(found: &FoundRule) -> blame::FilterRule {
    let FoundRule { rule, refuses, about, handle, .. } = found;
    blame::FilterRule { says: rule.clone(), refuses: *refuses, about: *about, handle: *handle }
}

/// When the kernel asks a chain: `NF_INET_…` and `NF_NETDEV_…` (linux/netfilter.h). Those of ARP are about
/// no packet that is followed here.
fn stage(chain: &FoundChain) -> Option<Stage> {
    Some(match (chain.family.as_str(), chain.hook?) {
        ("netdev", 0) | ("inet", 5) => Stage::Ingress(chain.device.clone()?),
        ("netdev", 1) => Stage::Egress(chain.device.clone()?),
        ("ip" | "ip6" | "inet", 0) => Stage::Prerouting,
        ("ip" | "ip6" | "inet", 1) => Stage::Input,
        ("ip" | "ip6" | "inet", 2) => Stage::Forward,
        ("ip" | "ip6" | "inet", 3) => Stage::Output,
        ("ip" | "ip6" | "inet", POSTROUTING) => Stage::Postrouting,
        ("bridge", 2) => Stage::Bridged,
        _ => return None,
    })
}

/// An interface may have come between two of the kernel's answers.
fn name(names: &HashMap<u32, String>, index: u32) -> String {
    names.get(&index).cloned().unwrap_or_else(|| format!("if{index}"))
}

fn as_tunnel(kind: &str, tunnel: inspect::Tunnel) -> Option<blame::Tunnel> {
    let peers = tunnel.peers.into_iter().map(|peer| blame::Peer {
        endpoint: peer.endpoint.map(|endpoint| endpoint.ip()),
        allowed: peer.allowed,
    });
    Some(blame::Tunnel {
        kind: blame::Wraps::of(kind)?,
        id: tunnel.id,
        port: tunnel.port,
        local: tunnel.local,
        peers: peers.collect(),
    })
}

fn known(found: Found) -> Known {
    let names: HashMap<u32, String> =
        found.links.iter().map(|link| (link.index, link.name.clone())).collect();
    let everywhere = found.forwarding.rp_filter;
    let links = found.links.into_iter().map(|link| blame::Link {
        bridge: link.master.map(|master| name(&names, master)),
        isolated: link.port.as_ref().is_some_and(|port| port.isolated),
        port: link.port.map(|port| port.state),
        name: link.name,
        up: link.up,
        carrier: link.carrier,
        loss_ppm: link.qdisc.and_then(|qdisc| qdisc.impair().loss_ppm).unwrap_or(0),
        mtu: link.mtu,
        mac: link.mac,
        addresses: link.addresses,
        forwards_v4: link.forwards_v4,
        hop_limit: link.hop_limit,
        disabled_v6: link.disabled_v6,
        rp_filter: link.rp_filter.max(everywhere),
        tunnel: link.tunnel.and_then(|tunnel| as_tunnel(&link.kind, tunnel)),
    });
    let rules = found.rules.into_iter().map(|rule| blame::Rule {
        preference: rule.preference,
        family: if rule.is_ipv6 { Family::V6 } else { Family::V4 },
        table: rule.table,
        text: rule.text,
    });
    let neighbours = found.neighbours.into_iter().map(|entry| blame::Neighbour {
        link: name(&names, entry.link),
        address: entry.address,
        mac: entry.mac,
        state: entry.state,
    });
    // Entries of bridges lead to no address.
    let (of_bridges, of_tunnels): (Vec<_>, Vec<_>) =
        found.fdb.into_iter().partition(|entry| entry.to.is_none());
    let forwards = of_tunnels.into_iter().filter_map(|entry| {
        Some(blame::Forward { link: name(&names, entry.link), mac: entry.mac, to: entry.to? })
    });
    let forwards = forwards.collect();
    let switched = of_bridges
        .into_iter()
        .map(|entry| blame::Switched { link: name(&names, entry.link), mac: entry.mac });
    let switched = switched.collect();
    let state = State {
        forwards,
        switched,
        links: links.collect(),
        routes: found
            .routes
            .into_iter()
            .map(|route| blame::Route { to: route.to, kind: route.kind })
            .collect(),
        rules: rules.collect(),
        neighbours: neighbours.collect(),
        source_nat: source_nat(&found.chains),
        target_nat: target_nat(&found.chains),
        filters: found.filters,
        chains: deciding(&found.chains),
        ttl_v4: found.ttl_v4,
        ignores_pings_v4: found.ignores_pings_v4,
        ignores_pings_v6: found.ignores_pings_v6,
        disabled_v6: found.forwarding.disabled_v6,
        forwards_v4: found.forwarding.v4,
        forwards_v6: found.forwarding.v6.unwrap_or(false),
    };
    Known { state: Rc::new(state), names }
}
