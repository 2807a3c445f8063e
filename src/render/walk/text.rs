//! A walk as text: place after place, a line for each interface, and of the packet only what is new.

use std::fmt::Write as _;

use super::story::{ChangeKind, LayerTold, Lost, Origin, StepTold, Story, Way, WayKind};
use crate::diag::Style;
use crate::render::report::paint::{Paint, paint};
use crate::render::report::words::wrap;

/// Columns that are left for words, at least; where there are fewer, words go below the interface's name.
const ROOM: usize = 36;
/// Where words begin then.
const BELOW: usize = 6;

/// How a walk is printed.
#[derive(Debug, Clone, Copy)]
pub struct Text {
    /// Columns.
    pub width: usize,
    /// Whether in colour.
    pub style: Style,
    /// How much is said.
    pub detail: Detail,
}

/// How much is said about a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// What matters.
    Short,
    /// Each question for a neighbour too, and who else got a copy.
    All,
}

/// All of it.
pub fn text(story: &Story, how: Text) -> String {
    let mut out = String::new();
    how.heading(&mut out, story);
    for way in &story.ways {
        how.way(&mut out, way);
    }
    if !story.unanswered.is_empty() {
        out.push('\n');
    }
    for question in &story.unanswered {
        how.line(&mut out, "", question, Paint::Bad);
    }
    out.push('\n');
    how.verdict(&mut out, story);
    how.footnote(&mut out, story);
    out
}

/// Only what came of it.
pub fn verdict(story: &Story, how: Text) -> String {
    let mut out = String::new();
    for question in &story.unanswered {
        how.line(&mut out, "", question, Paint::Bad);
    }
    how.verdict(&mut out, story);
    out
}

/// Columns of what is kept in a file and compared line by line.
const OF_A_FILE: usize = 120;

/// The steps without anything that differs from run to run, for a snapshot: times, numbers of connections, and who had to ask
/// for whom. The story was told with [`Ports::Any`](super::Ports::Any).
pub fn normal(name: &str, story: &Story) -> String {
    let how = Text { width: OF_A_FILE, style: Style::Plain, detail: Detail::Short };
    let end = story.outcome.as_ref().map(ToString::to_string).unwrap_or_default();
    let mut out = format!("walk \"{name}\": {} from {} to {}: {end}\n", story.probe, story.from, story.to);
    for way in &story.ways {
        let mut way = way.clone();
        way.steps.iter_mut().for_each(|step| step.questions.clear());
        how.way(&mut out, &way);
    }
    out
}

/// Words that follow each other, each with its colour.
type Phrases = Vec<(String, Paint)>;

impl Text {
    fn heading(self, out: &mut String, story: &Story) {
        let ends = story.ways.first().and_then(|way| way.steps.first()).and_then(|step| step.layers.last());
        let ends = ends.and_then(|layer| layer.ip.as_ref());
        let ends = ends.map(|ip| format!(", {} → {}", ip.from.address, ip.to.address)).unwrap_or_default();
        let how = match story.origin {
            Origin::Captured => "",
            Origin::Predicted => " (predicted: nothing is sent)",
        };
        self.line(
            out,
            "",
            &format!("{} → {}: {}{ends}{how}", story.from, story.to, story.what),
            Paint::Strong,
        );
    }

    fn way(self, out: &mut String, way: &Way) {
        let title = match way.kind {
            WayKind::Request => "REQUEST",
            WayKind::Reply => "REPLY",
            WayKind::Error => "ICMP ERROR",
        };
        let _ = writeln!(out);
        self.line(out, "", &format!("{title}: {}", way.what), Paint::Strong);
        let longest = way.steps.iter().map(|step| step.interface.chars().count()).max().unwrap_or(0);
        let heading = way.steps.iter().map(|step| step.direction.word().len()).max().unwrap_or(0);
        let mut before: Option<&StepTold> = None;
        for group in way.steps.chunk_by(|one, other| one.place == other.place) {
            self.line(out, "", &group[0].place, Paint::Strong);
            for step in group {
                self.step(out, step, (longest, heading), &self.parts(step, before));
                before = Some(step);
            }
        }
    }

    fn step(self, out: &mut String, step: &StepTold, (longest, heading): (usize, usize), parts: &[Phrases]) {
        for told in &step.asked {
            self.line(out, "      · ", &format!("{}: {}", told.about, told.text), Paint::Faint);
        }
        let start = format!(
            "  {:>2}  {:<longest$}  {:<heading$}  ",
            step.number,
            step.interface,
            step.direction.word()
        );
        let column = start.chars().count();
        if self.width.saturating_sub(column) >= ROOM {
            let mut start = start;
            for part in parts {
                self.phrases(out, &start, part);
                start = " ".repeat(column);
            }
            return;
        }
        let _ = writeln!(out, "{}", start.trim_end());
        for part in parts {
            self.phrases(out, &" ".repeat(BELOW), part);
        }
    }

    /// What stands beside an interface, line by line.
    fn parts(self, step: &StepTold, before: Option<&StepTold>) -> Vec<Phrases> {
        let one = |text: String, how| vec![(text, how)];
        let mut parts = Vec::new();
        let mut role = step.role.clone();
        match self.detail {
            Detail::All => {
                parts.extend(
                    step.questions.iter().map(|question| one(format!("after {question}"), Paint::Faint)),
                );
            }
            Detail::Short => {
                if let Some(question) = step.questions.first() {
                    let protocol = question.split(':').next().unwrap_or_default();
                    let _ = write!(role, ", after {protocol}");
                }
            }
        }
        parts.push(one(role, Paint::Plain));
        let told_below = [ChangeKind::Ttl, ChangeKind::Macs];
        let changes = step.changes.iter().filter(|change| !told_below.contains(&change.kind));
        parts.extend(changes.map(|change| one(change.text.clone(), Paint::New)));
        if step.pieces != before.map_or(1, |before| before.pieces) {
            parts.push(one(in_pieces(step.pieces), Paint::New));
        }
        parts.push(contents(step, before));
        if self.detail == Detail::All && !step.copies.is_empty() {
            parts.push(one(format!("copies, dropped, to {}", step.copies.join(", ")), Paint::Faint));
        }
        parts.retain(|part| part.iter().any(|(text, _)| !text.is_empty()));
        parts
    }

    fn verdict(self, out: &mut String, story: &Story) {
        let how = match (&story.lost, story.origin) {
            (Some(_), _) => Paint::Bad,
            (None, Origin::Captured) => Paint::Good,
            (None, Origin::Predicted) => Paint::Strong,
        };
        self.line(out, "", &story.verdict, how);
        if let Some(prediction) = &story.prediction {
            match prediction.agrees {
                true => self.line(out, "", "the path is the one that the kernels' tables say", Paint::Plain),
                false => {
                    self.line(
                        out,
                        "",
                        "the path is not the one that the kernels' tables say:",
                        Paint::Unsure,
                    );
                }
            }
            for difference in &prediction.differences {
                self.line(out, "  ", difference, Paint::Plain);
            }
            if !prediction.expected.is_empty() {
                self.line(out, "", "what the tables say from there on:", Paint::Plain);
            }
            for step in &prediction.expected {
                self.line(out, "    ", step, Paint::Plain);
            }
        }
        if let Some(lost) = &story.lost {
            self.lost(out, lost);
        }
    }

    /// What the dots are, if there are any.
    fn footnote(self, out: &mut String, story: &Story) {
        let is_captured = story.origin == Origin::Captured;
        if is_captured && story.ways.iter().flat_map(|way| &way.steps).any(|step| !step.asked.is_empty()) {
            self.line(
                out,
                "",
                "(· is what the kernels say when they are asked; all else was captured)",
                Paint::Faint,
            );
        }
    }

    /// Where it was lost is in the verdict.
    fn lost(self, out: &mut String, lost: &Lost) {
        let label = |label: &'static str, number: usize| if number == 0 { label } else { "" };
        for (number, evidence) in lost.evidence.iter().enumerate() {
            self.line(out, &format!("{:<10}", label("evidence", number)), evidence, Paint::Plain);
        }
        let unknown = "not known: every look-up on the way is in order, there and back";
        self.line(out, "likely    ", lost.cause.as_deref().unwrap_or(unknown), Paint::Plain);
        // What is copied must not be broken.
        for (number, command) in lost.show.iter().enumerate() {
            let _ = writeln!(out, "{:<10}{command}", label("show", number));
        }
        for (number, command) in lost.mend.iter().enumerate() {
            let _ = writeln!(out, "{:<10}{command}", label("mend", number));
        }
    }

    /// Words after something, folded below each other.
    fn line(self, out: &mut String, start: &str, text: &str, how: Paint) {
        self.phrases(out, start, &vec![(text.to_owned(), how)]);
    }

    /// The same of phrases that are not all of one colour, with commas between them.
    fn phrases(self, out: &mut String, start: &str, phrases: &Phrases) {
        let indent = start.chars().count();
        let room = self.width.saturating_sub(indent).max(1);
        let plain: Vec<&str> = phrases.iter().map(|(text, _)| text.as_str()).collect();
        // The words again, one after the other, each with its colour.
        let mut colours = phrases.iter().flat_map(|(text, how)| text.split(' ').map(move |_| *how));
        let mut start = start.to_owned();
        for line in wrap(&plain.join(", "), room) {
            let words = line.split(' ').map(|word| (word, colours.next().unwrap_or(Paint::Plain)));
            let words: Vec<(&str, Paint)> = words.collect();
            let runs = words.chunk_by(|one, other| one.1 == other.1).map(|run| {
                let text: Vec<&str> = run.iter().map(|(word, _)| *word).collect();
                paint(&text.join(" "), run[0].1, self.style)
            });
            let line = runs.collect::<Vec<_>>().join(" ");
            let _ = writeln!(out, "{}", format!("{start}{line}").trim_end());
            start = " ".repeat(indent);
        }
    }
}

pub(super) fn in_pieces(number: usize) -> String {
    match number {
        1 => "put together again".to_owned(),
        _ => format!("in {number} pieces, of which this is the first"),
    }
}

/// What the packet is at a step: TTL, length, and from whom to whom it is on its link. What is new is in another colour, and said.
fn contents(step: &StepTold, before: Option<&StepTold>) -> Phrases {
    let change = |kind| step.changes.iter().find(|change| change.kind == kind);
    let how = |is_new: bool| if is_new { Paint::New } else { Paint::Plain };
    let ttl = |layer: &LayerTold| layer.ip.as_ref().map(|ip| ip.ttl.to_string());
    let counted = change(ChangeKind::Ttl);
    let now = counted.map(|change| change.text.trim_start_matches("TTL ").to_owned());
    let ttl = match step.layers.as_slice() {
        [] => None,
        [layer] => now.or_else(|| ttl(layer)).map(|ttl| format!("TTL {ttl}")),
        // What is wrapped is counted down on its outside.
        [outer, .., inner] => now
            .or_else(|| ttl(outer))
            .zip(ttl(inner))
            .map(|(outside, inside)| format!("TTL {inside} inside and {outside} outside")),
    };
    let is_longer = before.is_some_and(|before| before.bytes != step.bytes);
    let mut phrases: Phrases = ttl.into_iter().map(|ttl| (ttl, how(counted.is_some()))).collect();
    phrases.push((format!("{} bytes", step.bytes), how(is_longer)));
    let is_rewritten = change(ChangeKind::Macs).is_some();
    let word = if is_rewritten { "new MACs " } else { "" };
    phrases.extend(step.macs.as_ref().map(|macs| (format!("{word}{macs}"), how(is_rewritten))));
    phrases
}
