//! The shape of the code: which module may use which, who may touch the system, and how long a file may get.
//!
//! This reads `src/` as text. It knows no macros and no renamed imports, and the house style needs neither.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What each module may use of ours. `cmd` may use everything; `lib` and `main` bind it all together.
///
/// `diag` also stands for its `Style`, which is all that `ui` and `render` want of it.
const ALLOWED: [(&str, &[&str]); 20] = [
    ("diag", &[]),
    ("spec", &["diag"]),
    ("model", &["spec", "diag"]),
    ("packet", &[]),
    ("probe", &[]),
    ("event", &[]),
    ("plan", &["model"]),
    ("suite", &["model", "probe"]),
    ("blame", &["model", "plan", "probe"]),
    ("compare", &["model", "packet"]),
    ("doctor", &["model", "plan"]),
    ("walk", &["model", "plan", "packet", "probe", "blame"]),
    (
        "render",
        &["plan", "model", "packet", "probe", "event", "suite", "blame", "compare", "doctor", "walk", "diag"],
    ),
    ("kernel", &["plan", "packet", "probe", "event", "doctor"]),
    ("state", &["model", "plan"]),
    ("ui", &["event", "render", "diag"]),
    ("serve", &["packet"]),
    ("cli", &["serve"]),
    ("lib", &["spec", "model", "diag"]),
    ("main", &["cli", "cmd"]),
];

/// Modules that give the same answer everywhere and always: no system, no clock, no environment.
const PURE: [&str; 13] = [
    "diag", "spec", "model", "plan", "packet", "probe", "suite", "blame", "compare", "doctor", "walk",
    "render", "event",
];

/// What a pure module has no use for.
const IMPURE: [&str; 14] = [
    "std::fs",
    "std::process",
    "std::env",
    "std::thread",
    "std::net::TcpListener",
    "std::net::TcpStream",
    "std::net::UdpSocket",
    "std::net::ToSocketAddrs",
    "std::time::Instant",
    "std::time::SystemTime",
    "println!",
    "eprintln!",
    "print!",
    "eprint!",
];

/// Crates that are ways into the kernel, and who may use what of them besides `kernel`.
const SYSTEM: [&str; 9] = [
    "nix",
    "libc",
    "netlink_sys",
    "netlink_proto",
    "netlink_packet_core",
    "netlink_packet_route",
    "rtnetlink",
    "socket2",
    "tokio",
];
const EXCEPTIONS: [(&str, &str, &str); 11] = [
    ("serve", "tokio", "the servers of containers; they run inside pods and build nothing"),
    ("serve", "socket2", "SO_REUSEADDR and keep-alive of those servers"),
    ("serve", "nix::unistd::gethostname", "a server says which pod answers"),
    ("state", "nix::unistd::geteuid", "the runtime directory is the user's"),
    ("cmd", "nix::errno::Errno", "to take a process that is gone for a lab that is down"),
    ("cmd", "nix::poll::PollTimeout", "how long to wait for a lab to end"),
    ("cmd", "nix::sys::signal::Signal", "to end a lab's keeper"),
    ("cmd", "nix::unistd::Pid", "to end a lab's keeper"),
    ("cmd", "nix::unistd::geteuid", "what root writes belongs to whom its folder belongs to"),
    ("cmd", "nix::unistd::getuid", "who is root inside a rootless lab"),
    ("cmd", "nix::unistd::getgid", "who is root inside a rootless lab"),
];

/// Lines that one file may have.
const LONGEST: usize = 400;

/// A file of the sources, or what a test says is one.
struct Source {
    /// Relative to `src/`.
    path: PathBuf,
    text: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        Self { path: path.into(), text: text.to_owned() }
    }

    /// The module directly below the crate that this file belongs to.
    fn module(&self) -> String {
        let first = self.path.iter().next().expect("a path").to_string_lossy();
        first.trim_end_matches(".rs").to_owned()
    }

    /// How many modules deep this file is: 0 for `lib.rs`, 1 for `plan/mod.rs` and `plan.rs`, 2 for `plan/op.rs`.
    fn depth(&self) -> usize {
        let names: Vec<_> = self.path.iter().map(|name| name.to_string_lossy()).collect();
        match names.last().expect("a path").as_ref() {
            "lib.rs" | "main.rs" => 0,
            "mod.rs" => names.len() - 1,
            _ => names.len(),
        }
    }

    /// The paths that the code names, each spelt out in full: `crate::plan::Plan`, `nix::unistd::Pid`.
    fn paths(&self) -> BTreeSet<String> {
        let code = without_text(&self.text);
        let tokens = tokens(&code);
        let mut paths = BTreeSet::new();
        let mut depth = self.depth();
        let mut inner = Vec::new();
        let mut braces = 0;
        let mut at = 0;
        while at < tokens.len() {
            match tokens[at].as_str() {
                // A module within the file, such as `mod tests { … }`, is one deeper.
                "mod" if tokens.get(at + 2).is_some_and(|token| token == "{") => {
                    inner.push(braces);
                    depth += 1;
                    braces += 1;
                    at += 3;
                }
                "{" => {
                    braces += 1;
                    at += 1;
                }
                "}" => {
                    braces -= 1;
                    if inner.last() == Some(&braces) {
                        inner.pop();
                        depth -= 1;
                    }
                    at += 1;
                }
                // Not the `use<'a>` of a return type.
                "use" if tokens.get(at + 1).is_some_and(|next| next != "<") => {
                    at = tree(&tokens, at + 1, &mut Vec::new(), &mut |path| {
                        paths.insert(absolute(path, &self.module(), depth));
                    });
                }
                word if starts_path(word) && tokens.get(at + 1).is_some_and(|next| next == "::") => {
                    let mut path = vec![tokens[at].clone()];
                    at += 1;
                    while tokens.get(at).is_some_and(|token| token == "::")
                        && tokens.get(at + 1).is_some_and(|next| starts_path(next))
                    {
                        path.push(tokens[at + 1].clone());
                        at += 2;
                    }
                    paths.insert(absolute(&path, &self.module(), depth));
                }
                _ => at += 1,
            }
        }
        paths
    }
}

fn starts_path(word: &str) -> bool {
    word.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// Reads one tree of a `use`, from `at`, and gives back where it ends.
fn tree(
    tokens: &[String],
    mut at: usize,
    before: &mut Vec<String>,
    found: &mut impl FnMut(&[String]),
) -> usize {
    let known = before.len();
    loop {
        match tokens.get(at).map(String::as_str) {
            Some("::") => at += 1,
            Some("{") => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token != "}" && token != ";") {
                    at = tree(tokens, at, before, found);
                    if tokens.get(at).is_some_and(|token| token == ",") {
                        at += 1;
                    }
                }
                at += 1;
                break;
            }
            Some("as") => {
                at += 2;
                found(before);
                break;
            }
            Some("," | "}" | ";") | None => {
                found(before);
                break;
            }
            Some(word) => {
                before.push(word.to_owned());
                at += 1;
            }
        }
    }
    before.truncate(known);
    at
}

/// `self` and `super` resolved as far as the module directly below the crate: `super::super::x` two deep is `crate::x`.
fn absolute(path: &[String], module: &str, depth: usize) -> String {
    let mut rest = path;
    let mut level = depth;
    while let Some(first) = rest.first() {
        match first.as_str() {
            "self" => rest = &rest[1..],
            "super" => {
                level = level.saturating_sub(1);
                rest = &rest[1..];
            }
            _ => break,
        }
    }
    if rest.len() == path.len() {
        return path.join("::");
    }
    let base = if level == 0 { "crate".to_owned() } else { format!("crate::{module}") };
    if rest.is_empty() { base } else { format!("{base}::{}", rest.join("::")) }
}

/// The code with comments and the insides of string and character literals blanked out; lines stay where they are.
fn without_text(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    let blank = |from: usize, to: usize, out: &mut String| {
        out.extend(chars[from..to.min(chars.len())].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
    };
    while at < chars.len() {
        let rest = &chars[at..];
        let word_before = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
        let end = match rest {
            ['/', '/', ..] => find(&chars, at, "\n"),
            ['/', '*', ..] => find(&chars, at + 2, "*/") + 2,
            ['r', '"' | '#', ..] | ['b', 'r', '"' | '#', ..] if !word_before => {
                let hashes = rest.iter().skip_while(|c| c.is_alphabetic()).take_while(|c| **c == '#').count();
                let open = at + rest.iter().take_while(|c| c.is_alphabetic()).count() + hashes;
                if chars.get(open) == Some(&'"') {
                    find(&chars, open + 1, &format!("\"{}", "#".repeat(hashes))) + 1 + hashes
                } else {
                    at
                }
            }
            ['"', ..] => literal_end(&chars, at, '"'),
            // A lifetime has no closing quote.
            ['\'', '\\', ..] | ['\'', _, '\'', ..] => literal_end(&chars, at, '\''),
            _ => at,
        };
        if end > at {
            blank(at, end, &mut out);
            at = end;
        } else {
            out.push(chars[at]);
            at += 1;
        }
    }
    out
}

fn find(chars: &[char], from: usize, what: &str) -> usize {
    let what: Vec<char> = what.chars().collect();
    (from..chars.len()).find(|at| chars[*at..].starts_with(&what)).unwrap_or(chars.len())
}

fn literal_end(chars: &[char], from: usize, quote: char) -> usize {
    let mut at = from + 1;
    while at < chars.len() && chars[at] != quote {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// Names, `::` and single characters.
fn tokens(code: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let length = if first.is_alphanumeric() || first == '_' {
            rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        if !first.is_whitespace() {
            tokens.push(rest[..length].to_owned());
        }
        rest = &rest[length..];
    }
    tokens
}

/// `a::b` is within `a`, and `ab` is not.
fn within(path: &str, of: &str) -> bool {
    path.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Everything that is wrong with the shape of these files, one line each.
fn wrong(sources: &[Source]) -> Vec<String> {
    let modules: BTreeSet<String> = sources.iter().map(Source::module).collect();
    sources.iter().flat_map(|source| wrong_in(source, &modules)).collect()
}

fn wrong_in(source: &Source, modules: &BTreeSet<String>) -> Vec<String> {
    let (module, path) = (source.module(), source.path.display());
    let mut wrong = Vec::new();
    let allowed = ALLOWED.iter().find(|(name, _)| *name == module).map(|(_, allowed)| *allowed);
    if allowed.is_none() && module != "cmd" {
        wrong.push(format!(
            "src/{path}: DESIGN.md §8 knows no module `{module}`: say in tests/layering.rs what it may use"
        ));
    }
    for used in source.paths() {
        // `main` sees the library as `netlab`.
        let ours = used.strip_prefix("crate::").or_else(|| used.strip_prefix("netlab::"));
        let other = ours.and_then(|rest| rest.split("::").next());
        if let (Some(other), Some(allowed)) = (other, allowed)
            && modules.contains(other)
            && other != module
            && !allowed.contains(&other)
        {
            wrong.push(format!("src/{path}: `{used}`: `{module}` may not use `{other}`"));
        }
        if module != "kernel"
            && SYSTEM.iter().any(|system| within(&used, system))
            && !EXCEPTIONS.iter().any(|(who, what, _)| *who == module && within(&used, what))
        {
            wrong.push(format!("src/{path}: `{used}`: only `kernel` may touch the system"));
        }
        if PURE.contains(&module.as_str()) && IMPURE.iter().any(|impure| within(&used, impure)) {
            wrong.push(format!("src/{path}: `{used}`: `{module}` is pure"));
        }
        if used.ends_with("Command::new") || within(&used, "std::process::Command") {
            wrong.push(format!("src/{path}: `{used}`: netlab runs no other programs to do its own work"));
        }
    }
    let code = without_text(&source.text);
    if PURE.contains(&module.as_str()) {
        let tokens = tokens(&code);
        for pair in tokens.windows(2).filter(|pair| pair[1] == "!") {
            let call = format!("{}!", pair[0]);
            if IMPURE.contains(&call.as_str()) {
                wrong.push(format!("src/{path}: `{call}`: `{module}` is pure"));
            }
        }
    }
    wrong
}

/// Every file of the sources.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut directories = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).expect("src can be read") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source file is text");
                let path = path.strip_prefix(&root).expect("below src").to_owned();
                sources.push(Source { path, text });
            }
        }
    }
    sources.sort_by(|one, other| one.path.cmp(&other.path));
    sources
}

#[test]
fn modules_use_only_what_they_may() {
    let sources = sources();
    assert!(sources.len() > 50, "src/ was not found");
    let wrong = wrong(&sources);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_exception_is_needed() {
    let sources = sources();
    for (module, what, reason) in EXCEPTIONS {
        let needed = sources
            .iter()
            .any(|source| source.module() == module && source.paths().iter().any(|used| within(used, what)));
        assert!(needed, "`{module}` no longer uses `{what}` ({reason}): take it off the list");
    }
}

#[test]
fn no_file_has_more_than_one_subject() {
    let long: Vec<String> = sources()
        .iter()
        .map(|source| (source.text.lines().count(), source.path.display().to_string()))
        .filter(|(lines, _)| *lines > LONGEST)
        .map(|(lines, path)| format!("src/{path} has {lines} lines: past {LONGEST} a file wants a split"))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

/// Each planted violation is found, and what only looks like one is not.
#[test]
fn the_checker_finds_planted_violations() {
    let planted = [
        ("spec/read.rs", "use crate::model::Lab;", "`spec` may not use `model`"),
        ("spec/read.rs", "fn f() { crate::kernel::build() }", "`spec` may not use `kernel`"),
        ("spec/read.rs", "use super::super::plan::Op;", "`spec` may not use `plan`"),
        ("spec/mod.rs", "use super::plan::Op;", "`spec` may not use `plan`"),
        ("spec/mod.rs", "mod inner { use super::super::plan::Op; }", "`spec` may not use `plan`"),
        ("plan/op.rs", "use crate::{diag::Code, model::{Lab, Node}};", "`plan` may not use `diag`"),
        (
            "model/mod.rs",
            "use crate::{\n    diag, // fine\n    state as s,\n};",
            "`model` may not use `state`",
        ),
        ("packet/mod.rs", "impl From<crate::probe::Outcome> for Packet {}", "`packet` may not use `probe`"),
        ("cli.rs", "pub use crate::kernel::Error;", "`cli` may not use `kernel`"),
        ("plan/op.rs", "use std::{fmt, fs::File};", "`plan` is pure"),
        ("render/mod.rs", "fn f() { let t = std::time::Instant::now(); }", "`render` is pure"),
        ("event.rs", "fn f() { println!(\"x\") }", "`event` is pure"),
        ("probe/mod.rs", "use std::net::{IpAddr, UdpSocket};", "`probe` is pure"),
        ("state.rs", "use nix::unistd::{Pid, geteuid};", "only `kernel` may touch the system"),
        ("ui.rs", "fn f() { unsafe { libc::isatty(1) }; }", "only `kernel` may touch the system"),
        ("cmd/up.rs", "fn f() { Command::new(\"ip\"); }", "netlab runs no other programs"),
        (
            "kernel/build.rs",
            "fn f() { std::process::Command::new(\"ip\"); }",
            "netlab runs no other programs",
        ),
        ("novel.rs", "", "knows no module `novel`"),
    ];
    let others = ["spec.rs", "model.rs", "plan.rs", "diag.rs", "kernel.rs", "state.rs", "probe.rs"];
    for (path, text, expected) in planted {
        let mut sources: Vec<Source> = others.iter().map(|other| Source::new(other, "")).collect();
        sources.push(Source::new(path, text));
        let wrong = wrong(&sources);
        assert!(
            !wrong.is_empty() && wrong.iter().all(|line| line.contains(expected)),
            "{path}: {text}: {wrong:?}"
        );
    }
    let fine = [
        (
            "spec/read.rs",
            "//! Becomes a [`crate::model`].\n/* crate::plan::Op */ const A: &str = \"crate::kernel::x\";",
        ),
        (
            "spec/read.rs",
            "fn f<'a>(x: &'a str) -> char { '\"' } /// crate::kernel::x\nuse crate::diag::Code;",
        ),
        ("spec/read.rs", "const A: &str = r#\"use crate::kernel::x; \"#; use super::types::Table;"),
        ("plan/op.rs", "mod tests { use super::super::node; use super::*; }\nuse super::link::Link;"),
        ("render/mod.rs", "use std::net::IpAddr; use std::time::Duration; use std::fmt::Write;"),
        ("kernel/build.rs", "use nix::errno::Errno; use crate::plan::Op; fn f() { libc::fork(); }"),
        ("cmd/up.rs", "use crate::{kernel, model::Lab, ui}; use nix::unistd::{getgid, getuid};"),
    ];
    for (path, text) in fine {
        let mut sources: Vec<Source> = others.iter().map(|other| Source::new(other, "")).collect();
        sources.push(Source::new(path, text));
        assert_eq!(wrong(&sources), [""; 0], "{path}: {text}");
    }
}
