//! What `netlab test` says, in each of its formats: reviewed texts, and for the formats of others, proof that those can
//! read it.

#[path = "report/sample.rs"]
mod sample;
// `mod support;` alone would have this run in VMs (.ci/vm-tests), and no kernel matters here.
pub(crate) mod support;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use netlab::diag::Style;
use netlab::render::report::{github, json, junit, markdown, tap, text};
use netlab::suite::{LabEnd, RunReport};
use support::skip;

/// Compares with `snapshots/report/`.
fn reviewed(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots/report");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// A whole run as a person sees it.
fn told(run: &RunReport, style: Style) -> String {
    let text = text::ReportText::new(style, run.labs.iter().map(|lab| lab.name.as_str()));
    let labs: String = run.labs.iter().map(|lab| text.lab(lab)).collect();
    format!("{labs}\n{}", text.end(run))
}

/// The three runs that every format has to tell.
fn runs() -> [(&'static str, RunReport); 3] {
    [
        ("everything", sample::everything()),
        ("all-well", sample::all_well()),
        ("nothing", RunReport::default()),
    ]
}

#[test]
fn a_person_reads_it() {
    for (name, run) in runs() {
        reviewed(&format!("{name}.txt"), &told(&run, Style::Plain));
    }
    let coloured = told(&sample::everything(), Style::Coloured);
    // As a character that editors and diffs show.
    reviewed("everything.coloured.txt", &coloured.replace('\u{1b}', "␛"));
}

#[test]
fn colours_change_no_letter() {
    let run = sample::everything();
    let mut plain = String::new();
    for (at, part) in told(&run, Style::Coloured).split('\u{1b}').enumerate() {
        let text = if at == 0 { part } else { part.split_once('m').expect("an SGR sequence").1 };
        plain += text;
    }
    assert_eq!(plain, told(&run, Style::Plain));
}

#[test]
fn what_can_be_broken_fits_a_terminal() {
    let told = told(&sample::everything(), Style::Plain);
    let wide: Vec<&str> = told
        .lines()
        .filter(|line| line.chars().count() > 80)
        // To be pasted, and a name that nobody should choose.
        .filter(|line| !line.trim_start().starts_with("mend ") && !line.contains("<b>"))
        .collect();
    assert!(wide.is_empty(), "{}", wide.join("\n"));
}

#[test]
fn failures_come_before_everything_else_at_the_end() {
    let run = sample::everything();
    let text = text::ReportText::new(Style::Plain, []);
    let end = text.end(&run);
    let places: Vec<_> =
        ["failed:", "skipped:", "errors:", "snapshots that", "7 labs:"].map(|what| end.find(what)).into();
    assert!(places.is_sorted() && places.iter().all(Option::is_some), "{places:?}\n{end}");
}

/// Nothing that a report repeats may move the cursor, end a line or reorder text.
#[test]
fn no_format_lets_control_characters_through() {
    for (name, run) in runs() {
        let outputs = [
            told(&run, Style::Plain),
            junit::junit(&run).expect("XML"),
            json::json(&run).expect("JSON"),
            tap::tap(&run),
            github::annotations(&run),
            markdown::summary(&run),
        ];
        for output in outputs {
            let control = output.chars().find(|c| c.is_control() && *c != '\n');
            assert_eq!(control, None, "{name}: {output}");
            assert!(output.ends_with('\n') || output.ends_with('}') || output.is_empty(), "{name}: {output}");
        }
    }
}

#[test]
fn a_program_reads_json() {
    for (name, run) in runs() {
        let json = json::json(&run).expect("JSON");
        reviewed(&format!("{name}.json"), &json);
        let read: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(read["schema"], "netlab.test/1");
        assert_eq!(read["labs"].as_array().map(Vec::len), Some(run.labs.len()));
    }
}

/// Every lab has the same keys, and so has every case, whatever came of it.
#[test]
fn the_keys_of_json_are_always_there() {
    let json = json::json(&sample::everything()).expect("JSON");
    let read: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let keys = |value: &serde_json::Value| -> Vec<String> {
        value.as_object().expect("an object").keys().cloned().collect()
    };
    let labs = read["labs"].as_array().expect("labs");
    let cases: Vec<_> = labs.iter().flat_map(|lab| lab["cases"].as_array().expect("cases")).collect();
    assert!(labs.iter().all(|lab| keys(lab) == keys(&labs[0])), "{json}");
    assert!(cases.iter().all(|case| keys(case) == keys(cases[0])), "{json}");
}

#[test]
fn counts_add_up() {
    let run = sample::everything();
    let counts = run.counts();
    let labs = counts.labs;
    assert_eq!(labs.total, labs.passed + labs.failed + labs.skipped + labs.error + labs.stopped);
    assert_eq!([labs.passed, labs.failed, labs.skipped, labs.error, labs.stopped], [2, 2, 1, 1, 1]);
    assert_eq!([counts.cases.total, counts.cases.passed, counts.cases.failed], [12, 9, 3]);
}

/// What `xmllint` says against a document; nothing if it is valid. None where there is no `xmllint`.
fn refused(xml: &str) -> Option<Result<(), String>> {
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

#[test]
fn a_ci_server_reads_junit() {
    for (name, run) in runs() {
        let xml = junit::junit(&run).expect("XML");
        reviewed(&format!("{name}.junit.xml"), &xml);
        match refused(&xml) {
            Some(result) => assert_eq!(result, Ok(()), "{name}:\n{xml}"),
            None => return skip("a_ci_server_reads_junit", "no xmllint (Debian: libxml2-utils)"),
        }
    }
}

/// Without this, a schema that allows everything would go unnoticed.
#[test]
fn the_junit_schema_refuses_what_is_wrong() {
    let xml = junit::junit(&sample::everything()).expect("XML");
    let wrong = [
        ("<testsuite name=", "<testsuite title="),
        ("<testcase name=", "<testcase called="),
        ("<skipped ", "<omitted "),
        ("tests=\"3\"", "tests=\"three\""),
        ("time=\"0.012\"", "time=\"12 ms\""),
        ("line=\"7\"", "line=\"-7\""),
        ("</testsuites>", "<testcase name=\"x\"/></testsuites>"),
        ("<property name=\"kept\"", "<property"),
        ("grüße", "gr\u{1}üße"),
        ("&lt;b", "<b"),
    ];
    for (right, instead) in wrong {
        assert!(xml.contains(right), "nothing to break: {right}\n{xml}");
        match refused(&xml.replace(right, instead)) {
            Some(result) => assert!(result.is_err(), "{instead} is taken for valid"),
            None => {
                return skip("the_junit_schema_refuses_what_is_wrong", "no xmllint (Debian: libxml2-utils)");
            }
        }
    }
}

/// A line of TAP that says how a test went.
#[derive(Debug, PartialEq)]
struct Point {
    fine: bool,
    name: String,
    skipped: Option<String>,
    yaml: Option<serde_json::Value>,
}

/// Reads TAP as its specification says, and refuses what is none.
fn read_tap(tap: &str) -> Vec<Point> {
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

#[test]
fn a_harness_reads_tap() {
    for (name, run) in runs() {
        let tap = tap::tap(&run);
        reviewed(&format!("{name}.tap"), &tap);
        let points = read_tap(&tap);
        let counts = run.counts();
        let ends = run.labs.iter().filter(|lab| lab.end != LabEnd::Finished).count();
        assert_eq!(points.len(), counts.cases.total + ends);
        let bad = points.iter().filter(|point| !point.fine).count();
        assert_eq!(bad, counts.cases.failed + counts.labs.error + counts.labs.stopped);
        assert!(points.iter().all(|point| point.fine || point.yaml.is_some()), "{tap}");
        assert_eq!(tap.ends_with("Bail out! interrupted\n"), run.interrupted);
    }
}

/// What the YAML says is what the report said, down to the spaces.
#[test]
fn tap_carries_strange_text_unharmed() {
    let points = read_tap(&tap::tap(&sample::everything()));
    let strange = points.iter().find(|point| point.name.contains("<b>")).expect("the strange case");
    let visible = sample::STRANGE.replace('\u{1b}', "\\u{1b}").replace('\u{7}', "\\u{7}");
    assert_eq!(strange.name, format!("strange@vxlan: {}", visible.replace('\n', "\\n")));
    let yaml = strange.yaml.as_ref().expect("a diagnostic");
    assert_eq!(yaml["message"], format!("{visible} was not expected"));
    assert_eq!(yaml["at"]["file"], sample::STRANGE_FILE);
    assert_eq!(yaml["at"]["line"], 7);
    assert_eq!(yaml["hint"], "a hint:\nwith \"two\" lines");
    assert_eq!(yaml["diff"], "-   - indented, `<&>` and # no comment\n+ ````  ");
}

/// Takes a workflow command apart as GitHub's runner does: level, properties, message.
fn command(line: &str) -> (String, Vec<(String, String)>, String) {
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

#[test]
fn github_annotates_the_lines_of_files() {
    let run = sample::everything();
    let annotations = github::annotations(&run);
    reviewed("everything.annotations.txt", &annotations);
    let commands: Vec<_> = annotations.lines().map(command).collect();
    let levels = |level| commands.iter().filter(|(this, ..)| this == level).count();
    let counts = run.counts();
    assert_eq!(levels("error"), counts.cases.failed + counts.labs.error);
    assert_eq!(levels("warning"), counts.labs.skipped + counts.labs.stopped + run.unreferenced.len());
    let (_, properties, message) =
        commands.iter().find(|(.., message)| message.contains("<b>")).expect("the strange case");
    let property =
        |name: &str| properties.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    assert_eq!(property("file"), Some(sample::STRANGE_FILE));
    assert_eq!(property("line"), Some("7"));
    assert!(property("title").is_some_and(|title| title.contains("100%: a, b # c")), "{properties:?}");
    assert!(message.contains("100%: a, b # c"), "{message}");
    assert_eq!(github::annotations(&sample::all_well()), "");
}

#[test]
fn github_shows_a_summary() {
    for (name, run) in runs() {
        let summary = markdown::summary(&run);
        reviewed(&format!("{name}.md"), &summary);
        // Outside of fences, the only HTML and the only table cells are ours.
        let mut fence: Option<String> = None;
        for line in summary.lines() {
            let ticks: String = line.chars().take_while(|c| *c == '`').collect();
            match &fence {
                Some(open) if line == open => fence = None,
                None if ticks.len() >= 3 => fence = Some(ticks),
                Some(_) => {}
                None => {
                    let ours = [
                        "<code>",
                        "</code>",
                        "<details>",
                        "</details>",
                        "<summary>",
                        "</summary>",
                        "<b>",
                        "</b>",
                    ];
                    let rest = ours.iter().fold(line.to_owned(), |line, tag| line.replace(tag, ""));
                    assert!(!rest.contains(['<', '>', '`', '*']), "{name}: {line}");
                    if line.starts_with('|') {
                        assert_eq!(line.matches('|').count(), 5, "{name}: {line}");
                    }
                }
            }
        }
        assert_eq!(fence, None, "{name}: a fence is not closed");
        assert_eq!(summary.matches("<details>").count(), summary.matches("</details>").count());
    }
}

/// The page of a run in which everything fails at length stays below what GitHub takes.
#[test]
fn a_summary_stays_small() {
    let mut run = sample::everything();
    let failure = run.labs[1].cases[0].failure.as_mut().expect("a failure");
    let line = failure.diff[2].clone();
    failure.diff = vec![line; 100_000];
    assert!(markdown::summary(&run).len() < 1 << 20);
    assert!(github::annotations(&run).lines().all(|line| line.len() < 1 << 14));
}
