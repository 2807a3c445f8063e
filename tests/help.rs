//! What `netlab --help` says, and each command's, as a newcomer reads it.

use std::process::Command;

use clap::CommandFactory as _;
use netlab::cli::Cli;

/// What `--help` prints, laid out for 100 columns.
fn help(args: &[&str]) -> String {
    let mut netlab = Command::new(env!("CARGO_BIN_EXE_netlab"));
    let output = netlab.args(args).env("COLUMNS", "100").output().expect("netlab");
    assert!(output.status.success(), "netlab {args:?}: {output:?}");
    assert!(output.stderr.is_empty(), "netlab {args:?}: {output:?}");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(!text.contains('\u{1b}'), "colour without a terminal: {text}");
    text
}

fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots/help");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// The words of all commands, hidden ones and their own commands too: `impair`, `impair set`.
fn commands() -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    for command in Cli::command().get_subcommands() {
        let name = command.get_name().to_owned();
        let inner = command.get_subcommands().map(|inner| vec![name.clone(), inner.get_name().to_owned()]);
        commands.extend(inner);
        commands.push(vec![name]);
    }
    commands
}

/// A command's help, by its long or its short flag.
fn help_of(command: &[String], flag: &str) -> String {
    let words: Vec<&str> = command.iter().map(String::as_str).chain([flag]).collect();
    help(&words)
}

#[test]
fn netlab_help() {
    snapshot("netlab", &help(&["--help"]));
}

#[test]
fn each_command_has_help() {
    for command in commands() {
        snapshot(&command.join("-"), &help_of(&command, "--help"));
    }
}

#[test]
fn the_short_flag_says_the_same() {
    assert_eq!(help(&["-h"]), help(&["--help"]));
    for command in commands() {
        assert_eq!(help_of(&command, "-h"), help_of(&command, "--help"), "netlab {command:?}");
    }
}

/// Each line of help that shows a whole command line is one that netlab understands.
#[test]
fn every_example_can_be_typed() {
    let mut count = 0;
    for command in commands() {
        for line in help_of(&command, "--help").lines() {
            let Some(example) = line.strip_prefix("  netlab ") else { continue };
            // What follows several blanks is a remark, and what follows `>` or `|` is the shell's.
            let typed = example.split("   ").next().unwrap_or_default();
            let typed = typed.split([')', '>', '|']).next().unwrap_or_default();
            let words = std::iter::once("netlab").chain(typed.split_whitespace());
            let parsed = Cli::command().try_get_matches_from(words);
            assert!(
                parsed.is_ok(),
                "`netlab {example}`: {}",
                parsed.err().map_or_else(String::new, |e| e.to_string())
            );
            count += 1;
        }
    }
    assert!(count > 30, "only {count} examples were found");
}

#[test]
fn every_command_is_in_the_readme() {
    let readme = include_str!("../README.md");
    for command in Cli::command().get_subcommands().filter(|command| !command.is_hide_set()) {
        let name = command.get_name();
        assert!(readme.contains(&format!("`{name}")), "README.md does not say what `{name}` does");
    }
}
