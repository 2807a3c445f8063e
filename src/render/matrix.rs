//! Who reaches whom in a running lab.

mod some;

use std::fmt::Write as _;
use std::net::IpAddr;

use serde::Serialize;

use super::survey::{Cells, Found, exceptions, has_table, kinds_or_grid};
use super::{Endpoint, Names};
use crate::model::Family;
use crate::probe::{Attempt, Outcome};
use crate::suite::Pair;

pub use some::SomeReport;

/// What was tried between all pairs, and what came of it.
#[derive(Clone, Copy)]
pub struct Matrix<'a> {
    /// The lab's name.
    pub lab: &'a str,
    /// The pairs, and what each found.
    pub found: Found<'a>,
    /// How each was tried.
    pub attempt: &'a Attempt,
    /// The families that were tried.
    pub families: &'a [Family],
    /// What addresses are called.
    pub names: &'a dyn Names,
}

impl Matrix<'_> {
    /// How many pairs found a way, and how many there are that should: those from outside to pods do not count.
    pub fn score(&self) -> (usize, usize) {
        self.count(|pair| !self.found.survey.is_from_outside(pair))
    }

    fn count(&self, counts: impl Fn(&Pair) -> bool) -> (usize, usize) {
        let pairs = || self.found.survey.pings.iter().zip(self.found.pings).filter(|(pair, _)| counts(pair));
        let replies = pairs().filter(|(_, outcome)| matches!(outcome, Outcome::Reply { .. }));
        (replies.count(), pairs().count())
    }

    /// For people: a table, or pairs by their kind where there are too many for one.
    pub fn text(&self) -> String {
        if self.found.survey.whole.is_some() {
            return some::text(self);
        }
        let mut out = String::new();
        for family in self.families {
            let _ = writeln!(out, "{}\n", self.title(*family));
            out.push_str(&kinds_or_grid(&self.found, *family));
            out.push_str(&exceptions(&self.found, *family, self.names));
            out.push('\n');
        }
        let _ = match self.score() {
            (replies, pairs) if replies == pairs => {
                writeln!(out, "all {pairs} pairs of {} reach each other", self.lab)
            }
            (replies, pairs) => writeln!(out, "{replies} of {pairs} pairs of {} reach each other", self.lab),
        };
        match self.count(|pair| self.found.survey.is_from_outside(pair)) {
            (_, 0) => {}
            (0, pairs) => {
                let _ = writeln!(
                    out,
                    "{pairs} pairs from outside do not, as it should be: nobody there has a route to pods"
                );
            }
            (replies, pairs) => {
                let _ = writeln!(
                    out,
                    "{replies} of {pairs} pairs from outside do, where nobody should have a route to pods"
                );
            }
        }
        out
    }

    /// For documents: a table of words, or counts where only some pairs were asked.
    pub fn markdown(&self) -> String {
        if self.found.survey.whole.is_some() {
            return some::markdown(self);
        }
        let mut out = String::new();
        for family in self.families {
            let cells = self.words(*family);
            let row = |head: &str, cells: &[String]| format!("| {head} | {} |\n", cells.join(" | "));
            let _ = writeln!(out, "{}\n", self.title(*family));
            out.push_str(&row("from \\ to", &cells.names));
            out.push_str(&format!("|---|{}\n", "---:|".repeat(cells.names.len())));
            for (name, cells) in cells.names.iter().zip(&cells.rows) {
                out.push_str(&row(name, cells));
            }
            out.push('\n');
        }
        out.truncate(out.trim_end().len());
        out.push('\n');
        out
    }

    /// For spreadsheets: the same table, and the family in front; a row for each pair where only some were asked.
    pub fn csv(&self) -> String {
        if self.found.survey.whole.is_some() {
            return some::csv(self);
        }
        let mut out = String::new();
        for (number, family) in self.families.iter().enumerate() {
            let cells = self.words(*family);
            if number == 0 {
                let _ = writeln!(out, "family,from,{}", cells.names.join(","));
            }
            for (name, cells) in cells.names.iter().zip(&cells.rows) {
                let _ = writeln!(out, "{},{name},{}", family.name(), cells.join(","));
            }
        }
        out
    }

    /// For programs: every pair.
    pub fn json(&self) -> MatrixReport<'_> {
        let places = &self.found.survey.places;
        let end = |place: usize, family: Family| {
            let address = places[place].address.get(family).map(|net| net.addr());
            address.map(|address| Asked { name: &places[place].name, address })
        };
        let pairs = self.found.survey.pings.iter().zip(self.found.pings).filter_map(|(pair, outcome)| {
            let by = outcome.from().map(|from| Endpoint::new(from, self.names));
            let (from, to) = (end(pair.from, pair.family)?, end(pair.to, pair.family)?);
            Some(PairReport { from, to, answer: outcome.to_string(), by, ttl: outcome.ttl() })
        });
        let (reached, total) = self.score();
        let (probe, port) = match self.attempt {
            Attempt::Tcp { port } => ("tcp", Some(*port)),
            Attempt::Udp { port } => ("udp", Some(*port)),
            Attempt::Ping { .. } | Attempt::Traceroute(_) => ("ping", None),
        };
        MatrixReport {
            lab: self.lab,
            probe,
            port,
            reached,
            total,
            sample: some::report(self),
            pairs: pairs.collect(),
        }
    }

    fn words(&self, family: Family) -> Cells {
        Cells::with(&self.found, family, word)
    }

    fn title(&self, family: Family) -> String {
        let family = if self.families.len() > 1 { format!(", {}", family.name()) } else { String::new() };
        let (what, cells) = match self.attempt {
            Attempt::Tcp { port } => (format!("TCP connections to port {port}"), "who accepts"),
            Attempt::Udp { port } => (format!("UDP requests to port {port}"), "who answers"),
            Attempt::Ping { .. } | Attempt::Traceroute(_) => ("ping".to_owned(), "the TTL of each reply"),
        };
        if has_table(self.found.survey) {
            format!("{what}{family}: {cells}; a row asks, a column answers")
        } else {
            format!("{what}{family}: pairs by their kind")
        }
    }
}

/// The TTL of a reply, or what came instead.
fn word(outcome: &Outcome) -> String {
    match (outcome, outcome.ttl()) {
        (Outcome::Reply { .. }, Some(ttl)) => ttl.to_string(),
        _ => outcome.to_string(),
    }
}

/// A matrix in JSON.
#[derive(Debug, Serialize)]
pub struct MatrixReport<'a> {
    lab: &'a str,
    probe: &'static str,
    port: Option<u16>,
    /// How many pairs found a way.
    reached: usize,
    /// How many pairs were asked.
    total: usize,
    /// What was asked where not everything was.
    sample: Option<SomeReport<'a>>,
    pairs: Vec<PairReport<'a>>,
}

#[derive(Debug, Serialize)]
struct PairReport<'a> {
    from: Asked<'a>,
    to: Asked<'a>,
    /// One of the fixed words.
    answer: String,
    /// Who answered.
    by: Option<Endpoint>,
    ttl: Option<u8>,
}

#[derive(Debug, Serialize)]
struct Asked<'a> {
    name: &'a str,
    address: IpAddr,
}
