//! Where the time of `netlab up` went, as a table and for programs.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

use crate::event::{Phase, Spent, Timings};

/// What each phase took of the whole.
#[derive(Debug, Serialize)]
pub struct Report {
    phases: Vec<Row>,
    /// Milliseconds from the command's begin until traffic could flow.
    total_ms: f64,
}

/// One phase.
#[derive(Debug, Serialize)]
struct Row {
    phase: &'static str,
    /// What is done in it.
    about: &'static str,
    /// How many things were done.
    count: usize,
    milliseconds: f64,
}

impl Report {
    /// What the holder measured, of what `netlab up` took altogether: what is left is the end of telling of it.
    pub fn new(timings: &Timings, whole: Duration) -> Self {
        let mut timings = timings.clone();
        timings.add(Phase::Telling, 0, whole.saturating_sub(timings.total()));
        let phases = timings.phases.iter().map(Row::new).collect();
        Self { phases, total_ms: millis(timings.total()) }
    }

    /// For people.
    pub fn table(&self) -> String {
        let mut out =
            format!("{:<10}{:>8}{:>12}{:>8}{:>11}  what\n", "phase", "count", "time", "share", "each");
        for row in &self.phases {
            let share = 100.0 * row.milliseconds / self.total_ms;
            let (count, each) = match row.count {
                0 | 1 => (String::new(), String::new()),
                count => (count.to_string(), format!("{:.1} µs", 1000.0 * row.milliseconds / whole(count))),
            };
            // Writing to a string cannot fail.
            let _ = writeln!(
                out,
                "{:<10}{count:>8}{:>9.2} ms{share:>6.1} %{each:>11}  {}",
                row.phase, row.milliseconds, row.about
            );
        }
        let _ = writeln!(out, "{:<10}{:>8}{:>9.2} ms{:>6.1} %", "total", "", self.total_ms, 100.0);
        out.push_str(
            "To tell phases apart the kernel is asked for one at a time: a little slower than usual.\n",
        );
        out
    }
}

impl Row {
    fn new(spent: &Spent) -> Self {
        Self {
            phase: spent.phase.word(),
            about: spent.phase.about(),
            count: spent.count,
            milliseconds: millis(Duration::from_nanos(spent.nanoseconds)),
        }
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn whole(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Report {
        let mut timings = Timings::default();
        timings.add(Phase::Parse, 1, Duration::from_micros(250));
        timings.add(Phase::Namespaces, 7, Duration::from_micros(3500));
        timings.add(Phase::Links, 21, Duration::from_micros(5250));
        Report::new(&timings, Duration::from_millis(10))
    }

    #[test]
    fn all_of_the_time_is_accounted_for() {
        let wanted = "\
phase        count        time   share       each  what
parse                  0.25 ms   2.5 %             the file read and checked
namespaces       7     3.50 ms  35.0 %   500.0 µs  unshared, netlink connected
links           21     5.25 ms  52.5 %   250.0 µs  cables, bridges, tunnels; up
telling                1.00 ms  10.0 %             progress told, lab.json
total                 10.00 ms 100.0 %
To tell phases apart the kernel is asked for one at a time: a little slower than usual.
";
        assert_eq!(sample().table(), wanted);
    }

    #[test]
    fn programs_get_the_same_figures() {
        let report = serde_json::to_value(sample()).expect("JSON");
        let phases = report["phases"].as_array().expect("phases");
        let sum: f64 = phases.iter().map(|phase| phase["milliseconds"].as_f64().expect("a number")).sum();
        assert!((sum - report["total_ms"].as_f64().expect("a number")).abs() < 1e-9, "{report}");
        assert_eq!(phases.last().expect("one")["phase"], "telling");
    }
}
