//! Permanent neighbours that come and go while a lab runs. The kernel remembers who entered them, so that no others are taken
//! away: not those of the plan, and not those that somebody entered by hand.

use std::collections::HashSet;
use std::net::IpAddr;

use netlink_packet_core::{NLM_F_CREATE, NLM_F_REPLACE};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::neighbour::{NeighbourAttribute, NeighbourState};
use netlink_packet_route::route::RouteProtocol;
use nix::errno::Errno;

use super::Live;
use crate::kernel::error::{Error, Result};
use crate::kernel::inspect::{neighbours, permanent};
use crate::kernel::message::{entry, message};
use crate::kernel::netlink::Refusal;
use crate::plan::Op;

/// Who entered them, as `ip neigh` shows it behind `proto`: a number that no routing daemon has (/etc/iproute2/rt_protos).
const MARK: RouteProtocol = RouteProtocol::Other(110);

impl Live {
    /// Makes those of these neighbour entries that are not there as permanent ones already. Gives back what was made, for
    /// [`forget`](Self::forget).
    ///
    /// # Errors
    /// If the kernel refuses one of them, or does not say what there is.
    pub fn learn(&mut self, place: &str, entries: &[Op]) -> Result<Vec<(u32, IpAddr)>> {
        let there = permanent(&mut self.room(place)?.reader)?;
        let there: HashSet<(u32, IpAddr)> = there.iter().map(|entry| (entry.link, entry.address)).collect();
        let (mut made, mut requests) = (Vec::new(), Vec::new());
        for op in entries {
            let Op::Neighbour { link, address, .. } = op else { continue };
            if there.contains(&(link.index, *address)) {
                continue;
            }
            let (mut message, _) = message(op, |_| 0)?;
            if let RouteNetlinkMessage::NewNeighbour(message) = &mut message {
                message.attributes.push(NeighbourAttribute::Protocol(MARK));
            }
            made.push((link.index, *address));
            requests.push((message, NLM_F_CREATE | NLM_F_REPLACE));
        }
        self.done(place, requests, "entering", &made, None)?;
        Ok(made)
    }

    /// What has been learnt in a place, and not been forgotten.
    ///
    /// # Errors
    /// If the kernel does not say.
    pub fn learnt(&mut self, place: &str) -> Result<Vec<(u32, IpAddr)>> {
        let there = permanent(&mut self.room(place)?.reader)?;
        let ours = there.into_iter().filter(|entry| entry.protocol == Some(MARK));
        Ok(ours.map(|entry| (entry.link, entry.address)).collect())
    }

    /// Has a place forget all neighbours that it has learnt by itself. What somebody entered stays.
    ///
    /// # Errors
    /// If the kernel refuses, or does not say what there is.
    pub fn forget_all(&mut self, place: &str) -> Result<()> {
        let there = neighbours(&mut self.room(place)?.reader)?;
        let learnt = there.into_iter().filter(|entry| entry.state != NeighbourState::Permanent.to_string());
        // Each goes by itself: one that the kernel has dropped in the meantime must not keep the others.
        for entry in learnt.map(|entry| (entry.link, entry.address)) {
            self.forget(place, &[entry])?;
        }
        Ok(())
    }

    /// Takes entries away: who they are about is asked for again when there is something to be sent.
    ///
    /// # Errors
    /// If the kernel refuses. An entry that is gone already is none.
    pub fn forget(&mut self, place: &str, entries: &[(u32, IpAddr)]) -> Result<()> {
        let requests = entries
            .iter()
            .map(|(index, address)| (RouteNetlinkMessage::DelNeighbour(entry(*index, *address)), 0));
        let requests = requests.collect();
        self.done(place, requests, "forgetting", entries, Some(Errno::ENOENT))
    }

    fn done(
        &mut self,
        place: &str,
        requests: Vec<(RouteNetlinkMessage, u16)>,
        doing: &str,
        entries: &[(u32, IpAddr)],
        fine: Option<Errno>,
    ) -> Result<()> {
        let Some(Refusal { place: number, errno, said }) = self.batch(place, requests)? else {
            return Ok(());
        };
        if Some(errno) == fine {
            return Ok(());
        }
        let who = entries.get(number).map_or_else(String::new, |(_, address)| format!(" {address}"));
        Err(Error::Refused { place: place.to_owned(), what: format!("{doing} neighbour{who}"), errno, said })
    }
}
