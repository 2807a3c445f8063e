//! Whatever kills netlab, and whenever: nothing of a lab is left, and the host's own network was never touched.
//!
//! These tests run in PID, network and mount namespaces of their own: whatever is there afterwards, netlab left there.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use support::{Mode, World, in_each_mode, is_slow, isolated, lives, wait_until};

/// Everything of the system that netlab could leave something in.
#[derive(Debug, PartialEq, Eq)]
struct System {
    processes: BTreeSet<String>,
    mounts: String,
    links: String,
    files: BTreeSet<String>,
}

impl System {
    fn look(world: &World) -> Self {
        reap_orphans();
        Self {
            processes: processes(),
            mounts: fs::read_to_string("/proc/self/mountinfo").expect("mounts"),
            links: tool("ip", &["-d", "link"])
                + &tool("ip", &["addr"])
                + &tool("ip", &["route", "show", "table", "all"]),
            files: files(world),
        }
    }
}

/// This process is PID 1 here: orphans are its children.
fn reap_orphans() {
    while waitpid(None, Some(WaitPidFlag::WNOHANG)).is_ok_and(|status| status.pid().is_some()) {}
}

fn processes() -> BTreeSet<String> {
    let entries = fs::read_dir("/proc").expect("/proc").flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| lives(*pid))
        .map(|pid| {
            format!("{pid} {}", fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim())
        })
        .collect()
}

/// Files in the places where this netlab could leave some: its runtime directory, and temporary files.
fn files(world: &World) -> BTreeSet<String> {
    let list = |directory: std::path::PathBuf| {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        entries.map(|entry| entry.path().display().to_string()).collect::<Vec<_>>()
    };
    [world.runtime(), world.temporary()].into_iter().flat_map(list).collect()
}

/// A program that netlab itself never runs, to look from outside. Empty where it is not installed.
fn tool(name: &str, args: &[&str]) -> String {
    let output = Command::new(name).args(args).stdin(Stdio::null()).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}

/// Waits until the system is as it was: the kernel frees namespaces a little after their last process.
fn expect_as_before(before: &System, world: &World, what: &str) {
    let deadline = Instant::now() + support::patience();
    loop {
        let now = System::look(world);
        if now == *before {
            return;
        }
        assert!(Instant::now() < deadline, "{what}: left behind:\nbefore {before:#?}\nafter {now:#?}");
        std::thread::yield_now();
    }
}

fn end(child: &mut Child) {
    let _ = child.kill();
    child.wait().expect("netlab ends");
}

#[test]
fn killing_the_holder_or_the_keeper_leaves_nothing() {
    if !isolated("killing_the_holder_or_the_keeper_leaves_nothing") {
        return;
    }
    in_each_mode("killing_the_holder_or_the_keeper_leaves_nothing", |world| {
        let file = world.lab("sidecar.toml");
        let before = System::look(world);
        for who in ["holder", "keeper", "holder"] {
            world.ok(&["up", &file]);
            assert_ne!(System::look(world), before, "a running lab must show");
            let pid = world.pid("sidecar", who);
            kill(Pid::from_raw(pid), Signal::SIGKILL).expect("killing it");
            expect_as_before(&before, world, who);
        }
        // And the next one works at once.
        world.ok(&["up", &file]);
        world.ok(&["ping", "-c1", "client", "web-pod"]);
        world.ok(&["down"]);
        expect_as_before(&before, world, "down");
    });
}

#[test]
fn killing_keeper_and_holder_together_leaves_files_that_the_next_command_removes() {
    if !isolated("killing_keeper_and_holder_together_leaves_files_that_the_next_command_removes") {
        return;
    }
    in_each_mode("killing_keeper_and_holder_together", |world| {
        let before = System::look(world);
        let file = world.lab("two-node.toml");
        world.ok(&["up", &file]);
        let (keeper, holder) = (world.pid("two-node", "keeper"), world.pid("two-node", "holder"));
        // Stopped first, so that neither can react to the death of the other.
        kill(Pid::from_raw(keeper), Signal::SIGSTOP).expect("stopping it");
        kill(Pid::from_raw(holder), Signal::SIGKILL).expect("killing it");
        kill(Pid::from_raw(keeper), Signal::SIGKILL).expect("killing it");
        wait_until("both are gone", || {
            reap_orphans();
            !lives(keeper) && !lives(holder)
        });
        assert_eq!(world.ok(&["status"]), "no lab is running\n");
        expect_as_before(&before, world, "status after a double kill");
    });
}

#[test]
fn killing_up_at_any_moment_leaves_nothing() {
    if !isolated("killing_up_at_any_moment_leaves_nothing") {
        return;
    }
    in_each_mode("killing_up_at_any_moment_leaves_nothing", |world| {
        let file = world.lab("three-node.toml");
        let before = System::look(world);
        let whole = (0..3).map(|_| {
            let begun = Instant::now();
            world.ok(&["up", &file]);
            let took = begun.elapsed();
            world.ok(&["down"]);
            expect_as_before(&before, world, "down");
            took
        });
        let whole = whole.min().unwrap_or_default();
        let moments: u32 = if is_slow() { 10 } else { 50 };
        let mut cut_short = 0;
        for moment in 0..moments {
            let mut child = world.spawn(&["up", &file]);
            // A moment of the build: busy waiting, because it has to be met to a fraction of a millisecond.
            let until = Instant::now() + whole * scattered(moment) / 1000;
            while Instant::now() < until {
                std::hint::spin_loop();
            }
            end(&mut child);
            // Either it had said that the lab is up, and it stays, or nothing is left.
            let mut standing = true;
            wait_until("the lab is whole or gone", || {
                reap_orphans();
                standing = world.record("three-node").is_some();
                let files = fs::read_dir(world.runtime()).is_ok_and(|mut entries| entries.next().is_some());
                !files || (standing && world.netlab(&["ping", "-c1", "-W1", "pod1", "pod4"]).code == 0)
            });
            if standing && world.record("three-node").is_some() {
                world.ok(&["down"]);
            } else {
                cut_short += 1;
            }
            expect_as_before(&before, world, &format!("kill -9 of up at moment {moment}"));
        }
        assert!(cut_short > moments / 10, "only {cut_short} of {moments} kills met a build");
    });
}

/// Thousandths of the whole, in an order without pattern, the same on every run.
fn scattered(moment: u32) -> u32 {
    (moment * 619 + 37) % 1000
}

#[test]
fn an_interrupted_up_says_so_and_leaves_nothing() {
    if !isolated("an_interrupted_up_says_so_and_leaves_nothing") {
        return;
    }
    in_each_mode("an_interrupted_up_says_so_and_leaves_nothing", |world| {
        let before = System::look(world);
        for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143), (Signal::SIGHUP, 129)] {
            let child = world.spawn(&["up", &world.lab("hundred-pods.toml")]);
            wait_until("the build has begun", || world.runtime().join("hundred-pods/lock").exists());
            kill(Pid::from_raw(i32::try_from(child.id()).expect("a pid")), signal).expect("interrupting it");
            let ran = support::Ran::from(child.wait_with_output().expect("netlab ends"));
            // A signal before netlab holds them back ends it as it would any program.
            if !ran.stderr.is_empty() {
                assert_eq!(ran.code, code, "{ran:?}");
                assert!(
                    ran.stderr.contains(
                        "interrupted\nlab `hundred-pods` was not brought up; nothing of it is left"
                    ),
                    "{ran:?}"
                );
                assert!(
                    files(world).iter().all(|file| !file.contains("hundred-pods")),
                    "files are left when up returns"
                );
            }
            expect_as_before(&before, world, signal.as_str());
        }
    });
}

#[test]
fn the_host_is_never_touched() {
    if !isolated("the_host_is_never_touched") {
        return;
    }
    // A host with something in it, and with a watcher that hears every change of it.
    let host = [
        "link set lo up",
        "link add uplink type veth peer name wire",
        "link set uplink addrgenmode none",
        "link set wire addrgenmode none",
        "addr add 172.20.0.1/24 dev uplink",
        "link set uplink up",
        "link set wire up",
        "route add 172.21.0.0/24 via 172.20.0.2",
    ];
    if Command::new("ip").arg("-V").output().is_err() {
        return support::skip("the_host_is_never_touched", "iproute2 is not installed");
    }
    for words in host {
        let made = Command::new("ip").args(words.split(' ')).output().expect("ip").status.success();
        if !made {
            return support::skip(
                "the_host_is_never_touched",
                "this user cannot make a host of its own to watch",
            );
        }
    }
    in_each_mode("the_host_is_never_touched", |world| {
        let monitor = World::monitor();
        let before = host_state();
        let file = world.lab("dual-stack.toml");
        world.ok(&["up", &file]);
        expect_same(&before, "while the lab runs");
        world.ok(&["ping", "-c1", "pod1", "pod4"]);
        world.ok(&["exec", "node1", "--", "ip", "link", "set", "eth0", "mtu", "1400"]);
        world.ok(&["down"]);
        expect_same(&before, "after the lab");
        assert_eq!(monitor.heard(), "", "the host's network changed");
    });
}

/// Compares the host with how it was, and shows only what differs.
fn expect_same(before: &str, when: &str) {
    let now = host_state();
    let differs: Vec<_> =
        before.lines().zip(now.lines()).filter(|(one, other)| one != other).take(5).collect();
    assert!(
        before == now,
        "{when}, the host differs: {differs:#?}, {} bytes were {}",
        now.len(),
        before.len()
    );
}

fn host_state() -> String {
    let commands: [&[&str]; 6] = [
        &["ip", "-d", "link"],
        &["ip", "addr"],
        &["ip", "route", "show", "table", "all"],
        &["ip", "-6", "route", "show", "table", "all"],
        &["nft", "list", "ruleset"],
        &["ls", "-la", "/run/netns"],
    ];
    let mut state: String = commands.iter().map(|command| tool(command[0], &command[1..])).collect();
    // Settings, without those that count or that the kernel makes anew at every look.
    let settings = tool("sysctl", &["-a"]);
    let moving = [
        "kernel.random",
        "fs.dentry-state",
        "fs.inode-",
        "fs.file-nr",
        "kernel.ns_last_pid",
        "netfilter.nf_conntrack_count",
        "kernel.pty.nr",
        "fs.aio-nr",
        "fs.quota",
        "debug.",
        "sunrpc",
        "fs.inotify",
    ];
    state.extend(
        settings
            .lines()
            .filter(|line| !moving.iter().any(|word| line.contains(word)))
            .flat_map(|line| [line, "\n"]),
    );
    state
}

/// A netlink socket that hears every change of the network that it was opened in.
struct Monitor(netlink_sys::Socket);

impl World {
    fn monitor() -> Monitor {
        let mut socket =
            netlink_sys::Socket::new(netlink_sys::protocols::NETLINK_ROUTE).expect("a netlink socket");
        socket.bind_auto().expect("bind");
        for group in 1..=36 {
            // Links, addresses, routes, rules, neighbours, namespaces, …: all groups that this kernel has.
            let _ = socket.add_membership(group);
        }
        socket.set_non_blocking(true).expect("non-blocking");
        Monitor(socket)
    }
}

impl Monitor {
    fn heard(&self) -> String {
        let mut text = String::new();
        let mut buffer = Vec::with_capacity(65536);
        while self.0.recv(&mut buffer, 0).is_ok() {
            text.push_str(&format!("{buffer:02x?}\n"));
            buffer.clear();
        }
        text
    }
}

#[test]
fn a_full_runtime_directory_is_an_error_and_leaves_nothing() {
    if !isolated("a_full_runtime_directory_is_an_error_and_leaves_nothing") {
        return;
    }
    in_each_mode("a_full_runtime_directory_is_an_error_and_leaves_nothing", |world| {
        // Room for a lock and nothing more.
        let owner =
            if world.mode == Mode::Ordinary && support::is_root() { ",uid=65534,gid=65534" } else { "" };
        let options = format!("size=4k,mode=700{owner}");
        let none: Option<&str> = None;
        let mounted = nix::mount::mount(
            none,
            &world.runtime(),
            Some("tmpfs"),
            nix::mount::MsFlags::empty(),
            Some(options.as_str()),
        );
        if let Err(errno) = mounted {
            return support::skip("a_full_runtime_directory", &format!("mounting a small tmpfs: {errno}"));
        }
        let before = System::look(world);
        let error = world.fails(4, &["up", &world.lab("two-node.toml")]);
        assert!(error.contains("No space left on device"), "{error}");
        expect_as_before(&before, world, "a full runtime directory");
        nix::mount::umount(&world.runtime()).expect("umount");
    });
}

#[test]
fn a_closed_pipe_is_no_failure() {
    if !isolated("a_closed_pipe_is_no_failure") {
        return;
    }
    in_each_mode("a_closed_pipe_is_no_failure", |world| {
        let before = System::look(world);
        let file = world.lab("two-node.toml");
        let mut child = world
            .command(&["up", &file])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("netlab");
        drop(child.stdout.take());
        assert_eq!(
            child.wait().expect("netlab ends").code(),
            Some(0),
            "nobody reads the summary of a lab that is up"
        );
        let mut child = world
            .command(&["ping", "-c", "3", "pod1", "pod4"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("netlab");
        drop(child.stdout.take());
        assert_eq!(child.wait().expect("netlab ends").code(), Some(0));
        world.ok(&["down"]);
        expect_as_before(&before, world, "closed pipes");
    });
}
