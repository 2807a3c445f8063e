//! `netlab inspect`: what a place has in its kernel right now.

mod cloud;
mod name;

use std::collections::HashSet;

use super::{FINE, print_json, running};
use crate::cli::{Format, Inspect};
use crate::kernel;
use crate::plan::{Kind, Sandbox};
use crate::render::inspect::inspection_text;
use crate::state::Record;
use crate::ui;

pub(super) fn inspect(args: &Inspect) -> anyhow::Result<u8> {
    let record = running::find(args.lab.lab.as_deref())?;
    let place = running::place(&record, &args.target)?;
    let found = kernel::inspect::inspect(&place, &around(&record, place.sandbox))?;
    let inspection = name::name(found, &record.lab, place.sandbox);
    match args.format {
        Format::Text => ui::print(&inspection_text(&inspection))?,
        Format::Json => print_json("netlab.inspect/1", &inspection)?,
    }
    Ok(FINE)
}

/// The places that cables from here can lead to.
fn around<'a>(record: &'a Record, here: &Sandbox) -> Vec<&'a Sandbox> {
    // A node with its pods; none for the underlay's places.
    let family = record.lab.nodes.iter().find(|node| {
        node.name == here.name || here.kind == Kind::Pod && node.pods.iter().any(|pod| pod.name == here.name)
    });
    let pods: HashSet<&str> =
        family.into_iter().flat_map(|node| &node.pods).map(|pod| pod.name.as_str()).collect();
    let reaches = |there: &&Sandbox| match (here.kind, there.kind) {
        (Kind::Pod, Kind::Node) => family.is_some_and(|node| node.name == there.name),
        (Kind::Node, Kind::Pod) => pods.contains(there.name.as_str()),
        (Kind::Fabric, Kind::Node | Kind::Router | Kind::External)
        | (Kind::Node | Kind::Router | Kind::External, Kind::Fabric) => true,
        _ => false,
    };
    record.sandboxes.iter().filter(reaches).collect()
}
