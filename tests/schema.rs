//! `netlab schema` and the parser say the same of every key: which there are, and what may stand there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

fn schema() -> Value {
    netlab::spec::schema().to_value()
}

/// What this validator knows of JSON Schema: all that is in ours.
const KEYWORDS: [&str; 13] = [
    "$schema",
    "$ref",
    "$defs",
    "title",
    "description",
    "format",
    "type",
    "enum",
    "anyOf",
    "items",
    "properties",
    "required",
    "additionalProperties",
];

/// Follows `$ref`.
fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Map<String, Value> {
    let schema = schema.as_object().expect("a schema is an object");
    match schema.get("$ref").and_then(Value::as_str) {
        Some(pointer) => root.pointer(&pointer[1..]).and_then(Value::as_object).expect(pointer),
        None => schema,
    }
}

/// Whether a value has a type of JSON Schema.
fn is(value: &Value, kind: &str) -> bool {
    match kind {
        "string" => value.is_string(),
        "integer" => value.is_i64(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("the validator does not know the type `{other}`"),
    }
}

/// What is wrong with a value, as paths and reasons.
fn errors(root: &Value, schema: &Value, value: &Value, path: &str) -> Vec<String> {
    let schema = resolve(root, schema);
    let unknown: Vec<&String> = schema.keys().filter(|key| !KEYWORDS.contains(&key.as_str())).collect();
    assert!(unknown.is_empty(), "the validator does not know {unknown:?}");
    let mut all = Vec::new();
    if let Some(kind) = schema.get("type").map(|kind| kind.as_str().expect("one type"))
        && !is(value, kind)
    {
        return vec![format!("{path}: not of type {kind}")];
    }
    if let Some(words) = schema.get("enum").and_then(Value::as_array)
        && !words.contains(value)
    {
        all.push(format!("{path}: not one of {words:?}"));
    }
    if let Some(choices) = schema.get("anyOf").and_then(Value::as_array)
        && !choices.iter().any(|choice| errors(root, choice, value, path).is_empty())
    {
        all.push(format!("{path}: nothing that may stand there"));
    }
    if let (Some(items), Some(values)) = (schema.get("items"), value.as_array()) {
        let each = values.iter().enumerate();
        all.extend(each.flat_map(|(number, item)| errors(root, items, item, &format!("{path}/{number}"))));
    }
    if let Some(object) = value.as_object() {
        all.extend(of_object(root, schema, object, path));
    }
    all
}

fn of_object(
    root: &Value,
    schema: &Map<String, Value>,
    object: &Map<String, Value>,
    path: &str,
) -> Vec<String> {
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    let missing = required.filter_map(Value::as_str).filter(|key| !object.contains_key(*key));
    let mut all: Vec<String> = missing.map(|key| format!("{path}: `{key}` is missing")).collect();
    for (key, value) in object {
        let path = format!("{path}/{key}");
        let known = schema.get("properties").and_then(|properties| properties.get(key));
        match (known, schema.get("additionalProperties")) {
            (Some(known), _) => all.extend(errors(root, known, value, &path)),
            (None, Some(Value::Bool(false))) => all.push(format!("{path}: unknown key")),
            (None, Some(other)) => all.extend(errors(root, other, value, &path)),
            (None, None) => {}
        }
    }
    all
}

/// A TOML value as JSON; `null` stands for dates, which a topology has nowhere.
fn as_json(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => json!(text),
        toml::Value::Integer(number) => json!(number),
        toml::Value::Float(number) => json!(number),
        toml::Value::Boolean(truth) => json!(truth),
        toml::Value::Datetime(_) => Value::Null,
        toml::Value::Array(items) => items.into_iter().map(as_json).collect(),
        toml::Value::Table(table) => table.into_iter().map(|(key, value)| (key, as_json(value))).collect(),
    }
}

/// What the schema says of a topology.
fn verdict(text: &str) -> Vec<String> {
    let root = schema();
    let table: toml::Table = text.parse().expect("TOML");
    errors(&root, &root, &as_json(toml::Value::Table(table)), "")
}

/// The codes that netlab gives for a topology.
fn codes(text: &str) -> BTreeSet<&'static str> {
    let diagnostics = netlab::parse(text, "lab").err().unwrap_or_default();
    diagnostics.iter().map(|diagnostic| diagnostic.code.id()).collect()
}

fn files(directory: &str) -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let mut files: Vec<PathBuf> =
        fs::read_dir(directory).expect("files").map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    files
}

/// A table that a topology may have, and what may stand in it.
struct Table {
    /// Its headers, such as `[[pod]]` and below it `[[pod.container]]`.
    headers: String,
    schema: Map<String, Value>,
}

/// Every table of the schema, the top of the file first.
fn tables(root: &Value) -> Vec<Table> {
    let mut all = vec![Table { headers: String::new(), schema: resolve(root, root).clone() }];
    below(root, root, &[], "", &mut all);
    all
}

fn below(root: &Value, schema: &Value, path: &[&str], headers: &str, all: &mut Vec<Table>) {
    for (key, property) in properties(resolve(root, schema)) {
        let path = [path, &[key]].concat();
        let (inner, brackets) = match property.get("items") {
            Some(items) => (items, ("[[", "]]")),
            None => (property, ("[", "]")),
        };
        let resolved = resolve(root, inner);
        if resolved.contains_key("properties") {
            let headers = format!("{headers}{}{}{}\n", brackets.0, path.join("."), brackets.1);
            all.push(Table { headers: headers.clone(), schema: resolved.clone() });
            below(root, inner, &path, &headers, all);
        }
    }
}

fn properties(schema: &Map<String, Value>) -> impl Iterator<Item = (&str, &Value)> {
    let properties = schema.get("properties").and_then(Value::as_object).expect("properties");
    properties.iter().map(|(key, value)| (key.as_str(), value))
}

/// TOML that a key's schema accepts, one for each type that it may have.
fn right(root: &Value, schema: &Value) -> Vec<String> {
    let schema = resolve(root, schema);
    if let Some(choices) = schema.get("anyOf").and_then(Value::as_array) {
        return choices.iter().flat_map(|choice| right(root, choice)).collect();
    }
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        return words.iter().map(Value::to_string).collect();
    }
    match schema["type"].as_str().expect("one type") {
        "string" => vec!["\"text\"".into()],
        "integer" => vec!["7".into()],
        "boolean" => vec!["true".into(), "false".into()],
        "array" => {
            let items = right(root, &schema["items"]);
            items.iter().map(|item| format!("[{item}]")).chain(["[]".into()]).collect()
        }
        _ if schema.get("additionalProperties").is_some_and(Value::is_object) => {
            vec!["{}".into(), "{ key = \"text\" }".into()]
        }
        _ => vec!["{}".into()],
    }
}

/// TOML that a key's schema does not accept: a date, which is never right, as the value and within it.
fn wrong(root: &Value, schema: &Value) -> Vec<String> {
    const DATE: &str = "1979-05-27";
    let schema = resolve(root, schema);
    let mut all = vec![DATE.to_owned(), "1.5".into()];
    let choices = schema.get("anyOf").and_then(Value::as_array).into_iter().flatten();
    if choices.chain([&json!(schema)]).any(|choice| choice["type"] == "array") {
        all.push(format!("[{DATE}]"));
        all.push("[1.5]".into());
    }
    if schema.get("additionalProperties").is_some_and(Value::is_object) {
        all.push(format!("{{ key = {DATE} }}"));
    }
    all
}

#[test]
fn schema_snapshot() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    // Not by way of `Value`, which would sort the keywords.
    let text = serde_json::to_string_pretty(&netlab::spec::schema()).expect("JSON");
    settings.bind(|| insta::assert_snapshot!("schema", text));
}

#[test]
fn every_shipped_topology_is_as_the_schema_says() {
    let labs = files("labs");
    assert!(labs.len() > 4, "{labs:?}");
    for lab in labs {
        let text = fs::read_to_string(&lab).expect("a lab");
        assert_eq!(verdict(&text), Vec::<String>::new(), "{}", lab.display());
    }
}

/// The schema lets no unknown key and no wrong type pass, and refuses nothing that netlab would not refuse for its keys,
/// types or words.
#[test]
fn the_schema_refuses_what_netlab_refuses() {
    const OF_KEYS_AND_TYPES: [&str; 2] = ["NL002", "NL003"];
    const MAY_BE_SEEN: [&str; 4] = ["NL004", "NL005", "NL016", "NL017"];
    let (mut refused, mut passed) = (0, 0);
    for file in files("tests/bad") {
        let text = fs::read_to_string(&file).expect("a topology");
        let codes = codes(&text);
        // No TOML, or numbers that no reader can hold: nothing comes as far as a schema.
        if text.parse::<toml::Table>().is_err() {
            continue;
        }
        let verdict = verdict(&text);
        let place = format!("{}: netlab says {codes:?}, the schema {verdict:#?}", file.display());
        if verdict.is_empty() {
            assert!(!OF_KEYS_AND_TYPES.iter().any(|code| codes.contains(code)), "{place}");
            passed += 1;
        } else {
            let all = [&OF_KEYS_AND_TYPES[..], &MAY_BE_SEEN].concat();
            assert!(all.iter().any(|code| codes.contains(code)), "{place}");
            refused += 1;
        }
    }
    assert!(refused > 10 && passed > 10, "{refused} refused, {passed} passed");
}

#[test]
fn every_key_of_the_schema_is_a_key_of_the_parser() {
    let root = schema();
    let mut keys = 0;
    for Table { headers, schema } in tables(&root) {
        for (key, property) in properties(&schema) {
            for value in right(&root, property) {
                let text = format!("{headers}{key} = {value}\n");
                let codes = codes(&text);
                assert!(!codes.contains("NL002") && !codes.contains("NL003"), "{codes:?} for\n{text}");
                let refused = verdict(&text).into_iter().find(|error| !error.ends_with("is missing"));
                assert_eq!(refused, None, "the schema and\n{text}");
            }
            for value in wrong(&root, property) {
                let text = format!("{headers}{key} = {value}\n");
                let codes = codes(&text);
                assert!(codes.contains("NL003") && !codes.contains("NL002"), "{codes:?} for\n{text}");
                let refused = verdict(&text).into_iter().any(|error| !error.ends_with("is missing"));
                assert!(refused, "the schema accepts\n{text}");
            }
            keys += 1;
        }
    }
    assert!(keys > 40, "only {keys} keys were found");
}

#[test]
fn what_is_no_key_of_the_schema_is_none_of_the_parser() {
    let root = schema();
    let tables = tables(&root);
    assert_eq!(tables.len(), 13, "the top of the file, nine tables, and three places for `impair`");
    for Table { headers, .. } in tables {
        let text = format!("{headers}unheard-of = 1\n");
        assert!(codes(&text).contains("NL002"), "{text}");
        assert!(verdict(&text).iter().any(|error| error.ends_with("unheard-of: unknown key")), "{text}");
    }
}

#[test]
fn what_the_schema_requires_netlab_misses() {
    let root = schema();
    let mut count = 0;
    for Table { headers, schema } in tables(&root) {
        let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
        let code = if headers.is_empty() { "NL005" } else { "NL004" };
        for key in required {
            let key = key.as_str().expect("a key");
            let diagnostics = netlab::parse(&headers, "lab").expect_err("a required key is missing");
            let said = diagnostics.iter().any(|diagnostic| {
                diagnostic.code.id() == code
                    && (headers.is_empty() || diagnostic.message.contains(&format!("`{key}`")))
            });
            assert!(said, "{key} is missing in {headers:?}: {diagnostics:#?}");
            count += 1;
        }
    }
    assert!(count > 8, "only {count} required keys were found");
}
