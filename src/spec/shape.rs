//! The shape of the language: which table has which keys, and what a value is in a person's words.

use std::collections::HashMap;
use std::sync::LazyLock;

use schemars::{JsonSchema, SchemaGenerator};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::field::WrongType;
use super::types::{
    Cluster, Container, Document, External, IMPAIR_EXAMPLES, Impair, Node, Pod, Router, Segment, Test,
    Underlay,
};
use crate::diag::{Code, Diagnostic, Span, quoted};

/// What the whole file is called where another place would be a table's name.
pub(super) const TOPOLOGY: &str = "topology";

/// The keys of a table, from its type: the same source as `netlab schema`.
pub(super) fn keys<T: JsonSchema>() -> Vec<String> {
    let schema = SchemaGenerator::default().into_root_schema_for::<T>();
    let properties = schema.get("properties").and_then(serde_json::Value::as_object);
    properties.map(|all| all.keys().cloned().collect()).unwrap_or_default()
}

/// What a person calls a table.
fn called(place: &str) -> String {
    match place {
        TOPOLOGY => "a topology".into(),
        "cluster" | "underlay" => format!("[{place}]"),
        "container" => "a [[pod.container]]".into(),
        "impair" => "`impair`".into(),
        "external" => "an [[external]]".into(),
        _ => format!("a [[{place}]]"),
    }
}

/// The diagnostic for a key that `place` does not have.
pub(super) fn unknown_key(
    key: &str,
    span: Span,
    place: &str,
    known: &[String],
    meant: Option<&str>,
) -> Diagnostic {
    let message = format!("{} is not a key of {}", quoted(key), called(place));
    let diagnostic = Diagnostic::new(Code::UnknownKey, message, span, "unknown key");
    if let Some(meant) = meant {
        return diagnostic.help(format!("did you mean `{meant}`?"));
    }
    let diagnostic = match home(key, place) {
        Some(home) => diagnostic.help(format!("`{key}` belongs {home}")),
        None => diagnostic,
    };
    diagnostic.help(format!("the keys of {} are: {}", called(place), known.join(", ")))
}

/// Every table with its keys, the top of the file first.
static TABLES: LazyLock<Vec<(&str, Vec<String>)>> = LazyLock::new(|| {
    vec![
        (TOPOLOGY, keys::<Document>()),
        ("cluster", keys::<Cluster>()),
        ("underlay", keys::<Underlay>()),
        ("segment", keys::<Segment>()),
        ("router", keys::<Router>()),
        ("node", keys::<Node>()),
        ("external", keys::<External>()),
        ("pod", keys::<Pod>()),
        ("container", keys::<Container>()),
        ("impair", keys::<Impair>()),
        ("test", keys::<Test>()),
    ]
});

/// Where a key belongs that stands in a table which does not have it, in words.
fn home(key: &str, place: &str) -> Option<String> {
    let homes: Vec<&str> = TABLES
        .iter()
        .filter(|(name, keys)| *name != place && keys.iter().any(|known| known == key))
        .map(|(name, _)| *name)
        .collect();
    match homes.as_slice() {
        ["pod"] if key == "container" => Some("below its [[pod]]: write [[pod.container]]".into()),
        // `name` is a key of almost everything: what comes first is what a file begins with.
        [TOPOLOGY, ..] => Some("at the top of the file, above the first [table]".into()),
        [one] => Some(format!("in {}", called(one))),
        [one, other] => Some(format!("in {} or {}", called(one), called(other))),
        _ => None,
    }
}

/// The diagnostic for a value of the wrong type, which names the key that it is the value of.
pub(super) fn wrong_type(wrong: &WrongType, places: &Places<'_>) -> Diagnostic {
    let (span, expected) = (wrong.span.clone(), wrong.expected.as_str());
    let Some(place) = places.0.get(&(span.start, span.end)) else {
        let message = format!("this value must be {expected}");
        return Diagnostic::new(Code::WrongType, message, span, "not what belongs here");
    };
    let key = quoted(&place.key);
    // The only way in which a whole number can be wrong where one is expected; the parser may have given up on it.
    let number = expected.starts_with("a whole number") || expected.contains("overflow");
    if matches!(place.value, DeValue::Integer(_)) && number {
        let message = format!("{key} is far out of range");
        return Diagnostic::new(Code::WrongType, message, span, "more than 64 bits can hold");
    }
    let message = match place.part {
        Part::Value => format!("{key} must be {expected}"),
        Part::Item => format!("each item of {key} must be {expected}"),
    };
    let label = format!("this is {}", in_words(place.value.type_str()));
    let diagnostic = Diagnostic::new(Code::WrongType, message, span, label);
    match place.value {
        DeValue::String(text) if unquoted(text, expected) => {
            diagnostic.help(format!("write it without quotes: {text}"))
        }
        _ if expected == "a string" => match IMPAIR_EXAMPLES.iter().find(|(known, _)| *known == place.key) {
            Some((known, example)) => diagnostic.help(format!("write for example: {known} = \"{example}\"")),
            None => diagnostic,
        },
        _ => diagnostic,
    }
}

/// Whether a string would be right without its quotes.
fn unquoted(text: &str, expected: &str) -> bool {
    match expected {
        "true or false" => matches!(text, "true" | "false"),
        _ => expected.starts_with("a whole number") && text.parse::<i64>().is_ok(),
    }
}

/// TOML's name of a type, for people.
fn in_words(kind: &str) -> &str {
    match kind {
        "string" => "a string",
        "integer" => "a whole number",
        "float" => "a number with a fraction",
        "boolean" => "a boolean",
        "datetime" => "a date or time",
        "array" => "a list",
        "table" => "a table",
        other => other,
    }
}

enum Part {
    Value,
    Item,
}

struct Place<'a> {
    key: String,
    part: Part,
    value: &'a DeValue<'a>,
}

/// Every value of a file by its place, with the key that leads to it.
#[derive(Default)]
pub(super) struct Places<'a>(HashMap<(usize, usize), Place<'a>>);

impl<'a> Places<'a> {
    /// All places below a table.
    pub(super) fn new(table: &'a DeTable<'a>) -> Self {
        let mut places = Self::default();
        places.table(table, "");
        places
    }

    fn table(&mut self, table: &'a DeTable<'a>, path: &str) {
        for (key, value) in table {
            let inner = match path {
                "labels" | "env" => format!("{path}.{}", key.get_ref()),
                _ => key.get_ref().to_string(),
            };
            self.value(value, &inner, Part::Value);
        }
    }

    /// An array of tables and its first table have one place, the header: what comes later here is further inside,
    /// and that is what is wrong.
    fn value(&mut self, value: &'a Spanned<DeValue<'a>>, key: &str, part: Part) {
        let span = value.span();
        let place = Place { key: key.to_owned(), part, value: value.get_ref() };
        self.0.insert((span.start, span.end), place);
        match value.get_ref() {
            DeValue::Table(table) => self.table(table, key),
            DeValue::Array(array) => array.iter().for_each(|item| self.value(item, key, Part::Item)),
            _ => {}
        }
    }
}
