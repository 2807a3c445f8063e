//! What is said about a file that is not TOML: the parser's messages, in the words of whoever wrote the file.

use crate::diag::{Code, Diagnostic, Span, quoted};

/// The diagnostics for what the parser refused, in the order of the file.
pub(super) fn diagnostics(errors: &[toml::de::Error], text: &str) -> Vec<Diagnostic> {
    let mut places: Vec<(Span, &str)> =
        errors.iter().map(|error| (place(error, text), error.message())).collect();
    places.sort_by_key(|(span, _)| span.start);
    let mut all: Vec<Diagnostic> =
        places.into_iter().map(|(span, message)| one(span, message, text)).collect();
    let yaml = text.lines().any(|line| line.trim_start().starts_with("- ") || line.trim_end().ends_with(':'));
    let help = if yaml {
        "this looks like YAML; a topology is TOML: key = \"value\", and [[node]] above the keys of each node"
    } else {
        "strings are written in quotes, lists in [ ], and a table's name in [ ] or, for one of several, [[ ]]"
    };
    if let Some(first) = all.first_mut() {
        first.help.push(help.into());
    }
    all
}

/// The end of the file is a place too, but one that cannot be pointed at: the last character can.
fn place(error: &toml::de::Error, text: &str) -> Span {
    let span = error.span().unwrap_or(0..0);
    if span.start < text.len() {
        return span;
    }
    let (last, length) = text.trim_end().char_indices().last().map_or((0, 0), |(at, c)| (at, c.len_utf8()));
    last..last + length
}

fn one(span: Span, message: &str, text: &str) -> Diagnostic {
    let message = message.lines().next().unwrap_or("not TOML");
    let here = text.get(span.clone()).unwrap_or_default();
    if message == "duplicate key" {
        let message = format!("{} is written twice", quoted(here));
        return Diagnostic::new(Code::Syntax, message, span, "the second time");
    }
    let bare = here.starts_with(|c: char| c.is_alphabetic());
    let label = match message {
        _ if bare && message.starts_with("string values must be quoted") => "text must be in quotes",
        _ if bare && message.starts_with("invalid float") => "text must be in quotes",
        _ if message.starts_with("string values must be quoted") => "neither one number nor text in quotes",
        "invalid basic string, expected `\"`" => "the `\"` that ends the string is missing",
        other => other,
    };
    Diagnostic::new(Code::Syntax, "this is not valid TOML", span, label)
}
