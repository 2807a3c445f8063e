//! How a lab is wired, as it was planned: what is at the other end of a cable, and what an interface is there for.

use std::collections::HashMap;

use super::fold::Wiring;
use crate::packet::decode::MacAddress;
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

/// The interfaces of a plan.
pub struct Wires {
    ends: HashMap<(String, String), End>,
    macs: HashMap<Mac, String>,
    kinds: HashMap<String, Kind>,
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
        let mut wires = Self { ends: HashMap::new(), macs: HashMap::new(), kinds };
        for step in plan.namespaces.iter().flat_map(|namespace| &namespace.steps) {
            let here = &plan.namespaces[step.run_in].name;
            step.ops.iter().for_each(|op| wires.learn(plan, here, op));
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

    /// Whether an interface takes a frame that came in there: it is for its own Ethernet address, or for many.
    pub fn is_for(&self, place: &str, interface: &str, frame: &[u8]) -> bool {
        let own = self.end(place, interface).and_then(|end| end.mac);
        let to = frame.first_chunk::<6>().map(|bytes| MacAddress(*bytes));
        own.zip(to).is_none_or(|(own, to)| to.is_multicast() || to.0 == own.0)
    }

    /// Whose Ethernet address that is: `pod1`, `node1 cbr0`.
    pub fn owner(&self, mac: Mac) -> Option<&str> {
        self.macs.get(&mac).map(String::as_str)
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
