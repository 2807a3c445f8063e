//! From one place to the next: the cables and bridges that a frame passes, and the Ethernet address that it is for.

use std::net::IpAddr;

use super::parcel::Parcel;
use super::{Ending, Followed, Follower, Halt, Next, address, dropped, is_link_local, own_address};
use crate::blame::{Link, State};
use crate::packet::decode::MacAddress;
use crate::plan::Mac;
use crate::plan::nftables::{Hook, Verdict};
use crate::walk::{Asked, Direction, Protocol, Role, Wiring as _};

/// All frames, in parts per million.
const ALL: u64 = 1_000_000;

/// A frame at an interface.
struct Crossing {
    place: String,
    interface: String,
    direction: Direction,
}

/// The interfaces that a frame passes, and who gets it.
struct Crossed {
    passed: Vec<Crossing>,
    end: Followed<(String, String)>,
}

/// What those look at that a frame passes.
#[derive(Clone, Copy)]
struct Frame {
    /// For whom it is.
    to: MacAddress,
    /// From whom to whom the packet is in it; a question for a neighbour has none.
    ends: Option<(IpAddr, IpAddr)>,
    /// Bytes after its Ethernet header.
    length: usize,
}

/// Which way a frame passes an interface.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Passing {
    In,
    Out,
}

impl Follower<'_> {
    /// The Ethernet address of a next hop: the one that is known, or the one that its owner would answer with.
    pub(super) fn neighbour(
        &mut self,
        at: &str,
        state: &State,
        link: &Link,
        hop: IpAddr,
    ) -> Followed<MacAddress> {
        let name = &link.name;
        if let Some(mac) = state.neighbour(name, hop).and_then(|entry| entry.mac) {
            return Ok(address(mac));
        }
        if link.tunnel.is_some() {
            let text = format!("{at} has no neighbour entry for {hop} on {name}, and nobody there to ask");
            return Err(dropped(at, text));
        }
        let nobody = || dropped(at, format!("{at} asks on {name} for {hop}, and nobody there has it"));
        let station = self.asked_for(at, name, hop).ok_or_else(nobody)?;
        let there = self.state(&station.0)?;
        let answers = there.link(&station.1).filter(|_| there.has(hop)).and_then(|link| link.mac);
        let mac = address(answers.ok_or_else(nobody)?);
        // A question goes to everybody, and switches learn from it and from its answer who is where.
        self.heard.extend(link.mac.map(address).into_iter().chain([mac]));
        let question = Frame { to: mac, ends: None, length: 0 };
        if let Err(why) = self.cross(at, link, question).end {
            let text = format!("{at} asks on {name} for {hop}, and is not heard: {}", why.text);
            return Err(dropped(at, text));
        }
        let protocol = if hop.is_ipv4() { Protocol::Arp } else { Protocol::NeighbourDiscovery };
        let met = |(place, whom): &(String, IpAddr)| place == at && *whom == hop;
        if !self.met.iter().any(met) {
            self.asked.push(Asked { protocol, interface: name.clone(), whom: hop, answer: Some(mac) });
        }
        // Who is asked learns who asks.
        let own = own_address(link, hop, hop).map(|own| (station.0, own));
        self.met.extend(own.into_iter().chain([(at.to_owned(), hop)]));
        Ok(mac)
    }

    /// Who on an interface's wire has an address.
    fn asked_for(&mut self, at: &str, name: &str, hop: IpAddr) -> Option<(String, String)> {
        let mut on_wire = self.wires.stations(at, name).into_iter();
        if let Some(holder) = self.wires.holder(hop) {
            return on_wire.find(|(place, _)| place == holder);
        }
        // An address that a kernel has given itself is in no plan.
        let is_own = is_link_local(hop);
        on_wire.filter(|_| is_own).find(|(place, name)| {
            let there = self.facts.place(place).ok();
            let link = there.as_ref().and_then(|there| there.link(name));
            link.is_some_and(|link| link.addresses.iter().any(|net| net.addr() == hop))
        })
    }

    /// Sends a packet as a frame, from an interface of a place's IP stack to whoever takes it.
    pub(super) fn send(
        &mut self,
        at: &str,
        link: &Link,
        to: MacAddress,
        parcel: &mut Parcel,
    ) -> Followed<Next> {
        parcel.address(link.mac.map(|own| (address(own), to)));
        let ends = parcel.ip().map(|ip| (ip.from, ip.to));
        let length = parcel.ip().map_or(0, |ip| ip.length);
        let Crossed { passed, end } = self.cross(at, link, Frame { to, ends, length });
        for Crossing { place, interface, direction } in passed {
            self.step(&place, &interface, direction, parcel);
        }
        end.map(|(place, link)| Next::There(place, link))
    }

    /// The way of a frame through cables and bridges.
    fn cross(&mut self, at: &str, link: &Link, frame: Frame) -> Crossed {
        let mut passed = Vec::new();
        let end = self.crossing(at, link, frame, &mut passed);
        Crossed { passed, end }
    }

    fn crossing(
        &mut self,
        at: &str,
        link: &Link,
        frame: Frame,
        passed: &mut Vec<Crossing>,
    ) -> Followed<(String, String)> {
        let Frame { to, ends, .. } = frame;
        let (mut place, mut name) = (at.to_owned(), link.name.clone());
        loop {
            let state = self.state(&place)?;
            let link = present(&place, &state, &name)?;
            if link.bridge.is_some() {
                fits(&place, link, frame)?;
            }
            sends(&place, &state, link, ends)?;
            passed.push(Crossing {
                place: place.clone(),
                interface: name.clone(),
                direction: Direction::Out,
            });
            if self.wires.role(&place, &name) == Some(&Role::Bridge) {
                name = self.port(&place, &state, &name, None, to)?;
                continue;
            }
            let Some((far, end)) = self.wires.peer(&place, &name) else {
                return Err(dropped(&place, format!("nothing is at the other end of {place} {name}")));
            };
            let (far, end) = (far.to_owned(), end.to_owned());
            let there = self.state(&far)?;
            let link = present(&far, &there, &end)?;
            fits(&far, link, frame)?;
            passed.push(arrival(&far, link, to));
            filtered(&far, &there, &end, Passing::In, ends)?;
            let Some(bridge) = link.bridge.clone() else {
                return if taken(link, to) { Ok((far, end)) } else { Err(for_another(&far, &end)) };
            };
            is_forwarding(&far, link)?;
            let of_bridge = present(&far, &there, &bridge)?;
            if taken(of_bridge, to) {
                passed.push(arrival(&far, of_bridge, to));
                return Ok((far, bridge));
            }
            name = self.port(&far, &there, &bridge, Some(link), to)?;
            place = far;
        }
    }

    /// The port by which a bridge sends on what is for an Ethernet address: the one that it knows, or the one of all that
    /// leads there.
    fn port(
        &self,
        place: &str,
        state: &State,
        bridge: &str,
        came: Option<&Link>,
        to: MacAddress,
    ) -> Followed<String> {
        let is_port = |name: &str| {
            let link = state.link(name);
            link.filter(|link| link.bridge.as_deref() == Some(bridge))
        };
        let mut entries = state.switched.iter().filter(|entry| entry.mac == Mac(to.0));
        let known = entries.find_map(|entry| is_port(&entry.link)).filter(|_| !self.heard.contains(&to));
        if let Some(port) = known {
            return passed_on(place, bridge, (came, port), to);
        }
        let port = self.wires.port_to(place, bridge, Mac(to.0)).and_then(|port| is_port(&port));
        let nobody = || {
            let text = format!("{place} {bridge} sends it by all of its ports, and nobody there is {to}");
            dropped(place, text)
        };
        let passed = port.ok_or_else(nobody).and_then(|port| passed_on(place, bridge, (came, port), to));
        // All other ports get it all the same.
        passed.map_err(|ending| Box::new(Ending { how: Halt::Flooded, ..*ending }))
    }
}

/// The port, if a bridge sends on by it what came by another, or from itself.
fn passed_on(
    place: &str,
    bridge: &str,
    (came, port): (Option<&Link>, &Link),
    to: MacAddress,
) -> Followed<String> {
    let name = &port.name;
    if port.mac == Some(Mac(to.0)) {
        return Err(dropped(place, format!("{place} {bridge} keeps it: {to} is its own port {name}")));
    }
    if let Some(came) = came {
        if came.name == port.name {
            let text = format!("{place} {bridge} would have to send it back by {name}, and does not");
            return Err(dropped(place, text));
        }
        if came.isolated && port.isolated {
            let text = format!("{place} {bridge} keeps {} and {name} apart", came.name);
            return Err(dropped(place, text));
        }
    }
    is_forwarding(place, port)?;
    Ok(name.clone())
}

fn present<'s>(place: &str, state: &'s State, name: &str) -> Followed<&'s Link> {
    state.link(name).ok_or_else(|| dropped(place, format!("{place} has no interface {name}")))
}

/// Whether an interface lets a frame out.
fn sends(place: &str, state: &State, link: &Link, ends: Option<(IpAddr, IpAddr)>) -> Followed<()> {
    let name = &link.name;
    if !link.up {
        return Err(dropped(place, format!("{place} {name} is down")));
    }
    if !link.carrier {
        return Err(dropped(place, format!("{place} {name} has no carrier: nothing at its other end is up")));
    }
    filtered(place, state, name, Passing::Out, ends)?;
    if link.loss_ppm >= ALL {
        return Err(dropped(place, format!("{place} {name} loses all that it sends (netem)")));
    }
    Ok(())
}

/// Bytes of a VLAN tag, for which the kernel leaves room everywhere.
const TAG: usize = 4;

/// Whether an interface takes a frame that comes in by it, or that its bridge sends by it: the kernel drops one that is
/// longer than its MTU, its Ethernet header and a VLAN tag, and tells nobody (`is_skb_forwardable`).
fn fits(place: &str, link: &Link, frame: Frame) -> Followed<()> {
    let (name, mtu, length) = (&link.name, link.mtu, frame.length);
    if length <= mtu as usize + TAG {
        return Ok(());
    }
    Err(dropped(place, format!("{place} {name} takes {mtu} bytes, and the packet has {length}")))
}

/// Whether a packet filter at an interface lets a packet through.
fn filtered(
    place: &str,
    state: &State,
    name: &str,
    passing: Passing,
    ends: Option<(IpAddr, IpAddr)>,
) -> Followed<()> {
    let Some((from, to)) = ends else { return Ok(()) };
    let here = |hook: &Hook| match hook {
        Hook::Ingress { device } => passing == Passing::In && *device == name,
        Hook::Egress { device } => passing == Passing::Out && *device == name,
        Hook::NatPostrouting => false,
    };
    let chains = state.filters.iter().flat_map(|table| &table.chains).filter(|chain| here(&chain.hook));
    let drops = chains
        .filter_map(|chain| chain.decides(from, to).filter(|rule| rule.verdict == Verdict::Drop))
        .next();
    drops.map_or(Ok(()), |rule| Err(dropped(place, format!("{place} drops it at {name}: {rule}"))))
}

/// Whether a bridge lets frames pass one of its ports.
fn is_forwarding(place: &str, port: &Link) -> Followed<()> {
    match port.port.as_deref() {
        Some(state) if state != "forwarding" => {
            let bridge = port.bridge.as_deref().unwrap_or_default();
            Err(dropped(place, format!("{place} {}, a port of {bridge}, is {state}", port.name)))
        }
        _ => Ok(()),
    }
}

/// A frame that comes in. Of a port it says nothing that the frame is another's.
fn arrival(place: &str, link: &Link, to: MacAddress) -> Crossing {
    let direction = if taken(link, to) { Direction::In } else { Direction::InForOther };
    Crossing { place: place.to_owned(), interface: link.name.clone(), direction }
}

fn taken(link: &Link, to: MacAddress) -> bool {
    to.is_multicast() || link.mac.is_none_or(|own| address(own) == to)
}

fn for_another(place: &str, name: &str) -> Box<Ending> {
    dropped(place, format!("{place} {name} drops it: its Ethernet address is another's"))
}
