//! `netlab test` when it is disturbed: by a busy machine, by kill -9 and Ctrl-C, by a full disk, by a lab that does not come
//! up; and that many runs find the same, to the last character.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use support::{Ran, World, in_each_mode, is_slow, isolated, lives, wait_until};

/// The options that name this world's folder of snapshots.
fn folder(world: &World) -> [String; 2] {
    ["--snapshots".into(), world.temporary().join("snapshots").display().to_string()]
}

fn test(world: &World, args: &[&str]) -> Command {
    let [option, folder] = folder(world);
    world.command(&[&["test", &option, &folder], args].concat())
}

fn run(world: &World, args: &[&str]) -> Ran {
    Ran::from(test(world, args).output().expect("netlab"))
}

/// Keeps every processor busy while something is done.
fn under_load<T>(act: impl FnOnce() -> T) -> T {
    let done = AtomicBool::new(false);
    let processors = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..2 * processors {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let result = act();
        done.store(true, Ordering::Relaxed);
        result
    })
}

#[test]
fn fifty_runs_find_the_same_as_root_and_rootless_and_under_load() {
    let mut found: BTreeSet<String> = BTreeSet::new();
    let found = std::sync::Mutex::new(&mut found);
    in_each_mode("fifty_runs_find_the_same", |world| {
        let lab = world.lab("dual-stack.toml");
        let snapshot = world.temporary().join("snapshots/dual-stack.snap");
        let once = || {
            let ran = run(world, &["--accept", &lab]);
            assert_eq!(ran.code, 0, "{ran:#?}");
            let file = fs::read_to_string(&snapshot).expect("a snapshot");
            let text = file.split_once("\n---\n").expect("a head").1.to_owned();
            found.lock().expect("no panic").insert(text);
            // Written anew each time: a run that finds the same would write nothing.
            fs::remove_file(&snapshot).expect("removing");
        };
        let runs = if is_slow() { 2 } else { 25 };
        (0..runs).for_each(|_| once());
        under_load(|| (0..runs).for_each(|_| once()));
    });
    let found = found.into_inner().expect("no panic");
    assert!(found.len() == 1 || !support::is_root() && found.is_empty(), "{found:#?}");
}

/// Everything that a run leaves where it could leave something, but for snapshots.
fn left(world: &World) -> BTreeSet<String> {
    let list = |directory: std::path::PathBuf| {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        entries.map(|entry| entry.path().display().to_string()).collect::<Vec<_>>()
    };
    let files = [world.runtime(), world.temporary()].into_iter().flat_map(list);
    let processes = fs::read_dir("/proc").expect("/proc").flatten().filter_map(|entry| {
        let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
        lives(pid)
            .then(|| format!("{pid} {}", fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default()))
    });
    files.chain(processes).collect()
}

fn reap_orphans() {
    use nix::sys::wait::{WaitPidFlag, waitpid};
    while waitpid(None, Some(WaitPidFlag::WNOHANG)).is_ok_and(|status| status.pid().is_some()) {}
}

fn expect_nothing_left(before: &BTreeSet<String>, world: &World, what: &str) {
    wait_until(&format!("{what}: nothing is left"), || {
        reap_orphans();
        left(world) == *before
    });
}

#[test]
fn killing_it_at_any_moment_leaves_nothing() {
    if !isolated("killing_it_at_any_moment_leaves_nothing") {
        return;
    }
    in_each_mode("killing_it_at_any_moment_leaves_nothing", |world| {
        let labs = [world.lab("two-node.toml"), world.lab("sidecar.toml"), world.lab("one-node.toml")];
        let labs = [labs[0].as_str(), &labs[1], &labs[2]];
        let before = left(world);
        let begun = Instant::now();
        run(world, &[&["--check"], &labs[..]].concat());
        let whole = begun.elapsed();
        expect_nothing_left(&before, world, "a whole run");
        let moments = if is_slow() { 5 } else { 25 };
        for moment in 0..moments {
            let mut command = test(world, &[&["--check"], &labs[..]].concat());
            let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("netlab");
            let until = Instant::now() + whole * moment / moments;
            while Instant::now() < until {
                std::thread::yield_now();
            }
            child.kill().expect("killing it");
            child.wait().expect("its end");
            expect_nothing_left(&before, world, &format!("killed at {moment}/{moments} of {whole:?}"));
        }
    });
}

#[test]
fn killing_a_worker_fails_its_lab_alone() {
    in_each_mode("killing_a_worker_fails_its_lab_alone", |world| {
        let (slow, quick) = (world.lab("three-node.toml"), world.lab("one-node.toml"));
        let child = spawn(world, &["-j2", "--check", &slow, &quick]);
        let holder = first_lab(world, "three-node");
        // The worker is the keeper's parent, and the keeper the holder's.
        let worker = parent_of(parent_of(holder));
        kill(Pid::from_raw(worker), Signal::SIGKILL).expect("killing the worker");
        let ran = Ran::from(child.wait_with_output().expect("netlab"));
        assert_eq!(ran.code, 1, "{ran:#?}");
        let flat = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains("ERROR three-node its worker ended without a word"), "{}", ran.stdout);
        assert!(flat.contains("FAIL one-node snapshot failed; 2 tests passed"), "{}", ran.stdout);
        world.expect_no_files();
        wait_until("the holder ends", || !lives(holder));
    });
}

fn spawn(world: &World, args: &[&str]) -> Child {
    test(world, args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("netlab")
}

/// The holder of the lab that is being tested.
fn first_lab(world: &World, lab: &str) -> i32 {
    let folder = world.runtime().join("_test");
    let mut pid = None;
    wait_until("a lab comes up", || {
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        let ours = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(lab));
        pid = ours.filter_map(|entry| fs::read(entry.path().join("lab.json")).ok()).find_map(|text| {
            let record: serde_json::Value = serde_json::from_slice(&text).ok()?;
            record["holder"]["pid"].as_i64()
        });
        pid.is_some()
    });
    i32::try_from(pid.expect("a pid")).expect("a small pid")
}

fn parent_of(pid: i32) -> i32 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("a living process");
    let rest = stat.rsplit(") ").next().expect("the fields after the name");
    rest.split(' ').nth(1).expect("the parent").parse().expect("a number")
}

#[test]
fn an_interrupt_ends_with_a_summary_and_leaves_nothing() {
    in_each_mode("an_interrupt_ends_with_a_summary", |world| {
        let (quick, slow) = (world.lab("one-node.toml"), world.lab("three-node.toml"));
        assert_eq!(run(world, &["--accept", &quick]).code, 0);
        for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
            let mut command = test(world, &["-j1", &quick, &slow, &world.lab("two-node.toml")]);
            command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped());
            let child = command.spawn().expect("netlab");
            let holder = first_lab(world, "three-node");
            let pid = Pid::from_raw(i32::try_from(child.id()).expect("a pid"));
            // As a terminal does it: the workers get it too.
            let sent = if signal == Signal::SIGINT { killpg(pid, signal) } else { kill(pid, signal) };
            sent.expect("a signal");
            let ran = Ran::from(child.wait_with_output().expect("netlab"));
            assert_eq!(ran.code, code, "{ran:#?}");
            let words = ["PASS  one-node", "STOP  three-node", "STOP  two-node", "stopped:"];
            for word in words {
                assert!(ran.stdout.contains(word), "`{word}` is not in\n{}", ran.stdout);
            }
            assert!(!lives(holder), "the lab is gone when the command ends");
            world.expect_no_files();
        }
    });
}

#[test]
fn a_lab_that_cannot_come_up_keeps_no_other_from_being_tested() {
    in_each_mode("a_lab_that_cannot_come_up", |world| {
        let (large, small) = (world.lab("hundred-pods.toml"), world.lab("one-node.toml"));
        assert_eq!(run(world, &["--accept", &small]).code, 0);
        let mut command = test(world, &["-j1", &large, &small]);
        // Enough descriptors for the small lab, and too few for the large one, which netlab is told not to foresee.
        command.env("NETLAB_LIMITS", "ignore");
        #[allow(unsafe_code)] // between fork and exec
        // SAFETY: setrlimit is async-signal-safe.
        unsafe {
            command.pre_exec(|| Ok(setrlimit(Resource::RLIMIT_NOFILE, 24, 24)?));
        }
        let ran = Ran::from(command.output().expect("netlab"));
        assert_eq!(ran.code, 4, "{ran:#?}");
        assert!(ran.stdout.contains("ERROR hundred-pods"), "{}", ran.stdout);
        assert!(ran.stdout.contains("EMFILE"), "{}", ran.stdout);
        assert!(ran.stdout.contains("PASS  one-node"), "{}", ran.stdout);
        world.expect_no_files();
    });
}

#[test]
fn a_full_disk_is_told_and_the_old_snapshot_is_as_it_was() {
    in_each_mode("a_full_disk_is_told", |world| {
        let lab = world.lab("hundred-pods.toml");
        let folder = world.temporary().join("full");
        fs::create_dir(&folder).expect("a folder");
        if support::is_root() {
            let owner = fs::metadata(world.temporary()).expect("metadata");
            use std::os::unix::fs::MetadataExt as _;
            std::os::unix::fs::chown(&folder, Some(owner.uid()), Some(owner.gid())).expect("chown");
        }
        // A file system of one page, in a mount namespace that ends with this shell.
        let script = format!(
            "mount -t tmpfs -o size=4k tmpfs full && cd full && printf -- '---\\nsource: x\\n---\\nold\\n' >hundred-pods.snap || exit 77
             netlab test --snapshots . {lab}; test $? = 1 || exit 78
             netlab test --snapshots . --accept {lab}; code=$?; ls -A; cat hundred-pods.snap; exit $code"
        );
        let mut command = Command::new("unshare");
        if world.mode == support::Mode::Ordinary {
            command.arg("--map-root-user");
        }
        command.args(["--mount", "sh", "-c", &script]);
        world.prepare(&mut command);
        command.current_dir(world.temporary());
        let ran = Ran::from(command.output().expect("unshare"));
        assert_eq!(ran.code, 1, "{ran:#?}");
        let flat = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(
            flat.matches("the disk is full; the old file, if there is one, is as it was").count(),
            2,
            "{}",
            ran.stdout
        );
        assert!(ran.stdout.ends_with("hundred-pods.snap\n---\nsource: x\n---\nold\n"), "{}", ran.stdout);
    });
}

#[test]
fn a_reader_that_goes_away_ends_it() {
    in_each_mode("a_reader_that_goes_away_ends_it", |world| {
        let (quick, slow) = (world.lab("one-node.toml"), world.lab("three-node.toml"));
        let mut child = spawn(world, &["-j1", "--check", &quick, &slow]);
        // By now the first lab has been told of; of the second there will be nobody to tell.
        let holder = first_lab(world, "three-node");
        drop(child.stdout.take());
        let status = child.wait().expect("netlab");
        assert!(status.success(), "a closed pipe is no failure: {status}");
        wait_until("its labs end", || !lives(holder));
        world.expect_no_files();
    });
}
