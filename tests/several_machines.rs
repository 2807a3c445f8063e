//! docs/scale.md, "Beyond one machine": its commands are run, on machines that are network namespaces of the test's own, and
//! print what it shows. `INSTA_UPDATE=always cargo test --test several_machines` writes it anew.

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use support::{Mode, Ran, World, in_each_mode, lacking, skip};

/// The machines, with the address that the document gives each.
const MACHINES: [(&str, &str); 3] = [("a", "198.51.100.11"), ("b", "198.51.100.12"), ("c", "198.51.100.13")];

/// A shell in namespaces of its own, which reads a machine's name and a command, and runs the command on that machine.
const STREET: &str = r#"
set -e
mount -t tmpfs tmpfs /run
mkdir /run/netns
ip link add street type bridge
ip link set street up
for machine in a=11 b=12 c=13; do
  name=${machine%=*}
  ip netns add "$name"
  ip link add "to-$name" master street up type veth peer name eth0 netns "$name"
  ip -n "$name" addr add "198.51.100.${machine#*=}/24" dev eth0
  ip -n "$name" link set eth0 up
  ip -n "$name" link set lo up
  mkdir -m 700 "$TMPDIR/$name"
done
echo 'END 0'
while read -r name && read -r command; do
  set +e
  (cd "$TMPDIR" && NETLAB_RUNTIME_DIR="$TMPDIR/$name" nsenter --net="/run/netns/$name" sh -c "$command" < /dev/null 2> stderr)
  echo "END $?"
done
"#;

/// The machines, joined by a network of their own.
struct Street {
    shell: Child,
    ask: Option<ChildStdin>,
    answer: BufReader<ChildStdout>,
    directory: PathBuf,
}

impl Street {
    /// None where this machine does not let us.
    fn new(world: &World) -> Result<Self, String> {
        let sudo = world.path().join("sudo");
        fs::write(&sudo, "#!/bin/sh\nexec \"$@\"\n").expect("a file");
        fs::set_permissions(&sudo, fs::Permissions::from_mode(0o755)).expect("chmod");
        let mut command = Command::new("unshare");
        world.prepare(&mut command);
        if world.mode == Mode::Ordinary {
            command.args(["--user", "--map-root-user"]);
        }
        command.args([
            "--net",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
            "sh",
            "-c",
            STREET,
        ]);
        let mut shell = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("unshare: {error}"))?;
        let ask = shell.stdin.take();
        let answer = BufReader::new(shell.stdout.take().expect("a pipe"));
        let mut street = Self { shell, ask, answer, directory: world.temporary() };
        match street.read_answer() {
            Some((0, _)) => Ok(street),
            _ => {
                drop(street.ask.take());
                let mut said = String::new();
                let mut stderr = street.shell.stderr.take().expect("a pipe");
                std::io::Read::read_to_string(&mut stderr, &mut said).expect("what it said");
                Err(said)
            }
        }
    }

    /// Runs a command on a machine.
    fn run(&mut self, machine: &str, command: &str) -> Ran {
        let ask = self.ask.as_mut().expect("a pipe");
        ask.write_all(format!("{machine}\n{command}\n").as_bytes()).expect("the street listens");
        let (code, stdout) = self.read_answer().expect("the street answers");
        let stderr = fs::read_to_string(self.directory.join("stderr")).unwrap_or_default();
        Ran { code, stdout, stderr }
    }

    fn read_answer(&mut self) -> Option<(i32, String)> {
        let mut text = String::new();
        loop {
            let mut line = String::new();
            if self.answer.read_line(&mut line).expect("lines") == 0 {
                return None;
            }
            match line.strip_prefix("END ") {
                Some(code) => return Some((code.trim().parse().expect("a code"), text)),
                None => text.push_str(&line),
            }
        }
    }

    /// What is there of each machine's own network: its interfaces, addresses and sockets.
    fn networks(&mut self) -> Vec<String> {
        let all =
            "ip -brief link; ip -brief address; ip route; ss --no-header --numeric --all --udp --tcp --raw";
        MACHINES.iter().map(|(machine, _)| self.run(machine, all).stdout).collect()
    }
}

impl Drop for Street {
    fn drop(&mut self) {
        drop(self.ask.take());
        let _ = self.shell.wait();
    }
}

fn path() -> PathBuf {
    concat!(env!("CARGO_MANIFEST_DIR"), "/docs/scale.md").into()
}

fn document() -> String {
    fs::read_to_string(path()).expect("the document")
}

/// The machine and the command of a line such as `a$ netlab up a.toml`.
fn command(line: &str) -> Option<(&str, &str)> {
    line.split_once("$ ").filter(|(machine, _)| MACHINES.iter().any(|(known, _)| known == machine))
}

/// The document with what its commands print now.
fn retold(street: &mut Street, document: &str) -> String {
    let (mut told, mut in_session) = (String::new(), false);
    for line in document.lines() {
        if line.starts_with("```") {
            in_session = false;
        }
        let command = command(line);
        in_session |= command.is_some();
        if command.is_none() && in_session {
            // What was printed some other time.
            continue;
        }
        told.push_str(line);
        told.push('\n');
        if let Some((machine, command)) = command {
            let ran = street.run(machine, command);
            assert!(ran.code == 0 && ran.stderr.lines().all(is_progress), "{line}\n{ran:#?}");
            ran.stdout.lines().for_each(|line| told.push_str(&format!("{}\n", line.trim_end())));
        }
    }
    told
}

/// What netlab says while it builds.
fn is_progress(line: &str) -> bool {
    line.starts_with("building ")
}

/// A line without what differs from run to run: times, and how they are aligned.
fn without_times(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let shown = words.iter().enumerate().map(|(place, word)| match word.split_once('=') {
        Some(("time", _)) => "time=T",
        // On a slow machine a time may be one of seconds.
        _ if place > 0 && *word == "s" => "ms",
        _ if words.get(place + 1).is_some_and(|next| ["ms", "s"].contains(next)) => "T",
        _ => word,
    });
    shown.collect::<Vec<_>>().join(" ")
}

/// The document's topologies, by name.
fn topologies(document: &str) -> Vec<(String, String)> {
    let blocks = document.split("\n```").filter_map(|block| block.strip_prefix("toml\n"));
    let named = blocks.filter_map(|text| {
        let name = text.strip_prefix("name = \"")?.split('"').next()?;
        MACHINES.iter().any(|(known, _)| *known == name).then(|| (name.to_owned(), text.to_owned()))
    });
    named.collect()
}

/// Whether jq, which the document uses, is there.
fn has_jq(test: &str) -> bool {
    let has = Command::new("jq").arg("--version").output().is_ok();
    if !has {
        skip(test, "jq is not installed");
    }
    has
}

/// Writes the document's topologies where commands are run.
fn write_topologies(world: &World, document: &str) {
    let topologies = topologies(document);
    assert_eq!(topologies.len(), MACHINES.len());
    for (name, text) in topologies {
        world.file(&format!("tmp/{name}.toml"), &text);
    }
}

/// Has ordinary users bring the labs up, in a street of root's.
fn give_to_ordinary_users(world: &World, street: &mut Street) {
    let netlab = world.binary();
    let other = world.path().join("as-root");
    fs::rename(&netlab, &other).expect("another name");
    let user = "setpriv --reuid 65534 --regid 65534 --clear-groups";
    let script = format!("#!/bin/sh\nexec {user} {} \"$@\"\n", other.display());
    fs::write(&netlab, script).expect("a script");
    fs::set_permissions(&netlab, fs::Permissions::from_mode(0o755)).expect("chmod");
    for (machine, _) in MACHINES {
        let given = street.run(machine, "chmod 755 . && chown 65534:65534 $NETLAB_RUNTIME_DIR");
        assert_eq!(given.code, 0, "{given:#?}");
    }
}

#[test]
fn ordinary_users_labs_are_joined_too_and_flat_ones_need_no_routes() {
    let test = "ordinary_users_labs_are_joined_too_and_flat_ones_need_no_routes";
    if !has_jq(test) {
        return;
    }
    let world = match World::new(Mode::Root) {
        Ok(world) => world,
        Err(why) => return skip(test, &why),
    };
    if let Err(why) = World::new(Mode::Ordinary) {
        return skip(test, &why);
    }
    let document = document();
    let mut street = match Street::new(&world) {
        Ok(street) => street,
        Err(why) => return skip(test, why.trim()),
    };
    write_topologies(&world, &document);
    give_to_ordinary_users(&world, &mut street);
    let before = street.networks();
    let joining =
        document.split("\n### ").find(|section| section.starts_with("Joining two")).expect("a section");
    let mut joined = 0;
    for (machine, command) in joining.lines().filter_map(command) {
        if !command.contains("route") {
            let ran = street.run(machine, &command.replace("netlab up", "netlab up --data-path l2"));
            assert_eq!(ran.code, 0, "{command}: {ran:#?}");
            joined += 1;
        }
    }
    assert_eq!(joined, 8, "the document's commands are not understood any more");
    let status = street.run("a", "netlab status a");
    assert!(status.stdout.contains(", in a user namespace of its own, holder "), "{status:#?}");
    let ping = street.run("a", "netlab ping -c 1 -M do -s 1422 pod1 10.244.4.2");
    assert!(ping.stdout.contains("1430 bytes from 10.244.4.2: icmp_seq=1 ttl=64 "), "{ping:#?}");
    for machine in ["a", "b"] {
        assert_eq!(street.run(machine, "netlab down --wait").code, 0);
    }
    assert_eq!(street.networks(), before, "something is left in a machine's own network");
}

#[test]
fn labs_of_several_machines_become_one_cluster() {
    let test = "labs_of_several_machines_become_one_cluster";
    if !has_jq(test) {
        return;
    }
    in_each_mode(test, |world| {
        let document = document();
        let mut street = match Street::new(world) {
            Ok(street) => street,
            Err(why) => return skip(test, &format!("{:?}: {}", world.mode, lacking(&why))),
        };
        write_topologies(world, &document);
        let before = street.networks();
        let told = retold(&mut street, &document);
        assert_eq!(street.networks(), before, "something is left in a machine's own network");
        for (machine, _) in MACHINES {
            let left = fs::read_dir(world.temporary().join(machine)).expect("a directory").count();
            assert_eq!(left, 0, "files are left on {machine}");
        }
        if std::env::var("INSTA_UPDATE").is_ok_and(|value| value == "always") {
            fs::write(path(), &told).expect("the document is written");
        }
        assert!(told.contains("10.244.4.2: icmp_seq=1 ttl=62"), "the document has lost its point");
        let lines = document.lines().zip(told.lines()).enumerate();
        for (number, (shown, printed)) in lines {
            assert_eq!(without_times(shown), without_times(printed), "docs/scale.md:{}", number + 1);
        }
        assert_eq!(document.lines().count(), told.lines().count());
    });
}
