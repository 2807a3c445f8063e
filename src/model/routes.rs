//! Static shortest paths through the routers of the underlay.

use std::collections::VecDeque;

use super::Lab;

/// How far every segment is from every other, and by which router.
pub struct Paths<'a> {
    lab: &'a Lab,
    /// The routers on each segment.
    routers: Vec<Vec<usize>>,
}

/// How many routers lie between each segment and one that was asked for; `None` where no path is.
pub struct Distances(Vec<Option<usize>>);

impl<'a> Paths<'a> {
    /// The paths of a lab.
    pub fn new(lab: &'a Lab) -> Self {
        let mut routers = vec![Vec::new(); lab.segments.len()];
        for (place, router) in lab.routers.iter().enumerate() {
            for port in &router.ports {
                routers[port.segment].push(place);
            }
        }
        Self { lab, routers }
    }

    /// The distances to a segment, breadth first.
    pub fn distances(&self, to: usize) -> Distances {
        let mut distance = vec![None; self.lab.segments.len()];
        distance[to] = Some(0);
        let mut queue = VecDeque::from([(to, 0)]);
        while let Some((segment, so_far)) = queue.pop_front() {
            for port in self.routers[segment].iter().flat_map(|router| &self.lab.routers[*router].ports) {
                if distance[port.segment].is_none() {
                    distance[port.segment] = Some(so_far + 1);
                    queue.push_back((port.segment, so_far + 1));
                }
            }
        }
        Distances(distance)
    }

    /// The router on a segment that is nearest to what `distances` lead to; equal paths are decided by name.
    pub fn next_router(&self, from: usize, distances: &Distances) -> Option<usize> {
        let candidates = self.routers[from].iter().filter_map(|place| {
            let router = &self.lab.routers[*place];
            let nearest = router.ports.iter().filter_map(|port| distances.0[port.segment]).min()?;
            Some((nearest, &router.name, *place))
        });
        candidates.min().map(|(_, _, place)| place)
    }
}

impl Distances {
    /// Whether there is a path from a segment. One that is not in the file, which is an error of its own, counts as reached.
    pub fn reaches(&self, from: usize) -> bool {
        self.0.get(from).is_none_or(Option::is_some)
    }

    /// The port of a router that is nearest; the first of those that are equally near.
    pub fn nearest_port(&self, lab: &Lab, router: usize) -> Option<usize> {
        let ports = lab.routers[router].ports.iter().enumerate();
        ports.filter_map(|(place, port)| Some((self.0[port.segment]?, place))).min().map(|(_, place)| place)
    }
}
