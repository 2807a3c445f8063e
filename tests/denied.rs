//! What netlab says where it may not make namespaces, or where the kernel lacks a part: which setting or module it is, in
//! one line, with exit code 3 and nothing left behind.
//!
//! These tests change settings of the whole kernel, so they run only in a throw-away VM (`make test-vm`).

mod support;

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use support::{Mode, World, skip, wait_until};

/// The settings are one for all tests: one test at a time.
static KERNEL: Mutex<()> = Mutex::new(());

/// The right to change this kernel; `None`, said loudly, where it is somebody's.
fn throw_away_kernel(test: &str) -> Option<MutexGuard<'static, ()>> {
    if std::env::var("NETLAB_TEST_VM").as_deref() != Ok("1") {
        skip(&format!("tests/denied.rs: {test}"), "needs a throw-away VM (make test-vm)");
        return None;
    }
    Some(KERNEL.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A kernel setting that is as it was again when this is dropped.
struct Setting {
    path: String,
    before: String,
}

impl Setting {
    /// `None` where this kernel has no such setting.
    fn set(name: &str, value: &str) -> Option<Self> {
        let path = format!("/proc/sys/{}", name.replace('.', "/"));
        let before = fs::read_to_string(&path).ok()?;
        fs::write(&path, value).expect(name);
        Some(Self { path, before })
    }
}

impl Drop for Setting {
    fn drop(&mut self) {
        fs::write(&self.path, self.before.trim()).expect("the setting as it was");
    }
}

fn run(program: &str, args: &[&str]) -> bool {
    Command::new(program)
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Modules that are not there, and not loaded on demand either, until this is dropped.
struct Without {
    modules: &'static [&'static str],
    _no_loading: Setting,
}

impl Without {
    fn new(modules: &'static [&'static str]) -> Self {
        for module in modules {
            // The kernel takes its time to free the namespaces of the labs before.
            wait_until(&format!("{module} unloaded"), || {
                !fs::exists(format!("/sys/module/{module}")).expect("sysfs") || run("rmmod", &[module])
            });
        }
        let _no_loading = Setting::set("kernel.modprobe", "/bin/false").expect("a kernel with modules");
        Self { modules, _no_loading }
    }
}

impl Drop for Without {
    fn drop(&mut self) {
        for module in self.modules.iter().rev() {
            run("modprobe", &[module]);
        }
    }
}

/// An AppArmor profile for one program, unloaded when this is dropped.
struct Profile(String);

impl Profile {
    const NAME: &str = "netlab-denied";

    fn load(world: &World, rules: &str) -> Self {
        let profile = Self(format!("profile {} {} {{\n{rules}\n}}\n", Self::NAME, world.binary().display()));
        assert!(profile.parser("--replace"), "{}", profile.0);
        profile
    }

    fn parser(&self, action: &str) -> bool {
        let mut command = Command::new("apparmor_parser");
        let mut child =
            command.args(["--skip-cache", action]).stdin(Stdio::piped()).spawn().expect("a parser");
        child.stdin.take().expect("a pipe").write_all(self.0.as_bytes()).expect("a parser that reads");
        child.wait().expect("an end").success()
    }
}

impl Drop for Profile {
    fn drop(&mut self) {
        assert!(self.parser("--remove"));
    }
}

/// Brings a lab up, which must fail with exit code 3 and a line with all of these `words`, and leave nothing.
fn refused(world: &World, words: &[&str]) {
    let said = world.fails(3, &["up", &world.lab("two-node.toml")]);
    let lines: Vec<&str> = said.lines().filter(|line| line.starts_with("netlab: ")).collect();
    let [line] = lines[..] else { panic!("{:?}: not one line of error:\n{said}", world.mode) };
    for word in words {
        assert!(line.contains(word), "{:?}: no `{word}` in: {line}", world.mode);
    }
    let ends = ["is left\n", "was made\n"]
        .map(|end| format!("lab `two-node` was not brought up; nothing of it {end}"));
    assert!(ends.iter().any(|end| said.ends_with(end)), "{said}");
    world.expect_no_files();
    assert_eq!(processes_of(world), [""; 0], "processes are left");
}

/// Asks the doctor, who must end with that code and say all of these `words`.
fn diagnosed(world: &World, code: i32, words: &[&str]) {
    let ran = world.netlab(&["doctor", &world.lab("two-node.toml")]);
    assert_eq!(ran.code, code, "{:?}: {ran:#?}", world.mode);
    let text = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for word in words {
        assert!(text.contains(word), "{:?}: no `{word}` in: {text}", world.mode);
    }
    assert_eq!(text.ends_with("labs can run here"), code == 0, "{text}");
    assert_eq!(processes_of(world), [""; 0], "processes are left");
}

/// Tests labs, of which none can be: says so once, with the same words.
fn nothing_tested(world: &World, words: &[&str]) {
    let labs = [world.lab("two-node.toml"), world.lab("one-node.toml")];
    let ran = world.netlab(&["test", "--check", &labs[0], &labs[1]]);
    assert_eq!(ran.code, 3, "{ran:#?}");
    assert!(ran.stderr.ends_with("\nno lab was tested\n"), "{ran:#?}");
    assert_eq!(ran.stderr.lines().filter(|line| line.starts_with("netlab: ")).count(), 1, "{ran:#?}");
    for word in words {
        assert!(ran.stderr.contains(word), "{:?}: no `{word}` in: {ran:#?}", world.mode);
    }
    world.expect_no_files();
}

/// Tests a lab that this kernel cannot make: it is skipped, and that is a failure only where it is to be one.
fn skipped(world: &World, reason: &str) {
    let lab = world.lab("two-node.toml");
    let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    for (options, code, words) in [
        (&["test", "--check"][..], 3, "SKIP two-node"),
        (&["test", "--check", "--no-skip"], 1, "FAIL two-node"),
    ] {
        let ran = world.netlab(&[options, &[lab.as_str()]].concat());
        assert_eq!(ran.code, code, "{options:?}: {ran:#?}");
        let text = flat(&ran.stdout);
        assert!(text.contains(words) && text.contains(&flat(reason)), "{options:?}: {ran:#?}");
    }
    world.expect_no_files();
}

/// The pids of all processes that run this world's netlab.
fn processes_of(world: &World) -> Vec<String> {
    let runs =
        |pid: &String| fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == world.binary());
    let names = fs::read_dir("/proc").expect("/proc").flatten().map(|entry| entry.file_name());
    names.filter_map(|name| name.into_string().ok()).filter(runs).collect()
}

fn allowed(world: &World) {
    world.ok(&["up", &world.lab("two-node.toml")]);
    world.ok(&["ping", "-c", "1", "pod1", "pod4"]);
    world.ok(&["down"]);
}

fn world(mode: Mode) -> World {
    World::new(mode).expect("a VM in which both root and nobody may make labs")
}

#[test]
fn debians_switch_for_user_namespaces() {
    let Some(_kernel) = throw_away_kernel("debians_switch_for_user_namespaces") else { return };
    let (root, nobody) = (world(Mode::Root), world(Mode::Ordinary));
    let Some(_setting) = Setting::set("kernel.unprivileged_userns_clone", "0") else {
        return skip("debians_switch_for_user_namespaces", "not a kernel of Debian's");
    };
    let words = [
        "making a user namespace: ",
        "kernel.unprivileged_userns_clone is 0",
        "`sudo sysctl -w kernel.unprivileged_userns_clone=1`",
        "or run netlab with sudo",
    ];
    refused(&nobody, &words);
    diagnosed(&nobody, 3, &words);
    diagnosed(&root, 0, &["kernel.unprivileged_userns_clone is 0"]);
    nothing_tested(&nobody, &["kernel.unprivileged_userns_clone is 0"]);
    allowed(&root);
}

#[test]
fn no_user_namespaces_at_all() {
    let Some(_kernel) = throw_away_kernel("no_user_namespaces_at_all") else { return };
    let (root, nobody) = (world(Mode::Root), world(Mode::Ordinary));
    let _setting = Setting::set("user.max_user_namespaces", "0").expect("every kernel has it");
    let words = [
        "making a user namespace: ",
        "limit on user namespaces is reached (user.max_user_namespaces)",
        "`sudo sysctl -w user.max_user_namespaces=20000`",
        "or run netlab with sudo",
    ];
    let foreseen = "lab `two-node` needs 1 namespace of its own, but user.max_user_namespaces leaves 0: ";
    refused(&nobody, &[foreseen, words[2], words[3]]);
    diagnosed(&nobody, 3, &words);
    diagnosed(&root, 0, &["user: No space left on device (ENOSPC)"]);
    allowed(&root);
}

#[test]
fn each_limit_on_namespaces_is_told_by_its_name() {
    let Some(_kernel) = throw_away_kernel("each_limit_on_namespaces_is_told_by_its_name") else { return };
    let worlds = [world(Mode::Root), world(Mode::Ordinary)];
    // None at all, and fewer than the lab wants of those that it has more than one of.
    for (kind, limits) in [
        ("net", &["0", "3"][..]),
        ("uts", &["0", "3"]),
        ("ipc", &["0", "3"]),
        ("pid", &["0"]),
        ("mnt", &["0"]),
    ] {
        let name = format!("user.max_{kind}_namespaces");
        for limit in limits {
            for world in &worlds {
                // Root has namespaces already: the VM's own, and those of earlier labs that the kernel is still freeing.
                if *limit != "0" && world.mode == Mode::Root {
                    continue;
                }
                let _setting = Setting::set(&name, limit).expect("every kernel has it");
                let (setting, raise) = (format!("({name})"), format!("sudo sysctl -w {name}=20000"));
                refused(world, &["lab `two-node` needs ", &format!("but {name} leaves {limit}: "), &raise]);
                if *limit == "0" {
                    diagnosed(world, 3, &[&setting, &raise]);
                } else {
                    // As soon as the kernel has freed those of before, a lab can be made, but not this one.
                    let left = format!("it takes 7 namespaces, but {name} leaves 3");
                    let lab = world.lab("two-node.toml");
                    wait_until(&left, || {
                        let told = world.netlab(&["doctor", "--format", "json", &lab]);
                        assert_eq!(told.code, 3, "{told:#?}");
                        told.stdout.contains(&left) && told.stdout.contains(&raise)
                    });
                }
            }
        }
    }
    worlds.iter().for_each(allowed);
}

#[test]
fn an_apparmor_profile_in_the_way() {
    let test = "an_apparmor_profile_in_the_way";
    let Some(_kernel) = throw_away_kernel(test) else { return };
    if !fs::exists("/sys/kernel/security/apparmor/profiles").unwrap_or(false)
        || !run("apparmor_parser", &["--version"])
    {
        return skip(test, "no AppArmor, or no apparmor_parser");
    }
    let (root, nobody) = (world(Mode::Root), world(Mode::Ordinary));
    let common = "file, network, signal, ptrace, unix,";
    let advice = "the AppArmor profile `netlab-denied` forbids it: change the profile";
    // Refused already when the user namespace is made, and later, inside it.
    for (rules, doing) in
        [("", "making a user namespace: "), ("capability,", "setting up the lab's own mounts: ")]
    {
        let _profile = Profile::load(&nobody, &format!("{common} {rules}"));
        refused(&nobody, &[doing, advice, ", or run netlab with sudo"]);
        diagnosed(&nobody, 3, &[doing, advice, "AppArmor confined by the profile `netlab-denied`"]);
    }
    let profile = Profile::load(&root, &format!("{common} capability,"));
    refused(&root, &["setting up the lab's own mounts: ", advice]);
    diagnosed(&root, 3, &["setting up the lab's own mounts: ", advice]);
    drop(profile);
    allowed(&nobody);
    allowed(&root);
}

#[test]
fn a_kernel_without_bridges_or_cables() {
    let Some(_kernel) = throw_away_kernel("a_kernel_without_bridges_or_cables") else { return };
    let worlds = [world(Mode::Root), world(Mode::Ordinary)];
    for (modules, words, said) in [
        (&["br_netfilter", "bridge"][..], "this kernel lacks bridges (module `bridge`;", "bridge loadable"),
        (&["veth"], "this kernel lacks veth cables (module `veth`;", "veth loadable"),
    ] {
        let without = Without::new(modules);
        let command = format!("`sudo modprobe -a {}`", modules.last().expect("a module"));
        worlds.iter().for_each(|world| refused(world, &[words, &command]));
        worlds.iter().for_each(|world| diagnosed(world, 3, &[said, &command]));
        worlds.iter().for_each(|world| skipped(world, words));
        drop(without);
    }
    worlds.iter().for_each(allowed);
}

/// Labs that do not take them run all the same, and loading them by hand helps.
#[test]
fn modules_that_do_not_come_by_themselves() {
    let test = "modules_that_do_not_come_by_themselves";
    let Some(_kernel) = throw_away_kernel(test) else { return };
    let worlds = [world(Mode::Root), world(Mode::Ordinary)];
    for (feature, module) in [
        ("geneve", &["geneve"]),
        ("gre", &["ip_gre"]),
        ("ipip", &["ipip"]),
        ("netem", &["sch_netem"]),
        ("wireguard", &["wireguard"]),
    ] {
        let without = Without::new(module);
        let module = module[0];
        let words = [format!("{feature} loadable {module},"), format!("`sudo modprobe -a {module}`")];
        for world in &worlds {
            diagnosed(world, 0, &words.each_ref().map(String::as_str));
        }
        drop(without);
        for world in &worlds {
            diagnosed(world, 0, &[&format!("{feature} present {module},")]);
        }
    }
}
