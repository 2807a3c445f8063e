//! `netlab link`: a cable of a running lab, unplugged and plugged in again.
//!
//! It is the bridge's end that is turned off. The other end then has no carrier, as with a real cable, and keeps its
//! addresses and routes; if that one were turned off, the kernel would throw its IPv6 addresses and all routes away.
//! The cable of an external has no bridge: its near end is the fabric's own interface, which does lose its routes, and
//! gets those of the plan again.

use super::{FINE, cables, running};
use crate::cli::{Link, LinkAction};
use crate::kernel::{LinkState, Live};
use crate::plan::{Cable, Plan, plan};
use crate::ui;

pub(super) fn link(args: &Link) -> anyhow::Result<u8> {
    let (target, to) = match &args.action {
        LinkAction::Down(args) => (&args.target, LinkState::Down),
        LinkAction::Up(args) => (&args.target, LinkState::Up),
    };
    let record = running::find(args.lab.as_deref())?;
    let plan = plan(&record.lab);
    let cable = cables::of_place(&record.lab, &plan, target)?;
    running::in_sight(&record)?;
    let (near, far) = (&plan.namespaces[cable.near].name, &plan.namespaces[cable.far].name);
    let mut live = Live::open([running::sandbox(&record, near)?, running::sandbox(&record, far)?])?;
    let before = live.state(near, &cable.port)?;
    live.set_state(near, &cable.port, to)?;
    if to == LinkState::Up {
        live.apply(near, &plan.forgotten(&cable))?;
    }
    let is_on = live.state(far, &cable.interface)? == LinkState::Up;
    if to == LinkState::Up && is_on {
        let links: Vec<_> = [&cable.port].into_iter().chain(&cable.bridge).collect();
        live.wait_until_up(near, &links)?;
        live.wait_until_up(far, &[&cable.interface])?;
    }
    ui::print(&told(&plan, &cable, to, before))?;
    if !is_on {
        let interface = &cable.interface.name;
        ui::remark(&format!(
            "netlab: {interface} of {far} itself is down: `netlab exec {far} -- ip link set {interface} up`"
        ));
    }
    Ok(FINE)
}

fn told(plan: &Plan, cable: &Cable, to: LinkState, before: LinkState) -> String {
    let cable_name = format!("{} {}", plan.namespaces[cable.far].name, cable.interface.name);
    let bridge = cable.bridge.as_ref().map_or("the fabric", |bridge| bridge.name.as_ref());
    match (to, before) {
        (LinkState::Down, LinkState::Up) => format!("{cable_name} is unplugged from {bridge}: no carrier\n"),
        (LinkState::Down, LinkState::Down) => format!("{cable_name} is unplugged from {bridge} already\n"),
        (LinkState::Up, LinkState::Down) => format!("{cable_name} is plugged into {bridge} again\n"),
        (LinkState::Up, LinkState::Up) => format!("{cable_name} is plugged into {bridge} already\n"),
    }
}
