//! The probes' arguments, with the flags that ping's and traceroute's users expect.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{Format, LabArg, examples};

/// `netlab ping`
#[derive(Debug, Args)]
#[command(after_help = examples::PING)]
pub struct Ping {
    /// Which lab
    #[command(flatten)]
    pub lab: LabArg,
    /// The pod, node, router or external that pings
    pub from: String,
    /// The pod, node, router or address that is pinged
    pub to: String,
    /// How many requests to send
    #[arg(short, long, default_value = "4", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: u64,
    /// Seconds between requests
    #[arg(short, long, value_name = "SECONDS", default_value = "0.2", value_parser = interval)]
    pub interval: Duration,
    /// Bytes of data in each request
    #[arg(short, long, value_name = "BYTES", default_value = "56", value_parser = clap::value_parser!(u16).range(..=65_507))]
    pub size: u16,
    /// Seconds to wait for each answer
    #[arg(short = 'W', long, value_name = "SECONDS", default_value = "4", value_parser = seconds)]
    pub timeout: Duration,
    /// The TTL (IPv6: hop limit) that requests start with; the kernel's unless given
    #[arg(short, long, value_parser = clap::value_parser!(u8).range(1..))]
    pub ttl: Option<u8>,
    /// Fragmentation: do (never fragment), dont (fragment where needed) or want (as the kernel likes)
    #[arg(short = 'M', long = "pmtudisc", value_name = "WHEN", value_enum, default_value = "want")]
    #[arg(hide_possible_values = true)]
    pub fragments: Fragments,
    /// Print only the first line and the statistics
    #[arg(short, long)]
    pub quiet: bool,
    /// Which address family
    #[command(flatten)]
    pub family: FamilyArg,
    /// How to print it: text or json
    #[arg(long, value_enum, default_value = "text", hide_possible_values = true)]
    pub format: Format,
}

/// `netlab traceroute`
#[derive(Debug, Args)]
#[command(after_help = examples::TRACEROUTE)]
pub struct Traceroute {
    /// Which lab
    #[command(flatten)]
    pub lab: LabArg,
    /// The pod, node, router or external where it starts
    pub from: String,
    /// The pod, node, router or address where it leads
    pub to: String,
    /// How many hops to try at most
    #[arg(short, long, value_name = "HOPS", default_value = "30", value_parser = clap::value_parser!(u8).range(1..))]
    pub max_hops: u8,
    /// How many probes to send for each hop
    #[arg(short = 'q', long, default_value = "1", value_parser = clap::value_parser!(u8).range(1..=10))]
    pub queries: u8,
    /// Seconds to wait for each answer
    #[arg(short = 'W', long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    pub timeout: Duration,
    /// Bytes of data in each probe
    #[arg(short, long, value_name = "BYTES", default_value = "32", value_parser = clap::value_parser!(u16).range(..=65_507))]
    pub size: u16,
    /// Fragmentation: do (never fragment), dont (fragment where needed) or want (as the kernel likes)
    #[arg(short = 'M', long = "pmtudisc", value_name = "WHEN", value_enum, default_value = "want")]
    #[arg(hide_possible_values = true)]
    pub fragments: Fragments,
    /// Which address family
    #[command(flatten)]
    pub family: FamilyArg,
    /// How to print it: text or json
    #[arg(long, value_enum, default_value = "text", hide_possible_values = true)]
    pub format: Format,
}

/// `netlab why`
#[derive(Debug, Args)]
#[command(after_help = examples::WHY)]
pub struct Why {
    /// Which lab
    #[command(flatten)]
    pub lab: LabArg,
    /// The pod, node, router or external that gets no answer
    pub from: String,
    /// The pod, node, router or address that gives none
    pub to: String,
    /// Which address family
    #[command(flatten)]
    pub family: FamilyArg,
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

/// Seconds with a fraction, more than none.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
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
