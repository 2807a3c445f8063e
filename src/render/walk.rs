//! A walk, told.

mod drawing;
mod end;
mod page;
mod story;
mod tell;
mod text;
mod verdict;

pub use end::End;
pub use page::page;
pub use story::{
    Agreement, ChangeKind, ChangeTold, CountsTold, Heading, IpTold, LayerTold, Lost, Mac, Origin, StepTold,
    Story, Told, Way, WayKind,
};
pub use tell::{Decisions, Macs, Ports, Teller, Title};
pub use text::{Detail, Text, normal, text};
