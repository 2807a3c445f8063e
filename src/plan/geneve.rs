//! `geneve`: one device for all nodes (`external`), and routes that say which node a packet is wrapped for. OVN and Cilium
//! tell the device in other ways (by Open vSwitch, by BPF); on the wire it is the same.

use super::data_path::Why;
use super::link::Mac;
use super::op::Encap;
use super::tunnel::{Here, TunnelKind, tunnel_addresses};

/// The virtual network, chosen as flannel's VXLAN has it.
pub(super) const VNI: u32 = 1;
/// The port that IANA gave to Geneve (RFC 8926, 7).
pub(super) const PORT: u16 = 6081;

pub(super) fn node_steps(here: &Here<'_>) -> Vec<Why> {
    let mac = Mac::of_ip(&tunnel_addresses(here.node()));
    vec![
        here.device(TunnelKind::Geneve { port: PORT }, Some(mac)),
        here.neighbours(),
        here.routes(|end, to| (Some(end), Some(Encap { id: Some(VNI), to }))),
        here.direct_routes(),
    ]
}
