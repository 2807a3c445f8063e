//! Who gets which address: pure functions of what was asked for, in the order in which it was asked.

use std::collections::{BTreeMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::address::Family;

/// An address as a number.
pub(super) fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}

/// A number as an address.
pub(super) fn address(family: Family, number: u128) -> IpAddr {
    match family {
        // The callers stay inside an IPv4 network, whose numbers fit.
        Family::V4 => IpAddr::V4(Ipv4Addr::from(u32::try_from(number).unwrap_or(u32::MAX))),
        Family::V6 => IpAddr::V6(Ipv6Addr::from(number)),
    }
}

/// A network from its first address and prefix length; the length comes from a network that was valid.
fn network(family: Family, first: u128, prefix_len: u8) -> Option<IpNet> {
    IpNet::new(address(family, first), prefix_len).ok()
}

/// The prefix length of the smallest network that has so many addresses.
pub(super) fn holding(family: Family, addresses: usize) -> u8 {
    let bits = addresses.next_power_of_two().trailing_zeros();
    family.bits().saturating_sub(u8::try_from(bits).unwrap_or(u8::MAX))
}

/// How many addresses a network of that prefix length has, as far as a `u128` goes.
pub(super) fn size(family: Family, prefix_len: u8) -> u128 {
    1u128.checked_shl(u32::from(family.bits() - prefix_len)).unwrap_or(u128::MAX)
}

/// Gives out the hosts of one subnet: from a first number upwards to the end, then what is left below it.
///
/// The subnet's own address and, in IPv4, its broadcast address are never given.
#[derive(Debug)]
pub(super) struct Hosts {
    net: IpNet,
    lowest: u128,
    highest: u128,
    next: u128,
    wrapped: bool,
    start: u128,
    taken: HashSet<u128>,
}

impl Hosts {
    /// Hosts of `net`, where the first given is the network's address plus `start`.
    pub(super) fn new(net: IpNet, start: u128) -> Self {
        let family = Family::of(&net);
        let first = number(net.network());
        let last = first.saturating_add(size(family, net.prefix_len()) - 1);
        let broadcast = u128::from(family == Family::V4);
        let (lowest, highest) = (first.saturating_add(1), last.saturating_sub(broadcast).max(first));
        let mut hosts =
            Self { net, lowest, highest, next: 0, wrapped: false, start: 0, taken: HashSet::new() };
        hosts.restart(start);
        hosts
    }

    /// How many hosts the subnet has.
    pub(super) fn capacity(net: &IpNet) -> u128 {
        let all = size(Family::of(net), net.prefix_len());
        all.saturating_sub(if Family::of(net) == Family::V4 { 2 } else { 1 })
    }

    /// Whether the subnet holds two hosts, which is the least that makes a link: a /30, or a /126 in IPv6, where the
    /// first address is every router's (RFC 4291, 2.6.1).
    pub(super) fn has_room(net: &IpNet) -> bool {
        Family::of(net).bits() - net.prefix_len() >= 2
    }

    /// Goes on at the network's address plus `start`; what was given stays taken.
    pub(super) fn restart(&mut self, start: u128) {
        let first = number(self.net.network());
        self.start = first.saturating_add(start).clamp(self.lowest, self.highest.max(self.lowest));
        self.next = self.start;
        self.wrapped = false;
    }

    /// Whether this address is one that hosts may have.
    pub(super) fn allows(&self, address: IpAddr) -> bool {
        self.net.contains(&address) && (self.lowest..=self.highest).contains(&number(address))
    }

    /// Takes one address; false when it was taken before.
    pub(super) fn take(&mut self, address: IpAddr) -> bool {
        self.taken.insert(number(address))
    }

    /// Takes the next free address.
    pub(super) fn next(&mut self) -> Option<IpNet> {
        loop {
            if !self.wrapped && self.next > self.highest {
                self.wrapped = true;
                self.next = self.lowest;
            }
            if self.wrapped && self.next >= self.start {
                return None;
            }
            let candidate = self.next;
            self.next += 1;
            if self.taken.insert(candidate) {
                let family = Family::of(&self.net);
                return IpNet::new(address(family, candidate), self.net.prefix_len()).ok();
            }
        }
    }
}

/// Gives out the slices of one range: the second first, as `kubeadm` labs like `10.244.1.0/24` for `node1`, and the
/// first one last.
#[derive(Debug)]
pub(super) struct Slices {
    range: IpNet,
    mask: u8,
    next: u128,
    count: u128,
    /// First address to last address of every slice that is taken.
    taken: BTreeMap<u128, u128>,
}

impl Slices {
    /// Slices of `range` of prefix length `mask`, which is not shorter than the range's.
    pub(super) fn new(range: IpNet, mask: u8) -> Self {
        let bits = u32::from(mask.saturating_sub(range.prefix_len()));
        let count = 1u128.checked_shl(bits).unwrap_or(u128::MAX);
        Self { range, mask, next: 1, count, taken: BTreeMap::new() }
    }

    /// How many slices there are.
    pub(super) fn capacity(&self) -> u128 {
        self.count
    }

    /// Takes a slice; false when it overlaps with one that was taken before.
    pub(super) fn take(&mut self, slice: IpNet) -> bool {
        let first = number(slice.network());
        let last = first.saturating_add(size(Family::of(&slice), slice.prefix_len()) - 1);
        if self.overlaps(first, last).is_some() {
            return false;
        }
        self.taken.insert(first, last);
        true
    }

    /// Takes the next free slice.
    pub(super) fn next(&mut self) -> Option<IpNet> {
        let family = Family::of(&self.range);
        let base = number(self.range.network());
        let step = size(family, self.mask);
        while self.next <= self.count {
            let place = if self.next == self.count { 0 } else { self.next };
            let first = base + place * step;
            self.next += 1;
            let Some(end) = self.overlaps(first, first + (step - 1)) else {
                let slice = network(family, first, self.mask)?;
                self.take(slice);
                return Some(slice);
            };
            // A large slice that somebody has pinned may cover more small ones than can be counted.
            if place > 0 {
                self.next = self.next.max((end - base) / step + 1).min(self.count);
            }
        }
        None
    }

    /// Where the last taken slice ends that overlaps with these addresses.
    fn overlaps(&self, first: u128, last: u128) -> Option<u128> {
        self.taken.range(..=last).next_back().map(|(_, end)| *end).filter(|end| *end >= first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> IpNet {
        text.parse().expect("a network")
    }

    #[test]
    fn hosts_start_where_told_and_use_the_whole_subnet() {
        let mut hosts = Hosts::new(net("192.168.66.0/28"), 11);
        let given: Vec<String> =
            std::iter::from_fn(|| hosts.next()).map(|net| net.addr().to_string()).collect();
        assert_eq!(given.len(), 14);
        assert_eq!(given[0], "192.168.66.11");
        assert_eq!(given[3], "192.168.66.14");
        assert_eq!(given[4], "192.168.66.1");
        assert_eq!(given[13], "192.168.66.10");
    }

    #[test]
    fn slices_begin_with_the_second_and_end_with_the_first() {
        let mut slices = Slices::new(net("10.244.0.0/22"), 24);
        let given: Vec<String> = std::iter::from_fn(|| slices.next()).map(|net| net.to_string()).collect();
        assert_eq!(given, ["10.244.1.0/24", "10.244.2.0/24", "10.244.3.0/24", "10.244.0.0/24"]);
    }

    #[test]
    fn slices_go_round_a_pinned_one_of_another_size() {
        let mut slices = Slices::new(net("10.244.0.0/22"), 24);
        assert!(slices.take(net("10.244.1.128/25")));
        assert!(!slices.take(net("10.244.1.0/24")));
        assert_eq!(slices.next(), Some(net("10.244.2.0/24")));
    }

    #[test]
    fn slices_jump_over_a_pinned_one_that_covers_many() {
        let mut slices = Slices::new(net("fd00::/48"), 126);
        assert!(slices.take(net("fd00::/56")));
        assert_eq!(slices.next(), Some(net("fd00:0:0:100::/126")));
        let mut slices = Slices::new(net("10.0.0.0/8"), 30);
        assert!(slices.take(net("10.0.0.0/8")));
        assert_eq!(slices.next(), None);
    }

    #[test]
    fn one_slice_as_large_as_the_range_is_that_range() {
        let mut slices = Slices::new(net("10.244.0.0/24"), 24);
        assert_eq!(slices.next(), Some(net("10.244.0.0/24")));
        assert_eq!(slices.next(), None);
    }

    #[test]
    fn the_whole_of_ipv6_does_not_overflow() {
        let mut slices = Slices::new(net("::/0"), 128);
        assert!(slices.next().is_some());
        let mut hosts = Hosts::new(net("::/0"), 2);
        assert!(hosts.next().is_some());
    }
}
