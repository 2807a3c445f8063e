//! The state machine behind a traceroute; the strategy is told in the module above.

use std::net::IpAddr;
use std::time::Duration;

use super::{CONFIRM_AFTER, FULL_TTL, Hop, SILENT_HOPS, Trace, TraceAction, TraceEnd, TracerouteOptions};
use crate::probe::Outcome;

/// The same router at so many TTLs, while full-TTL probes die on the way, is a routing loop.
const LOOP_VISITS: usize = 3;

/// One question, asked once or, if nothing came back, twice.
#[derive(Clone, Default)]
struct Query {
    tries: u8,
    last_sent: Duration,
    outcome: Option<Outcome>,
}

impl Query {
    fn deadline(&self, timeout: Duration) -> Option<Duration> {
        (self.tries > 0 && self.outcome.is_none()).then_some(self.last_sent + timeout)
    }

    fn is_terminal(&self) -> bool {
        self.outcome.as_ref().is_some_and(|outcome| !matches!(outcome, Outcome::TtlExceeded { .. }))
    }
}

/// Index of the hop and of the query in it; `None` is the probe with the full TTL.
type Place = Option<(usize, usize)>;

/// The state of one traceroute.
pub struct Tracer {
    options: TracerouteOptions,
    full: Query,
    hops: Vec<Vec<Query>>,
    /// The place of every sequence number, from 1 on.
    sent: Vec<Place>,
    /// To be sent now, last first.
    due: Vec<Place>,
    done: bool,
}

impl Tracer {
    /// A trace that has sent nothing yet. Options outside their range are brought into it.
    #[must_use]
    pub fn new(options: &TracerouteOptions) -> Self {
        let mut options = options.clone();
        options.queries = options.queries.clamp(1, 10);
        options.first_ttl = options.first_ttl.max(1);
        options.max_hops = options.max_hops.max(options.first_ttl);
        Self {
            options,
            full: Query::default(),
            hops: Vec::new(),
            sent: Vec::new(),
            due: vec![None],
            done: false,
        }
    }

    /// What to do at `now`. After `Send`, ask again.
    pub fn next_action(&mut self, now: Duration) -> TraceAction {
        if let Some(place) = self.due.pop() {
            return self.send(place, now);
        }
        if let Some(deadline) = self.open_until(now) {
            return TraceAction::WaitUntil(deadline);
        }
        let more = self.more_hops();
        if more > 0 {
            let queries = usize::from(self.options.queries);
            let known = self.hops.len();
            self.hops.resize(known + more, vec![Query::default(); queries]);
            let new = (known..known + more).flat_map(|hop| (0..queries).map(move |query| Some((hop, query))));
            self.due = new.rev().collect();
            return self.next_action(now);
        }
        match self.unconfirmed() {
            (places, _) if places.is_empty() => {
                self.done = true;
                TraceAction::Done
            }
            (_, confirm_at) if now < confirm_at => TraceAction::WaitUntil(confirm_at),
            (places, _) => {
                self.due = places.into_iter().rev().map(Some).collect();
                self.next_action(now)
            }
        }
    }

    /// An answer to probe `seq`, or the local error of sending it. Late ones are as good as others.
    pub fn on_answer(&mut self, seq: u16, outcome: Outcome) {
        let place = usize::from(seq).checked_sub(1).and_then(|index| self.sent.get(index));
        if let Some(&place) = place {
            self.query(place).outcome.get_or_insert(outcome);
        }
    }

    /// What was found; if not [`TraceAction::Done`] yet, as far as it got.
    #[must_use]
    pub fn trace(&self) -> Trace {
        let outcome = |query: &Query| query.outcome.clone().unwrap_or(Outcome::Timeout);
        let hop = |(index, queries): (usize, &Vec<Query>)| Hop {
            ttl: self.options.first_ttl.saturating_add(index as u8),
            answers: queries.iter().map(outcome).collect(),
        };
        let hops = self.hops.iter().enumerate().take(self.relevant()).map(hop).collect();
        Trace { hops, full_ttl: outcome(&self.full), end: self.end() }
    }

    fn end(&self) -> TraceEnd {
        let last = self.terminal().map(|hop| &self.hops[hop]);
        let reply = |query: &Query| matches!(query.outcome, Some(Outcome::Reply { .. }));
        match last {
            _ if !self.done => TraceEnd::Interrupted,
            Some(queries) if queries.iter().any(reply) => TraceEnd::Reached,
            Some(_) => TraceEnd::Refused,
            None if self.not_sent() => TraceEnd::NotSent,
            None if self.looping() => TraceEnd::Loop,
            None if self.hops_left() == 0 => TraceEnd::MaxHops,
            None => TraceEnd::Silent,
        }
    }

    fn query(&mut self, place: Place) -> &mut Query {
        match place {
            Some((hop, query)) => &mut self.hops[hop][query],
            None => &mut self.full,
        }
    }

    fn send(&mut self, place: Place, now: Duration) -> TraceAction {
        self.sent.push(place);
        let query = self.query(place);
        query.tries += 1;
        query.last_sent = now;
        let ttl = place.map_or(FULL_TTL, |(hop, _)| self.options.first_ttl.saturating_add(hop as u8));
        TraceAction::Send { ttl, seq: self.sent.len() as u16 }
    }

    /// The first hop that ends the path.
    fn terminal(&self) -> Option<usize> {
        self.hops.iter().position(|queries| queries.iter().any(Query::is_terminal))
    }

    /// How many hops lie on the path, as far as is known.
    fn relevant(&self) -> usize {
        self.terminal().map_or(self.hops.len(), |terminal| terminal + 1)
    }

    /// When the next open probe that matters will be given up.
    fn open_until(&self, now: Duration) -> Option<Duration> {
        let hops = self.hops[..self.relevant()].iter().flatten();
        // Once hops are being walked, the full-TTL probe may still be answered, but nobody waits for it.
        let full = std::iter::once(&self.full).filter(|_| self.hops.is_empty());
        let deadlines = full.chain(hops).filter_map(|query| query.deadline(self.options.timeout));
        deadlines.filter(|&deadline| now < deadline).min()
    }

    fn hops_left(&self) -> usize {
        let wanted = usize::from(self.options.max_hops - self.options.first_ttl) + 1;
        wanted - self.hops.len()
    }

    /// How many further hops to probe at once, now that all earlier ones are decided.
    fn more_hops(&self) -> usize {
        if self.terminal().is_some() || self.not_sent() || self.looping() {
            return 0;
        }
        let silent = self.silent_tail();
        let more = match &self.full.outcome {
            Some(Outcome::Reply { ttl: Some(ttl), .. }) if self.hops.is_empty() => {
                hops_by_reply_ttl(*ttl).saturating_sub(usize::from(self.options.first_ttl - 1)).max(1)
            }
            Some(Outcome::Reply { .. }) => 1,
            _ if silent >= SILENT_HOPS => 0,
            None => SILENT_HOPS - silent,
            Some(_) => 1,
        };
        more.min(self.hops_left())
    }

    fn silent_tail(&self) -> usize {
        self.hops.iter().rev().take_while(|hop| is_silent(hop)).count()
    }

    /// Queries of silent hops that were asked only once, and when to ask them again.
    fn unconfirmed(&self) -> (Vec<(usize, usize)>, Duration) {
        let hops = self.hops[..self.relevant()].iter().enumerate().filter(|(_, queries)| is_silent(queries));
        let queries = hops.flat_map(|(hop, queries)| {
            queries.iter().enumerate().map(move |(index, query)| ((hop, index), query))
        });
        let once: Vec<_> = queries.filter(|(_, query)| query.tries == 1).collect();
        let last_sent = once.iter().map(|(_, query)| query.last_sent).max().unwrap_or_default();
        (once.into_iter().map(|(place, _)| place).collect(), last_sent + CONFIRM_AFTER)
    }

    fn not_sent(&self) -> bool {
        matches!(self.full.outcome, Some(Outcome::LocalError { .. }))
    }

    fn looping(&self) -> bool {
        let visits = |address: IpAddr| self.hops.iter().filter(|hop| answered(hop, address)).count();
        let last = self.hops.last().and_then(|queries| queries.iter().find_map(source));
        matches!(self.full.outcome, Some(Outcome::TtlExceeded { .. }))
            && last.is_some_and(|address| visits(address) >= LOOP_VISITS)
    }
}

fn is_silent(queries: &[Query]) -> bool {
    queries.iter().all(|query| query.outcome.is_none())
}

fn source(query: &Query) -> Option<IpAddr> {
    query.outcome.as_ref().and_then(Outcome::from)
}

fn answered(queries: &[Query], address: IpAddr) -> bool {
    queries.iter().any(|query| source(query) == Some(address))
}

/// Systems start at 64, 128 or 255; the way back is taken to be as long as the way there.
fn hops_by_reply_ttl(ttl: u8) -> usize {
    let start = if ttl <= 64 {
        64
    } else if ttl <= 128 {
        128
    } else {
        255
    };
    start - usize::from(ttl) + 1
}
