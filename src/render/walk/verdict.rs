//! One line: what came of a packet, and how much happened to it.

use super::Teller;
use super::story::{Story, WayKind};
use crate::probe::Outcome;
use crate::render::count;

impl Teller<'_> {
    /// All that can be said without asking why; of what is lost, [`super::End`] says more.
    pub(super) fn verdict(&self, story: &Story) -> String {
        let number = |number: usize, thing: &str| match number {
            0 => format!("no {thing}"),
            _ => count(number as u64, thing),
        };
        let counts = story.counts;
        let neighbours = if self.title.target.is_ipv4() { "ARP exchange" } else { "ND exchange" };
        let what = [
            number(counts.routers, "routing step"),
            number(counts.translations, "translation"),
            number(counts.encapsulations, "encapsulation"),
            number(counts.questions, neighbours),
        ];
        let word = match self.title.outcome {
            None => "nothing was sent: this is what the kernels' tables say".to_owned(),
            Some(Outcome::Reply { .. }) => "delivered and answered".to_owned(),
            Some(Outcome::Refused { from, .. }) => {
                let who = self.names.name(*from).unwrap_or_else(|| from.to_string());
                format!(
                    "delivered, and refused by {who}: nobody listens on that port, or a filter there says so"
                )
            }
            Some(Outcome::Timeout) => seen_last(story),
            Some(other) => format!("{other}; {}", seen_last(story)),
        };
        format!("{word}: {}", what.join(", "))
    }
}

fn seen_last(story: &Story) -> String {
    let reply = story.ways.iter().find(|way| way.kind == WayKind::Reply);
    let request = story.ways.iter().find(|way| way.kind == WayKind::Request);
    let what = if reply.is_some() { "the answer" } else { "the packet" };
    match reply.or(request).and_then(|way| way.steps.last()) {
        Some(step) => {
            format!("{what} was lost after step {}, {} {}", step.number, step.place, step.interface)
        }
        None => format!("{what} was never sent"),
    }
}
