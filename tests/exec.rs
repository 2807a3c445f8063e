//! Commands and shells inside a lab: exit codes, input, terminal, signals, and what they see.

mod support;

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::terminal::Terminal;
use support::{World, in_each_mode, lives, wait_until};

fn up(world: &World) {
    world.ok(&["up", &world.lab("two-node.toml")]);
}

#[test]
fn exit_codes_are_passed_on() {
    in_each_mode("exit_codes_are_passed_on", |world| {
        up(world);
        assert_eq!(world.netlab(&["exec", "pod1", "--", "true"]).code, 0);
        assert_eq!(world.netlab(&["exec", "pod1", "--", "sh", "-c", "exit 42"]).code, 42);
        assert_eq!(world.netlab(&["exec", "pod1", "sh", "-c", "exit 3"]).code, 3, "without -- too");
        assert_eq!(world.netlab(&["exec", "pod1", "--", "sh", "-c", "kill -TERM $$"]).code, 143);
        let ran = world.netlab(&["exec", "pod1", "--", "no-such-command"]);
        assert_eq!(ran.code, 127);
        assert!(ran.stderr.contains("pod1: running `no-such-command`: No such file or directory"), "{ran:?}");
        let ran = world.netlab(&["exec", "pod1", "--", "/etc/hosts"]);
        assert_eq!(ran.code, 126, "{ran:?}");
    });
}

#[test]
fn input_comes_in_and_output_goes_out() {
    in_each_mode("input_comes_in_and_output_goes_out", |world| {
        up(world);
        let mut command = world.command(&["exec", "pod1", "--", "sh", "-c", "tr a-z A-Z; echo done >&2"]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("netlab");
        child.stdin.take().expect("input").write_all(b"hello").expect("writing");
        let ran = support::Ran::from(child.wait_with_output().expect("netlab ends"));
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("HELLO", "done\n"));
    });
}

#[test]
fn a_command_sees_its_pod_and_nothing_else() {
    in_each_mode("a_command_sees_its_pod_and_nothing_else", |world| {
        up(world);
        let inside = |target: &str, script: &str| world.ok(&["exec", target, "--", "sh", "-c", script]);
        assert_eq!(inside("pod3", "cat /proc/sys/kernel/hostname"), "pod3\n");
        // Kernels with tunnel modules loaded put their fallback devices into every namespace.
        let tunnels =
            ["tunl0", "sit0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "ip6tnl0", "ip6gre0"];
        let interfaces = |target: &str| -> Vec<String> {
            let all = inside(target, "ls /sys/class/net");
            all.lines().filter(|name| !tunnels.contains(name)).map(str::to_owned).collect()
        };
        assert_eq!(interfaces("pod3"), ["eth0", "lo"]);
        let node = interfaces("node1");
        assert!(node.contains(&"cbr0".to_owned()) && node.len() == 5, "{node:?}");
        let hosts = inside("node2", "cat /etc/hosts");
        for line in ["10.244.1.2\tpod1", "10.244.2.3\tpod4", "192.168.66.11\tnode1", "127.0.0.1\tlocalhost"] {
            assert!(hosts.contains(line), "{line} is not in {hosts}");
        }
        assert_eq!(inside("pod1", "id -u"), "0\n", "root of the lab");
        let processes = inside("pod1", "cat /proc/[0-9]*/comm 2>/dev/null; true");
        assert!(processes.contains("netlab-holder") && processes.contains("pause"), "{processes}");
        assert!(processes.lines().count() < 14, "the host's processes are seen: {processes}");
        assert_eq!(inside("fabric", "cat /proc/sys/kernel/hostname"), "two-node\n");
        assert_eq!(inside("pod1", "echo $NETLAB_LAB $NETLAB_TARGET"), "two-node pod1\n");
        assert_eq!(
            inside("pod1", "pwd").trim(),
            world.path().to_str().expect("a path"),
            "the directory stays"
        );
        assert!(world.ok(&["exec", "pod1", "--", "netlab", "--version"]).starts_with("netlab "));
    });
}

#[test]
fn signals_reach_the_command_and_its_end_is_netlabs_end() {
    in_each_mode("signals_reach_the_command_and_its_end_is_netlabs_end", |world| {
        up(world);
        for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
            let script = "trap 'echo caught; exit 7' TERM INT HUP; echo ready; while :; do sleep 0.01; done";
            let mut child = world.spawn(&["exec", "pod1", "--", "sh", "-c", script]);
            let mut output = child.stdout.take().expect("output");
            let mut ready = [0; 6];
            output.read_exact(&mut ready).expect("ready");
            kill(Pid::from_raw(child.id().cast_signed()), signal).expect("signalling netlab");
            assert_eq!(child.wait().expect("netlab ends").code(), Some(7), "{signal}");
            let mut rest = String::new();
            output.read_to_string(&mut rest).expect("the rest");
            assert_eq!(rest, "caught\n");
        }
    });
}

#[test]
fn a_killed_exec_takes_its_command_with_it() {
    in_each_mode("a_killed_exec_takes_its_command_with_it", |world| {
        up(world);
        // The command's pid as the host sees it stands in the host's own /proc, found by its unusual argument.
        let mark = format!("86{}", std::process::id());
        let mut child = world.spawn(&["exec", "pod1", "--", "sleep", &mark]);
        let found = || {
            let all = std::fs::read_dir("/proc").expect("/proc").flatten();
            let mut pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
            pids.find(|pid| {
                std::fs::read(format!("/proc/{pid}/cmdline"))
                    .is_ok_and(|text| text == format!("sleep\0{mark}\0").as_bytes())
            })
        };
        wait_until("the command runs", || found().is_some());
        let pid = found().expect("the command");
        child.kill().expect("killing netlab");
        child.wait().expect("netlab ends");
        wait_until("the command is gone", || !lives(pid));
    });
}

#[test]
fn a_shell_in_the_lab_knows_every_namespace_by_name() {
    in_each_mode("a_shell_in_the_lab_knows_every_namespace_by_name", |world| {
        if Command::new("ip").arg("-V").output().is_err() {
            return support::skip(
                "a_shell_in_the_lab_knows_every_namespace_by_name",
                "iproute2 is not installed",
            );
        }
        up(world);
        let script =
            "ip netns list | sort; ip netns exec pod1 ip -br addr show eth0; ip netns identify $$; exit\n";
        let mut command = world.command(&["sh"]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("netlab");
        child.stdin.take().expect("input").write_all(script.as_bytes()).expect("writing");
        let ran = support::Ran::from(child.wait_with_output().expect("netlab ends"));
        assert_eq!(ran.code, 0, "{ran:?}");
        let names: Vec<&str> = ran.stdout.lines().filter_map(|line| line.split(' ').next()).take(7).collect();
        assert_eq!(names, ["fabric", "node1", "node2", "pod1", "pod2", "pod3", "pod4"], "{ran:?}");
        assert!(ran.stdout.contains("10.244.1.2/24"), "{ran:?}");
        assert!(ran.stdout.ends_with("fabric\n"), "{ran:?}");
        assert!(!std::path::Path::new("/run/netns/pod1").exists(), "the host has it too");
    });
}

#[test]
fn a_shell_on_a_terminal_says_where_it_is_and_has_job_control() {
    in_each_mode("a_shell_on_a_terminal_says_where_it_is_and_has_job_control", |world| {
        if !std::path::Path::new("/bin/bash").exists() {
            return support::skip(
                "a_shell_on_a_terminal_says_where_it_is_and_has_job_control",
                "bash is not installed",
            );
        }
        up(world);
        let mut terminal = Terminal::start(world, &["sh", "pod1"]);
        terminal.wait_for("[two-node/pod1] ");
        terminal.type_in("echo host=$(cat /proc/sys/kernel/hostname)\n");
        terminal.wait_for("host=pod1");
        // Ctrl-C ends the command in the shell, and neither the shell nor netlab.
        terminal.type_in("echo sta''rted; sleep 1000; echo after=$?\n");
        terminal.wait_for("started");
        terminal.wait_until_foreground_is("sleep");
        terminal.type_in("\u{3}");
        terminal.type_in("echo al''ive\n");
        terminal.wait_for("alive");
        // Ctrl-Z stops a job, and the shell has it in its list.
        terminal.type_in("sleep 1001\n");
        terminal.wait_until_foreground_is("sleep");
        terminal.type_in("\u{1a}");
        terminal.wait_for("Stopped");
        // The first `exit` may only warn of the stopped job.
        terminal.type_in("kill -9 %1\nexit 5\nexit 5\n");
        let Terminal { mut child, master, .. } = terminal;
        let mut status = None;
        let mut drain = [0; 4096];
        wait_until("the shell ends", || {
            let _ = (&master).read(&mut drain);
            status = child.try_wait().expect("waiting");
            status.is_some()
        });
        assert_eq!(status.and_then(|status| status.code()), Some(5));
    });
}

#[test]
fn an_exec_on_a_terminal_stops_and_goes_on() {
    in_each_mode("an_exec_on_a_terminal_stops_and_goes_on", |world| {
        up(world);
        let mut terminal = Terminal::start(
            world,
            &["exec", "pod1", "--", "sh", "-c", "echo re''ady; read line; echo got=$line; tty"],
        );
        terminal.wait_for("ready");
        terminal.type_in("hello\n");
        terminal.wait_for("got=hello");
        terminal.wait_for("/dev/pts/");
        let mut child = terminal.child;
        assert_eq!(child.wait().expect("netlab ends").code(), Some(0));
    });
}

/// The living children of a process.
fn children(parent: u32) -> Vec<i32> {
    let path = format!("/proc/{parent}/task/{parent}/children");
    let pids = std::fs::read_to_string(path).unwrap_or_default();
    pids.split_whitespace().filter_map(|pid| pid.parse().ok()).filter(|pid| lives(*pid)).collect()
}

#[test]
fn a_stopped_exec_that_ends_in_the_background_leaves_the_terminal_to_the_shell() {
    const NAME: &str = "a_stopped_exec_that_ends_in_the_background_leaves_the_terminal_to_the_shell";
    in_each_mode(NAME, |world| {
        if !std::path::Path::new("/bin/bash").exists() {
            return support::skip(NAME, "bash is not installed");
        }
        up(world);
        let mut shell = Command::new("/bin/bash");
        world.prepare(shell.args(["--norc", "-i"]));
        let mut terminal = Terminal::run(shell);
        terminal.type_in("netlab exec pod1 -- sleep 1000\n");
        terminal.wait_until_foreground_is("sleep");
        terminal.type_in("\u{1a}");
        terminal.wait_for("Stopped");
        // netlab goes on in the background, and so does the command, which ends by the signal.
        terminal.type_in("kill %1\n");
        wait_until("netlab ends", || children(terminal.child.id()).is_empty());
        // A shell that is not in the foreground could not read this.
        terminal.type_in("echo al''ive\n");
        terminal.wait_for("alive");
        terminal.type_in("exit 6\n");
        assert_eq!(terminal.child.wait().expect("the shell ends").code(), Some(6));
    });
}

#[test]
fn a_shell_without_a_terminal_runs_its_input_and_says_nothing_of_its_own() {
    in_each_mode("a_shell_without_a_terminal_runs_its_input_and_says_nothing_of_its_own", |world| {
        up(world);
        let mut command = Command::new("sh");
        world.prepare(command.args(["-c", "echo 'cat /proc/sys/kernel/hostname; exit 3' | netlab sh pod1"]));
        let ran = support::Ran::from(command.output().expect("a shell"));
        assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (3, "pod1\n", ""));
    });
}

#[test]
fn a_lab_out_of_sight_is_not_said_to_be_gone() {
    in_each_mode("a_lab_out_of_sight_is_not_said_to_be_gone", |world| {
        up(world);
        for args in [&["down"][..], &["ping", "pod1", "pod2"], &["exec", "pod1", "--", "true"]] {
            let within = [&["exec", "pod1", "--", "netlab"], args].concat();
            let error = world.fails(2, &within);
            assert!(
                error.contains("lab `two-node` runs, but its processes cannot be seen from here"),
                "{error}"
            );
            assert!(error.contains("(this is within lab `two-node`)"), "{error}");
        }
        assert!(world.ok(&["status"]).contains("two-node"), "it still runs");
    });
}

#[test]
fn a_lab_of_a_user_namespace_can_be_entered_from_outside() {
    const NAME: &str = "a_lab_of_a_user_namespace_can_be_entered_from_outside";
    in_each_mode(NAME, |world| {
        let file = world.file("inner.toml", "[[node]]\nname = \"n\"\npods = [\"p\"]\n");
        let mut unshare = Command::new("unshare");
        world.prepare(unshare.args(["-Ur", "netlab", "up", &file]));
        match unshare.output().map(support::Ran::from) {
            Ok(ran) if ran.code == 0 => {}
            other => return support::skip(NAME, &format!("unshare -Ur: {other:?}")),
        }
        assert_eq!(world.ok(&["exec", "p", "--", "cat", "/proc/sys/kernel/hostname"]), "p\n");
        world.ok(&["ping", "-c", "1", "p", "n"]);
        assert!(world.ok(&["inspect", "n"]).contains("cbr0"));
        world.ok(&["down"]);
    });
}
