//! Text to [`Document`], with every error of the file and not just the first.

use schemars::{JsonSchema, SchemaGenerator};
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::field::{Field, Row, take_errors};
use super::types::{Cluster, Container, Document, Node, Pod, Router, Segment, Test, Underlay};
use crate::diag::{Code, Diagnostic, Span};

/// Top-level tables of the language that later versions build.
const LATER: &[&str] = &["external", "service", "policy", "fault"];
/// Keys of nodes, pods and segments that later versions build.
const LATER_KEYS: &[&str] = &["impair"];

/// Reads a topology. The document holds whatever could be read; the diagnostics say what could not.
pub fn read(text: &str) -> (Document, Vec<Diagnostic>) {
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return (Document::default(), errors.iter().map(syntax).collect());
    }
    let mut reader = Reader::default();
    let document = reader.document(table.into_inner());
    reader
        .diagnostics
        .sort_by_key(|diagnostic| diagnostic.labels.first().map_or(0, |label| label.span.start));
    (document, reader.diagnostics)
}

fn syntax(error: &toml::de::Error) -> Diagnostic {
    let message = error.message().lines().next().unwrap_or("not TOML").to_owned();
    let span = error.span().unwrap_or(0..0);
    Diagnostic::new(Code::Syntax, "this is not valid TOML", span, message)
        .help("strings are written in quotes, lists in [ ], and a table's name in [ ] or, for one of several, [[ ]]")
}

type Value<'a> = Spanned<DeValue<'a>>;

#[derive(Default)]
struct Reader {
    diagnostics: Vec<Diagnostic>,
}

impl Reader {
    fn document(&mut self, table: DeTable<'_>) -> Document {
        let mut document = Document::default();
        let known = keys::<Document>();
        for (key, value) in table {
            let at = key.span();
            match key.get_ref().as_ref() {
                "name" => document.name = self.scalar(value),
                "message" => document.message = self.scalar(value),
                "cluster" => document.cluster = self.table::<Cluster>("cluster", value),
                "underlay" => document.underlay = self.table::<Underlay>("underlay", value),
                "segment" => document.segment = self.rows::<Segment>("segment", at, value),
                "router" => document.router = self.rows::<Router>("router", at, value),
                "node" => document.node = self.rows::<Node>("node", at, value),
                "pod" => document.pod = self.rows::<Pod>("pod", at, value),
                "test" => document.test = self.rows::<Test>("test", at, value),
                later if LATER.contains(&later) => self.not_yet(&format!("[[{later}]]"), at),
                unknown => self.unknown_key(unknown, at, "a topology", &known),
            }
        }
        document
    }

    fn scalar<T: DeserializeOwned>(&mut self, value: Value<'_>) -> Option<Field<T>> {
        let field = Field::deserialize_from(value);
        self.type_errors();
        field
    }

    fn table<T: DeserializeOwned + JsonSchema>(&mut self, name: &str, value: Value<'_>) -> Option<Row<T>> {
        let span = value.span();
        if let DeValue::Array(_) = value.get_ref() {
            self.wrong_shape(span, &format!("there is one `{name}` table: write [{name}], not [[{name}]]"));
            return None;
        }
        let DeValue::Table(mut table) = value.into_inner() else {
            self.wrong_shape(span, &format!("`{name}` is a table: write [{name}] and its keys below"));
            return None;
        };
        self.check_keys(name, &mut table, &keys::<T>());
        self.deserialize(span, table)
    }

    fn rows<T: DeserializeOwned + JsonSchema>(
        &mut self,
        name: &str,
        at: Span,
        value: Value<'_>,
    ) -> Vec<Row<T>> {
        let span = value.span();
        let help = format!("each {name} is a table of its own: write [[{name}]] and its keys below");
        let array = match value.into_inner() {
            DeValue::Array(array) => array,
            DeValue::Table(_) => {
                self.wrong_shape(at, &help);
                return Vec::new();
            }
            _ => {
                self.wrong_shape(span, &help);
                return Vec::new();
            }
        };
        let known = keys::<T>();
        let mut rows = Vec::new();
        for row in array {
            let span = row.span();
            let DeValue::Table(mut table) = row.into_inner() else {
                self.wrong_shape(span, &help);
                continue;
            };
            self.check_keys(name, &mut table, &known);
            self.containers(&mut table);
            rows.extend(self.deserialize(span, table));
        }
        rows
    }

    /// `[[pod.container]]` is the language's one table within a table.
    fn containers(&mut self, table: &mut DeTable<'_>) {
        let Some(value) = table.get_mut("container") else { return };
        let span = value.span();
        let known = keys::<Container>();
        let mut wrong = Vec::new();
        match value.get_mut() {
            DeValue::Array(array) => {
                for row in array.iter_mut() {
                    let span = row.span();
                    match row.get_mut() {
                        DeValue::Table(inner) => self.check_keys("container", inner, &known),
                        _ => wrong.push(span),
                    }
                }
            }
            _ => wrong.push(span),
        }
        if wrong.is_empty() {
            return;
        }
        table.remove("container");
        for span in wrong {
            self.wrong_shape(
                span,
                "each container is a table of its own: write [[pod.container]] below its [[pod]]",
            );
        }
    }

    /// Says which keys are unknown or not there yet, and takes them out.
    fn check_keys(&mut self, name: &str, table: &mut DeTable<'_>, known: &[String]) {
        let mut drop = Vec::new();
        for (key, _) in table.iter() {
            let word = key.get_ref().as_ref();
            if known.iter().any(|known| known == word) {
                continue;
            }
            drop.push(word.to_owned());
            if LATER_KEYS.contains(&word) && matches!(name, "node" | "pod" | "segment") {
                self.not_yet(&format!("`{word}`"), key.span());
            } else {
                self.unknown_key(word, key.span(), &format!("a {name}"), known);
            }
        }
        for key in drop {
            table.remove(key.as_str());
        }
    }

    fn deserialize<T: DeserializeOwned>(&mut self, span: Span, table: DeTable<'_>) -> Option<Row<T>> {
        let deserializer = ValueDeserializer::from(Spanned::new(span.clone(), DeValue::Table(table)));
        let result = T::deserialize(deserializer);
        self.type_errors();
        match result {
            Ok(value) => Some(Row { span, value }),
            Err(error) => {
                let at = error.span().unwrap_or(span);
                let text = error.message().lines().next().unwrap_or("wrong type").to_owned();
                self.diagnostics.push(Diagnostic::new(
                    Code::WrongType,
                    "a value has the wrong type",
                    at,
                    text,
                ));
                None
            }
        }
    }

    fn type_errors(&mut self) {
        for (span, message) in take_errors() {
            self.diagnostics.push(Diagnostic::new(
                Code::WrongType,
                "a value has the wrong type",
                span,
                message,
            ));
        }
    }

    fn wrong_shape(&mut self, span: Span, help: &str) {
        let diagnostic =
            Diagnostic::new(Code::WrongType, "a value has the wrong type", span, "not what belongs here");
        self.diagnostics.push(diagnostic.help(help));
    }

    fn not_yet(&mut self, what: &str, span: Span) {
        let message = format!("{what} is not there yet");
        let diagnostic =
            Diagnostic::new(Code::NotYet, message, span, "this version of netlab cannot build it")
                .help("leave it out for now; CHANGELOG.md says what each version can do");
        self.diagnostics.push(diagnostic);
    }

    fn unknown_key(&mut self, key: &str, span: Span, place: &str, known: &[String]) {
        let message = format!("`{key}` is not a key of {place}");
        let diagnostic = Diagnostic::new(Code::UnknownKey, message, span, "unknown key")
            .suggest(key, known.iter().map(String::as_str));
        let diagnostic = if diagnostic.help.is_empty() {
            diagnostic.help(format!("the keys of {place} are: {}", known.join(", ")))
        } else {
            diagnostic
        };
        self.diagnostics.push(diagnostic);
    }
}

impl<T: DeserializeOwned> Field<T> {
    fn deserialize_from(value: Value<'_>) -> Option<Self> {
        serde::Deserialize::deserialize(ValueDeserializer::from(value)).ok()
    }
}

/// The keys of a table, from its type: the same source as `netlab schema`.
fn keys<T: JsonSchema>() -> Vec<String> {
    let schema = SchemaGenerator::default().into_root_schema_for::<T>();
    let properties = schema.get("properties").and_then(serde_json::Value::as_object);
    properties.map(|all| all.keys().cloned().collect()).unwrap_or_default()
}
