//! Data paths side by side: what each costs a packet, as a table for people and documents, and as JSON.

mod json;
mod legend;
mod markdown;
mod table;
mod text;

pub use json::json;
pub use markdown::markdown;
pub use text::text;

use crate::compare::{Comparison, End, Hop, Measured, OnWire, Row, RowEnd};
use crate::packet::frame::Layer;

/// How wide the table of all data paths may get.
pub const TABLE_WIDTH: usize = 100;

/// `two-node: from pod1 on node1 to pod3 on node2, IPv4`
fn title(comparison: &Comparison) -> String {
    let Comparison { lab, pair, family, interrupted, .. } = comparison;
    let partial = if *interrupted { ", interrupted: only a part" } else { "" };
    let end = |end: &End| {
        if end.name == end.node { end.name.clone() } else { format!("{} on {}", end.name, end.node) }
    };
    format!("{lab}: from {} to {}, {}{partial}", end(&pair.from), end(&pair.to), family.name())
}

/// Why a data path has no figures.
fn reason(row: &Row) -> Option<&str> {
    match &row.end {
        RowEnd::Measured(_) => None,
        RowEnd::NotAllowed(why) | RowEnd::Lacks(why) | RowEnd::Error(why) => Some(why),
        RowEnd::Stopped => Some("interrupted before it was measured"),
    }
}

/// The rows that have figures.
fn measured(comparison: &Comparison) -> impl Iterator<Item = (&'static str, &Measured)> {
    comparison.rows.iter().filter_map(|row| Some((row.data_path.word(), row.measured()?)))
}

/// `node1 cbr0, node2 eth0, pod3`
fn path(hops: &[Hop]) -> String {
    let name = |hop: &Hop| match (&hop.name, hop.address) {
        (Some(name), _) => name.clone(),
        (None, Some(address)) => address.to_string(),
        (None, None) => "*".to_owned(),
    };
    hops.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// What could not be measured and why: all that have one reason together.
fn failures(of: &Measured) -> Vec<String> {
    let mut folded: Vec<(String, &str)> = Vec::new();
    for (what, why) in of.failures() {
        match folded.iter_mut().find(|(_, known)| *known == why) {
            Some((all, _)) => *all += &format!(", {what}"),
            None => folded.push((what.to_owned(), why)),
        }
    }
    folded.into_iter().map(|(what, why)| format!("{what}: {why}")).collect()
}

/// `Ethernet 14, IPv4 20, ICMP 8, data 56`
fn layers(wire: &OnWire) -> String {
    let words = |layer: &Layer| format!("{} {}", layer.name, layer.bytes);
    wire.layers.iter().map(words).collect::<Vec<_>>().join(", ")
}
