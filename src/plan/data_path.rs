//! Which data path plans what. Adding one is a file beside this one and an arm here.

use super::host_gw;
use super::op::Op;
use crate::model::{DataPath, Lab};

/// What a node gets so that its pods meet those of other nodes: the reason, and the operations.
pub(super) fn node_routes(lab: &Lab, number: usize) -> Option<(String, Vec<Op>)> {
    let (why, ops) = match lab.data_path {
        DataPath::HostGw => host_gw::node_routes(lab, number),
    };
    (!ops.is_empty()).then_some((why, ops))
}
