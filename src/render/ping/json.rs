//! A ping as JSON, `netlab.ping/1`.

use serde::Serialize;

use super::PingText;
use crate::probe::{Arrival, Outcome, PingEvent, PingSummary, RttStats, millis};
use crate::render::Endpoint;

/// A whole ping.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PingReport {
    schema: &'static str,
    source: Option<Endpoint>,
    target: Endpoint,
    payload_bytes: u16,
    probes: Vec<Probe>,
    summary: Summary,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Probe {
    seq: u64,
    /// The outcome's fixed word.
    outcome: String,
    from: Option<Endpoint>,
    ttl: Option<u8>,
    mtu: Option<u32>,
    rtt_ms: Option<f64>,
    arrival: &'static str,
    /// The C library's text of a local error.
    error: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Summary {
    sent: u64,
    received: u64,
    errors: u64,
    late: u64,
    duplicates: u64,
    loss_percent: f64,
    time_ms: f64,
    rtt_ms: Option<Rtt>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Rtt {
    min: f64,
    avg: f64,
    max: f64,
    mdev: f64,
}

impl PingReport {
    /// The report of a ping that is over. With [`super::PingDetail::SummaryOnly`], pass no events.
    #[must_use]
    pub fn new(ping: &PingText<'_>, events: &[PingEvent], summary: &PingSummary) -> Self {
        Self {
            schema: "netlab.ping/1",
            source: ping.source.map(|source| Endpoint::new(source, ping.names)),
            target: Endpoint::new(ping.target, ping.names),
            payload_bytes: ping.options.size,
            probes: events.iter().map(|event| probe(event, ping)).collect(),
            summary: Summary {
                sent: summary.sent,
                received: summary.received,
                errors: summary.errors,
                late: summary.late,
                duplicates: summary.duplicates,
                loss_percent: summary.loss_percent(),
                time_ms: millis(summary.elapsed),
                rtt_ms: summary.rtt().map(rtt),
            },
        }
    }
}

/// The report as indented JSON.
///
/// # Errors
/// None that can be caused from outside; `serde_json`'s are passed on.
pub fn ping_json(
    ping: &PingText<'_>,
    events: &[PingEvent],
    summary: &PingSummary,
) -> serde_json::Result<String> {
    serde_json::to_string_pretty(&PingReport::new(ping, events, summary))
}

fn probe(event: &PingEvent, ping: &PingText<'_>) -> Probe {
    let outcome = &event.outcome;
    Probe {
        seq: event.seq,
        outcome: outcome.to_string(),
        from: outcome.from().map(|from| Endpoint::new(from, ping.names)),
        ttl: outcome.ttl(),
        mtu: outcome.mtu(),
        rtt_ms: outcome.rtt().map(millis),
        arrival: match event.arrival {
            Arrival::InTime => "in-time",
            Arrival::Late => "late",
            Arrival::Duplicate => "duplicate",
        },
        error: match outcome {
            Outcome::LocalError { text, .. } => Some(text.clone()),
            _ => None,
        },
    }
}

fn rtt(stats: RttStats) -> Rtt {
    let RttStats { min, avg, max, mdev } = stats;
    Rtt { min: millis(min), avg: millis(avg), max: millis(max), mdev: millis(mdev) }
}
