//! What the columns of a comparison mean, for somebody who has not seen them before.

use super::measured;
use super::table::{ENTRIES, PING, SEGMENT};
use crate::compare::{Comparison, PINGS};
use crate::model::DataPath;
use crate::packet::frame::ENCRYPTED;

/// A name and its meaning each.
pub(super) fn legend(comparison: &Comparison) -> Vec<(&'static str, String)> {
    let pair = &comparison.pair;
    let node = &pair.from.node;
    let than = match comparison.yardstick() {
        Some((DataPath::HostGw, _)) | None => "host-gw's = 100%".to_owned(),
        Some((fastest, _)) => format!("the fastest's, {}'s, = 100%", fastest.word()),
    };
    let tcp = measured(comparison)
        .flat_map(|(_, of)| of.segment.iter().flat_map(|segment| &segment.layers))
        .find(|layer| layer.name == "TCP")
        .map(|layer| format!(", of which TCP's own has {} bytes", layer.bytes))
        .unwrap_or_default();
    let seconds = comparison.seconds;
    let mut legend = vec![
        ("hops", format!("answers of a traceroute, that of {} included", pair.to.name)),
        ("TTL", "what a reply has left of 64 when it arrives: each IP stack that passes it on takes one".to_owned()),
        (
            "wire",
            format!(
                "bytes of the frame that leaves {node}'s eth0 for it, with its Ethernet header, without the checksum \
                 behind it that cables need"
            ),
        ),
        (PING, "as ping counts: 8 bytes of ICMP header and 56 of data".to_owned()),
        (SEGMENT, format!("as much data as TCP puts into one packet; the rest of the frame is headers{tcp}")),
        ("more", "what headers add, in percent of the ping's 64 bytes, or of the segment's data".to_owned()),
        (
            "largest",
            "bytes of data in the largest ping that nobody has to cut (ping -M do -s); one byte more does not pass"
                .to_owned(),
        ),
        (
            ENTRIES,
            "the most that any node was given of routes, forwarding database entries and permanent neighbours, before \
             it learnt any"
                .to_owned(),
        ),
        (
            "here and now",
            format!(
                "round-trip time (median of {PINGS} pings) and what TCP carries one way in {seconds} s, on this machine, \
                 now: good for comparing with each other ({than}), and that only where nothing else runs: on a busy \
                 machine two runs differ by more than two data paths do"
            ),
        ),
    ];
    if has(comparison, ENCRYPTED) {
        let text = "the packet as the pod sent it, filled up to a multiple of 16 bytes where the MTU has room for that; \
                    only the far node can read it";
        legend.push((ENCRYPTED, text.to_owned()));
        let text =
            "WireGuard has a peer for each other node instead of entries, which its column does not count";
        legend.push(("peers", text.to_owned()));
    }
    legend
}

/// Whether a frame has such a part.
fn has(comparison: &Comparison, name: &str) -> bool {
    let mut layers = measured(comparison).flat_map(|(_, of)| of.ping.iter().flat_map(|ping| &ping.layers));
    layers.any(|layer| layer.name == name)
}
