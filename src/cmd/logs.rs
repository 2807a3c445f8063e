//! `netlab logs`: what a container, or the server of an external, has written.

use std::fs::File;
use std::io;

use super::{FINE, launch, running, usage};
use crate::cli::Logs;
use crate::state::Record;

pub(super) fn logs(args: &Logs) -> anyhow::Result<u8> {
    let record = running::find(args.lab.lab.as_deref())?;
    let (pod, container) = match args.target.split_once('/') {
        Some((pod, container)) => (pod, Some(container)),
        None => (args.target.as_str(), None),
    };
    if let (Err(_), Some(owner)) = (running::sandbox(&record, pod), owner_of(&record, pod)) {
        return Err(usage(format!("`{pod}` is a container: did you mean `{owner}/{pod}`?")));
    }
    running::sandbox(&record, pod)?;
    let names = containers(&record, pod);
    let container = match container {
        Some(container) if names.contains(&container) => container,
        Some(other) if !names.is_empty() => {
            return Err(usage(format!("`{pod}` has no container `{other}`; it has: {}", names.join(", "))));
        }
        None if names.len() == 1 => names[0],
        None if !names.is_empty() => {
            let examples: Vec<String> = names.iter().map(|name| format!("{pod}/{name}")).collect();
            return Err(usage(format!(
                "`{pod}` has {} containers: name one, {}",
                names.len(),
                examples.join(" or ")
            )));
        }
        _ => return Err(usage(format!("`{pod}` has no containers"))),
    };
    let path = launch::log_path(&running::directory(&record), pod, container);
    match File::open(&path) {
        Ok(mut log) => io::copy(&mut log, &mut io::stdout().lock()).map(|_| FINE).map_err(Into::into),
        // It has been started, but has not come as far as its log yet.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(FINE),
        Err(error) => Err(error.into()),
    }
}

/// The containers of a pod, or the server of an external.
fn containers<'a>(record: &'a Record, name: &str) -> Vec<&'a str> {
    if record.lab.externals.iter().any(|external| external.name == name) {
        return vec![launch::SERVER];
    }
    let found = record.lab.pods().find(|(_, pod)| pod.name == name);
    let containers = found.into_iter().flat_map(|(_, pod)| &pod.containers);
    containers.map(|container| container.name.as_str()).collect()
}

/// The pod that has a container of that name.
fn owner_of<'a>(record: &'a Record, container: &str) -> Option<&'a str> {
    let mut pods = record.lab.pods().map(|(_, pod)| pod);
    let owner = pods.find(|pod| pod.containers.iter().any(|other| other.name == container))?;
    Some(&owner.name)
}
