//! Labs come up, are found, are replaced and go down, as root and as an ordinary user alike.

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::{World, in_each_mode, lives, wait_until};

#[test]
fn two_nodes_come_up_answer_and_go_down() {
    in_each_mode("two_nodes_come_up_answer_and_go_down", |world| {
        let file = world.lab("two-node.toml");
        let up = world.ok(&["up", &file]);
        assert!(up.contains("two-node is up: 2 nodes, 4 pods, 1 segment"), "{up}");
        assert!(up.contains("pod4  10.244.2.3"), "{up}");
        assert!(up.contains("pod1 and pod2 live on node1"), "the file's message is missing: {up}");
        let same_node = world.ok(&["ping", "-c", "1", "pod1", "pod2"]);
        assert!(same_node.contains("from pod2 (10.244.1.3): icmp_seq=1 ttl=64"), "{same_node}");
        let other_node = world.ok(&["ping", "-c", "1", "pod1", "pod4"]);
        assert!(other_node.contains("from pod4 (10.244.2.3): icmp_seq=1 ttl=62"), "{other_node}");
        let pids = world.pids("two-node");
        assert_eq!(pids.len(), 8, "a keeper, a holder and six pauses");
        assert_eq!(world.ok(&["down"]), "two-node is down\n");
        assert!(!pids.into_iter().any(lives), "`down` returned before the lab's processes were gone");
        world.expect_no_files();
        assert_eq!(world.ok(&["down", "two-node"]), "two-node is not running\n");
        assert_eq!(world.ok(&["down"]), "no lab is running\n");
    });
}

#[test]
fn root_or_not_the_output_is_the_same() {
    let mut outputs: Vec<String> = Vec::new();
    // Says SKIPPED where one of the two modes is missing: then there is nothing to compare.
    in_each_mode("root_or_not_the_output_is_the_same", |_| {});
    for mode in [support::Mode::Root, support::Mode::Ordinary] {
        let Ok(world) = World::new(mode) else { continue };
        let file = world.lab("dual-stack.toml");
        let up = world.ok(&["up", &file]);
        let tree = up.split_once("\n\n").expect("a tree below the first line").1.to_owned();
        let hops = world.ok(&["traceroute", "-6", "pod1", "pod4"]);
        let hops: Vec<&str> =
            hops.lines().map(|line| line.rsplit_once("  ").map_or(line, |(hop, _)| hop)).collect();
        let inside = world.ok(&[
            "exec",
            "pod1",
            "--",
            "sh",
            "-c",
            "hostname; id -u; ls /sys/class/net; cat /etc/hosts",
        ]);
        outputs.push(format!("{tree}\n{}\n{inside}", hops.join("\n")));
    }
    assert!(outputs.windows(2).all(|pair| pair[0] == pair[1]), "{outputs:#?}");
}

#[test]
fn up_of_the_same_lab_is_a_no_op_and_of_another_an_error() {
    in_each_mode("up_of_the_same_lab_is_a_no_op_and_of_another_an_error", |world| {
        let file = world.file("lab.toml", "[[node]]\nname = \"n1\"\npods = [\"p1\"]\n");
        world.ok(&["up", &file]);
        let holder = world.pid("lab", "holder");
        assert!(world.ok(&["up", &file]).contains("lab is up already, with this very topology"));
        assert_eq!(world.pid("lab", "holder"), holder, "the no-op replaced the lab");
        world.file("lab.toml", "[[node]]\nname = \"n1\"\npods = [\"p1\", \"p2\"]\n");
        let error = world.fails(2, &["up", &file]);
        assert!(error.contains("running with another topology") && error.contains("--replace"), "{error}");
        assert_eq!(world.pid("lab", "holder"), holder);
        world.ok(&["up", "--replace", &file]);
        assert_ne!(world.pid("lab", "holder"), holder);
        assert!(!lives(holder));
        world.ok(&["ping", "-c1", "p1", "p2"]);
    });
}

#[test]
fn two_labs_of_one_file_do_not_see_each_other() {
    in_each_mode("two_labs_of_one_file_do_not_see_each_other", |world| {
        let file = world.lab("two-node.toml");
        world.ok(&["up", "--name", "one", &file]);
        world.ok(&["up", "--name", "two", &file]);
        let error = world.fails(2, &["ping", "pod1", "pod4"]);
        assert!(error.contains("2 labs are running (one, two)") && error.contains("--lab"), "{error}");
        let error = world.fails(2, &["down"]);
        assert!(error.contains("2 labs are running (one, two)"), "{error}");
        world.ok(&["ping", "-l", "one", "-c1", "pod1", "pod4"]);
        world.ok(&["ping", "-l", "two", "-c1", "pod1", "pod4"]);
        // With pod4 of `one` cut off, pod4 of `two`, which has the same address, must not answer in its place.
        world.ok(&["exec", "-l", "one", "pod4", "--", "ip", "link", "set", "eth0", "down"]);
        let ran = world.netlab(&["ping", "-l", "one", "-c1", "-W1", "pod1", "pod4"]);
        assert_eq!(ran.code, 1, "{ran:?}");
        world.ok(&["ping", "-l", "two", "-c1", "pod1", "pod4"]);
        let list = world.ok(&["status"]);
        assert!(list.lines().nth(1).is_some_and(|line| line.starts_with("one ")), "{list}");
        world.ok(&["down", "one"]);
        world.ok(&["ping", "-c1", "pod1", "pod4"]);
        let down = world.ok(&["down", "--all"]);
        assert_eq!(down, "two is down\n");
    });
}

#[test]
fn of_two_ups_at_once_one_wins_and_the_other_says_so() {
    in_each_mode("of_two_ups_at_once_one_wins_and_the_other_says_so", |world| {
        let file = world.lab("three-node.toml");
        let both = [world.spawn(&["up", &file]), world.spawn(&["up", &file])];
        let ran: Vec<support::Ran> = both
            .into_iter()
            .map(|child| support::Ran::from(child.wait_with_output().expect("netlab ends")))
            .collect();
        let winners = ran.iter().filter(|ran| ran.stdout.contains("three-node is up:")).count();
        assert_eq!(winners, 1, "{ran:#?}");
        let other = ran.iter().find(|ran| !ran.stdout.contains("three-node is up:")).expect("the other");
        let late = other.code == 0 && other.stdout.contains("is up already");
        let early =
            other.code == 4 && other.stderr.contains("is being brought up by another netlab (process ");
        assert!(late || early, "{other:#?}");
        world.ok(&["ping", "-c1", "pod1", "pod4"]);
    });
}

#[test]
fn status_tells_of_nodes_pods_addresses_and_pids() {
    in_each_mode("status_tells_of_nodes_pods_addresses_and_pids", |world| {
        world.ok(&["up", &world.lab("two-node.toml")]);
        let status = world.ok(&["status", "two-node"]);
        for pid in world.pids("two-node") {
            assert!(status.contains(&pid.to_string()), "pid {pid} is not in\n{status}");
        }
        let json: serde_json::Value =
            serde_json::from_str(&world.ok(&["status", "two-node", "--format", "json"])).expect("JSON");
        assert_eq!(json["schema"], "netlab.lab-status/1");
        assert_eq!(json["lab"]["nodes"][1]["pods"][1]["address"]["v4"], "10.244.2.3/24");
        let list: serde_json::Value =
            serde_json::from_str(&world.ok(&["status", "--format", "json"])).expect("JSON");
        assert_eq!(list["labs"][0]["name"], "two-node");
        assert_eq!(list["labs"][0]["rootless"], world.mode == support::Mode::Ordinary);
    });
}

/// Before Linux 6.8 the kernel may take a second to see that a fresh cable is up, and drops what is sent on it meanwhile.
#[test]
fn everything_can_send_when_up_returns() {
    in_each_mode("everything_can_send_when_up_returns", |world| {
        let lab = world.lab("one-node.toml");
        for round in 0..25 {
            world.ok(&["up", &lab]);
            let states = "cat /sys/class/net/cbr0/operstate /sys/class/net/veth*/operstate";
            let states = world.ok(&["exec", "node1", "--", "sh", "-c", states]);
            assert_eq!(states, "up\nup\nup\nup\n", "{:?}, round {round}", world.mode);
            assert_eq!(world.ok(&["exec", "pod3", "--", "cat", "/sys/class/net/eth0/operstate"]), "up\n");
            world.ok(&["down", "one-node"]);
        }
    });
}

#[test]
fn names_that_are_not_there_are_answered_with_those_that_are() {
    in_each_mode("names_that_are_not_there_are_answered_with_those_that_are", |world| {
        let error = world.fails(2, &["ping", "pod1", "pod2"]);
        assert!(error.contains("no lab is running: `netlab up FILE` brings one up"), "{error}");
        world.ok(&["up", &world.lab("two-node.toml")]);
        let error = world.fails(2, &["ping", "-l", "two-nod", "pod1", "pod2"]);
        assert!(error.contains("did you mean `two-node`?"), "{error}");
        let error = world.fails(2, &["ping", "pdo1", "pod2"]);
        assert!(error.contains("no pod, node, router or external `pdo1`; did you mean `pod1`?"), "{error}");
        let error = world.fails(2, &["ping", "pod1", "zebra"]);
        assert!(
            error.contains("`zebra`; there are: node1, node2, pod1, pod2, pod3, pod4, fabric"),
            "{error}"
        );
        let error = world.fails(2, &["exec", "../../etc", "--", "true"]);
        assert!(error.contains("no pod, node, router or external"), "{error}");
    });
}

#[test]
fn a_lab_of_ten_nodes_knows_its_neighbours() {
    in_each_mode("a_lab_of_ten_nodes_knows_its_neighbours", |world| {
        let up = world.ok(&["up", &world.lab("hundred-pods.toml")]);
        assert!(up.contains("neighbour entries are permanent"), "{up}");
        world.ok(&["ping", "-c1", "node1-pod1", "node10-pod10"]);
        world.ok(&["ping", "-c1", "node3-pod1", "node3-pod10"]);
        let pids = world.pids("hundred-pods");
        world.ok(&["down"]);
        wait_until("all pauses are gone", || !pids.iter().any(|pid| lives(*pid)));
    });
}

#[test]
fn a_lab_keeps_nothing_open_of_those_who_brought_it_up() {
    in_each_mode("a_lab_keeps_nothing_open_of_those_who_brought_it_up", |world| {
        let file = world.lab("sidecar.toml");
        // Whoever reads these pipes to their end (a test runner, a CI job) would otherwise wait for the end of the lab.
        let script = format!("netlab up {file} 3>&1 4>&2 | cat");
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", &script]);
        world.prepare(&mut shell);
        let ran = support::Ran::from(shell.output().expect("a shell"));
        assert!(ran.stdout.contains("sidecar is up"), "{ran:?}");
        let open = |pid: i32| {
            let links = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("descriptors").flatten();
            links.filter_map(|entry| std::fs::read_link(entry.path()).ok()).collect::<Vec<_>>()
        };
        let (keeper, holder) = (open(world.pid("sidecar", "keeper")), open(world.pid("sidecar", "holder")));
        for path in keeper.iter().chain(&holder) {
            let text = path.display().to_string();
            let own = ["/dev/null", "holder.log", "/lock", "anon_inode:", "pipe:", "/fdinfo"];
            assert!(own.iter().any(|word| text.contains(word)), "{text} is open");
        }
        assert!(keeper.len() < 12 && holder.len() < 12, "{keeper:?} {holder:?}");
    });
}

#[test]
fn a_ping_ends_when_its_lab_does() {
    in_each_mode("a_ping_ends_when_its_lab_does", |world| {
        world.ok(&["up", &world.lab("two-node.toml")]);
        let mut ping = world.spawn(&["ping", "-c", "100000", "-i", "0.01", "-W", "1", "pod1", "pod4"]);
        let mut first = [0; 64];
        std::io::Read::read_exact(ping.stdout.as_mut().expect("output"), &mut first).expect("it pings");
        world.ok(&["down"]);
        wait_until("the ping ends", || ping.try_wait().expect("waiting").is_some());
        let ran = support::Ran::from(ping.wait_with_output().expect("its output"));
        assert_eq!(ran.code, 4, "{}", ran.stderr);
        assert!(
            ran.stderr.contains("lab `two-node` ended, or pod1 in it, while it was pinging"),
            "{}",
            ran.stderr
        );
    });
}

#[test]
fn a_lab_that_was_killed_is_built_anew() {
    in_each_mode("a_lab_that_was_killed_is_built_anew", |world| {
        let file = world.lab("two-node.toml");
        world.ok(&["up", &file]);
        for _ in 0..10 {
            let holder = Pid::from_raw(world.pid("two-node", "holder"));
            kill(holder, Signal::SIGKILL).expect("killing the holder");
            // The kernel may be busy with its processes still.
            let told = world.ok(&["up", &file]);
            assert!(told.starts_with("two-node is up: "), "{told}");
            world.ok(&["ping", "-c1", "pod1", "pod4"]);
        }
        world.ok(&["down", "two-node"]);
    });
}

#[test]
fn a_runtime_directory_that_cannot_be_used_is_no_lack_of_labs() {
    in_each_mode("a_runtime_directory_that_cannot_be_used_is_no_lack_of_labs", |world| {
        let runtime = world.path().join("shared");
        std::fs::create_dir(&runtime).expect("a directory");
        std::fs::set_permissions(&runtime, std::fs::Permissions::from_mode(0o777)).expect("chmod");
        for place in [runtime.as_path(), Path::new("/etc/passwd")] {
            for words in
                [&["status"][..], &["down", "two-node"], &["down", "--all"], &["exec", "pod1", "--", "true"]]
            {
                let mut netlab = world.command(words);
                let output = netlab.env("NETLAB_RUNTIME_DIR", place).output().expect("netlab");
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(
                    said.contains("no place for labs: it must be a directory that is yours alone"),
                    "{said}"
                );
                assert_eq!(output.status.code(), Some(3), "{words:?}: {output:?}");
            }
        }
    });
}

#[test]
fn a_lab_that_was_mistyped_is_not_just_down() {
    in_each_mode("a_lab_that_was_mistyped_is_not_just_down", |world| {
        world.ok(&["up", &world.lab("two-node.toml")]);
        assert_eq!(world.ok(&["down", "tow-node"]), "tow-node is not running; did you mean `two-node`?\n");
        world.ok(&["down", "two-node"]);
        assert_eq!(world.ok(&["down", "two-node"]), "two-node is not running\n");
    });
}

#[test]
fn a_name_that_is_given_takes_the_place_of_the_files() {
    in_each_mode("a_name_that_is_given_takes_the_place_of_the_files", |world| {
        let file = world.file("My_Lab.toml", "[[node]]\nname = \"n\"\n");
        assert!(world.fails(2, &["up", &file]).contains("`My_Lab` cannot be the name of a lab"));
        assert!(world.ok(&["up", "--name", "mine", &file]).starts_with("mine is up: "));
        assert!(world.fails(2, &["up", "--name", "My_Lab", &file]).contains("--name My_Lab: "));
        assert_eq!(world.ok(&["down"]), "mine is down\n");
    });
}
