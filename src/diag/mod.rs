//! What is wrong with a topology file, said the way a compiler says it: a code, the place, a label at every place
//! involved, and what to write instead. This module renders; it decides nothing and reads no file.

mod codes;
mod pages;

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet, renderer::DecorStyle};

pub use codes::Code;
pub use pages::page;

/// A place in the topology file, as byte offsets.
pub type Span = Range<usize>;

/// One error of a topology file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Which kind of error; `netlab explain CODE` has a page for it.
    pub code: Code,
    /// What is wrong, in one line.
    pub message: String,
    /// The places involved; the first is where the error is, the others are what it clashes with.
    pub labels: Vec<Label>,
    /// What to write instead.
    pub help: Vec<String>,
}

/// A place with a remark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What is there to say about it.
    pub text: String,
}

impl Diagnostic {
    /// A diagnostic whose main place is `span`.
    pub fn new(code: Code, message: impl Into<String>, span: Span, label: impl Into<String>) -> Self {
        let label = Label { span, text: label.into() };
        Self { code, message: message.into(), labels: vec![label], help: Vec::new() }
    }

    /// Adds a second place that has to do with the error. An empty span stands for what the file leaves to its
    /// default: nothing can be pointed at, so the remark becomes a help line.
    #[must_use]
    pub fn also(mut self, span: Span, label: impl Into<String>) -> Self {
        if span.is_empty() {
            return self.help(format!("{} by default", label.into()));
        }
        self.labels.push(Label { span, text: label.into() });
        self
    }

    /// Adds a line that says what to write instead.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }

    /// Adds "did you mean" when one of `candidates` is close to `wrong`.
    #[must_use]
    pub fn suggest<'a>(self, wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Self {
        match closest(wrong, candidates) {
            Some(name) => {
                let text = format!("did you mean `{name}`?");
                self.help(text)
            }
            None => self,
        }
    }
}

/// Whether diagnostics are drawn with terminal colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Text only.
    Plain,
    /// ANSI colours.
    Coloured,
}

/// Widest source line that is drawn; longer ones are cut around the place that matters.
const WIDTH: usize = 100;
/// Longest stretch of carets under one value.
const LONGEST_CARET: usize = 60;
/// How many diagnostics are drawn: whoever has more than that has one cause for many.
const MOST_DRAWN: usize = 50;
/// How much of a name from the file is repeated in a message.
const LONGEST_QUOTE: usize = 40;

/// Text of the file as a message repeats it: in backticks, control characters escaped, and cut when it is long.
pub fn quoted(text: &str) -> String {
    if text.is_empty() {
        return "an empty string".into();
    }
    let shown: String = text.chars().take(LONGEST_QUOTE).collect();
    let dots = if shown.len() < text.len() { "..." } else { "" };
    format!("`{}{dots}`", shown.escape_debug())
}

/// Draws diagnostics over the file that they are about. Ends with a line that counts them.
pub fn render(path: &str, text: &str, diagnostics: &[Diagnostic], style: Style) -> String {
    let renderer = match style {
        Style::Plain => Renderer::plain(),
        Style::Coloured => Renderer::styled(),
    }
    .decor_style(DecorStyle::Ascii)
    .term_width(WIDTH);
    let mut out = String::new();
    for diagnostic in diagnostics.iter().take(MOST_DRAWN) {
        out.push_str(&render_one(&renderer, path, text, diagnostic));
        out.push_str("\n\n");
    }
    let errors =
        if diagnostics.len() == 1 { "1 error".into() } else { format!("{} errors", diagnostics.len()) };
    // The first error is the one that is read first.
    let explain = diagnostics.first().map_or("NL001", |first| first.code.id());
    let more = diagnostics.len().saturating_sub(MOST_DRAWN);
    if more > 0 {
        out.push_str(&format!("{path}: {more} more errors are not shown\n"));
    }
    out.push_str(&format!("{path}: {errors}; `netlab explain {explain}` says more\n"));
    out
}

fn render_one(renderer: &Renderer, path: &str, text: &str, diagnostic: &Diagnostic) -> String {
    let mut snippet = Snippet::source(text).path(path).fold(true);
    for (place, label) in diagnostic.labels.iter().enumerate() {
        let kind = if place == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
        let span = visible(&label.span, text);
        snippet = snippet.annotation(kind.span(span).label(label.text.as_str()));
    }
    let title = Level::ERROR.primary_title(diagnostic.message.as_str()).id(diagnostic.code.id());
    let mut group = title.element(snippet);
    for help in &diagnostic.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    renderer.render(&[group])
}

/// Keeps a span inside the text, on its first line and short, so that an array over many lines gets one caret line.
fn visible(span: &Span, text: &str) -> Span {
    let boundary =
        |place: usize| (0..=place.min(text.len())).rev().find(|place| text.is_char_boundary(*place));
    let start = boundary(span.start).unwrap_or(0);
    let end = boundary(span.end).unwrap_or(0).max(start);
    let line = text[start..end].lines().next().unwrap_or_default();
    let length: usize = line.chars().take(LONGEST_CARET).map(char::len_utf8).sum();
    start..start + length
}

/// The candidate that a person most likely meant by `wrong`, if one is close enough.
pub fn closest<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = wrong.to_lowercase();
    candidates
        .into_iter()
        .filter_map(|name| Some((distance(&lower, &name.to_lowercase())?, name)))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// How many typing errors lie between two words, if they are few enough for the one to be meant by the other.
///
/// Two words that differ in their numbers only are two things of one kind, not one thing and a typing error.
fn distance(wrong: &str, name: &str) -> Option<usize> {
    if wrong == name {
        return Some(0);
    }
    let (one, other) = (wrong.chars().count(), name.chars().count());
    let allowed = (one.max(other) / 3).max(1).min(one.min(other) / 2);
    let digits = |word: &str| word.contains(|c: char| c.is_ascii_digit());
    let without_digits = |c: &char| !c.is_ascii_digit();
    let numbered = digits(wrong) && digits(name);
    let siblings = numbered && wrong.chars().filter(without_digits).eq(name.chars().filter(without_digits));
    if one.abs_diff(other) > allowed || siblings {
        return None;
    }
    Some(strsim::damerau_levenshtein(wrong, name)).filter(|distance| *distance <= allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closest_finds_typos_and_refuses_far_words() {
        let names = ["node1", "node2", "pod1", "data_path"];
        assert_eq!(closest("nod1", names), Some("node1"));
        assert_eq!(closest("data-path", names), Some("data_path"));
        assert_eq!(closest("POD1", names), Some("pod1"));
        assert_eq!(closest("zebra", names), None);
        assert_eq!(closest("pod7", names), None, "another number is another pod");
        assert_eq!(closest("b", ["a"]), None, "one letter is like any other");
    }

    #[test]
    fn long_text_is_cut_in_messages_and_in_source_lines() {
        assert_eq!(quoted("a\tb"), "`a\\tb`");
        assert_eq!(quoted(&"x".repeat(99)).len(), 40 + "`...`".len());
        let file = format!("a = \"{}\"\n", "x".repeat(10_000));
        let wrong = Diagnostic::new(Code::Syntax, "broken", 4..10_006, "here");
        let text = render("a.toml", &file, &[wrong], Style::Plain);
        assert!(text.lines().all(|line| line.chars().count() < 140), "{text}");
    }

    #[test]
    fn the_first_error_is_the_one_to_read_more_of() {
        let errors =
            [Code::MissingKey, Code::Syntax].map(|code| Diagnostic::new(code, "wrong", 0..1, "here"));
        let text = render("a.toml", "a = 1\n", &errors, Style::Plain);
        assert!(
            text.ends_with(&format!("2 errors; `netlab explain {}` says more\n", Code::MissingKey.id())),
            "{text}"
        );
    }

    #[test]
    fn a_span_past_the_end_is_drawn_at_the_end() {
        let wrong = Diagnostic::new(Code::Syntax, "broken", 900..901, "here");
        let text = render("a.toml", "x = 1\n", &[wrong], Style::Plain);
        assert!(text.contains("NL001"), "{text}");
    }
}
