//! `netlab capture`: the frames that pass the interfaces of a lab, in one file or on the terminal.

pub(super) mod describe;
mod filter;
mod listen;
pub(super) mod mend;
pub(super) mod output;
mod target;

use super::{FINE, Fail, OTHER, running, usage};
use crate::cli::Capture;
use crate::kernel::capture::{Ears, Extent, KeptAway};
use crate::kernel::{self, Interrupts};
use crate::plan::plan;
use crate::ui;
use listen::{End, Listener};
use output::Output;

pub(super) fn capture(args: &Capture) -> anyhow::Result<u8> {
    let record = running::find(args.lab.lab.as_deref())?;
    let plan = plan(&record.lab);
    let (targets, filter) = filter::split(&args.words, args.filter.as_deref());
    let filter = filter.map(|text| filter::read(&text, &record.lab)).transpose()?;
    let wanted = target::wanted(&record, &plan, targets)?;
    running::in_sight(&record)?;
    // Before the lab's user namespace is entered, where this user's files belong to somebody else.
    let output = Output::open(args, &record.lab, &plan)?;
    let interrupts = Interrupts::hold()?;
    let extent = match (&args.write, args.snap) {
        (None, _) => Extent::Headers,
        (Some(_), Some(bytes)) => Extent::First(bytes.into()),
        (Some(_), None) => Extent::Whole,
    };
    let kept_away = match &filter {
        Some(filter) if filter.never_tcp() => KeptAway::PlainTcp,
        _ => KeptAway::Nothing,
    };
    let ears = Ears::open(&wanted, extent, kept_away).map_err(|error| match error {
        kernel::Error::NoInterface { .. } => usage(error.to_string()),
        error => error.into(),
    })?;
    let mut listener = Listener::new(ears, filter, output, args.count)?;
    let end = listener.listen(&interrupts, args.time)?;
    ui::remark(&listener.finish(end)?);
    if end == End::LabEnded {
        let what = match targets {
            [] => String::new(),
            targets => format!(", or {} in it,", targets.join(" and ")),
        };
        let message = format!("lab `{}` ended{what} while it was being captured", record.lab.name);
        return Err(Fail { code: OTHER, message }.into());
    }
    Ok(FINE)
}
