//! Finding out what this machine can do for labs, by doing it: in processes and namespaces that are gone again at once.

mod cgroup;
mod features;
mod limits;
mod modules;
mod request;
mod tasks;

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::fd::AsRawFd as _;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::sys::utsname::uname;
use nix::unistd::{getgid, getuid, pipe2};
use serde::{Deserialize, Serialize};

use super::error::{Error, Result};
use super::foundation::{self, Privilege};
use super::procfs::Settings as Writer;
use super::{namespace, privilege, process};
use crate::doctor::{Facts, Filter, Foundation, Machine, Modules, Namespace, Settings, State, Tried, User};
use crate::plan::Feature;

pub use limits::limits_for;

/// Everything that can be known. The calling process must have one thread.
pub fn examine() -> Result<Facts> {
    // First: the kernel takes its time to free the namespaces of what comes next, and they count until then.
    let each = privilege::try_each();
    let found = lay()?;
    let list = modules::Modules::read(&release());
    let features = Feature::ALL.into_iter().map(|feature| tried(feature, &found, &list)).collect();
    let namespaces = each.into_iter().map(|(kind, refused)| Namespace {
        kind,
        refused: refused.map(|errno| format!("{} ({errno:?})", errno.desc())),
    });
    Ok(Facts {
        machine: machine(&list),
        namespaces: namespaces.collect(),
        features,
        limits: limits::read(),
        foundation: found.foundation,
    })
}

/// What came of standing where labs stand.
#[derive(Serialize, Deserialize)]
struct Found {
    foundation: Foundation,
    /// For each feature, in order: the error number, or 0, and the kernel's own words.
    features: Vec<(i32, String)>,
}

/// Lays a lab's foundation, tries each feature on it, and lets it go.
fn lay() -> Result<Found> {
    let (mut read, write) = pipe2(OFlag::O_CLOEXEC)
        .map(|(read, write)| (File::from(read), File::from(write)))
        .map_err(Error::call("a pipe to a process that tries things"))?;
    let user = (getuid(), getgid());
    let theirs = read.as_raw_fd();
    let child = foundation::start(user.0, |how| {
        process::close_inherited(&[theirs]);
        let found = stand(how, user).unwrap_or_else(|error| Found {
            foundation: Foundation::Denied(error.to_string()),
            features: Vec::new(),
        });
        let text = serde_json::to_vec(&found).unwrap_or_default();
        i32::from((&write).write_all(&text).is_err())
    });
    let child = match child {
        Ok(child) => child,
        Err(error) => {
            return Ok(Found { foundation: Foundation::Denied(error.to_string()), features: Vec::new() });
        }
    };
    drop(write);
    let mut text = Vec::new();
    let heard = read.read_to_end(&mut text);
    process::reap(child)?;
    heard.map_err(Error::io("listening to the process that tries things"))?;
    serde_json::from_slice(&text)
        .map_err(|error| Error::Unexpected(format!("the process that tries things said nothing: {error}")))
}

/// What a holder does before it builds, and the features.
fn stand(how: Privilege, user: (nix::unistd::Uid, nix::unistd::Gid)) -> Result<Found> {
    foundation::move_in(how, user, "doctor")?;
    // A node is one more of these.
    namespace::enter_new("doctor")?;
    match Writer::open()?.write("net/ipv4/ip_forward", "1") {
        Err(Errno::EROFS) => return Err(privilege::read_only("sysctl net.ipv4.ip_forward = 1")),
        Err(errno) => return Err(Error::Call { what: "sysctl net.ipv4.ip_forward = 1".into(), errno }),
        Ok(_) => {}
    }
    features::prepare().map_err(|(errno, _)| privilege::denied("bringing lo up", errno, user.0))?;
    let said = |feature| match features::attempt(feature) {
        Ok(()) => (0, String::new()),
        Err((errno, said)) => (errno as i32, said),
    };
    let foundation = match how {
        Privilege::Root => Foundation::Root,
        Privilege::Rootless => Foundation::Rootless,
    };
    Ok(Found { foundation, features: Feature::ALL.into_iter().map(said).collect() })
}

/// What it means that trying a feature ended so.
fn tried(feature: Feature, found: &Found, list: &modules::Modules) -> Tried {
    let place = Feature::ALL.iter().position(|other| *other == feature);
    let Some((code, words)) = place.and_then(|place| found.features.get(place)) else {
        return Tried { feature, state: State::Denied, said: None };
    };
    let errno = Errno::from_raw(*code);
    let state = match errno {
        _ if *code == 0 => State::Present,
        // How the kernel says that there is no such kind of interface, discipline, expression, protocol or family.
        Errno::EOPNOTSUPP
        | Errno::ENOENT
        | Errno::EPROTONOSUPPORT
        | Errno::ESOCKTNOSUPPORT
        | Errno::EAFNOSUPPORT => {
            if list.have(feature.about().modules) {
                State::Loadable
            } else {
                State::Missing
            }
        }
        _ => State::Denied,
    };
    let said = (*code != 0).then(|| {
        let words = if words.is_empty() { String::new() } else { format!(": {words}") };
        format!("{} ({errno:?}){words}", errno.desc())
    });
    Tried { feature, state, said }
}

fn release() -> String {
    uname().map(|name| name.release().to_string_lossy().into_owned()).unwrap_or_default()
}

fn machine(list: &modules::Modules) -> Machine {
    let seccomp = fs::read_to_string("/proc/self/status").ok().and_then(|status| {
        status.lines().find_map(|line| line.strip_prefix("Seccomp:")).map(|mode| mode.trim().to_owned())
    });
    let read_only = statvfs("/proc/sys").is_ok_and(|found| found.flags().contains(FsFlags::ST_RDONLY));
    Machine {
        release: release(),
        architecture: uname().map(|name| name.machine().to_string_lossy().into_owned()).unwrap_or_default(),
        user: if getuid().is_root() { User::Root } else { User::Ordinary },
        unprivileged_userns_clone: privilege::setting(privilege::USERNS_CLONE),
        apparmor_restrict: privilege::setting(privilege::APPARMOR_RESTRICT),
        profile: privilege::profile(),
        seccomp: match seccomp.as_deref() {
            Some("0") => Filter::None,
            Some(_) => Filter::Active,
            None => Filter::Unknown,
        },
        settings: if read_only { Settings::ReadOnly } else { Settings::Writable },
        modules: if list.is_there() { Modules::Listed } else { Modules::NotListed },
    }
}
