//! Where a packet was lost, and why, as far as the kernels tell.

use super::request::Request;
use crate::cmd::blame::facts_about;
use crate::render::walk::{Lost, Story, WayKind};

/// What is known about it.
pub(super) fn lost(request: &Request<'_>, story: &Story) -> Lost {
    let facts = facts_about(request.lab, request.sandboxes, request.from, request.target).facts;
    let lines = |label: &str| {
        let those = facts.iter().filter(|fact| fact.label == label).flat_map(|fact| fact.text.lines());
        those.map(str::to_owned).collect::<Vec<_>>()
    };
    let reply = story.ways.iter().find(|way| way.kind == WayKind::Reply);
    let last = reply.or(story.ways.first()).and_then(|way| way.steps.last());
    Lost {
        after_step: last.map(|step| step.number),
        place: last.map_or_else(|| request.from.to_owned(), |step| step.place.clone()),
        text: story.verdict.clone(),
        evidence: Vec::new(),
        cause: lines("likely").first().cloned(),
        show: Vec::new(),
        mend: lines("mend"),
    }
}
