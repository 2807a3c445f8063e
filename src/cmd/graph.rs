//! `netlab graph`

use crate::cli::Graph;

pub(super) fn graph(_args: &Graph) -> anyhow::Result<u8> {
    anyhow::bail!("not there yet")
}
