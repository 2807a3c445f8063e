//! Snapshot files, in the format of insta: a head of `key: value` lines between two `---`, then the text.
//!
//! insta itself is not used: it is made for the test runner of a Rust project, and compares while it reads and writes.

use std::fmt;

/// Marks the beginning and the end of a file's head.
const FENCE: &str = "---";

/// A snapshot file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Who wrote it and from what, as insta's tools show it: keys with their values, unquoted.
    head: Vec<(String, String)>,
    /// What was found, without the line end at its end.
    text: String,
}

/// What is wrong with a file that is to be a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Nothing is in it.
    #[error("it is empty")]
    Empty,
    /// It is something else.
    #[error("its first line is not `---`, so it is no snapshot in insta's format")]
    NoHead,
    /// It was cut off.
    #[error("its head has no end, the second line `---`, as if it had been cut off")]
    Truncated,
}

impl Snapshot {
    /// A new snapshot of a topology file, named as seen from the folder that the snapshots' folder is in.
    pub fn new(topology: &str, text: &str) -> Self {
        let head = [("source", "netlab test"), ("input_file", topology)];
        let head = head.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
        Self { head, text: normal(text) }
    }

    /// Reads a snapshot file.
    pub fn parse(file: &str) -> Result<Self, Broken> {
        let mut lines = file.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
        match lines.next() {
            Some(FENCE) => {}
            _ if file.trim().is_empty() => return Err(Broken::Empty),
            _ => return Err(Broken::NoHead),
        }
        let mut head = Vec::new();
        for line in lines.by_ref() {
            if line == FENCE {
                let text: Vec<&str> = lines.collect();
                return Ok(Self { head, text: normal(&text.join("\n")) });
            }
            if let Some((key, value)) = line.split_once(':') {
                head.push((key.trim().to_owned(), unquoted(value.trim())));
            }
        }
        Err(Broken::Truncated)
    }

    /// The same head with another text.
    #[must_use]
    pub fn with_text(&self, text: &str) -> Self {
        Self { head: self.head.clone(), text: normal(text) }
    }

    /// What was found.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The topology file that it is about, if it is about one.
    pub fn topology(&self) -> Option<&str> {
        let value = self.head.iter().find(|(key, _)| key == "input_file").map(|(_, value)| value.as_str());
        value.filter(|file| file.ends_with(".toml"))
    }
}

impl fmt::Display for Snapshot {
    /// The file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FENCE}")?;
        for (key, value) in &self.head {
            writeln!(f, "{key}: {}", quoted(value))?;
        }
        writeln!(f, "{FENCE}\n{}", self.text)
    }
}

/// Two texts are the same to insta when they are in this form.
pub fn normal(text: &str) -> String {
    text.trim_end().replace("\r\n", "\n")
}

/// As YAML wants it: quoted where it could be read as something else than text.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '/' | '_' | '-' | ' ');
    let is_plain = value.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | '/' | '_'))
        && value.chars().all(plain)
        && !value.ends_with(' ');
    if is_plain { value.to_owned() } else { format!("{value:?}") }
}

fn unquoted(value: &str) -> String {
    let inner = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.map_or_else(|| value.to_owned(), |inner| inner.replace("\\\"", "\"").replace("\\\\", "\\"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for topology in ["labs/two-node.toml", "labs/näme with \"quotes\" and \\.toml", "- odd: #.toml"] {
            let snapshot = Snapshot::new(topology, "a\r\n\n  b\n---\nc\n\n");
            let again = Snapshot::parse(&snapshot.to_string()).expect("a snapshot");
            assert_eq!(again, snapshot);
            assert_eq!((again.text(), again.topology()), ("a\n\n  b\n---\nc", Some(topology)));
        }
    }

    #[test]
    fn insta_s_own_files_are_read() {
        let file = "---\nsource: tests/labs.rs\nassertion_line: 12\nexpression: text\n---\nfound\n";
        let snapshot = Snapshot::parse(file).expect("a snapshot");
        assert_eq!((snapshot.text(), snapshot.topology()), ("found", None));
        assert!(snapshot.with_text("other").to_string().contains("source: tests/labs.rs\n"));
        assert_eq!(Snapshot::parse(&file.replace('\n', "\r\n")).expect("a snapshot").text(), "found");
    }

    #[test]
    fn broken_files_are_told_apart() {
        let broken = |file: &str| Snapshot::parse(file).expect_err(file);
        assert_eq!(broken(""), Broken::Empty);
        assert_eq!(broken("\n\n"), Broken::Empty);
        assert_eq!(broken("lab two-node\n"), Broken::NoHead);
        assert_eq!(broken("---\nsource: x\n"), Broken::Truncated);
        assert_eq!(broken("---"), Broken::Truncated);
    }
}
