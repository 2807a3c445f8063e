//! What is to be tested: one lab on one data path each, all read and checked before anything is made.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::share::Share;
use crate::cli;
use crate::cmd::{Fail, USAGE, load, running, usage};
use crate::model::{DataPath, Family, Lab};
use crate::spec;
use crate::state::Record;
use crate::suite::{MOST_PAIRS, OF_EACH_KIND, Routes, Survey};
use crate::ui;

/// One lab on one data path.
pub(super) struct Job {
    /// The lab's name, with `@` and the data path where that is not the file's: `two-node@vxlan`.
    pub(super) title: String,
    /// What was named: a file, or a running lab.
    named: String,
    /// The topology file.
    pub(super) file: String,
    /// The lab, by the name that its file gives it.
    pub(super) lab: Lab,
    /// Where each `[[test]]` of it begins, by name.
    pub(super) lines: BTreeMap<String, u32>,
    /// The running lab that is to be tested as it stands.
    pub(super) running: Option<Record>,
    /// Its snapshot.
    pub(super) snapshot: PathBuf,
    /// The file as seen from the folder that the snapshots' folder is in.
    pub(super) topology: String,
    /// Which of its cases are wanted: all, or those with this text in `LAB: TEST`.
    filter: Option<String>,
    /// Those of them that are checked here; none where all are.
    pub(super) checks: Option<BTreeSet<String>>,
    /// Which routes are traced.
    pub(super) routes: Routes,
}

/// What the case is called that compares with the snapshot.
pub(super) const SNAPSHOT: &str = "snapshot";

impl Job {
    /// Whether a case of that name is wanted.
    pub(super) fn wants(&self, case: &str) -> bool {
        let is_meant = |text: &String| format!("{}: {case}", self.title).contains(text.as_str());
        self.filter.as_ref().is_none_or(is_meant)
            && self.checks.as_ref().is_none_or(|checks| checks.contains(case))
    }

    /// The command that takes what this job finds for what is right.
    pub(super) fn accept_command(&self, args: &cli::Test) -> String {
        let mut words = vec!["netlab".to_owned(), "test".to_owned(), "--accept".to_owned()];
        if let Some(folder) = &args.snapshots {
            words.extend(["--snapshots".to_owned(), shell_word(&folder.display().to_string())]);
        }
        if !args.data_path.is_empty() {
            words.extend(["--data-path".to_owned(), self.lab.data_path.word().to_owned()]);
        }
        words.extend(args.all_routes.then(|| "--all-routes".to_owned()));
        words.push(shell_word(&self.named));
        words.join(" ")
    }

    pub(super) fn wants_anything(&self) -> bool {
        self.wants(SNAPSHOT) || self.lab.tests.iter().any(|test| self.wants(&test.name))
    }

    /// How many pairs its snapshot asks, about.
    pub(super) fn pairs(&self) -> usize {
        let families: Vec<Family> = self.lab.families().collect();
        match Survey::size(&self.lab, &families, |_| true) {
            // There are some ten kinds.
            size if size > MOST_PAIRS => 10 * OF_EACH_KIND,
            size => size,
        }
    }
}

/// Everything that the command line asks for, or all that is wrong with it, of whichever part.
pub(super) fn jobs(args: &cli::Test) -> anyhow::Result<Share> {
    let data_paths = load::data_paths(&args.data_path)?;
    let mut jobs = Vec::new();
    let mut wrong = Vec::new();
    for named in &args.files {
        match of(named, &data_paths, args)? {
            Ok(more) => jobs.extend(more),
            Err(file) => wrong.push(file),
        }
    }
    if let Some((last, rest)) = wrong.split_last() {
        let (all, are) = match rest {
            [] => (last.clone(), "is not a valid topology"),
            rest => (format!("{} and {last}", rest.join(", ")), "are not valid topologies"),
        };
        return Err(Fail { code: USAGE, message: format!("{all} {are}; nothing was tested") }.into());
    }
    let mut snapshots: BTreeMap<&Path, &str> = BTreeMap::new();
    for job in &jobs {
        if let Some(other) = snapshots.insert(&job.snapshot, &job.file) {
            let (what, file) = (job.snapshot.display(), &job.file);
            let message = if other == file {
                format!("{file} was named twice")
            } else {
                format!(
                    "{other} and {file} would share the snapshot {what}: give one of the labs another name, or test them \
                     one after the other with a --snapshots folder each"
                )
            };
            return Err(usage(message));
        }
    }
    jobs.retain(Job::wants_anything);
    if let (true, Some(filter)) = (jobs.is_empty(), &args.filter) {
        return Err(usage(format!("no test has `{filter}` in its `LAB: TEST`; nothing was tested")));
    }
    Ok(match args.partition {
        None => Share::whole(jobs),
        Some(part) => Share::part(jobs, part),
    })
}

/// The jobs of one word of the command line, or the file that is wrong: what is wrong with it has been told.
fn of(named: &str, data_paths: &[DataPath], args: &cli::Test) -> anyhow::Result<Result<Vec<Job>, String>> {
    if !running::is_file(named) && !Path::new(named).is_file() {
        return Ok(Ok(vec![of_running(named, data_paths, args)?]));
    }
    let text = load::read(Path::new(named))?;
    let own = text.parse_with(None);
    let mut jobs = Vec::new();
    let wanted: Vec<Option<DataPath>> = match data_paths {
        [] => vec![None],
        some => some.iter().copied().map(Some).collect(),
    };
    for over in wanted {
        let lab = match over {
            None => own.clone(),
            Some(_) => text.parse_with(over),
        };
        let lab = match lab {
            Ok(lab) => lab,
            Err(diagnostics) => {
                ui::remark(text.render(&diagnostics).trim_end());
                return Ok(Err(named.to_owned()));
            }
        };
        // What is the file's own data path anyway overrides nothing.
        let is_own = own.as_ref().is_ok_and(|own| own.data_path == lab.data_path);
        let over = if is_own { None } else { over };
        jobs.push(job(lab, over, named, Path::new(named), &text.text, args));
    }
    Ok(Ok(jobs))
}

fn of_running(named: &str, data_paths: &[DataPath], args: &cli::Test) -> anyhow::Result<Job> {
    let record = running::find(Some(named))?;
    running::in_sight(&record)?;
    if !data_paths.is_empty() {
        return Err(usage(format!(
            "lab `{named}` runs with the data path that it has; --data-path needs a topology file"
        )));
    }
    // A lab that was brought up by another name is still the lab of its file.
    let file = record.file.clone().unwrap_or_else(|| PathBuf::from(format!("{named}.toml")));
    let text = load::read(&file).ok();
    let of_file = text.as_ref().and_then(|text| text.parse().ok());
    let mut lab = record.lab.clone();
    if let Some(of_file) = of_file {
        lab.name = of_file.name;
    }
    let text = text.map_or_else(String::new, |text| text.text);
    let name = named.to_owned();
    let named = record.file.as_deref().map_or_else(|| named.to_owned(), from_here);
    Ok(Job { running: Some(record), named: name, ..job(lab, None, &named, &file, &text, args) })
}

fn job(lab: Lab, over: Option<DataPath>, named: &str, file: &Path, text: &str, args: &cli::Test) -> Job {
    let title = over.map_or_else(|| lab.name.clone(), |path| format!("{}@{}", lab.name, path.word()));
    let (routes, suffix) =
        if args.all_routes { (Routes::All, "@all-routes") } else { (Routes::OneOfEachKind, "") };
    let folder = args.snapshots.clone().unwrap_or_else(|| snapshots_of(file));
    Job {
        snapshot: folder.join(format!("{title}{suffix}.snap")),
        topology: seen_from(&folder, file),
        title,
        named: named.to_owned(),
        file: named.to_owned(),
        lines: lines(text),
        lab,
        running: None,
        filter: args.filter.clone(),
        checks: None,
        routes,
    }
}

/// Where a file's snapshots are: beside it, or beside its folder where that holds nothing but labs.
fn snapshots_of(file: &Path) -> PathBuf {
    let folder = file.parent().unwrap_or(Path::new(""));
    let is_labs = whole(folder).file_name().is_some_and(|name| name == "labs");
    let beside = match folder.file_name() {
        _ if !is_labs => folder.to_owned(),
        Some(_) => folder.parent().unwrap_or(Path::new("")).to_owned(),
        // It is the current directory, and goes without a name.
        None => folder.join(".."),
    };
    beside.join("snapshots")
}

/// The topology file as a path from the folder that the snapshots' folder is in, where it lies below that.
fn seen_from(snapshots: &Path, file: &Path) -> String {
    let (root, file) = (whole(snapshots.parent().unwrap_or(Path::new(""))), whole(file));
    file.strip_prefix(&root).unwrap_or(&file).display().to_string()
}

/// A word as a shell takes it.
fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,=@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A path as somebody would type it here.
fn from_here(path: &Path) -> String {
    let here = whole(Path::new(""));
    path.strip_prefix(&here).unwrap_or(path).display().to_string()
}

/// The path from the root; the empty one is the current directory.
pub(super) fn whole(path: &Path) -> PathBuf {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned())
}

/// The line of each `[[test]]`, by name.
fn lines(text: &str) -> BTreeMap<String, u32> {
    let (document, _) = spec::read(text);
    let line = |at: usize| {
        let before = text.get(..at).unwrap_or_default();
        u32::try_from(before.matches('\n').count() + 1).unwrap_or(u32::MAX)
    };
    let tests = document.test.iter();
    tests.filter_map(|row| Some((row.value.name.as_ref()?.value.clone()?, line(row.span.start)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_an_odd_name_is_one_word_of_the_shell() {
        assert_eq!(shell_word("labs/two-node.toml"), "labs/two-node.toml");
        assert_eq!(shell_word("my lab's.toml"), r"'my lab'\''s.toml'");
        assert_eq!(shell_word("~/x"), "'~/x'");
    }
}
