//! Every wrong topology in `tests/bad` and what is said about it, and the pages of `netlab explain`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use netlab::diag::{Code, Diagnostic, Style, page, render};

/// What is wrong with a file that must be wrong.
fn diagnose(path: &Path) -> (String, Vec<Diagnostic>) {
    let text = fs::read_to_string(path).expect("a readable file");
    let stem = path.file_stem().and_then(|stem| stem.to_str()).expect("a name");
    let diagnostics = netlab::parse(&text, stem).expect_err(stem);
    (text, diagnostics)
}

fn bad_files() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad");
    let entries = fs::read_dir(directory).expect("tests/bad");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

#[test]
fn every_wrong_file_is_told_what_is_wrong() {
    insta::glob!("bad/*.toml", |path| {
        let (text, diagnostics) = diagnose(path);
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("../snapshots/bad");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.remove_snapshot_suffix();
        settings.bind(|| insta::assert_snapshot!(name, render(name, &text, &diagnostics, Style::Plain)));
    });
}

#[test]
fn every_code_has_a_wrong_file() {
    let seen: BTreeSet<Code> =
        bad_files().iter().flat_map(|file| diagnose(file).1).map(|diagnostic| diagnostic.code).collect();
    let unseen: Vec<&str> =
        Code::ALL.iter().filter(|code| !seen.contains(code)).map(|code| code.id()).collect();
    assert!(unseen.is_empty(), "no file in tests/bad for {unseen:?}");
}

#[test]
fn every_label_is_inside_its_file_and_says_something() {
    for file in bad_files() {
        let (text, diagnostics) = diagnose(&file);
        assert!(!diagnostics.is_empty(), "{}", file.display());
        for diagnostic in &diagnostics {
            let place = format!("{}: {diagnostic:?}", file.display());
            assert!(!diagnostic.labels.is_empty(), "{place}");
            assert!(!diagnostic.message.is_empty(), "{place}");
            for label in &diagnostic.labels {
                assert!(label.span.start <= label.span.end && label.span.end <= text.len(), "{place}");
                assert!(text.get(label.span.clone()).is_some(), "{place}");
                assert!(!label.text.is_empty(), "{place}");
            }
        }
    }
}

#[test]
fn no_line_of_output_floods_a_terminal() {
    for file in bad_files() {
        let (text, diagnostics) = diagnose(&file);
        for line in render("a.toml", &text, &diagnostics, Style::Plain).lines() {
            assert!(line.chars().count() < 200, "{}: {line}", file.display());
        }
    }
}

/// The examples of a page: each run of lines that are indented by four spaces.
fn examples(page: &str) -> Vec<String> {
    let mut examples = Vec::new();
    let mut current = String::new();
    let mut blank = 0;
    for line in page.lines().chain(["end"]) {
        match line.strip_prefix("    ") {
            Some(code) => {
                current.push_str(&"\n".repeat(blank));
                current.push_str(code);
                current.push('\n');
                blank = 0;
            }
            None if line.is_empty() && !current.is_empty() => blank += 1,
            None => {
                blank = 0;
                examples.extend(Some(std::mem::take(&mut current)).filter(|example| !example.is_empty()));
            }
        }
    }
    examples
}

/// An example shows what matters; a file that says nothing about nodes gets two.
fn completed(example: &str, code: Code) -> String {
    if example.contains("node") || matches!(code, Code::Syntax | Code::NoNodes) {
        return example.to_owned();
    }
    format!(
        "{example}\n[[node]]\nname = \"node1\"\npods = [\"pod1\", \"pod2\"]\n\n[[node]]\nname = \"node2\"\npods = [\"pod3\", \"pod4\"]\n"
    )
}

#[test]
fn the_examples_of_every_page_are_wrong_and_right_as_they_say() {
    for code in Code::ALL {
        let id = code.id();
        let examples = examples(page(code));
        let [wrong, right, ..] = examples.as_slice() else {
            panic!("{id} has no two examples: {examples:?}")
        };
        let (wrong, right) = (completed(wrong, code), completed(right, code));
        match netlab::parse(&wrong, "example") {
            Ok(_) => panic!("{id}: the wrong example is right:\n{wrong}"),
            Err(said) => {
                let codes: BTreeSet<&str> = said.iter().map(|diagnostic| diagnostic.code.id()).collect();
                assert_eq!(codes, BTreeSet::from([id]), "the wrong example of {id}:\n{wrong}");
            }
        }
        if let Err(said) = netlab::parse(&right, "example") {
            panic!("{id}: the right example is wrong:\n{}", render("example", &right, &said, Style::Plain));
        }
    }
}

#[test]
fn pages_fit_a_terminal() {
    for code in Code::ALL {
        for line in page(code).lines() {
            assert!(line.chars().count() <= 80, "{}: {line}", code.id());
        }
    }
}
