//! A walk, told.

mod agree;
mod story;
mod tell;
mod text;

pub use agree::agreement;
pub use story::{
    Agreement, ChangeKind, ChangeTold, CountsTold, Heading, IpTold, LayerTold, Lost, Mac, Origin, StepTold,
    Story, Told, Way, WayKind,
};
pub use tell::{Decisions, Macs, Ports, Teller, Title};
pub use text::{Detail, Text, normal, text};
