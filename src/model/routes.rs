//! Static shortest paths through the routers of the underlay.

use std::collections::VecDeque;

use super::Lab;

/// The router on segment `from` that is nearest to segment `to`; equal paths are decided by name. `without` leaves one
/// router out, so that a router does not choose itself.
pub fn next_router(lab: &Lab, from: usize, to: usize, without: Option<usize>) -> Option<usize> {
    let distance = distances(lab, to);
    let candidates = lab.routers.iter().enumerate().filter(|(place, router)| {
        Some(*place) != without && router.ports.iter().any(|port| port.segment == from)
    });
    candidates
        .filter_map(|(place, router)| {
            let nearest = router.ports.iter().filter_map(|port| distance[port.segment]).min()?;
            Some((nearest, &router.name, place))
        })
        .min()
        .map(|(_, _, place)| place)
}

/// How many routers lie between each segment and `to`; `None` where no path is.
pub(super) fn distances(lab: &Lab, to: usize) -> Vec<Option<usize>> {
    let mut distance = vec![None; lab.segments.len()];
    distance[to] = Some(0);
    let mut queue = VecDeque::from([(to, 0)]);
    while let Some((segment, so_far)) = queue.pop_front() {
        let here =
            lab.routers.iter().filter(|router| router.ports.iter().any(|port| port.segment == segment));
        for port in here.flat_map(|router| &router.ports) {
            if distance[port.segment].is_none() {
                distance[port.segment] = Some(so_far + 1);
                queue.push_back((port.segment, so_far + 1));
            }
        }
    }
    distance
}
