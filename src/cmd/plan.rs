//! `netlab plan`: what `up` would make.

use std::io::Write as _;

use super::{FINE, load, print_json};
use crate::cli::{Format, PlanArgs};
use crate::plan::plan as plan_lab;
use crate::render::commands;
use crate::ui;

pub(super) fn plan(args: &PlanArgs) -> anyhow::Result<u8> {
    let lab = load::lab(&args.file, args.data_path.as_deref())?;
    let plan = plan_lab(&lab);
    match args.format {
        Format::Text => ui::stream(|out| {
            commands::parts(&plan, &lab.name).try_for_each(|part| out.write_all(part.as_bytes()))
        })?,
        Format::Json => print_json("netlab.plan/1", &plan)?,
    }
    Ok(FINE)
}
