//! The cables of a running lab that a word on the command line means.

use super::{running, usage};
use crate::model::Lab;
use crate::plan::{Cable, Plan};

/// What a word means.
pub(super) struct Meant {
    /// Its cables.
    pub(super) cables: Vec<Cable>,
    /// Whether it is a segment's name.
    pub(super) what: What,
}

/// What has cables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// A pod, node, router or external.
    Place,
    /// A segment.
    Segment,
}

/// The cables of a pod, node, router, external or segment, or of a port such as `router1/eth0`.
pub(super) fn of(lab: &Lab, plan: &Plan, word: &str) -> anyhow::Result<Meant> {
    if lab.segments.iter().any(|segment| segment.name == word) {
        return Ok(Meant { cables: plan.cables_of_segment(word), what: What::Segment });
    }
    let cable = find(lab, plan, word, What::Segment)?;
    Ok(Meant { cables: vec![cable], what: What::Place })
}

/// The cable of a pod, node, router or external, or of a port such as `router1/eth0`.
pub(super) fn of_place(lab: &Lab, plan: &Plan, word: &str) -> anyhow::Result<Cable> {
    find(lab, plan, word, What::Place)
}

/// The cable of a place. `or` says what else the word might have meant.
fn find(lab: &Lab, plan: &Plan, word: &str, or: What) -> anyhow::Result<Cable> {
    let (name, interface) = match word.split_once('/') {
        Some((name, interface)) => (name, Some(interface)),
        None => (word, None),
    };
    let mut cables = plan.cables_of(name);
    if cables.is_empty() {
        return Err(without_cable(lab, plan, name, or));
    }
    let ports: Vec<String> = cables.iter().map(|cable| format!("{name}/{}", cable.interface.name)).collect();
    cables.retain(|cable| interface.is_none_or(|interface| cable.interface.name == interface));
    let mut cables = cables.into_iter();
    match (cables.next(), cables.next(), interface) {
        (Some(cable), None, _) => Ok(cable),
        (None, _, Some(interface)) => {
            let help = format!("its cables: {}", ports.join(", "));
            Err(usage(format!("`{name}` has no cable at `{interface}`; {help}")))
        }
        _ => Err(usage(format!("`{name}` has several cables: say {}", ports.join(" or ")))),
    }
}

/// Why nothing was found by a name.
fn without_cable(lab: &Lab, plan: &Plan, name: &str, or: What) -> anyhow::Error {
    if lab.segments.iter().any(|segment| segment.name == name) {
        let cables = plan.cables_of_segment(name);
        let ends: Vec<String> = cables.iter().map(|cable| self::name(plan, cable)).collect();
        let ends: Vec<&str> = ends.iter().map(String::as_str).collect();
        return usage(format!(
            "`{name}` is a segment: say at whose end its cable is meant, one of: {}",
            running::few(&ends)
        ));
    }
    if name == plan.namespaces[0].name {
        return usage(format!(
            "a cable is named by its other end: say which node's, router's or external's, not `{name}`"
        ));
    }
    let mut targets: Vec<&str> = lab.targets().filter(|target| *target != plan.namespaces[0].name).collect();
    let what = match or {
        What::Place => "pod, node, router or external",
        What::Segment => {
            targets.extend(lab.segments.iter().map(|segment| segment.name.as_str()));
            "pod, node, router, external or segment"
        }
    };
    running::not_among(lab, what, name, &targets)
}

/// What a cable is called: by its pod or node, and by the port where there are several.
pub(super) fn name(plan: &Plan, cable: &Cable) -> String {
    let place = &plan.namespaces[cable.far].name;
    if plan.cables_of(place).len() == 1 {
        return place.clone();
    }
    format!("{place}/{}", cable.interface.name)
}
