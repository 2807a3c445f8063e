//! Starting a lab: its claim, its files, and the processes that hold it.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use nix::unistd::{getgid, getuid};

use crate::event::Failure;
use crate::kernel::{
    self, Built, ContainerPlan, ContainerState, Job, Launched, Privilege, Standing, Stopwatch,
};
use crate::model::{EXTERNAL_SERVICES, Lab, Restart};
use crate::plan::plan;
use crate::render::hosts;
use crate::state::{self, Claim, Process, Record};

/// Starts the keeper and the holder of a lab that keeps its files in `directory`; `watch` goes on running in them.
pub(super) fn launch(lab: &Lab, file: &Path, directory: &Path, watch: Stopwatch) -> anyhow::Result<Launched> {
    let start = file.parent().and_then(|parent| fs::canonicalize(parent_of(parent)).ok());
    let lock = std::cell::OnceCell::new();
    let claim = || {
        let claim = Claim::take(directory).map_err(|error| match error {
            state::Error::Busy { .. } => (Failure::Busy, error.to_string()),
            state::Error::Foreign(_) => (Failure::Machine, error.to_string()),
            error @ state::Error::Io { .. } => (Failure::Other, error.to_string()),
        })?;
        match prepare(lab, &claim) {
            Ok(log) => {
                // The lock is this process's, and its descendants', for life.
                lock.get_or_init(|| claim);
                Ok(log)
            }
            Err(error) => {
                state::remove(claim.path());
                Err((Failure::Other, format!("{error:#}")))
            }
        }
    };
    let record = |standing: &Standing, built: &Built| {
        let record = record(lab, file, standing, built);
        let text = serde_json::to_vec(&record).map_err(|error| error.to_string())?;
        state::write_whole(directory, "lab.json", &text).map_err(|error| error.to_string())
    };
    let report = |states: &[ContainerState]| {
        // The containers run all the same if nobody can be told of them; `status` says then that it does not know.
        if let Ok(text) = serde_json::to_vec(states) {
            let _ = state::write_whole(directory, "containers.json", &text);
        }
    };
    let job = Job {
        name: &lab.name,
        plan: &|| plan(lab),
        containers: &|built| containers(lab, built, directory),
        hosts: directory.join("hosts"),
        directory: &start.unwrap_or_else(|| "/".into()),
        user: (getuid(), getgid()),
        record: &record,
        clean_up: &|| state::remove(directory),
        report: &report,
        watch,
    };
    Ok(kernel::launch(job, &claim)?)
}

/// The empty path means the current directory.
fn parent_of(parent: &Path) -> &Path {
    if parent.as_os_str().is_empty() { Path::new(".") } else { parent }
}

/// Writes what the lab's processes need, and opens the log that takes their last words.
fn prepare(lab: &Lab, claim: &Claim) -> anyhow::Result<fs::File> {
    claim.sign(i32::try_from(std::process::id()).unwrap_or(0))?;
    claim.write("hosts", hosts(lab).as_bytes())?;
    let logs = claim.path().join("logs");
    fs::create_dir(&logs).with_context(|| format!("making {}", logs.display()))?;
    let log = claim.path().join("holder.log");
    let open = OpenOptions::new().create(true).append(true).mode(0o600).open(&log);
    open.with_context(|| format!("opening {}", log.display()))
}

fn record(lab: &Lab, file: &Path, standing: &Standing, built: &Built) -> Record {
    let mut sandboxes = built.sandboxes.clone();
    if let Some(fabric) = sandboxes.first_mut() {
        fabric.pid = standing.holder.0;
    }
    Record {
        schema: state::SCHEMA.into(),
        version: env!("CARGO_PKG_VERSION").into(),
        since: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        file: fs::canonicalize(file).ok(),
        rootless: standing.privilege == Privilege::Rootless,
        keeper: Process { pid: standing.keeper.0, started: standing.keeper.1 },
        holder: Process { pid: standing.holder.0, started: standing.holder.1 },
        sandboxes,
        lab: lab.clone(),
    }
}

fn containers(lab: &Lab, built: &Built, directory: &Path) -> Vec<ContainerPlan> {
    let places: HashMap<&str, usize> =
        built.sandboxes.iter().enumerate().map(|(place, sandbox)| (sandbox.name.as_str(), place)).collect();
    let externals = lab.externals.iter().map(|external| external.name.as_str());
    let mut all: Vec<ContainerPlan> =
        externals.filter_map(|external| Some(server(*places.get(external)?, directory, external))).collect();
    for (_, pod) in lab.pods().filter(|(_, pod)| !pod.containers.is_empty()) {
        let Some(&sandbox) = places.get(pod.name.as_str()) else { continue };
        all.extend(pod.containers.iter().map(|container| ContainerPlan {
            sandbox,
            name: container.name.clone(),
            command: container.command.clone(),
            env: container.env.clone(),
            restart: match container.restart {
                Restart::Always => kernel::Restart::Always,
                Restart::OnFailure => kernel::Restart::OnFailure,
                Restart::Never => kernel::Restart::Never,
            },
            log: log_path(directory, &pod.name, &container.name),
        }));
    }
    all
}

/// What an external runs, so that there is somebody to talk to.
fn server(sandbox: usize, directory: &Path, external: &str) -> ContainerPlan {
    let words = ["netlab", "serve"].into_iter().chain(EXTERNAL_SERVICES);
    ContainerPlan {
        sandbox,
        name: SERVER.to_owned(),
        command: words.map(str::to_owned).collect(),
        env: BTreeMap::new(),
        restart: kernel::Restart::Always,
        log: log_path(directory, external, SERVER),
    }
}

/// What the program of an external is called, where a pod's container has a name.
pub(super) const SERVER: &str = "server";

/// Where a container's output goes.
pub(super) fn log_path(directory: &Path, pod: &str, container: &str) -> PathBuf {
    directory.join("logs").join(format!("{pod}.{container}.log"))
}
