//! What the kernels' tables say of a packet: told by itself (`--predict`), and held against what was captured.

use super::asked::Asking;
use super::request::Request;
use crate::blame::{Facts, blame};
use crate::render::walk::{Agreement, Decisions, Lost, Ports, Story, Teller, agreement};
use crate::walk::{Ending, Prediction, predict};

/// The walk that the tables foretell; nothing is sent.
pub(super) fn foretold(request: &Request<'_>, kernels: &mut dyn Facts) -> Story {
    let prediction = ask(request, kernels);
    let walk = &prediction.walk;
    let mut asking = Asking { kernels, names: &request.names, wires: &request.wires };
    let decisions = Decisions { request: asking.about(&walk.request), reply: asking.about(&walk.reply) };
    let mut story = teller(request).story(walk, &decisions);
    story.lost = prediction.ends.map(|ending| lost(request, &story, &ending, kernels));
    story
}

/// Whether what was captured is what the tables foretell.
pub(super) fn compare(request: &Request<'_>, captured: &Story, kernels: &mut dyn Facts) -> Agreement {
    let prediction = ask(request, kernels);
    let story = teller(request).story(&prediction.walk, &Decisions::default());
    agreement(captured, &story, prediction.ends.as_ref())
}

fn ask(request: &Request<'_>, kernels: &mut dyn Facts) -> Prediction {
    predict(&request.attempt, request.from, request.target, &request.wires, kernels)
}

/// A sender's own port is not known before it sends.
fn teller<'a>(request: &'a Request<'_>) -> Teller<'a> {
    Teller { ports: Ports::Any, ..request.teller(None) }
}

fn lost(request: &Request<'_>, story: &Story, ending: &Ending, kernels: &mut dyn Facts) -> Lost {
    let found = blame(request.lab, request.from, request.target, kernels).blame;
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
        cause: found.as_ref().map(ToString::to_string),
        show: Vec::new(),
        mend: found.map(|blame| blame.mend).unwrap_or_default(),
    }
}
