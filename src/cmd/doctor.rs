//! `netlab doctor`: what this machine can do for labs.

use super::{FINE, MACHINE, load, print_json};
use crate::cli::{Doctor, Format};
use crate::doctor::{Asked, Examination, Wants};
use crate::plan::plan;
use crate::render::doctor;
use crate::{kernel, ui};

pub(super) fn doctor(args: &Doctor) -> anyhow::Result<u8> {
    let labs = args.files.iter().map(|file| {
        let lab = load::lab(file, None)?;
        let wants = Wants::of(&lab, &plan(&lab));
        Ok(Asked { file: file.display().to_string(), lab: lab.name, wants })
    });
    let labs = labs.collect::<anyhow::Result<_>>()?;
    let found = Examination { facts: kernel::examine()?, labs };
    match args.format {
        Format::Text => ui::print(&doctor::text(&found, ui::output_width(), ui::output_style()))?,
        Format::Json => print_json("netlab.doctor/1", &doctor::report(&found))?,
    }
    Ok(if found.is_fine() { FINE } else { MACHINE })
}
