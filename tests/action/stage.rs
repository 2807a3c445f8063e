//! A place where a workflow's steps can run: a workspace, the runner's files, and stand-ins for what they call.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What stands for netlab.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Netlab {
    /// Writes what it was asked for, and exits with this code.
    Exits(i32),
    /// Notes how it was called, and is this program.
    Real(&'static str),
}

/// Everything that steps see of the world.
pub(crate) struct Stage {
    directory: tempfile::TempDir,
}

/// Notes the call, then forgets the environment as sudo does, except for what it is told to keep.
const SUDO: &str = r#"echo "sudo $*" >> "$CALLS"
keep=()
while [[ $1 == -* ]]; do
  [[ $1 == --preserve-env=* ]] || { echo "sudo: no such option: $1" >&2; exit 1; }
  IFS=, read -r -a names <<< "${1#*=}"
  for name in "${names[@]}"; do keep+=("$name=${!name}"); done
  shift
done
exec env -i PATH="$PATH" CALLS="$CALLS" "${keep[@]}" "$@""#;

/// Notes the call and installs netlab where it is told to.
const CARGO: &str = r#"echo "cargo $*" >> "$CALLS"
root=$HOME/.cargo
while (($#)); do
  if [[ $1 == --root ]]; then root=$2; fi
  shift
done
mkdir -p "$root/bin" && cp "$STAGE/netlab" "$root/bin/netlab""#;

/// Notes the call, and what of the environment arrived.
const NOTE: &str = r#"echo "netlab $*" >> "$CALLS"
for name in CI GITHUB_ACTIONS; do echo "netlab $name=${!name}" >> "$CALLS"; done
"#;

/// Writes what it is asked for.
const PRETEND: &str = r#"[[ $1 == test ]] || exit 2
[[ -z $GITHUB_STEP_SUMMARY ]] || echo "netlab was here" >> "$GITHUB_STEP_SUMMARY"
while (($#)); do
  if [[ $1 == --junit ]]; then echo '<testsuites/>' > "$2"; fi
  shift
done
"#;

impl Stage {
    pub(crate) fn new(netlab: Netlab) -> Self {
        let directory = tempfile::Builder::new().prefix("netlab-action-").tempdir().expect("a directory");
        let stage = Self { directory };
        for own in ["bin", "home", "workspace/labs/deeper", "run"] {
            fs::create_dir_all(stage.path(own)).expect("a directory");
        }
        // As netlab wants it of a runtime directory.
        fs::set_permissions(stage.path("run"), fs::Permissions::from_mode(0o700)).expect("chmod");
        for lab in ["one-node", "two-node"] {
            let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("labs/{lab}.toml"));
            fs::copy(shipped, stage.path(&format!("workspace/labs/{lab}.toml"))).expect("a lab");
        }
        for empty in ["calls", "output", "summary"] {
            fs::write(stage.path(empty), "").expect("a file");
        }
        for odd in ["deeper/deep.toml", "deeper/a b.toml"] {
            fs::write(stage.path(&format!("workspace/labs/{odd}")), "").expect("a file");
        }
        stage.program("bin/cargo", CARGO);
        stage.program("bin/sudo", SUDO);
        // The runner's user on GitHub, whoever runs the tests.
        stage.program("bin/id", "echo 1001");
        stage.program("bin/chown", ":");
        let rest = match netlab {
            Netlab::Exits(code) => format!("{PRETEND}exit {code}"),
            Netlab::Real(program) => {
                // The labs of tests are nobody else's.
                let own = stage.path("run").display().to_string();
                format!("export NETLAB_RUNTIME_DIR='{own}'\nexec '{program}' \"$@\"")
            }
        };
        stage.program("netlab", &format!("{NOTE}{rest}"));
        stage
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn workspace(&self) -> PathBuf {
        self.path("workspace")
    }

    /// Puts netlab, or its stand-in, somewhere.
    pub(crate) fn install(&self, name: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::copy(self.path("netlab"), path).expect("a copy");
    }

    /// Who was called with what, in order.
    pub(crate) fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.path("calls")).expect("calls");
        calls.lines().map(str::to_owned).collect()
    }

    pub(crate) fn summary(&self) -> String {
        fs::read_to_string(self.path("summary")).expect("a summary")
    }

    /// What a step has told the runner: names and values.
    pub(crate) fn take_outputs(&self) -> Vec<(String, String)> {
        let output = fs::read_to_string(self.path("output")).expect("outputs");
        fs::write(self.path("output"), "").expect("a file");
        let pair = |line: &str| line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        output.lines().map(|line| pair(line).expect(line)).collect()
    }

    /// A script, to be run as the runner runs it, with the runner's variables.
    pub(crate) fn command(&self, script: &str) -> Command {
        let file = self.path("step.sh");
        fs::write(&file, script).expect("a script");
        let mut command = Command::new("bash");
        command.args(["--noprofile", "--norc", "-eo", "pipefail"]).arg(file);
        command.env_clear().current_dir(self.workspace());
        command.env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", self.path("bin").display()));
        for (name, file) in [
            ("HOME", "home"),
            ("CALLS", "calls"),
            ("STAGE", ""),
            ("GITHUB_OUTPUT", "output"),
            ("GITHUB_STEP_SUMMARY", "summary"),
            ("GITHUB_WORKSPACE", "workspace"),
        ] {
            command.env(name, self.path(file));
        }
        command.env("GITHUB_ACTION_PATH", env!("CARGO_MANIFEST_DIR"));
        for (name, value) in
            [("CI", "true"), ("GITHUB_ACTIONS", "true"), ("RUNNER_OS", "Linux"), ("RUNNER_ARCH", "X64")]
        {
            command.env(name, value);
        }
        command
    }

    fn program(&self, name: &str, script: &str) {
        let path = self.path(name);
        fs::write(&path, format!("#!/bin/bash\n{script}\n")).expect("a program");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("chmod");
    }
}
