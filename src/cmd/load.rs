//! Reading topology files, and saying what is wrong with them.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::{Fail, USAGE, usage};
use crate::diag::{self, Diagnostic, closest};
use crate::model::{DataPath, Lab, check_name};
use crate::ui;

/// The largest file that can be a topology: 100,000 pods with a table each fit.
const LARGEST: u64 = 8 << 20;

/// A topology's text, with how to name it.
pub(super) struct Text {
    pub(super) path: String,
    pub(super) stem: String,
    pub(super) text: String,
}

/// Reads a file as text.
pub(super) fn read(path: &Path) -> anyhow::Result<Text> {
    let shown = path.display();
    let fail = |why: &str| usage(format!("{shown}: {why}"));
    let file = File::open(path).map_err(|error| {
        let help = if error.kind() == std::io::ErrorKind::NotFound { hint(path) } else { String::new() };
        usage(format!("{shown}: {}{help}", reason(&error)))
    })?;
    let metadata = file.metadata().map_err(|error| fail(&reason(&error)))?;
    if metadata.is_dir() {
        return Err(fail("is a directory; name a topology file in it, such as two-node.toml"));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| fail(&reason(&error)))?;
    if bytes.len() as u64 > LARGEST {
        return Err(fail(&format!("is larger than {} MiB, and no topology is that large", LARGEST >> 20)));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..valid].iter().filter(|byte| **byte == b'\n').count() + 1;
        fail(&format!("is not UTF-8 text (line {line}, byte {valid}); a topology is TOML, which is UTF-8"))
    })?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Text { path: shown.to_string(), stem, text })
}

fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file".into(),
        std::io::ErrorKind::PermissionDenied => "you may not read it".into(),
        _ => error.to_string(),
    }
}

/// What a person may have meant who named a file that is not there.
fn hint(path: &Path) -> String {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    // A bare name may be that of a lab in the folder where labs usually are.
    let near = match parent {
        Some(parent) => near(parent, path),
        None => near(Path::new(""), path).or_else(|| near(Path::new("labs"), path)),
    };
    near.map(|near| format!("; did you mean {}?", near.display())).unwrap_or_default()
}

/// The topology file in a folder whose name is closest to that of `path`.
fn near(folder: &Path, path: &Path) -> Option<PathBuf> {
    let listed = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let names: Vec<String> = std::fs::read_dir(listed)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".toml") && name != "Cargo.toml")
        .collect();
    // What all of them end in makes no name likely.
    let stems = names.iter().filter_map(|name| name.strip_suffix(".toml"));
    let wanted = path.file_name().unwrap_or_default().to_string_lossy();
    let wanted = wanted.strip_suffix(".toml").unwrap_or(&wanted);
    closest(wanted, stems).map(|near| folder.join(format!("{near}.toml")))
}

impl Text {
    /// The lab, or all errors.
    pub(super) fn parse(&self) -> Result<Lab, Vec<Diagnostic>> {
        self.parse_with(None)
    }

    /// The lab on another data path than its own, or all errors.
    pub(super) fn parse_with(&self, data_path: Option<DataPath>) -> Result<Lab, Vec<Diagnostic>> {
        crate::parse_with(&self.text, &self.stem, data_path)
    }

    /// The errors as text.
    pub(super) fn render(&self, diagnostics: &[Diagnostic]) -> String {
        diag::render(&self.path, &self.text, diagnostics, ui::error_style())
    }
}

/// What `--data-path` says.
pub(super) fn data_path(word: &str) -> anyhow::Result<DataPath> {
    DataPath::from_word(word).ok_or_else(|| {
        let words = || DataPath::ALL.map(DataPath::word).into_iter();
        let near = closest(word, words()).map(|near| format!("; did you mean `{near}`?"));
        let all = || format!("; there is: {}", words().collect::<Vec<_>>().join(", "));
        usage(format!("--data-path {word}: no such data path{}", near.unwrap_or_else(all)))
    })
}

/// What several `--data-path`s say, each of them once.
pub(super) fn data_paths(words: &[String]) -> anyhow::Result<Vec<DataPath>> {
    let mut data_paths = Vec::with_capacity(words.len());
    for word in words {
        let one = data_path(word)?;
        if data_paths.contains(&one) {
            return Err(usage(format!("--data-path names {} twice", one.word())));
        }
        data_paths.push(one);
    }
    Ok(data_paths)
}

/// Reads and validates a topology; `data_path` is taken instead of the file's.
pub(super) fn lab(path: &Path, data_path: Option<&str>) -> anyhow::Result<Lab> {
    parse(&read(path)?, data_path)
}

/// The same under another name; a file that says none need not have one that would do.
pub(super) fn lab_called(path: &Path, data_path: Option<&str>, name: &str) -> anyhow::Result<Lab> {
    check_name(name)
        .map_err(|why| usage(format!("--name {name}: {why}; a name is a DNS label such as two-node")))?;
    let text = Text { stem: name.to_owned(), ..read(path)? };
    let mut lab = parse(&text, data_path)?;
    name.clone_into(&mut lab.name);
    Ok(lab)
}

fn parse(text: &Text, data_path: Option<&str>) -> anyhow::Result<Lab> {
    let other = data_path.map(self::data_path).transpose()?;
    text.parse_with(other).map_err(|diagnostics| {
        ui::remark(text.render(&diagnostics).trim_end());
        Fail { code: USAGE, message: format!("{} is not a valid topology", text.path) }.into()
    })
}
