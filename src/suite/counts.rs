//! What a run comes to: one word for a lab, a few numbers for the whole.

use serde::Serialize;

use super::{CaseReport, LabEnd, LabReport, RunReport};

/// What a lab's run comes to, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Everything was checked, and everything was as it should be.
    Passed,
    /// Something was not as it should be.
    Failed,
    /// This machine cannot run it.
    Skipped,
    /// It could not be checked.
    Error,
    /// Nothing wrong was found, but not everything was checked.
    Stopped,
}

/// How many of what there was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Labs.
    pub labs: LabCounts,
    /// Snapshots and tests, of all labs.
    pub cases: CaseCounts,
}

/// How many labs ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct LabCounts {
    /// All of them.
    pub total: usize,
    /// Those where all is well.
    pub passed: usize,
    /// Those where something is wrong.
    pub failed: usize,
    /// Those that this machine cannot run.
    pub skipped: usize,
    /// Those that could not be checked.
    pub error: usize,
    /// Those that were stopped.
    pub stopped: usize,
}

/// How many things were checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct CaseCounts {
    /// All that were.
    pub total: usize,
    /// Those that passed.
    pub passed: usize,
    /// Those that failed.
    pub failed: usize,
}

impl LabReport {
    /// The lab in one word. A failure outweighs being stopped: `--fail-fast` stops the very lab that failed.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match &self.end {
            LabEnd::Error { .. } => Verdict::Error,
            LabEnd::Skipped { .. } => Verdict::Skipped,
            LabEnd::Finished | LabEnd::Stopped if self.failed().next().is_some() => Verdict::Failed,
            LabEnd::Finished => Verdict::Passed,
            LabEnd::Stopped => Verdict::Stopped,
        }
    }
}

impl CaseReport {
    /// Whether this is the snapshot's case. A `[[test]]` may be called `snapshot` too, but has a place in the file.
    #[must_use]
    pub fn is_snapshot(&self) -> bool {
        self.name == "snapshot" && self.line.is_none()
    }
}

impl RunReport {
    /// How many of what there was.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let labs = |verdict| self.labs.iter().filter(|lab| lab.verdict() == verdict).count();
        let total = self.labs.iter().map(|lab| lab.cases.len()).sum();
        let failed = self.labs.iter().map(|lab| lab.failed().count()).sum();
        Counts {
            labs: LabCounts {
                total: self.labs.len(),
                passed: labs(Verdict::Passed),
                failed: labs(Verdict::Failed),
                skipped: labs(Verdict::Skipped),
                error: labs(Verdict::Error),
                stopped: labs(Verdict::Stopped),
            },
            cases: CaseCounts { total, passed: total - failed, failed },
        }
    }
}
