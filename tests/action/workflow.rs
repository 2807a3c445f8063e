//! Runs the steps of a job or of a composite action. It knows the few expressions that ours use, and panics at others.

use serde_json::Value;

use super::stage::Stage;

/// How a job ended.
pub(crate) struct Outcome {
    /// The exit code of the first step that failed.
    pub(crate) code: i32,
    /// The actions that were used, in order.
    pub(crate) used: Vec<String>,
    /// Everything that was printed.
    pub(crate) output: String,
}

/// Runs steps until one fails, and those after it that run always.
pub(crate) fn run(stage: &Stage, steps: &[Value], mut values: Vec<(String, String)>) -> Outcome {
    values.push(("github.action_path".into(), env!("CARGO_MANIFEST_DIR").into()));
    let mut outcome = Outcome { code: 0, used: Vec::new(), output: String::new() };
    for step in steps {
        if !wanted(step, &values, outcome.code) {
            continue;
        }
        if let Some(action) = step["uses"].as_str() {
            // Nobody sees the values here, but an expression that means nothing must not pass.
            let with = step["with"].as_object().into_iter().flatten();
            with.for_each(|(_, value)| drop(filled(&plain(value), &values)));
            outcome.used.extend((!action.starts_with("actions/checkout@")).then(|| action.to_owned()));
            continue;
        }
        let mut command = stage.command(step["run"].as_str().expect("a script"));
        for (name, value) in step["env"].as_object().into_iter().flatten() {
            command.env(name, filled(&plain(value), &values));
        }
        if let Some(directory) = step["working-directory"].as_str() {
            command.current_dir(filled(directory, &values));
        }
        let ran = command.output().expect("bash");
        outcome.output += &String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat());
        if !ran.status.success() && outcome.code == 0 {
            outcome.code = ran.status.code().expect("an exit code");
        }
        let step_id = step["id"].as_str().unwrap_or_default();
        for (name, value) in stage.take_outputs() {
            values.push((format!("steps.{step_id}.outputs.{name}"), value));
        }
    }
    outcome
}

/// Whether a step runs, by its `if`.
fn wanted(step: &Value, values: &[(String, String)], code: i32) -> bool {
    let conditions: Vec<&str> = step["if"].as_str().unwrap_or("success()").split(" && ").collect();
    let always = conditions.contains(&"always()");
    let holds = |condition: &&str| match condition.split_once(" == ").or(condition.split_once(" != ")) {
        Some((name, literal)) => {
            let equal = value(name, values) == literal.trim_matches('\'');
            equal == condition.contains(" == ")
        }
        None => ["always()", "success()"].contains(condition) || panic!("unknown condition: {condition}"),
    };
    (always || code == 0) && conditions.iter().all(holds)
}

/// Text with its `${{ … }}` filled in.
fn filled(text: &str, values: &[(String, String)]) -> String {
    let mut parts = text.split("${{");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once("}}").expect("the end of an expression");
        out += &value(name.trim(), values);
        out += rest;
    }
    out
}

fn value(name: &str, values: &[(String, String)]) -> String {
    // Later steps, and later runs of a step, win.
    let found = values.iter().rev().find(|(known, _)| known == name);
    found.map_or_else(|| panic!("nothing is known of {name}"), |(_, value)| value.clone())
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
