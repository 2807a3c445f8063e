//! A comparison as JSON, `netlab.compare/1`: every key is always there, and what could not be had is null.

use serde::Serialize;

use super::reason;
use crate::compare::{Comparison, End, Entries, Hop, Measured, OnWire, Row, RowEnd};
use crate::packet::frame::Layer;

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    lab: &'a str,
    file: &'a str,
    from: &'a End,
    to: &'a End,
    family: &'static str,
    /// Whether somebody stopped it before all data paths had their turn.
    interrupted: bool,
    data_paths: Vec<DataPath<'a>>,
}

#[derive(Serialize)]
struct DataPath<'a> {
    data_path: &'static str,
    /// `measured`, `not-allowed`, `lacks`, `error` or `stopped`.
    result: &'static str,
    reason: Option<&'a str>,
    measured: Option<Figures<'a>>,
}

#[derive(Serialize)]
struct Figures<'a> {
    hops: Option<usize>,
    path: Option<&'a [Hop]>,
    ttl: Option<u8>,
    ping: Option<Wire<'a>>,
    tcp_segment: Option<Wire<'a>>,
    largest_ping_data_bytes: Option<u16>,
    entries: Option<Vec<Place<'a>>>,
    here_and_now: HereAndNow,
    failures: Vec<Failure<'a>>,
}

#[derive(Serialize)]
struct Wire<'a> {
    payload_bytes: usize,
    wire_bytes: usize,
    overhead_percent: f64,
    frame: &'a [Layer],
}

#[derive(Serialize)]
struct Place<'a> {
    place: &'a str,
    routes: usize,
    fdb: usize,
    neighbours: usize,
}

/// What is another figure on each run.
#[derive(Serialize)]
struct HereAndNow {
    rtt_median_ms: Option<f64>,
    tcp_seconds: f64,
    tcp_gbit_per_s: Option<f64>,
    tcp_percent: Option<f64>,
    /// The data path whose throughput is 100 percent.
    tcp_percent_of: Option<&'static str>,
}

#[derive(Serialize)]
struct Failure<'a> {
    what: &'static str,
    why: &'a str,
}

/// The comparison as indented JSON.
///
/// # Errors
/// None that can be caused from outside; `serde_json`'s are passed on.
pub fn json(comparison: &Comparison) -> serde_json::Result<String> {
    serde_json::to_string_pretty(&Document {
        schema: "netlab.compare/1",
        lab: &comparison.lab,
        file: &comparison.file,
        from: &comparison.pair.from,
        to: &comparison.pair.to,
        family: comparison.family.name(),
        interrupted: comparison.interrupted,
        data_paths: comparison.rows.iter().map(|row| data_path(row, comparison)).collect(),
    })
}

fn data_path<'a>(row: &'a Row, comparison: &Comparison) -> DataPath<'a> {
    DataPath {
        data_path: row.data_path.word(),
        result: match row.end {
            RowEnd::Measured(_) => "measured",
            RowEnd::NotAllowed(_) => "not-allowed",
            RowEnd::Lacks(_) => "lacks",
            RowEnd::Error(_) => "error",
            RowEnd::Stopped => "stopped",
        },
        reason: reason(row),
        measured: row.measured().map(|measured| figures(measured, comparison)),
    }
}

fn figures<'a>(of: &'a Measured, comparison: &Comparison) -> Figures<'a> {
    let path = of.path.as_deref().ok();
    let rate = of.bits_per_second.as_ref().ok().copied();
    let yardstick = comparison.yardstick();
    Figures {
        hops: path.map(<[Hop]>::len),
        path,
        ttl: of.ttl.as_ref().ok().copied(),
        ping: of.ping.as_ref().ok().map(wire),
        tcp_segment: of.segment.as_ref().ok().map(wire),
        largest_ping_data_bytes: of.largest.as_ref().ok().copied(),
        entries: of.entries.as_ref().ok().map(|all| all.iter().map(place).collect()),
        here_and_now: HereAndNow {
            rtt_median_ms: of.rtt_ms.as_ref().ok().copied(),
            tcp_seconds: comparison.seconds,
            tcp_gbit_per_s: rate.map(|rate| rate / 1e9),
            tcp_percent: rate.zip(yardstick).map(|(rate, (_, all))| rate * 100.0 / all),
            tcp_percent_of: yardstick.map(|(data_path, _)| data_path.word()),
        },
        failures: of.failures().into_iter().map(|(what, why)| Failure { what, why }).collect(),
    }
}

fn wire(wire: &OnWire) -> Wire<'_> {
    Wire {
        payload_bytes: wire.payload_bytes,
        wire_bytes: wire.wire_bytes,
        overhead_percent: wire.overhead_percent(),
        frame: &wire.layers,
    }
}

fn place(entries: &Entries) -> Place<'_> {
    let Entries { place, routes, fdb, neighbours, .. } = entries;
    Place { place, routes: *routes, fdb: *fdb, neighbours: *neighbours }
}
