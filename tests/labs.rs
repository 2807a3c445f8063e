//! Every lab in `labs/`, on its own data path and on each other one that there is a snapshot of, examined through the library
//! and compared by insta with the snapshots that `netlab test` uses.
//!
//! Not run by the usual harness: labs are brought up by processes that the caller forks, and a test runner has threads.
//! For each mode, a process of its own examines all labs at once and hands back what it found.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser as _;
use netlab::cli::{self, Cli, Command};
use netlab::suite::{LabEnd, LabReport};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Gid, Uid, fork, pipe, setgid, setgroups, setuid};
use serde::{Deserialize, Serialize};
use support::{Mode, World, skip};

/// The user that stands for "an ordinary user".
const ORDINARY: u32 = 65_534;

/// What a mode's process hands back: each lab's report and its snapshot's text, or why it could not.
type Found = Result<Vec<Examined>, String>;

#[derive(Serialize, Deserialize)]
struct Examined {
    report: LabReport,
    text: Option<String>,
}

fn main() -> ExitCode {
    // A container whose command is `netlab` runs the program that brought its lab up: here, this one.
    if std::env::args().nth(1).is_some_and(|verb| verb == "serve") {
        return ExitCode::from(netlab::cmd::run(Cli::parse()));
    }
    if std::env::args().any(|argument| argument == "--list") {
        println!("labs: test");
        return ExitCode::SUCCESS;
    }
    let labs = labs();
    assert!(labs.len() >= 6, "labs/ was not found: {labs:?}");
    let mut failed = 0;
    for mode in [Mode::Root, Mode::Ordinary] {
        match World::new(mode) {
            Ok(world) => {
                failed += run(&world, &labs, None);
                for (data_path, labs) in elsewhere() {
                    failed += run(&world, &labs, Some(&data_path));
                }
            }
            Err(why) => skip("labs", &format!("{mode:?}: {why}")),
        }
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(101) }
}

/// The names of all shipped labs.
fn labs() -> Vec<String> {
    let files =
        fs::read_dir(root().join("labs")).expect("labs/").map(|entry| entry.expect("an entry").path());
    let stem = |path: PathBuf| path.file_stem().expect("a name").to_str().expect("text").to_owned();
    let mut labs: Vec<String> = files.map(stem).collect();
    labs.sort();
    labs
}

/// The labs that have a snapshot of another data path than their own, by that data path.
fn elsewhere() -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in fs::read_dir(root().join("snapshots")).expect("snapshots/").flatten() {
        let name = entry.file_name().into_string().expect("text");
        if let Some((lab, data_path)) = name.strip_suffix(".snap").and_then(|name| name.split_once('@')) {
            all.entry(data_path.to_owned()).or_default().push(lab.to_owned());
        }
    }
    all.values_mut().for_each(|labs| labs.sort());
    assert!(all.len() >= 4, "snapshots of other data paths were not found: {all:?}");
    all
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Examines and compares all labs in one mode; gives back how many are not as they should be.
fn run(world: &World, labs: &[String], data_path: Option<&str>) -> usize {
    let mode = world.mode;
    let called = |lab: &str| data_path.map_or(lab.to_owned(), |data_path| format!("{lab}@{data_path}"));
    let files: Vec<String> = labs.iter().map(|lab| world.lab(&format!("{lab}.toml"))).collect();
    let found = match examined(world, &files, data_path) {
        Ok(found) => found,
        Err(why) => {
            println!("test labs, {mode:?} ... FAILED: {why}");
            return 1;
        }
    };
    assert_eq!(found.len(), labs.len(), "a lab is missing");
    let mut failed = 0;
    for (lab, examined) in labs.iter().zip(found) {
        let name = called(lab);
        if let LabEnd::Skipped { reason } = &examined.report.end {
            skip(&format!("labs: {name}"), &format!("{mode:?}: {reason}"));
            continue;
        }
        let right = catch_unwind(AssertUnwindSafe(|| compare(lab, &name, &examined))).is_ok();
        println!("test {name}, {mode:?} ... {}", if right { "ok" } else { "FAILED" });
        failed += usize::from(!right);
    }
    failed
}

fn compare(lab: &str, name: &str, examined: &Examined) {
    assert_eq!(examined.report.end, LabEnd::Finished, "{lab}");
    // What netlab itself says of its snapshot is another test's subject; here insta compares.
    let wrong: Vec<_> = examined.report.failed().filter(|case| !case.is_snapshot()).collect();
    assert!(wrong.is_empty(), "{lab}: {wrong:#?}");
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_input_file(root().join("labs").join(format!("{lab}.toml")));
    let text = examined.text.as_deref().expect("a snapshot's text");
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// What a process of the world's user finds.
#[allow(unsafe_code)] // fork
fn examined(world: &World, files: &[String], data_path: Option<&str>) -> Found {
    let (ours, theirs) = pipe().expect("a pipe");
    // SAFETY: this process has one thread, so the child may do whatever this one could.
    match unsafe { fork() }.expect("fork") {
        ForkResult::Child => {
            drop(ours);
            become_user(world);
            let done = catch_unwind(AssertUnwindSafe(|| hand_back(theirs, &examine(files, data_path))));
            // SAFETY: ends the process without running what belongs to its parent.
            unsafe { libc::_exit(i32::from(done.is_err())) }
        }
        ForkResult::Parent { child } => {
            drop(theirs);
            let mut text = String::new();
            fs::File::from(ours).read_to_string(&mut text).expect("reading what was found");
            let status = waitpid(child, None).expect("waiting");
            assert!(matches!(status, WaitStatus::Exited(_, 0)), "{status:?}");
            serde_json::from_str(&text).expect("what was found")
        }
    }
}

/// Becomes the user that the world stands for, and sees only its labs.
#[allow(unsafe_code)] // changing the environment
fn become_user(world: &World) {
    // SAFETY: this process has one thread.
    unsafe { std::env::set_var("NETLAB_RUNTIME_DIR", world.runtime()) };
    if world.mode == Mode::Ordinary && support::is_root() {
        setgroups(&[]).expect("setgroups");
        setgid(Gid::from_raw(ORDINARY)).expect("setgid");
        setuid(Uid::from_raw(ORDINARY)).expect("setuid");
        // Otherwise /proc/self belongs to root, as that of a program that changed its user should.
        nix::sys::prctl::set_dumpable(true).expect("prctl");
    }
}

fn examine(files: &[String], data_path: Option<&str>) -> Found {
    let elsewhere = data_path.map(|data_path| ["--data-path", data_path]);
    let arguments = ["netlab", "test", "--check"].into_iter().chain(elsewhere.into_iter().flatten());
    let arguments = arguments.chain(files.iter().map(String::as_str));
    let command = Cli::try_parse_from(arguments).map_err(|error| error.to_string())?.command;
    let Command::Test(args) = command else { return Err("not `netlab test`".into()) };
    let args: cli::Test = args;
    let found = netlab::cmd::test::examine(&args).map_err(|error| format!("{error:#}"))?;
    Ok(found.into_iter().map(|found| Examined { report: found.report, text: found.text }).collect())
}

fn hand_back(to: OwnedFd, found: &Found) {
    let text = serde_json::to_vec(found).expect("JSON");
    fs::File::from(to).write_all(&text).expect("handing back what was found");
}
