//! When a ping sends, when it gives a request up, and when it is done.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::{DontFragment, Outcome, PingSummary};

/// How long a ping with no interval waits for an answer before it sends the next request, as `ping -f` does.
const FLOOD_PATIENCE: Duration = Duration::from_millis(10);

/// How to ping.
#[derive(Clone, Debug, PartialEq)]
pub struct PingOptions {
    /// Requests to send; none means until stopped.
    pub count: Option<u64>,
    /// From one request to the next; zero sends the next one as soon as the last is answered.
    pub interval: Duration,
    /// How long to wait for each answer. The default, 4 s, is just longer than the kernel tries ARP or ND before it says
    /// "host unreachable" (`mcast_solicit` 3 times `retrans_time` 1 s).
    pub timeout: Duration,
    /// Payload bytes of a request; with the ICMP and IPv4 headers, 28 more are on the wire.
    pub size: u16,
    /// May routers cut the packet?
    pub dont_fragment: DontFragment,
    /// TTL or hop limit; none leaves the kernel's, 64.
    pub ttl: Option<u8>,
}

impl Default for PingOptions {
    fn default() -> Self {
        Self {
            count: None,
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(4),
            size: 56,
            dont_fragment: DontFragment::default(),
            ttl: None,
        }
    }
}

/// Whether an answer was still awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It was.
    InTime,
    /// Its request had been given up.
    Late,
    /// Its request had been answered.
    Duplicate,
}

/// Something happened to a request.
#[derive(Clone, Debug, PartialEq)]
pub struct PingEvent {
    /// Which request, counted from 1.
    pub seq: u64,
    /// Length of a reply's ICMP message in bytes, header included; zero otherwise.
    pub bytes: usize,
    /// What happened.
    pub outcome: Outcome,
    /// Whether it was still awaited.
    pub arrival: Arrival,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum PingAction {
    /// Send this request now; its number on the wire is the lower 16 bits.
    Send {
        /// Which request, counted from 1.
        seq: u64,
    },
    /// Tell the user: this request was given up.
    GaveUp(PingEvent),
    /// Nothing, until an answer comes or it is this time.
    WaitUntil(Duration),
    /// The ping is over.
    Done,
}

#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Waiting,
    Answered,
    GivenUp,
}

/// The state of one ping.
pub struct Pinger {
    options: PingOptions,
    next_send: Duration,
    /// When to give up each open request.
    open: BTreeMap<u64, Duration>,
    /// The latest request with each number on the wire.
    fates: HashMap<u16, (u64, Fate)>,
    summary: PingSummary,
}

impl Pinger {
    /// A ping that has sent nothing yet; its first request is due at time zero.
    #[must_use]
    pub fn new(options: &PingOptions) -> Self {
        Self {
            options: options.clone(),
            next_send: Duration::ZERO,
            open: BTreeMap::new(),
            fates: HashMap::new(),
            summary: PingSummary::default(),
        }
    }

    /// What to do at `now`. After `Send` and `GaveUp`, ask again.
    pub fn next_action(&mut self, now: Duration) -> PingAction {
        let deadline = self.open.first_key_value().map(|(&seq, &deadline)| (seq, deadline));
        if let Some((seq, deadline)) = deadline
            && deadline <= now
        {
            return PingAction::GaveUp(self.give_up(seq, now));
        }
        let all_sent = self.options.count.is_some_and(|count| self.summary.sent >= count);
        match (all_sent, deadline) {
            (false, _) if self.next_send <= now => PingAction::Send { seq: self.send(now) },
            (false, Some((_, deadline))) => PingAction::WaitUntil(deadline.min(self.next_send)),
            (false, None) => PingAction::WaitUntil(self.next_send),
            (true, Some((_, deadline))) => PingAction::WaitUntil(deadline),
            (true, None) => PingAction::Done,
        }
    }

    /// An answer to request `seq` (its number on the wire), or the local error of sending it.
    /// `bytes` is a reply's length. `None` if it is of no interest.
    pub fn on_answer(
        &mut self,
        seq: u16,
        outcome: Outcome,
        bytes: usize,
        now: Duration,
    ) -> Option<PingEvent> {
        let (seq, fate) = self.fates.get_mut(&seq)?;
        let arrival = match *fate {
            Fate::Waiting => Arrival::InTime,
            Fate::GivenUp => Arrival::Late,
            Fate::Answered if matches!(outcome, Outcome::Reply { .. }) => Arrival::Duplicate,
            Fate::Answered => return None,
        };
        *fate = Fate::Answered;
        let event = PingEvent { seq: *seq, bytes, outcome, arrival };
        self.open.remove(&event.seq);
        if self.options.interval.is_zero() && self.open.is_empty() {
            self.next_send = self.next_send.min(now);
        }
        self.note(&event, now);
        Some(event)
    }

    /// The statistics so far.
    #[must_use]
    pub fn summary(&self) -> &PingSummary {
        &self.summary
    }

    fn send(&mut self, now: Duration) -> u64 {
        let interval = if self.options.interval.is_zero() { FLOOD_PATIENCE } else { self.options.interval };
        // By the absolute schedule, so that delays do not add up; but a suspended ping does not catch up in a burst.
        let scheduled = self.next_send + interval;
        self.next_send = if scheduled <= now { now + interval } else { scheduled };
        self.summary.sent += 1;
        self.summary.elapsed = now;
        let seq = self.summary.sent;
        self.open.insert(seq, now + self.options.timeout);
        self.fates.insert((seq & 0xffff) as u16, (seq, Fate::Waiting));
        seq
    }

    fn give_up(&mut self, seq: u64, now: Duration) -> PingEvent {
        self.open.remove(&seq);
        if let Some((latest, fate)) = self.fates.get_mut(&((seq & 0xffff) as u16))
            && *latest == seq
        {
            *fate = Fate::GivenUp;
        }
        let event = PingEvent { seq, bytes: 0, outcome: Outcome::Timeout, arrival: Arrival::InTime };
        self.note(&event, now);
        event
    }

    fn note(&mut self, event: &PingEvent, now: Duration) {
        self.summary.elapsed = now;
        self.summary.record(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(value: u64) -> Duration {
        Duration::from_millis(value)
    }

    fn pinger(count: u64) -> Pinger {
        Pinger::new(&PingOptions { count: Some(count), timeout: ms(1500), ..PingOptions::default() })
    }

    fn reply() -> Outcome {
        Outcome::Reply { from: [10, 0, 0, 1].into(), ttl: Some(64), rtt: ms(1) }
    }

    fn arrival(pinger: &mut Pinger, seq: u16, now: Duration) -> Option<Arrival> {
        pinger.on_answer(seq, reply(), 64, now).map(|event| event.arrival)
    }

    #[test]
    fn ends_with_the_last_answer_and_not_with_the_interval() {
        let mut ping = pinger(2);
        assert_eq!(ping.next_action(ms(0)), PingAction::Send { seq: 1 });
        assert_eq!(ping.next_action(ms(0)), PingAction::WaitUntil(ms(1000)));
        assert_eq!(arrival(&mut ping, 1, ms(1)), Some(Arrival::InTime));
        assert_eq!(ping.next_action(ms(1003)), PingAction::Send { seq: 2 });
        assert_eq!(ping.next_action(ms(1003)), PingAction::WaitUntil(ms(2503)));
        assert_eq!(arrival(&mut ping, 2, ms(1004)), Some(Arrival::InTime));
        assert_eq!(ping.next_action(ms(1004)), PingAction::Done);
        assert_eq!((ping.summary().received, ping.summary().elapsed), (2, ms(1004)));
    }

    #[test]
    fn keeps_to_the_schedule_but_does_not_catch_up_in_a_burst() {
        let mut ping = pinger(9);
        for (now, next) in [(0, 1000), (1200, 2000), (5000, 6000)] {
            assert!(matches!(ping.next_action(ms(now)), PingAction::Send { .. }));
            assert_eq!(ping.next_send, ms(next));
            let seq = ping.summary().sent as u16;
            arrival(&mut ping, seq, ms(now));
        }
    }

    #[test]
    fn silence_is_given_up_once_then_answers_are_late_then_duplicate() {
        let mut ping = pinger(1);
        ping.next_action(ms(0));
        let PingAction::GaveUp(event) = ping.next_action(ms(1500)) else { panic!("not given up") };
        assert_eq!((event.seq, event.outcome), (1, Outcome::Timeout));
        assert_eq!(ping.next_action(ms(1500)), PingAction::Done);
        assert_eq!(arrival(&mut ping, 1, ms(1600)), Some(Arrival::Late));
        assert_eq!(arrival(&mut ping, 1, ms(1700)), Some(Arrival::Duplicate));
        assert_eq!(arrival(&mut ping, 2, ms(1700)), None, "never sent");
        assert_eq!((ping.summary().received, ping.summary().late, ping.summary().duplicates), (0, 1, 1));
    }

    #[test]
    fn an_error_decides_a_request_and_a_second_one_is_ignored() {
        let mut ping = pinger(1);
        ping.next_action(ms(0));
        let error = Outcome::from_icmp_error(3, 0, None, [10, 0, 0, 1].into(), ms(1));
        assert!(ping.on_answer(1, error.clone(), 0, ms(1)).is_some());
        assert!(ping.on_answer(1, error, 0, ms(1)).is_none());
        assert_eq!(ping.next_action(ms(1)), PingAction::Done);
        assert_eq!((ping.summary().errors, ping.summary().received), (1, 0));
    }

    #[test]
    fn without_an_interval_the_next_request_follows_the_answer() {
        let options = PingOptions { count: Some(3), interval: Duration::ZERO, ..PingOptions::default() };
        let mut ping = Pinger::new(&options);
        assert_eq!(ping.next_action(ms(0)), PingAction::Send { seq: 1 });
        assert_eq!(ping.next_action(ms(0)), PingAction::WaitUntil(ms(10)));
        arrival(&mut ping, 1, ms(2));
        assert_eq!(ping.next_action(ms(2)), PingAction::Send { seq: 2 });
        assert_eq!(ping.next_action(ms(3)), PingAction::WaitUntil(ms(12)), "10 ms for the second answer");
        assert_eq!(ping.next_action(ms(12)), PingAction::Send { seq: 3 });
    }

    #[test]
    fn numbers_wrap_on_the_wire_and_go_on_in_print() {
        let mut ping =
            Pinger::new(&PingOptions { interval: ms(1), timeout: ms(1), ..PingOptions::default() });
        let mut last = 0;
        let mut now = 0;
        while last < 65_537 {
            match ping.next_action(ms(now)) {
                PingAction::Send { seq } => last = seq,
                PingAction::GaveUp(_) => {}
                _ => now += 1,
            }
        }
        let event = ping.on_answer(1, reply(), 64, ms(now)).expect("an answer");
        assert_eq!((event.seq, event.arrival), (65_537, Arrival::InTime));
    }
}
