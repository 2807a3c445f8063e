//! Frames for programs: one JSON object a line, so that it can be read while it grows.

use serde::Serialize;

use super::{Passed, direction, summary};
use crate::packet::decode::Kind;
use crate::render::{Endpoint, Names};

/// A frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CaptureLine {
    /// The version of this form.
    pub schema: &'static str,
    /// When it passed: seconds since 1970, with nine decimals, as text because a number would lose some.
    pub time: String,
    /// The interface: `node1/cbr0`.
    pub interface: String,
    /// `in` or `out`, as the interface sees it.
    pub direction: &'static str,
    /// How long it is, in bytes.
    pub length: usize,
    /// Who sent the outermost packet; `None` where it is not IP.
    pub from: Option<Endpoint>,
    /// Where that goes.
    pub to: Option<Endpoint>,
    /// Its TTL, or hop limit.
    pub ttl: Option<u8>,
    /// What it is made of, outermost first.
    pub headers: Vec<&'static str>,
    /// What it is, in words.
    pub summary: String,
    /// What there is to say besides.
    pub notes: Vec<String>,
}

/// A frame's line, without the newline.
///
/// # Errors
/// None that can be met: there is nothing in it that JSON does not know.
pub fn capture_json(passed: &Passed<'_>, names: &dyn Names) -> Result<String, serde_json::Error> {
    let ip = passed.headers.iter().find_map(|header| match &header.kind {
        Kind::Ip(ip) if !header.quoted => Some(ip),
        _ => None,
    });
    let own = passed.headers.iter().filter(|header| !header.quoted);
    serde_json::to_string(&CaptureLine {
        schema: "netlab.capture/1",
        time: format!("{}.{:09}", passed.time / 1_000_000_000, passed.time % 1_000_000_000),
        interface: passed.interface.to_owned(),
        direction: direction(passed.direction),
        length: passed.length,
        from: ip.map(|ip| Endpoint::new(ip.from, names)),
        to: ip.map(|ip| Endpoint::new(ip.to, names)),
        ttl: ip.map(|ip| ip.ttl),
        headers: own.map(|header| header.kind.name()).collect(),
        summary: summary(passed.headers, passed.length, names),
        notes: passed.notes.to_vec(),
    })
}
