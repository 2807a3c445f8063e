//! A walk, told.

mod book;
mod comments;
mod mermaid;
#[cfg(test)]
mod sample;
mod story;
mod tell;
mod text;

pub use book::{Book, Size, Turn};
pub use mermaid::mermaid;
pub use story::{
    Agreement, ChangeKind, ChangeTold, CountsTold, Heading, IpTold, LayerTold, Lost, Mac, Origin, StepTold,
    Story, Told, Way, WayKind,
};
pub use tell::{Decisions, Macs, Ports, Teller, Title};
pub use text::{Detail, Text, normal, text, verdict};
