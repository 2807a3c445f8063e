//! What the kernels' tables say of a packet: told by itself (`--predict`), and held against what was captured.

use super::asked::Asking;
use super::lost::Commands;
use super::request::Request;
use super::sent::Sent;
use crate::blame::{Facts, blame};
use crate::packet::decode::MacAddress;
use crate::probe::{Attempt, DontFragment};
use crate::render::walk::{Agreement, Decisions, Lost, Ports, Story, Teller, Told, agreement};
use crate::walk::{Ending, Layer, Prediction, Sending, Step, Walk, predict};

/// Bytes of ICMP's header, and of UDP's.
const HEADER: usize = 8;

/// The walk that the tables foretell; nothing is sent.
pub(super) fn foretold(request: &Request<'_>, kernels: &mut dyn Facts) -> Story {
    let prediction = ask(request, &sending(request), kernels);
    let walk = &prediction.walk;
    let mut asking = Asking { kernels, names: &request.names, wires: &request.wires };
    let mut decisions = Decisions { request: asking.about(&walk.request), reply: asking.about(&walk.reply) };
    for (steps, told) in [(&walk.request, &mut decisions.request), (&walk.reply, &mut decisions.reply)] {
        for (step, told) in steps.iter().zip(told).filter(|(step, _)| is_met(walk, step)) {
            told.iter_mut().for_each(|told| learnt(step, told));
        }
    }
    let mut story = teller(request).story(walk, &decisions);
    story.lost = prediction.ends.map(|ending| lost(request, &story, &ending, kernels));
    story
}

/// Whether a switch has heard, from a question on the way or its answer, who a step's packet is for.
fn is_met(walk: &Walk, step: &Step) -> bool {
    let Some((_, to)) = step.packet.outer().and_then(Layer::macs) else { return false };
    let heard = |other: &Step| -> Vec<MacAddress> {
        let asker = other.packet.outer().and_then(Layer::macs).map(|(from, _)| from);
        let asker = asker.filter(|_| !other.asked.is_empty());
        asker.into_iter().chain(other.asked.iter().filter_map(|asked| asked.answer)).collect()
    };
    walk.request.iter().chain(&walk.reply).any(|other| heard(other).contains(&to))
}

/// What a switch knows by the time when the packet comes, and not yet.
fn learnt(step: &Step, told: &mut Told) {
    if let Some((switch, rest)) = told.text.split_once(" does not know ")
        && let Some((owner, _)) = rest.split_once(',')
    {
        told.text = format!("{switch} will have learnt that {owner} is behind {}", step.interface);
    }
}

/// Whether what was captured is what the tables foretell. Places in which nobody listened are left out.
pub(super) fn compare(
    request: &Request<'_>,
    (sent, walk): (&Sent, &Walk),
    captured: &Story,
    kernels: &mut dyn Facts,
) -> Agreement {
    let sending = as_sent(sending(request), walk);
    let listened = |place: &str| sent.interfaces.iter().any(|interface| interface.place == place);
    let prediction = ask(request, &sending, kernels).seen_at(listened);
    let story = teller(request).story(&prediction.walk, &Decisions::default());
    agreement(captured, &story, prediction.ends.as_ref())
}

fn sending(request: &Request<'_>) -> Sending {
    let (data, dont_fragment) = match &request.attempt {
        Attempt::Ping { size, dont_fragment } => (*size, *dont_fragment),
        Attempt::Udp { .. } => (request.datagram.size, request.datagram.dont_fragment),
        _ => (0, DontFragment::Kernel),
    };
    Sending { attempt: request.attempt.clone(), data, dont_fragment }
}

/// What a sender's kernel knows of the path's MTU, no table shows to others: how much of a packet it sent at once is taken
/// from what was captured.
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

fn lost(request: &Request<'_>, story: &Story, ending: &Ending, kernels: &mut dyn Facts) -> Lost {
    let verdict = blame(request.lab, request.from, request.target, kernels);
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
        cause: verdict.blame.as_ref().map(ToString::to_string),
        show: command.in_lab(verdict.show()),
        mend: command.in_lab(verdict.blame.map(|blame| blame.mend).unwrap_or_default()),
    }
}
