//! Which sizes to ping with, until the largest that passes whole is known together with the next one, which does not.

/// The most data that a ping can have: the largest IPv4 packet without its headers.
const MOST: u16 = 65_507;

/// The state of one search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LargestPing {
    passes: u16,
    /// The smallest that is known not to pass; one more than [`MOST`] for a start.
    fails: u16,
    hint: Option<u16>,
    /// Whether the last one passed: then the next larger one is the likeliest not to.
    climbs: bool,
    /// Bytes of the IP and ICMP headers.
    headers: u16,
}

impl LargestPing {
    /// A search from a size that is known to pass. `mtu` is where to begin, and `headers` are the bytes of the IP and ICMP
    /// headers, which an MTU counts and a ping's size does not.
    pub fn new(passes: u16, mtu: u32, headers: u16) -> Self {
        let mut search = Self { passes, fails: MOST + 1, hint: None, climbs: false, headers };
        search.take_hint(Some(mtu));
        search
    }

    /// The next size to try; none when the largest is known.
    pub fn next(&self) -> Option<u16> {
        let left = self.fails - self.passes;
        match self.hint {
            _ if left <= 1 => None,
            Some(hint) => Some(hint),
            None if self.climbs => Some(self.passes + 1),
            None => Some(self.passes + left / 2),
        }
    }

    /// That size got its reply.
    pub fn passed(&mut self, size: u16) {
        self.passes = self.passes.max(size);
        // A second larger one in a row: the hint was wrong, and halves are quicker than steps.
        self.climbs = self.hint.is_some();
        self.take_hint(None);
    }

    /// That size did not; with the MTU that whoever stopped it named.
    pub fn failed(&mut self, size: u16, mtu: Option<u32>) {
        self.fails = self.fails.min(size);
        self.climbs = false;
        self.take_hint(mtu);
    }

    /// The largest that passes, as far as is known.
    pub fn largest(&self) -> u16 {
        self.passes
    }

    fn take_hint(&mut self, mtu: Option<u32>) {
        let size = mtu.and_then(|mtu| u16::try_from(mtu).ok()?.checked_sub(self.headers));
        self.hint = size.filter(|size| (self.passes + 1..self.fails).contains(size));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Searches where packets of up to `mtu` pass and whoever stops a larger one names `told`; gives back the sizes tried.
    fn search(mtu: u32, told: Option<u32>) -> (u16, Vec<u16>) {
        let mut search = LargestPing::new(56, 1500, 28);
        let mut tried = Vec::new();
        while let Some(size) = search.next() {
            tried.push(size);
            if u32::from(size) + 28 <= mtu {
                search.passed(size)
            } else {
                search.failed(size, told)
            }
            assert!(tried.len() < 40, "{tried:?}");
        }
        (search.largest(), tried)
    }

    #[test]
    fn the_mtu_that_is_known_or_told_is_confirmed_and_so_is_one_more() {
        assert_eq!(search(1500, Some(1500)), (1472, vec![1472, 1473]));
        assert_eq!(search(1450, Some(1450)), (1422, vec![1472, 1422, 1423]));
    }

    #[test]
    fn where_nobody_tells_halves_are_tried() {
        for mtu in [85, 576, 1280, 1450, 1499, 1501, 9000, 65_535] {
            let (largest, tried) = search(mtu, None);
            assert_eq!(u32::from(largest) + 28, mtu, "{tried:?}");
            assert!(tried.len() < 20, "{tried:?}");
        }
    }

    #[test]
    fn who_tells_nonsense_is_not_believed() {
        for told in [0, 20, 68, 1451, 1449, 70_000] {
            assert_eq!(search(1450, Some(told)).0, 1422, "{told}");
        }
    }
}
