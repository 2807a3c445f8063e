//! Broken topologies by the thousand, the same ones in every run: reading one never panics, and what is not a lab
//! gets a diagnostic that can be drawn.

use std::fs;
use std::path::Path;

use netlab::diag::{Style, render};
use netlab::model::Lab;

/// How many mutants are made of each file.
const ROUNDS: usize = 60;
/// Larger files are slow to read in a debug build and teach nothing more.
const LARGEST: usize = 3000;

/// Words that have a meaning somewhere, and values at the edges of what makes sense.
const WORDS: &[&str] = &[
    "name",
    "node",
    "pods",
    "pod_cidr",
    "cidr",
    "segment",
    "segments",
    "count",
    "ip",
    "mtu",
    "node_mask",
    "[[node]]",
    "[[pod]]",
    "[[pod.container]]",
    "[[segment]]",
    "[[router]]",
    "[[test]]",
    "[cluster]",
    "[node]",
    "=",
    "[",
    "]",
    "{",
    "}",
    ",",
    ".",
    "\"",
    "'",
    "\"\"\"",
    "#",
    "\n",
    "\r\n",
    "\t",
    "\0",
    "\u{feff}",
    "\u{1f980}",
    "0",
    "1",
    "-1",
    "2",
    "30",
    "31",
    "32",
    "64",
    "126",
    "127",
    "128",
    "255",
    "1023",
    "10000",
    "9223372036854775807",
    "-9223372036854775808",
    "1e9",
    "nan",
    "inf",
    "0x10",
    "true",
    "2026-01-01",
    "\"10.244.0.0/16\"",
    "\"0.0.0.0/0\"",
    "\"10.0.0.0/8\"",
    "\"10.244.0.0/30\"",
    "\"10.244.0.0/31\"",
    "\"10.244.0.0/32\"",
    "\"255.255.255.255/32\"",
    "\"255.255.255.255\"",
    "\"192.168.66.0/24\"",
    "\"::/0\"",
    "\"fd00::/8\"",
    "\"fd00:244::/126\"",
    "\"fd00:244::/127\"",
    "\"::1\"",
    "\"fd00:66::5\"",
    "\"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128\"",
    "\"fdff:ffff:ffff:ffff:ffff:ffff:ffff:ff00/120\"",
    "\"223.255.255.0/24\"",
    "\"node1\"",
    "\"pod1\"",
    "\"rack1\"",
    "\"\"",
    "\"..\"",
    "\"host-gw\"",
    "\"tcp\"",
    "[\"rack1\", \"rack2\"]",
    "[\"10.244.0.0/16\", \"fd00:244::/56\"]",
    "[]",
    "{}",
    "node_mask_v6",
];

/// A linear congruential generator with Knuth's constants (MMIX): the same mutants everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % sides.max(1)
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.roll(of.len())]
    }
}

fn corpus() -> Vec<(String, String)> {
    let mut files = Vec::new();
    for directory in ["labs", "tests/bad"] {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
        for entry in fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            let text = fs::read_to_string(&path).expect("a readable file");
            if text.len() <= LARGEST {
                files.push((path.display().to_string(), text));
            }
        }
    }
    files.sort();
    files
}

/// Cuts a text into words, strings, and single other characters.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut quoted = false;
    let mut word = false;
    for c in text.chars() {
        let joins = quoted || (word && (c.is_alphanumeric() || c == '_'));
        match tokens.last_mut() {
            Some(last) if joins => last.push(c),
            _ => tokens.push(c.to_string()),
        }
        if c == '"' || c == '\n' {
            quoted = c == '"' && !quoted;
        }
        word = !quoted && (c.is_alphanumeric() || c == '_');
    }
    tokens
}

/// Changes some tokens: another word, a word of another file, one twice, one less, two swapped.
fn mutate_tokens(text: &str, other: &str, dice: &mut Dice) -> String {
    let mut tokens = tokens(text);
    let others = self::tokens(other);
    for _ in 0..=dice.roll(4) {
        if tokens.is_empty() {
            tokens.push(String::new());
        }
        let (at, to) = (dice.roll(tokens.len()), dice.roll(tokens.len()));
        match dice.roll(7) {
            0 | 1 => tokens[at] = (*dice.pick(WORDS)).to_owned(),
            2 if !others.is_empty() => tokens[at].clone_from(dice.pick(&others)),
            3 => tokens.swap(at, to),
            4 => drop(tokens.remove(at)),
            5 => tokens.insert(at, (*dice.pick(WORDS)).to_owned()),
            _ => {
                let (from, to) = (at.min(to), at.max(to).min(at.min(to) + 30));
                let again: Vec<String> = tokens[from..to].to_vec();
                tokens.splice(to..to, again);
            }
        }
    }
    tokens.concat()
}

/// Changes some bytes, and mends what is then no UTF-8.
fn mutate_bytes(text: &str, dice: &mut Dice) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=dice.roll(3) {
        if bytes.is_empty() {
            bytes.push(b'[');
        }
        let at = dice.roll(bytes.len());
        let byte = u8::try_from(dice.roll(256)).expect("a byte");
        match dice.roll(5) {
            0 => bytes[at] = byte,
            1 => bytes[at] ^= 1 << dice.roll(8),
            2 => drop(bytes.remove(at)),
            3 => bytes.insert(at, byte),
            _ => bytes.truncate(at),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads a text and checks what every reading must keep; says whether it was a lab.
fn check(text: &str) -> bool {
    match netlab::parse(text, "mutant") {
        Ok(lab) => {
            let json = serde_json::to_string(&lab).expect("a lab is JSON");
            let back: Lab = serde_json::from_str(&json).expect("JSON is a lab");
            assert_eq!(back, lab);
            true
        }
        Err(diagnostics) => {
            assert!(!diagnostics.is_empty(), "an error without a word");
            for label in diagnostics.iter().flat_map(|diagnostic| &diagnostic.labels) {
                assert!(text.get(label.span.clone()).is_some(), "a label outside the file: {label:?}");
            }
            let drawn = render("mutant.toml", text, &diagnostics, Style::Plain);
            assert!(drawn.contains(diagnostics[0].code.id()));
            false
        }
    }
}

#[test]
fn mutants_never_panic_and_always_get_an_answer() {
    let corpus = corpus();
    let mut dice = Dice(20_260_101);
    let (mut labs, mut all) = (0, 0);
    for (name, text) in &corpus {
        for round in 0..ROUNDS {
            let (_, other) = dice.pick(&corpus).clone();
            let mutant = match round % 3 {
                0 => mutate_bytes(text, &mut dice),
                _ => mutate_tokens(text, &other, &mut dice),
            };
            let result = std::panic::catch_unwind(|| check(&mutant));
            match result {
                Ok(lab) => labs += usize::from(lab),
                Err(_) => panic!("a mutant of {name}, round {round}:\n{mutant}"),
            }
            all += 1;
        }
    }
    assert!(all > 4000 && labs > 50, "{labs} labs of {all} mutants: the mutations are too tame or too wild");
}

#[test]
fn every_prefix_of_a_lab_gets_an_answer() {
    for (_, text) in corpus().iter().filter(|(name, _)| name.contains("labs/")) {
        for (end, _) in text.char_indices().step_by(7) {
            check(&text[..end]);
        }
    }
}
