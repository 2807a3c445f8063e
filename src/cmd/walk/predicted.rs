//! What the kernels' tables say of a packet: told by itself (`--predict`), and held against what was captured.

use super::asked::Asking;
use super::lost::{Commands, described};
use super::request::Request;
use super::sent::Sent;
use crate::blame::{Facts, blame_for};
use crate::packet::decode::MacAddress;
use crate::probe::{Attempt, DontFragment};
use crate::render::walk::{Agreement, Decisions, Lost, Ports, Story, Teller, agreement};
use crate::walk::{Ending, Layer, Path, Prediction, Sending, Walk, predict};

/// Bytes of ICMP's header, and of UDP's.
const HEADER: usize = 8;

/// The walk that the tables foretell; nothing is sent.
pub(super) fn foretold(request: &Request<'_>, kernels: &mut dyn Facts) -> Story {
    let prediction = ask(request, &sending(request), kernels);
    let walk = &prediction.walk;
    let heard = heard(walk);
    let mut asking = Asking { kernels, names: &request.names, wires: &request.wires, heard };
    let decisions = Decisions { request: asking.about(&walk.request), reply: asking.about(&walk.reply) };
    let mut story = teller(request).story(walk, &decisions);
    if let Some(ending) = &prediction.ends {
        let lost = lost(request, walk, &story, ending, kernels);
        story.verdict = format!("nothing was sent: {}", lost.text);
        story.lost = Some(lost);
    }
    story
}

/// Ethernet addresses that switches will have heard, from questions on the way and their answers.
fn heard(walk: &Walk) -> Vec<MacAddress> {
    let asking = walk.request.iter().chain(&walk.reply).filter(|step| !step.asked.is_empty());
    let both = asking.flat_map(|step| {
        let asker = step.packet.outer().and_then(Layer::macs).map(|(from, _)| from);
        asker.into_iter().chain(step.asked.iter().filter_map(|asked| asked.answer))
    });
    both.collect()
}

/// Whether what was captured is what the tables foretell. Places in which nobody listened are left out.
pub(super) fn compare(
    request: &Request<'_>,
    (sent, walk): (&Sent, &Walk),
    captured: &Story,
    kernels: &mut dyn Facts,
) -> Agreement {
    let sending = Sending { path: Path::Unknown, ..as_sent(sending(request), walk) };
    let listened = |place: &str| sent.interfaces.iter().any(|interface| interface.place == place);
    let prediction = ask(request, &sending, kernels).seen_at(listened);
    let story = teller(request).story(&prediction.walk, &Decisions::default());
    agreement(&request.attempt, captured, &story, prediction.ends.as_ref())
}

fn sending(request: &Request<'_>) -> Sending {
    let (data, dont_fragment) = match &request.attempt {
        Attempt::Ping { size, dont_fragment } => (*size, *dont_fragment),
        Attempt::Udp { .. } => (request.datagram.size, request.datagram.dont_fragment),
        _ => (0, DontFragment::Kernel),
    };
    Sending { attempt: request.attempt.clone(), data, dont_fragment, path: Path::AsKnown }
}

/// What a sender's kernel knew of the path's MTU when it sent, it may have learnt by that very packet, and say only now: how
/// much of a packet it sent at once is taken from what was captured.
fn as_sent(sending: Sending, walk: &Walk) -> Sending {
    let first = walk.request.first().and_then(|step| step.packet.inner()).and_then(|layer| layer.ip);
    let Some(ip) = first.filter(|_| sending.dont_fragment == DontFragment::Kernel) else { return sending };
    let headers = HEADER + if ip.is_v4() { 20 } else { 40 };
    let sent = u16::try_from(ip.length.saturating_sub(headers)).unwrap_or(sending.data);
    let dont_fragment = if ip.dont_fragment { DontFragment::Kernel } else { DontFragment::Clear };
    Sending { data: sent.min(sending.data), dont_fragment, ..sending }
}

fn ask(request: &Request<'_>, sending: &Sending, kernels: &mut dyn Facts) -> Prediction {
    predict(sending, request.from, request.target, &request.wires, kernels)
}

/// A sender's own port is not known before it sends.
fn teller<'a>(request: &'a Request<'_>) -> Teller<'a> {
    Teller { ports: Ports::Any, ..request.teller(None) }
}

fn lost(request: &Request<'_>, walk: &Walk, story: &Story, ending: &Ending, kernels: &mut dyn Facts) -> Lost {
    let verdict = blame_for(request.lab, request.from, request.target, described(request, walk), kernels);
    let command = Commands::new(request);
    let last = story.ways.iter().flat_map(|way| &way.steps).next_back();
    let text = match last {
        Some(step) => format!(
            "the kernels' tables lead no further than step {}, {} {}: {}",
            step.number, step.place, step.interface, ending.text
        ),
        None => format!("the kernels' tables do not let it out: {}", ending.text),
    };
    Lost {
        after_step: last.map(|step| step.number),
        place: ending.place.clone(),
        text,
        evidence: Vec::new(),
        // That it ends there is certain, even where nobody can be blamed.
        cause: Some(verdict.blame.as_ref().map_or_else(|| ending.text.clone(), ToString::to_string)),
        show: command.in_lab(verdict.show()),
        mend: command.in_lab(verdict.blame.map(|blame| blame.mend).unwrap_or_default()),
    }
}
