//! `netlab inspect`

use crate::cli::Inspect;

pub(super) fn inspect(_args: &Inspect) -> anyhow::Result<u8> {
    anyhow::bail!("not there yet")
}
