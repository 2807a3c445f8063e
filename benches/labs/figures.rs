//! Numbers: medians, ratios, and whether they are what they should be.

use std::time::Duration;

pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// A count as a number to calculate with.
pub(crate) fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// Kibibytes as mebibytes.
pub(crate) fn mib(kib: f64) -> f64 {
    kib / 1024.0
}

/// Median, least, most.
#[derive(Clone, Copy)]
pub(crate) struct Figures {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Figures {
    /// Not-a-number where there are no values.
    pub(crate) fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |place: usize| sorted.get(place).copied().unwrap_or(f64::NAN);
        let half = sorted.len() / 2;
        let median = if sorted.len().is_multiple_of(2) {
            (at(half.wrapping_sub(1)) + at(half)) / 2.0
        } else {
            at(half)
        };
        Self { median, least: at(0), most: at(sorted.len().wrapping_sub(1)) }
    }

    /// What `put` makes of each pair of one round: a machine that was busy for a while was busy for both.
    pub(crate) fn of_pairs(left: &[f64], right: &[f64], put: impl Fn(f64, f64) -> f64) -> Option<Self> {
        let pairs: Vec<f64> = left.iter().zip(right).map(|(left, right)| put(*left, *right)).collect();
        (!pairs.is_empty()).then(|| Self::of(&pairs))
    }

    /// Three cells of a table.
    pub(crate) fn cells(self) -> [String; 3] {
        [self.median, self.least, self.most].map(time)
    }
}

/// Milliseconds as a person reads them.
pub(crate) fn time(millis: f64) -> String {
    match millis.abs() {
        none if none.is_nan() => String::new(),
        small if small < 10.0 => format!("{millis:.2} ms"),
        middling if middling < 100.0 => format!("{millis:.1} ms"),
        large if large < 10_000.0 => format!("{millis:.0} ms"),
        _ => format!("{:.1} s", millis / 1000.0),
    }
}

/// How many times as much.
pub(crate) fn times(ratio: f64) -> String {
    format!("{ratio:.2} ×")
}

/// What a figure should be.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    Most(f64, &'static str),
    Least(f64, &'static str),
}

impl Target {
    /// Two cells of a table: the target, and whether the figure meets it.
    pub(crate) fn judge(self, figure: f64) -> [String; 2] {
        let (sign, limit, unit, met) = match self {
            Self::Most(limit, unit) => ("≤", limit, unit, figure <= limit),
            Self::Least(limit, unit) => ("≥", limit, unit, figure >= limit),
        };
        [format!("{sign} {limit} {unit}"), if met { "met" } else { "**NOT MET**" }.to_owned()]
    }

    /// The same where there may be no target, or nothing to hold against it.
    pub(crate) fn judge_some(target: Option<Self>, figure: Option<f64>) -> [String; 2] {
        match (target, figure) {
            (Some(target), Some(figure)) => target.judge(figure),
            (Some(target), None) => [target.judge(f64::NAN)[0].clone(), "not measured".into()],
            (None, _) => Default::default(),
        }
    }
}
