//! What a bad cable does to frames: each value on its own, with its exact unit.

mod read;
mod units;

use std::fmt;

use serde::{Deserialize, Serialize};

pub(super) use read::{Whose, check_twice, read};
pub use units::Wrong;

/// What happens to frames that are sent on one end of a cable. What is `None` does not happen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Impair {
    /// Microseconds that each frame is held back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_us: Option<u64>,
    /// Microseconds that a frame may come earlier or later than that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter_us: Option<u64>,
    /// Frames that are lost, in parts per million.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss_ppm: Option<u64>,
    /// Bits that pass in a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_bps: Option<u64>,
    /// Frames that come twice, in parts per million.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicate_ppm: Option<u64>,
    /// Frames that are not delayed and so overtake the others, in parts per million.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reorder_ppm: Option<u64>,
    /// Frames with one bit turned over, in parts per million.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrupt_ppm: Option<u64>,
}

/// What a node's, pod's or segment's cables do, and to which frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Impairment {
    /// The values.
    #[serde(flatten)]
    pub impair: Impair,
    /// Which frames.
    pub direction: Direction,
}

/// Which frames of a cable are meant, as its node or pod sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Those that it sends and those that it gets.
    Both,
    /// Those that it sends.
    Out,
    /// Those that it gets.
    In,
}

impl Direction {
    /// Whether frames that the node or pod sends are meant.
    pub fn is_out(self) -> bool {
        self != Self::In
    }

    /// Whether frames that the node or pod gets are meant.
    pub fn is_in(self) -> bool {
        self != Self::Out
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::Out => "out",
            Self::In => "in",
        }
    }
}

/// One of the values of an [`Impair`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// [`Impair::delay_us`].
    Delay,
    /// [`Impair::jitter_us`].
    Jitter,
    /// [`Impair::loss_ppm`].
    Loss,
    /// [`Impair::rate_bps`].
    Rate,
    /// [`Impair::duplicate_ppm`].
    Duplicate,
    /// [`Impair::reorder_ppm`].
    Reorder,
    /// [`Impair::corrupt_ppm`].
    Corrupt,
}

impl Value {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 7] =
        [Self::Delay, Self::Jitter, Self::Loss, Self::Rate, Self::Duplicate, Self::Reorder, Self::Corrupt];

    /// Its key in topology files and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Delay => "delay",
            Self::Jitter => "jitter",
            Self::Loss => "loss",
            Self::Rate => "rate",
            Self::Duplicate => "duplicate",
            Self::Reorder => "reorder",
            Self::Corrupt => "corrupt",
        }
    }

    /// The one of that key.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|value| value.word() == word)
    }

    /// Whether an ARP request could be lost by it, or come with a wrong answer.
    pub fn loses_frames(self) -> bool {
        matches!(self, Self::Loss | Self::Corrupt)
    }

    /// Reads its text, such as `10ms`, `1%` or `10mbit`: microseconds, parts per million or bits per second.
    ///
    /// # Errors
    /// If that is not a value of this kind, or one that makes no sense.
    pub fn parse(self, text: &str) -> Result<u64, Wrong> {
        units::parse(self, text)
    }
}

/// Why values do not go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clash {
    /// The one that is wrong.
    pub value: Value,
    /// Why.
    pub why: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

impl Impair {
    /// One of the values.
    pub fn get(&self, value: Value) -> Option<u64> {
        match value {
            Value::Delay => self.delay_us,
            Value::Jitter => self.jitter_us,
            Value::Loss => self.loss_ppm,
            Value::Rate => self.rate_bps,
            Value::Duplicate => self.duplicate_ppm,
            Value::Reorder => self.reorder_ppm,
            Value::Corrupt => self.corrupt_ppm,
        }
    }

    /// Changes one of the values, and leaves the others as they are.
    pub fn set(&mut self, value: Value, to: Option<u64>) {
        *match value {
            Value::Delay => &mut self.delay_us,
            Value::Jitter => &mut self.jitter_us,
            Value::Loss => &mut self.loss_ppm,
            Value::Rate => &mut self.rate_bps,
            Value::Duplicate => &mut self.duplicate_ppm,
            Value::Reorder => &mut self.reorder_ppm,
            Value::Corrupt => &mut self.corrupt_ppm,
        } = to;
    }

    /// The values that there are.
    pub fn values(&self) -> impl Iterator<Item = (Value, u64)> + '_ {
        Value::ALL.into_iter().filter_map(|value| Some((value, self.get(value)?)))
    }

    /// Whether nothing happens.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether an ARP request could be lost, or come with a wrong answer.
    pub fn loses_frames(&self) -> bool {
        self.values().any(|(value, _)| value.loses_frames())
    }

    /// These values, and those of `others` for which there is none here.
    #[must_use]
    pub fn or(mut self, others: &Self) -> Self {
        for (value, number) in others.values() {
            self.set(value, self.get(value).or(Some(number)));
        }
        self
    }

    /// What keeps these values from going together, if anything.
    pub fn clash(&self) -> Option<Clash> {
        match (self.delay_us, self.jitter_us, self.reorder_ppm) {
            (None, Some(_), _) => Some(Clash {
                value: Value::Jitter,
                why: "jitter is a change of the delay, and there is no delay",
                remedy: "give a delay of at least the jitter, such as 10ms",
            }),
            (Some(delay), Some(jitter), _) if jitter > delay => Some(Clash {
                value: Value::Jitter,
                why: "frames would have to come before they are sent: the jitter is larger than the delay",
                remedy: "make the jitter smaller than the delay, or the delay larger",
            }),
            (None, _, Some(_)) => Some(Clash {
                value: Value::Reorder,
                why: "a frame overtakes others only while they are being delayed, and there is no delay",
                remedy: "give a delay too, such as 10ms",
            }),
            _ => None,
        }
    }
}

impl fmt::Display for Impair {
    /// Such as `delay 10ms, loss 1%`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (value, number)) in self.values().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}{} {}", value.word(), units::show(value, number))?;
        }
        Ok(())
    }
}
