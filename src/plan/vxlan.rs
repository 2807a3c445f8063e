//! `vxlan`, as flannel's backend makes it: nothing is learnt. For every other node there is a permanent neighbour (its end's
//! Ethernet address), a forwarding entry (the node that has that Ethernet address), and routes by way of its end.

use super::data_path::Why;
use super::link::{Link, Mac};
use super::op::Op;
use super::tunnel::{Here, TunnelKind, tunnel_addresses};

/// flannel's VNI on Linux, which is also in the device's name, `flannel.1` (pkg/backend/vxlan/vxlan.go, `defaultVNI`).
pub(super) const VNI: u32 = 1;
/// flannel leaves the port to the kernel, whose default is that of the time before the RFC: 8472, and not 4789
/// (drivers/net/vxlan, `udp_port`).
pub(super) const PORT: u16 = 8472;

pub(super) fn node_steps(here: &Here<'_>) -> Vec<Why> {
    let Some(local) = here.local() else { return Vec::new() };
    let mac = Mac::of_ip(&tunnel_addresses(here.node()));
    let kind = TunnelKind::Vxlan { id: VNI, port: PORT, local, dev: Link::eth0() };
    let forward = here.far_ends().map(|(node, to)| {
        let mac = Mac::of_ip(&tunnel_addresses(node));
        Op::Fdb { link: here.link(), mac, to }
    });
    vec![
        here.device(kind, Some(mac)),
        here.neighbours(),
        ("the node behind each of those Ethernet addresses".into(), forward.collect()),
        here.routes(|end, _| (Some(end), None)),
        here.direct_routes(),
    ]
}
