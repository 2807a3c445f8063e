//! The arguments of `netlab walk`.

use std::time::Duration;

use clap::Args;

use super::probes::seconds;
use super::{FamilyArg, Format, LabArg, examples};

/// `netlab walk`
#[derive(Debug, Args)]
#[command(after_help = examples::WALK)]
pub struct Walk {
    /// Which lab
    #[command(flatten)]
    pub lab: LabArg,
    /// The pod, node, router or external that sends the packet
    pub from: String,
    /// The pod, node, router, external or address that it is for
    pub to: String,
    /// What is sent: icmp (an echo request), udp:PORT or tcp:PORT (the beginning of a connection)
    #[arg(default_value = "icmp", value_name = "PROBE")]
    pub probe: String,
    /// Bytes of data in an echo request
    #[arg(short, long, value_name = "BYTES", default_value = "56", value_parser = clap::value_parser!(u16).range(..=65_507))]
    pub size: u16,
    /// Let nobody take the packet apart, not even this kernel
    #[arg(long)]
    pub df: bool,
    /// Seconds to wait for the answer
    #[arg(short = 'W', long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    pub timeout: Duration,
    /// Listen in every namespace of the lab, and not only where the packet may pass
    #[arg(long)]
    pub everywhere: bool,
    /// Show Ethernet addresses as they are, and not by whose they are
    #[arg(long)]
    pub macs: bool,
    /// Show each question for a neighbour, and who else got a copy of a frame
    #[arg(short, long)]
    pub verbose: bool,
    /// Which address family
    #[command(flatten)]
    pub family: FamilyArg,
    /// How to print it: text or json
    #[arg(long, value_enum, default_value = "text", hide_possible_values = true)]
    pub format: Format,
}
