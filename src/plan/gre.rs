//! `gre`: one device for all nodes (`external`), and routes that say which node a packet is wrapped for. No key, checksum or
//! sequence number: four bytes of GRE. Over IPv6 the device is of the kind `ip6gre`.

use super::data_path::Why;
use super::op::Encap;
use super::tunnel::{Here, TunnelKind};
use crate::model::Family;

pub(super) fn node_steps(here: &Here<'_>) -> Vec<Why> {
    let kind = match here.lab.outside() {
        Family::V4 => TunnelKind::Gre,
        Family::V6 => TunnelKind::Ip6Gre,
    };
    vec![
        here.device(kind, None),
        here.routes(|end, to| (Some(end), Some(Encap { id: None, to }))),
        here.direct_routes(),
    ]
}
