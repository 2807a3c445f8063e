//! Readers of other people's formats, for tests: as strict as their specifications.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// What `xmllint` says against a document; nothing if it is valid. None where there is no `xmllint`.
pub(crate) fn refused(xml: &str) -> Option<Result<(), String>> {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/junit.xsd");
    let mut command = Command::new("xmllint");
    command.args(["--noout", "--nonet", "--schema"]).arg(schema).arg("-");
    let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => panic!("xmllint: {error}"),
    };
    child.stdin.take().expect("a pipe").write_all(xml.as_bytes()).expect("xmllint reads");
    let output = child.wait_with_output().expect("xmllint ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Some(if output.status.success() { Ok(()) } else { Err(said) })
}

/// A line of TAP that says how a test went.
#[derive(Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) fine: bool,
    pub(crate) name: String,
    pub(crate) skipped: Option<String>,
    pub(crate) yaml: Option<serde_json::Value>,
}

/// Reads TAP as its specification says, and refuses what is none.
pub(crate) fn read_tap(tap: &str) -> Vec<Point> {
    let mut lines = tap.lines().peekable();
    assert_eq!(lines.next(), Some("TAP version 14"));
    let plan = lines.next().and_then(|line| line.strip_prefix("1..")).expect("a plan");
    let mut points = Vec::new();
    while let Some(line) = lines.next() {
        if line.starts_with('#') || line.starts_with("Bail out! ") {
            continue;
        }
        let (fine, rest) = match line.strip_prefix("not ") {
            Some(rest) => (false, rest),
            None => (true, line),
        };
        let rest = rest.strip_prefix(&format!("ok {} - ", points.len() + 1)).expect(line);
        let (name, directive) = match rest.split_once(" # ") {
            Some((name, directive)) => (name, Some(directive)),
            None => (rest, None),
        };
        let unescaped = |text: &str| text.replace("\\#", "#").replace("\\\\", "\\");
        let skipped = directive.map(|text| unescaped(text.strip_prefix("SKIP ").expect(text)));
        let mut yaml = None;
        if lines.next_if(|line| *line == "  ---").is_some() {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "  ...").collect();
            let block: String =
                block.iter().map(|line| line.strip_prefix("  ").unwrap_or("").to_owned() + "\n").collect();
            yaml = Some(serde_saphyr::from_str(&block).unwrap_or_else(|error| panic!("{error}:\n{block}")));
        }
        points.push(Point { fine, name: unescaped(name), skipped, yaml });
    }
    let planned: usize = plan.split(' ').next().and_then(|number| number.parse().ok()).expect("a number");
    assert_eq!(points.len(), planned, "{tap}");
    points
}

/// Takes a workflow command apart as GitHub's runner does: level, properties, message.
pub(crate) fn command(line: &str) -> (String, Vec<(String, String)>, String) {
    let (head, message) = line.strip_prefix("::").and_then(|rest| rest.split_once("::")).expect(line);
    let (level, properties) = head.split_once(' ').expect(head);
    let unescaped = |text: &str| {
        let pairs = [("%2C", ","), ("%3A", ":"), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%")];
        pairs.iter().fold(text.to_owned(), |text, (escape, plain)| text.replace(escape, plain))
    };
    let properties = properties.split(',').map(|pair| {
        let (key, value) = pair.split_once('=').expect(pair);
        (key.to_owned(), unescaped(value))
    });
    (level.to_owned(), properties.collect(), unescaped(message))
}
