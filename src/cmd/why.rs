//! `netlab why`, hidden: what `netlab test` says of a pair that fails, about a lab that somebody broke by hand.

use super::{FINE, blame, running};
use crate::cli::Why;
use crate::ui;

pub(super) fn why(args: &Why) -> anyhow::Result<u8> {
    let record = running::find(args.lab.lab.as_deref())?;
    running::place(&record, &args.from)?;
    let to = running::address(&record.lab, &args.to, super::ping::family(&args.family))?;
    let explained = blame::facts_about(&record.lab, &record.sandboxes, &args.from, to);
    for fact in explained.facts {
        for line in fact.text.lines() {
            ui::print(&format!("{}: {line}\n", fact.label))?;
        }
    }
    if let Some(place) = explained.place {
        ui::print(&format!("place: {place}\n"))?;
    }
    Ok(FINE)
}
