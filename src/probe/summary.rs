//! A ping's statistics, counted and rounded as iputils ping does.

use std::time::Duration;

use super::{Arrival, Outcome, PingEvent};

/// Round-trip times of all replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RttStats {
    /// Shortest.
    pub min: Duration,
    /// Mean.
    pub avg: Duration,
    /// Longest.
    pub max: Duration,
    /// Standard deviation, which ping calls `mdev`.
    pub mdev: Duration,
}

/// Probes that failed in one way.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// The first of them.
    pub outcome: Outcome,
    /// How many had the same word from the same address.
    pub count: u64,
}

/// What a ping found, up to now or in all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PingSummary {
    /// Requests, those that the source's kernel refused included.
    pub sent: u64,
    /// Requests that were answered in time.
    pub received: u64,
    /// Requests that got an error, from the network or the own kernel.
    pub errors: u64,
    /// Replies that came after their request had been given up.
    pub late: u64,
    /// Second and further replies to one request.
    pub duplicates: u64,
    /// From the first request to the last thing that happened.
    pub elapsed: Duration,
    /// Every way of failing, silence included, in order of first appearance.
    pub failures: Vec<Failure>,
    /// Smallest and largest RTT, and the sums of RTTs and of their squares in nanoseconds.
    rtts: Option<RttSums>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct RttSums {
    min: Duration,
    max: Duration,
    count: u64,
    sum: u128,
    squares: u128,
}

impl PingSummary {
    /// Counts one event.
    pub fn record(&mut self, event: &PingEvent) {
        match (event.arrival, &event.outcome) {
            (Arrival::Duplicate, _) => self.duplicates += 1,
            (Arrival::Late, Outcome::Reply { .. }) => self.late += 1,
            (Arrival::InTime, Outcome::Reply { rtt, .. }) => {
                self.received += 1;
                self.add_rtt(*rtt);
            }
            (Arrival::InTime, Outcome::Timeout) => self.add_failure(&event.outcome),
            (Arrival::InTime | Arrival::Late, _) => {
                self.errors += 1;
                self.add_failure(&event.outcome);
            }
        }
    }

    /// Share of requests without a reply in time, in percent.
    #[must_use]
    pub fn loss_percent(&self) -> f64 {
        if self.sent == 0 {
            return 0.0;
        }
        (self.sent - self.received.min(self.sent)) as f64 * 100.0 / self.sent as f64
    }

    /// RTT statistics, if there was a reply.
    #[must_use]
    pub fn rtt(&self) -> Option<RttStats> {
        let RttSums { min, max, count, sum, squares } = self.rtts?;
        let count = u128::from(count);
        // n²·variance in integers: the difference of two large floats would lose the microseconds.
        let spread = (count * squares).saturating_sub(sum * sum) as f64;
        let nanos = |value: f64| Duration::from_nanos(value.round() as u64);
        let avg = nanos(sum as f64 / count as f64);
        Some(RttStats { min, avg, max, mdev: nanos(spread.sqrt() / count as f64) })
    }

    fn add_rtt(&mut self, rtt: Duration) {
        let sums = self.rtts.get_or_insert(RttSums { min: rtt, max: rtt, count: 0, sum: 0, squares: 0 });
        sums.min = sums.min.min(rtt);
        sums.max = sums.max.max(rtt);
        sums.count += 1;
        sums.sum += rtt.as_nanos();
        sums.squares += rtt.as_nanos() * rtt.as_nanos();
    }

    fn add_failure(&mut self, outcome: &Outcome) {
        let same =
            |known: &Outcome| known.from() == outcome.from() && known.to_string() == outcome.to_string();
        match self.failures.iter_mut().find(|failure| same(&failure.outcome)) {
            Some(failure) => failure.count += 1,
            None => self.failures.push(Failure { outcome: outcome.clone(), count: 1 }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    const FROM: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn event(arrival: Arrival, outcome: Outcome) -> PingEvent {
        PingEvent { seq: 1, bytes: 64, outcome, arrival }
    }

    fn reply(micros: u64) -> Outcome {
        Outcome::Reply { from: FROM, ttl: Some(64), rtt: Duration::from_micros(micros) }
    }

    #[test]
    fn statistics_are_those_of_ping() {
        let mut summary = PingSummary { sent: 4, ..PingSummary::default() };
        for micros in [10, 20, 60] {
            summary.record(&event(Arrival::InTime, reply(micros)));
        }
        summary.record(&event(Arrival::Duplicate, reply(999)));
        summary.record(&event(Arrival::Late, reply(999)));
        assert_eq!((summary.received, summary.duplicates, summary.late), (3, 1, 1));
        assert!((summary.loss_percent() - 25.0).abs() < 1e-9);
        let rtt = summary.rtt().expect("there were replies");
        let micros = [rtt.min, rtt.avg, rtt.max].map(|value| value.as_micros());
        assert_eq!(micros, [10, 30, 60]);
        assert_eq!(rtt.mdev, Duration::from_nanos(21_602), "sqrt(1400 / 3) µs");
    }

    #[test]
    fn failures_are_counted_by_word_and_source() {
        let mut summary = PingSummary { sent: 4, ..PingSummary::default() };
        let refused = |code, rtt| Outcome::from_icmp_error(3, code, None, FROM, Duration::from_micros(rtt));
        for outcome in [refused(0, 1), refused(0, 2), refused(1, 3), Outcome::Timeout] {
            summary.record(&event(Arrival::InTime, outcome));
        }
        let counted = summary.failures.iter().map(|failure| (failure.outcome.to_string(), failure.count));
        let counted: Vec<_> = counted.collect();
        let expected = [("net-unreachable", 2), ("host-unreachable", 1), ("timeout", 1)];
        assert_eq!(counted, expected.map(|(word, count)| (word.to_owned(), count)));
        assert_eq!((summary.errors, summary.rtt()), (3, None));
    }
}
