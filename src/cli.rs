//! The command line as it is typed. What it means is decided in [`crate::cmd`].

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Fake Kubernetes nodes and pods on the real Linux data path, from one TOML file.
#[derive(Debug, Parser)]
#[command(name = "netlab", version, max_term_width = 100, disable_help_subcommand = true)]
#[command(
    after_help = "Exit codes: 0 fine, 1 a probe failed, 2 usage or an invalid topology, 3 this machine cannot, \
                        4 anything else.\nBegin with: netlab up labs/two-node.toml"
)]
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
    /// Show the running labs, or one of them
    Status(Status),
    /// Check topology files, without making anything
    Check(Check),
    /// Show what `up` would make, as commands to paste or as JSON
    Plan(PlanArgs),
    /// Run a command in a pod, node or router
    Exec(Exec),
    /// Open a shell in the lab, or in one pod, node or router of it
    Sh(Sh),
    /// Show interfaces, bridge ports, routes and neighbours, live from the kernel
    Inspect(Inspect),
    /// Show what a container has written
    Logs(Logs),
    /// Ping from a pod, node or router
    Ping(Ping),
    /// Show the hops between two places
    Traceroute(Traceroute),
    /// Draw a topology
    Graph(Graph),
    /// Explain the code of an error
    Explain(Explain),
    /// Print the JSON Schema of topology files
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
}

/// Which running lab is meant.
#[derive(Debug, Args)]
pub struct LabArg {
    /// The lab, by name or by its file; may be left out when one lab runs
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
pub struct Up {
    /// The topology
    pub file: PathBuf,
    /// Call the lab this, whatever the file says
    #[arg(long)]
    pub name: Option<String>,
    /// If a lab of that name runs, take it down first
    #[arg(long)]
    pub replace: bool,
    /// Print each operation as the command line that would do it
    #[arg(short, long)]
    pub verbose: bool,
    /// How to print the result
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

/// `netlab down`
#[derive(Debug, Args)]
pub struct Down {
    /// The labs, by name or by file; may be left out when one lab runs
    #[arg(value_name = "LAB")]
    pub labs: Vec<String>,
    /// Take all labs down
    #[arg(long, conflicts_with = "labs")]
    pub all: bool,
}

/// `netlab status`
#[derive(Debug, Args)]
pub struct Status {
    /// The lab, by name or by file
    pub lab: Option<String>,
    /// How to print it
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

/// `netlab check`
#[derive(Debug, Args)]
pub struct Check {
    /// The topologies
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// How to print what was found
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

/// `netlab plan`
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The topology
    pub file: PathBuf,
    /// Commands for people, or JSON
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

/// `netlab exec`
#[derive(Debug, Args)]
pub struct Exec {
    /// Which lab
    #[command(flatten)]
    pub lab: LabArg,
    /// The pod, node or router, or `fabric` for the switches
    pub target: String,
    /// The command and its arguments, after --
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    pub command: Vec<String>,
}

/// `netlab sh`
#[derive(Debug, Args)]
pub struct Sh {
    /// Which lab
    #[command(flatten)]
    pub lab: LabArg,
    /// The pod, node or router; without it, a shell where `ip netns` knows them all
    pub target: Option<String>,
}

/// `netlab inspect`
#[derive(Debug, Args)]
pub struct Inspect {
    /// Which lab
    #[command(flatten)]
    pub lab: LabArg,
    /// The pod, node or router, or `fabric` for the switches
    pub target: String,
    /// How to print it
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

/// `netlab logs`
#[derive(Debug, Args)]
pub struct Logs {
    /// Which lab
    #[command(flatten)]
    pub lab: LabArg,
    /// The container, as POD/CONTAINER, or a pod that has one
    pub target: String,
}

/// `netlab ping`
#[derive(Debug, Args)]
pub struct Ping {
    /// Which lab
    #[command(flatten)]
    pub lab: LabArg,
    /// The pod, node or router that pings
    pub from: String,
    /// The pod, node, router or address that is pinged
    pub to: String,
    /// Stop after so many requests
    #[arg(short, long, default_value = "4", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: u64,
    /// Seconds between requests
    #[arg(short, long, value_name = "SECONDS", default_value = "0.2", value_parser = interval)]
    pub interval: Duration,
    /// Bytes of data in each request
    #[arg(short, long, default_value = "56", value_parser = clap::value_parser!(u16).range(..=65_507))]
    pub size: u16,
    /// Seconds to wait for an answer
    #[arg(short = 'W', long, value_name = "SECONDS", default_value = "4", value_parser = seconds)]
    pub timeout: Duration,
    /// The TTL (IPv6: hop limit) that requests start with
    #[arg(short, long, value_parser = clap::value_parser!(u8).range(1..))]
    pub ttl: Option<u8>,
    /// Fragmentation: do (never fragment), dont (fragment where needed), want (as the kernel likes)
    #[arg(short = 'M', long = "pmtudisc", value_enum, default_value = "want")]
    pub fragments: Fragments,
    /// Only the first line and the statistics
    #[arg(short, long)]
    pub quiet: bool,
    /// Which address family
    #[command(flatten)]
    pub family: FamilyArg,
    /// How to print it
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

/// `netlab traceroute`
#[derive(Debug, Args)]
pub struct Traceroute {
    /// Which lab
    #[command(flatten)]
    pub lab: LabArg,
    /// The pod, node or router where it starts
    pub from: String,
    /// The pod, node, router or address where it leads
    pub to: String,
    /// The most hops to try
    #[arg(short, long, value_name = "HOPS", default_value = "30", value_parser = clap::value_parser!(u8).range(1..))]
    pub max_hops: u8,
    /// Probes for each hop
    #[arg(short = 'q', long, default_value = "1", value_parser = clap::value_parser!(u8).range(1..=10))]
    pub queries: u8,
    /// Seconds to wait for an answer
    #[arg(short = 'W', long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    pub timeout: Duration,
    /// Bytes of data in each probe
    #[arg(short, long, default_value = "32", value_parser = clap::value_parser!(u16).range(..=65_507))]
    pub size: u16,
    /// Fragmentation: do (never fragment), dont (fragment where needed), want (as the kernel likes)
    #[arg(short = 'M', long = "pmtudisc", value_enum, default_value = "want")]
    pub fragments: Fragments,
    /// Which address family
    #[command(flatten)]
    pub family: FamilyArg,
    /// How to print it
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

/// What may happen to packets that are too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Fragments {
    /// Never fragment
    Do,
    /// Fragment where needed
    Dont,
    /// As the kernel likes
    Want,
}

/// Which of a name's addresses is meant.
#[derive(Debug, Args)]
pub struct FamilyArg {
    /// Use IPv4
    #[arg(short = '4', long = "ipv4", conflicts_with = "v6")]
    pub v4: bool,
    /// Use IPv6
    #[arg(short = '6', long = "ipv6")]
    pub v6: bool,
}

/// `netlab graph`
#[derive(Debug, Args)]
pub struct Graph {
    /// The topology, or the name of a running lab
    pub file: PathBuf,
    /// As what
    #[arg(long, value_enum, default_value = "text")]
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
pub struct Explain {
    /// The code, such as NL010; without it, all of them
    pub code: Option<String>,
}

/// `netlab completions`
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
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
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
    /// The line as far as the cursor, after --
    #[arg(last = true)]
    pub words: Vec<OsString>,
}

/// `netlab serve`
#[derive(Debug, Args)]
pub struct Serve {
    /// http:PORT, echo:PORT or proxy:PORT=HOST:PORT
    #[arg(required = true, value_name = "SERVICE")]
    pub services: Vec<crate::serve::Service>,
}

/// `netlab fetch`
#[derive(Debug, Args)]
pub struct Fetch {
    /// http://HOST[:PORT][/PATH] or tcp://HOST:PORT
    pub url: String,
    /// Seconds for everything together
    #[arg(short = 'W', long, default_value = "5", value_parser = seconds)]
    pub timeout: Duration,
}

/// Seconds with a fraction, more than none.
fn seconds(text: &str) -> Result<Duration, String> {
    interval(text).and_then(|time| if time.is_zero() { Err("must be more than 0".into()) } else { Ok(time) })
}

/// Seconds with a fraction, none allowed.
fn interval(text: &str) -> Result<Duration, String> {
    let number: f64 = text.parse().map_err(|_| "not a number of seconds, such as 0.2".to_owned())?;
    if (0.0..=86_400.0).contains(&number) {
        Ok(Duration::from_secs_f64(number))
    } else {
        Err("must be from 0 to 86400 seconds".into())
    }
}
