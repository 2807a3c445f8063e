//! How many sockets this process may have.

use crate::kernel::process;

/// Of one place: its process, an echo and an error socket of each family.
const PER_PLACE: u64 = 5;

/// Standard streams, the terminal, files of the lab, and some to spare.
const OTHERS: u64 = 64;

/// A connection is tried up to three times before the first try is given up, and one is being closed.
const PER_CONNECTION: u64 = 4;

/// More at once make nothing faster.
const ENOUGH: u64 = 1024;

/// How many connections can be under way at once. Raises the limit of this process as far as it may.
pub(super) fn for_connections(places: usize) -> usize {
    let Some(limit) = process::raise_descriptor_limit() else { return 1 };
    let others = OTHERS + PER_PLACE * places as u64;
    let connections = limit.saturating_sub(others) / PER_CONNECTION;
    connections.clamp(1, ENOUGH) as usize
}
