//! A traceroute with the lab's names, and a last line that says why it ended where it did.

use std::net::IpAddr;

use super::{Names, from_source, labelled};
use crate::probe::{Hop, Outcome, Trace, TraceEnd, TracerouteOptions, UnreachableKind, millis};

mod json;

pub use json::{TracerouteReport, traceroute_json};

/// Everything about a traceroute that is known before it starts.
#[derive(Clone, Copy)]
pub struct TracerouteText<'a> {
    /// The address that it is sent from, where known.
    pub source: Option<IpAddr>,
    /// The address to trace.
    pub target: IpAddr,
    /// How it is done.
    pub options: &'a TracerouteOptions,
    /// What addresses are called.
    pub names: &'a dyn Names,
}

impl TracerouteText<'_> {
    /// `traceroute to pod4 (10.244.2.3) from pod1 (10.244.1.2), 30 hops max`
    #[must_use]
    pub fn header(&self) -> String {
        let source = from_source(self.source, self.names);
        format!("traceroute to {}{source}, {} hops max", self.label(self.target), self.options.max_hops)
    }

    /// ` 1  node1 cbr0 10.244.1.1  0.031 ms`
    #[must_use]
    pub fn hop(&self, hop: &Hop) -> String {
        let mut line = format!("{:2} ", hop.ttl);
        let mut shown = None;
        for answer in &hop.answers {
            if let Some(from) = answer.from()
                && shown.replace(from) != Some(from)
            {
                let name = self.names.name(from).map(|name| format!("{name} ")).unwrap_or_default();
                line += &format!(" {name}{from}");
            }
            line += &match answer.rtt() {
                Some(rtt) => format!("  {:.3} ms{}", millis(rtt), flag(answer)),
                None => " *".to_owned(),
            };
        }
        line
    }

    /// The hops and, if the target was not reached, why; several lines.
    #[must_use]
    pub fn trace(&self, trace: &Trace) -> String {
        let hops = trace.hops.iter().map(|hop| self.hop(hop));
        hops.chain(self.verdict(trace)).collect::<Vec<_>>().join("\n")
    }

    /// Which hop answered last and what it said, if the target was not reached.
    #[must_use]
    pub fn verdict(&self, trace: &Trace) -> Option<String> {
        let reason = match trace.end {
            TraceEnd::Reached => return None,
            TraceEnd::Refused => self.last_answer(trace),
            TraceEnd::Silent => self.silence(trace),
            TraceEnd::MaxHops => {
                let hops = match self.options.max_hops {
                    1 => "1 hop was".to_owned(),
                    hops => format!("{hops} hops were"),
                };
                format!("{hops} not enough; {}", self.last_answer(trace))
            }
            TraceEnd::Loop => format!("a routing loop: {}", self.circle(trace)),
            TraceEnd::NotSent => self.not_sent(trace),
            TraceEnd::Interrupted => format!("stopped; {}", self.last_answer(trace)),
        };
        let beyond = match (&trace.full_ttl, trace.end) {
            (_, TraceEnd::NotSent | TraceEnd::Loop) => None,
            (Outcome::Reply { .. }, _) => Some("it does answer a packet with full TTL".to_owned()),
            (outcome, TraceEnd::Silent) => outcome
                .from()
                .map(|from| format!("a packet with full TTL got {outcome} from {}", self.label(from))),
            _ => None,
        };
        let beyond = beyond.map(|text| format!("; {text}")).unwrap_or_default();
        Some(format!("{} was not reached: {reason}{beyond}", self.label(self.target)))
    }

    fn last_answer(&self, trace: &Trace) -> String {
        let answers =
            trace.hops.iter().rev().flat_map(|hop| hop.answers.iter().map(move |answer| (hop.ttl, answer)));
        let mut heard = answers.filter_map(|(ttl, answer)| answer.from().map(|from| (ttl, from, answer)));
        match heard.next() {
            Some((ttl, from, answer)) => {
                format!("the last to answer was hop {ttl}, {}: {answer}", self.label(from))
            }
            None if trace.full_ttl == Outcome::Timeout => "nothing came back, not even an error".to_owned(),
            None => "no hop answered".to_owned(),
        }
    }

    fn silence(&self, trace: &Trace) -> String {
        let is_silent = |hop: &&Hop| hop.answers.iter().all(|answer| *answer == Outcome::Timeout);
        let silent = trace.hops.iter().rev().take_while(is_silent).map(|hop| hop.ttl);
        let range = silent.clone().min().zip(silent.max());
        let (first, last) = range.unwrap_or_default();
        let last_answer = self.last_answer(trace);
        format!("{last_answer}; hops {first} to {last} stayed silent when asked again, so no more were tried")
    }

    fn circle(&self, trace: &Trace) -> String {
        let mut routers: Vec<IpAddr> = Vec::new();
        // The last hop closes the circle; going back from it, everyone up to its earlier visit is in it.
        let path = trace.hops.iter().rev().filter_map(|hop| hop.answers.iter().find_map(Outcome::from));
        for router in path {
            if routers.contains(&router) {
                break;
            }
            routers.insert(0, router);
        }
        let routers: Vec<_> = routers.into_iter().map(|router| self.label(router)).collect();
        format!("{} pass the packet on until its TTL is used up", routers.join(" and "))
    }

    fn not_sent(&self, trace: &Trace) -> String {
        let source = self.source.map_or_else(|| "the source".to_owned(), |source| self.label(source));
        let text = match &trace.full_ttl {
            Outcome::LocalError { text, .. } => format!(" ({text})"),
            _ => String::new(),
        };
        format!("{source} itself could not send: {}{text}", trace.full_ttl)
    }

    fn label(&self, address: IpAddr) -> String {
        labelled(address, self.names)
    }
}

/// traceroute's annotations, with its letters where it has one.
fn flag(answer: &Outcome) -> String {
    let flag = match answer {
        Outcome::FragNeeded { mtu: Some(mtu), .. } => return format!(" !F-{mtu}"),
        Outcome::FragNeeded { mtu: None, .. } => "!F",
        Outcome::Unreachable { kind, .. } => match kind {
            UnreachableKind::NetUnreachable | UnreachableKind::NoRoute => "!N",
            UnreachableKind::HostUnreachable => "!H",
            UnreachableKind::ProtocolUnreachable => "!P",
            UnreachableKind::PortUnreachable => "!port",
            UnreachableKind::Prohibited => "!X",
            UnreachableKind::Other(3, 5) => "!S",
            UnreachableKind::Other(_, code) => return format!(" !<{code}>"),
        },
        _ => return String::new(),
    };
    format!(" {flag}")
}

#[cfg(test)]
mod tests;
