//! A walk as a book: a page for each step, with the packet before it and after it, and the verdict at the end.
//!
//! Pure: which page is open, and what a screen of some size shows of it. Who reads keys and draws is in `cmd/walk/step.rs`.

mod fold;
mod headers;
mod path;

use self::fold::{fold, split};
use self::headers::headers;
use self::path::path;
use super::story::{StepTold, Story, Way};
use super::text::{Detail, Text, in_pieces, verdict};
use crate::diag::Style;
use crate::render::report::paint::{Paint, paint};

/// Lines of a page below its head that a screen shows at least; where there are fewer, the head is moved with the rest.
const BODY: usize = 6;
/// What the keys do; the second where the terminal is narrow.
const KEYS: [&str; 2] =
    ["→ next   ← back   Home first   End last   ↑ ↓ move   q leave", "→ next  ← back  ↑↓ move  q leave"];

/// An open book.
pub struct Book<'a> {
    story: &'a Story,
    page: usize,
    /// The first line of the page that is shown.
    top: usize,
}

/// What a reader wants to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The next page.
    Next,
    /// The one before.
    Back,
    /// The first one.
    First,
    /// The last one.
    Last,
    /// What is above on this page, a line of it.
    Up,
    /// What is below.
    Down,
}

/// A screen.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Characters in a row.
    pub columns: usize,
    /// Rows.
    pub rows: usize,
    /// Whether in colour.
    pub style: Style,
}

impl<'a> Book<'a> {
    /// Opens a walk at its first step.
    pub fn new(story: &'a Story) -> Self {
        Self { story, page: 0, top: 0 }
    }

    /// Turns the page, or moves it. Beyond the first and the last there is nothing.
    pub fn turn(&mut self, turn: Turn) {
        let last = self.steps().count();
        let before = self.page;
        match turn {
            Turn::Next => self.page = (self.page + 1).min(last),
            Turn::Back => self.page = self.page.saturating_sub(1),
            Turn::First => self.page = 0,
            Turn::Last => self.page = last,
            Turn::Up => self.top = self.top.saturating_sub(1),
            // Where the page ends is known when it is drawn.
            Turn::Down => self.top += 1,
        }
        if self.page != before {
            self.top = 0;
        }
    }

    /// The rows that a screen shows, none of them wider than it is, and no more than it has.
    pub fn screen(&mut self, size: Size) -> Vec<String> {
        let (mut head, mut body) = self.page(size);
        if head.len() + BODY + 1 > size.rows {
            head.append(&mut body);
            (head, body) = (Vec::new(), head);
        }
        let room = size.rows.saturating_sub(head.len() + 1).max(1);
        self.top = self.top.min(body.len().saturating_sub(room));
        let below = body.len().saturating_sub(self.top + room);
        let mut rows = head;
        rows.extend(body.into_iter().skip(self.top).take(room));
        rows.resize(size.rows.saturating_sub(1), String::new());
        rows.push(foot(size, self.top, below));
        rows.truncate(size.rows);
        rows
    }

    fn steps(&self) -> impl Iterator<Item = (&'a Way, &'a StepTold)> {
        self.story.ways.iter().flat_map(|way| way.steps.iter().map(move |step| (way, step)))
    }

    /// What is always there, and what can be moved.
    fn page(&self, size: Size) -> (Vec<String>, Vec<String>) {
        let all = self.steps().count();
        let here = self.steps().nth(self.page);
        let place = match here {
            Some((_, step)) => format!("step {} of {all}", step.number),
            None => "the end".to_owned(),
        };
        let mut head = self.title(&place, size);
        if let Some((way, step)) = here {
            head.extend(path(self.story, way, step, size));
        }
        head.push(paint(&"─".repeat(size.columns), Paint::Faint, size.style));
        let body = match here {
            Some((way, step)) => body(way, step, size),
            None => self.end(size),
        };
        (head, body)
    }

    /// What this walk is, and on the right which page is open.
    fn title(&self, place: &str, size: Size) -> Vec<String> {
        let what = format!("{} → {}: {}", self.story.from, self.story.to, self.story.what);
        let taken = what.chars().count() + place.chars().count();
        let strong = |text: &str| paint(text, Paint::Strong, size.style);
        if taken + 2 <= size.columns {
            return vec![format!("{}{}{place}", strong(&what), " ".repeat(size.columns - taken))];
        }
        let mut lines: Vec<String> = fold(&what, size.columns).iter().map(|line| strong(line)).collect();
        lines.push(place.to_owned());
        lines
    }

    fn end(&self, size: Size) -> Vec<String> {
        let text = Text { width: size.columns, style: size.style, detail: Detail::All };
        verdict(self.story, text).lines().flat_map(|line| split(line, size.columns)).collect()
    }
}

fn body(way: &Way, step: &StepTold, size: Size) -> Vec<String> {
    let before = way.steps.iter().take_while(|other| other.number < step.number).last();
    let mut lines = Lines { size, lines: Vec::new() };
    let role = if step.role.is_empty() { String::new() } else { format!(": {}", step.role) };
    let here = format!("{} {} {}{role}", step.place, step.interface, step.direction.word());
    lines.say(&here, Paint::Strong, 0);
    step.questions.iter().for_each(|question| lines.say(&format!("after {question}"), Paint::Faint, 0));
    lines.lines.push(String::new());
    lines.lines.extend(headers(before, step, size));
    lines.lines.push(String::new());
    match (before, step.changes.as_slice()) {
        (None, _) => {}
        (_, []) => lines.say("nothing has changed", Paint::Faint, 0),
        (_, changes) => {
            lines.say("what has changed", Paint::Strong, 0);
            changes.iter().for_each(|change| lines.say(&change.text, Paint::New, 2));
        }
    }
    if step.pieces > 1 {
        lines.say(&in_pieces(step.pieces), Paint::New, 0);
    }
    if !step.copies.is_empty() {
        lines.say(&format!("copies, dropped, to {}", step.copies.join(", ")), Paint::Faint, 0);
    }
    if !step.asked.is_empty() {
        lines.say(&format!("what {}'s kernel says when it is asked", step.place), Paint::Strong, 0);
        let told = step.asked.iter().map(|told| format!("· {}: {}", told.about, told.text));
        told.for_each(|text| lines.say(&text, Paint::Plain, 2));
    }
    lines.lines
}

/// Lines of a page, folded to its width.
struct Lines {
    size: Size,
    lines: Vec<String>,
}

impl Lines {
    fn say(&mut self, text: &str, how: Paint, indent: usize) {
        let Self { size, lines } = self;
        let folded = fold(text, size.columns.saturating_sub(indent));
        lines.extend(folded.iter().map(|line| format!("{:indent$}{}", "", paint(line, how, size.style))));
    }
}

/// The last row: what the keys do, and whether there is more of the page.
fn foot(size: Size, above: usize, below: usize) -> String {
    let more = match (above, below) {
        (0, 0) => "",
        (0, _) => "   ↓ more",
        (_, 0) => "   ↑ more",
        _ => "   ↑↓ more",
    };
    let keys = KEYS.iter().find(|keys| keys.chars().count() + more.chars().count() <= size.columns);
    let text = format!("{}{more}", keys.unwrap_or(&"q leave"));
    let text: String = text.chars().take(size.columns).collect();
    paint(&text, Paint::Faint, size.style)
}

#[cfg(test)]
mod tests;
