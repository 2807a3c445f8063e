//! A walk as a sequence diagram of Mermaid, which GitHub draws in Markdown.
//!
//! A line for each place, a message for each cable that the packet crosses, and a note for what a place did with it. What
//! changes from run to run, such as times and the states of neighbours, is left out.

mod places;

use std::fmt::Write as _;
use std::net::IpAddr;

use self::places::Places;
use super::story::{LayerTold, Lost, Origin, StepTold, Story, Way, WayKind};
use super::text::in_pieces;
use crate::render::graph::mermaid::id;
use crate::render::report::words::wrap;

/// Columns of a note: Mermaid makes it as wide as its longest line.
const WIDTH: usize = 48;

/// The diagram.
pub fn mermaid(story: &Story) -> String {
    let places = Places::new(story);
    let how = match story.origin {
        Origin::Captured => "",
        Origin::Predicted => " (predicted: nothing is sent)",
    };
    let mut out =
        format!("---\ntitle: \"{} → {}: {}{how}\"\n---\nsequenceDiagram\n", story.from, story.to, story.what);
    places.declare(&mut out);
    let last = story.ways.len().saturating_sub(1);
    let of_loss = story.lost.as_ref().map(|lost| where_lost(story, lost).unwrap_or(last));
    for (number, way) in story.ways.iter().enumerate() {
        draw(&mut out, way);
        if of_loss == Some(number) {
            draw_loss(&mut out, story, &places);
        }
    }
    if story.ways.is_empty() {
        draw_loss(&mut out, story, &places);
    }
    let is_said = story.lost.as_ref().is_some_and(|lost| lost.text == story.verdict);
    if let Some((first, last)) = places.ends().filter(|_| !is_said) {
        let over = if first == last { at(first) } else { format!("{},{}", at(first), at(last)) };
        note(&mut out, &over, std::slice::from_ref(&story.verdict));
    }
    out
}

/// The way at whose end the packet was lost.
fn where_lost(story: &Story, lost: &Lost) -> Option<usize> {
    let step = lost.after_step?;
    story.ways.iter().position(|way| way.steps.iter().any(|told| told.number == step))
}

fn draw(out: &mut String, way: &Way) {
    let arrow = match way.kind {
        WayKind::Request => "->>",
        WayKind::Reply => "-->>",
        WayKind::Error => "--x",
    };
    let visits: Vec<&[StepTold]> = way.steps.chunk_by(|one, other| one.place == other.place).collect();
    for (number, visit) in visits.iter().enumerate() {
        let said = inside(visit);
        if said.len() > 1 || visit.len() > 1 || visit[0].ports.is_some() {
            note(out, &at(&visit[0].place), &said);
        }
        let (Some(last), Some(next)) = (visit.last(), visits.get(number + 1)) else { continue };
        let mut text = Vec::new();
        if number == 0 {
            text.push(way.what.clone());
        }
        text.extend(on_the_wire(&last.layers));
        if last.pieces > 1 {
            text.push(in_pieces(last.pieces));
        }
        // Writing to a String cannot fail.
        let _ = writeln!(out, "  {}{arrow}{}: {}", at(&last.place), at(&next[0].place), lines(&text));
    }
}

/// What happens to the packet within a place.
fn inside(visit: &[StepTold]) -> Vec<String> {
    let interface = |step: &StepTold| match &step.ports {
        Some([came, left]) => format!("{came} → {} → {left}", step.interface),
        None => step.interface.clone(),
    };
    let interfaces: Vec<String> = visit.iter().map(interface).collect();
    let mut said = vec![interfaces.join(" → ")];
    for step in visit {
        said.extend(step.questions.iter().map(|question| format!("after {question}")));
        let asked = step.asked.iter().filter(|told| matches!(told.about, "route" | "FDB" | "nft"));
        said.extend(asked.map(|told| format!("{}: {}", told.about, told.text)));
        said.extend(step.changes.iter().map(|change| change.text.clone()));
    }
    said
}

/// What is on a cable, outermost first.
fn on_the_wire(layers: &[LayerTold]) -> Vec<String> {
    let (wrapped, around) = match layers.split_last() {
        Some((inner, outer)) => (Some(inner), outer),
        None => (None, layers),
    };
    let ends =
        |layer: &LayerTold| layer.ip.as_ref().map(|ip| format!("{} → {}", ip.from.address, ip.to.address));
    let outer = around.iter().map(|layer| {
        let ends = ends(layer).unwrap_or_default();
        format!("{ends}, {}, around", layer.carries)
    });
    let inner = wrapped.map(|layer| match (&layer.ip, ends(layer)) {
        (Some(ip), Some(ends)) => format!("{ends}, TTL {}", ip.ttl),
        _ => layer.carries.clone(),
    });
    outer.chain(inner).collect()
}

fn draw_loss(out: &mut String, story: &Story, places: &Places) {
    let Some(lost) = &story.lost else { return };
    let kind = where_lost(story, lost).map(|way| story.ways[way].kind);
    let target = places.target();
    // What the target has was on its way back from there.
    let is_answer = kind == Some(WayKind::Reply) || lost.place == target;
    let wanted = if is_answer { story.from.as_str() } else { target };
    let what = if is_answer { "the answer is lost" } else { "lost" };
    let _ = writeln!(out, "  {}-x{}: {what}", at(&lost.place), at(wanted));
    let mut said = vec![lost.text.clone()];
    said.extend(story.unanswered.iter().cloned());
    said.extend(lost.cause.iter().map(|cause| format!("likely: {cause}")));
    note(out, &at(&lost.place), &said);
}

fn note(out: &mut String, over: &str, said: &[String]) {
    let _ = writeln!(out, "  Note over {over}: {}", lines(said));
}

fn lines(said: &[String]) -> String {
    let folded: Vec<String> =
        said.iter().flat_map(|line| wrap(line, WIDTH)).map(|line| escaped(&line)).collect();
    folded.join("<br/>")
}

/// The line of a place, or of an address that is nobody's.
fn at(place: &str) -> String {
    match place.parse::<IpAddr>() {
        Ok(_) => id("to", &place.replace(['.', ':'], "-")),
        Err(_) => id("at", place),
    }
}

/// Text without what ends a line of the language or is taken for HTML or a directive.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '#' | ';' | '<' | '>' | '&' | '%' | '{' | '}' | '$' | '\\' => {
                let _ = write!(out, "#{};", u32::from(c));
            }
            '\n' => out.push(' '),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests;
