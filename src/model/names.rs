//! Names: DNS labels, unique within a lab.

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostic, Span};

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
        Err(format!("{} characters, and a DNS label has at most {LONGEST}", name.len()))
    } else if let Some(wrong) = name.chars().find(|c| !allowed(*c)) {
        Err(format!("`{}` cannot be part of a name", wrong.escape_default()))
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
    let lower = name.to_lowercase();
    let replaced: String =
        lower.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(LONGEST).collect();
    let trimmed = replaced.trim_matches('-').to_owned();
    check_name(&trimmed).is_ok().then_some(trimmed)
}

/// The diagnostic for a name that is no DNS label.
pub(super) fn invalid(kind: &str, name: &str, span: Span, why: String) -> Diagnostic {
    let shown: String = name.chars().take(40).collect();
    let dots = if shown.len() < name.len() { "…" } else { "" };
    let message = format!("`{}{dots}` cannot be the name of a {kind}", shown.escape_debug());
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
}

impl NameTable {
    /// Enters a name, or says why it cannot be.
    pub(super) fn enter(&mut self, kind: &'static str, name: &str, span: &Span) -> Result<(), Diagnostic> {
        check_name(name).map_err(|why| invalid(kind, name, span.clone(), why))?;
        if let Some((other, first)) = self.names.get(name) {
            let message = format!("two things are called `{name}`");
            let text = if *other == kind { format!("a second {kind}") } else { format!("a {kind}") };
            return Err(Diagnostic::new(Code::DuplicateName, message, span.clone(), text)
                .also(first.clone(), format!("the first is this {other}"))
                .help("nodes, pods, routers and segments share one set of names, so that a command can name any of them"));
        }
        self.names.insert(name.to_owned(), (kind, span.clone()));
        Ok(())
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
