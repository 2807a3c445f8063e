//! Where a packet was lost, and why, as far as the kernels tell.

use super::evidence::{Evidence, Likely, Tallies};
use super::request::Request;
use super::sent::Sent;
use crate::blame::{self, Blame, Cause, Certainty, SentKind, Verdict, Way, blame_for};
use crate::cmd::blame::Live;
use crate::kernel::udp_sockets;
use crate::probe::{Attempt, DontFragment, Outcome};
use crate::render::Names as _;
use crate::render::walk::{End, Lost, Story};
use crate::state;
use crate::walk::{Direction, Walk, is_listened_to};

/// What came of a packet, also where its sender's own socket says less than the ICMP error that came back: UDP and TCP
/// tell none of them, or not who said it.
pub(super) fn heard(request: &Request<'_>, outcome: Outcome, walk: &Walk) -> Outcome {
    if matches!(request.attempt, Attempt::Ping { .. }) || !walk.reply.is_empty() {
        return outcome;
    }
    let is_refused = matches!(outcome, Outcome::Refused { .. });
    match walk.said(request.from) {
        // A closed port is the target's own to tell.
        Some(said) if !(is_refused && said.from() == Some(request.target)) => said,
        _ => outcome,
    }
}

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
    let end = request.teller(Some(&sent.outcome)).ending(story, &tallies.places(), request.timeout);
    let evidence = Evidence { request, outcome: &sent.outcome, walk, end: &end, story, tallies: &tallies };
    let verdict = match is_answered {
        true => answering(verdict, &end),
        false => reached(request, verdict, &evidence),
    };
    let lost = lost(&evidence, &verdict, live);
    story.verdict = end.verdict(&sent.outcome, request.timeout, evidence.waiting_queue().is_some());
    story.lost = Some(lost);
}

/// What is wrong, if it says why another answered.
fn answering(verdict: Verdict, end: &End) -> Verdict {
    let says = |blame: &Blame| match blame.cause {
        Cause::AlsoHas { .. } => true,
        Cause::Refused { .. } | Cause::Filtered { .. } => blame.place == end.place,
        _ => false,
    };
    let blame = verdict.blame.filter(says);
    Verdict { lookups: verdict.lookups, blame, certainty: verdict.certainty }
}

/// What is wrong, if the packet came so far: what is at the last place that had it, or the next that it should come to.
fn reached(request: &Request<'_>, verdict: Verdict, evidence: &Evidence<'_>) -> Verdict {
    let Evidence { walk, end, .. } = evidence;
    let of = |way: Way| -> Vec<&str> {
        let lookups = verdict.lookups.iter().filter(|lookup| lookup.way == way);
        lookups.map(|lookup| lookup.place.as_str()).collect()
    };
    let steps = if end.is_answer { &walk.reply } else { &walk.request };
    let is_there = |places: &[&str], place: &str| {
        let last = steps.iter().rev().find_map(|step| places.iter().rposition(|one| *one == step.place));
        let found = places.iter().position(|one| *one == place);
        // What is not asked for routes is a switch between two that are.
        found.is_none_or(|at| at <= last.unwrap_or(0) + 1)
    };
    let has_target = walk.request.last().is_some_and(|last| is_owner(request, &last.place));
    let may_be = |blame: &Blame| match (blame.way, end.is_answer) {
        (Way::There, false) => is_there(&of(Way::There), &blame.place),
        (Way::Back, false) => has_target && is_there(&of(Way::Back), &blame.place),
        (Way::Back, true) => is_there(&of(Way::Back), &blame.place),
        // It came through.
        (Way::There, true) => !matches!(blame.cause, Cause::Refused { .. } | Cause::Filtered { .. }),
    };
    let blame = verdict.blame.clone().filter(may_be);
    Verdict { blame, ..verdict }
}

/// Whether the packet was taken by another than it was for, as far as can be seen: neither did it come to that one, nor
/// the answer from there.
fn went_to_another(request: &Request<'_>, walk: &Walk) -> bool {
    let had = walk.request.last();
    let answered = walk.reply.first().or_else(|| walk.errors.first().and_then(|steps| steps.first()));
    owner(request).is_some_and(|owner| owner != request.from)
        && ![had, answered].into_iter().flatten().any(|step| is_owner(request, &step.place))
}

/// The place that the packet is for.
fn owner(request: &Request<'_>) -> Option<String> {
    let name = request.names.name(request.target)?;
    name.split(' ').next().map(str::to_owned)
}

fn is_owner(request: &Request<'_>, place: &str) -> bool {
    owner(request).is_some_and(|owner| owner == place)
}

/// Whether somebody took a datagram, who need not answer it.
fn was_taken(request: &Request<'_>, sent: &Sent, walk: &Walk, tallies: &Tallies) -> bool {
    matches!(request.attempt, Attempt::Udp { .. })
        && sent.outcome == Outcome::Timeout
        && walk.reply.is_empty()
        && !went_to_another(request, walk)
        && walk.request.last().is_some_and(|last| {
            last.direction == Direction::In
                && tallies.has_risen(&last.place, "UdpInDatagrams")
                && is_bound(request, &last.place)
        })
}

/// Whether somebody listens there for such datagrams: that others were taken proves nothing.
fn is_bound(request: &Request<'_>, place: &str) -> bool {
    let Attempt::Udp { port } = request.attempt else { return false };
    let sandbox = request.sandboxes.iter().find(|sandbox| sandbox.name == place);
    sandbox.is_some_and(|sandbox| is_listened_to(&udp_sockets(sandbox), request.target, port))
}

/// What the packet is, as far as that matters to those on its way.
pub(super) fn described(request: &Request<'_>, walk: &Walk) -> blame::Sent {
    let seen = walk.request.first().and_then(|step| step.packet.inner()).and_then(|layer| layer.ip);
    let about = match &request.attempt {
        Attempt::Udp { port } => (17, Some(*port)),
        Attempt::Tcp { port } => (6, Some(*port)),
        _ if request.target.is_ipv4() => (1, None),
        _ => (58, None),
    };
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
    blame::Sent { bytes, whole, kind, about: Some(about) }
}

fn lost(evidence: &Evidence<'_>, verdict: &Verdict, live: &mut Live<'_>) -> Lost {
    let found = evidence.lines(live);
    let Likely { cause, show, mend } = likely(evidence, verdict, live);
    let End { after_step, place, text, .. } = evidence.end.clone();
    let command = Commands::new(evidence.request);
    Lost {
        after_step,
        place,
        text,
        evidence: found,
        cause,
        show: command.in_lab(show),
        mend: command.in_lab(mend),
    }
}

/// What is the reason, of all that may be.
fn likely(evidence: &Evidence<'_>, verdict: &Verdict, live: &mut Live<'_>) -> Likely {
    let blamed = verdict.blame.as_ref().map(|blame| {
        let said = evidence.unheard(blame).map(|said| format!("; {said}")).unwrap_or_default();
        Likely { cause: Some(format!("{blame}{said}")), show: verdict.show(), mend: blame.mend.clone() }
    });
    let is_certain = verdict.blame.is_some() && verdict.certainty == Certainty::Certain;
    let loses = verdict.blame.as_ref().is_some_and(|blame| matches!(blame.cause, Cause::Loses { .. }));
    match (is_certain, evidence.outcome) {
        (true, _) => blamed,
        (_, Outcome::Reply { .. } | Outcome::Refused { .. }) => blamed.or_else(|| evidence.translated(live)),
        (_, Outcome::TtlExceeded { .. }) => evidence.used_up().or(blamed),
        // What a queue has dropped was dropped there, whatever else may be the matter.
        _ if !loses => evidence.queued().or(blamed),
        _ => blamed,
    }
    .unwrap_or_default()
}

/// Commands as they have to be where several labs run.
pub(super) struct Commands<'a> {
    /// The lab, if it has to be named.
    lab: Option<&'a str>,
}

impl<'a> Commands<'a> {
    /// Looks once which labs run.
    pub(super) fn new(request: &Request<'a>) -> Self {
        let is_alone = state::labs().is_ok_and(|labs| labs.len() < 2);
        Self { lab: (!is_alone).then_some(request.lab.name.as_str()) }
    }

    /// The same commands, each with the lab's name where it needs it.
    pub(super) fn in_lab(&self, commands: Vec<String>) -> Vec<String> {
        let Some(lab) = self.lab else { return commands };
        let named = |command: String| {
            let verbs = ["netlab exec ", "netlab impair clear "];
            let found = verbs.iter().find_map(|verb| Some((verb, command.strip_prefix(verb)?)));
            found.map(|(verb, rest)| format!("{verb}--lab {lab} {rest}")).unwrap_or(command)
        };
        commands.into_iter().map(named).collect()
    }
}
