//! What a lab's kernels say that they would do with a packet, at each step of a walk: asked after it, and told apart from what
//! was captured.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::blame::{Decision, Facts, Packet, State};
use crate::model::Family;
use crate::packet::decode::{Ip, MacAddress};
use crate::plan::Mac;
use crate::plan::nftables::translating;
use crate::render::Names;
use crate::render::walk::Told;
use crate::walk::{Change, Direction, Step, Wires};

/// Who is asked, and how answers are put.
pub(super) struct Asking<'a> {
    pub(super) kernels: &'a mut dyn Facts,
    pub(super) names: &'a dyn Names,
    pub(super) wires: &'a Wires,
    /// Who will have been heard by all switches when a packet comes that is only foretold.
    pub(super) heard: Vec<MacAddress>,
}

impl Asking<'_> {
    /// What stands before each step: why the packet left there, or was kept.
    pub(super) fn about(&mut self, steps: &[Step]) -> Vec<Vec<Told>> {
        let all = 0..steps.len();
        all.map(|at| self.step(at.checked_sub(1).map(|before| &steps[before]), &steps[at])).collect()
    }

    fn step(&mut self, before: Option<&Step>, step: &Step) -> Vec<Told> {
        let before = before.filter(|before| before.place == step.place);
        let Some(ip) = step.packet.outer().and_then(|layer| layer.ip) else { return Vec::new() };
        let Ok(state) = self.kernels.place(&step.place) else { return Vec::new() };
        if step.direction != Direction::Out {
            return Vec::new();
        }
        let came_in = before.filter(|before| before.direction != Direction::Out);
        let bridge = self.wires.bridge(&step.place, &step.interface);
        match (bridge, before) {
            // The bridge itself sent it, or another of its ports got it: either way its database says by which port it leaves.
            (Some(bridge), Some(_)) => self.port(&state, bridge, step),
            (Some(_), None) => Vec::new(),
            (None, _) => self.route(&state, came_in, step, ip),
        }
    }

    fn port(&self, state: &State, bridge: &str, step: &Step) -> Vec<Told> {
        let Some((_, to)) = step.packet.outer().and_then(crate::walk::Layer::macs) else { return Vec::new() };
        let owner = self.owner(to);
        let port = state.switched.iter().find(|entry| entry.mac == Mac(to.0));
        let text = match port {
            Some(entry) if entry.link == step.interface => {
                format!("{bridge} knows {owner} behind {}", entry.link)
            }
            _ if self.heard.contains(&to) => {
                format!("{bridge} will have learnt that {owner} is behind {}", step.interface)
            }
            Some(entry) => format!("{bridge} knows {owner} behind {} by now", entry.link),
            None => format!("{bridge} does not know {owner}, so it leaves by all other ports"),
        };
        vec![Told { about: "FDB", text }]
    }

    fn route(&mut self, state: &State, came_in: Option<&Step>, step: &Step, ip: Ip) -> Vec<Told> {
        // A source is translated after the route is found.
        let from = came_in
            .and_then(|step| step.packet.outer())
            .and_then(|layer| layer.ip)
            .map_or(ip.from, |ip| ip.from);
        let entered = came_in.map(|step| step.interface.clone());
        let forwarded = entered.is_some();
        let packet = Packet { from: forwarded.then_some(from), to: ip.to, entered };
        let mut told = Vec::new();
        match self.kernels.route(&step.place, &packet) {
            Ok(Decision::Send { via, link, .. }) => {
                let hop = via.unwrap_or(ip.to);
                let by = via.map(|via| format!(" via {}", self.named(via))).unwrap_or_default();
                let matched = self.kernels.matched(&step.place, &packet);
                let matched = matched.map_or_else(|| ip.to.to_string(), which);
                told.push(about("route", format!("{matched}{by} dev {link}")));
                told.extend(state.neighbour(&link, hop).and_then(|entry| {
                    let mac = self.owner(MacAddress(entry.mac?.0));
                    Some(about("neighbour", format!("{hop} is {mac} ({})", how(&entry.state))))
                }));
            }
            Ok(Decision::Keep) => told.push(about("route", format!("{} is its own", ip.to))),
            Ok(Decision::Refuse { errno, text }) => {
                told.push(about("route", format!("{}: none: {text} ({errno})", ip.to)));
            }
            Ok(Decision::Other(kind)) => told.push(about("route", format!("{}: {kind}", ip.to))),
            Err(why) => told.push(about("route", why)),
        }
        if forwarded {
            let (setting, on) = match Family::of_address(&ip.to) {
                Family::V4 => ("net.ipv4.ip_forward", state.forwards_v4),
                Family::V6 => ("net.ipv6.conf.all.forwarding", state.forwards_v6),
            };
            told.push(about("sysctl", format!("{setting} = {}", u8::from(on))));
        }
        if let Some(layer) = step.packet.inner().filter(|_| step.packet.layers.len() > 1)
            && let Some((_, to)) = layer.macs()
            && let Some(entry) = state.forwards.iter().find(|entry| entry.mac == Mac(to.0))
        {
            let text = format!("{} knows {} behind {}", entry.link, self.owner(to), self.named(entry.to));
            told.push(about("FDB", text));
        }
        let translated = step.changes.iter().find_map(|change| match change {
            Change::Source { before, .. } => Some(before.0),
            _ => None,
        });
        // What is translated back for an answer is in no rule: the kernel remembers the connection.
        let rule = translated.and_then(|before| translating(&state.source_nat, before, ip.to));
        told.extend(rule.map(|rule| about("nft", rule.to_string())));
        if step.changes.iter().any(|change| matches!(change, Change::Target { .. })) {
            told.extend(by_one_of(&state.target_nat).map(|text| about("nft", text)));
        }
        told
    }

    fn named(&self, address: IpAddr) -> String {
        self.names.name(address).map_or_else(|| address.to_string(), |name| format!("{address} ({name})"))
    }

    fn owner(&self, mac: MacAddress) -> String {
        self.wires.owner(Mac(mac.0)).map_or_else(|| mac.to_string(), str::to_owned)
    }
}

fn about(about: &'static str, text: String) -> Told {
    Told { about, text }
}

/// What is said of chains of which one must have translated a target.
fn by_one_of(chains: &[String]) -> Option<String> {
    match chains {
        [] => None,
        [chain] => Some(format!("the target is translated by a rule of the chain {chain}")),
        chains => {
            Some(format!("the target is translated by a rule of one of the chains {}", chains.join(", ")))
        }
    }
}

/// Which route that is, as `ip route get fibmatch` writes it.
fn which(matched: IpNet) -> String {
    if matched.prefix_len() == 0 { "default".to_owned() } else { matched.to_string() }
}

/// How an entry came to be: what the kernel does to keep one that was learnt changes from second to second, and is no
/// matter here.
fn how(state: &str) -> &str {
    match state {
        "permanent" | "failed" | "incomplete" => state,
        _ => "learnt",
    }
}
