//! How much can be plugged into one switch.

use super::DataPath;

/// Ports of one Linux bridge (`BR_MAX_PORTS` is 1 << 10, and port 0 is not used).
pub(super) const OF_A_BRIDGE: usize = 1023;

/// How many of a node's cbr0 are left for pods, and why not more.
pub(super) fn for_pods(data_path: DataPath) -> (usize, &'static str) {
    match data_path {
        DataPath::L2 => {
            (OF_A_BRIDGE - 1, "a Linux bridge has 1023 ports, of which the node's eth0 takes one on l2")
        }
        _ => (OF_A_BRIDGE, "a Linux bridge has 1023 ports"),
    }
}
