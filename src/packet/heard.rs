//! Frames that were heard in many places at once, put in order.

use super::pcapng::Direction;

/// A frame that passed an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// The interface, by its number among those that are listened on.
    pub interface: usize,
    /// Which way it went there.
    pub direction: Direction,
    /// When, in nanoseconds since 1970.
    pub time: u64,
    /// How long it is in bytes; `bytes` may have the beginning only.
    pub original: usize,
    /// The frame.
    pub bytes: Vec<u8>,
    /// Whether its sum was filled in.
    pub sum: Sum,
    /// Whom it is for.
    pub whose: Whose,
}

/// Whom a frame is for, as the kernel that has it sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The interface at which it was heard, or everybody; or it was sent there.
    Own,
    /// Somebody else: it has another's Ethernet address.
    Other,
}

/// The sum of what a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sum {
    /// It is as its sender wants it.
    Final,
    /// The kernel leaves it to the network card to fill in.
    Open,
}

/// Frames that wait for older ones that may yet come from elsewhere.
#[derive(Debug, Default)]
pub struct Merge {
    waiting: Vec<Heard>,
}

impl Merge {
    /// Adds frames of one or more places, each place's in the order in which they passed.
    pub fn add(&mut self, frames: Vec<Heard>) {
        self.waiting.extend(frames);
    }

    /// Takes what passed up to that time, oldest first. Frames of the same time, which there are within a place, stay in the
    /// order in which they were added.
    pub fn until(&mut self, time: u64) -> Vec<Heard> {
        self.waiting.sort_by_key(|frame| frame.time);
        let later = self.waiting.partition_point(|frame| frame.time <= time);
        let rest = self.waiting.split_off(later);
        std::mem::replace(&mut self.waiting, rest)
    }

    /// When the oldest of those that wait passed.
    pub fn oldest(&self) -> Option<u64> {
        self.waiting.iter().map(|frame| frame.time).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(time: u64, interface: usize) -> Heard {
        let bytes = Vec::new();
        Heard {
            interface,
            direction: Direction::In,
            time,
            original: 0,
            bytes,
            sum: Sum::Final,
            whose: Whose::Own,
        }
    }

    fn order(frames: &[Heard]) -> Vec<(u64, usize)> {
        frames.iter().map(|frame| (frame.time, frame.interface)).collect()
    }

    #[test]
    fn frames_of_two_places_come_in_the_order_of_time() {
        let mut merge = Merge::default();
        merge.add(vec![frame(5, 0), frame(9, 0)]);
        merge.add(vec![frame(1, 1), frame(7, 1)]);
        assert_eq!(merge.oldest(), Some(1));
        assert_eq!(order(&merge.until(7)), [(1, 1), (5, 0), (7, 1)]);
        // One that is older than what waits, and younger than what was taken.
        merge.add(vec![frame(8, 2)]);
        assert_eq!(order(&merge.until(u64::MAX)), [(8, 2), (9, 0)]);
        assert_eq!((order(&merge.until(u64::MAX)), merge.oldest()), (Vec::new(), None));
    }

    #[test]
    fn at_the_same_time_the_order_in_which_they_passed_stays() {
        let mut merge = Merge::default();
        merge.add(vec![frame(5, 3), frame(5, 1), frame(5, 2)]);
        assert_eq!(order(&merge.until(4)), []);
        assert_eq!(order(&merge.until(5)), [(5, 3), (5, 1), (5, 2)]);
    }
}
