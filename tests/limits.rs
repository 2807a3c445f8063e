//! Limits that are too low for a lab, really lowered for one child or in namespaces of its own, and never the machine's:
//! `up` refuses before anything is made, with exactly enough the lab comes up, and with one less it would not have.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use support::{Mode, Ran, World, in_each_mode, is_root, lacking, shell, skip, wait_until};

/// A user who has no other processes than those of a test here.
const ALONE: u32 = 61_234;

/// The lab is refused, all in one message, and nothing of it was made.
fn refused(world: &World, ran: &Ran, words: &str) {
    assert_eq!(ran.code, 3, "{:?}: {words}: {ran:#?}", world.mode);
    assert_eq!(ran.stdout, "", "{ran:#?}");
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert!(lines[0].starts_with("netlab: lab `") && lines[0].contains(words), "no `{words}`: {ran:#?}");
    assert!(lines[0].contains(": `sudo ") || lines[0].contains(": `echo "), "no command: {ran:#?}");
    assert!(ran.stderr.ends_with(" was not brought up; nothing of it was made\n"), "{ran:#?}");
    let left = fs::read_dir(world.runtime()).expect("a directory").count();
    assert_eq!(left, 0, "{:?}: files are left", world.mode);
}

/// What `check` says of a limit: how much the lab needs, and how much is left.
fn foreseen(ran: &Ran, limit: &str) -> (u64, u64) {
    assert_eq!(ran.code, 0, "check is about the file: {ran:#?}");
    let report: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(report["files"][0]["valid"], true);
    let machine = report["files"][0]["machine"].as_array().expect("a list");
    let found =
        machine.iter().find(|one| one["limit"] == limit).unwrap_or_else(|| panic!("{limit}: {report:#}"));
    assert!(found["remedy"].as_str().is_some_and(|text| text.contains('`')), "{found}");
    let number = |name: &str| found[name].as_u64().expect("a number");
    (number("needed"), number("left"))
}

/// Labs whose builds end differently, and keep different things open.
fn labs(world: &World) -> [String; 6] {
    let nodes = "[[node]]\nname = \"n\"\ncount = 2\npods = 2\n";
    let cloud = nodes.replace("pods = 2", "pods = 2\nsource_dest_check = true");
    let slow = "[[node]]\nname = \"n\"\npods = [\"a\", \"b\"]\n[[pod]]\nname = \"a\"\nimpair = { rate = \"10mbit\" }\n";
    [
        world.lab("two-node.toml"),
        world.file("nodes.toml", "[[node]]\nname = \"n\"\ncount = 20\n"),
        world.file("out.toml", "[[external]]\nname = \"internet\"\n[[node]]\nname = \"n\"\npods = 2\n"),
        world.file("cloud.toml", &format!("cluster = {{ data_path = \"cloud\" }}\n{cloud}")),
        world.file("secret.toml", &format!("cluster = {{ data_path = \"wireguard\" }}\n{nodes}")),
        world.file("slow.toml", slow),
    ]
}

#[test]
fn open_files() {
    in_each_mode("open_files", |world| {
        let netlab = world.binary().display().to_string();
        let late = late_pods();
        for lab in labs(world) {
            let up = world.netlab(&["up", &lab]);
            if up.stderr.contains("this kernel lacks") {
                skip("open_files", &format!("{:?}: {}", world.mode, lacking(&up.stderr)));
                continue;
            }
            world.ok(&["down", "--all"]);
            let run = |most: u64, words: &str| shell(world, &[], &format!("ulimit -n {most}; {words}"));
            let (needed, left) =
                foreseen(&run(12, &format!("exec {netlab} check --format json {lab}")), "RLIMIT_NOFILE");
            assert_eq!(left, 12);
            let words = format!("needs {needed} open files, but RLIMIT_NOFILE leaves {}", needed - 1);
            refused(world, &run(needed - 1, &format!("exec {netlab} up {lab}")), &words);
            // It would not have come up: the limit is not foreseen too early.
            let tried = run(needed - 1, &format!("NETLAB_LIMITS=ignore exec {netlab} up {lab}"));
            assert_eq!(tried.code, 4, "{lab}: {tried:#?}");
            assert!(tried.stderr.contains("EMFILE"), "{tried:#?}");
            let enough = run(needed + late, &format!("exec {netlab} up {lab}"));
            assert_eq!(enough.code, 0, "{lab}: {needed} + {late}: {enough:#?}");
            world.ok(&["down", "--all"]);
            world.expect_no_files();
        }
    });
}

/// How many pods of these labs may have a connection kept because their cable cannot send yet: none where the kernel lets
/// itself be made to settle that at once, which it does since 6.8.
fn late_pods() -> u64 {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").expect("the kernel's release");
    let mut numbers = release.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if version < (6, 8) { 4 } else { 0 }
}

/// Limits of a user namespace are its owner's to set, and nobody else's.
#[test]
fn namespaces() {
    let test = "namespaces";
    // In a user namespace of its own netlab is its root; without any rights there, it makes another one in it.
    let as_root = ["unshare", "--user", "--map-root-user"];
    let without_rights = ["unshare", "--user", "--map-current-user", "--keep-caps"];
    let drop_rights = "setpriv --inh-caps=-all --ambient-caps=-all";
    in_each_mode(test, |world| {
        let netlab = world.binary().display().to_string();
        let lab = world.lab("two-node.toml");
        // Two nodes, four pods and the fabric.
        for (kind, needed) in [("net", 7), ("uts", 7), ("ipc", 7), ("pid", 1), ("mnt", 1), ("user", 1)] {
            for (inside, become_nobody) in [(&as_root[..], ""), (&without_rights[..], drop_rights)] {
                // Root, of its own user namespace too, needs no other one.
                if kind == "user" && (become_nobody.is_empty() || world.mode == Mode::Root) {
                    continue;
                }
                let run = |most: u64, words: &str| {
                    let set = format!("echo {most} > /proc/sys/user/max_{kind}_namespaces");
                    shell(world, inside, &format!("{set}; exec {become_nobody} {words}"))
                };
                let name = format!("user.max_{kind}_namespaces");
                let less = needed - 1;
                let check = run(less, &format!("{netlab} check --format json {lab}"));
                if check.code != 0 {
                    return skip(test, &format!("{:?}: {}", world.mode, check.stderr));
                }
                assert_eq!(foreseen(&check, &name), (needed, less));
                let up = run(less, &format!("{netlab} up {lab}"));
                refused(world, &up, &format!("needs {needed} namespace"));
                assert!(
                    up.stderr.contains(&format!("but {name} leaves {less}: `sudo sysctl -w {name}=")),
                    "{up:#?}"
                );
                let tried = run(less, &format!("env NETLAB_LIMITS=ignore {netlab} up {lab}"));
                assert_ne!(tried.code, 0, "{kind}: {tried:#?}");
                let enough = run(needed, &format!("{netlab} up {lab}"));
                assert_eq!(enough.code, 0, "{:?}: {kind}: {enough:#?}", world.mode);
                world.ok(&["down", "--all"]);
                world.expect_no_files();
            }
        }
    });
}

/// Processes of a user: root is not held to it, so this takes one who has no others.
#[test]
fn processes_of_a_user() {
    let test = "processes_of_a_user";
    let world = match World::new(Mode::Root) {
        Ok(world) => world,
        Err(why) => return skip(test, &why),
    };
    std::os::unix::fs::chown(world.runtime(), Some(ALONE), Some(ALONE)).expect("chown");
    let [netlab, lab] = [world.binary().display().to_string(), world.lab("two-node.toml")];
    let run = |most: u64, words: &str| {
        let alone = format!("setpriv --reuid {ALONE} --regid {ALONE} --clear-groups");
        shell(&world, &[], &format!("prlimit --nproc={most}:{most} --pid $$; exec {alone} {words}"))
    };
    if run(100, &format!("{netlab} up {lab}")).code != 0 {
        return skip(test, "no labs for ordinary users here");
    }
    let end = || {
        run(100, &format!("{netlab} down --all"));
        wait_until("all processes of the user have ended", || processes_of(ALONE) == 0);
    };
    end();
    // Six pauses, the holder, the keeper, and the `netlab up` that asks.
    let (needed, left) = foreseen(&run(8, &format!("{netlab} check --format json {lab}")), "RLIMIT_NPROC");
    assert_eq!((needed, left), (8, 7));
    refused(&world, &run(8, &format!("{netlab} up {lab}")), "needs 8 processes, but RLIMIT_NPROC leaves 7");
    let tried = run(8, &format!("env NETLAB_LIMITS=ignore {netlab} up {lab}"));
    assert_eq!(tried.code, 4, "{tried:#?}");
    assert!(tried.stderr.contains("EAGAIN"), "{tried:#?}");
    end();
    let enough = run(9, &format!("{netlab} up {lab}"));
    assert_eq!(enough.code, 0, "{enough:#?}");
    end();
    // Nobody holds root to it.
    let root =
        shell(&world, &[], &format!("prlimit --nproc=1:1 --pid $$; exec {netlab} check --format json {lab}"));
    assert!(root.stdout.contains("\"machine\": []"), "{root:#?}");
}

fn processes_of(user: u32) -> usize {
    use std::os::unix::fs::MetadataExt as _;
    let all = fs::read_dir("/proc").expect("/proc").flatten();
    all.filter(|entry| entry.metadata().is_ok_and(|found| found.is_dir() && found.uid() == user)).count()
}

/// A control group of the test's own, removed when this is dropped.
struct Group(PathBuf);

impl Group {
    fn new(name: &str) -> Result<Self, String> {
        let roots = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"];
        let root = roots.into_iter().find(|root| Path::new(root).join("cgroup.procs").exists());
        let path = Path::new(root.ok_or("no control groups")?).join(format!("{name}-{}", std::process::id()));
        fs::create_dir(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let group = Self(path);
        if group.0.join("pids.max").exists() { Ok(group) } else { Err("no control groups for pids".into()) }
    }

    fn set(&self, most: u64) {
        fs::write(self.0.join("pids.max"), most.to_string()).expect("pids.max");
    }
}

/// Processes that nobody reaps count, but keep no group from being removed (cgroups(7)).
impl Drop for Group {
    fn drop(&mut self) {
        wait_until("nothing lives in the control group", || fs::remove_dir(&self.0).is_ok());
    }
}

#[test]
fn processes_of_a_control_group() {
    let test = "processes_of_a_control_group";
    if !is_root() {
        return skip(test, "control groups are root's to make");
    }
    if let Err(why) = Group::new("netlab-test-0") {
        return skip(test, &why);
    }
    let setpriv = "setpriv --reuid 65534 --regid 65534 --clear-groups";
    for (mode, become_user) in [(Mode::Root, ""), (Mode::Ordinary, setpriv)] {
        let (root, world) = match (World::new(Mode::Root), World::new(mode)) {
            (Ok(root), Ok(world)) => (root, world),
            (Err(why), _) | (_, Err(why)) => return skip(test, &why),
        };
        let [netlab, lab] = [world.binary().display().to_string(), world.lab("two-node.toml")];
        // A new group for each: nothing of the one before counts.
        let run = |most: u64, words: &str| {
            let group = Group::new("netlab-test").expect("another control group");
            group.set(most);
            let (procs, runtime) = (group.0.join("cgroup.procs"), world.runtime());
            let own = format!("NETLAB_RUNTIME_DIR={}", runtime.display());
            let enter = format!("echo $$ > {}; exec env {own} {become_user} {words}", procs.display());
            let ran = shell(&root, &[], &enter);
            if words.contains(" up ") {
                let named = format!("sudo tee {}/pids.max`", group.0.display());
                assert!(ran.code != 3 || ran.stderr.contains(&named), "{ran:#?}");
            }
            world.ok(&["down", "--all"]);
            ran
        };
        let check = run(8, &format!("{netlab} check --format json {lab}"));
        assert_eq!(foreseen(&check, "cgroup pids.max"), (8, 7), "{mode:?}");
        let up = run(8, &format!("{netlab} up {lab}"));
        refused(&world, &up, "needs 8 processes, but cgroup pids.max leaves 7");
        let tried = run(8, &format!("env NETLAB_LIMITS=ignore {netlab} up {lab}"));
        assert_eq!(tried.code, 4, "{mode:?}: {tried:#?}");
        let enough = run(9, &format!("{netlab} up {lab}"));
        assert_eq!(enough.code, 0, "{mode:?}: {enough:#?}");
    }
}

/// The largest pid is one for the whole machine until Linux 6.14, which gave each PID namespace its own; this never sets the
/// machine's: it runs as nobody, who may not.
#[test]
fn pids() {
    let test = "pids";
    let world = match World::new(Mode::Ordinary) {
        Ok(world) => world,
        Err(why) => return skip(test, &why),
    };
    let before = fs::read_to_string("/proc/sys/kernel/pid_max").expect("a setting");
    let netlab = world.binary().display().to_string();
    let inside = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc"];
    let run =
        |words: &str| shell(&world, &inside, &format!("echo 301 > /proc/sys/kernel/pid_max; exec {words}"));
    let set = run("cat /proc/sys/kernel/pid_max");
    if set.code != 0 {
        return skip(test, &format!("pid_max is not for each PID namespace here: {}", set.stderr.trim()));
    }
    assert_eq!(
        (set.stdout.trim(), fs::read_to_string("/proc/sys/kernel/pid_max").expect("it")),
        ("301", before)
    );
    let lab = |pods: u64| {
        let text = format!("[cluster]\nnode_mask = 20\n[[node]]\nname = \"n\"\npods = {pods}\n");
        world.file(&format!("of-{pods}.toml"), &text)
    };
    // Pids 2 to 300: the keeper, the holder, the node, and pods.
    let (fits, does_not) = (lab(299 - 3), lab(300 - 3));
    assert_eq!(
        foreseen(&run(&format!("{netlab} check --format json {does_not}")), "kernel.pid_max"),
        (300, 299)
    );
    refused(
        &world,
        &run(&format!("{netlab} up {does_not}")),
        "needs 300 processes, but kernel.pid_max leaves 299",
    );
    assert_ne!(run(&format!("env NETLAB_LIMITS=ignore {netlab} up {does_not}")).code, 0);
    world.expect_no_files();
    let enough = run(&format!("{netlab} up {fits}"));
    assert_eq!(enough.code, 0, "{enough:#?}");
}

/// A lab is not lost to one that cannot take its place.
#[test]
fn a_running_lab_is_not_replaced_by_one_that_does_not_fit() {
    in_each_mode("a_running_lab_is_not_replaced_by_one_that_does_not_fit", |world| {
        let netlab = world.binary().display().to_string();
        let small = world.lab("two-node.toml");
        world.ok(&["up", &small]);
        let large = world.file("large.toml", "name = \"two-node\"\n[[node]]\nname = \"n\"\ncount = 60\n");
        let ran = shell(world, &[], &format!("ulimit -n 40; exec {netlab} up --replace {large}"));
        assert_eq!(ran.code, 3, "{ran:#?}");
        assert!(ran.stderr.contains("needs 77 open files"), "{ran:#?}");
        world.ok(&["ping", "-c", "1", "pod1", "pod4"]);
        // The very same lab is up already, whatever there is room for.
        assert_eq!(shell(world, &[], &format!("ulimit -n 15; exec {netlab} up {small}")).code, 0);
        world.ok(&["down", "--all"]);
    });
}

#[test]
fn every_limit_that_is_in_the_way_is_told_at_once() {
    let test = "every_limit_that_is_in_the_way_is_told_at_once";
    in_each_mode(test, |world| {
        let netlab = world.binary().display().to_string();
        let lab = world.lab("two-node.toml");
        let set = "echo 5 > /proc/sys/user/max_net_namespaces; echo 0 > /proc/sys/user/max_mnt_namespaces; ulimit -n 15";
        let inside = ["unshare", "--user", "--map-root-user"];
        let ran = shell(world, &inside, &format!("{set}; exec {netlab} up {lab}"));
        if ran.stderr.contains("unshare") || ran.stderr.contains("Permission denied") {
            return skip(test, &ran.stderr);
        }
        assert_eq!(ran.code, 3, "{ran:#?}");
        for limit in [
            "user.max_net_namespaces leaves 5",
            "user.max_mnt_namespaces leaves 0",
            "RLIMIT_NOFILE leaves 15",
        ] {
            assert_eq!(ran.stderr.matches(limit).count(), 1, "{limit}: {ran:#?}");
        }
        assert_eq!(ran.stderr.lines().count(), 4, "{ran:#?}");
        // A lab under test is skipped for the same reasons.
        let tested = shell(world, &inside, &format!("{set}; exec {netlab} test --check {lab}"));
        assert_eq!(tested.code, 3, "{tested:#?}");
        let text = tested.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            text.contains("SKIP two-node") && text.contains("user.max_net_namespaces leaves 5"),
            "{tested:#?}"
        );
    });
}

/// Neighbours that are learnt although the table is too small for all: a warning, and the lab comes up.
#[test]
fn neighbours_that_overflow_are_warned_of() {
    let test = "neighbours_that_overflow_are_warned_of";
    let most = fs::read_to_string("/proc/sys/net/ipv4/neigh/default/gc_thresh3");
    match most.ok().and_then(|text| text.trim().parse::<u64>().ok()) {
        Some(0..1640) => {}
        other => return skip(test, &format!("the table's limit is {other:?}")),
    }
    in_each_mode(test, |world| {
        let lab = |how: &str| {
            let text = format!("[cluster]\n{how}\n[[node]]\nname = \"n\"\npods = 40\n");
            world.file("lab.toml", &text)
        };
        let words = "learns 1640 IPv4 neighbours when all its pods talk to each other, but \
                     net.ipv4.neigh.default.gc_thresh3 leaves ";
        let learning = lab("neighbours = \"learn\"");
        let check = world.netlab(&["check", &learning]);
        assert_eq!(check.code, 0, "{check:#?}");
        assert!(check.stdout.ends_with("fine: 1 node, 40 pods, 1 segment\n"), "{check:#?}");
        let begins = format!("warning: this machine: {learning} {words}");
        assert!(check.stderr.starts_with(&begins) && check.stderr.lines().count() == 1, "{check:#?}");
        let up = world.netlab(&["up", &learning]);
        assert_eq!(up.code, 0, "{up:#?}");
        assert!(up.stderr.starts_with(&format!("warning: this machine: lab `lab` {words}")), "{up:#?}");
        world.ok(&["down", "--all"]);
        // Left alone, netlab gives the entries itself.
        let check = world.netlab(&["check", &lab("")]);
        assert_eq!((check.code, check.stderr.as_str()), (0, ""));
    });
}
