//! Values with their places. A value of the wrong type is noted in a list that [`super::read`] collects.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{Deserialize, DeserializeOwned, Deserializer, SeqAccess, Visitor};
use toml::Spanned;

use crate::diag::Span;

thread_local! {
    /// Values of the wrong type since the last [`take_errors`]. Serde has no way to hand a list of errors up
    /// beside a value, and one thread reads one file at a time.
    static ERRORS: RefCell<Vec<WrongType>> = const { RefCell::new(Vec::new()) };
}

/// A value of the wrong type.
pub(super) struct WrongType {
    /// The place of the value.
    pub(super) span: Span,
    /// What belongs there, such as `a whole number`.
    pub(super) expected: String,
}

/// The type errors met since the last call.
pub(super) fn take_errors() -> Vec<WrongType> {
    ERRORS.take()
}

/// Notes a type error; `message` is serde's, which ends with what its visitor expected.
fn note(span: Span, message: &str) {
    let first = message.lines().next().unwrap_or(message);
    let expected = match first.rsplit_once(", expected ").map_or(first, |(_, expected)| expected) {
        "i64" => "a whole number",
        "a boolean" => "true or false",
        "a sequence" => "a list of strings",
        "a map" => "a table of strings",
        other => other,
    };
    let expected = expected.to_owned();
    ERRORS.with(|errors| errors.borrow_mut().push(WrongType { span, expected }));
}

/// A value and its place; `value` is `None` when what was written there had the wrong type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field<T> {
    /// The place of the value.
    pub span: Span,
    /// The value, unless it had the wrong type.
    pub value: Option<T>,
}

impl<T> Field<T> {
    /// The value, if it had the right type.
    pub fn get(&self) -> Option<&T> {
        self.value.as_ref()
    }
}

/// Deserialising that cannot fail: the error is kept instead.
struct Lenient<T>(Result<T, String>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(T::deserialize(deserializer).map_err(|error| error.to_string())))
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Lenient<T>>::deserialize(deserializer)?;
        let span = spanned.span();
        let value = match spanned.into_inner().0 {
            Ok(value) => Some(value),
            Err(message) => {
                note(span.clone(), &message);
                None
            }
        };
        Ok(Self { span, value })
    }
}

impl<T: JsonSchema> JsonSchema for Field<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A table of an array of tables, with the place of its header.
#[derive(Debug, Clone)]
pub struct Row<T> {
    /// The place of the header, such as `[[node]]`.
    pub span: Span,
    /// What stands in the table.
    pub value: T,
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Row<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<T>::deserialize(deserializer)?;
        Ok(Self { span: spanned.span(), value: spanned.into_inner() })
    }
}

impl<T: JsonSchema> JsonSchema for Row<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// One string, or a list of strings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names(pub Vec<Field<String>>);

/// A node's pods: how many, or their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pods {
    /// So many pods, named after the node.
    Count(i64),
    /// The pods of these names.
    Names(Vec<Field<String>>),
}

/// Reads either a scalar or a list of strings.
struct OneOrMany<T>(&'static str, PhantomData<T>);

/// What [`OneOrMany`] can produce.
trait FromOneOrMany: Sized {
    fn from_list(items: Vec<Field<String>>) -> Self;
    fn from_text(text: &str) -> Option<Self>;
    fn from_number(number: i64) -> Option<Self>;
}

impl FromOneOrMany for Names {
    fn from_list(items: Vec<Field<String>>) -> Self {
        Self(items)
    }
    fn from_text(text: &str) -> Option<Self> {
        // The place of a lone string is that of the field around it.
        Some(Self(vec![Field { span: 0..0, value: Some(text.to_owned()) }]))
    }
    fn from_number(_: i64) -> Option<Self> {
        None
    }
}

impl FromOneOrMany for Pods {
    fn from_list(items: Vec<Field<String>>) -> Self {
        Self::Names(items)
    }
    fn from_text(_: &str) -> Option<Self> {
        None
    }
    fn from_number(number: i64) -> Option<Self> {
        Some(Self::Count(number))
    }
}

impl<'de, T: FromOneOrMany> Visitor<'de> for OneOrMany<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<T, E> {
        T::from_number(number).ok_or_else(|| E::invalid_type(serde::de::Unexpected::Signed(number), &self))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        T::from_text(text).ok_or_else(|| E::invalid_type(serde::de::Unexpected::Str(text), &self))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<T, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(T::from_list(items))
    }
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrMany::<Self>("a string or a list of strings", PhantomData))
    }
}

impl<'de> Deserialize<'de> for Pods {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrMany::<Self>("a whole number or a list of names", PhantomData))
    }
}

impl Field<Names> {
    /// The strings with their places.
    pub fn items(&self) -> impl Iterator<Item = (&str, Span)> {
        let names = self.value.iter().flat_map(|names| &names.0);
        names.filter_map(|item| {
            let span = if item.span.is_empty() { self.span.clone() } else { item.span.clone() };
            Some((item.value.as_deref()?, span))
        })
    }
}

impl JsonSchema for Names {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Names".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] })
    }
}

impl JsonSchema for Pods {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Pods".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "anyOf": [{ "type": "integer" }, { "type": "array", "items": { "type": "string" } }] })
    }
}
