//! What happens to cables of a running lab.

use clap::{Args, Subcommand, ValueEnum};

use super::{Format, examples};

/// `netlab impair`
#[derive(Debug, Args)]
#[command(after_help = examples::IMPAIR)]
pub struct Impair {
    /// What to do
    #[command(subcommand)]
    pub action: ImpairAction,
    /// The lab, by name or by file; may be left out when only one runs
    #[arg(short, long, value_name = "LAB", global = true)]
    pub lab: Option<String>,
}

/// What `netlab impair` does.
#[derive(Debug, Subcommand)]
pub enum ImpairAction {
    /// Change values, and leave the others as they are
    Set(ImpairSet),
    /// Show what the kernel does to frames
    Show(ImpairShow),
    /// Take values away, or all of them
    Clear(ImpairClear),
}

/// `netlab impair set`
#[derive(Debug, Args)]
#[command(after_help = examples::IMPAIR_SET)]
pub struct ImpairSet {
    /// The pod, node, external or segment whose cables are meant, or a router's port such as router1/eth0
    pub target: String,
    /// What is to happen: delay, jitter, loss, rate, duplicate, reorder or corrupt, each with its value
    #[arg(required = true, value_name = "KEY=VALUE")]
    pub values: Vec<String>,
    /// Which frames, as the target sees them: both, out (what it sends) or in (what it gets)
    #[arg(short, long, value_enum, default_value = "both", hide_possible_values = true)]
    pub direction: DirectionArg,
}

/// `netlab impair show`
#[derive(Debug, Args)]
#[command(after_help = examples::IMPAIR_SHOW)]
pub struct ImpairShow {
    /// The pod, node, external or segment, or a router's port; without it, whatever is impaired
    pub target: Option<String>,
    /// Which frames, as the target sees them: both, out (what it sends) or in (what it gets)
    #[arg(short, long, value_enum, default_value = "both", hide_possible_values = true)]
    pub direction: DirectionArg,
    /// How to print it: text or json
    #[arg(long, value_enum, default_value = "text", hide_possible_values = true)]
    pub format: Format,
}

/// `netlab impair clear`
#[derive(Debug, Args)]
#[command(after_help = examples::IMPAIR_CLEAR)]
pub struct ImpairClear {
    /// The pod, node, external or segment, or a router's port
    pub target: String,
    /// What is to end, such as `delay`; without it, everything
    #[arg(value_name = "KEY")]
    pub keys: Vec<String>,
    /// Which frames, as the target sees them: both, out (what it sends) or in (what it gets)
    #[arg(short, long, value_enum, default_value = "both", hide_possible_values = true)]
    pub direction: DirectionArg,
}

/// Which frames of a cable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DirectionArg {
    /// Those that are sent and those that come
    Both,
    /// Those that are sent
    Out,
    /// Those that come
    In,
}

/// `netlab link`
#[derive(Debug, Args)]
#[command(after_help = examples::LINK)]
pub struct Link {
    /// What to do
    #[command(subcommand)]
    pub action: LinkAction,
    /// The lab, by name or by file; may be left out when only one runs
    #[arg(short, long, value_name = "LAB", global = true)]
    pub lab: Option<String>,
}

/// What `netlab link` does.
#[derive(Debug, Subcommand)]
pub enum LinkAction {
    /// Unplug a cable: both ends lose their carrier
    #[command(after_help = examples::LINK_DOWN)]
    Down(LinkTarget),
    /// Plug a cable in again
    #[command(after_help = examples::LINK_UP)]
    Up(LinkTarget),
}

/// Which cable is meant.
#[derive(Debug, Args)]
pub struct LinkTarget {
    /// The pod, node or external whose cable it is, or a router's port such as router1/eth0
    pub target: String,
}
