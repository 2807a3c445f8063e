//! What `netlab test` says, in each of its formats: reviewed texts, and for the formats of others, proof that those can
//! read it.

#[path = "report/readers.rs"]
mod readers;
#[path = "report/sample.rs"]
mod sample;
// `mod support;` alone would have this run in VMs (.ci/vm-tests), and no kernel matters here.
pub(crate) mod support;

use netlab::diag::Style;
use netlab::render::report::{github, json, junit, markdown, tap, text};
use netlab::suite::{CaseFailure, CaseReport, DiffLine, LabEnd, LabReport, Piece, RunReport, Side};
use proptest::collection;
use proptest::prelude::*;
use readers::{command, read_tap, refused};
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
    let text = text::ReportText::new(style, text::WIDTH, run.labs.iter().map(|lab| lab.name.as_str()));
    let labs: String = run.labs.iter().map(|lab| text.lab(lab)).collect();
    format!("{labs}\n{}", text.end(run))
}

/// The runs that every format has to tell.
fn runs() -> [(&'static str, RunReport); 5] {
    [
        ("everything", sample::everything()),
        ("all-well", sample::all_well()),
        ("nothing", RunReport::default()),
        ("a-part", sample::a_part()),
        ("an-empty-part", sample::an_empty_part()),
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
    let text = text::ReportText::new(Style::Plain, text::WIDTH, []);
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

/// A lab in which every text is this one.
fn all_of(text: &str) -> LabReport {
    let failure = CaseFailure {
        message: text.into(),
        facts: sample::facts(&[(text, text)]),
        diff: vec![DiffLine { side: Side::Found, pieces: vec![Piece { text: text.into(), changed: true }] }],
        review: Vec::new(),
        hint: Some(text.into()),
    };
    let case = CaseReport { remark: Some(text.into()), ..sample::case(text, Some(1), Some(failure)) };
    let end = LabEnd::Error { message: text.into() };
    LabReport { kept: Some(text.into()), file: text.into(), ..sample::lab(text, end, vec![case], 1.0) }
}

/// Any characters, but mostly those that mean something to somebody.
fn nasty() -> impl Strategy<Value = String> {
    let special: Vec<char> =
        "\n\r\t `~#:;,|%&<>'\"\\-+=.[]{}\0\u{1b}\u{7f}\u{85}\u{2028}\u{feff}\u{ffff}".chars().collect();
    let character = prop_oneof![3 => proptest::sample::select(special), 1 => any::<char>()];
    collection::vec(character, 0..24).prop_map(|chars| chars.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever a report repeats, those who read it read as many things as there are.
    #[test]
    fn no_text_breaks_a_format(texts in collection::vec(nasty(), 0..40)) {
        let labs: Vec<_> = texts.iter().map(|text| all_of(text)).collect();
        let run = RunReport { labs, unreferenced: texts.clone(), ..RunReport::default() };
        prop_assert_eq!(read_tap(&tap::tap(&run)).len(), 2 * texts.len());
        let annotations = github::annotations(&run);
        prop_assert_eq!(annotations.lines().map(command).count(), 3 * texts.len());
        let xml = junit::junit(&run).expect("XML");
        prop_assert_eq!(xml.matches("<testcase ").count(), 2 * texts.len());
        if let Some(result) = refused(&xml) {
            prop_assert_eq!(result, Ok(()));
        }
        let summary = markdown::summary(&run);
        prop_assert_eq!(summary.lines().filter(|line| line.starts_with("<details>")).count(), 2 * texts.len());
        let told = told(&run, Style::Plain);
        prop_assert!(told.chars().all(|c| c == '\n' || !c.is_control()), "{}", told);
    }
}
