//! The completion scripts, in the shells themselves: what is offered, and that nothing is said where there is nothing.

mod support;

use std::process::Command;

use support::{Mode, Ran, World, in_each_mode, skip};

/// Completes each line, whose words are split as Bash splits them; prints what is offered on one line each.
const BASH: &str = r#"
source <(netlab completions bash)
[[ $(complete -p netlab) == *'-F _netlab netlab' ]] || echo "not registered"
offer() {
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
    _netlab "$1" "${COMP_WORDS[COMP_CWORD]#=}" "${COMP_WORDS[COMP_CWORD - 1]}"
    echo "${COMPREPLY[*]}"
}
"#;

/// The same with Zsh's own functions replaced by ones that say how they were called: those need a terminal.
const ZSH: &str = r#"
compdef() { [[ "$*" == '_netlab netlab' ]] || echo "not registered" }
_path_files() { offered+=("files: $*") }
_command_names() { offered+=("programs") }
_describe() { offered+=("${(@)names%%:*}") }
source <(netlab completions zsh)
offer() {
    local -a words=("$@") offered=()
    local CURRENT=$# PREFIX=$@[-1]
    _netlab
    echo "$offered"
}
"#;

const FISH: &str = r#"
netlab completions fish | source
function offer
    # The last word, which may be empty, is not closed by a space.
    echo (complete --do-complete "$argv" | string split --fields 1 \t)
end
"#;

/// A shell, and what makes it complete.
#[derive(Clone, Copy)]
struct Shell {
    program: &'static str,
    /// Leaves out what people configured.
    bare: &'static str,
    prelude: &'static str,
}

const SHELLS: [Shell; 3] = [
    Shell { program: "bash", bare: "--norc", prelude: BASH },
    Shell { program: "zsh", bare: "-f", prelude: ZSH },
    Shell { program: "fish", bare: "--no-config", prelude: FISH },
];

impl Shell {
    fn run(self, world: &World, script: &str) -> Ran {
        let mut command = Command::new(self.program);
        command.args([self.bare, "-c", &format!("{}\n{script}", self.prelude)]);
        world.prepare(&mut command);
        Ran::from(command.output().expect("running a shell"))
    }

    /// What is offered for each of the lines, whose words are quoted as all three shells read them.
    fn offers<const LINES: usize>(self, world: &World, lines: [&str; LINES]) -> [String; LINES] {
        let ran = self.run(world, &lines.map(|line| format!("offer {line}")).join("\n"));
        assert_eq!(ran.stderr, "", "{:?}: {}: {}", world.mode, self.program, ran.stdout);
        let offered: Vec<String> = ran.stdout.lines().map(str::to_owned).collect();
        offered.try_into().unwrap_or_else(|other| panic!("{}: {other:#?}", self.program))
    }
}

/// Runs a test in every shell that is installed, for each user.
fn in_each_shell(test: &str, run: impl Fn(&World, Shell)) {
    in_each_mode(test, |world| {
        for shell in SHELLS {
            if Command::new(shell.program).args([shell.bare, "-c", "exit"]).output().is_ok() {
                run(world, shell);
            } else {
                skip(test, &format!("{} is not installed", shell.program));
            }
        }
    });
}

const PLACES: &str = "node1 node2 pod1 pod2 pod3 pod4";

#[test]
fn names_of_the_running_lab_are_offered() {
    in_each_shell("names_of_the_running_lab_are_offered", |world, shell| {
        world.ok(&["up", &world.lab("two-node.toml")]);
        let [from, to, sh, begun, exec, inspect, down, graph, impair, key, link] = shell.offers(
            world,
            [
                "netlab ping ''",
                "netlab ping -c 3 pod1 ''",
                "netlab sh ''",
                "netlab traceroute pod",
                "netlab exec ''",
                "netlab inspect f",
                "netlab down t",
                "netlab graph t",
                "netlab impair set u",
                "netlab impair clear node1 lo",
                "netlab link down node",
            ],
        );
        assert_eq!([impair.as_str(), key.as_str(), link.as_str()], ["underlay", "loss", "node1 node2"]);
        assert_eq!([from.as_str(), to.as_str(), sh.as_str()], [PLACES; 3], "{}", shell.program);
        assert_eq!(begun, "pod1 pod2 pod3 pod4", "{}", shell.program);
        assert_eq!(exec, format!("{PLACES} fabric"), "{}", shell.program);
        assert_eq!(inspect, "fabric", "{}", shell.program);
        assert_eq!(down, "two-node", "{}", shell.program);
        assert!(graph.contains("two-node"), "{}: {graph}", shell.program);
        world.ok(&["down"]);
    });
}

#[test]
fn of_several_labs_the_one_that_was_named_is_meant() {
    in_each_shell("of_several_labs_the_one_that_was_named_is_meant", |world, shell| {
        let one = world.file("one.toml", "[[node]]\nname = \"n1\"\npods = [\"p1\"]\n");
        let other = "[[node]]\nname = \"n2\"\npods = [\"p2\"]\n[[pod]]\nname = \"p2\"\n[[pod.container]]\n\
                     name = \"web\"\ncommand = [\"netlab\", \"serve\", \"http:80\"]\n";
        world.ok(&["up", &one]);
        world.ok(&["up", &world.file("other.toml", other)]);
        let [unsaid, before, long, after, file, nothing, labs, logs] = shell.offers(
            world,
            [
                "netlab ping ''",
                "netlab ping -l one ''",
                "netlab ping --lab other ''",
                "netlab ping p1 --lab one ''",
                "netlab ping -l other.toml ''",
                "netlab ping -l third ''",
                "netlab ping --lab ''",
                "netlab logs -l other ''",
            ],
        );
        assert_eq!([unsaid.as_str(), nothing.as_str()], [""; 2], "{}", shell.program);
        assert_eq!([before.as_str(), after.as_str()], ["n1 p1"; 2], "{}", shell.program);
        assert_eq!([long.as_str(), file.as_str()], ["n2 p2"; 2], "{}", shell.program);
        assert_eq!(labs, "one other", "{}", shell.program);
        assert_eq!(logs, "p2/web", "{}", shell.program);
        // Bash makes three words of it, and replaces the last.
        let (line, offered) = match shell.program {
            "bash" => ("netlab ping --lab = o", "one other"),
            _ => ("netlab ping --lab=o", "--lab=one --lab=other"),
        };
        assert_eq!(shell.offers(world, [line]), [offered], "{}", shell.program);
        world.ok(&["down", "--all"]);
    });
}

#[test]
fn without_labs_nothing_is_offered_and_nothing_said() {
    in_each_shell("without_labs_nothing_is_offered_and_nothing_said", |world, shell| {
        world.file("broken.toml", "[[nod");
        // fish completes with files where it finds no such program, and that is not netlab's doing.
        let missing = if shell.program == "fish" { "netlab ping x" } else { "/not/there/netlab ping ''" };
        let lines = [
            "netlab ping ''",
            "netlab exec ''",
            "netlab logs ''",
            "netlab down ''",
            "netlab ping -l none ''",
            "netlab ping -l broken.toml ''",
            "netlab ping -l missing.toml ''",
            "netlab ping a b ''",
            "netlab up --none=",
            missing,
        ];
        assert_eq!(shell.offers(world, lines), [""; 10], "{}", shell.program);
    });
}

#[test]
fn files_programs_verbs_options_and_codes() {
    in_each_shell("files_programs_verbs_options_and_codes", |world, shell| {
        for (directory, file) in [("sub", "sub/b.toml"), ("sub/sub2", "other.txt")] {
            std::fs::create_dir_all(world.path().join(directory)).expect("a directory");
            world.file(file, "");
        }
        let lines = [
            "netlab up sub/",
            "netlab check a.toml o",
            "netlab exec pod1 -- cat oth",
            "netlab exec pod1 -- netla",
            "netlab comp",
            "netlab ping --c",
            "netlab ping --format ''",
            "netlab explain NL010",
        ];
        let offered = shell.offers(world, lines);
        let expected = match shell.program {
            "zsh" => {
                let topologies = "files: -/ -g *.toml";
                [
                    topologies,
                    topologies,
                    "files: ",
                    "programs",
                    "compare completions",
                    "--count",
                    "text json",
                    "NL010",
                ]
            }
            // fish and Bash name the directory each in its own way, and their users know it.
            "fish" => [
                "sub/b.toml sub/sub2/",
                "",
                "other.txt",
                "netlab",
                "compare completions",
                "--count",
                "text json",
                "NL010",
            ],
            _ => [
                "sub/b.toml sub/sub2",
                "",
                "other.txt",
                "netlab",
                "compare completions",
                "--count",
                "text json",
                "NL010",
            ],
        };
        assert_eq!(offered, expected, "{}", shell.program);
    });
}

#[test]
fn what_is_asked_is_never_answered_with_an_error() {
    let world = World::new(Mode::Ordinary).or_else(|_| World::new(Mode::Root));
    let world = match world {
        Ok(world) => world,
        Err(why) => return skip("what_is_asked_is_never_answered_with_an_error", &why),
    };
    world.file("broken.toml", "[[nod");
    for words in [
        &[] as &[&str],
        &[""],
        &["netlab"],
        &["netlab", "ping", "-l", "broken.toml", ""],
        &["netlab", "none", "none", "--", "--", "-"],
        &["netlab", "ping", "--count", "--", ""],
        &["=", "="],
        &["netlab", "-"],
        &["netlab", "sh", "--lab", "=", "ü", "="],
        &["netlab", "exec", "-l", "-l", "-l", "", "--", ""],
    ] {
        for shell in ["bash", "zsh", "fish"] {
            let ran = world.netlab(&[&["complete", shell, "--"], words].concat());
            assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{shell} {words:?}: {}", ran.stdout);
        }
    }
}
