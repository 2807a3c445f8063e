//! A walk, told.

mod agree;
mod book;
mod comments;
mod drawing;
mod end;
mod mermaid;
mod page;
#[cfg(test)]
mod sample;
mod story;
mod tell;
mod text;
mod verdict;

pub use agree::agreement;
pub use book::{Book, Size, Turn};
pub use end::End;
pub use mermaid::mermaid;
pub use page::page;
pub use story::{
    Agreement, ChangeKind, ChangeTold, CountsTold, Heading, IpTold, LayerTold, Lost, Mac, Origin, StepTold,
    Story, Told, Way, WayKind,
};
pub use tell::{Decisions, Macs, Ports, Teller, Title};
pub use text::{Detail, Text, normal, text, verdict};
