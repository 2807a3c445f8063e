//! `netlab test`: snapshots that are written, reviewed and compared; tests that hold and tests that do not; and what is
//! left of it all.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use serde_json::Value;
use support::{Mode, Ran, World, in_each_mode, is_root};

/// Where this world's snapshots are: in a folder that its user may write to.
fn snapshots(world: &World) -> PathBuf {
    world.temporary().join("snapshots")
}

fn snapshot(world: &World, lab: &str) -> PathBuf {
    snapshots(world).join(format!("{lab}.snap"))
}

/// `netlab test` with this world's snapshots.
fn test(world: &World, args: &[&str]) -> Ran {
    let folder = snapshots(world);
    let all = [&["test", "--snapshots", folder.to_str().expect("text")], args].concat();
    world.netlab(&all)
}

fn passes(world: &World, args: &[&str]) -> String {
    let ran = test(world, args);
    assert_eq!(ran.code, 0, "{:?}: netlab test {args:?}: {ran:#?}", world.mode);
    ran.stdout
}

fn fails(world: &World, code: i32, args: &[&str]) -> Ran {
    let ran = test(world, args);
    assert_eq!(ran.code, code, "{:?}: netlab test {args:?}: {ran:#?}", world.mode);
    ran
}

/// Whether the text has all of these, however its lines were broken.
fn contains(text: &str, words: &[&str]) {
    let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let whole = flat(text);
    for word in words {
        assert!(whole.contains(&flat(word)), "`{word}` is not in\n{text}");
    }
}

/// Files of the snapshots' folder, by name.
fn files(world: &World) -> Vec<String> {
    let entries = fs::read_dir(snapshots(world)).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_first_run_is_to_be_reviewed_and_an_accepted_one_passes() {
    in_each_mode("a_first_run_is_to_be_reviewed", |world| {
        let lab = world.lab("two-node.toml");
        let first = fails(world, 1, &[&lab]).stdout;
        let accept = format!("netlab test --accept --snapshots {} {lab}", snapshots(world).display());
        contains(&first, &["there is no snapshot yet", "two-node.snap.new", &accept, "cargo insta review"]);
        assert_eq!(files(world), ["two-node.snap.new"]);
        contains(&passes(world, &["--accept", &lab]), &["wrote ", "two-node.snap"]);
        assert_eq!(files(world), ["two-node.snap"]);
        let text = passes(world, &[&lab]);
        assert!(!text.contains("wrote"), "{text}");
        // As cargo insta has it: the reviewed file has the same name and format.
        let file = fs::read_to_string(snapshot(world, "two-node")).expect("a snapshot");
        assert!(file.starts_with("---\nsource: netlab test\ninput_file: "), "{file}");
        assert_eq!(files(world), ["two-node.snap"]);
        world.expect_no_files();
    });
}

#[test]
fn nothing_is_written_where_that_is_not_wanted() {
    in_each_mode("nothing_is_written_where_that_is_not_wanted", |world| {
        let lab = world.lab("one-node.toml");
        fails(world, 1, &["--check", &lab]);
        let folder = snapshots(world);
        let args = ["test", "--snapshots", folder.to_str().expect("text"), &lab];
        let in_ci = Ran::from(world.command(&args).env("CI", "true").output().expect("netlab"));
        assert_eq!(in_ci.code, 1, "{in_ci:#?}");
        assert!(!folder.exists(), "{:?}", files(world));
        let args = ["test", "--accept", "--snapshots", folder.to_str().expect("text"), &lab];
        let accept = Ran::from(world.command(&args).env("CI", "true").output().expect("netlab"));
        assert_eq!(accept.code, 2, "{accept:#?}");
        contains(&accept.stderr, &["where CI is set nothing is written"]);
        assert!(!folder.exists(), "{:?}", files(world));
        contains(&fails(world, 2, &["--check", "--accept", &lab]).stderr, &["cannot be used with"]);
    });
}

#[test]
fn one_changed_character_fails_and_is_all_that_is_shown() {
    in_each_mode("one_changed_character_fails", |world| {
        let lab = world.lab("two-node.toml");
        passes(world, &["--accept", &lab]);
        let path = snapshot(world, "two-node");
        let good = fs::read_to_string(&path).expect("a snapshot");
        let row = good.lines().find(|line| line.starts_with("pod1 ")).expect("pod1's row").to_owned();
        let wrong_row = row.replacen("62", "63", 1);
        assert_ne!(row, wrong_row);
        fs::write(&path, good.replace(&row, &wrong_row)).expect("editing");
        let text = fails(world, 1, &[&lab]).stdout;
        let marked = |mark: &str| -> Vec<String> {
            let lines = text.lines().map(str::trim).filter(|line| line.starts_with(mark));
            lines.map(|line| line[mark.len()..].trim().to_owned()).collect()
        };
        assert_eq!(marked("- "), [wrong_row.trim()], "{text}");
        assert_eq!(marked("+ "), [row.trim()], "{text}");
        assert!(!text.contains("no reply"), "nothing is broken but the file:\n{text}");
        assert_eq!(files(world), ["two-node.snap", "two-node.snap.new"]);
        let new = fs::read_to_string(snapshots(world).join("two-node.snap.new")).expect("to review");
        assert_eq!(new, good);
        // Mended by hand: what was to be reviewed is of no use any more.
        fs::write(&path, &good).expect("mending");
        passes(world, &[&lab]);
        assert_eq!(files(world), ["two-node.snap"]);
    });
}

#[test]
fn a_file_that_is_no_snapshot_is_told_and_not_overwritten() {
    in_each_mode("a_file_that_is_no_snapshot", |world| {
        let lab = world.lab("one-node.toml");
        passes(world, &["--accept", &lab]);
        let path = snapshot(world, "one-node");
        let cases: [(&[u8], &str); 4] = [
            (b"---\nsource: x\n---\n\xff\xfe\n", "it is not UTF-8 text (byte 18)"),
            (b"---\nsource: netl", "its head has no end"),
            (b"", "it is empty"),
            (b"hello\n", "no snapshot in insta's format"),
        ];
        for (bytes, words) in cases {
            fs::write(&path, bytes).expect("breaking");
            contains(&fails(world, 1, &[&lab]).stdout, &["one-node.snap: ", words, "--accept"]);
            assert_eq!(fs::read(&path).expect("the file"), bytes);
        }
        contains(&passes(world, &["--accept", &lab]), &["wrote"]);
        passes(world, &[&lab]);
        fs::remove_file(&path).expect("removing");
        fs::create_dir(&path).expect("a directory in its place");
        contains(&fails(world, 1, &[&lab]).stdout, &["it is a directory"]);
        contains(&fails(world, 1, &["--accept", &lab]).stdout, &["one-node.snap: writing it:"]);
        fs::remove_dir(&path).expect("removing");
        // Nobody writes to it, so reading it would never end.
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRUSR).expect("a pipe in its place");
        contains(&fails(world, 1, &[&lab]).stdout, &["it is no ordinary file"]);
    });
}

#[test]
fn a_read_only_snapshot_stays_as_it_is() {
    in_each_mode("a_read_only_snapshot_stays_as_it_is", |world| {
        let lab = world.lab("one-node.toml");
        passes(world, &["--accept", &lab]);
        let path = snapshot(world, "one-node");
        let wrong = fs::read_to_string(&path).expect("a snapshot").replace("64", "63");
        fs::write(&path, &wrong).expect("editing");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).expect("chmod");
        contains(&fails(world, 1, &["--accept", &lab]).stdout, &["one-node.snap: ", "it is read-only"]);
        assert_eq!(fs::read_to_string(&path).expect("the file"), wrong);
        fs::set_permissions(snapshots(world), fs::Permissions::from_mode(0o555)).expect("chmod");
        if world.mode == Mode::Ordinary {
            contains(&fails(world, 1, &[&lab]).stdout, &["one-node.snap.new: ", "you may not write there"]);
        }
        fs::set_permissions(snapshots(world), fs::Permissions::from_mode(0o755)).expect("chmod");
    });
}

#[test]
fn what_root_writes_belongs_to_the_folder_s_owner() {
    if !is_root() {
        return support::skip("what_root_writes_belongs_to_the_folder_s_owner", "needs root");
    }
    use std::os::unix::fs::MetadataExt as _;
    let world = World::new(Mode::Root).expect("root may do everything");
    std::os::unix::fs::chown(world.temporary(), Some(1234), Some(4321)).expect("chown");
    let lab = world.lab("one-node.toml");
    passes(&world, &["--accept", &lab]);
    for path in [snapshots(&world), snapshot(&world, "one-node")] {
        let metadata = fs::metadata(&path).expect("metadata");
        assert_eq!((metadata.uid(), metadata.gid()), (1234, 4321), "{}", path.display());
    }
    assert_eq!(fs::metadata(snapshot(&world, "one-node")).expect("metadata").mode() & 0o777, 0o644);
}

const TESTS: &str = r#"
    [[node]]
    name = "node1"
    pods = ["pod1", "web"]
    [[node]]
    name = "node2"
    pods = ["pod2"]
    [[pod]]
    name = "web"
    [[pod.container]]
    name = "server"
    command = ["netlab", "serve", "http:80", "echo:7"]
"#;

/// A file with these tests, each a line of keys and the words that its failure is to have; none where it holds.
fn tests(world: &World, name: &str, tests: &[(&str, Option<&[&str]>)]) {
    let mut text = TESTS.to_owned();
    for (number, (keys, _)) in tests.iter().enumerate() {
        text.push_str(&format!("[[test]]\nname = \"test {number}\"\n{}\n", keys.replace("; ", "\n")));
    }
    let file = world.file(&format!("{name}.toml"), &text);
    // Without the snapshot: what was asked for that would stay open.
    let ran = test(world, &["--filter", ": test ", "--format", "json", &file]);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:#?}"));
    let cases = report["labs"][0]["cases"].as_array().expect("cases").clone();
    assert_eq!(cases.len(), tests.len(), "{report:#}");
    for (case, (keys, words)) in cases.iter().zip(tests) {
        let failure = &case["failure"];
        match words {
            None => assert!(failure.is_null(), "{keys}\n{case:#}"),
            Some(words) => {
                assert!(!failure.is_null(), "{keys}: passed");
                contains(&format!("{keys}\n{failure:#}"), words);
            }
        }
    }
    assert_eq!(ran.code, i32::from(tests.iter().any(|(_, words)| words.is_some())), "{ran:#?}");
}

#[test]
fn tests_hold_where_the_lab_is_as_they_say() {
    in_each_mode("tests_hold", |world| {
        tests(
            world,
            "holding",
            &[
                ("from = 'pod1'; to = 'pod2'", None),
                ("from = 'pod1'; to = '10.244.2.2'; within = '20s'", None),
                (
                    "probe = 'traceroute'; from = 'pod1'; to = 'pod2'; path = ['node1', 'node2 eth0', '10.244.2.2']",
                    None,
                ),
                ("probe = 'tcp'; from = 'pod2'; to = 'web'; port = 80", None),
                ("probe = 'tcp'; from = 'pod2'; to = 'web'; port = 81; expect = 'refused'", None),
                ("probe = 'udp'; from = 'pod2'; to = 'web'; port = 7", None),
                ("probe = 'udp'; from = 'pod2'; to = 'web'; port = 9; expect = 'port-unreachable'", None),
                ("from = 'pod1'; to = '172.30.0.1'; expect = ['timeout', 'net-unreachable']", None),
                ("from = 'node1'; to = '172.30.0.1'; expect = 'no-route'", None),
                ("from = 'pod1'; to = '10.244.1.200'; expect = 'host-unreachable'", None),
                ("from = 'pod1'; to = 'pod2'; size = 1472", None),
                ("from = 'pod1'; to = 'pod1'", None),
                ("from = 'node1'; to = '10.244.1.1'", None),
                ("from = 'pod1'; to = '127.0.0.1'", None),
                ("from = 'pod1'; to = 'pod2'; size = 1473; expect = 'frag-needed 1500'", None),
            ],
        );
    });
}

#[test]
fn tests_that_do_not_hold_say_what_came_instead_and_from_whom() {
    in_each_mode("tests_that_do_not_hold", |world| {
        tests(
            world,
            "failing",
            &[
                (
                    "from = 'pod1'; to = '172.30.0.1'; hint = 'look at the clouds'",
                    Some(&[
                        "pod1 → 172.30.0.1: net-unreachable instead of reply",
                        "ping from pod1 (10.244.1.2) to 172.30.0.1",
                        "net-unreachable from node1 cbr0 (10.244.1.1)",
                        "route at pod1",
                        "the lab gave the address 172.30.0.1 to nobody",
                        "look at the clouds",
                    ]),
                ),
                (
                    "from = 'pod1'; to = 'pod2'; expect = 'timeout'",
                    Some(&["reply instead of timeout", "node1 cbr0, node2 eth0, pod2"]),
                ),
                (
                    "probe = 'traceroute'; from = 'pod1'; to = 'pod2'; path = ['node2', 'pod2']",
                    Some(&["by node1 cbr0, node2 eth0, pod2 instead of node2, pod2"]),
                ),
                (
                    "probe = 'tcp'; from = 'pod2'; to = 'web'; port = 81",
                    Some(&[
                        "refused instead of reply",
                        "web was reached, and nobody listens on its TCP port 81",
                        "container server",
                        "running, pid",
                        "TCP connection from pod2",
                        "port 81",
                        // Traced from pod2, wherever the kernel was asked about the failures before.
                        "node2 cbr0, node1 eth0, web",
                        "from web (10.244.1.3)",
                    ]),
                ),
                (
                    "from = 'pod1'; to = 'pod2'; size = 1473",
                    Some(&[
                        "1501 bytes, 28 of them headers, are more than the MTU of 1500 lets through whole",
                        "the largest `size` that does is 1472",
                    ]),
                ),
                (
                    "probe = 'udp'; from = 'pod2'; to = 'web'; port = 9",
                    Some(&["port-unreachable instead of reply", "UDP request", "from web (10.244.1.3)"]),
                ),
            ],
        );
    });
}

/// Breaks the running lab two-node in one way, and gives back what `netlab test` says of it.
fn broken(world: &World, how: &[&str]) -> String {
    world.ok(&[&["exec"], how].concat());
    let text = fails(world, 1, &["two-node"]).stdout;
    world.ok(&["down"]);
    world.ok(&["up", &world.lab("two-node.toml")]);
    passes(world, &["two-node"]);
    text
}

#[test]
fn a_lab_that_was_broken_by_hand_is_caught_and_the_place_is_named() {
    in_each_mode("a_lab_that_was_broken_by_hand", |world| {
        let lab = world.lab("two-node.toml");
        passes(world, &["--accept", &lab]);
        world.ok(&["up", &lab]);
        passes(world, &["two-node"]);
        let text = broken(world, &["node1", "--", "ip", "route", "del", "10.244.2.0/24"]);
        contains(
            &text,
            &[
                "pods of node1 → pods of node2: net-unreachable from node1 cbr0 (10.244.1.1)",
                "node1 → pods of node2: no-route",
                "likely node1 has no route to 10.244.2.2",
                "mend netlab exec node1 -- ip route add 10.244.2.0/24 via 192.168.66.12",
                // And of the file's own test, with its hint.
                "pod1 → pod4: net-unreachable instead of reply",
                "tried traceroute from pod1 (10.244.1.2) to pod4 (10.244.2.3)",
                "route at pod1 10.244.2.3 via 10.244.1.1 (node1 cbr0) dev eth0 src 10.244.1.2",
                "route at node1 10.244.2.3: none: Network is unreachable (ENETUNREACH)",
                "last answer node1 cbr0 (10.244.1.1), hop 1",
                "hint node1 needs a route to 10.244.2.0/24",
            ],
        );
        let text = broken(world, &["node2", "--", "sh", "-c", "echo 0 >/proc/sys/net/ipv4/ip_forward"]);
        contains(
            &text,
            &[
                "pods of node1 → pods of node2: timeout",
                "pods of node2 → pods of node1: timeout",
                "likely node2 does not forward: net.ipv4.ip_forward is 0",
                "mend netlab exec node2 -- sysctl -w net.ipv4.ip_forward=1",
            ],
        );
        let text = broken(world, &["pod1", "--", "ip", "route", "del", "default"]);
        contains(
            &text,
            &[
                "pod1 → pods of node2: no-route from its own kernel",
                "pods of node2 → pod1: timeout",
                "likely pod1 has no route to 10.244.2.2",
                "mend netlab exec pod1 -- ip route add default via 10.244.1.1",
            ],
        );
        let text = broken(world, &["pod1", "--", "ip", "addr", "add", "10.244.1.3/24", "dev", "eth0"]);
        contains(
            &text,
            &[
                "pod1 → pod2: own-address: pod1 has 10.244.1.3 itself",
                "likely pod1 also has 10.244.1.3, which is pod2's",
                "mend netlab exec pod1 -- ip addr del 10.244.1.3/24 dev eth0",
            ],
        );
        let entry = ["ip", "neigh", "replace", "192.168.66.12", "lladdr", "0a:00:00:00:00:01", "dev", "eth0"];
        let text = broken(world, &[&["node1", "--"], &entry[..], &["nud", "permanent"]].concat());
        contains(
            &text,
            &[
                "node1 → node2: timeout",
                "pods of node1 → pods of node2: timeout",
                "likely node1 has a wrong neighbour entry on eth0 (permanent)",
                "which is nobody's; it is at 0a:58:c0:a8:42:0c",
            ],
        );
        let text = broken(world, &["node2", "--", "ip", "link", "set", "cbr0", "down"]);
        contains(
            &text,
            &[
                "pods of node1 → pods of node2: net-unreachable from node2 eth0 (192.168.66.12)",
                "pod3 → pod4: ",
                "likely cbr0 of node2 is down",
                "mend netlab exec node2 -- ip link set cbr0 up",
            ],
        );
    });
}

#[test]
fn silence_is_believed_only_of_those_who_can_speak() {
    in_each_mode("silence_is_believed_only_of_those_who_can_speak", |world| {
        // node3 has no route back to pods: silence, of two that both work. And an address beyond a black hole.
        let text = fs::read_to_string(world.lab("three-node.toml")).expect("a lab");
        let test = |name: &str, to: &str| {
            format!("[[test]]\nname = \"{name}\"\nfrom = \"pod1\"\nto = \"{to}\"\nexpect = \"timeout\"\n")
        };
        let tests =
            [test("no way back", "node3"), test("no way there", "pod4"), test("nobody", "172.31.0.1")]
                .concat();
        let file = world.file("three-node.toml", &format!("{text}\n{tests}"));
        world.ok(&["up", &file]);
        passes(world, &["--filter", "no way back", "three-node"]);
        let within = |place: &str, script: &str| world.ok(&["exec", place, "--", "sh", "-c", script]);
        within("node3", "echo 1 >/proc/sys/net/ipv4/icmp_echo_ignore_all");
        within("node1", "ip route replace blackhole 10.244.2.0/24; ip route add blackhole 172.31.0.0/16");
        within("pod4", "ip link set eth0 down");
        let said = fails(world, 1, &["--filter", "no", "three-node"]).stdout;
        contains(
            &said,
            &[
                "pod1 → node3: silence that proves nothing: node3 does not even get an answer from itself (timeout)",
                "pod1 → pod4: silence that proves nothing: pod4 does not even get an answer from its gateway",
                "pod1 → 172.31.0.1: silence that proves nothing: the lab gave 172.31.0.1 to nobody",
            ],
        );
        // With both able to speak, the black hole between them is what the test says.
        within("pod4", "ip link set eth0 up; ip route add default via 10.244.2.1");
        passes(world, &["--filter", "no way there", "three-node"]);
    });
}

#[test]
fn labs_and_tests_can_be_chosen_by_name() {
    in_each_mode("labs_and_tests_can_be_chosen", |world| {
        let (one, two) = (world.lab("one-node.toml"), world.lab("two-node.toml"));
        let text = passes(world, &["--filter", "routed by both", &one, &two]);
        contains(&text, &["two-node", "1 test"]);
        assert!(!text.contains("one-node"), "{text}");
        let wrong = fails(world, 2, &["--filter", "nonsense", &one, &two]).stderr;
        contains(&wrong, &["no test has `nonsense`"]);
        assert!(!snapshots(world).exists(), "the snapshot was not asked for");
    });
}

#[test]
fn wrong_files_are_all_told_and_nothing_is_made() {
    in_each_mode("wrong_files_are_all_told", |world| {
        let good = world.lab("one-node.toml");
        let bad = world.file(
            "bad.toml",
            "[[node]]\nname = \"n\"\n[[test]]\nname = \"t\"\nfrom = \"pod9\"\nto = \"n\"\n",
        );
        let worse = world.file("worse.toml", "nodes = 3\n");
        let ran = fails(world, 2, &[&good, &bad, &worse]);
        contains(
            &ran.stderr,
            &["`pod9`", "unknown key", "bad.toml and ", "are not valid topologies; nothing was tested"],
        );
        assert_eq!(ran.stdout, "");
        let missing = fails(world, 2, &[&good, "nowhere.toml"]).stderr;
        contains(&missing, &["nowhere.toml: no such file"]);
        contains(&fails(world, 2, &["nowhere"]).stderr, &["no lab `nowhere` is running"]);
        contains(&fails(world, 2, &[&good, &good]).stderr, &["was named twice"]);
        let other = world.file("other.toml", "name = \"one-node\"\n[[node]]\nname = \"n\"\n");
        contains(&fails(world, 2, &[&good, &other]).stderr, &["would share the snapshot"]);
        contains(
            &fails(world, 2, &["--data-path", "ospf", &good]).stderr,
            &["ospf", "there is: l2, host-gw, "],
        );
        contains(&fails(world, 2, &["--data-path", "vlxan", &good]).stderr, &["did you mean `vxlan`?"]);
        world.expect_no_files();
    });
}

#[test]
fn another_data_path_has_its_own_snapshot_and_the_file_s_own_none() {
    in_each_mode("another_data_path_has_its_own_snapshot", |world| {
        let lab = world.lab("one-node.toml");
        passes(world, &["--accept", "--data-path", "host-gw", &lab]);
        assert_eq!(files(world), ["one-node.snap"]);
        let other =
            world.file("other.toml", "[cluster]\ndata_path = \"vxlan\"\n[[node]]\nname = \"n\"\npods = 2\n");
        contains(&passes(world, &["--accept", "--data-path", "host-gw", &other]), &["PASS other@host-gw"]);
        assert_eq!(files(world), ["one-node.snap", "other@host-gw.snap"]);
        contains(
            &fails(world, 2, &["--data-path", "host-gw,host-gw", &lab]).stderr,
            &["--data-path names host-gw twice"],
        );
        fs::remove_file(snapshot(world, "other@host-gw")).expect("removing");
        passes(world, &["--accept", "--all-routes", &lab]);
        assert_eq!(files(world), ["one-node.snap", "one-node@all-routes.snap"]);
        let text = fs::read_to_string(snapshot(world, "one-node@all-routes")).expect("a snapshot");
        contains(&text, &["pod3 → pod2", "node1 → pod3", "pod3 → node1"]);
    });
}

#[test]
fn snapshots_without_a_topology_are_told() {
    in_each_mode("snapshots_without_a_topology", |world| {
        let one = world.lab("one-node.toml");
        let two = world.lab("two-node.toml");
        passes(world, &["--accept", &one, &two]);
        fs::write(snapshots(world).join("other.snap"), "---\nsource: tests/other.rs\n---\nx\n")
            .expect("writing");
        assert!(!passes(world, &[&one, &two]).contains("no topology refers to"));
        fs::remove_file(&two).expect("removing");
        let text = passes(world, &[&one]);
        contains(&text, &["no topology refers to", "two-node.snap"]);
        assert!(!text.contains("other.snap"), "{text}");
        let renamed = world.file("one-node.toml", "name = \"uno\"\n[[node]]\nname = \"n\"\npods = 2\n");
        contains(&passes(world, &["--accept", &renamed]), &["no topology refers to", "one-node.snap"]);
    });
}

#[test]
fn a_failed_lab_can_be_kept_and_entered() {
    in_each_mode("a_failed_lab_can_be_kept", |world| {
        let file = world.file(
            "kept.toml",
            "[[node]]\nname = \"n\"\npods = 2\n[[test]]\nname = \"no\"\nfrom = \"n-pod1\"\nto = \"n-pod2\"\nexpect = \"timeout\"\n",
        );
        passes(world, &["--accept", "--filter", "snapshot", &file]);
        let text = fails(world, 1, &["--keep-on-failure", &file]).stdout;
        let enter =
            text.lines().find_map(|line| line.trim().strip_prefix("netlab sh --lab ")).expect("how to enter");
        let name = enter.split_whitespace().next().expect("a name");
        assert!(name.starts_with("kept-test-"), "{name}");
        world.ok(&["exec", "--lab", name, "n-pod1", "--", "true"]);
        // What was kept can be tested again as it stands.
        fails(world, 1, &[name]);
        passes(world, &["--filter", "snapshot", name]);
        world.ok(&["down", name]);
        // A lab that passes is not kept.
        passes(world, &["--keep-on-failure", "--filter", "snapshot", &file]);
        world.expect_no_files();
    });
}

#[test]
fn one_failure_can_be_enough() {
    in_each_mode("one_failure_can_be_enough", |world| {
        let (one, two) = (world.lab("one-node.toml"), world.lab("two-node.toml"));
        let sidecar = world.lab("sidecar.toml");
        let text = fails(world, 1, &["--fail-fast", "-j1", &one, &two, &sidecar]).stdout;
        contains(&text, &["FAIL  one-node", "STOP  sidecar", "STOP  two-node"]);
        // At once, though a slower lab is told of before it.
        let slow = world.lab("three-node.toml");
        let text = fails(world, 1, &["--fail-fast", "-j2", &slow, &one]).stdout;
        contains(&text, &["STOP  three-node", "FAIL  one-node"]);
        world.expect_no_files();
    });
}

#[test]
fn labs_of_tests_are_nobody_else_s() {
    in_each_mode("labs_of_tests_are_nobody_else_s", |world| {
        let lab = world.lab("two-node.toml");
        world.ok(&["up", &lab]);
        // Beside a running lab of the same name, and without an effect on it.
        passes(world, &["--accept", &lab]);
        passes(
            world,
            &["-j2", &lab, "two-node"].map(|word| if word == "two-node" { "--check" } else { word }),
        );
        assert_eq!(world.ok(&["status", "--format", "json"]).matches("\"name\": \"two-node\"").count(), 1);
        passes(world, &["two-node"]);
        world.ok(&["ping", "-c1", "pod1", "pod4"]);
        world.ok(&["down"]);
        world.expect_no_files();
    });
}

#[test]
fn reports_are_written_for_machines() {
    in_each_mode("reports_are_written_for_machines", |world| {
        let (one, two) = (world.lab("one-node.toml"), world.lab("two-node.toml"));
        passes(world, &["--accept", &one]);
        let junit = world.temporary().join("report.xml");
        let summary = world.temporary().join("summary.md");
        let folder = snapshots(world);
        let args = [
            "test",
            "--snapshots",
            folder.to_str().expect("text"),
            "--junit",
            junit.to_str().expect("text"),
            &one,
            &two,
        ];
        let mut command = world.command(&args);
        command.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", &summary);
        let ran = Ran::from(command.output().expect("netlab"));
        assert_eq!(ran.code, 1, "{ran:#?}");
        contains(&ran.stdout, &["::error file=", "title=two-node"]);
        contains(
            &fs::read_to_string(&junit).expect("a report"),
            &["<testsuite name=\"one-node\"", "failures=\"1\""],
        );
        contains(&fs::read_to_string(&summary).expect("a summary"), &["two-node", "one-node"]);
        let tap = fails(world, 1, &["--format", "tap", &one, &two]).stdout;
        contains(&tap, &["TAP version 14 1..6 ok 1 - ", "not ok 4 - "]);
        let json: Value =
            serde_json::from_str(&fails(world, 1, &["--format", "json", &one, &two]).stdout).expect("JSON");
        assert_eq!(json["schema"], "netlab.test/1");
        assert_eq!(json["labs"][1]["name"], "two-node");
        let nowhere = fails(world, 4, &["--junit", "/nowhere/report.xml", &one]);
        contains(&nowhere.stderr, &["/nowhere/report.xml", "No such file or directory"]);
        // As `--junit labs/*.toml` would have it.
        let before = fs::read_to_string(&one).expect("a lab");
        contains(&fails(world, 2, &["--junit", &one, &two]).stderr, &["one-node.toml: is a topology"]);
        assert_eq!(fs::read_to_string(&one).expect("the lab"), before);
        contains(&fails(world, 2, &["--junit", "-", &two]).stderr, &["--junit -: the report goes to a file"]);
    });
}
