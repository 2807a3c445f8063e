//! How many sockets this process may have, and what is asked at a time where they are not enough for everybody.

use std::collections::{HashMap, HashSet};

use crate::kernel::icmp::Family;
use crate::kernel::process;
use crate::probe::{Attempt, Request};

/// Standard streams, the terminal, files of the lab, and some to spare.
const OTHERS: u64 = 64;

/// A connection is tried up to three times before the first try is given up, and one is being closed.
const PER_CONNECTION: u64 = 4;

/// More at once make nothing faster.
const ENOUGH: u64 = 1024;

/// What POSIX promises to every process, less what others need: assumed where the kernel does not tell.
const FEW: u64 = 256;

/// Requests that are asked at the same time.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Round {
    /// Which they are.
    pub(super) requests: Vec<usize>,
    /// How many connections may be under way at once.
    pub(super) connections: usize,
}

/// How many descriptors there are for sockets. Raises the limit of this process as far as it may.
pub(super) fn room() -> u64 {
    process::raise_descriptor_limit().unwrap_or(FEW).saturating_sub(OTHERS)
}

/// What a place needs a descriptor for: its process, and a socket of each sort that is used.
fn needs(request: &Request) -> [(usize, Option<(Family, bool)>); 2] {
    let is_connection = matches!(request.attempt, Attempt::Tcp { .. } | Attempt::Udp { .. });
    [(request.from, None), (request.from, Some((Family::from(request.to), is_connection)))]
}

/// All requests, those of one place together, in as few rounds as there is room for.
pub(super) fn rounds(requests: &[Request], room: u64) -> Vec<Round> {
    let connects = requests.iter().any(|request| needs(request)[1].1.is_some_and(|(_, connects)| connects));
    let reserved = if connects { (ENOUGH * PER_CONNECTION).min(room / 2) } else { 0 };
    let mut needed: HashMap<usize, HashSet<Option<(Family, bool)>>> = HashMap::new();
    for (place, what) in requests.iter().flat_map(needs) {
        needed.entry(place).or_default().insert(what);
    }
    let mut round_of: HashMap<usize, usize> = HashMap::new();
    let mut rounds: Vec<Round> = Vec::new();
    let mut left = 0;
    for (which, request) in requests.iter().enumerate() {
        let round = *round_of.entry(request.from).or_insert_with(|| {
            let need = needed[&request.from].len() as u64;
            // A place that finds no room at all is tried all the same, and its error tells.
            if rounds.is_empty() || left < need {
                rounds.push(Round { requests: Vec::new(), connections: 1 });
                left = room - reserved;
            }
            left = left.saturating_sub(need);
            rounds.len() - 1
        });
        rounds[round].requests.push(which);
    }
    let connections = (reserved / PER_CONNECTION).clamp(1, ENOUGH) as usize;
    rounds.iter_mut().for_each(|round| round.connections = connections);
    rounds
}

/// At most how many descriptors requests of so many places take, connections included.
pub(super) fn most(requests: &[Request]) -> u64 {
    let needed: HashSet<_> = requests.iter().flat_map(needs).collect();
    let connects = needed.iter().any(|(_, what)| what.is_some_and(|(_, connects)| connects));
    needed.len() as u64 + if connects { ENOUGH * PER_CONNECTION } else { 0 }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn requests(places: usize, attempt: &Attempt) -> Vec<Request> {
        let families: [IpAddr; 2] = [[10, 0, 0, 1].into(), [0xfd00, 0, 0, 0, 0, 0, 0, 1].into()];
        let of = |to: IpAddr| (0..places).map(move |from| Request { from, to, attempt: attempt.clone() });
        families.into_iter().flat_map(of).collect()
    }

    fn sizes(requests: &[Request], room: u64) -> Vec<usize> {
        rounds(requests, room).iter().map(|round| round.requests.len()).collect()
    }

    #[test]
    fn everything_is_asked_at_once_where_there_is_room() {
        let pings = requests(100, &Attempt::PING);
        assert_eq!(sizes(&pings, 300), [200]);
        assert_eq!(sizes(&pings, 299), [198, 2]);
        assert_eq!(sizes(&pings, 30), [20; 10]);
        assert_eq!(sizes(&[], 30), [0; 0]);
    }

    #[test]
    fn each_request_is_in_one_round_with_the_others_of_its_place() {
        let pings = requests(10, &Attempt::PING);
        let rounds = rounds(&pings, 9);
        let mut all: Vec<usize> = rounds.iter().flat_map(|round| round.requests.clone()).collect();
        assert_eq!(rounds[1].requests, [3, 4, 5, 13, 14, 15]);
        all.sort_unstable();
        assert_eq!(all, (0..20).collect::<Vec<_>>());
    }

    #[test]
    fn connections_get_half_of_what_is_scarce() {
        let tcp = requests(100, &Attempt::Tcp { port: 80 });
        assert_eq!(rounds(&tcp, 1_000_000)[0].connections, 1024);
        assert_eq!(sizes(&tcp, 1_000_000), [200]);
        let scarce = rounds(&tcp, 300);
        assert_eq!((scarce.len(), scarce[0].connections), (2, 37));
        assert_eq!(rounds(&tcp, 0).len(), 100);
    }
}
