//! The lab as it was planned, ready to be asked: who has an address, what a cable joins, where a packet should go.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::IpAddr;

use ipnet::IpNet;

use crate::model::{Addresses, Family, Lab};
use crate::plan::nftables::Table;
use crate::plan::{self, Encap, Kind, Mac, NextHop, Op, Plan, plan};

/// An interface, by its place in [`Map::interfaces`].
pub(super) type Id = usize;

pub(super) struct Map {
    plan: Plan,
    interfaces: Vec<Interface>,
    /// By place and name.
    named: HashMap<(usize, String), Id>,
    owners: HashMap<IpAddr, Id>,
    macs: HashMap<Mac, Id>,
    /// The nodes' own addresses.
    uplinks: HashMap<String, Addresses>,
    /// Those that are tunnels.
    tunnels: HashSet<Id>,
}

/// An interface as it was planned.
pub(super) struct Interface {
    namespace: usize,
    pub(super) name: String,
    pub(super) mtu: u32,
    pub(super) addresses: Vec<IpNet>,
    /// The bridge that it is a port of.
    pub(super) bridge: Option<Id>,
    /// The other end of its cable.
    far: Option<Id>,
    /// Its ports, where it is a bridge.
    ports: Vec<Id>,
}

/// A route that the lab gave to a place, by hand or with an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Where it leads.
    pub to: IpNet,
    /// The next router; `None` where the place is on that network itself.
    pub via: Option<IpAddr>,
    /// The interface.
    pub link: String,
    /// Whether the next router has to be in a subnet of the interface.
    pub next_hop: NextHop,
    /// From which address packets of the place's own go there, where that is said.
    pub source: Option<IpAddr>,
    /// What it tells a tunnel.
    pub encap: Option<Encap>,
}

fn uplinks(lab: &Lab) -> HashMap<String, Addresses> {
    lab.nodes.iter().map(|node| (node.name.clone(), node.address)).collect()
}

impl Map {
    pub(super) fn new(lab: &Lab) -> Self {
        let plan = plan(lab);
        let mut map = Self {
            interfaces: Vec::new(),
            named: HashMap::new(),
            owners: HashMap::new(),
            macs: HashMap::new(),
            uplinks: uplinks(lab),
            tunnels: HashSet::new(),
            plan: Plan { namespaces: Vec::new(), last: Vec::new() },
        };
        for step in plan.namespaces.iter().flat_map(|namespace| &namespace.steps) {
            step.ops.iter().for_each(|op| map.learn(step.run_in, op));
        }
        map.plan = plan;
        map
    }

    fn learn(&mut self, here: usize, op: &Op) {
        match op {
            Op::Bridge { link, mac, mtu } => {
                let bridge = self.add(here, &link.name, *mtu);
                self.macs.insert(*mac, bridge);
            }
            Op::Tunnel(tunnel) => {
                let id = self.add(here, &tunnel.link.name, tunnel.mtu);
                self.macs.extend(tunnel.mac.map(|mac| (mac, id)));
                self.tunnels.insert(id);
            }
            Op::Veth { near, bridge, far_namespace, far, mtu } => {
                let one = self.add(here, &near.link.name, *mtu);
                let other = self.add(*far_namespace, &far.link.name, *mtu);
                self.interfaces[one].far = Some(other);
                self.interfaces[other].far = Some(one);
                self.macs.extend([(near.mac, one), (far.mac, other)]);
                let bridge = bridge.as_ref().and_then(|link| self.known(here, link));
                if let Some(bridge) = bridge {
                    self.plug(one, bridge);
                }
            }
            Op::Enslave { link, bridge } => {
                if let Some((port, bridge)) = self.known(here, link).zip(self.known(here, bridge)) {
                    self.plug(port, bridge);
                }
            }
            Op::Address { link, address } => {
                let Some(id) = self.known(here, link) else { return };
                self.interfaces[id].addresses.push(*address);
                self.owners.insert(address.addr(), id);
            }
            _ => {}
        }
    }

    /// An interface that came before.
    fn known(&self, here: usize, link: &plan::Link) -> Option<Id> {
        self.named.get(&(here, link.name.to_string())).copied()
    }

    fn plug(&mut self, port: Id, bridge: Id) {
        self.interfaces[port].bridge = Some(bridge);
        self.interfaces[bridge].ports.push(port);
    }

    fn add(&mut self, namespace: usize, name: &str, mtu: u32) -> Id {
        let id = self.interfaces.len();
        self.named.insert((namespace, name.to_owned()), id);
        self.interfaces.push(Interface {
            namespace,
            name: name.to_owned(),
            mtu,
            addresses: Vec::new(),
            bridge: None,
            far: None,
            ports: Vec::new(),
        });
        id
    }

    pub(super) fn interface(&self, id: Id) -> &Interface {
        &self.interfaces[id]
    }

    /// The other end of an interface's cable.
    pub(super) fn far(&self, id: Id) -> Option<Id> {
        self.interfaces[id].far
    }

    /// The name of the place that has an interface.
    pub(super) fn place(&self, id: Id) -> &str {
        &self.plan.namespaces[self.interfaces[id].namespace].name
    }

    pub(super) fn find(&self, place: &str, link: &str) -> Option<Id> {
        self.named.get(&(self.namespace(place)?, link.to_owned())).copied()
    }

    fn namespace(&self, place: &str) -> Option<usize> {
        self.plan.namespaces.iter().position(|namespace| namespace.name == place)
    }

    /// The interface that has an address.
    pub(super) fn owner(&self, address: IpAddr) -> Option<Id> {
        self.owners.get(&address).copied()
    }

    /// The interface that was given an Ethernet address.
    pub(super) fn owner_of_mac(&self, mac: Mac) -> Option<Id> {
        self.macs.get(&mac).copied()
    }

    /// Takes note of an address that a place turned out to have, and that nobody gave to it.
    pub(super) fn adopt(&mut self, address: IpAddr, id: Id) {
        self.owners.entry(address).or_insert(id);
    }

    /// What people call an interface: `pod4`, which has only one, or `node1 cbr0`.
    pub(super) fn name(&self, id: Id) -> String {
        let interface = &self.interfaces[id];
        let namespace = &self.plan.namespaces[interface.namespace];
        match namespace.kind {
            Kind::Pod | Kind::External => namespace.name.clone(),
            // It answers as one, by whichever of its switches.
            Kind::Fabric if !interface.addresses.is_empty() => namespace.name.clone(),
            _ => format!("{} {}", namespace.name, interface.name),
        }
    }

    /// Whether a place is beyond the cluster.
    pub(super) fn is_external(&self, place: &str) -> bool {
        self.namespace(place).is_some_and(|place| self.plan.namespaces[place].kind == Kind::External)
    }

    /// The node of the pod that has an address.
    pub(super) fn pods_node(&self, address: IpAddr) -> Option<&str> {
        let pod = &self.interfaces[self.owner(address)?];
        let is_pod = self.plan.namespaces[pod.namespace].kind == Kind::Pod;
        is_pod.then(|| self.place(pod.far.unwrap_or_default()))
    }

    /// A node's own address on the underlay: the one that its namespace's default route is reached from, which is not its
    /// pods' gateway.
    pub(super) fn node_address(&self, node: &str, family: Family) -> Option<IpAddr> {
        Some(self.uplinks.get(node)?.get(family)?.addr())
    }

    /// The packet filter rules that a place was given.
    pub(super) fn tables(&self, place: &str) -> impl Iterator<Item = &Table> {
        let here = self.namespace(place);
        let steps = self.plan.namespaces.iter().flat_map(|namespace| &namespace.steps);
        let ops = steps.filter(move |step| Some(step.run_in) == here).flat_map(|step| &step.ops);
        ops.flat_map(|op| match op {
            Op::Nftables { tables } => tables.as_slice(),
            _ => &[],
        })
    }

    /// The interface behind a next hop: the one that has the address or, where nobody has it, the one whose Ethernet
    /// address the place was given for it.
    pub(super) fn next_hop(&self, place: &str, hop: IpAddr) -> Option<Id> {
        let here = self.namespace(place);
        let steps = || self.plan.namespaces.iter().flat_map(|namespace| &namespace.steps);
        let ops = || steps().filter(move |step| Some(step.run_in) == here).flat_map(|step| &step.ops);
        let given = || {
            ops().find_map(|op| match op {
                Op::Neighbour { address, mac, .. } if *address == hop => self.owner_of_mac(*mac),
                _ => None,
            })
        };
        self.owner(hop).or_else(given)
    }

    /// What a place was given to send packets by, most specific first: routes, and networks that it is on.
    pub(super) fn planned(&self, place: &str, to: IpAddr) -> Option<Planned> {
        let routes = self.routes(place).filter(|route| route.to.contains(&to));
        routes.max_by_key(|route| route.to.prefix_len())
    }

    /// Every route that a place was given.
    pub(super) fn routes(&self, place: &str) -> impl Iterator<Item = Planned> + '_ {
        let here = self.namespace(place);
        let steps = self.plan.namespaces.iter().flat_map(|namespace| &namespace.steps);
        let ops = steps.filter(move |step| Some(step.run_in) == here).flat_map(|step| &step.ops);
        ops.filter_map(|op| match op {
            Op::Route(plan::Route { to, via, link, next_hop, source, encap }) => Some(Planned {
                to: *to,
                via: *via,
                link: link.name.to_string(),
                next_hop: *next_hop,
                source: *source,
                encap: *encap,
            }),
            // A network of one address is no route.
            Op::Address { address, .. } if address.prefix_len() == address.max_prefix_len() => None,
            Op::Address { link, address } => {
                let (to, link) = (address.trunc(), link.name.to_string());
                Some(Planned { to, via: None, link, next_hop: NextHop::Checked, source: None, encap: None })
            }
            _ => None,
        })
    }

    /// Whether a place was given the Ethernet address of a neighbour.
    pub(super) fn knows(&self, place: &str, neighbour: IpAddr) -> bool {
        let here = self.namespace(place);
        let steps = self.plan.namespaces.iter().flat_map(|namespace| &namespace.steps);
        let mut ops = steps.filter(|step| Some(step.run_in) == here).flat_map(|step| &step.ops);
        ops.any(|op| matches!(op, Op::Neighbour { address, .. } if *address == neighbour))
    }

    /// Whether a place was given a packet filter's chain of that name.
    pub(super) fn has_chain(&self, place: &str, chain: &str) -> bool {
        let tables = self.ops(place).filter_map(|op| match op {
            Op::Nftables { tables } => Some(tables),
            _ => None,
        });
        tables.flatten().flat_map(|table| &table.chains).any(|one| one.name == chain)
    }

    fn ops(&self, place: &str) -> impl Iterator<Item = &Op> {
        let here = self.namespace(place);
        let steps = self.plan.namespaces.iter().flat_map(|namespace| &namespace.steps);
        steps.filter(move |step| Some(step.run_in) == here).flat_map(|step| &step.ops)
    }

    /// The ports of a bridge; none of anything else.
    pub(super) fn ports(&self, id: Id) -> &[Id] {
        &self.interfaces[id].ports
    }

    /// Whether an interface is a tunnel.
    pub(super) fn is_tunnel(&self, id: Id) -> bool {
        self.tunnels.contains(&id)
    }

    /// The other end of a tunnel for a packet: that of the place which has the next hop or, without one, the target.
    pub(super) fn far_end(&self, place: &str, link: &str, via: Option<IpAddr>, to: IpAddr) -> Option<Id> {
        let by_peer = || {
            let peer = self.ops(place).find_map(|op| match op {
                Op::Wireguard(setup) if setup.link.name == link => {
                    setup.peers.iter().find(|peer| peer.allowed.iter().any(|net| net.contains(&to)))
                }
                _ => None,
            });
            Some(peer?.node.clone())
        };
        let far = match via {
            Some(via) => self.place(self.owner(via)?).to_owned(),
            None => by_peer()?,
        };
        self.find(&far, link)
    }

    /// The address by which tunnels reach a place: IPv4 where it has one.
    pub(super) fn outside(&self, place: &str) -> Option<IpAddr> {
        let eth0 = self.interface(self.find(place, "eth0")?);
        eth0.addresses.iter().map(IpNet::addr).min_by_key(IpAddr::is_ipv6)
    }

    /// The Ethernet address that a place was given for a neighbour on an interface.
    pub(super) fn given_mac(&self, place: &str, on: &str, neighbour: IpAddr) -> Option<Mac> {
        self.ops(place).find_map(|op| match op {
            Op::Neighbour { link, address, mac } if *address == neighbour && link.name == on => Some(*mac),
            _ => None,
        })
    }

    /// What a tunnel's database was given for its other end.
    pub(super) fn forward(&self, place: &str, on: &str, far: Id) -> Option<(Mac, IpAddr)> {
        self.ops(place).find_map(|op| match op {
            Op::Fdb { link, mac, to } if link.name == on && self.owner_of_mac(*mac) == Some(far) => {
                Some((*mac, *to))
            }
            _ => None,
        })
    }

    /// The neighbours that a place was given on an interface.
    pub(super) fn given_neighbours(&self, place: &str, on: &str) -> Vec<(IpAddr, Mac)> {
        let given = self.ops(place).filter_map(|op| match op {
            Op::Neighbour { link, address, mac } if link.name == on => Some((*address, *mac)),
            _ => None,
        });
        given.collect()
    }

    /// An address of that family that an interface was given.
    pub(super) fn address(&self, id: Id, family: Family) -> Option<IpNet> {
        self.interfaces[id].addresses.iter().copied().find(|net| Family::of(net) == family)
    }

    /// The interfaces that a frame passes between two of one layer-2 network, both ends among them; `None` where they are
    /// not of one.
    pub(super) fn wire(&self, from: Id, to: Id) -> Option<Vec<Id>> {
        let mut before = HashMap::from([(from, from)]);
        let mut queue = VecDeque::from([from]);
        while let Some(id) = queue.pop_front() {
            if id == to {
                let mut path = vec![to];
                while let Some(last) = path.last().copied().filter(|last| *last != from) {
                    path.push(before[&last]);
                }
                path.reverse();
                return Some(path);
            }
            let Interface { bridge, far, ports, .. } = &self.interfaces[id];
            for next in bridge.iter().chain(far).chain(ports) {
                if !before.contains_key(next) {
                    before.insert(*next, id);
                    queue.push_back(*next);
                }
            }
        }
        None
    }
}
