//! `netlab doctor` on the real kernel: what it says of each feature is what other programs find when they try, what it says
//! of labs is what `up` does, and nothing of the trying is left.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::{Command, Stdio};

use serde_json::Value;
use support::{Mode, World, in_each_mode, is_root, isolated, lives, shell, skip};

/// What the doctor says as JSON, which must end with this code.
fn doctor(world: &World, code: i32, files: &[&str]) -> Value {
    let ran = world.netlab(&[&["doctor", "--format", "json"], files].concat());
    assert_eq!(ran.code, code, "{:?}: {ran:#?}", world.mode);
    assert_eq!(ran.stderr, "", "{:?}", world.mode);
    serde_json::from_str(&ran.stdout).expect("json")
}

/// The state of each feature.
fn states(report: &Value) -> BTreeMap<String, String> {
    let features = report["features"].as_array().expect("features").iter();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    features.map(|feature| (text(&feature["name"]), text(&feature["state"]))).collect()
}

fn has(tool: &str) -> bool {
    let ran = Command::new("sh").args(["-c", &format!("command -v {tool}")]).stdout(Stdio::null()).status();
    ran.is_ok_and(|status| status.success())
}

/// The same features, tried by other programs.
const TRIES: [(&str, &str, &str); 13] = [
    ("veth", "ip", "ip link add type veth"),
    ("bridge", "ip", "ip link add dev try type bridge"),
    ("vxlan", "ip", "ip link add dev try type vxlan id 7 dstport 4789"),
    ("geneve", "ip", "ip link add dev try type geneve id 7 remote 192.0.2.2"),
    ("ipip", "ip", "ip link add dev try type ipip local 192.0.2.1 remote 192.0.2.2"),
    ("gre", "ip", "ip link add dev try type gre external"),
    ("gre6", "ip", "ip link add dev try type ip6gre external"),
    ("wireguard", "ip", "ip link add dev try type wireguard"),
    (
        "route-encap",
        "ip",
        "ip link set lo up; ip route add 198.51.100.0/24 encap ip id 7 dst 192.0.2.2 dev lo",
    ),
    ("netem", "tc", "tc qdisc add dev lo root netem delay 1ms"),
    ("tbf", "tc", "tc qdisc add dev lo root tbf rate 1mbit burst 100kb limit 1mb"),
    (
        "nftables-nat",
        "nft",
        "nft 'add table ip t; add chain ip t c { type nat hook postrouting priority 100; }; add rule ip t c masquerade'",
    ),
    (
        "nftables-netdev",
        "nft",
        "nft 'add table netdev t; add chain netdev t i { type filter hook ingress device lo priority 0; }; \
         add chain netdev t e { type filter hook egress device lo priority 0; }'",
    ),
];

#[test]
fn other_programs_find_the_same_features() {
    let test = "other_programs_find_the_same_features";
    in_each_mode(test, |world| {
        let said = states(&doctor(world, 0, &[]));
        let prefix = match world.mode {
            Mode::Root => &["unshare", "--net"][..],
            Mode::Ordinary => &["unshare", "--user", "--map-root-user", "--net"],
        };
        for (feature, tool, script) in TRIES {
            if !has("unshare") || !has(tool) {
                skip(test, &format!("{feature}: no unshare or no {tool}"));
                continue;
            }
            let ran = shell(world, prefix, script);
            let present = said[feature] == "present";
            assert_eq!(ran.code == 0, present, "{:?}: {feature} is {}: {ran:#?}", world.mode, said[feature]);
        }
    });
}

/// What the kernel was built with, where it says so.
#[test]
fn the_kernels_configuration_says_the_same() {
    let test = "the_kernels_configuration_says_the_same";
    let config = Command::new("zcat").arg("/proc/config.gz").output();
    let config = match config {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).into_owned(),
        _ => return skip(test, "no /proc/config.gz"),
    };
    in_each_mode(test, |world| {
        let report = doctor(world, 0, &[]);
        for feature in report["features"].as_array().expect("features") {
            let options = feature["config"].as_array().expect("options").iter();
            let is = |option: &Value, value: &str| {
                config.contains(&format!("\n{}={value}\n", option.as_str().expect("text")))
            };
            let options: Vec<&Value> = options.collect();
            let state = feature["state"].as_str().expect("a state");
            if options.iter().all(|option| is(option, "y")) {
                assert_eq!(state, "present", "{feature}");
            } else if options.iter().any(|option| !is(option, "y") && !is(option, "m")) {
                assert_eq!(state, "missing", "{feature}");
            }
        }
    });
}

/// The kernels of the VMs have everything.
#[test]
fn debians_kernels_have_every_feature() {
    if std::env::var("NETLAB_TEST_VM").as_deref() != Ok("1") {
        return skip("debians_kernels_have_every_feature", "needs the kernels of make test-vm");
    }
    in_each_mode("debians_kernels_have_every_feature", |world| {
        for (feature, state) in states(&doctor(world, 0, &[])) {
            assert_eq!(state, "present", "{:?}: {feature}", world.mode);
        }
    });
}

#[test]
fn what_it_says_to_people_it_says_to_programs() {
    in_each_mode("what_it_says_to_people_it_says_to_programs", |world| {
        let report = doctor(world, 0, &[]);
        assert_eq!(report["schema"], "netlab.doctor/1");
        assert_eq!(report["can_run"], true);
        assert_eq!(report["machine"]["rootless"], world.mode == Mode::Ordinary);
        let text = world.ok(&["doctor"]);
        for line in text.lines().filter(|line| !line.contains('`')) {
            assert!(line.chars().count() <= 80, "{line}");
        }
        let words: BTreeSet<(&str, &str)> = text
            .lines()
            .filter_map(|line| line.trim_start().split_once(' '))
            .map(|(name, rest)| (name, rest.split_whitespace().next().unwrap_or_default()))
            .collect();
        for (feature, state) in states(&report) {
            assert!(words.contains(&(&feature, &state)), "{feature} is {state}:\n{text}");
        }
        for limit in report["limits"].as_array().expect("limits") {
            assert!(text.contains(limit["name"].as_str().expect("a name")), "{limit}:\n{text}");
        }
        assert!(text.ends_with("\nlabs can run here\n"), "{text}");
    });
}

#[test]
fn the_namespaces_of_the_machine_are_as_they_were() {
    if !isolated("the_namespaces_of_the_machine_are_as_they_were") {
        return;
    }
    in_each_mode("the_namespaces_of_the_machine_are_as_they_were", |world| {
        let look = || {
            let processes = fs::read_dir("/proc").expect("/proc").flatten().filter_map(|entry| {
                let pid = entry.file_name().to_str()?.parse::<i32>().ok()?;
                lives(pid).then_some(pid)
            });
            let read = |path| fs::read_to_string(path).unwrap_or_default();
            let links = read("/proc/self/net/dev");
            let links =
                links.lines().filter_map(|line| line.split_once(':').map(|(name, _)| name.to_owned()));
            (
                processes.collect::<BTreeSet<_>>(),
                links.collect::<Vec<_>>(),
                [
                    "/proc/self/mountinfo",
                    "/proc/self/net/route",
                    "/proc/sys/net/ipv4/ip_forward",
                    "/proc/sys/kernel/hostname",
                ]
                .map(read),
                fs::read_dir(world.runtime()).expect("a directory").count(),
            )
        };
        let before = look();
        world.ok(&["doctor"]);
        assert_eq!(look(), before, "{:?}", world.mode);
    });
}

#[test]
fn each_file_is_told_of() {
    in_each_mode("each_file_is_told_of", |world| {
        let labs = [world.lab("two-node.toml"), world.lab("dual-stack.toml")];
        let report = doctor(world, 0, &[&labs[0], &labs[1]]);
        for (told, file) in report["labs"].as_array().expect("labs").iter().zip(&labs) {
            assert_eq!(told["file"], file.as_str());
            assert_eq!(told["can_run"], true, "{told}");
            world.ok(&["up", file]);
            let record = world.record(told["lab"].as_str().expect("a name")).expect("a running lab");
            let namespaces = record["sandboxes"].as_array().expect("sandboxes").len();
            assert_eq!(told["namespaces"], namespaces);
            world.ok(&["down", "--all"]);
        }
        let bad = world.file("bad.toml", "nodes = 3\n");
        let said = world.fails(2, &["doctor", &labs[0], &bad]);
        assert!(said.contains("bad.toml is not a valid topology"), "{said}");
    });
}

/// A limit that a process can set for itself: what the doctor says, `up` does.
#[test]
fn too_few_open_files_for_a_lab_but_enough_for_another() {
    in_each_mode("too_few_open_files_for_a_lab_but_enough_for_another", |world| {
        let large = world.file("large.toml", "[[node]]\nname = \"n\"\ncount = 60\n");
        let small = world.lab("two-node.toml");
        let netlab = world.binary().display().to_string();
        let limited =
            |most: u32, words: &str| shell(world, &[], &format!("ulimit -n {most}; exec {netlab} {words}"));
        let ran = limited(48, &format!("doctor {small} {large}"));
        let text = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(ran.code, 3, "{ran:#?}");
        assert!(
            text.contains("large.toml cannot it takes 77 open files, but RLIMIT_NOFILE leaves 48"),
            "{ran:#?}"
        );
        assert!(text.contains("two-node.toml can run") && text.ends_with("but not all of these"), "{ran:#?}");
        assert_ne!(limited(48, &format!("up {large}")).code, 0);
        assert_eq!(limited(48, &format!("up {small}")).code, 0);
        world.ok(&["down", "--all"]);
        // As many as it says are enough.
        let enough = 77;
        assert_eq!(limited(enough, &format!("doctor {large}")).code, 0);
        assert_eq!(limited(enough, &format!("up {large}")).code, 0);
    });
}

/// Limits of a user namespace are its owner's to set, and nobody else's: no need for another machine.
#[test]
fn no_more_network_namespaces() {
    let test = "no_more_network_namespaces";
    in_each_mode(test, |world| {
        if !has("unshare") {
            return skip(test, "no unshare");
        }
        let netlab = world.binary().display().to_string();
        let lab = world.lab("two-node.toml");
        for (limit, code) in [(0, 3), (1, 3), (5, 3), (1000, 0)] {
            let script = |words: &str| {
                format!("echo {limit} > /proc/sys/user/max_net_namespaces; exec {netlab} {words} {lab}")
            };
            let inside = ["unshare", "--user", "--map-root-user"];
            let ran = shell(world, &inside, &script("doctor"));
            if ran.stderr.contains("unshare") || ran.stderr.contains("Permission denied") {
                return skip(test, &ran.stderr);
            }
            assert_eq!(ran.code, code, "{:?}: {limit}: {ran:#?}", world.mode);
            if code == 3 {
                assert!(ran.stdout.contains("user.max_net_namespaces"), "{limit}: {ran:#?}");
                assert!(
                    ran.stdout.contains("`sudo sysctl -w user.max_net_namespaces=20000`"),
                    "{limit}: {ran:#?}"
                );
            }
            // What it says of the lab is what comes of it.
            let up = shell(world, &inside, &script("up --name limited"));
            assert_eq!(up.code, code, "{limit}: {up:#?}");
            world.ok(&["down", "--all"]);
        }
    });
}

/// As in containers. An ordinary user cannot mount a /proc that is not covered so, and root can.
#[test]
fn settings_that_cannot_be_written() {
    let test = "settings_that_cannot_be_written";
    if !is_root() || !has("unshare") || !has("setpriv") {
        return skip(test, "needs root, unshare and setpriv");
    }
    let cover = "mount --bind /proc/sys /proc/sys; mount -o remount,ro,bind /proc/sys";
    let inside = ["unshare", "--mount"];
    for (mode, become_user) in
        [(Mode::Root, ""), (Mode::Ordinary, "setpriv --reuid 65534 --regid 65534 --clear-groups ")]
    {
        let (root, world) = match (World::new(Mode::Root), World::new(mode)) {
            (Ok(root), Ok(world)) => (root, world),
            (Err(why), _) | (_, Err(why)) => return skip(test, &why),
        };
        let lab = world.lab("two-node.toml");
        let run = |words: &str| {
            let [netlab, runtime] = [world.binary(), world.runtime()].map(|path| path.display().to_string());
            let script =
                format!("{cover}; exec env NETLAB_RUNTIME_DIR={runtime} {become_user}{netlab} {words}");
            shell(&root, &inside, &script)
        };
        let (told, up) = (run("doctor"), run(&format!("up {lab}")));
        assert_eq!(told.code, up.code, "{mode:?}: {told:#?} {up:#?}");
        let row = told.stdout.lines().find(|line| line.starts_with("  /proc/sys ")).unwrap_or_default();
        assert!(row.contains("read-only"), "{mode:?}: {told:#?}");
        if mode == Mode::Ordinary {
            assert_eq!(told.code, 3, "{told:#?}");
            for said in [&told.stdout, &up.stderr] {
                let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
                assert!(
                    said.contains(
                        "/proc/sys is read-only: in a container, it has to be run with --privileged"
                    ),
                    "{said}"
                );
            }
        }
    }
}
