//! `netlab down --wait` returns when the kernel has freed the lab, and not before.

mod support;

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::{Mode, Ran, World, in_each_mode, is_slow, skip, wait_until};

/// Network namespaces of `labs/two-node.toml`: the fabric, two nodes and four pods.
const LAB: usize = 7;
/// What may be left of `down --wait` itself: where it watched from, and the last canary.
const WATCHING: usize = 2;

/// A command line in a user namespace of its own that may have so many network namespaces, `netlab` being as privileged
/// there as `world` says. What the kernel has not freed yet counts.
fn limited(world: &World, limit: usize, script: &str) -> Command {
    let mut command = Command::new("unshare");
    world.prepare(&mut command);
    let netlab = match world.mode {
        Mode::Root => "sh",
        Mode::Ordinary => "unshare --user --map-user=65534 --map-group=65534 -- sh",
    };
    let script = format!("echo {limit} > /proc/sys/user/max_net_namespaces && exec {netlab} -c '{script}'");
    command.args(["--user", "--map-root-user", "--", "sh", "-c", &script]);
    command
}

/// The same, run to its end; none where this machine has no such user namespaces.
fn run(world: &World, test: &str, limit: usize, script: &str) -> Option<Ran> {
    let ran = Ran::from(limited(world, limit, script).output().expect("unshare"));
    let refused =
        ran.stderr.starts_with("unshare: ") || ran.stderr.contains("max_net_namespaces: Permission");
    if refused {
        skip(test, &format!("{:?}: {}", world.mode, ran.stderr.trim()));
        return None;
    }
    Some(ran)
}

#[test]
fn what_a_lab_was_made_of_can_be_used_again_at_once() {
    let test = "what_a_lab_was_made_of_can_be_used_again_at_once";
    in_each_mode(test, |world| {
        world.lab("two-node.toml");
        let limit = LAB + WATCHING;
        let again = |down: &str| {
            let turn = format!("netlab up two-node.toml > up.txt || exit 9; netlab {down} || exit 8");
            format!("cd {}; for turn in 1 2 3 4 5 6 7 8; do {turn}; done", world.temporary().display())
                .replace("two-node.toml", "../two-node.toml")
        };
        let Some(with) = run(world, test, limit, &again("down --wait")) else { return };
        assert_eq!(with.code, 0, "{:?}: {with:#?}", world.mode);
        assert_eq!(
            with.stdout.matches("the kernel has freed all unused namespaces, in ").count(),
            8,
            "{with:#?}"
        );
        // One that is brought up right after another does not always find the room: so the limit is one.
        if is_slow() {
            let why = "that the limit is one: this machine frees labs faster than it starts programs";
            return skip(test, why);
        }
        let mut without = None;
        wait_until("the kernel takes its time to free a lab", || {
            without = run(world, test, limit, &again("down"));
            without.as_ref().is_none_or(|ran| ran.code != 0)
        });
        let without = without.expect("it could be run before");
        assert_eq!(without.code, 9, "{without:#?}");
        assert!(without.stderr.contains("user.max_net_namespaces"), "{without:#?}");
    });
}

#[test]
fn it_also_waits_for_labs_that_are_down_already_and_for_all_at_once() {
    in_each_mode("it_also_waits_for_labs_that_are_down_already_and_for_all_at_once", |world| {
        let file = world.lab("two-node.toml");
        let waited = |said: &str, before: &str| {
            let rest = said.strip_prefix(before).unwrap_or_else(|| panic!("{said} begins with {before}"));
            assert!(rest.starts_with("the kernel has freed all unused namespaces, in "), "{said}");
            assert_eq!(rest.lines().count(), 1, "{said}");
        };
        waited(&world.ok(&["down", "--wait"]), "no lab is running\n");
        waited(&world.ok(&["down", "--wait", "gone"]), "gone is not running\n");
        world.ok(&["up", &file]);
        world.ok(&["up", &file, "--name", "other"]);
        waited(&world.ok(&["down", "--all", "--wait"]), "other is down\ntwo-node is down\n");
        world.expect_no_files();
    });
}

#[test]
fn the_waiting_can_be_interrupted() {
    let test = "the_waiting_can_be_interrupted";
    in_each_mode(test, |world| {
        // Nobody will make room for what watches: it would wait for minutes.
        world.lab("two-node.toml");
        let script = "netlab up two-node.toml > /dev/null && exec netlab down --wait nobody";
        if run(world, test, LAB, "true").is_none() {
            return;
        }
        let mut command = limited(world, LAB, script);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("unshare");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        lines.read_line(&mut line).expect("a line");
        assert_eq!(line, "nobody is not running\n");
        kill(Pid::from_raw(i32::try_from(child.id()).expect("a pid")), Signal::SIGINT).expect("it runs");
        let ran = Ran::from(child.wait_with_output().expect("its end"));
        assert_eq!(ran.code, 130, "{ran:#?}");
        let down = run(world, test, LAB, "netlab down --all").expect("it could be run before");
        assert_eq!(down.code, 0, "{down:#?}");
    });
}
