//! Addresses of another length than the planned ones: who is taken for a neighbour, and who is not.

use std::net::IpAddr;

use ipnet::IpNet;

use super::cause::Cause;
use super::facts::{Link, State};
use super::follow::Walk;
use super::map::Id;
use super::{Blame, mend};
use crate::model::Family;

impl Walk<'_> {
    /// An address that nobody planned, and that makes a place take `to` for a neighbour.
    pub(super) fn too_wide(&self, at: &str, state: &State, link: &str, to: IpAddr) -> Option<Box<Blame>> {
        let (id, link) = (self.map.find(at, link)?, state.link(link)?);
        let planned = &self.map.interface(id).addresses;
        let mut wide = link.addresses.iter().filter(|net| net.contains(&to) && !planned.contains(net));
        wide.find_map(|net| self.longer_or_shorter(at, state, id, link, *net))
    }

    /// An address that has the planned one's place, and not its length.
    pub(super) fn of_wrong_length(
        &self,
        at: &str,
        state: &State,
        id: Id,
        family: Family,
    ) -> Option<Box<Blame>> {
        let link = state.link(&self.map.interface(id).name)?;
        let planned = self.map.address(id, family).filter(|net| !link.addresses.contains(net))?;
        let net = link.addresses.iter().find(|net| net.addr() == planned.addr())?;
        self.longer_or_shorter(at, state, id, link, *net)
    }

    fn longer_or_shorter(
        &self,
        at: &str,
        state: &State,
        id: Id,
        link: &Link,
        net: IpNet,
    ) -> Option<Box<Blame>> {
        let planned = self.map.interface(id).addresses.iter().find(|planned| planned.addr() == net.addr())?;
        let mend = mend::resize(&self.map, at, &link.name, state, net, *planned);
        let cause = Cause::WrongLength { link: link.name.clone(), address: net, planned: *planned };
        Some(self.wrong(at, cause, mend))
    }
}
