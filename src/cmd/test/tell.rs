//! Who is told what of a test run, and when: the terminal as labs finish, files and CI systems at the end.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::share::Share;
use super::snapshots;
use crate::cli::{self, TestFormat};
use crate::cmd::usage;
use crate::render::report::github::annotations;
use crate::render::report::json::json;
use crate::render::report::junit::junit;
use crate::render::report::markdown::summary;
use crate::render::report::tap::tap;
use crate::render::report::text::{ReportText, WIDTH};
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
    /// Nothing has been told yet. A report that cannot be written is found out now, as far as that can be known.
    pub(super) fn new(args: &cli::Test, share: &Share) -> anyhow::Result<Self> {
        let jobs = &share.jobs;
        if let Some(path) = &args.junit {
            check_report(path, share)?;
        }
        Ok(Self {
            format: args.format,
            text: ReportText::new(
                ui::output_style(),
                ui::output_width().unwrap_or(WIDTH),
                jobs.iter().map(|job| job.title.as_str()),
            ),
            junit: args.junit.clone(),
            on_github: std::env::var("GITHUB_ACTIONS").is_ok_and(|value| value == "true"),
            bar: Bar::new("testing", jobs.len()),
            total: jobs.len(),
            told: 0,
            is_apart: jobs.is_empty(),
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
        match &self.bar {
            _ if self.told == self.total => self.bar = None,
            Some(bar) => bar.show(self.told, ""),
            None => {}
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
            let write = || -> anyhow::Result<()> { Ok(snapshots::write_whole(path, &junit(run)?)?) };
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
            tell_github(&in_repository(run), self.format)?;
        }
        Ok(())
    }
}

/// The run with its files named as GitHub names them: from the top of the repository.
fn in_repository(run: &RunReport) -> RunReport {
    let mut run = run.clone();
    let Some(top) = std::env::var_os("GITHUB_WORKSPACE").and_then(|top| fs::canonicalize(top).ok()) else {
        return run;
    };
    let named = |file: &mut String| {
        if let Ok(path) = fs::canonicalize(&*file)
            && let Ok(path) = path.strip_prefix(&top)
        {
            *file = path.display().to_string();
        }
    };
    run.labs.iter_mut().for_each(|lab| named(&mut lab.file));
    run.unreferenced.iter_mut().for_each(named);
    run
}

/// Nothing else is overwritten by a report: `--junit labs/*.toml` would make one of the first lab.
fn check_report(path: &Path, share: &Share) -> anyhow::Result<()> {
    let shown = path.display();
    if path.extension().is_some_and(|kind| kind == "toml")
        || share.all().any(|job| path == Path::new(&job.file))
    {
        return Err(usage(format!(
            "--junit {shown}: is a topology; name the file that the report goes to, such as report.xml"
        )));
    }
    if path == Path::new("-") {
        return Err(usage(
            "--junit -: the report goes to a file, such as report.xml; --format json or tap is for pipes",
        ));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let there = fs::metadata(folder)
        .and_then(|_| if path.is_dir() { Err(io::ErrorKind::IsADirectory.into()) } else { Ok(()) });
    there.with_context(|| format!("{shown}: writing the report"))
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
    let append = || -> io::Result<()> {
        let mut file = fs::OpenOptions::new().create(true).append(true).open(&path)?;
        file.write_all(summary(run).as_bytes())
    };
    append().with_context(|| format!("{}: writing the step's summary", path.display()))
}
