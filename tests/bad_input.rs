//! Wrong input on the command line: one clear message, the right exit code, nothing left behind.

mod support;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use support::Ran;

/// netlab with no privilege and no lab.
fn netlab(args: &[&str]) -> Ran {
    let private = Permissions::from_mode(0o700);
    let runtime = tempfile::Builder::new().permissions(private).tempdir().expect("a directory");
    let output = Command::new(env!("CARGO_BIN_EXE_netlab"))
        .args(args)
        .env("NETLAB_RUNTIME_DIR", runtime.path())
        .output()
        .expect("netlab");
    assert_eq!(fs::read_dir(runtime.path()).expect("the directory").count(), 0, "{args:?} left something");
    Ran::from(output)
}

/// Fails with usage on each verb that takes a file, with a message that has all of `words`.
fn refused(file: &Path, words: &[&str]) {
    let file = file.to_str().expect("text");
    for verb in ["up", "check", "plan", "graph"] {
        let ran = netlab(&[verb, file]);
        assert_eq!(ran.code, 2, "netlab {verb} {file}: {ran:?}");
        assert_eq!(ran.stdout, "");
        for word in words {
            assert!(ran.stderr.contains(word), "netlab {verb} {file}: `{word}` is not in {}", ran.stderr);
        }
    }
}

#[test]
fn files_that_are_no_topologies() {
    let directory = tempfile::tempdir().expect("a directory");
    let write = |name: &str, bytes: &[u8]| {
        let path = directory.path().join(name);
        fs::write(&path, bytes).expect("writing");
        path
    };
    write("two-node.toml", b"[[node]]\nname = \"n\"\n");
    refused(&directory.path().join("two-nodes.toml"), &["no such file; did you mean", "two-node.toml?"]);
    refused(directory.path(), &["is a directory; name a topology file in it"]);
    refused(&write("binary.toml", b"name = \"a\"\n\xff\xfe"), &["is not UTF-8 text (line 2, byte 11)"]);
    refused(&write("empty.toml", b""), &["NL005", "has no nodes"]);
    refused(&write("large.toml", &vec![b'#'; 10 << 20]), &["is larger than 8 MiB"]);
    let thousand = "[[node]]\nname = \"node\"\ncount = 1000\n[underlay]\ncidr = \"172.16.0.0/16\"\n";
    refused(
        &write("thousand.toml", thousand.as_bytes()),
        &["NL011", "too small for 1000 nodes", "holds 256 slices of /24"],
    );
    refused(
        &write("Wrong Name.toml", b"[[node]]\nname = \"n\"\n"),
        &["NL006", "cannot be the name of a lab"],
    );
}

#[test]
fn a_bare_name_is_looked_for_among_the_shipped_labs() {
    let output = Command::new(env!("CARGO_BIN_EXE_netlab"))
        .args(["check", "two-node"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("netlab");
    let error = String::from_utf8(output.stderr).expect("text");
    assert_eq!(error, "netlab: two-node: no such file; did you mean labs/two-node.toml?\n");
}

#[test]
fn check_reads_all_files_and_needs_no_privilege() {
    let labs: Vec<String> = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("labs"))
        .expect("labs")
        .flatten()
        .map(|entry| entry.path().display().to_string())
        .collect();
    let mut args = vec!["check"];
    args.extend(labs.iter().map(String::as_str));
    let ran = netlab(&args);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.stdout.matches(": fine: ").count(), labs.len());
    let wrong = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bad/unknown-key.toml");
    args.insert(1, wrong);
    args.push("/does/not/exist.toml");
    let ran = netlab(&args);
    assert_eq!(ran.code, 2);
    assert_eq!(ran.stdout.matches(": fine: ").count(), labs.len(), "one bad file hides no good one");
    assert!(
        ran.stderr.contains("NL002") && ran.stderr.contains("/does/not/exist.toml: no such file"),
        "{ran:?}"
    );
    let ran = netlab(&["check", "--format", "json", wrong]);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(report["schema"], "netlab.check/1");
    assert_eq!(report["files"][0]["errors"][0]["code"], "NL002");
}

#[test]
fn words_that_are_no_commands_or_options() {
    for args in [
        &["upp"][..],
        &["ping", "a"],
        &["ping", "-c", "0", "a", "b"],
        &["ping", "-i", "x", "a", "b"],
        &["up"],
        &["down", "--all", "x"],
        &["ping", "-4", "-6", "a", "b"],
    ] {
        let ran = netlab(args);
        assert_eq!(ran.code, 2, "{args:?}: {ran:?}");
        assert!(ran.stderr.starts_with("error: "), "{ran:?}");
    }
    let ran = netlab(&["explain", "NL999"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("there is no code `NL999`: "), "{ran:?}");
    assert_eq!(netlab(&["explain", "nl010"]).code, 0);
    assert_eq!(netlab(&["explain"]).stdout.lines().filter(|line| line.starts_with("NL0")).count(), 34);
}

#[test]
fn a_lab_that_is_not_there() {
    for args in [
        &["ping", "a", "b"][..],
        &["exec", "a", "--", "true"],
        &["inspect", "a"],
        &["sh"],
        &["logs", "a"],
        &["traceroute", "a", "b"],
    ] {
        let ran = netlab(args);
        assert_eq!(ran.code, 2, "{args:?}: {ran:?}");
        assert!(ran.stderr.contains("no lab is running: `netlab up FILE` brings one up"), "{ran:?}");
    }
    let ran = netlab(&["status", "nothing"]);
    assert!(ran.stderr.contains("no lab `nothing` is running, nor any other: "), "{ran:?}");
    let ran = netlab(&["down", "nothing"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "nothing is not running\n"));
    let ran = netlab(&["down", "../../etc"]);
    assert_eq!(ran.code, 2, "{ran:?}");
}

#[test]
fn a_name_on_the_command_line_is_checked_like_one_in_a_file() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/labs/two-node.toml");
    for name in ["", "..", "a/b", "A", "x y", &"x".repeat(64)] {
        let ran = netlab(&["up", "--name", name, file]);
        assert_eq!(ran.code, 2, "{name:?}: {ran:?}");
        assert!(ran.stderr.contains("a name is a DNS label"), "{ran:?}");
    }
}
