//! The JSON Schema of topology files, from the types that read them.

use schemars::Schema;
use serde_json::{Value, json};

use super::types::{Document, WORD_LISTS};

/// The schema, with the words that some keys take.
pub fn schema() -> Schema {
    let mut schema = schemars::schema_for!(Document);
    schema.insert("title".into(), json!("netlab topology"));
    if let Some(root) = schema.as_object_mut() {
        for value in root.values_mut() {
            add_words(value);
        }
    }
    schema
}

/// Adds the list of words to every key of [`WORD_LISTS`].
fn add_words(value: &mut Value) {
    let Value::Object(object) = value else { return };
    if let Some(Value::Object(properties)) = object.get_mut("properties") {
        for (key, words) in WORD_LISTS {
            if let Some(Value::Object(property)) = properties.get_mut(*key) {
                property.remove("type");
                property.insert("enum".into(), json!(words));
            }
        }
    }
    for inner in object.values_mut() {
        add_words(inner);
    }
}
