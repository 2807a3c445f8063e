//! The cluster's pod range and the size of the slices that nodes own of it.

use super::address::{Addresses, Family};
use super::build::Context;
use super::ipam::Hosts;
use super::ranges::{self, Networks, Written};
use crate::diag::{Code, Diagnostic};
use crate::spec::Cluster;

const DEFAULT_POD_CIDR: &str = "10.244.0.0/16";

/// The cluster's pod range and how it is sliced.
pub(super) struct PodPool {
    pub(super) cidr: Addresses,
    /// The ranges as they are written, or the default.
    pub(super) networks: Networks,
    masks: [u8; 2],
    /// Whether the range is a guess, because what the file says was refused: nothing can be held against it.
    pub(super) guessed: bool,
}

impl PodPool {
    /// The range of a family with the place that names it.
    pub(super) fn written(&self, family: Family) -> Option<&Written> {
        self.networks.get(family)
    }

    /// The prefix length of a node's slice.
    pub(super) fn mask(&self, family: Family) -> u8 {
        match family {
            Family::V4 => self.masks[0],
            Family::V6 => self.masks[1],
        }
    }
}

/// Reads the pod range and the masks.
pub(super) fn build(cluster: &Cluster, context: &mut Context) -> PodPool {
    let mut networks = ranges::networks(cluster.pod_cidr.as_ref(), "pod_cidr", context);
    let mut guessed = networks.guessed;
    if networks.list.is_empty() {
        networks.list.extend(DEFAULT_POD_CIDR.parse().ok().map(|net| Written { net, span: 0..0 }));
    }
    let mut masks = [24, 64];
    let keys = [
        ("node_mask", &cluster.node_mask, Family::V4, 30),
        ("node_mask_v6", &cluster.node_mask_v6, Family::V6, 126),
    ];
    for (place, (key, field, family, longest)) in keys.into_iter().enumerate() {
        let Some(range) = networks.get(family) else {
            if let Some(field) = field
                && !guessed
            {
                let message = format!("`{key}` is given, but pods have no {}", family.name());
                let label = format!("nothing to slice in {}", family.name());
                let diagnostic = Diagnostic::new(Code::FamilyMismatch, message, field.span.clone(), label);
                context.push(diagnostic.help(format!(
                    "give [cluster] pod_cidr a range of {}, or leave `{key}` out",
                    family.name()
                )));
            }
            continue;
        };
        let why = format!("a /{longest} is the smallest slice with room for a gateway and a pod");
        let given = context.number(key, field.as_ref(), 1..=i64::from(longest), &why);
        let mask = given.and_then(|mask| u8::try_from(mask).ok());
        // A range smaller than the default slice is one node's.
        masks[place] = mask.unwrap_or_else(|| masks[place].max(range.net.prefix_len()));
        if !Hosts::has_room(&range.net) {
            guessed = true;
            let message = format!("the pod range {} has no room for a gateway and a pod", range.net);
            let diagnostic =
                Diagnostic::new(Code::PodRangeTooSmall, message, range.span.clone(), "too small");
            context.push(diagnostic.help(why));
        } else if mask.is_some_and(|mask| mask < range.net.prefix_len()) {
            let at = field.as_ref().map_or(0..0, |field| field.span.clone());
            let message = format!("a node's slice would be larger than the pod range {}", range.net);
            let label = format!("a /{} for each node", masks[place]);
            let diagnostic = Diagnostic::new(Code::PodRangeTooSmall, message, at, label);
            let label = format!("the whole range is {}", range.net);
            context.push(diagnostic.also(range.span.clone(), label).help(format!(
                "a longer prefix is a smaller slice: `{key}` must be from {} to {longest} here",
                range.net.prefix_len()
            )));
            masks[place] = range.net.prefix_len();
            guessed = true;
        }
    }
    PodPool { cidr: networks.list.iter().map(|written| written.net).collect(), networks, masks, guessed }
}
