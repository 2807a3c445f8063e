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

    /// Adds a second place that has to do with the error.
    #[must_use]
    pub fn also(mut self, span: Span, label: impl Into<String>) -> Self {
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

/// Draws diagnostics over the file that they are about. Ends with a line that counts them.
pub fn render(path: &str, text: &str, diagnostics: &[Diagnostic], style: Style) -> String {
    let renderer = match style {
        Style::Plain => Renderer::plain(),
        Style::Coloured => Renderer::styled(),
    }
    .decor_style(DecorStyle::Ascii);
    let mut out = String::new();
    for diagnostic in diagnostics {
        out.push_str(&render_one(&renderer, path, text, diagnostic));
        out.push_str("\n\n");
    }
    let mut codes: Vec<&str> = diagnostics.iter().map(|d| d.code.id()).collect();
    codes.sort_unstable();
    codes.dedup();
    let errors =
        if diagnostics.len() == 1 { "1 error".into() } else { format!("{} errors", diagnostics.len()) };
    let explain = codes.first().copied().unwrap_or("NL001");
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

/// Keeps a span inside the text and on its first line, so that an array over many lines gets one caret line.
fn visible(span: &Span, text: &str) -> Span {
    let start = span.start.min(text.len());
    let end = span.end.clamp(start, text.len());
    let first_line = text.get(start..end).and_then(|covered| covered.find('\n')).unwrap_or(end - start);
    start..start + first_line
}

/// The candidate that a person most likely meant by `wrong`, if one is close enough.
pub fn closest<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = wrong.to_lowercase();
    candidates
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&lower, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= (name.chars().count().max(lower.chars().count()) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
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
    }

    #[test]
    fn a_span_past_the_end_is_drawn_at_the_end() {
        let wrong = Diagnostic::new(Code::Syntax, "broken", 900..901, "here");
        let text = render("a.toml", "x = 1\n", &[wrong], Style::Plain);
        assert!(text.contains("NL001"), "{text}");
    }
}
