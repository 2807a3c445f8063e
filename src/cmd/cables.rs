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
    /// A pod, node or router.
    Place,
    /// A segment.
    Segment,
}

/// The cables of a pod, node or segment, or of a port such as `router1/eth0`.
pub(super) fn of(lab: &Lab, plan: &Plan, word: &str) -> anyhow::Result<Meant> {
    if lab.segments.iter().any(|segment| segment.name == word) {
        return Ok(Meant { cables: plan.cables_of_segment(word), what: What::Segment });
    }
    let segments = lab.segments.iter().map(|segment| segment.name.as_str());
    let targets: Vec<&str> = lab.targets().chain(segments).collect();
    let cable = find(lab, plan, word, "pod, node, router or segment", &targets)?;
    Ok(Meant { cables: vec![cable], what: What::Place })
}

/// The cable of a pod or node, or of a port such as `router1/eth0`.
pub(super) fn of_place(lab: &Lab, plan: &Plan, word: &str) -> anyhow::Result<Cable> {
    find(lab, plan, word, "pod, node or router", &lab.targets().collect::<Vec<_>>())
}

fn find(lab: &Lab, plan: &Plan, word: &str, what: &str, targets: &[&str]) -> anyhow::Result<Cable> {
    let (name, interface) = match word.split_once('/') {
        Some((name, interface)) => (name, Some(interface)),
        None => (word, None),
    };
    let mut cables = plan.cables_of(name);
    if cables.is_empty() {
        return Err(running::not_among(lab, what, name, targets));
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

/// What a cable is called: by its pod or node, and by the port where there are several.
pub(super) fn name(plan: &Plan, cable: &Cable) -> String {
    let place = &plan.namespaces[cable.far].name;
    if plan.cables_of(place).len() == 1 {
        return place.clone();
    }
    format!("{place}/{}", cable.interface.name)
}
