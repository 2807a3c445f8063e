//! The JSON Schema of topology files, from the types that read them.

use schemars::Schema;
use serde_json::{Map, Value, json};

use super::types::{Document, WORD_LISTS};

/// The schema, with the keys that must be there and the words that some keys take.
pub fn schema() -> Schema {
    let mut schema = schemars::schema_for!(Document);
    schema.insert("title".into(), json!("netlab topology"));
    if let Some(root) = schema.as_object_mut() {
        mend(root);
    }
    schema
}

/// Makes what schemars says of Rust's types true of TOML, here and in everything below.
fn mend(object: &mut Map<String, Value>) {
    require(object);
    add_words(object);
    remove_null(object);
    for inner in object.values_mut() {
        mend_below(inner);
    }
}

fn mend_below(value: &mut Value) {
    match value {
        Value::Object(object) => mend(object),
        Value::Array(items) => items.iter_mut().for_each(mend_below),
        _ => {}
    }
}

/// Lists the keys that must be there: those that are no `Option`. schemars leaves them out of structs that have
/// `#[serde(default)]`, as ours do because they look for missing keys themselves.
fn require(object: &mut Map<String, Value>) {
    let Some(Value::Object(properties)) = object.get("properties") else { return };
    let required: Vec<&String> =
        properties.iter().filter(|(_, schema)| !allows_null(schema)).map(|(key, _)| key).collect();
    if !required.is_empty() {
        let required = json!(required);
        object.insert("required".into(), required);
    }
}

fn allows_null(schema: &Value) -> bool {
    match (&schema["type"], &schema["anyOf"]) {
        (Value::Array(types), _) => types.contains(&json!("null")),
        (_, Value::Array(choices)) => choices.contains(&json!({ "type": "null" })),
        _ => false,
    }
}

/// Adds the list of words to every key of [`WORD_LISTS`].
fn add_words(object: &mut Map<String, Value>) {
    let Some(Value::Object(properties)) = object.get_mut("properties") else { return };
    for (key, words) in WORD_LISTS {
        if let Some(Value::Object(property)) = properties.get_mut(*key) {
            property.insert("type".into(), json!("string"));
            property.insert("enum".into(), json!(words));
        }
    }
}

/// Takes out `null`, which TOML does not have: it only says that the key may be left out.
fn remove_null(object: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".into(), only);
        }
    }
    let Some(Value::Array(choices)) = object.get_mut("anyOf") else { return };
    choices.retain(|choice| *choice != json!({ "type": "null" }));
    if let [Value::Object(only)] = choices.as_mut_slice() {
        let only = std::mem::take(only);
        object.remove("anyOf");
        object.extend(only);
    }
}
