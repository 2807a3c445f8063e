//! Where a packet was lost, and why, as far as the kernels tell.

use super::evidence::{Evidence, Tallies};
use super::request::Request;
use super::sent::Sent;
use crate::blame::{self, Cause, Certainty, SentKind, Verdict, blame_for};
use crate::cmd::blame::Live;
use crate::probe::{Attempt, DontFragment, Outcome};
use crate::render::Names as _;
use crate::render::walk::{End, Lost, Story};
use crate::state;
use crate::walk::{Direction, Walk};

/// Looks for the reason of a packet's end, and says so in its story, if it had one before it came where it should.
pub(super) fn explain(
    request: &Request<'_>,
    sent: &Sent,
    walk: &Walk,
    live: &mut Live<'_>,
    story: &mut Story,
) {
    let is_answered = matches!(sent.outcome, Outcome::Reply { .. } | Outcome::Refused { .. });
    if is_answered && !went_to_another(request, walk) {
        return;
    }
    let tallies = Tallies::after(request, sent);
    if was_taken(request, sent, walk, &tallies) {
        story.verdict =
            format!("delivered: who listens at {} took it, and had nothing to answer", request.to);
        return;
    }
    let verdict = blame_for(request.lab, request.from, request.target, described(request, walk), live);
    // Who answers for another is known; that a place has more interfaces than were listened at is no reason.
    let is_shared = |verdict: &Verdict| {
        verdict.blame.as_ref().is_some_and(|blame| matches!(blame.cause, Cause::AlsoHas { .. }))
    };
    if is_answered && !is_shared(&verdict) {
        return;
    }
    let end = request.teller(Some(&sent.outcome)).ending(story, &tallies.places());
    let evidence = Evidence { request, outcome: &sent.outcome, walk, end: &end, story, tallies: &tallies };
    let lost = lost(&evidence, &verdict, live);
    story.verdict = end.verdict(&sent.outcome);
    story.lost = Some(lost);
}

/// Whether the packet was taken by another than it was for, as far as can be seen.
fn went_to_another(request: &Request<'_>, walk: &Walk) -> bool {
    let owner = request.names.name(request.target);
    let owner = owner.as_deref().and_then(|name| name.split(' ').next());
    let had = walk.request.last().map(|last| last.place.as_str());
    owner.is_some_and(|owner| owner != request.from && had != Some(owner))
}

/// Whether somebody took a datagram, who need not answer it.
fn was_taken(request: &Request<'_>, sent: &Sent, walk: &Walk, tallies: &Tallies) -> bool {
    matches!(request.attempt, Attempt::Udp { .. })
        && sent.outcome == Outcome::Timeout
        && walk.reply.is_empty()
        && !went_to_another(request, walk)
        && walk.request.last().is_some_and(|last| {
            last.direction == Direction::In && tallies.has_risen(&last.place, "UdpInDatagrams")
        })
}

/// What the packet is, as far as that matters to those on its way.
pub(super) fn described(request: &Request<'_>, walk: &Walk) -> blame::Sent {
    let seen = walk.request.first().and_then(|step| step.packet.inner()).and_then(|layer| layer.ip);
    let (kind, data, dont_fragment) = match &request.attempt {
        Attempt::Ping { size, dont_fragment } => (SentKind::Echo, Some(*size), *dont_fragment),
        Attempt::Udp { .. } => (SentKind::Other, Some(request.datagram.size), request.datagram.dont_fragment),
        _ => (SentKind::Other, None, DontFragment::Kernel),
    };
    // The headers of IP and of ICMP or UDP.
    let headers = if request.target.is_ipv4() { 20 + 8 } else { 40 + 8 };
    let wanted = data.map(|data| u32::from(data) + headers);
    let bytes = seen.and_then(|ip| u32::try_from(ip.length).ok()).filter(|bytes| *bytes > 0).or(wanted);
    let whole = seen.map_or(dont_fragment == DontFragment::Set, |ip| ip.dont_fragment);
    blame::Sent { bytes, whole, kind }
}

fn lost(evidence: &Evidence<'_>, verdict: &Verdict, live: &mut Live<'_>) -> Lost {
    let request = evidence.request;
    let found = evidence.lines(live);
    let dropping = evidence.dropping_queue();
    let loses = |blame: &blame::Blame| matches!(blame.cause, Cause::Loses { .. });
    let (cause, show, mend) = match (&verdict.blame, verdict.certainty, dropping) {
        // What a queue has dropped was dropped there, whatever else may be the matter.
        (blame, Certainty::Suspected, Some(queue)) if !blame.as_ref().is_some_and(loses) => {
            (Some(queue.cause()), vec![queue.show()], vec![queue.mend()])
        }
        (Some(blame), ..) => {
            let said = evidence.unheard(blame);
            let cause = match said {
                Some(said) => format!("{blame}; {said}"),
                None => blame.to_string(),
            };
            (Some(cause), verdict.show(), blame.mend.clone())
        }
        (None, ..) => (None, Vec::new(), Vec::new()),
    };
    let End { after_step, place, text, .. } = evidence.end.clone();
    let with_lab =
        |commands: Vec<String>| commands.iter().map(|command| with_lab(command, request)).collect();
    Lost { after_step, place, text, evidence: found, cause, show: with_lab(show), mend: with_lab(mend) }
}

/// A command as it has to be where several labs run.
pub(super) fn with_lab(command: &str, request: &Request<'_>) -> String {
    if state::labs().is_ok_and(|labs| labs.len() < 2) {
        return command.to_owned();
    }
    let lab = &request.lab.name;
    for verb in ["netlab exec ", "netlab impair clear "] {
        if let Some(rest) = command.strip_prefix(verb) {
            return format!("{verb}--lab {lab} {rest}");
        }
    }
    command.to_owned()
}
