//! Text to [`Document`], with every error of the file and not just the first.

use std::rc::Rc;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::field::{Field, Row, take_errors};
use super::types::{
    Cluster, Container, Document, External, Impair, Node, Pod, Router, Segment, Test, Underlay,
};
use super::{shape, syntax};
use crate::diag::{Code, Diagnostic, Span, closest};

/// Top-level tables of the language that later versions build.
const LATER: &[&str] = &["service", "policy", "fault"];

/// Reads a topology. The document holds whatever could be read; the diagnostics say what could not.
pub fn read(text: &str) -> (Document, Vec<Diagnostic>) {
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return (Document::default(), syntax::diagnostics(&errors, text));
    }
    let mut reader = Reader::default();
    let mut document = reader.document(table.into_inner());
    document.incomplete = reader.incomplete;
    let wrong = take_errors();
    if !wrong.is_empty() {
        let (table, _) = DeTable::parse_recoverable(text);
        let places = shape::Places::new(table.get_ref());
        let renamed = |span: &Span| {
            reader.renamed.iter().any(|value| value.start <= span.start && span.end <= value.end)
        };
        let wrong: Vec<Diagnostic> = wrong
            .iter()
            .filter(|wrong| !renamed(&wrong.span))
            .map(|wrong| shape::wrong_type(wrong, &places))
            .collect();
        reader.diagnostics.extend(wrong);
    }
    reader
        .diagnostics
        .sort_by_key(|diagnostic| diagnostic.labels.first().map_or(0, |label| label.span.start));
    (document, reader.diagnostics)
}

type Value<'a> = Spanned<DeValue<'a>>;

#[derive(Default)]
struct Reader {
    diagnostics: Vec<Diagnostic>,
    container_keys: Option<Rc<[String]>>,
    incomplete: bool,
    /// Values under a mistyped key: the key that was guessed for one may be the wrong one.
    renamed: Vec<Span>,
}

impl Reader {
    fn document(&mut self, mut table: DeTable<'_>) -> Document {
        let mut document = Document::default();
        self.check_keys(shape::TOPOLOGY, &mut table, &shape::keys::<Document>());
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
                "external" => document.external = self.rows::<External>("external", at, value),
                "pod" => document.pod = self.rows::<Pod>("pod", at, value),
                "test" => document.test = self.rows::<Test>("test", at, value),
                _ => {}
            }
        }
        document
    }

    fn scalar<T: DeserializeOwned>(&self, value: Value<'_>) -> Option<Field<T>> {
        serde::Deserialize::deserialize(ValueDeserializer::from(value)).ok()
    }

    fn table<T: DeserializeOwned + JsonSchema>(&mut self, name: &str, value: Value<'_>) -> Option<Row<T>> {
        let span = value.span();
        if let DeValue::Array(_) = value.get_ref() {
            let help = format!("write [{name}], not [[{name}]]");
            self.wrong_shape(span, &format!("there is only one `{name}` table"), &help);
            return None;
        }
        let DeValue::Table(mut table) = value.into_inner() else {
            let help = format!("write [{name}] and its keys below");
            self.wrong_shape(span, &format!("`{name}` must be a table"), &help);
            return None;
        };
        self.check_keys(name, &mut table, &shape::keys::<T>());
        self.deserialize(span, table)
    }

    fn rows<T: DeserializeOwned + JsonSchema>(
        &mut self,
        name: &str,
        at: Span,
        value: Value<'_>,
    ) -> Vec<Row<T>> {
        let span = value.span();
        let message = format!("each {name} must be a table of its own");
        let help = format!("write [[{name}]] and its keys below, once for each {name}");
        let array = match value.into_inner() {
            DeValue::Array(array) => array,
            DeValue::Table(_) => {
                self.wrong_shape(at, &message, &help);
                return Vec::new();
            }
            _ => {
                self.wrong_shape(span, &message, &help);
                return Vec::new();
            }
        };
        let known = shape::keys::<T>();
        let mut rows = Vec::new();
        for row in array {
            let span = row.span();
            let DeValue::Table(mut table) = row.into_inner() else {
                self.wrong_shape(span, &message, &help);
                continue;
            };
            self.check_keys(name, &mut table, &known);
            self.containers(&mut table);
            self.impair(&mut table);
            rows.extend(self.deserialize(span, table));
        }
        rows
    }

    /// `[[pod.container]]` is the language's one table within a table.
    fn containers(&mut self, table: &mut DeTable<'_>) {
        let Some(value) = table.get_mut("container") else { return };
        let span = value.span();
        let known = self.container_keys.get_or_insert_with(|| shape::keys::<Container>().into());
        let known = Rc::clone(known);
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
                "each container must be a table of its own",
                "write [[pod.container]] and its keys below its [[pod]]",
            );
        }
    }

    /// `impair = { … }` of nodes, pods and segments.
    fn impair(&mut self, table: &mut DeTable<'_>) {
        let Some(value) = table.get_mut("impair") else { return };
        let span = value.span();
        if let DeValue::Table(inner) = value.get_mut() {
            self.check_keys("impair", inner, &shape::keys::<Impair>());
            return;
        }
        table.remove("impair");
        self.wrong_shape(
            span,
            "`impair` must be a table",
            "write for example: impair = { delay = \"10ms\" }",
        );
    }

    /// Says which keys are unknown or not there yet, and takes them out. A key that is obviously meant to be another
    /// one becomes that one, so that its mistyped name is the only error that it causes.
    fn check_keys(&mut self, place: &str, table: &mut DeTable<'_>, known: &[String]) {
        let is_known = |word: &str| known.iter().any(|known| known == word);
        let wrong: Vec<(String, Span)> = table
            .keys()
            .filter(|key| !is_known(key.get_ref()))
            .map(|key| (key.get_ref().to_string(), key.span()))
            .collect();
        for (word, span) in wrong {
            let Some((key, value)) = table.remove_entry(word.as_str()) else { continue };
            if place == shape::TOPOLOGY && LATER.contains(&word.as_str()) {
                self.not_yet(&format!("`[[{word}]]`"), span);
                self.incomplete = true;
                continue;
            }
            let meant = closest(&word, known.iter().map(String::as_str));
            self.diagnostics.push(shape::unknown_key(&word, span, place, known, meant));
            match meant {
                Some(meant) if !table.contains_key(meant) => {
                    if place != shape::TOPOLOGY {
                        self.renamed.push(value.span());
                    }
                    table.insert(Spanned::new(key.span(), meant.to_owned().into()), value);
                }
                _ => self.incomplete |= matches!(value.get_ref(), DeValue::Array(_) | DeValue::Table(_)),
            }
        }
    }

    fn deserialize<T: DeserializeOwned>(&mut self, span: Span, table: DeTable<'_>) -> Option<Row<T>> {
        let deserializer = ValueDeserializer::from(Spanned::new(span.clone(), DeValue::Table(table)));
        match T::deserialize(deserializer) {
            Ok(value) => Some(Row { span, value }),
            Err(error) => {
                // Every value of every table is a `Field`, which cannot fail; this is for the day when one is not.
                let at = error.span().unwrap_or(span);
                let text = error.message().lines().next().unwrap_or("wrong type").to_owned();
                let message = "a value has the wrong type";
                self.diagnostics.push(Diagnostic::new(Code::WrongType, message, at, text));
                self.incomplete = true;
                None
            }
        }
    }

    fn wrong_shape(&mut self, span: Span, message: &str, help: &str) {
        let diagnostic = Diagnostic::new(Code::WrongType, message, span, "not what belongs here");
        self.diagnostics.push(diagnostic.help(help));
        self.incomplete = true;
    }

    fn not_yet(&mut self, what: &str, span: Span) {
        let message = format!("{what} is not there yet");
        let diagnostic =
            Diagnostic::new(Code::NotYet, message, span, "this version of netlab cannot build it")
                .help("leave it out for now; CHANGELOG.md says what each version can do");
        self.diagnostics.push(diagnostic);
    }
}
