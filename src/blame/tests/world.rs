//! Kernels that do what a plan says, and let themselves be broken.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;

use ipnet::IpNet;

use super::super::{Decision, Facts, Link, Neighbour, Packet, Route, State, Verdict, Way, blame};
use crate::model::{Family, Lab};
use crate::plan::nftables::TableFamily;
use crate::plan::{Op, plan};

const SHIPPED: [(&str, &str); 8] = [
    ("one-node", include_str!("../../../labs/one-node.toml")),
    ("two-node", include_str!("../../../labs/two-node.toml")),
    ("three-node", include_str!("../../../labs/three-node.toml")),
    ("dual-stack", include_str!("../../../labs/dual-stack.toml")),
    ("sidecar", include_str!("../../../labs/sidecar.toml")),
    ("l2", include_str!("../../../labs/l2.toml")),
    ("cloud", include_str!("../../../labs/cloud.toml")),
    ("egress", include_str!("../../../labs/egress.toml")),
];

/// A place's tables.
#[derive(Default)]
pub(crate) struct Place {
    pub(crate) state: State,
    /// Next hop and interface of each route of [`State::routes`].
    hops: Vec<(Option<IpAddr>, String)>,
    /// The source of its own packets.
    pub(crate) source: Option<IpAddr>,
    /// The MTU that it has learnt of all paths of its own packets.
    pub(crate) path_mtu: Option<u32>,
    /// What a rule has it do with packets for others.
    pub(crate) ruled: Option<Decision>,
}

/// A lab whose places can be changed by name.
pub(crate) struct World {
    pub(crate) lab: Lab,
    pub(crate) places: BTreeMap<String, Place>,
    /// The look-ups that were made.
    pub(crate) asked: usize,
}

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

pub(crate) fn net(text: &str) -> IpNet {
    text.parse().expect("a network")
}

impl World {
    pub(crate) fn new(file: &str) -> Self {
        let lab = crate::parse(file, "lab").expect("a topology");
        let mut places: BTreeMap<String, Place> = BTreeMap::new();
        let plan = plan(&lab);
        let name = |number: usize| plan.namespaces[number].name.clone();
        for step in plan.namespaces.iter().flat_map(|namespace| &namespace.steps) {
            for op in &step.ops {
                let here = places.entry(name(step.run_in)).or_default();
                match op {
                    Op::Sysctl { path: "net/ipv4/ip_forward", value, .. } => {
                        here.state.forwards_v4 = *value == "1";
                    }
                    Op::Sysctl { path: "net/ipv6/conf/all/forwarding", value, .. } => {
                        here.state.forwards_v6 = *value == "1";
                    }
                    Op::Bridge { link, mac, mtu } => {
                        here.state.links.push(Link { mac: Some(*mac), mtu: *mtu, ..a_link(&link.name) });
                    }
                    Op::Veth { near, bridge, far_namespace, far, mtu } => {
                        let bridge = bridge.as_ref().map(|bridge| bridge.name.to_string());
                        let port = bridge.as_ref().map(|_| "forwarding".to_owned());
                        let cable = |end: &crate::plan::End| Link {
                            mac: Some(end.mac),
                            mtu: *mtu,
                            ..a_link(&end.link.name)
                        };
                        here.state.links.push(Link { bridge, port, ..cable(near) });
                        places.entry(name(*far_namespace)).or_default().state.links.push(cable(far));
                    }
                    Op::Nftables { tables } => {
                        here.state.filters.extend(tables.clone());
                        let nat = tables.iter().filter(|table| table.family == TableFamily::Inet);
                        let chains = nat.flat_map(|table| &table.chains);
                        here.state.source_nat.extend(chains.flat_map(|chain| chain.rules.clone()));
                    }
                    Op::Enslave { link, bridge } => {
                        let port = here.link(&link.name);
                        port.bridge = Some(bridge.name.to_string());
                        port.port = Some("forwarding".into());
                    }
                    Op::Address { link, address } => {
                        here.link(&link.name).addresses.push(*address);
                        here.add(address.trunc(), None, &link.name);
                    }
                    Op::Route(crate::plan::Route { to, via, link, .. }) => here.add(*to, *via, &link.name),
                    Op::Neighbour { link, address, mac } => here.state.neighbours.push(Neighbour {
                        address: *address,
                        link: link.name.to_string(),
                        mac: Some(*mac),
                        state: "permanent".into(),
                    }),
                    _ => {}
                }
            }
        }
        Self { lab, places, asked: 0 }
    }

    pub(crate) fn shipped(name: &str) -> Self {
        let found = SHIPPED.iter().find(|(known, _)| *known == name);
        Self::new(found.expect("a shipped lab").1)
    }

    pub(crate) fn at(&mut self, place: &str) -> &mut Place {
        self.places.get_mut(place).expect("a place")
    }

    pub(crate) fn blame(&mut self, from: &str, to: &str) -> Verdict {
        let lab = self.lab.clone();
        blame(&lab, from, ip(to), self)
    }

    /// What is blamed, and the commands that mend it.
    pub(crate) fn likely(&mut self, from: &str, to: &str) -> (String, Vec<String>) {
        let blame = self.blame(from, to).blame.expect("something is wrong");
        (blame.to_string(), blame.mend)
    }

    /// The look-ups, each with its place.
    pub(crate) fn lookups(&mut self, from: &str, to: &str) -> Vec<String> {
        let arrow = |way: Way| if way == Way::There { "" } else { "back " };
        let lookups = self.blame(from, to).lookups;
        lookups.into_iter().map(|one| format!("{}{}: {}", arrow(one.way), one.place, one.text)).collect()
    }
}

fn a_link(name: &str) -> Link {
    Link {
        name: name.to_owned(),
        up: true,
        carrier: true,
        loss_ppm: 0,
        mtu: 1500,
        mac: None,
        addresses: Vec::new(),
        bridge: None,
        port: None,
        isolated: false,
        forwards_v4: true,
        hop_limit: None,
        disabled_v6: false,
        rp_filter: 0,
        tunnel: None,
    }
}

impl Place {
    pub(crate) fn link(&mut self, name: &str) -> &mut Link {
        self.state.links.iter_mut().find(|link| link.name == name).expect("an interface")
    }

    pub(crate) fn add(&mut self, to: IpNet, via: Option<IpAddr>, link: &str) {
        self.state.routes.push(Route { to, kind: "unicast".into() });
        self.hops.push((via, link.to_owned()));
    }

    pub(crate) fn refuse(&mut self, to: &str, kind: &str) {
        self.delete(to);
        self.state.routes.push(Route { to: net(to), kind: kind.into() });
        self.hops.push((None, String::new()));
    }

    pub(crate) fn delete(&mut self, to: &str) {
        self.forget(|route, _| route.to == net(to));
    }

    /// As the kernel does it: routes by an interface go with it.
    pub(crate) fn down(&mut self, name: &str) {
        (self.link(name).up, self.link(name).carrier) = (false, false);
        self.forget(|_, link| link == name);
    }

    /// As the kernel does it: with the last address go the routes.
    pub(crate) fn lose_address(&mut self, name: &str, address: &str) {
        self.link(name).addresses.retain(|net| net.addr() != ip(address));
        let v6 = ip(address).is_ipv6();
        self.forget(|route, link| link == name && route.to.addr().is_ipv6() == v6);
    }

    fn forget(&mut self, goes: impl Fn(&Route, &str) -> bool) {
        let routes = std::mem::take(&mut self.state.routes).into_iter();
        let both = routes.zip(std::mem::take(&mut self.hops));
        let kept = both.filter(|(route, (_, link))| !goes(route, link));
        (self.state.routes, self.hops) = kept.unzip();
    }

    pub(crate) fn neighbour(&mut self, link: &str, address: &str, mac: Option<[u8; 6]>, state: &str) {
        self.state.neighbours.retain(|entry| entry.link != link || entry.address != ip(address));
        self.state.neighbours.push(Neighbour {
            address: ip(address),
            link: link.into(),
            mac: mac.map(crate::plan::Mac),
            state: state.into(),
        });
    }

    fn decide(&self, packet: &Packet) -> Decision {
        let refuse = |errno: &str, text: &str| Decision::Refuse { errno: errno.into(), text: text.into() };
        if self.state.has(packet.to) {
            return Decision::Keep;
        }
        if packet.entered.is_some() && !self.state.forwards(Family::of_address(&packet.to)) {
            return refuse("EHOSTUNREACH", "No route to host");
        }
        if let Some(decision) = &self.ruled {
            return decision.clone();
        }
        let routes = self.state.routes.iter().zip(&self.hops);
        let best = routes
            .filter(|(route, _)| route.to.contains(&packet.to))
            .max_by_key(|(route, _)| route.to.prefix_len());
        match best {
            None => refuse("ENETUNREACH", "Network is unreachable"),
            Some((route, _)) if route.kind == "blackhole" => refuse("EINVAL", "Invalid argument"),
            Some((route, _)) if route.kind == "prohibit" => refuse("EACCES", "Permission denied"),
            Some((route, _)) if route.kind == "unreachable" => refuse("EHOSTUNREACH", "No route to host"),
            Some((_, (via, link))) => Decision::Send {
                via: *via,
                link: link.clone(),
                source: self.source,
                table: None,
                encap: None,
                mtu: self.path_mtu.filter(|_| packet.entered.is_none()),
            },
        }
    }
}

impl Facts for World {
    fn place(&mut self, name: &str) -> Result<Rc<State>, String> {
        let place = self.places.get(name).ok_or_else(|| format!("{name}: its pause process 7 is gone"))?;
        Ok(Rc::new(place.state.clone()))
    }

    fn route(&mut self, place: &str, packet: &Packet) -> Result<Decision, String> {
        self.asked += 1;
        let place = self.places.get(place).ok_or_else(|| format!("{place}: its pause process 7 is gone"))?;
        let decision = place.decide(packet);
        let Some((entered, from)) = packet.entered.as_ref().zip(packet.from) else { return Ok(decision) };
        // Strict reverse path filtering, as kernels of today report it.
        let strict = place.state.link(entered).is_some_and(|link| link.rp_filter == 1);
        let back = place.decide(&Packet { from: None, to: from, entered: None });
        let same = matches!(&back, Decision::Send { link, .. } if link == entered);
        if strict && !same {
            return Ok(Decision::Refuse { errno: "EINVAL".into(), text: "Invalid argument".into() });
        }
        Ok(decision)
    }
}
