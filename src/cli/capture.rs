//! What is captured, and where it goes.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{Format, LabArg, examples};

/// `netlab capture`
#[derive(Debug, Args)]
#[command(override_usage = "netlab capture [OPTIONS] [TARGET]... [FILTER]...")]
#[command(after_help = examples::CAPTURE)]
pub struct Capture {
    /// Which lab
    #[command(flatten)]
    pub lab: LabArg,
    /// Pods, nodes, routers, externals, segments, `fabric`, or single interfaces such as node1/cbr0 (without one, all of the
    /// lab); then, from the first word on that a filter can begin with, which frames
    #[arg(value_name = "TARGET")]
    pub words: Vec<String>,
    /// Which frames, as one word; all others are targets then
    #[arg(short, long, value_name = "FILTER")]
    pub filter: Option<String>,
    /// Write frames to a pcapng file, or with `-` to standard output, instead of showing them
    #[arg(short, long, value_name = "FILE")]
    pub write: Option<PathBuf>,
    /// Keep only so many bytes of each frame in the file, such as 512 for headers: fewer are lost when much passes
    #[arg(short, long, value_name = "BYTES", requires = "write", value_parser = clap::value_parser!(u16).range(64..))]
    pub snap: Option<u16>,
    /// End after so many frames
    #[arg(short, long, value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    /// End after that time, such as 500ms, 5s or 2m
    #[arg(long = "for", value_name = "TIME", value_parser = time)]
    pub time: Option<Duration>,
    /// Show times as relative (seconds since the first frame), absolute (UTC) or none
    #[arg(
        long = "time",
        value_name = "HOW",
        value_enum,
        default_value = "relative",
        hide_possible_values = true
    )]
    pub stamp: StampArg,
    /// Show addresses instead of the lab's names
    #[arg(short, long)]
    pub numeric: bool,
    /// How to show frames: text or json (one object a line)
    #[arg(long, value_enum, default_value = "text", hide_possible_values = true, conflicts_with = "write")]
    pub format: Format,
}

/// How times are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StampArg {
    /// Seconds since the first frame
    Relative,
    /// Date and time of day, in UTC
    Absolute,
    /// Not at all
    None,
}

/// A time with its unit; seconds where there is none.
fn time(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err("not a time, such as 500ms, 5s or 2m".to_owned()),
    };
    let number: f64 = digits.parse().map_err(|_| "not a time, such as 500ms, 5s or 2m".to_owned())?;
    let seconds = number * unit;
    if seconds > 0.0 && seconds <= 86_400.0 * 365.0 {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err("must be more than 0, and a year at most".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        let cases = [("5s", 5000), ("500ms", 500), ("2m", 120_000), ("1.5", 1500), ("1h", 3_600_000)];
        for (text, milliseconds) in cases {
            assert_eq!(time(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "s", "0", "0s", "-1s", "5 s", "5x", "nan", "inf", "1e300h", "5sm", "é"] {
            assert!(time(text).is_err(), "{text}");
        }
    }
}
