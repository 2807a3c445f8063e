//! What a packet's sender was told of it by ICMP.

use std::time::Duration;

use super::{Carries, Direction, Walk};
use crate::packet::decode::Meaning;
use crate::probe::Outcome;

impl Walk {
    /// What the first ICMP error says that came back to `sender`, from whom, and when.
    pub fn said(&self, sender: &str) -> Option<Outcome> {
        self.errors.iter().find_map(|steps| {
            let last = steps.last().filter(|last| last.place == sender && last.direction == Direction::In)?;
            let layer = last.packet.inner()?;
            let Carries::Icmp(icmp) = layer.carries else { return None };
            let (from, rtt) = (layer.ip?.from, Duration::from_nanos(last.after));
            match icmp.meaning {
                Meaning::TimeExceeded => Some(Outcome::TtlExceeded { from, rtt }),
                Meaning::TooBig(mtu) => {
                    Some(Outcome::FragNeeded { mtu: Some(mtu).filter(|mtu| *mtu > 0), from, rtt })
                }
                Meaning::Unreachable => Some(Outcome::from_icmp_error(icmp.kind, icmp.code, None, from, rtt)),
                _ => None,
            }
        })
    }
}
