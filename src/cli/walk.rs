//! The arguments of `netlab walk`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::probes::seconds;
use super::{FamilyArg, LabArg, examples};

/// `netlab walk`
#[derive(Debug, Args)]
#[command(after_help = examples::WALK)]
pub struct Walk {
    /// Which lab
    #[command(flatten)]
    pub lab: LabArg,
    /// The pod, node, router or external that sends the packet
    #[arg(index = 1)]
    pub from: String,
    /// The pod, node, router, external or address that it is for
    #[arg(index = 2)]
    pub to: String,
    /// What is sent: icmp (an echo request), udp:PORT or tcp:PORT (the beginning of a connection)
    #[arg(index = 3, default_value = "icmp", value_name = "PROBE")]
    pub probe: String,
    /// Bytes of data in an echo request or a datagram
    #[arg(short, long, value_name = "BYTES", value_parser = clap::value_parser!(u16).range(8..=65_507))]
    pub size: Option<u16>,
    /// Let nobody take the packet apart, not even this kernel
    #[arg(long)]
    pub df: bool,
    /// Have all places forget their neighbours first, so that each has to ask
    #[arg(long, conflicts_with_all = ["warm", "predict"])]
    pub cold: bool,
    /// Send a packet ahead that is not followed, so that nobody has to ask for a neighbour
    #[arg(long, conflicts_with = "predict")]
    pub warm: bool,
    /// Send nothing, and say from the kernels' tables which way the packet would take
    #[arg(long)]
    pub predict: bool,
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
    /// Show one step at a time on the terminal: a key goes on, another one back
    #[arg(long, conflicts_with = "format")]
    pub step: bool,
    /// How to print it: text, json or mermaid (a sequence diagram, which GitHub renders)
    #[arg(long, value_enum, default_value = "text", hide_possible_values = true)]
    pub format: WalkFormat,
    /// Write the captured frames to a pcapng file too, with what each one is as its comment
    #[arg(long, value_name = "FILE", conflicts_with = "predict")]
    pub pcapng: Option<PathBuf>,
    /// Write a page too that shows the lab and moves the packet through it; it needs nothing but a browser
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// How a walk is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WalkFormat {
    /// For people
    Text,
    /// For programs
    Json,
    /// For documents
    Mermaid,
}
