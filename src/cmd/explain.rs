//! `netlab explain`: the page of an error's code.

use super::{FINE, usage};
use crate::cli::Explain;
use crate::diag::{Code, closest, page};
use crate::ui;

pub(super) fn explain(args: &Explain) -> anyhow::Result<u8> {
    let Some(id) = &args.code else {
        let titles: Vec<&str> = Code::ALL.into_iter().filter_map(|code| page(code).lines().next()).collect();
        ui::print(&format!("{}\n\n`netlab explain CODE` has a page for each.\n", titles.join("\n")))?;
        return Ok(FINE);
    };
    let Some(code) = Code::from_id(id) else {
        let near = closest(id, Code::ALL.into_iter().map(Code::id));
        let help = near.map(|near| format!("did you mean {near}? ")).unwrap_or_default();
        return Err(usage(format!("there is no code `{id}`: {help}`netlab explain` lists them all")));
    };
    ui::print(&format!("{}\n", page(code)))?;
    Ok(FINE)
}
