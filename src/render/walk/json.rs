//! A walk for programs.

use serde::Serialize;

use super::Title;
use crate::plan::Mac;
use crate::render::Names;
use crate::walk::{Change, Direction, Step, Walk, Wires};

/// `netlab.walk/1`.
#[derive(Debug, Serialize)]
pub struct WalkJson {
    from: String,
    to: String,
    target: std::net::IpAddr,
    outcome: crate::probe::Outcome,
    request: Vec<StepJson>,
    reply: Vec<StepJson>,
    errors: Vec<Vec<StepJson>>,
}

#[derive(Debug, Serialize)]
struct StepJson {
    place: String,
    interface: String,
    direction: &'static str,
    after_ns: u64,
    bytes: usize,
    ttl: Option<u8>,
    from_mac: Option<String>,
    to_mac: Option<String>,
    changes: Vec<&'static str>,
}

/// A walk as data.
pub fn walk_json(title: &Title<'_>, walk: &Walk, _names: &dyn Names, wires: &Wires) -> WalkJson {
    let steps = |steps: &[Step]| steps.iter().map(|one| step(one, wires)).collect::<Vec<_>>();
    WalkJson {
        from: title.from.to_owned(),
        to: title.to.to_owned(),
        target: title.target,
        outcome: title.outcome.clone(),
        request: steps(&walk.request),
        reply: steps(&walk.reply),
        errors: walk.errors.iter().map(|error| steps(error)).collect(),
    }
}

fn step(step: &Step, wires: &Wires) -> StepJson {
    let macs = step.packet.outer().and_then(crate::walk::Layer::macs);
    let owner = |mac: crate::packet::decode::MacAddress| {
        wires.owner(Mac(mac.0)).map_or_else(|| mac.to_string(), str::to_owned)
    };
    let change = |change: &Change| match change {
        Change::Macs { .. } => "macs",
        Change::Ttl { .. } => "ttl",
        Change::Source { .. } => "source",
        Change::Target { .. } => "target",
        Change::Wrapped { .. } => "wrapped",
        Change::Unwrapped { .. } => "unwrapped",
    };
    StepJson {
        place: step.place.clone(),
        interface: step.interface.clone(),
        direction: if step.direction == Direction::Out { "out" } else { "in" },
        after_ns: step.after,
        bytes: step.packet.bytes,
        ttl: step.packet.inner().and_then(|layer| layer.ip).map(|ip| ip.ttl),
        from_mac: macs.map(|(from, _)| owner(from)),
        to_mac: macs.map(|(_, to)| owner(to)),
        changes: step.changes.iter().map(change).collect(),
    }
}
