//! A ping as its users know it, line by line, with the lab's names.

use std::net::IpAddr;
use std::time::Duration;

use super::{Names, count, from_source, labelled, seconds};
use crate::probe::{Arrival, Failure, Outcome, PingEvent, PingOptions, PingSummary, UnreachableKind, millis};

mod json;

pub use json::{PingReport, ping_json};

/// How much to tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PingDetail {
    /// A line for every packet.
    #[default]
    EveryPacket,
    /// The first line and the statistics (`ping -q`).
    SummaryOnly,
}

/// Everything about a ping that is known before it starts.
#[derive(Clone, Copy)]
pub struct PingText<'a> {
    /// The address that it is sent from, where known.
    pub source: Option<IpAddr>,
    /// The address to ping.
    pub target: IpAddr,
    /// How it is done.
    pub options: &'a PingOptions,
    /// How much to tell.
    pub detail: PingDetail,
    /// What addresses are called.
    pub names: &'a dyn Names,
}

impl PingText<'_> {
    /// `PING pod4 (10.244.2.3) from pod1 (10.244.1.2): 56 data bytes`
    #[must_use]
    pub fn header(&self) -> String {
        let source = from_source(self.source, self.names);
        format!("PING {}{source}: {} data bytes", self.label(self.target), self.options.size)
    }

    /// The line for one event; none if only the summary is wanted.
    #[must_use]
    pub fn event(&self, event: &PingEvent) -> Option<String> {
        (self.detail == PingDetail::EveryPacket).then(|| self.event_line(event))
    }

    /// The statistics and, if nothing was answered, what came back instead; several lines.
    #[must_use]
    pub fn summary(&self, summary: &PingSummary) -> String {
        let target = self.names.name(self.target).unwrap_or_else(|| self.target.to_string());
        let mut lines = vec![format!("--- {target} ping statistics ---"), counts(summary)];
        if let Some(rtt) = summary.rtt() {
            let [min, avg, max, mdev] = [rtt.min, rtt.avg, rtt.max, rtt.mdev].map(millis);
            lines.push(format!("rtt min/avg/max/mdev = {min:.3}/{avg:.3}/{max:.3}/{mdev:.3} ms"));
        }
        lines.extend(self.verdict(summary));
        lines.join("\n")
    }

    fn event_line(&self, event: &PingEvent) -> String {
        let seq = event.seq;
        let late = match event.arrival {
            Arrival::InTime => "",
            Arrival::Late => " (late)",
            Arrival::Duplicate => " (DUP!)",
        };
        match &event.outcome {
            Outcome::Reply { from, ttl, rtt } => {
                let (from, time) = (self.label(*from), ping_time(*rtt));
                let ttl = ttl.map(|ttl| format!(" ttl={ttl}")).unwrap_or_default();
                format!("{} bytes from {from}: icmp_seq={seq}{ttl} time={time} ms{late}", event.bytes)
            }
            Outcome::Timeout => {
                format!("no answer to icmp_seq={seq} within {}", seconds(self.options.timeout))
            }
            Outcome::LocalError { text, .. } => {
                let source = self.source.map_or_else(|| "here".to_owned(), |source| self.label(source));
                format!("From {source}: icmp_seq={seq} not sent: {text} ({})", event.outcome)
            }
            error => {
                let from = error.from().map(|from| self.label(from)).unwrap_or_default();
                format!("From {from}: icmp_seq={seq} {}{late}", phrase(error))
            }
        }
    }

    /// If nothing succeeded: what came back from whom, or that nothing did.
    fn verdict(&self, summary: &PingSummary) -> Option<String> {
        if summary.received > 0 || summary.sent == 0 {
            return None;
        }
        let target = self.label(self.target);
        let is_silence = |failure: &&Failure| failure.outcome == Outcome::Timeout;
        let silent = summary.failures.iter().find(is_silence).map_or(0, |failure| failure.count);
        if summary.late > 0 {
            let late = count(summary.late, "answer");
            return Some(format!("{late} from {target} came later than {}", seconds(self.options.timeout)));
        }
        if summary.errors == 0 {
            let requests = count(summary.sent, "request");
            let within = match (silent == summary.sent, summary.sent) {
                (false, _) => String::new(),
                (true, 1) => format!(" within {}", seconds(self.options.timeout)),
                (true, _) => format!(" within {} each", seconds(self.options.timeout)),
            };
            let nothing = "nothing came back, not even an error";
            return Some(format!("no answer from {target} to {requests}{within}: {nothing}"));
        }
        let failures: Vec<_> = summary.failures.iter().map(|failure| self.failure(failure)).collect();
        Some(format!("{target} was not reached: {}", failures.join(", ")))
    }

    fn failure(&self, failure: &Failure) -> String {
        let Failure { outcome, count } = failure;
        match outcome {
            Outcome::Timeout => format!("{count} x no answer"),
            Outcome::LocalError { text, .. } => {
                let source = self.source.map_or_else(|| "the source".to_owned(), |source| self.label(source));
                format!("{count} x {outcome} from {source} itself ({text})")
            }
            _ => {
                let from = outcome.from().map(|from| self.label(from)).unwrap_or_default();
                format!("{count} x {outcome} from {from}")
            }
        }
    }

    fn label(&self, address: IpAddr) -> String {
        labelled(address, self.names)
    }
}

/// `3 packets transmitted, 3 received, 0% packet loss, time 2002 ms`
fn counts(summary: &PingSummary) -> String {
    let mut line = format!("{} transmitted, {} received", count(summary.sent, "packet"), summary.received);
    let extras = [(summary.duplicates, "duplicates"), (summary.late, "late"), (summary.errors, "errors")];
    for (number, what) in extras.into_iter().filter(|(number, _)| *number > 0) {
        line += &format!(", +{number} {what}");
    }
    let loss = format!("{:.4}", summary.loss_percent());
    let loss = loss.trim_end_matches('0').trim_end_matches('.');
    format!("{line}, {loss}% packet loss, time {} ms", summary.elapsed.as_millis())
}

/// Milliseconds to about three significant digits, as ping prints them.
fn ping_time(rtt: Duration) -> String {
    let decimals = match rtt.as_millis() {
        100.. => 0,
        10.. => 1,
        1.. => 2,
        _ => 3,
    };
    format!("{:.decimals$}", millis(rtt))
}

/// ping's own words for an error.
fn phrase(error: &Outcome) -> String {
    let phrase = match error {
        Outcome::TtlExceeded { .. } => "Time to live exceeded",
        Outcome::FragNeeded { mtu, from, .. } => {
            let what = if from.is_ipv4() { "Frag needed and DF set" } else { "Packet too big" };
            return mtu.map_or_else(|| what.to_owned(), |mtu| format!("{what} (mtu = {mtu})"));
        }
        Outcome::Unreachable { kind, .. } => match kind {
            UnreachableKind::NetUnreachable => "Destination Net Unreachable",
            UnreachableKind::HostUnreachable => "Destination Host Unreachable",
            UnreachableKind::ProtocolUnreachable => "Destination Protocol Unreachable",
            UnreachableKind::PortUnreachable => "Destination Port Unreachable",
            UnreachableKind::Prohibited => "Communication Administratively Prohibited",
            UnreachableKind::NoRoute => "Destination unreachable: No route",
            UnreachableKind::Other(icmp_type, code) => return format!("ICMP type {icmp_type} code {code}"),
        },
        other => return other.to_string(),
    };
    phrase.to_owned()
}

#[cfg(test)]
mod tests;
