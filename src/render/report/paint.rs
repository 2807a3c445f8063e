//! Colours of a terminal, by what they mean here.

use crate::diag::Style;

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::render) enum Paint {
    /// Nothing special.
    Plain,
    /// All is well.
    Good,
    /// Something is wrong.
    Bad,
    /// Neither: skipped, stopped.
    Unsure,
    /// A heading.
    Strong,
    /// What surrounds what matters.
    Faint,
    /// A line of the snapshot that was not found.
    Gone,
    /// The part of such a line that differs.
    GonePart,
    /// A line that the snapshot has not.
    New,
    /// The part of such a line that differs.
    NewPart,
}

impl Paint {
    /// The numbers of the SGR sequence (ECMA-48, 8.3.117).
    fn sgr(self) -> &'static str {
        match self {
            Self::Plain => "0",
            Self::Good => "1;32",
            Self::Bad => "1;31",
            Self::Unsure => "1;33",
            Self::Strong => "1",
            Self::Faint => "2",
            Self::Gone => "31",
            Self::GonePart => "7;31",
            Self::New => "32",
            Self::NewPart => "7;32",
        }
    }
}

/// The text in its colour, where colours are wanted.
pub(in crate::render) fn paint(text: &str, paint: Paint, style: Style) -> String {
    match style {
        Style::Coloured if !text.is_empty() && paint != Paint::Plain => {
            format!("\u{1b}[{}m{text}\u{1b}[0m", paint.sgr())
        }
        _ => text.to_owned(),
    }
}
