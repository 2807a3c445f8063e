//! The same for programs.

use serde::Serialize;

use crate::doctor::{
    Examination, Filter, Foundation, Modules, Namespace, Remedy, Serves, Settings, State, Use, User, Value,
};

/// `netlab.doctor/1`
#[derive(Serialize)]
pub struct Report<'a> {
    /// Whether basic labs can run here, and all those that were asked about.
    fine: bool,
    /// Whether basic labs can run here.
    can_run: bool,
    /// Why no lab can, if so.
    denied: Option<&'a str>,
    machine: Machine<'a>,
    namespaces: &'a [Namespace],
    features: Vec<Feature<'a>>,
    limits: Vec<Limit>,
    uses: Vec<Works>,
    labs: Vec<Lab<'a>>,
    remedies: Vec<Remedy>,
}

#[derive(Serialize)]
struct Machine<'a> {
    release: &'a str,
    architecture: &'a str,
    user: User,
    /// Whether labs get a user namespace; null where none can be made.
    rootless: Option<bool>,
    unprivileged_userns_clone: Option<u64>,
    apparmor_restrict_unprivileged_userns: Option<u64>,
    apparmor_profile: Option<&'a str>,
    seccomp: Filter,
    proc_sys: Settings,
    modules: Modules,
}

#[derive(Serialize)]
struct Feature<'a> {
    name: &'static str,
    state: State,
    modules: &'static [&'static str],
    config: &'static [&'static str],
    /// What the kernel said when it refused.
    said: Option<&'a str>,
}

#[derive(Serialize)]
struct Limit {
    name: &'static str,
    /// Null where there is no limit, or where it cannot be read.
    value: Option<u64>,
    unlimited: bool,
    used: Option<u64>,
    bounds: Serves,
    low: bool,
    meaning: String,
}

#[derive(Serialize)]
struct Works {
    name: &'static str,
    works: bool,
    features: Vec<&'static str>,
    lacking: Vec<&'static str>,
}

#[derive(Serialize)]
struct Lab<'a> {
    file: &'a str,
    lab: &'a str,
    can_run: bool,
    namespaces: u64,
    features: Vec<&'static str>,
    obstacles: Vec<String>,
    /// Limits that do not keep it from coming up, but are too low for it.
    doubts: Vec<String>,
}

/// For programs.
pub fn report(found: &Examination) -> Report<'_> {
    let facts = &found.facts;
    let machine = &facts.machine;
    let words = |features: &[crate::plan::Feature]| features.iter().map(|feature| feature.word()).collect();
    let features = facts.features.iter().map(|tried| {
        let about = tried.feature.about();
        Feature {
            name: tried.feature.word(),
            state: tried.state,
            modules: about.modules,
            config: about.config,
            said: tried.said.as_deref(),
        }
    });
    let limits = facts.limits.iter().map(|reading| Limit {
        name: reading.limit.name(),
        value: match reading.value {
            Value::Number(number) => Some(number),
            Value::Unlimited | Value::Unknown => None,
        },
        unlimited: reading.value == Value::Unlimited,
        used: reading.used,
        bounds: reading.limit.serves(),
        low: found.is_low(reading),
        meaning: reading.meaning(),
    });
    let uses = Use::all().map(|one| {
        let lacking = found.lacking(one.features());
        Works {
            name: one.name(),
            works: facts.denied().is_none() && lacking.is_empty(),
            features: words(one.features()),
            lacking: words(&lacking),
        }
    });
    let labs = found.labs.iter().map(|asked| {
        let obstacles = found.obstacles(&asked.wants);
        Lab {
            file: &asked.file,
            lab: &asked.lab,
            can_run: obstacles.is_empty(),
            namespaces: asked.wants.takes.namespaces,
            features: asked.wants.features.iter().map(|feature| feature.word()).collect(),
            obstacles,
            doubts: found.doubts(&asked.wants),
        }
    });
    Report {
        fine: found.is_fine(),
        can_run: found.can_run(),
        denied: facts.denied(),
        machine: Machine {
            release: &machine.release,
            architecture: &machine.architecture,
            user: machine.user,
            rootless: match facts.foundation {
                Foundation::Root => Some(false),
                Foundation::Rootless => Some(true),
                Foundation::Denied(_) => None,
            },
            unprivileged_userns_clone: machine.unprivileged_userns_clone,
            apparmor_restrict_unprivileged_userns: machine.apparmor_restrict,
            apparmor_profile: machine.profile.as_deref(),
            seccomp: machine.seccomp,
            proc_sys: machine.settings,
            modules: machine.modules,
        },
        namespaces: &facts.namespaces,
        features: features.collect(),
        limits: limits.collect(),
        uses: uses.collect(),
        labs: labs.collect(),
        remedies: found.remedies(),
    }
}
