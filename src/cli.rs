//! The command line as it is typed. What it means is decided in [`crate::cmd`].

mod capture;
mod examples;
mod links;
mod probes;
mod testing;
mod walk;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use capture::{Capture, StampArg};
pub use links::{
    DirectionArg, Impair, ImpairAction, ImpairClear, ImpairSet, ImpairShow, Link, LinkAction, LinkTarget,
};
pub use probes::{FamilyArg, Fragments, Ping, Traceroute, Why};
pub use testing::{Compare, CompareFormat, Matrix, MatrixFormat, Test, TestFormat};
pub use walk::{Walk, WalkFormat};

/// Fake Kubernetes nodes and pods on the real Linux data path, from one TOML file.
#[derive(Debug, Parser)]
#[command(name = "netlab", version, max_term_width = 100)]
#[command(after_help = examples::NETLAB)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Bring a lab up
    Up(Up),
    /// Take labs down
    Down(Down),
    /// Show the running labs, or one of them in full
    Status(Status),
    /// Ping a pod, node, router or address from within the lab
    Ping(Ping),
    /// Show the hops from one pod, node, router or external to another, or to an address
    Traceroute(Traceroute),
    /// Show the frames that pass interfaces of a lab, or write them to one file for Wireshark
    Capture(Capture),
    /// Follow one packet and its answer through every interface that they cross
    Walk(Walk),
    /// Show who reaches whom in a running lab, as a table
    Matrix(Matrix),
    /// Bring labs up, compare who reaches whom with reviewed snapshots, and take them down
    Test(Test),
    /// Bring a lab up on one data path after the other, and show what each costs a packet
    Compare(Compare),
    /// Run a command in a pod, node, router or external
    Exec(Exec),
    /// Open a shell in a pod, node, router or external, or in the lab as a whole
    Sh(Sh),
    /// Show interfaces, bridge ports, routes and neighbours, live from the kernel
    Inspect(Inspect),
    /// Delay, lose, limit or spoil frames on cables of a running lab
    Impair(Impair),
    /// Unplug a cable of a running lab, or plug it in again
    Link(Link),
    /// Show what a container has written
    Logs(Logs),
    /// Say everything that is wrong with topology files, without making anything
    Check(Check),
    /// Try what this machine can do for labs, and say what to do where it cannot
    Doctor(Doctor),
    /// Explain an error by its code
    Explain(Explain),
    /// Show what `up` would make, as commands to paste or as JSON
    Plan(PlanArgs),
    /// Draw a topology
    Graph(Graph),
    /// Print the JSON Schema of topology files, for editors
    #[command(after_help = examples::SCHEMA)]
    Schema,
    /// Print the completion script of a shell
    Completions(Completions),
    /// Say what completes a line
    #[command(hide = true)]
    Complete(Complete),
    /// Small servers for containers in labs
    #[command(hide = true)]
    Serve(Serve),
    /// Get a page, or just connect
    #[command(hide = true)]
    Fetch(Fetch),
    /// Say why one place gets no answer from another, from the route look-ups on the way
    #[command(hide = true)]
    Why(Why),
}

/// Which running lab is meant.
#[derive(Debug, Args)]
pub struct LabArg {
    /// The lab, by name or by file; may be left out when only one runs
    #[arg(short, long, value_name = "LAB")]
    pub lab: Option<String>,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

/// `netlab up`
#[derive(Debug, Args)]
#[command(after_help = examples::UP)]
pub struct Up {
    /// The topology file
    pub file: PathBuf,
    /// The lab's name, whatever the file says
    #[arg(long)]
    pub name: Option<String>,
    /// Another data path than the file's: host-gw, l2, cloud, vxlan, geneve, ipip, gre or wireguard
    #[arg(long, value_name = "NAME")]
    pub data_path: Option<String>,
    /// Take a running lab of that name down first
    #[arg(long)]
    pub replace: bool,
    /// Show every step as the command that would do it
    #[arg(short, long)]
    pub verbose: bool,
    /// Show where the time went, phase by phase
    #[arg(long)]
    pub timings: bool,
    /// How to print the result: text or json
    #[arg(long, value_enum, default_value = "text", hide_possible_values = true)]
    pub format: Format,
}

/// `netlab down`
#[derive(Debug, Args)]
#[command(after_help = examples::DOWN)]
pub struct Down {
    /// The labs, by name or by file; may be left out when only one runs
    #[arg(value_name = "LAB")]
    pub labs: Vec<String>,
    /// Take all labs down
    #[arg(long, conflicts_with = "labs")]
    pub all: bool,
}

/// `netlab status`
#[derive(Debug, Args)]
#[command(after_help = examples::STATUS)]
pub struct Status {
    /// The lab, by name or by file; without it, all of them
    pub lab: Option<String>,
    /// How to print it: text or json
    #[arg(long, value_enum, default_value = "text", hide_possible_values = true)]
    pub format: Format,
}

/// `netlab check`
#[derive(Debug, Args)]
#[command(after_help = examples::CHECK)]
pub struct Check {
    /// The topology files
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// How to print what was found: text or json
    #[arg(long, value_enum, default_value = "text", hide_possible_values = true)]
    pub format: Format,
}

/// `netlab doctor`
#[derive(Debug, Args)]
#[command(after_help = examples::DOCTOR)]
pub struct Doctor {
    /// Topology files: whether their labs can run here, too
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// How to print it: text or json
    #[arg(long, value_enum, default_value = "text", hide_possible_values = true)]
    pub format: Format,
}

/// `netlab plan`
#[derive(Debug, Args)]
#[command(after_help = examples::PLAN)]
pub struct PlanArgs {
    /// The topology file
    pub file: PathBuf,
    /// Another data path than the file's: host-gw, l2, cloud, vxlan, geneve, ipip, gre or wireguard
    #[arg(long, value_name = "NAME")]
    pub data_path: Option<String>,
    /// How to print it: text (commands) or json
    #[arg(long, value_enum, default_value = "text", hide_possible_values = true)]
    pub format: Format,
}

/// `netlab exec`
#[derive(Debug, Args)]
#[command(override_usage = "netlab exec [OPTIONS] <TARGET> -- <COMMAND>...")]
#[command(after_help = examples::EXEC)]
pub struct Exec {
    /// Which lab
    #[command(flatten)]
    pub lab: LabArg,
    /// The pod, node, router or external, or `fabric` for the switches
    pub target: String,
    /// The command and its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    pub command: Vec<String>,
}

/// `netlab sh`
#[derive(Debug, Args)]
#[command(after_help = examples::SH)]
pub struct Sh {
    /// Which lab
    #[command(flatten)]
    pub lab: LabArg,
    /// The pod, node, router or external; without it, the shell is where `ip netns` knows them all by name
    pub target: Option<String>,
}

/// `netlab inspect`
#[derive(Debug, Args)]
#[command(after_help = examples::INSPECT)]
pub struct Inspect {
    /// Which lab
    #[command(flatten)]
    pub lab: LabArg,
    /// The pod, node, router or external, or `fabric` for the switches
    pub target: String,
    /// How to print it: text or json
    #[arg(long, value_enum, default_value = "text", hide_possible_values = true)]
    pub format: Format,
}

/// `netlab logs`
#[derive(Debug, Args)]
#[command(after_help = examples::LOGS)]
pub struct Logs {
    /// Which lab
    #[command(flatten)]
    pub lab: LabArg,
    /// The container, or a pod that has only one, or an external
    #[arg(value_name = "POD/CONTAINER")]
    pub target: String,
}

/// `netlab graph`
#[derive(Debug, Args)]
#[command(after_help = examples::GRAPH)]
pub struct Graph {
    /// The topology file, or the name of a running lab
    pub file: PathBuf,
    /// Another data path than the file's: host-gw, l2, cloud, vxlan, geneve, ipip, gre or wireguard
    #[arg(long, value_name = "NAME")]
    pub data_path: Option<String>,
    /// How to draw it: text (boxes and lines), mermaid (which GitHub renders) or dot (Graphviz)
    #[arg(long, value_enum, default_value = "text", hide_possible_values = true)]
    pub format: GraphFormat,
}

/// How a topology is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    /// Boxes and lines for the terminal
    Text,
    /// Mermaid, which GitHub renders
    Mermaid,
    /// Graphviz
    Dot,
}

/// `netlab explain`
#[derive(Debug, Args)]
#[command(after_help = examples::EXPLAIN)]
pub struct Explain {
    /// The code, in either case; without it, all are listed
    pub code: Option<String>,
}

/// `netlab completions`
#[derive(Debug, Args)]
#[command(after_help = examples::COMPLETIONS)]
pub struct Completions {
    /// The shell: bash, zsh or fish
    #[arg(value_enum, hide_possible_values = true)]
    pub shell: Shell,
}

/// Shells with completions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// GNU Bash
    Bash,
    /// Z shell
    Zsh,
    /// fish
    Fish,
}

/// `netlab complete`
#[derive(Debug, Args)]
pub struct Complete {
    /// The shell: bash, zsh or fish
    #[arg(value_enum, hide_possible_values = true)]
    pub shell: Shell,
    /// The line as far as the cursor, after --
    #[arg(last = true)]
    pub words: Vec<OsString>,
}

/// `netlab serve`
#[derive(Debug, Args)]
#[command(after_help = examples::SERVE)]
pub struct Serve {
    /// What to serve, and where: http:PORT, echo:PORT, stun:PORT or proxy:PORT=HOST:PORT
    #[arg(required = true, value_name = "SERVICE")]
    pub services: Vec<crate::serve::Service>,
}

/// `netlab fetch`
#[derive(Debug, Args)]
#[command(after_help = examples::FETCH)]
pub struct Fetch {
    /// Where to go: `http://HOST[:PORT][/PATH]` or `tcp://HOST:PORT`
    pub url: String,
    /// Seconds for everything together
    #[arg(short = 'W', long, value_name = "SECONDS", default_value = "5", value_parser = probes::seconds)]
    pub timeout: Duration,
}
