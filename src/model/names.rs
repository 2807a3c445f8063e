//! Names: DNS labels, unique within a lab.

use std::collections::{BTreeMap, BTreeSet};

use crate::diag::{Code, Diagnostic, Span, quoted};

/// Names that mean something else where they would appear: in commands (`fabric`, `all`) or as an interface that the
/// kernel makes by itself in a new network namespace.
pub const RESERVED: &[&str] = &[
    "all",
    "default",
    "fabric",
    "host",
    "localhost",
    "lo",
    "tunl0",
    "gre0",
    "gretap0",
    "erspan0",
    "sit0",
    "ip6tnl0",
    "ip6gre0",
];

/// Longest DNS label (RFC 1035, 2.3.4).
const LONGEST: usize = 63;

/// Says what is wrong with a name, if anything.
pub fn check_name(name: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() {
        Err("a name cannot be empty".into())
    } else if name.len() > LONGEST {
        Err(format!("{} bytes, and a DNS label has at most {LONGEST}", name.len()))
    } else if let Some(wrong) = name.chars().find(|c| !allowed(*c)) {
        Err(format!("`{}` cannot be part of a name", wrong.escape_debug()))
    } else if name.starts_with('-') || name.ends_with('-') {
        Err("a name begins and ends with a letter or a digit".into())
    } else if RESERVED.contains(&name) {
        Err("this name is taken by netlab or the kernel".into())
    } else {
        Ok(())
    }
}

/// A valid name as near to `name` as possible, for the help line.
fn mended(name: &str) -> Option<String> {
    // What is cut short or loses its letters is no longer what was meant.
    if name.len() > LONGEST || !name.is_ascii() {
        return None;
    }
    let lower = name.to_lowercase();
    let replaced: String = lower.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let trimmed = replaced.trim_matches('-').to_owned();
    check_name(&trimmed).is_ok().then_some(trimmed)
}

/// The diagnostic for a name that is no DNS label.
pub(super) fn invalid(kind: &str, name: &str, span: Span, why: String) -> Diagnostic {
    let article = if kind.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    let message = format!("{} cannot be the name of {article} {kind}", quoted(name));
    let diagnostic = Diagnostic::new(Code::InvalidName, message, span, why)
        .help("names are DNS labels: lower-case letters, digits and `-`, at most 63, no `-` at either end");
    match mended(name) {
        Some(better) => diagnostic.help(format!("for example `{better}`")),
        None => diagnostic,
    }
}

/// Every name of a lab with what it names and where it was given.
#[derive(Debug, Default)]
pub(super) struct NameTable {
    names: BTreeMap<String, (&'static str, Span)>,
    /// Names of things that could not be made: whoever refers to one has made no second mistake.
    refused: BTreeSet<String>,
}

impl NameTable {
    /// Enters a name, or says why it cannot be.
    pub(super) fn enter(&mut self, kind: &'static str, name: &str, span: &Span) -> Result<(), Diagnostic> {
        if let Err(why) = check_name(name) {
            self.refuse(name);
            return Err(invalid(kind, name, span.clone(), why));
        }
        let Some((other, first)) = self.names.get(name) else {
            self.names.insert(name.to_owned(), (kind, span.clone()));
            return Ok(());
        };
        let message = format!("two things are called `{name}`");
        let text = format!("this {kind}");
        let diagnostic = Diagnostic::new(Code::DuplicateName, message, span.clone(), text);
        let diagnostic = if first.is_empty() {
            diagnostic
                .help(format!("`{name}` is what netlab calls the {other} of a file that names no {other}"))
        } else {
            diagnostic.also(first.clone(), format!("this {other}"))
        };
        Err(diagnostic.help(
            "nodes, pods, routers, externals and segments share one set of names, so that a command can name any of them",
        ))
    }

    /// Notes that the thing of this name could not be made.
    pub(super) fn refuse(&mut self, name: &str) {
        self.refused.insert(name.to_owned());
    }

    /// Whether the file has something of this name that could not be made.
    pub(super) fn is_refused(&self, name: &str) -> bool {
        self.refused.contains(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_leave_a_directory_or_a_label_are_refused() {
        for wrong in
            ["", "..", "a/b", "a b", "Pod1", "-a", "a-", "a_b", "p\u{e9}d", "fabric", &"x".repeat(64)]
        {
            assert!(check_name(wrong).is_err(), "{wrong:?} was accepted");
        }
        for right in ["a", "pod1", "my-pod-2", "0", &"x".repeat(63)] {
            assert!(check_name(right).is_ok(), "{right:?} was refused");
        }
    }

    #[test]
    fn a_bad_name_is_mended() {
        assert_eq!(mended("My Pod/1"), Some("my-pod-1".into()));
        assert_eq!(mended(".."), None);
    }
}
