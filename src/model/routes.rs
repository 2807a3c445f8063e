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

    /// Where a router that is not on the segment itself sends for what `distances` lead to: its own port, and the next
    /// router. Equal paths are decided by that one's name.
    pub fn onward(&self, router: usize, distances: &Distances) -> Option<(usize, usize)> {
        let ports = &self.lab.routers[router].ports;
        let nearest = ports.iter().filter_map(|port| distances.0[port.segment]).min()?;
        let at = |port: usize| distances.0[ports[port].segment];
        let near = (0..ports.len()).filter(|port| at(*port) == Some(nearest));
        // The next router is always another: this one is no nearer than its port's segment.
        let candidates =
            near.filter_map(|port| Some((port, self.next_router(ports[port].segment, distances)?)));
        candidates.min_by_key(|(_, next)| &self.lab.routers[*next].name)
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
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two ways of one length, in the order of `ports` at the router where they part.
    fn parting(ports: &str) -> Lab {
        let text = format!(
            "[cluster]\ndata_path = \"vxlan\"\n[[segment]]\nname = \"a\"\n[[segment]]\nname = \"x\"\n[[segment]]\nname = \"y\"\n\
             [[segment]]\nname = \"z\"\n[[router]]\nname = \"r1\"\nsegments = [{ports}]\n\
             [[router]]\nname = \"r3\"\nsegments = [\"y\", \"z\"]\n[[router]]\nname = \"r2\"\nsegments = [\"x\", \"z\"]\n\
             [[node]]\nname = \"m\"\nsegment = \"a\"\n[[node]]\nname = \"n\"\nsegment = \"z\"\n"
        );
        crate::parse(&text, "lab").expect("a valid lab")
    }

    #[test]
    fn a_router_with_two_equal_ways_takes_the_one_whose_next_router_comes_first_by_name() {
        for ports in ["\"a\", \"x\", \"y\"", "\"a\", \"y\", \"x\""] {
            let lab = parting(ports);
            let paths = Paths::new(&lab);
            let (port, next) = paths.onward(0, &paths.distances(3)).expect("a way");
            assert_eq!(lab.routers[next].name, "r2", "{ports}");
            assert_eq!(lab.segments[lab.routers[0].ports[port].segment].name, "x", "{ports}");
        }
    }
}
