//! `netlab compare`: one topology on many data paths, in turn, and what each costs a packet.

mod measure;
mod trial;
mod turn;

use super::{FAILED, FINE, Fail, MACHINE, OTHER};
use crate::cli::{self, CompareFormat};
use crate::compare::{Comparison, Row, RowEnd, Verdict};
use crate::kernel::Interrupts;
use crate::render::compare::{TABLE_WIDTH, json, markdown, text};
use crate::state;
use crate::ui;

use trial::{Trial, trials};
use turn::{Came, Turns};

pub(super) fn compare(args: &cli::Compare) -> anyhow::Result<u8> {
    let (mut comparison, trials) = trials(args)?;
    // Whatever a comparison that was killed has left is removed here.
    state::labs()?;
    let interrupts = Interrupts::hold()?;
    // One after the other: what TCP carries is not to be disturbed by a neighbour.
    let mut turns = Turns::new(&trials, &comparison, &interrupts);
    let mut rows = Vec::with_capacity(trials.len());
    let mut stopped = None;
    for Trial { data_path, lab } in &trials {
        let end = match lab {
            Err(why) => RowEnd::NotAllowed(why.clone()),
            Ok(_) if stopped.is_some() => RowEnd::Stopped,
            Ok(lab) => match turns.take(*data_path, lab)? {
                Came::End(end) => end,
                Came::Denied(why) => return Err(denied(&why)),
                Came::Stopped(signal) => {
                    stopped = Some(signal);
                    RowEnd::Stopped
                }
            },
        };
        rows.push(Row { data_path: *data_path, end });
    }
    drop(turns);
    comparison.interrupted = stopped.is_some();
    comparison.rows = rows;
    let measured = comparison.rows.iter().filter(|row| row.measured().is_some()).count();
    if stopped.is_none() || measured > 0 {
        print(&comparison, args.format)?;
    }
    match stopped {
        Some(signal) => Err(interrupted(signal, measured, comparison.rows.len())),
        None => Ok(code(&comparison)),
    }
}

fn print(comparison: &Comparison, format: CompareFormat) -> anyhow::Result<()> {
    ui::print(&match format {
        CompareFormat::Text => text(comparison, ui::output_width().unwrap_or(TABLE_WIDTH)),
        CompareFormat::Markdown => markdown(comparison),
        CompareFormat::Json => format!("{}\n", json(comparison)?),
    })?;
    Ok(())
}

fn denied(why: &str) -> anyhow::Error {
    Fail { code: MACHINE, message: format!("{why}\nnothing was compared") }.into()
}

fn interrupted(signal: i32, measured: usize, all: usize) -> anyhow::Error {
    let code = u8::try_from(128 + signal).unwrap_or(OTHER);
    let message = match measured {
        0 => "interrupted: nothing was compared".to_owned(),
        _ => format!("interrupted: {measured} of {all} data paths were measured"),
    };
    Fail { code, message }.into()
}

fn code(comparison: &Comparison) -> u8 {
    match comparison.verdict() {
        Verdict::Fine => FINE,
        Verdict::Failed => FAILED,
        Verdict::Error => OTHER,
        Verdict::NothingHere => MACHINE,
    }
}
