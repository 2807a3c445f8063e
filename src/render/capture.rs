//! Frames that passed an interface, a line each: when, where, which way, from whom to whom, and what it is.

mod frame;
mod json;
mod time;

use std::fmt::Write as _;

pub(in crate::render) use frame::meaning as icmp_meaning;
pub use json::{CaptureLine, capture_json};
pub use time::Stamp;

use super::Names;
use super::report::paint::{Paint, paint};
use crate::diag::Style;
use crate::packet::decode::Header;
use crate::packet::pcapng::Direction;

/// Columns that what a frame is needs at least, beside where and when it passed; with fewer it gets lines of its own.
const ROOM: usize = 36;

/// A frame, and where it passed.
#[derive(Debug, Clone, Copy)]
pub struct Passed<'a> {
    /// The interface: `node1/cbr0`.
    pub interface: &'a str,
    /// Which way it went there.
    pub direction: Direction,
    /// When, in nanoseconds since 1970.
    pub time: u64,
    /// How long it is, in bytes.
    pub length: usize,
    /// What it is made of.
    pub headers: &'a [Header],
    /// What there is to say besides.
    pub notes: &'a [String],
}

/// How frames are shown.
#[derive(Clone, Copy)]
pub struct CaptureText<'a> {
    /// What addresses are called; knows none where numbers are wanted.
    pub names: &'a dyn Names,
    /// How times are written.
    pub stamp: Stamp,
    /// When the first frame passed.
    pub start: u64,
    /// How long the longest name of an interface is.
    pub longest: usize,
    /// How wide the terminal is, where it is one.
    pub width: Option<usize>,
    /// Whether in colour.
    pub style: Style,
}

impl CaptureText<'_> {
    /// A frame's line, or lines where the terminal is narrow, without the last newline.
    pub fn line(&self, passed: &Passed<'_>) -> String {
        let mut what = summary(passed.headers, passed.length, self.names);
        let _ = write!(what, ", {} bytes", passed.length);
        for note in passed.notes {
            let _ = write!(what, "; {note}");
        }
        let time = self.stamp.write(passed.time, self.start);
        let direction = direction(passed.direction);
        let before = if time.is_empty() { 0 } else { time.len() + 2 } + self.longest + 7;
        let mut line = paint(&time, Paint::Faint, self.style);
        line.push_str(if time.is_empty() { "" } else { "  " });
        let padding = self.longest.saturating_sub(passed.interface.chars().count());
        let interface = paint(passed.interface, Paint::Strong, self.style);
        let _ = write!(line, "{interface}{:padding$}  {direction:<3}  ", "");
        match self.width {
            None => line += &what,
            Some(width) if width >= before + ROOM => line += &fold(&what, width - before, before),
            Some(width) => {
                line.truncate(line.trim_end().len());
                let _ = write!(line, "\n    {}", fold(&what, width.saturating_sub(4).max(1), 4));
            }
        }
        line
    }
}

/// What a frame is, from whom to whom.
pub fn summary(headers: &[Header], length: usize, names: &dyn Names) -> String {
    frame::Frame { names, length }.tell(headers)
}

fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::In => "in",
        Direction::Out => "out",
    }
}

/// Breaks text at its blanks; every line but the first begins with so many of them. A word that is too long stays whole.
fn fold(text: &str, width: usize, indent: usize) -> String {
    let mut folded = String::new();
    let mut column = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > width {
            let _ = write!(folded, "\n{:indent$}", "");
            column = 0;
        } else if column > 0 {
            folded.push(' ');
            column += 1;
        }
        folded.push_str(word);
        column += length;
    }
    folded
}

#[cfg(test)]
mod tests;
