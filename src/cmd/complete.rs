//! `netlab complete`: what can stand where the cursor is, for the scripts of `netlab completions`. One line each.
//!
//! A line is a word, with its meaning where the shell shows one, or one of the marks in [`super::candidates`].

use std::ffi::OsString;

use clap_complete::CompletionCandidate;
use clap_complete::engine;

use super::{FINE, candidates};
use crate::cli::{Complete, Shell};
use crate::ui;

pub(super) fn complete(args: &Complete) -> anyhow::Result<u8> {
    let mut words = match args.shell {
        Shell::Bash => joined(&args.words),
        Shell::Zsh | Shell::Fish => args.words.clone(),
    };
    // For `-` alone the engine knows only the letters, which say little where the shell shows no help.
    if let Some(dash) = words.last_mut().filter(|word| *word == "-") {
        dash.push("-");
    }
    let Some(current) = words.last() else { return Ok(FINE) };
    let option = current.as_encoded_bytes().starts_with(b"-");
    let last = words.len() - 1;
    let mut command = candidates::command(&words);
    // An error is a line that means nothing, and nothing completes it.
    let mut found = engine::complete(&mut command, words.clone(), last, None).unwrap_or_default();
    // Nobody who has typed nothing looks for a dozen options among the names.
    found.retain(|candidate| option || !candidate.get_value().as_encoded_bytes().starts_with(b"-"));
    // Bash replaces only what follows the `=` at which it split the word.
    let split = if words.len() < args.words.len() { value_at(current) } else { 0 };
    let lines: Vec<String> = found.iter().map(|candidate| line(args.shell, candidate, split)).collect();
    if !lines.is_empty() {
        ui::print(&format!("{}\n", lines.join("\n")))?;
    }
    Ok(FINE)
}

/// The words as they were typed: Bash makes three of `--lab=two-node`.
fn joined(split: &[OsString]) -> Vec<OsString> {
    let mut words: Vec<OsString> = Vec::new();
    let mut open = false;
    for word in split {
        match words.last_mut() {
            Some(before) if word == "=" && before.as_encoded_bytes().starts_with(b"--") => {
                before.push("=");
                open = true;
            }
            Some(before) if open => {
                before.push(word);
                open = false;
            }
            _ => words.push(word.clone()),
        }
    }
    words
}

/// Where the value begins in `--option=value`; 0 in anything else.
fn value_at(word: &OsString) -> usize {
    let bytes = word.as_encoded_bytes();
    let sign = bytes.iter().position(|byte| *byte == b'=').filter(|_| bytes.starts_with(b"--"));
    sign.map_or(0, |at| at + 1)
}

/// One candidate as the shell's script reads it, without the bytes that its shell keeps.
fn line(shell: Shell, candidate: &CompletionCandidate, split: usize) -> String {
    let value = candidate.get_value().to_string_lossy();
    let value = value.get(split..).unwrap_or_default();
    let help = candidate.get_help().map(ToString::to_string);
    let help = help.as_deref().and_then(|help| help.lines().next());
    match (shell, help) {
        (Shell::Zsh, None) => value.replace(':', "\\:"),
        (Shell::Zsh, Some(help)) => format!("{}:{help}", value.replace(':', "\\:")),
        (Shell::Fish, Some(help)) => format!("{value}\t{help}"),
        (Shell::Bash, _) | (Shell::Fish, None) => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<OsString> {
        text.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn what_bash_splits_is_joined_and_nothing_else() {
        assert_eq!(joined(&words("netlab sh --lab = two p")), words("netlab sh --lab=two p"));
        assert_eq!(joined(&words("netlab sh --lab =")), words("netlab sh --lab="));
        assert_eq!(joined(&words("netlab sh a = b")), words("netlab sh a = b"));
        assert_eq!(joined(&[]), words("")[..0]);
    }

    #[test]
    fn only_a_long_option_has_a_value_in_its_word() {
        assert_eq!(value_at(&"--lab=x".into()), 6);
        assert_eq!(value_at(&"--lab".into()), 0);
        assert_eq!(value_at(&"a=b".into()), 0);
    }
}
