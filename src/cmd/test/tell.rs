//! Who is told what of a test run, and when: the terminal as labs finish, files and CI systems at the end.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;

use super::job::Job;
use crate::cli::{self, TestFormat};
use crate::render::report::github::annotations;
use crate::render::report::json::json;
use crate::render::report::junit::junit;
use crate::render::report::markdown::summary;
use crate::render::report::tap::tap;
use crate::render::report::text::ReportText;
use crate::suite::{LabReport, RunReport};
use crate::ui::{self, Bar};

/// Tells of a run.
pub(super) struct Teller {
    format: TestFormat,
    text: ReportText,
    junit: Option<PathBuf>,
    /// The annotations are part of the log that GitHub reads; the summary is a file that it names.
    on_github: bool,
    bar: Option<Bar>,
    total: usize,
    told: usize,
    /// Whether the last words ended with an empty line.
    is_apart: bool,
}

impl Teller {
    /// Nothing has been told yet. A report that could not be written at the end is found out now.
    pub(super) fn new(args: &cli::Test, jobs: &[Job]) -> anyhow::Result<Self> {
        if let Some(path) = &args.junit {
            fs::File::create(path).with_context(|| format!("{}: writing the report", path.display()))?;
        }
        Ok(Self {
            format: args.format,
            text: ReportText::new(ui::output_style(), jobs.iter().map(|job| job.title.as_str())),
            junit: args.junit.clone(),
            on_github: std::env::var("GITHUB_ACTIONS").is_ok_and(|value| value == "true"),
            bar: Bar::new("testing", jobs.len()),
            total: jobs.len(),
            told: 0,
            is_apart: false,
        })
    }

    /// These labs are being tested now.
    pub(super) fn progress(&mut self, running: &[&str]) {
        if let Some(bar) = &self.bar {
            bar.show(self.told, &running.join(", "));
        }
    }

    /// A lab is finished.
    pub(super) fn lab(&mut self, report: &LabReport) -> anyhow::Result<()> {
        self.told += 1;
        if self.told == self.total {
            self.bar = None;
        }
        if self.format != TestFormat::Text {
            return Ok(());
        }
        let text = self.text.lab(report);
        self.is_apart = text.ends_with("\n\n");
        match &self.bar {
            Some(bar) => bar.aside(|| ui::print(&text))?,
            None => ui::print(&text)?,
        }
        Ok(())
    }

    /// Everything is finished.
    pub(super) fn end(&mut self, run: &RunReport) -> anyhow::Result<()> {
        self.bar = None;
        if let Some(path) = &self.junit {
            let write = || -> anyhow::Result<()> { Ok(fs::write(path, junit(run)?)?) };
            write().with_context(|| format!("{}: writing the report", path.display()))?;
        }
        let text = match self.format {
            TestFormat::Text if self.is_apart => self.text.end(run),
            TestFormat::Text => format!("\n{}", self.text.end(run)),
            TestFormat::Json => format!("{}\n", json(run)?),
            TestFormat::Tap => tap(run),
        };
        ui::print(&text)?;
        if self.on_github {
            tell_github(run, self.format)?;
        }
        Ok(())
    }
}

/// Annotations go to the log, where GitHub looks for them: to standard error where standard output is for a program.
fn tell_github(run: &RunReport, format: TestFormat) -> anyhow::Result<()> {
    let notes = annotations(run);
    match format {
        TestFormat::Text => ui::print(&notes)?,
        TestFormat::Json | TestFormat::Tap => ui::remark(notes.trim_end()),
    }
    let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) else {
        return Ok(());
    };
    let path = PathBuf::from(path);
    let append = || -> std::io::Result<()> {
        let mut file = fs::OpenOptions::new().create(true).append(true).open(&path)?;
        file.write_all(summary(run).as_bytes())
    };
    append().with_context(|| format!("{}: writing the step's summary", path.display()))
}
