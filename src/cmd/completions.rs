//! `netlab completions`: the script that teaches a shell to complete netlab's lines.
//!
//! The scripts know no verbs and no options: they ask `netlab complete` with each Tab, and so never grow stale. They
//! leave to their shell what that does better, which is files and programs, and say nothing when netlab fails.

use super::FINE;
use crate::cli::{Completions, Shell};
use crate::ui;

pub(super) fn completions(args: &Completions) -> anyhow::Result<u8> {
    ui::print(match args.shell {
        Shell::Bash => include_str!("completions/netlab.bash"),
        Shell::Zsh => include_str!("completions/netlab.zsh"),
        Shell::Fish => include_str!("completions/netlab.fish"),
    })?;
    Ok(FINE)
}
