//! Into a tunnel, and out of it at the other end.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::parcel::{Parcel, Wrapping};
use super::{Ending, Exit, Followed, Follower, address, dropped};
use crate::blame::{Link, State, Tunnel, Wraps};
use crate::plan::Mac;
use crate::walk::Direction;

impl Follower<'_> {
    /// Hands a packet to a tunnel, and wraps it for the end that the tunnel's tables say.
    pub(super) fn enter_tunnel(
        &mut self,
        at: &str,
        state: &State,
        link: &Link,
        exit: &Exit,
        parcel: &mut Parcel,
    ) -> Followed<()> {
        let Some(tunnel) = &link.tunnel else { return Ok(()) };
        if !link.up {
            return Err(dropped(at, format!("{at} {} is down", link.name)));
        }
        let macs = match (tunnel.kind, link.mac) {
            (Wraps::Vxlan | Wraps::Geneve, Some(own)) => {
                Some((address(own), self.neighbour(at, state, link, exit.hop)?))
            }
            _ => None,
        };
        parcel.address(macs);
        self.step(at, &link.name, Direction::Out, parcel);
        let (wrapping, to) = far_end(at, state, (link, tunnel), exit, parcel)?;
        let nobody = if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        *parcel = parcel.clone().wrap(wrapping, tunnel.local.unwrap_or(nobody), to);
        Ok(())
    }

    /// Takes a packet out of the tunnel whose end a place is, and gives back the interface where it comes out; none if
    /// it is in no tunnel.
    pub(super) fn unwrapped(
        &mut self,
        at: &str,
        state: &State,
        parcel: &mut Parcel,
    ) -> Followed<Option<String>> {
        let Some(wrapping) = parcel.wrapping() else { return Ok(None) };
        let end = state.links.iter().find(|link| link.tunnel.as_ref().is_some_and(|it| opens(it, wrapping)));
        let Some(end) = end else {
            return Err(dropped(at, format!("{at} has no end of such a tunnel, and nobody else wants it")));
        };
        if !end.up {
            return Err(dropped(at, format!("{at} {} is down", end.name)));
        }
        parcel.unwrap_once();
        let is_for_it = parcel.receiver().is_none_or(|to| end.mac.is_none_or(|own| address(own) == to));
        let direction = if is_for_it { Direction::In } else { Direction::InForOther };
        self.step(at, &end.name, direction, parcel);
        if !is_for_it {
            return Err(dropped(
                at,
                format!("{at} {} drops it: its Ethernet address is another's", end.name),
            ));
        }
        Ok(Some(end.name.clone()))
    }
}

/// Whether a tunnel's end takes what is wrapped so.
fn opens(tunnel: &Tunnel, wrapping: Wrapping) -> bool {
    match (tunnel.kind, wrapping) {
        // A device that works by the packet takes every network.
        (Wraps::Vxlan, Wrapping::Vxlan(id)) | (Wraps::Geneve, Wrapping::Geneve(id)) => {
            tunnel.id.is_none_or(|own| own == id)
        }
        (Wraps::Ipip, Wrapping::Ip)
        | (Wraps::Gre, Wrapping::Gre)
        | (Wraps::Wireguard, Wrapping::Wireguard) => true,
        _ => false,
    }
}

/// The node that a packet is wrapped for, and how.
fn far_end(
    at: &str,
    state: &State,
    (link, tunnel): (&Link, &Tunnel),
    exit: &Exit,
    parcel: &Parcel,
) -> Followed<(Wrapping, IpAddr)> {
    let name = &link.name;
    let unsaid = |what: String| -> Box<Ending> { dropped(at, format!("{at} {name} {what}")) };
    let by_route = || unsaid(format!("is told no far end by the route to {}", exit.hop));
    match tunnel.kind {
        Wraps::Vxlan => {
            let receiver = parcel.receiver().map(|mac| Mac(mac.0));
            let mut entries = state.forwards.iter().filter(|entry| entry.link == *name);
            let entry = entries.find(|entry| Some(entry.mac) == receiver);
            let whom = receiver.map(|mac| mac.to_string()).unwrap_or_default();
            let entry = entry.ok_or_else(|| unsaid(format!("has no FDB entry for {whom}")))?;
            Ok((Wrapping::Vxlan(tunnel.id.unwrap_or(0)), entry.to))
        }
        Wraps::Geneve => {
            let encap = exit.encap.ok_or_else(by_route)?;
            Ok((Wrapping::Geneve(encap.id.or(tunnel.id).unwrap_or(0)), encap.to))
        }
        Wraps::Gre => Ok((Wrapping::Gre, exit.encap.ok_or_else(by_route)?.to)),
        Wraps::Ipip => Ok((Wrapping::Ip, exit.encap.map_or(exit.hop, |encap| encap.to))),
        Wraps::Wireguard => {
            let to = parcel.ip().map_or(exit.hop, |ip| ip.to);
            let behind = |peer: &&crate::blame::Peer| {
                let nets = peer.allowed.iter().filter(|net| net.contains(&to));
                nets.map(IpNet::prefix_len).max()
            };
            let peers = tunnel.peers.iter().filter(|peer| behind(peer).is_some());
            let peer = peers.max_by_key(behind).and_then(|peer| peer.endpoint);
            Ok((Wrapping::Wireguard, peer.ok_or_else(|| unsaid(format!("has no peer for {to}")))?))
        }
    }
}
