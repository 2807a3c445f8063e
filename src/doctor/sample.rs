//! Machines that nobody has: facts for tests, of this module and of what draws them.

use super::{
    Asked, Examination, Facts, Filter, Foundation, Limit, Machine, Modules, Namespace, Reading, Settings,
    State, Tried, User, Value, Wants,
};
use crate::plan::{Feature, plan};

/// Everything works, nothing is low.
pub(crate) fn fine() -> Examination {
    let kinds = ["user", "network", "PID", "mount", "UTS", "IPC"];
    let namespaces = kinds.map(|kind| Namespace { kind, refused: None });
    let features = Feature::ALL.map(|feature| Tried { feature, state: State::Present, said: None });
    let limits = Limit::ALL.map(|limit| {
        let (value, used) = match limit {
            Limit::NeighboursV4 | Limit::NeighboursV6 => (Value::Number(1024), None),
            Limit::PidMax => (Value::Number(4_194_304), Some(304)),
            Limit::Processes | Limit::CgroupMemory => (Value::Unlimited, None),
            Limit::Files => (Value::Number(524_288), None),
            Limit::CgroupPids => (Value::Number(10_000), Some(20)),
            Limit::Memory => (Value::Number(24_105), Some(1_762)),
            _ => (Value::Number(127_000), None),
        };
        Reading { limit, value, used, file: None }
    });
    let facts = Facts {
        machine: Machine {
            release: "6.12.0-generic".into(),
            architecture: "x86_64".into(),
            user: User::Root,
            unprivileged_userns_clone: Some(1),
            apparmor_restrict: Some(0),
            profile: None,
            seccomp: Filter::None,
            settings: Settings::Writable,
            modules: Modules::Listed,
        },
        namespaces: namespaces.into(),
        foundation: Foundation::Root,
        features: features.into(),
        limits: limits.into(),
    };
    Examination { facts, labs: Vec::new() }
}

/// An ordinary user in a container that allows nothing.
pub(crate) fn nothing_allowed() -> Examination {
    let mut found = fine();
    let facts = &mut found.facts;
    facts.machine.user = User::Ordinary;
    facts.machine.apparmor_restrict = Some(1);
    facts.machine.seccomp = Filter::Active;
    facts.machine.settings = Settings::ReadOnly;
    facts.machine.modules = Modules::NotListed;
    for namespace in &mut facts.namespaces {
        namespace.refused = Some("Operation not permitted (EPERM)".into());
    }
    facts.foundation = Foundation::Denied(
        "making a user namespace: Operation not permitted (EPERM): a security module or a container's seccomp filter \
         may forbid it: ask its administrator, or run netlab with sudo"
            .into(),
    );
    for tried in &mut facts.features {
        tried.state = State::Denied;
    }
    for reading in &mut facts.limits {
        if reading.limit == Limit::CgroupPids {
            (reading.value, reading.used) = (Value::Number(64), Some(8));
        }
        if reading.limit == Limit::NeighboursV4 {
            reading.value = Value::Unknown;
        }
    }
    found
}

/// A kernel with nothing but what is never a module, some modules on its disk, and low limits.
pub(crate) fn everything_missing() -> Examination {
    let mut found = fine();
    for tried in &mut found.facts.features {
        (tried.state, tried.said) = match tried.feature {
            Feature::RawIcmp => (State::Present, None),
            Feature::Netem | Feature::NftablesNat => {
                (State::Loadable, Some("No such file or directory (ENOENT)".into()))
            }
            Feature::PacketSockets => (State::Denied, Some("Operation not permitted (EPERM)".into())),
            _ => (State::Missing, Some("Operation not supported (EOPNOTSUPP)".into())),
        };
    }
    for reading in &mut found.facts.limits {
        (reading.value, reading.used) = (Value::Number(100), None);
    }
    found
}

/// The same, asked about two labs.
pub(crate) fn asked(mut found: Examination) -> Examination {
    let small = "[[node]]\nname = \"a\"\npods = 2\n";
    let large = "[cluster]\npod_cidr = [\"10.244.0.0/16\", \"fd00:244::/56\"]\n[[node]]\nname = \"b\"\ncount = 20\npods = 10\n";
    for (name, text) in [("small", small), ("large", large)] {
        let lab = crate::parse(text, name).expect("a valid topology");
        let wants = Wants::of(&lab, &plan(&lab));
        found.labs.push(Asked { file: format!("{name}.toml"), lab: name.into(), wants });
    }
    found
}
