//! The GitHub action, the workflows and the README's section on CI: what their steps call, found out by running them.
//!
//! The steps run as they stand, in order, as GitHub's runner runs them; `cargo` and `sudo` are stand-ins that note how
//! they were called, and so is netlab, except in the last test.

#[path = "action/stage.rs"]
mod stage;
// `mod support;` alone would have this run in VMs (.ci/vm-tests), and no kernel matters here.
pub(crate) mod support;
#[path = "action/workflow.rs"]
mod workflow;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use stage::{Netlab, Stage};
use support::skip;
use workflow::Outcome;

fn top(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn text(path: &str) -> String {
    std::fs::read_to_string(top(path)).expect(path)
}

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn action() -> Value {
    yaml(&text("action.yml"))
}

/// The workflows of this repository and those that the README tells people to copy.
fn workflows() -> Vec<(String, Value)> {
    let entries = std::fs::read_dir(top(".github/workflows")).expect("workflows");
    let mut all: Vec<(String, Value)> = entries
        .map(|entry| format!(".github/workflows/{}", entry.expect("an entry").file_name().display()))
        .map(|path| (path.clone(), yaml(&text(&path))))
        .collect();
    all.extend(readme_workflows().into_iter().map(|workflow| ("README.md".to_owned(), workflow)));
    let in_parts = workflows_of("docs/scale.md", "CI in parts").into_iter();
    all.extend(in_parts.map(|workflow| ("docs/scale.md".to_owned(), workflow)));
    all
}

/// The workflows of a document's section.
fn workflows_of(document: &str, section: &str) -> Vec<Value> {
    let text = text(document);
    let section = text.split("\n## ").find(|text| text.starts_with(section)).expect("a section on CI");
    let blocks = section.split("```yaml\n").skip(1);
    blocks.map(|block| yaml(block.split("```").next().expect("a block"))).collect()
}

fn readme_workflows() -> Vec<Value> {
    let blocks = workflows_of("README.md", "In CI");
    assert_eq!(blocks.len(), 2, "with the action, and without it");
    blocks
}

fn jobs(workflow: &Value) -> Vec<&Value> {
    workflow["jobs"].as_object().expect("jobs").values().collect()
}

fn steps(job: &Value) -> Vec<Value> {
    job["steps"].as_array().expect("steps").clone()
}

/// Runs the action with these inputs.
fn run(stage: &Stage, action: &Value, inputs: &[(&str, &str)]) -> Outcome {
    let defaults = action["inputs"].as_object().expect("inputs").iter();
    let mut values: Vec<(String, String)> = defaults
        .map(|(name, input)| (format!("inputs.{name}"), input["default"].as_str().expect(name).to_owned()))
        .collect();
    for (name, value) in inputs {
        let known = values.iter_mut().find(|(known, _)| *known == format!("inputs.{name}"));
        known.expect("an input of the action").1 = (*value).to_owned();
    }
    workflow::run(stage, &steps(&action["runs"]), values)
}

const JUNIT: &str = "--junit netlab-junit.xml";
const LABS: &str = "labs/one-node.toml labs/two-node.toml";

/// Everything that is not as it should be after the action has run with its defaults.
fn complaints(action: &Value) -> Vec<String> {
    let stage = Stage::new(Netlab::Exits(0));
    let outcome = run(&stage, action, &[]);
    let calls = stage.calls();
    let built = concat!("cargo install --path ", env!("CARGO_MANIFEST_DIR"), " --locked --root ");
    let expected = [
        (outcome.code == 0, "it fails".to_owned()),
        (calls.iter().any(|call| call.starts_with(built)), format!("no `{built}`")),
        (calls.contains(&format!("netlab test {JUNIT} -- {LABS}")), "netlab is called otherwise".into()),
        (calls.iter().any(|call| call.starts_with("sudo --preserve-env=")), "not as root".into()),
        (calls.contains(&"netlab CI=true".to_owned()), "CI does not arrive".into()),
        (calls.contains(&"netlab GITHUB_ACTIONS=true".to_owned()), "GITHUB_ACTIONS does not arrive".into()),
        (stage.summary() == "netlab was here\n", "no summary is written".into()),
        (calls.iter().any(|call| call.starts_with("sudo chown 1001:")), "root keeps the file".into()),
        (outcome.used == ["actions/cache@v4", "actions/upload-artifact@v4"], "other actions".into()),
        (stage.workspace().join("netlab-junit.xml").is_file(), "no JUnit file".into()),
    ];
    let failing = run(&Stage::new(Netlab::Exits(1)), action, &[]);
    let of_failure = [
        (failing.code == 1, "a failed test does not fail the job".to_owned()),
        (failing.used.len() == 2, "a failed run's report is lost".into()),
    ];
    let wrong = expected.into_iter().chain(of_failure).filter(|(fine, _)| !fine).map(|(_, what)| what);
    wrong.map(|what| format!("{what}\n{calls:#?}\n{}", outcome.output)).collect()
}

#[test]
fn the_action_builds_netlab_and_runs_it() {
    let complaints = complaints(&action());
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// Without this, a stand-in that is content with everything would go unnoticed.
#[test]
fn a_broken_action_is_noticed() {
    let whole = text("action.yml");
    for (right, wrong) in [
        ("--preserve-env=CI,", "--preserve-env="),
        (",GITHUB_STEP_SUMMARY", ""),
        ("GITHUB_ACTIONS,", ""),
        (" --locked", ""),
        ("--junit", "--unit"),
        ("default: labs/*.toml", "default: labs/*.yaml"),
        ("sudo chown", "true"),
        ("if: always() && ", "if: "),
        ("exit \"$code\"", "exit 0"),
        ("| LC_ALL=C sort)", "| LC_ALL=C sort -r)"),
        ("netlab=$root/bin/netlab", "netlab=netlab"),
    ] {
        assert!(whole.contains(right), "nothing to break: {right}");
        let broken = yaml(&whole.replace(right, wrong));
        assert!(!complaints(&broken).is_empty(), "{right} may become {wrong}");
    }
}

#[test]
fn a_failed_test_fails_the_job_and_keeps_the_report() {
    for code in 1..=4 {
        let stage = Stage::new(Netlab::Exits(code));
        let outcome = run(&stage, &action(), &[]);
        assert_eq!(outcome.code, code, "{}", outcome.output);
        assert_eq!(outcome.used.last().map(String::as_str), Some("actions/upload-artifact@v4"));
        assert!(stage.calls().iter().any(|call| call.starts_with("sudo chown")), "{:?}", stage.calls());
    }
}

#[test]
fn inputs_become_words_and_never_code() {
    let stage = Stage::new(Netlab::Exits(0));
    let inputs = [
        ("files", "labs/two*.toml\n  labs/**/deep.toml labs/deeper/a?b.toml"),
        ("args", "--jobs 4\n--filter $(touch${IFS}pwned)"),
        ("partition", "$(touch pwned)/4"),
        ("junit", "out of/the way.xml"),
        ("sudo", "false"),
    ];
    std::fs::create_dir(stage.workspace().join("out of")).expect("a directory");
    let outcome = run(&stage, &action(), &inputs);
    assert_eq!(outcome.code, 0, "{}", outcome.output);
    let expected = "netlab test --junit out of/the way.xml --partition $(touch pwned)/4 --jobs 4 --filter $(touch${IFS}pwned) -- labs/two-node.toml \
                    labs/deeper/deep.toml labs/deeper/a b.toml";
    let calls = stage.calls();
    assert!(calls.contains(&expected.to_owned()), "{calls:#?}");
    assert!(!calls.iter().any(|call| call.starts_with("sudo")), "{calls:#?}");
    assert!(!stage.workspace().join("pwned").exists());
}

#[test]
fn what_the_action_cannot_do_it_says() {
    for (inputs, said) in [
        ([("files", "labs/*.toml nothing/*.toml")], "no file matches nothing/*.toml"),
        ([("sudo", "yes")], "the input sudo is either true or false, not yes"),
        ([("binary", "no/such/netlab")], "no/such/netlab"),
    ] {
        let stage = Stage::new(Netlab::Exits(0));
        let outcome = run(&stage, &action(), &inputs);
        assert_ne!(outcome.code, 0, "{inputs:?}");
        assert!(outcome.output.contains(said), "{inputs:?}: {}", outcome.output);
        assert!(!stage.calls().iter().any(|call| call.starts_with("netlab")), "{:?}", stage.calls());
    }
}

#[test]
fn a_netlab_that_is_there_is_neither_built_nor_cached() {
    let stage = Stage::new(Netlab::Exits(0));
    stage.install("workspace/bin/netlab");
    let outcome = run(&stage, &action(), &[("binary", "bin/netlab"), ("junit", "")]);
    assert_eq!(outcome.code, 0, "{}", outcome.output);
    assert_eq!(outcome.used, [""; 0]);
    let calls = stage.calls();
    assert!(calls.contains(&format!("netlab test -- {LABS}")), "{calls:#?}");
    assert!(!calls.iter().any(|call| call.starts_with("cargo")), "{calls:#?}");
}

#[test]
fn a_cached_build_is_used_as_it_is() {
    let stage = Stage::new(Netlab::Exits(0));
    assert_eq!(run(&stage, &action(), &[]).code, 0);
    let outcome = run(&stage, &action(), &[]);
    assert_eq!(outcome.code, 0, "{}", outcome.output);
    let calls = stage.calls();
    assert_eq!(calls.iter().filter(|call| call.starts_with("cargo install")).count(), 1, "{calls:#?}");
    assert_eq!(calls.iter().filter(|call| call.starts_with("netlab test")).count(), 2, "{calls:#?}");
}

/// What people copy from the README does what the action does.
#[test]
fn the_workflows_of_the_readme_work() {
    for workflow in readme_workflows() {
        let stage = Stage::new(Netlab::Exits(0));
        stage.install("home/.cargo/bin/netlab");
        let job = jobs(&workflow)[0];
        let ours = steps(job)
            .into_iter()
            .find(|step| step["uses"].as_str().is_some_and(|uses| uses.starts_with("OWNER/netlab@")));
        let outcome = match ours {
            Some(step) => {
                let with = step["with"].as_object().expect("inputs");
                let inputs: Vec<_> =
                    with.iter().map(|(name, value)| (name.as_str(), value.as_str().expect(name))).collect();
                run(&stage, &action(), &inputs)
            }
            None => workflow::run(&stage, &steps(job), Vec::new()),
        };
        assert_eq!(outcome.code, 0, "{}", outcome.output);
        let calls = stage.calls();
        assert!(calls.iter().any(|call| call.starts_with("cargo install ")), "{calls:#?}");
        let called = calls.iter().find(|call| call.starts_with("netlab test ")).expect("netlab is called");
        assert_eq!(called.replace(" -- ", " "), format!("netlab test {JUNIT} {LABS}"));
        assert!(calls.contains(&"netlab CI=true".to_owned()), "{calls:#?}");
        assert_eq!(stage.summary(), "netlab was here\n");
        assert!(outcome.used.contains(&"actions/upload-artifact@v4".to_owned()), "{:?}", outcome.used);
    }
}

/// The jobs of a matrix have a part and an artifact each, and together all parts.
#[test]
fn the_workflow_in_parts_works() {
    let workflows = workflows_of("docs/scale.md", "CI in parts");
    let [workflow] = &workflows[..] else { panic!("one workflow: {workflows:?}") };
    let job = jobs(workflow)[0];
    let parts = job["strategy"]["matrix"]["part"].as_array().expect("parts");
    let ours = steps(job).into_iter().find(|step| step["with"]["partition"].is_string()).expect("a step");
    let mut called = BTreeSet::new();
    for part in parts.iter().map(ToString::to_string) {
        let stage = Stage::new(Netlab::Exits(0));
        let with = ours["with"].as_object().expect("inputs").iter();
        let inputs: Vec<(&str, String)> = with
            .map(|(name, value)| {
                let value = value.as_str().expect(name).replace("${{ matrix.part }}", &part);
                (name.as_str(), value)
            })
            .collect();
        let inputs: Vec<(&str, &str)> = inputs.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert!(inputs.contains(&("artifact", &format!("netlab-junit-{part}"))), "{inputs:?}");
        let outcome = run(&stage, &action(), &inputs);
        assert_eq!(outcome.code, 0, "{}", outcome.output);
        called.extend(stage.calls().into_iter().filter(|call| call.starts_with("netlab test ")));
    }
    let expected = (1..=parts.len())
        .map(|part| format!("netlab test {JUNIT} --partition {part}/{} -- {LABS}", parts.len()));
    assert_eq!(called, expected.collect());
}

/// Every script of the action, the workflows and the README.
fn scripts() -> Vec<(String, String)> {
    let mut all = vec![("action.yml".to_owned(), steps(&action()["runs"]))];
    for (name, workflow) in workflows() {
        all.extend(jobs(&workflow).into_iter().map(|job| (name.clone(), steps(job))));
    }
    let script = |(name, step): (String, Value)| Some((name, step["run"].as_str()?.to_owned()));
    let steps =
        all.into_iter().flat_map(|(name, steps)| steps.into_iter().map(move |step| (name.clone(), step)));
    steps.filter_map(script).collect()
}

#[test]
fn steps_are_well_formed() {
    for step in steps(&action()["runs"]) {
        let keys: BTreeSet<&str> = step.as_object().expect("a step").keys().map(String::as_str).collect();
        assert_eq!(keys.contains("run"), !keys.contains("uses"), "{step}");
        // Composite actions, unlike workflows, have no default shell.
        assert_eq!(keys.contains("run"), keys.contains("shell"), "{step}");
    }
    for (name, workflow) in workflows() {
        assert!(workflow["on"].is_object() || workflow["on"].is_array(), "{name}");
        assert!(jobs(&workflow).iter().all(|job| job["runs-on"].is_string()), "{name}");
    }
    let injected: Vec<_> = scripts().into_iter().filter(|(_, script)| script.contains("${{")).collect();
    assert!(injected.is_empty(), "an expression within a script is code: {injected:?}");
}

/// What a checker says against a script; nothing if it is content.
fn checked(program: &str, arguments: &[&str], script: &str) -> std::io::Result<String> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    child.stdin.take().expect("a pipe").write_all(script.as_bytes())?;
    let output = child.wait_with_output()?;
    let said = [output.stdout, output.stderr].concat();
    Ok(if output.status.success() { String::new() } else { String::from_utf8_lossy(&said).into_owned() })
}

#[test]
fn scripts_are_fine_shell() {
    let shellcheck = ["--shell=bash", "-"];
    assert_ne!(checked("bash", &["-n"], "if true").expect("bash"), "", "bash takes everything");
    for (name, script) in scripts() {
        assert_eq!(checked("bash", &["-n"], &script).expect("bash"), "", "{name}:\n{script}");
        // The runner's own options.
        let script = format!("set -eo pipefail\n{script}");
        match checked("shellcheck", &shellcheck, &script) {
            Ok(said) => assert_eq!(said, "", "{name}:\n{script}"),
            Err(_) => return skip("scripts_are_fine_shell", "no shellcheck"),
        }
    }
    assert_ne!(checked("shellcheck", &shellcheck, "rm $1").expect("shellcheck"), "", "it takes everything");
}

#[test]
fn actionlint_has_nothing_to_say() {
    let output = Command::new("actionlint").current_dir(top("")).output();
    match output {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout)),
        Err(_) => skip("actionlint_has_nothing_to_say", "no actionlint (Debian has no package of it)"),
    }
}

/// The whole action with the netlab of this checkout. The lab may pass or fail here: it has no snapshot in this place.
#[test]
fn the_action_runs_the_real_netlab() {
    let name = "the_action_runs_the_real_netlab";
    let real = env!("CARGO_BIN_EXE_netlab");
    let known = Command::new(real).args(["test", "--help"]).output().expect("netlab");
    if !known.status.success() {
        return skip(name, "this netlab has no `test` yet");
    }
    let stage = Stage::new(Netlab::Real(real));
    let outcome = run(&stage, &action(), &[("files", "labs/two-node.toml")]);
    if outcome.code == 3 {
        return skip(name, outcome.output.trim());
    }
    assert!(matches!(outcome.code, 0 | 1), "{}", outcome.output);
    let junit = std::fs::read_to_string(stage.workspace().join("netlab-junit.xml")).expect("a JUnit file");
    assert!(junit.contains("<testsuite name=\"two-node\""), "{junit}");
    assert!(stage.summary().contains("two-node"), "{}", stage.summary());
}
