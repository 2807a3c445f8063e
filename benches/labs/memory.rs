//! What a lab that nobody uses costs in memory of its own, the kernel's part aside.

use std::fs;

use anyhow::Context as _;

/// Kilobytes of a lab's processes.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    /// Resident set of the holder and its pauses, with pages that other programs use too.
    pub(crate) holder_rss: u64,
    /// Proportional set of the same: such pages count in part.
    pub(crate) holder_pss: u64,
    /// Proportional set of the keeper.
    pub(crate) keeper_pss: u64,
}

/// The memory of the lab with that record.
pub(crate) fn of(record: &serde_json::Value) -> anyhow::Result<Memory> {
    let pid = |who: &str| record[who]["pid"].as_i64().with_context(|| format!("{who}: no pid"));
    let (holder, keeper) = (pid("holder")?, pid("keeper")?);
    // The pauses share the holder's memory, page tables included, so its figures are theirs too.
    Ok(Memory {
        holder_rss: field(holder, "Rss:")?,
        holder_pss: field(holder, "Pss:")?,
        keeper_pss: field(keeper, "Pss:")?,
    })
}

fn field(pid: i64, name: &str) -> anyhow::Result<u64> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = fs::read_to_string(&path).with_context(|| path.clone())?;
    let line =
        text.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("{path}: {name}"))?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
