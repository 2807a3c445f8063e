//! The arguments of what proves reachability, and what it costs: `test`, `matrix` and `compare`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{FamilyArg, LabArg, examples, probes};

/// `netlab test`
#[derive(Debug, Args)]
#[command(after_help = examples::TEST)]
pub struct Test {
    /// Topology files; the name of a running lab tests that one as it stands
    #[arg(required = true, value_name = "FILE|LAB")]
    pub files: Vec<String>,
    /// Take what is found as the snapshots from now on
    #[arg(long, conflicts_with = "check")]
    pub accept: bool,
    /// Write nothing, not even what is to be reviewed (as with CI=true)
    #[arg(long)]
    pub check: bool,
    /// Only what has this text in `LAB: TEST`; the snapshot's test is called `snapshot`
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,
    /// Only the M-th of N parts, as on the M-th of N machines: whole labs, each on one data path, dealt out by what
    /// they are estimated to cost; of a single lab, its snapshot and its tests
    #[arg(long, value_name = "M/N", value_parser = partition)]
    pub partition: Option<Part>,
    /// Stop when something has failed
    #[arg(long)]
    pub fail_fast: bool,
    /// Leave a lab up in which something has failed, and say how to enter it
    #[arg(long)]
    pub keep_on_failure: bool,
    /// Test each lab on these data paths instead of its own
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub data_path: Vec<String>,
    /// Trace the routes of all pairs, not just one of each kind; has a snapshot of its own
    #[arg(long)]
    pub all_routes: bool,
    /// A lab that this kernel cannot make is a failure
    #[arg(long)]
    pub no_skip: bool,
    /// How many labs to test at the same time; by default as many as there are processors
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// Where snapshots are; by default `snapshots` beside the file, or beside its folder if that is called `labs`
    #[arg(long, value_name = "DIR")]
    pub snapshots: Option<PathBuf>,
    /// Also write a report for CI systems
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// How to print the result: text, json or tap
    #[arg(long, value_enum, default_value = "text", hide_possible_values = true)]
    pub format: TestFormat,
}

/// One of several parts, `2/4`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Which one, counted from 1.
    pub part: usize,
    /// How many there are.
    pub of: usize,
}

fn partition(text: &str) -> Result<Part, String> {
    let numbers = text.split_once('/').and_then(|(part, of)| Some((part.parse().ok()?, of.parse().ok()?)));
    match numbers {
        None => Err("not the number of a part and how many there are, such as 2/4".into()),
        Some((_, 0)) => Err("there has to be one part at least, as in 1/1".into()),
        Some((0, of)) => Err(format!("parts are counted from 1: the first is 1/{of}")),
        Some((part, of)) if part > of => {
            Err(format!("there is no part {part} of {of}: the last is {of}/{of}"))
        }
        Some((part, of)) => Ok(Part { part, of }),
    }
}

/// How the result of tests is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TestFormat {
    /// For people
    Text,
    /// For programs
    Json,
    /// Test Anything Protocol, version 14
    Tap,
}

/// `netlab matrix`
#[derive(Debug, Args)]
#[command(after_help = examples::MATRIX)]
pub struct Matrix {
    /// Which lab
    #[command(flatten)]
    pub lab: LabArg,
    /// Only these pods and nodes, among each other; with --sample and --gateways a node stands for its pods
    #[arg(value_name = "TARGET")]
    pub targets: Vec<String>,
    /// Ask only so many pairs of pods on different nodes, the same on every run, spread evenly over nodes and pods
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub sample: Option<u32>,
    /// Every pod asks its own node's cbr0, which is its gateway
    #[arg(long)]
    pub gateways: bool,
    /// Open a TCP connection to this port instead of pinging
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub tcp: Option<u16>,
    /// Which address family
    #[command(flatten)]
    pub family: FamilyArg,
    /// How to print it: text, json, csv or markdown
    #[arg(long, value_enum, default_value = "text", hide_possible_values = true)]
    pub format: MatrixFormat,
}

/// How a matrix is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MatrixFormat {
    /// An aligned table
    Text,
    /// For programs
    Json,
    /// For spreadsheets
    Csv,
    /// For documents
    Markdown,
}

/// `netlab compare`
#[derive(Debug, Args)]
#[command(after_help = examples::COMPARE)]
pub struct Compare {
    /// The topology file
    pub file: PathBuf,
    /// Compare these data paths; by default all that there are
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub data_path: Vec<String>,
    /// The pod or node that sends; by default the first pod
    #[arg(long, value_name = "PLACE")]
    pub from: Option<String>,
    /// The pod or node that it sends to; by default the first pod of another node
    #[arg(long, value_name = "PLACE")]
    pub to: Option<String>,
    /// For how long to measure what TCP carries, on each data path
    #[arg(long, value_name = "SECONDS", default_value = "0.5", value_parser = probes::seconds)]
    pub seconds: Duration,
    /// Which address family
    #[command(flatten)]
    pub family: FamilyArg,
    /// How to print it: text, json or markdown
    #[arg(long, value_enum, default_value = "text", hide_possible_values = true)]
    pub format: CompareFormat,
}

/// How a comparison is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CompareFormat {
    /// An aligned table, with what is in it
    Text,
    /// For programs
    Json,
    /// For documents
    Markdown,
}
