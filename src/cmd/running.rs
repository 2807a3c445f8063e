//! Finding the running lab, and the place in it, that a command means.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use super::usage;
use crate::diag::closest;
use crate::kernel::{self, Place};
use crate::model::{Addresses, Family, Lab};
use crate::plan::Sandbox;
use crate::state::{self, Keepers, Process, Record};

/// The running lab that was named, by name or by file, or the only one.
pub(super) fn find(named: Option<&str>) -> anyhow::Result<Record> {
    let name = match named {
        Some(named) => lab_name(named)?,
        None => only()?,
    };
    if let Some(record) = state::record(&name) {
        if is_ending(&record) {
            return Err(usage(format!(
                "lab `{name}` was killed, and is about to be gone: nothing can be done in it"
            )));
        }
        return Ok(record);
    }
    let labs = state::labs()?;
    if labs.contains(&name) {
        return Err(usage(format!("lab `{name}` is still being brought up")));
    }
    let help = match closest(&name, labs.iter().map(String::as_str)) {
        Some(near) => format!("; did you mean `{near}`?"),
        None if labs.is_empty() => ", nor any other: `netlab up FILE` brings one up".to_owned(),
        None => format!("; running: {}", labs.join(", ")),
    };
    Err(usage(format!("no lab `{name}` is running{help}")))
}

fn only() -> anyhow::Result<String> {
    let mut labs = state::labs()?;
    match (labs.pop(), labs.is_empty()) {
        (Some(lab), true) => Ok(lab),
        (Some(last), false) => {
            labs.push(last);
            Err(usage(format!(
                "{} labs are running ({}): say which one with --lab NAME",
                labs.len(),
                labs.join(", ")
            )))
        }
        (None, _) => Err(usage("no lab is running: `netlab up FILE` brings one up")),
    }
}

/// The name of the lab that a word on the command line means: the word, or what the file of that name calls it.
pub(super) fn lab_name(word: &str) -> anyhow::Result<String> {
    if is_file(word) { Ok(super::load::lab(Path::new(word), None)?.name) } else { Ok(word.to_owned()) }
}

/// Whether a word that means a lab is its file rather than its name.
pub(super) fn is_file(word: &str) -> bool {
    word.contains('/') || Path::new(word).extension().is_some_and(|extension| extension == "toml")
}

/// Whether a lab was killed, and its lock is held only until the kernel is done with its processes, and its keeper with its
/// files; or was, when its record was read.
pub(super) fn is_ending(record: &Record) -> bool {
    are_ending(&record.keepers())
}

fn are_ending(lab: &Keepers) -> bool {
    if lives(&lab.holder) {
        return kernel::is_ending(lab.holder.pid);
    }
    lives(&lab.keeper) || state::keepers(&lab.lab).is_none()
}

fn lives(process: &Process) -> bool {
    kernel::start_time(process.pid) == Some(process.started)
}

/// Makes sure that the lab's processes can be seen from here. They cannot by a netlab that shares the runtime directory
/// with the one that brought the lab up, but is within a lab or a container, or outside of one.
pub(super) fn in_sight(record: &Record) -> anyhow::Result<()> {
    are_in_sight(&record.keepers())
}

/// The same where no more of the lab is known.
pub(super) fn are_in_sight(lab: &Keepers) -> anyhow::Result<()> {
    // It may have ended in the meantime: whoever looks for its parts will find that out.
    if lives(&lab.holder) || are_ending(lab) {
        return Ok(());
    }
    let within = match std::env::var("NETLAB_LAB") {
        Ok(here) => format!(" (this is within lab `{here}`)"),
        Err(_) => String::new(),
    };
    Err(usage(format!(
        "lab `{}` runs, but its processes cannot be seen from here{within}: run netlab where it was brought up",
        lab.lab
    )))
}

/// The place of that name.
pub(super) fn sandbox<'a>(record: &'a Record, name: &str) -> anyhow::Result<&'a Sandbox> {
    let found = record.sandboxes.iter().find(|sandbox| sandbox.name == name);
    found.ok_or_else(|| unknown(&record.lab, name))
}

/// The place of that name, to enter.
pub(super) fn place<'a>(record: &'a Record, name: &str) -> anyhow::Result<Place<'a>> {
    let sandbox = sandbox(record, name)?;
    in_sight(record)?;
    Ok(Place { sandbox })
}

fn unknown(lab: &Lab, name: &str) -> anyhow::Error {
    let targets: Vec<&str> = lab.targets().filter(|name| *name != "fabric").chain(["fabric"]).collect();
    not_among(lab, "pod, node, router or external", name, &targets)
}

/// The error for a name that is none of those that could be meant.
pub(super) fn not_among(lab: &Lab, what: &str, name: &str, targets: &[&str]) -> anyhow::Error {
    let help = match closest(name, targets.iter().copied()) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => format!("; there are: {}", few(targets)),
    };
    usage(format!("lab `{}` has no {what} `{name}`{help}", lab.name))
}

/// Some of the names that would do.
pub(super) fn few(names: &[&str]) -> String {
    let dots = if names.len() > 10 { ", …" } else { "" };
    format!("{}{dots}", names.iter().take(10).copied().collect::<Vec<_>>().join(", "))
}

/// The addresses of a pod, node, router or external, or of the fabric where it routes; a router's are those of its first
/// port.
pub(super) fn addresses(lab: &Lab, name: &str) -> Option<Addresses> {
    let node = lab.nodes.iter().find(|node| node.name == name).map(|node| node.address);
    let router =
        || lab.routers.iter().find(|router| router.name == name)?.ports.first().map(|port| port.address);
    let external =
        || lab.externals.iter().find(|external| external.name == name).map(|external| external.address);
    let pod = || lab.pods().find(|(_, pod)| pod.name == name).map(|(_, pod)| pod.address);
    let fabric = || lab.fabric.first().copied().filter(|_| name == "fabric");
    node.or_else(router).or_else(external).or_else(pod).or_else(fabric)
}

/// The address that a probe goes to: of the family asked for, or the first.
pub(super) fn address(lab: &Lab, name: &str, family: Option<Family>) -> anyhow::Result<IpAddr> {
    if let Ok(address) = name.parse::<IpAddr>() {
        return match family {
            Some(family) if Family::of_address(&address) != family => {
                Err(usage(format!("{address} is not an {} address", family.name())))
            }
            _ => Ok(address),
        };
    }
    let all = addresses(lab, name).ok_or_else(|| unknown(lab, name))?;
    let address = match family {
        Some(family) => all.get(family).map(|net| net.addr()),
        None => all.primary(),
    };
    address.ok_or_else(|| usage(format!("`{name}` has no {} address", family.map_or("IP", Family::name))))
}

/// The directory of a running lab.
pub(super) fn directory(record: &Record) -> PathBuf {
    state::directory_of(&record.lab.name)
}
