//! `netlab status`: the running labs, or one of them in full.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::{FINE, print_json, running};
use crate::cli::{Format, Status};
use crate::kernel::{ContainerState, Phase};
use crate::render::{Extent, data_path, summary, tree};
use crate::state::{self, Record};
use crate::ui;

pub(super) fn status(args: &Status) -> anyhow::Result<u8> {
    match &args.lab {
        Some(lab) => one(&running::find(Some(lab))?, args.format)?,
        None => all(args.format)?,
    }
    Ok(FINE)
}

/// A lab in the list.
#[derive(Serialize)]
struct Line {
    name: String,
    /// `running`, or `starting` while it is being built.
    state: &'static str,
    nodes: usize,
    pods: usize,
    rootless: Option<bool>,
    holder: Option<i32>,
    since: Option<u64>,
    file: Option<std::path::PathBuf>,
}

#[derive(Serialize)]
struct List {
    labs: Vec<Line>,
}

fn all(format: Format) -> anyhow::Result<()> {
    let labs: Vec<Line> = state::labs()?.into_iter().map(line).collect();
    if format == Format::Json {
        return print_json("netlab.status/1", &List { labs });
    }
    if labs.is_empty() {
        ui::print("no lab is running\n")?;
        return Ok(());
    }
    let width = labs.iter().map(|lab| lab.name.len()).max().unwrap_or(0).max(4);
    let mut text =
        format!("{:width$}  {:>5}  {:>5}  {:>8}  {:>8}  FILE\n", "LAB", "NODES", "PODS", "AGE", "HOLDER");
    for lab in labs {
        let age = lab.since.map_or_else(|| lab.state.to_owned(), age);
        let holder = lab.holder.map(|pid| pid.to_string()).unwrap_or_default();
        let file = lab.file.map(|file| file.display().to_string()).unwrap_or_default();
        let line =
            format!("{:width$}  {:>5}  {:>5}  {age:>8}  {holder:>8}  {file}", lab.name, lab.nodes, lab.pods);
        text.push_str(line.trim_end());
        text.push('\n');
    }
    ui::print(&text)?;
    Ok(())
}

fn line(name: String) -> Line {
    match state::record(&name) {
        Some(record) => Line {
            name,
            state: "running",
            nodes: record.lab.nodes.len(),
            pods: record.lab.pods().count(),
            rootless: Some(record.rootless),
            holder: Some(record.holder.pid),
            since: Some(record.since),
            file: record.file,
        },
        None => Line {
            name,
            state: "starting",
            nodes: 0,
            pods: 0,
            rootless: None,
            holder: None,
            since: None,
            file: None,
        },
    }
}

#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    record: Rest<'a>,
    containers: Vec<ContainerState>,
}

/// The record without the schema of the file that it is kept in.
#[derive(Serialize)]
struct Rest<'a> {
    since: u64,
    rootless: bool,
    keeper: i32,
    holder: i32,
    sandboxes: &'a [crate::plan::Sandbox],
    lab: &'a crate::model::Lab,
}

fn one(record: &Record, format: Format) -> anyhow::Result<()> {
    let containers = containers(record);
    if format == Format::Json {
        let rest = Rest {
            since: record.since,
            rootless: record.rootless,
            keeper: record.keeper.pid,
            holder: record.holder.pid,
            sandboxes: &record.sandboxes,
            lab: &record.lab,
        };
        return print_json("netlab.lab-status/1", &Whole { record: rest, containers });
    }
    let pids: BTreeMap<&str, i32> =
        record.sandboxes.iter().map(|sandbox| (sandbox.name.as_str(), sandbox.pid)).collect();
    let states: BTreeMap<String, String> =
        containers.iter().map(|state| (format!("{}/{}", state.pod, state.name), phase(state))).collect();
    let remark = |name: &str| match states.get(name) {
        Some(state) => Some(format!("({state})")),
        None => pids.get(name).map(|pid| format!("(pid {pid})")),
    };
    let lab = &record.lab;
    let mut text = format!("{} has been up for {}: {}\n", lab.name, age(record.since), summary(lab));
    let how = if record.rootless { "in a user namespace of its own" } else { "as root" };
    text.push_str(&format!(
        "{}, {how}, holder {}, keeper {}\n",
        data_path(lab),
        record.holder.pid,
        record.keeper.pid
    ));
    if let Some(file) = &record.file {
        text.push_str(&format!("from {}\n", file.display()));
    }
    text.push('\n');
    text.push_str(&tree(lab, Extent::Whole, &remark));
    ui::print(&text)?;
    Ok(())
}

/// What the holder last wrote about its containers.
pub(super) fn containers(record: &Record) -> Vec<ContainerState> {
    containers_in(&running::directory(record))
}

/// What the holder of the lab in that directory last wrote about its containers.
pub(super) fn containers_in(directory: &Path) -> Vec<ContainerState> {
    fs::read(directory.join("containers.json"))
        .ok()
        .and_then(|text| serde_json::from_slice(&text).ok())
        .unwrap_or_default()
}

pub(super) fn phase(state: &ContainerState) -> String {
    let restarts = match state.restarts {
        0 => String::new(),
        1 => ", restarted once".to_owned(),
        count => format!(", restarted {count} times"),
    };
    match &state.phase {
        Phase::Running { pid } => format!("running, pid {pid}{restarts}"),
        Phase::Waiting { ended } => format!("{ended}, waiting to be started again{restarts}"),
        Phase::Ended { ended } => format!("ended, {ended}{restarts}"),
    }
}

/// How long ago a moment was, as `kubectl` says it.
fn age(since: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let seconds = now.saturating_sub(since);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7200 => format!("{}m", seconds / 60),
        7200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}
