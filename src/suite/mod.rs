//! PURE. What a test run found: plain data, made by `netlab test` and told by [`crate::render::report`].

mod counts;
mod diff;
pub mod judge;
pub mod partition;
mod snapshot;
mod survey;

use serde::{Deserialize, Serialize};

pub use counts::{CaseCounts, Counts, LabCounts, Verdict};
pub use diff::diff;
pub use partition::Partition;
pub use snapshot::{Broken, Snapshot, normal};
pub use survey::{Between, Kind, MOST_PAIRS, OF_EACH_KIND, Pair, Place, Role, Routes, Survey, Wanted, Whole};

/// Everything that one `netlab test` found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RunReport {
    /// One for each lab and data path, in the order of the command line.
    pub labs: Vec<LabReport>,
    /// Which part of a run this is, where it is not the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<Partition>,
    /// Snapshot files that no topology refers to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreferenced: Vec<String>,
    /// Whether somebody stopped the run before its end.
    pub interrupted: bool,
    /// Milliseconds that the run took.
    pub took_ms: f64,
}

/// What was found about one lab on one data path.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LabReport {
    /// The lab's name, with `@` and the data path where that was overridden: `two-node@vxlan`.
    pub name: String,
    /// The topology file, as it was named.
    pub file: String,
    /// How the run of this lab ended.
    pub end: LabEnd,
    /// What was checked, in order: the snapshot, then the file's tests.
    pub cases: Vec<CaseReport>,
    /// The name under which the lab was kept up for looking into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<String>,
    /// Milliseconds from bringing it up to its end.
    pub took_ms: f64,
}

/// How the run of a lab ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LabEnd {
    /// Everything that was to be checked was.
    Finished,
    /// This machine lacks what the lab needs.
    Skipped {
        /// What it lacks.
        reason: String,
    },
    /// It could not be brought up, or probing itself failed.
    Error {
        /// Why.
        message: String,
    },
    /// Somebody stopped it, or an earlier failure did (`--fail-fast`).
    Stopped,
}

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaseReport {
    /// `snapshot`, or the `[[test]]`'s name.
    pub name: String,
    /// Where the `[[test]]` begins in the file, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// What is wrong; nothing where it passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<CaseFailure>,
    /// A remark on a case that passed, such as that its snapshot was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
    /// Milliseconds until this was decided.
    pub took_ms: f64,
}

/// What is wrong, for somebody who has to find out why.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CaseFailure {
    /// In one line: `pod1 → pod4: net-unreachable from node1 cbr0 (10.244.1.1), expected reply`.
    pub message: String,
    /// What is known, in order.
    pub facts: Vec<Fact>,
    /// How the snapshot differs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diff: Vec<DiffLine>,
    /// The commands that take what was found for what is right.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub review: Vec<String>,
    /// What the author of the test has to say about its failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// One thing that is known about a failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What kind of thing: `tried`, `expected`, `got`, `route at pod1`, `likely`, `mend`.
    pub label: String,
    /// The thing; may have several lines.
    pub text: String,
}

/// One line of a difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffLine {
    /// On which side it is.
    pub side: Side,
    /// Its pieces, in order; together they are the line, without its end.
    pub pieces: Vec<Piece>,
}

/// On which side of a difference a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// On both.
    Both,
    /// In the snapshot only.
    Expected,
    /// In what was found only.
    Found,
    /// Stands for equal lines that are left out.
    Gap,
}

/// A part of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Its text.
    pub text: String,
    /// Whether it is what differs within the line.
    pub changed: bool,
}

impl DiffLine {
    /// The whole line.
    #[must_use]
    pub fn text(&self) -> String {
        self.pieces.iter().map(|piece| piece.text.as_str()).collect()
    }
}

impl LabReport {
    /// The cases that failed.
    pub fn failed(&self) -> impl Iterator<Item = &CaseReport> {
        self.cases.iter().filter(|case| case.failure.is_some())
    }

    /// Whether there is nothing to complain about: skipping is no failure.
    pub fn is_fine(&self) -> bool {
        let ended_well = matches!(self.end, LabEnd::Finished | LabEnd::Skipped { .. });
        ended_well && self.failed().next().is_none()
    }
}
