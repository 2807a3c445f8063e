//! How a lab is wired, as it was planned: what is at the other end of a cable, and what an interface is there for.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use super::fold::Wiring;
use crate::plan::{Kind, Mac, Op, Plan};

/// What an interface is there for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// A place's own end of its cable.
    Own {
        /// What is at the other end: the place, and the bridge there, if it is a port of one.
        plugged_into: (String, Option<String>),
    },
    /// The bridge's end of somebody's cable.
    Port {
        /// Whose cable it is.
        of: String,
        /// The bridge.
        bridge: String,
    },
    /// The end of a router's cable to a host, without a bridge.
    Unnumbered {
        /// Whose cable it is.
        of: String,
    },
    /// A bridge itself, as an interface of its place.
    Bridge,
    /// A tunnel's end: what its kind is called.
    Tunnel(&'static str),
}

/// An interface: its place and name.
type Key = (String, String);

/// The interfaces of a plan.
pub struct Wires {
    ends: HashMap<(String, String), End>,
    macs: HashMap<Mac, String>,
    kinds: HashMap<String, Kind>,
    /// The ports of each bridge.
    ports: HashMap<(String, String), Vec<String>>,
    /// The place that has an address.
    holders: HashMap<IpAddr, String>,
}

struct End {
    role: Role,
    mac: Option<Mac>,
    peer: Option<(String, String)>,
    /// The bridge that it is a port of.
    bridge: Option<String>,
}

impl Wires {
    /// Those of a plan.
    pub fn new(plan: &Plan) -> Self {
        let kinds = plan.namespaces.iter().map(|it| (it.name.clone(), it.kind)).collect();
        let mut wires = Self {
            ends: HashMap::new(),
            macs: HashMap::new(),
            kinds,
            ports: HashMap::new(),
            holders: HashMap::new(),
        };
        for step in plan.namespaces.iter().flat_map(|namespace| &namespace.steps) {
            let here = &plan.namespaces[step.run_in].name;
            step.ops.iter().for_each(|op| wires.learn(plan, here, op));
        }
        for ((place, interface), end) in &wires.ends {
            if let Some(bridge) = &end.bridge {
                let ports = wires.ports.entry((place.clone(), bridge.clone())).or_default();
                ports.push(interface.clone());
            }
        }
        wires
    }

    fn learn(&mut self, plan: &Plan, here: &str, op: &Op) {
        let key = |place: &str, name: &str| (place.to_owned(), name.to_owned());
        match op {
            Op::Bridge { link, mac, .. } => {
                self.macs.insert(*mac, format!("{here} {}", link.name));
                let end = End { role: Role::Bridge, mac: Some(*mac), peer: None, bridge: None };
                self.ends.insert(key(here, &link.name), end);
            }
            Op::Tunnel(tunnel) => {
                self.macs.extend(tunnel.mac.map(|mac| (mac, format!("{here} {}", tunnel.link.name))));
                let role = Role::Tunnel(tunnel.kind.title());
                let end = End { role, mac: tunnel.mac, peer: None, bridge: None };
                self.ends.insert(key(here, &tunnel.link.name), end);
            }
            Op::Veth { near, bridge, far_namespace, far, .. } => {
                let there = &plan.namespaces[*far_namespace].name;
                let bridge = bridge.as_ref().map(|bridge| bridge.name.to_string());
                self.macs.insert(near.mac, format!("{here} {}", near.link.name));
                self.macs.insert(far.mac, self.called(there, &far.link.name));
                let (one, other) = (key(here, &near.link.name), key(there, &far.link.name));
                let of = there.clone();
                let role = match &bridge {
                    Some(bridge) => Role::Port { of, bridge: bridge.clone() },
                    None => Role::Unnumbered { of },
                };
                let own = Role::Own { plugged_into: (here.to_owned(), bridge.clone()) };
                self.ends.insert(
                    one.clone(),
                    End { role, mac: Some(near.mac), peer: Some(other.clone()), bridge },
                );
                self.ends.insert(other, End { role: own, mac: Some(far.mac), peer: Some(one), bridge: None });
            }
            Op::Enslave { link, bridge } => {
                if let Some(end) = self.ends.get_mut(&key(here, &link.name)) {
                    end.bridge = Some(bridge.name.to_string());
                }
            }
            Op::Address { address, .. } => {
                self.holders.insert(address.addr(), here.to_owned());
            }
            _ => {}
        }
    }

    /// A pod has one interface, which goes without saying.
    fn called(&self, place: &str, interface: &str) -> String {
        match self.kinds.get(place) {
            Some(Kind::Pod | Kind::External) => place.to_owned(),
            _ => format!("{place} {interface}"),
        }
    }

    /// What an interface is there for; none of one that was not planned.
    pub fn role(&self, place: &str, interface: &str) -> Option<&Role> {
        self.end(place, interface).map(|end| &end.role)
    }

    /// The bridge that an interface is a port of.
    pub fn bridge(&self, place: &str, interface: &str) -> Option<&str> {
        self.end(place, interface)?.bridge.as_deref()
    }

    /// What kind of place that is.
    pub fn kind(&self, place: &str) -> Option<Kind> {
        self.kinds.get(place).copied()
    }

    /// Whose Ethernet address that is: `pod1`, `node1 cbr0`.
    pub fn owner(&self, mac: Mac) -> Option<&str> {
        self.macs.get(&mac).map(String::as_str)
    }

    /// The place that was given an address.
    pub fn holder(&self, address: IpAddr) -> Option<&str> {
        self.holders.get(&address).map(String::as_str)
    }

    /// Everybody on the wire that an interface is on, by place and interface: who is no port of a bridge.
    pub(super) fn stations(&self, place: &str, interface: &str) -> Vec<(String, String)> {
        let all = self.wire((place.to_owned(), interface.to_owned()));
        let is_station = |(place, interface): &(String, String)| !self.is_port(place, interface);
        all.into_keys().filter(is_station).collect()
    }

    /// The port of a bridge behind which an Ethernet address is.
    pub(super) fn port_to(&self, place: &str, bridge: &str, mac: Mac) -> Option<String> {
        let bridge = (place.to_owned(), bridge.to_owned());
        let before = self.wire(bridge.clone());
        let is_it = |key: &&Key| self.ends.get(*key).is_some_and(|end| end.mac == Some(mac));
        let mut at = before.keys().find(is_it)?;
        while before[at] != bridge {
            at = &before[at];
        }
        (*at != bridge).then(|| at.1.clone())
    }

    /// All interfaces of a wire, each with the one before it on the way from where it begins.
    fn wire(&self, from: Key) -> HashMap<Key, Key> {
        let mut before = HashMap::from([(from.clone(), from.clone())]);
        let mut queue = VecDeque::from([from]);
        while let Some(here) = queue.pop_front() {
            let Some(end) = self.ends.get(&here) else { continue };
            let bridge = end.bridge.iter().map(|bridge| (here.0.clone(), bridge.clone()));
            let ports = self.ports.get(&here).into_iter().flatten();
            let ports = ports.map(|port| (here.0.clone(), port.clone()));
            for next in bridge.chain(ports).chain(end.peer.clone()) {
                if !before.contains_key(&next) {
                    before.insert(next.clone(), here.clone());
                    queue.push_back(next);
                }
            }
        }
        before
    }

    fn end(&self, place: &str, interface: &str) -> Option<&End> {
        self.ends.get(&(place.to_owned(), interface.to_owned()))
    }
}

impl Wiring for Wires {
    fn peer(&self, place: &str, interface: &str) -> Option<(&str, &str)> {
        let (place, interface) = self.end(place, interface)?.peer.as_ref()?;
        Some((place, interface))
    }

    fn is_port(&self, place: &str, interface: &str) -> bool {
        self.bridge(place, interface).is_some()
    }
}
