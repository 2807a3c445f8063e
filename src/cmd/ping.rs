//! `netlab ping`: echo requests from a place in the lab.

use std::net::IpAddr;
use std::sync::atomic::Ordering;

use super::{FAILED, FINE, Fail, OTHER, running};
use crate::cli::{FamilyArg, Format, Fragments, Ping};
use crate::kernel::{self, icmp::IcmpSocket, probe::run_ping, stop_flag};
use crate::model::{Family, Lab};
use crate::probe::{DontFragment, PingOptions};
use crate::render::LabNames;
use crate::render::ping::{PingDetail, PingText, ping_json};
use crate::ui;

pub(super) fn ping(args: &Ping) -> anyhow::Result<u8> {
    let record = running::find(args.lab.lab.as_deref())?;
    let place = running::place(&record, &args.from)?;
    let target = running::address(&record.lab, &args.to, family(&args.family))?;
    let options = PingOptions {
        count: Some(args.count),
        interval: args.interval,
        timeout: args.timeout,
        size: args.size,
        dont_fragment: fragments(args.fragments),
        ttl: args.ttl,
    };
    let entered = kernel::enter_network(&place)?;
    let stop = stop_flag();
    let mut socket = IcmpSocket::open(target.into())?;
    socket.set_dont_fragment(options.dont_fragment)?;
    let names = LabNames::new(&record.lab);
    let detail = if args.quiet { PingDetail::SummaryOnly } else { PingDetail::EveryPacket };
    let source = source(&record.lab, &args.from, target);
    let text = PingText { source, target, options: &options, detail, names: &names };
    let mut events = Vec::new();
    if args.format == Format::Text {
        ui::print(&format!("{}\n", text.header()))?;
    }
    let mut heard = Ok(());
    let summary = run_ping(
        &mut socket,
        target,
        &options,
        &mut |event| {
            if args.format == Format::Json {
                events.push(event.clone());
            } else if let (Some(line), Ok(())) = (text.event(event), &heard) {
                heard = ui::print(&format!("{line}\n"));
            }
            if heard.is_err() || entered.is_gone() {
                stop.store(true, Ordering::Relaxed);
            }
        },
        stop,
    )?;
    heard?;
    if entered.is_gone() {
        let message =
            format!("lab `{}` ended, or {} in it, while it was pinging", record.lab.name, args.from);
        return Err(Fail { code: OTHER, message }.into());
    }
    match args.format {
        Format::Text => ui::print(&format!("\n{}\n", text.summary(&summary)))?,
        Format::Json => ui::print(&format!("{}\n", ping_json(&text, &events, &summary)?))?,
    }
    Ok(if summary.received > 0 { FINE } else { FAILED })
}

/// The family that flags ask for.
pub(super) fn family(args: &FamilyArg) -> Option<Family> {
    match (args.v4, args.v6) {
        (true, _) => Some(Family::V4),
        (_, true) => Some(Family::V6),
        _ => None,
    }
}

/// What ping's `-M` means to the kernel.
pub(super) fn fragments(fragments: Fragments) -> DontFragment {
    match fragments {
        Fragments::Do => DontFragment::Set,
        Fragments::Dont => DontFragment::Clear,
        Fragments::Want => DontFragment::Kernel,
    }
}

/// The address that the kernel will send from, where a place has only one of the target's family.
pub(super) fn source(lab: &Lab, from: &str, target: IpAddr) -> Option<IpAddr> {
    running::addresses(lab, from)?.get(Family::of_address(&target)).map(|net| net.addr())
}
