//! `ipip`, as flannel's backend and Calico make it: one device without a far end, and routes whose next hop, another node's
//! own address, becomes the destination of the outer header.

use std::net::IpAddr;

use super::data_path::Why;
use super::tunnel::{Here, TunnelKind};

pub(super) fn node_steps(here: &Here<'_>) -> Vec<Why> {
    let Some(IpAddr::V4(local)) = here.local() else { return Vec::new() };
    vec![
        here.device(TunnelKind::Ipip { local }, None),
        here.routes(|_, to| (Some(to), None)),
        here.direct_routes(),
    ]
}
