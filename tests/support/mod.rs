//! What tests that need namespaces share: netlab as root and as an ordinary user, each in a runtime directory of its own.
//!
//! Where this machine cannot do what a test needs, the test says `SKIPPED` on standard error, past the test runner's
//! capture, and a line goes to `target/skipped.txt`, which `make test` counts and prints.

#![allow(dead_code, unreachable_pub, missing_docs)] // each test binary uses a part of this

pub mod browser;
pub mod capture;
pub mod console;
pub mod pcapng;
pub mod terminal;

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The user that stands for "an ordinary user" when the tests run as root: nobody.
const ORDINARY: u32 = 65_534;

/// Whom netlab is run as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Root,
    Ordinary,
}

pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Runs a test in every mode that this machine has, and says loudly which it has not.
pub fn in_each_mode(test: &str, run: impl Fn(&World)) {
    for mode in [Mode::Root, Mode::Ordinary] {
        match World::new(mode) {
            Ok(world) => run(&world),
            Err(why) => skip(test, &format!("{mode:?}: {why}")),
        }
    }
}

/// Runs a test in every mode, and in a slow virtual machine as root only: another kernel is what it is there for, and an
/// ordinary user's labs take the same ways through it.
pub fn in_each_mode_unless_slow(test: &str, run: impl Fn(&World)) {
    if !is_slow() {
        return in_each_mode(test, run);
    }
    skip(test, "Ordinary: in the slow virtual machine it runs as root only");
    match World::new(Mode::Root) {
        Ok(world) => run(&world),
        Err(why) => skip(test, &why),
    }
}

/// Runs a test in every mode, but not in a slow virtual machine: on another kernel it would show nothing else.
pub fn in_each_mode_unless_in_vm(test: &str, run: impl Fn(&World)) {
    if is_slow() {
        return skip(test, "not in the slow virtual machine: another kernel makes no difference to it");
    }
    in_each_mode(test, run);
}

/// The line that says what this machine lacks.
pub fn lacking(said: &str) -> &str {
    said.lines().find(|line| line.contains("this kernel lacks")).unwrap_or(said).trim()
}

/// Says that a test, or a part of it, did not run.
pub fn skip(test: &str, why: &str) {
    let line = format!("SKIPPED: {test}: {why}\n");
    // Not eprint!, which the test runner captures.
    let _ = std::io::stderr().write_all(line.as_bytes());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/skipped.txt");
    if let Ok(mut file) = fs::OpenOptions::new().create(true).append(true).open(path) {
        let _ = file.write_all(line.as_bytes());
    }
}

/// How long to wait for what should come at once: generous, because machines are shared, and more in a slow VM.
pub fn patience() -> Duration {
    let factor = std::env::var("NETLAB_TEST_PATIENCE").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    Duration::from_secs(20) * factor
}

/// Whether this is the slow virtual machine, where a test may do less of the same.
pub fn is_slow() -> bool {
    std::env::var_os("NETLAB_TEST_PATIENCE").is_some()
}

/// A shell's commands, run where `prefix` leads to, as the user of that world.
pub fn shell(world: &World, prefix: &[&str], script: &str) -> Ran {
    let words = [prefix, &["sh", "-ec", script]].concat();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]);
    world.prepare(&mut command);
    Ran::from(command.output().unwrap_or_else(|error| panic!("{}: {error}", words[0])))
}

/// Waits until something holds, and fails with its name if it does not within [`patience`].
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + patience();
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: still not so after {:?}", patience());
        std::thread::yield_now();
    }
}

/// netlab for one user, with a runtime directory that no other test sees.
pub struct World {
    pub mode: Mode,
    directory: tempfile::TempDir,
}

impl World {
    pub fn new(mode: Mode) -> Result<Self, String> {
        if mode == Mode::Root && !is_root() {
            return Err("the tests do not run as root".into());
        }
        let directory =
            tempfile::Builder::new().prefix("netlab-test-").tempdir().expect("a temporary directory");
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("chmod");
        let world = Self { mode, directory };
        // By another program: a file that this one has open for writing while a parallel test forks cannot be run.
        let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_netlab")).arg(world.binary()).status();
        assert!(copied.is_ok_and(|status| status.success()), "no copy of netlab that every user can run");
        for own in [world.runtime(), world.temporary()] {
            fs::create_dir(&own).expect("a directory of the user's own");
            fs::set_permissions(&own, fs::Permissions::from_mode(0o700)).expect("chmod");
            if mode == Mode::Ordinary && is_root() {
                std::os::unix::fs::chown(&own, Some(ORDINARY), Some(ORDINARY)).expect("chown");
            }
        }
        world.probe()?;
        Ok(world)
    }

    /// Whether namespaces can be made at all: the smallest lab, up and down.
    fn probe(&self) -> Result<(), String> {
        let file = self.file("probe.toml", "[[node]]\nname = \"n\"\n");
        let output = self.netlab(&["up", &file]);
        if output.code == 3 {
            return Err(output.stderr.lines().filter(|line| line.starts_with("netlab:")).collect());
        }
        assert_eq!(output.code, 0, "the smallest lab: {output:?}");
        assert_eq!(self.netlab(&["down", "probe"]).code, 0);
        Ok(())
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn binary(&self) -> PathBuf {
        self.path().join("netlab")
    }

    pub fn runtime(&self) -> PathBuf {
        self.path().join("run")
    }

    /// Where temporary files of this user go.
    pub fn temporary(&self) -> PathBuf {
        self.path().join("tmp")
    }

    /// Writes a file that the user can read; gives back its path.
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.path().join(name);
        fs::write(&path, text).expect("writing a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("chmod");
        path.to_str().expect("a path that is text").to_owned()
    }

    /// One of the shipped topologies.
    pub fn lab(&self, name: &str) -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("labs").join(name);
        self.file(name, &fs::read_to_string(path).expect("a shipped lab"))
    }

    /// netlab, ready to be started.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.binary());
        command.args(args);
        self.prepare(&mut command);
        command
    }

    /// Any program, as the same user, seeing the same labs.
    pub fn prepare(&self, command: &mut Command) {
        let path = format!("{}:{}", self.path().display(), std::env::var("PATH").unwrap_or_default());
        command
            .env("NETLAB_RUNTIME_DIR", self.runtime())
            .env("PATH", path)
            .env("TMPDIR", self.temporary())
            .env("HOME", self.path());
        // What a CI system says of itself changes what netlab writes.
        for variable in ["NO_COLOR", "CI", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"] {
            command.env_remove(variable);
        }
        command.current_dir(self.path()).stdin(Stdio::null());
        if self.mode == Mode::Ordinary && is_root() {
            command.uid(ORDINARY).gid(ORDINARY);
        }
        #[allow(unsafe_code)] // between fork and exec
        // SAFETY: sigaction is async-signal-safe.
        unsafe {
            command.pre_exec(heed_signals);
        }
    }

    /// Runs netlab to its end.
    pub fn netlab(&self, args: &[&str]) -> Ran {
        Ran::from(self.command(args).output().expect("running netlab"))
    }

    /// Runs netlab, which must succeed; gives back what it printed.
    pub fn ok(&self, args: &[&str]) -> String {
        let ran = self.netlab(args);
        assert_eq!(ran.code, 0, "{:?}: netlab {args:?}: {ran:#?}", self.mode);
        ran.stdout
    }

    /// Runs netlab, which must fail with that code; gives back what it complained.
    pub fn fails(&self, code: i32, args: &[&str]) -> String {
        let ran = self.netlab(args);
        assert_eq!(ran.code, code, "{:?}: netlab {args:?}: {ran:#?}", self.mode);
        ran.stderr
    }

    /// The names of a traceroute's hops.
    pub fn hops(&self, args: &[&str]) -> Vec<String> {
        let text = self.ok(&[&["traceroute", "--format", "json"], args].concat());
        let report: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let hops = report["hops"].as_array().expect("hops").clone();
        let name =
            |hop: &serde_json::Value| hop["answers"][0]["from"]["name"].as_str().unwrap_or("?").to_owned();
        hops.iter().map(name).collect()
    }

    /// A row of the matrix, for `-4` or `-6`: the TTL of each answer to a place.
    pub fn row(&self, family: &str, from: &str) -> String {
        let csv = self.ok(&["matrix", family, "--format", "csv"]);
        let begin = format!("IPv{},{from},", &family[1..]);
        let row = csv.lines().find_map(|line| line.strip_prefix(&begin));
        row.unwrap_or_else(|| panic!("{from} in {csv}")).to_owned()
    }

    pub fn spawn(&self, args: &[&str]) -> Child {
        let mut command = self.command(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starting netlab")
    }

    /// What netlab remembers of a running lab.
    pub fn record(&self, lab: &str) -> Option<serde_json::Value> {
        let text = fs::read(self.runtime().join(lab).join("lab.json")).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// The pid of a lab's holder or keeper.
    pub fn pid(&self, lab: &str, who: &str) -> i32 {
        let record = self.record(lab).expect("a running lab");
        i32::try_from(record[who]["pid"].as_i64().expect("a pid")).expect("a small pid")
    }

    /// All of a lab's processes that its record names.
    pub fn pids(&self, lab: &str) -> Vec<i32> {
        let record = self.record(lab).expect("a running lab");
        let sandboxes = record["sandboxes"].as_array().expect("sandboxes");
        let mut pids: Vec<i32> =
            sandboxes.iter().map(|sandbox| sandbox["pid"].as_i64().expect("a pid") as i32).collect();
        pids.push(self.pid(lab, "keeper"));
        pids
    }

    /// Waits until no file of any lab is left.
    pub fn expect_no_files(&self) {
        wait_until("the runtime directory is empty", || {
            fs::read_dir(self.runtime()).map_or(true, |mut entries| entries.next().is_none())
        });
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.command(&["down", "--all"]).output();
    }
}

/// Undoes what `nohup` or a shell's `&` did to whoever started the tests: ignored signals are inherited.
#[allow(unsafe_code)] // sigaction
fn heed_signals() -> std::io::Result<()> {
    use nix::sys::signal::{SigHandler, Signal, signal};
    for one in [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM] {
        // SAFETY: the default action runs no code of ours.
        unsafe { signal(one, SigHandler::SigDfl) }?;
    }
    Ok(())
}

/// How a command ended.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        use std::os::unix::process::ExitStatusExt as _;
        Self {
            code: output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap_or(0)),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Whether a process is there and not only waiting to be reaped.
pub fn lives(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        stat.rsplit(") ").next().is_some_and(|rest| !rest.starts_with('Z') && !rest.starts_with('X'))
    })
}

/// Runs the test of this name again in PID, network and mount namespaces of its own, where nothing else happens:
/// everything that is left there afterwards was left by netlab. Gives back whether this is that second run.
pub fn isolated(test: &str) -> bool {
    if std::env::var_os("NETLAB_TEST_ISOLATED").is_some() {
        return true;
    }
    let mut command = Command::new("unshare");
    if !is_root() {
        command.args(["--user", "--map-current-user"]);
    }
    command.args(["--pid", "--fork", "--kill-child", "--net", "--mount", "--mount-proc", "--"]);
    command.arg(std::env::current_exe().expect("this program")).args([
        test,
        "--exact",
        "--nocapture",
        "--test-threads=1",
    ]);
    let output = command.env("NETLAB_TEST_ISOLATED", "1").output();
    match output {
        Err(error) => skip(test, &format!("unshare: {error}")),
        Ok(output) => {
            let ran = Ran::from(output);
            if ran.stderr.contains("unshare failed") || ran.stderr.contains("unshare: cannot") {
                skip(test, ran.stderr.trim());
                return false;
            }
            assert_eq!(ran.code, 0, "in namespaces of its own:\n{}\n{}", ran.stdout, ran.stderr);
            for line in ran.stderr.lines().filter(|line| line.starts_with("SKIPPED")) {
                let _ = writeln!(std::io::stderr(), "{line}");
            }
        }
    }
    false
}
