//! Which data path plans what. Adding one is a file beside this one and an arm here.

use super::host_gw;
use super::op::Op;
use crate::model::{DataPath, Lab};

/// A reason, and what is made for it.
pub(super) type Why = (String, Vec<Op>);

/// What a node gets so that its pods meet those of other nodes.
pub(super) fn node_steps(lab: &Lab, number: usize) -> Vec<Why> {
    let mut steps = match lab.data_path {
        DataPath::HostGw => vec![host_gw::node_routes(lab, number)],
        DataPath::L2
        | DataPath::Cloud
        | DataPath::Vxlan
        | DataPath::Geneve
        | DataPath::Ipip
        | DataPath::Gre
        | DataPath::Wireguard => Vec::new(),
    };
    steps.retain(|(_, ops)| !ops.is_empty());
    steps
}
