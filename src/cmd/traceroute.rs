//! `netlab traceroute`: the hops from one place to another.

use super::ping::{family, fragments, source};
use super::{FAILED, FINE, running};
use crate::cli::{Format, Traceroute};
use crate::kernel::{self, icmp::IcmpSocket, probe::run_traceroute, stop_flag};
use crate::probe::{TraceEnd, TracerouteOptions};
use crate::render::LabNames;
use crate::render::traceroute::{TracerouteText, traceroute_json};
use crate::ui;

pub(super) fn traceroute(args: &Traceroute) -> anyhow::Result<u8> {
    let record = running::find(args.lab.lab.as_deref())?;
    let place = running::place(&record, &args.from)?;
    let target = running::address(&record.lab, &args.to, family(&args.family))?;
    let options = TracerouteOptions {
        first_ttl: 1,
        max_hops: args.max_hops,
        queries: args.queries,
        timeout: args.timeout,
        size: args.size,
        dont_fragment: fragments(args.fragments),
    };
    kernel::enter_network(&place)?;
    let mut socket = IcmpSocket::open(target.into())?;
    socket.set_dont_fragment(options.dont_fragment)?;
    let names = LabNames::new(&record.lab);
    let source = source(&record.lab, &args.from, target);
    let text = TracerouteText { source, target, options: &options, names: &names };
    if args.format == Format::Text {
        ui::print(&format!("{}\n", text.header()))?;
    }
    let trace = run_traceroute(&mut socket, target, &options, stop_flag())?;
    match args.format {
        Format::Text => {
            for hop in &trace.hops {
                ui::print(&format!("{}\n", text.hop(hop)))?;
            }
            if let Some(verdict) = text.verdict(&trace) {
                ui::print(&format!("{verdict}\n"))?;
            }
        }
        Format::Json => ui::print(&format!("{}\n", traceroute_json(&text, &trace)?))?,
    }
    Ok(if trace.end == TraceEnd::Reached { FINE } else { FAILED })
}
