//! Where to listen: what the words of the command line mean.

use std::collections::BTreeMap;

use crate::cmd::{running, usage};
use crate::kernel::capture::Wanted;
use crate::packet::filter;
use crate::plan::Plan;
use crate::state::Record;

/// What is wanted of one namespace.
enum Part {
    All,
    Interfaces(Vec<String>),
}

/// The interfaces that these targets mean; without any, all of the lab. Namespaces come in the lab's order.
pub(super) fn wanted<'a>(
    record: &'a Record,
    plan: &Plan,
    targets: &[String],
) -> anyhow::Result<Vec<Wanted<'a>>> {
    let mut parts: BTreeMap<String, Part> = BTreeMap::new();
    for target in targets {
        let (place, part) = one(record, plan, target)?;
        match (parts.get_mut(&place), part) {
            (Some(Part::All), _) => {}
            (Some(Part::Interfaces(known)), Part::Interfaces(more)) => known.extend(more),
            (_, part) => {
                parts.insert(place, part);
            }
        }
    }
    let wanted = record.sandboxes.iter().filter_map(|sandbox| {
        let interfaces = match parts.get(&sandbox.name) {
            Some(Part::Interfaces(names)) => Some(names.clone()),
            Some(Part::All) => None,
            None if targets.is_empty() => None,
            None => return None,
        };
        Some(Wanted { sandbox, interfaces })
    });
    Ok(wanted.collect())
}

/// The namespace that a target means, and what of it.
fn one(record: &Record, plan: &Plan, target: &str) -> anyhow::Result<(String, Part)> {
    let fabric = &plan.namespaces[0].name;
    if record.lab.segments.iter().any(|segment| segment.name == target) {
        let cables = plan.cables_of_segment(target);
        let bridge = cables.iter().find_map(|cable| cable.bridge.as_ref());
        let ports = cables.iter().map(|cable| &cable.port).chain(bridge);
        let names: Vec<String> = ports.map(|link| link.name.clone().into_owned()).collect();
        if names.is_empty() {
            return Err(usage(format!(
                "nothing is plugged into segment `{target}`: there is nothing to hear"
            )));
        }
        return Ok((fabric.clone(), Part::Interfaces(names)));
    }
    let (place, interface) = match target.split_once('/') {
        Some((place, interface)) => (place, Some(interface)),
        None => (target, None),
    };
    let Some(sandbox) = record.sandboxes.iter().find(|sandbox| sandbox.name == place) else {
        return Err(unknown(record, place));
    };
    let part = match interface {
        None => Part::All,
        Some(interface) => Part::Interfaces(vec![end_of_cable(plan, place, interface)]),
    };
    Ok((sandbox.name.clone(), part))
}

/// `node1/pod1` is the end of pod1's cable in node1, which has a name that nobody remembers.
fn end_of_cable(plan: &Plan, place: &str, interface: &str) -> String {
    let name = |number: usize| &plan.namespaces[number].name;
    let cables = plan.cables_of(interface);
    let cable = cables.iter().find(|cable| name(cable.near) == place);
    cable.map_or_else(|| interface.to_owned(), |cable| cable.port.name.clone().into_owned())
}

fn unknown(record: &Record, name: &str) -> anyhow::Error {
    let lab = &record.lab;
    let mut targets: Vec<&str> = lab.targets().filter(|target| *target != "fabric").collect();
    targets.push("fabric");
    targets.extend(lab.segments.iter().map(|segment| segment.name.as_str()));
    // A filter's word with a typing error is taken for a target.
    targets.extend(filter::words().map(|word| -> &str { word }));
    let what = "pod, node, router, external or segment";
    running::not_among(lab, what, name, &targets)
}
