//! The table's lines.

use super::Row;
use crate::doctor::{
    Examination, Filter, Foundation, Modules, Reading, Serves, Settings, State, Tried, Use, User, Value,
};
use crate::render::report::paint::Paint;

/// The parts of the table, each with its title.
pub(super) fn sections(found: &Examination) -> Vec<(&'static str, Vec<Row>)> {
    let mut sections = vec![
        ("machine", machine(found)),
        ("kernel features", found.facts.features.iter().map(feature).collect()),
        ("limits", found.facts.limits.iter().map(|reading| limit(found, reading)).collect()),
        ("what works", Use::all().map(|one| works(found, one)).collect()),
    ];
    if !found.labs.is_empty() {
        sections.push(("labs", labs(found)));
    }
    sections
}

/// The last line.
pub(super) fn verdict(found: &Examination) -> &'static str {
    match (found.can_run(), found.is_fine()) {
        (false, _) => "labs cannot run here",
        (true, false) => "labs can run here, but not all of these",
        (true, true) => "labs can run here",
    }
}

fn row(name: &str, state: &str, paint: Paint, detail: impl Into<String>) -> Row {
    Row { name: name.to_owned(), state: state.to_owned(), paint, detail: detail.into() }
}

fn machine(found: &Examination) -> Vec<Row> {
    let machine = &found.facts.machine;
    let (good, unsure, bad) = (Paint::Good, Paint::Unsure, Paint::Bad);
    let mut rows = vec![
        row("kernel", "", good, format!("{}, {}", machine.release, machine.architecture)),
        match machine.user {
            User::Root => row("user", "", good, "root, who needs no user namespace"),
            User::Ordinary => row("user", "", good, "an ordinary user: each lab gets a user namespace"),
        },
    ];
    let allowed: Vec<&str> = found
        .facts
        .namespaces
        .iter()
        .filter(|namespace| namespace.refused.is_none())
        .map(|namespace| namespace.kind)
        .collect();
    if !allowed.is_empty() {
        rows.push(row("namespaces", "allowed", good, allowed.join(", ")));
    }
    for namespace in &found.facts.namespaces {
        if let Some(why) = &namespace.refused {
            rows.push(row("namespaces", "denied", bad, format!("{}: {why}", namespace.kind)));
        }
    }
    if let Some(value) = machine.unprivileged_userns_clone {
        let paint = if value == 0 { unsure } else { good };
        rows.push(row("Debian's switch", "", paint, format!("kernel.unprivileged_userns_clone is {value}")));
    }
    rows.push(match (&machine.profile, machine.apparmor_restrict) {
        (Some(profile), _) => {
            row("AppArmor", "confined", unsure, format!("by the profile `{profile}`, while it is tried"))
        }
        (None, None) => row("AppArmor", "none", good, "no restriction of user namespaces"),
        (None, Some(value)) => {
            let (state, paint) = if value == 0 { ("off", good) } else { ("restricts", unsure) };
            row("AppArmor", state, paint, format!("kernel.apparmor_restrict_unprivileged_userns is {value}"))
        }
    });
    rows.push(match machine.seccomp {
        Filter::None => row("seccomp", "none", good, "no filter of system calls"),
        Filter::Active => row("seccomp", "active", unsure, "a container's or a service's filter"),
        Filter::Unknown => row("seccomp", "unknown", unsure, "the kernel does not say"),
    });
    rows.push(match machine.settings {
        Settings::Writable => row("/proc/sys", "writable", good, ""),
        Settings::ReadOnly => row("/proc/sys", "read-only", unsure, "as in a container"),
    });
    let list = format!("/lib/modules/{}", machine.release);
    rows.push(match machine.modules {
        Modules::Listed => row("modules", "listed", good, list),
        Modules::NotListed => row("modules", "no list", unsure, format!("no {list}/modules.dep")),
    });
    rows.push(match &found.facts.foundation {
        Foundation::Root => row("a lab", "made", good, "its namespaces, mounts and settings"),
        Foundation::Rootless => {
            row("a lab", "made", good, "its namespaces, mounts and settings, without root")
        }
        Foundation::Denied(_) => row("a lab", "denied", bad, "see below"),
    });
    rows
}

fn feature(tried: &Tried) -> Row {
    let about = tried.feature.about();
    let paint = match tried.state {
        State::Present => Paint::Good,
        State::Loadable | State::Missing => Paint::Bad,
        State::Denied => Paint::Unsure,
    };
    let modules = about.modules.iter().copied();
    let where_it_is: Vec<&str> = modules.chain(about.config.iter().copied()).collect();
    row(tried.feature.word(), tried.state.word(), paint, where_it_is.join(", "))
}

fn limit(found: &Examination, reading: &Reading) -> Row {
    let value = match reading.value {
        Value::Number(number) if reading.limit.serves() == Serves::Memory => format!("{number} MiB"),
        Value::Number(number) => number.to_string(),
        Value::Unlimited => "unlimited".to_owned(),
        Value::Unknown => "unknown".to_owned(),
    };
    let (paint, low) = if found.is_low(reading) { (Paint::Bad, "LOW: ") } else { (Paint::Good, "") };
    row(reading.limit.name(), &value, paint, format!("{low}{}", reading.meaning()))
}

fn works(found: &Examination, one: Use) -> Row {
    if found.facts.denied().is_some() {
        return row(one.name(), "no", Paint::Bad, "no lab can be made");
    }
    let lacking = found.lacking(one.features());
    if lacking.is_empty() {
        let with: Vec<&str> = one.features().iter().map(|feature| feature.word()).collect();
        return row(one.name(), "works", Paint::Good, format!("by {}", with.join(", ")));
    }
    let because: Vec<String> = lacking
        .iter()
        .map(|feature| format!("{} is {}", feature.word(), found.facts.state(*feature).word()))
        .collect();
    row(one.name(), "no", Paint::Bad, because.join(", "))
}

fn labs(found: &Examination) -> Vec<Row> {
    let lab = |asked: &crate::doctor::Asked| {
        let obstacles = found.obstacles(&asked.wants);
        if obstacles.is_empty() {
            let namespaces = format!("{} namespaces", asked.wants.takes.namespaces);
            let doubts = found.doubts(&asked.wants);
            let paint = if doubts.is_empty() { Paint::Good } else { Paint::Unsure };
            return row(&asked.file, "can run", paint, [vec![namespaces], doubts].concat().join("; "));
        }
        row(&asked.file, "cannot", Paint::Bad, obstacles.join("; "))
    };
    found.labs.iter().map(lab).collect()
}
