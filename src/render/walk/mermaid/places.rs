//! The places of a walk in the order of its path, a node's own together.

use std::fmt::Write as _;

use super::{at, escaped};
use crate::render::walk::story::{Story, Way};

/// Columns of a diagram.
pub(super) struct Places {
    groups: Vec<Group>,
    target: String,
}

/// A node with its pods, or any place alone.
struct Group {
    name: String,
    members: Vec<String>,
}

impl Places {
    pub(super) fn new(story: &Story) -> Self {
        let mut places = Self { groups: Vec::new(), target: target(story) };
        places.add(story, &story.from);
        for step in story.ways.iter().flat_map(|way| &way.steps) {
            places.add(story, &step.place);
        }
        if let Some(lost) = &story.lost {
            places.add(story, &lost.place);
        }
        let target = places.target.clone();
        places.add(story, &target);
        places
    }

    /// For which place the packet is.
    pub(super) fn target(&self) -> &str {
        &self.target
    }

    /// The first and the last column.
    pub(super) fn ends(&self) -> Option<(&str, &str)> {
        let first = self.groups.first()?.members.first()?;
        let last = self.groups.last()?.members.last()?;
        Some((first, last))
    }

    pub(super) fn declare(&self, out: &mut String) {
        for Group { name, members } in &self.groups {
            let is_box = members.len() > 1;
            // Writing to a String cannot fail. A word that is a colour would be taken for one, were none before it.
            if is_box {
                let _ = writeln!(out, "  box transparent {name}");
            }
            for place in members {
                let indent = if is_box { "    " } else { "  " };
                let _ = writeln!(out, "{indent}participant {} as {}", at(place), escaped(place));
            }
            if is_box {
                out.push_str("  end\n");
            }
        }
    }

    fn add(&mut self, story: &Story, place: &str) {
        if self.groups.iter().any(|group| group.members.iter().any(|known| known == place)) {
            return;
        }
        let name = story.ways.iter().find_map(|way| node(way, place)).unwrap_or(place);
        match self.groups.iter_mut().find(|group| group.name == name) {
            Some(group) => group.members.push(place.to_owned()),
            None => self.groups.push(Group { name: name.to_owned(), members: vec![place.to_owned()] }),
        }
    }
}

/// The node that a pod is on: the one that the packet comes from it to, or to it from.
fn node<'a>(way: &'a Way, pod: &str) -> Option<&'a str> {
    way.steps.windows(2).find_map(|pair| match (&pair[0], &pair[1]) {
        (one, other) if one.place == pod && one.kind == "pod" && other.kind == "node" => {
            Some(other.place.as_str())
        }
        (one, other) if other.place == pod && other.kind == "pod" && one.kind == "node" => {
            Some(one.place.as_str())
        }
        _ => None,
    })
}

/// The place that has the address that the packet is for, as far as that is known.
fn target(story: &Story) -> String {
    let layer = story.ways.first().and_then(|way| way.steps.first()).and_then(|step| step.layers.last());
    let owner = layer.and_then(|layer| layer.ip.as_ref()).and_then(|ip| ip.to.name.as_deref());
    // `node1 cbr0` is one of node1's addresses.
    let place = owner.and_then(|owner| owner.split(' ').next());
    place.map_or_else(|| story.to.clone(), str::to_owned)
}
