//! Results as text and as JSON, for people and for programs.
//!
//! Pure: plain data in, strings out; who prints them, and where, is decided elsewhere.

pub mod capture;
pub mod commands;
pub mod compare;
pub mod doctor;
pub mod graph;
mod hosts;
pub mod impair;
pub mod inspect;
pub mod matrix;
mod names;
pub mod ping;
pub mod report;
pub mod survey;
pub mod timings;
pub mod traceroute;
mod tree;
mod tunnel;
pub mod walk;

pub use hosts::hosts;
pub use names::LabNames;
pub use tree::{Extent, Remark, data_path, ips, nets, summary, tree};

use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;

/// Knows what the lab calls an address.
pub trait Names {
    /// A name such as `pod4` or `node1 cbr0`; none for an address that is not the lab's.
    fn name(&self, address: IpAddr) -> Option<String>;
}

impl<F: Fn(IpAddr) -> Option<String>> Names for F {
    fn name(&self, address: IpAddr) -> Option<String> {
        self(address)
    }
}

/// An address and its name, in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Endpoint {
    /// What the lab calls it.
    pub name: Option<String>,
    /// The address.
    pub address: IpAddr,
}

impl Endpoint {
    fn new(address: IpAddr, names: &dyn Names) -> Self {
        Self { name: names.name(address), address }
    }
}

/// `pod4 (10.244.2.3)`, or the address alone.
fn labelled(address: IpAddr, names: &dyn Names) -> String {
    match names.name(address) {
        Some(name) => format!("{name} ({address})"),
        None => address.to_string(),
    }
}

/// ` from pod1 (10.244.1.2)`, if the source is known.
fn from_source(source: Option<IpAddr>, names: &dyn Names) -> String {
    source.map(|address| format!(" from {}", labelled(address, names))).unwrap_or_default()
}

fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}

fn count(number: u64, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}
