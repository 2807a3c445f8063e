//! A traceroute as JSON, `netlab.traceroute/1`.

use serde::Serialize;

use super::TracerouteText;
use crate::probe::{Outcome, Trace, TraceEnd, millis};
use crate::render::Endpoint;

/// A whole traceroute.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TracerouteReport {
    schema: &'static str,
    source: Option<Endpoint>,
    target: Endpoint,
    max_hops: u8,
    /// Why it ended.
    end: &'static str,
    /// What the probe with the full TTL got.
    full_ttl: Answer,
    hops: Vec<Hop>,
    /// The last line of the text, if the target was not reached.
    reason: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Hop {
    ttl: u8,
    answers: Vec<Answer>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Answer {
    /// The outcome's fixed word.
    outcome: String,
    from: Option<Endpoint>,
    mtu: Option<u32>,
    rtt_ms: Option<f64>,
}

impl TracerouteReport {
    /// The report of a traceroute that is over.
    #[must_use]
    pub fn new(text: &TracerouteText<'_>, trace: &Trace) -> Self {
        let answer = |outcome: &Outcome| Answer {
            outcome: outcome.to_string(),
            from: outcome.from().map(|from| Endpoint::new(from, text.names)),
            mtu: outcome.mtu(),
            rtt_ms: outcome.rtt().map(millis),
        };
        let hops = trace.hops.iter();
        Self {
            schema: "netlab.traceroute/1",
            source: text.source.map(|source| Endpoint::new(source, text.names)),
            target: Endpoint::new(text.target, text.names),
            max_hops: text.options.max_hops,
            end: word(trace.end),
            full_ttl: answer(&trace.full_ttl),
            hops: hops
                .map(|hop| Hop { ttl: hop.ttl, answers: hop.answers.iter().map(answer).collect() })
                .collect(),
            reason: text.verdict(trace),
        }
    }
}

/// The report as indented JSON.
///
/// # Errors
/// None that can be caused from outside; `serde_json`'s are passed on.
pub fn traceroute_json(text: &TracerouteText<'_>, trace: &Trace) -> serde_json::Result<String> {
    serde_json::to_string_pretty(&TracerouteReport::new(text, trace))
}

fn word(end: TraceEnd) -> &'static str {
    match end {
        TraceEnd::Reached => "reached",
        TraceEnd::Refused => "refused",
        TraceEnd::Silent => "silent",
        TraceEnd::MaxHops => "max-hops",
        TraceEnd::Loop => "loop",
        TraceEnd::NotSent => "not-sent",
        TraceEnd::Interrupted => "interrupted",
    }
}
