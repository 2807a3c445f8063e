//! `netlab completions`

use crate::cli::Completions;

pub(super) fn completions(_args: &Completions) -> anyhow::Result<u8> {
    anyhow::bail!("not there yet")
}
