//! A walk, told.

mod comments;
mod mermaid;
mod page;
#[cfg(test)]
mod sample;
mod story;
mod tell;
mod text;

pub use mermaid::mermaid;
pub use page::{Book, Size, Turn};
pub use story::{
    Agreement, ChangeKind, ChangeTold, CountsTold, Heading, IpTold, LayerTold, Lost, Mac, Origin, StepTold,
    Story, Told, Way, WayKind,
};
pub use tell::{Decisions, Macs, Ports, Teller, Title};
pub use text::{Detail, Text, normal, text};
