//! What one data path costs, measured in a running lab: all by packets that are really sent, and state that is really there.

use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::compare::{Cell, Comparison, Entries, Hop, LargestPing, Measured, OnWire, PING_DATA, PINGS, find};
use crate::kernel::icmp::IcmpSocket;
use crate::kernel::inspect::{Found, Origin, inspect};
use crate::kernel::probe::run_ping;
use crate::kernel::{Interrupts, Place, Prober, Stream, Tap, enter_network};
use crate::model::{Family, Lab};
use crate::packet::icmp::ECHO_HEADER_LEN;
use crate::plan::{Kind, Sandbox};
use crate::probe::{
    Attempt, DontFragment, Finding, Outcome, PingEvent, PingOptions, Request, Trace, TraceEnd,
    TracerouteOptions, millis,
};
use crate::render::traceroute::TracerouteText;
use crate::render::{LabNames, Names as _};

/// The interface of a node that is plugged into the underlay.
const UNDERLAY: &str = "eth0";
/// How long a single answer may take. Within a lab they take less than a millisecond.
const PATIENCE: Duration = Duration::from_secs(2);
/// So often silence is asked again: a lab may be made to lose packets.
const TRIES: usize = 3;
/// How long TCP may take to open its window before it counts.
const GET_GOING: Duration = Duration::from_millis(100);

/// A lab on one data path.
struct Subject<'a> {
    lab: &'a Lab,
    sandboxes: &'a [Sandbox],
    comparison: &'a Comparison,
    target: IpAddr,
    names: LabNames,
    interrupts: &'a Interrupts,
    stopped: bool,
}

/// Measures everything, or nothing if a signal comes. Moves this process, which must have one thread, into the lab.
pub(super) fn measure(
    lab: &Lab,
    sandboxes: &[Sandbox],
    comparison: &Comparison,
    interrupts: &Interrupts,
) -> Option<Measured> {
    let to = comparison.pair.to.addresses(lab).and_then(|addresses| addresses.get(comparison.family));
    let Some(target) = to.map(|net| net.addr()) else {
        let family = comparison.family.name();
        return Some(Measured::nothing(&format!("{} has no {family} address here", comparison.pair.to.name)));
    };
    let names = LabNames::new(lab);
    let mut subject = Subject { lab, sandboxes, comparison, target, names, interrupts, stopped: false };
    // Before anything is sent: what is there now was put there, and not learnt.
    let entries = subject.entries();
    let (ttl, path) = subject.reach();
    let mut measured = match &ttl {
        _ if subject.is_stopped() => return None,
        Err(_) => Measured::nothing("not tried, since no ping is answered"),
        Ok(_) => subject.traffic()?,
    };
    (measured.entries, measured.ttl, measured.path) = (entries, ttl, path);
    Some(measured)
}

impl Subject<'_> {
    fn is_stopped(&mut self) -> bool {
        self.stopped |= self.interrupts.take().is_some();
        self.stopped
    }

    fn place(&self, name: &str) -> Cell<Place<'_>> {
        let sandbox = self.sandboxes.iter().find(|sandbox| sandbox.name == name);
        let sandbox = sandbox.ok_or_else(|| format!("the running lab has no `{name}`"))?;
        Ok(Place { sandbox })
    }

    /// What was put into nodes, and into the fabric.
    fn entries(&self) -> Cell<Vec<Entries>> {
        let places =
            self.sandboxes.iter().filter(|sandbox| matches!(sandbox.kind, Kind::Node | Kind::Fabric));
        let read = |sandbox| inspect(&Place { sandbox }, &[]).map(|found| entries(sandbox, &found));
        places.map(|sandbox| read(sandbox).map_err(|error| error.to_string())).collect()
    }

    /// The TTL of a reply, and the hops.
    fn reach(&mut self) -> (Cell<u8>, Cell<Vec<Hop>>) {
        let options = TracerouteOptions::default();
        let request = |attempt| Request { from: 0, to: self.target, attempt };
        let requests = [request(Attempt::PING), request(Attempt::Traceroute(options.clone()))];
        let ask = || -> Cell<Vec<Option<Finding>>> {
            let from = self.place(&self.comparison.pair.from.name)?.sandbox.clone();
            let mut prober = Prober::new(&[from]).map_err(|error| error.to_string())?;
            prober.ask(&requests, self.interrupts).map_err(|error| error.to_string())
        };
        let found = match ask() {
            Ok(found) => found,
            Err(why) => return (Err(why.clone()), Err(why)),
        };
        let (mut ttl, mut path) = (Err("stopped".to_owned()), Err("stopped".to_owned()));
        // The prober has taken the signal for itself.
        self.stopped |= found.iter().any(Option::is_none);
        for finding in found.into_iter().flatten() {
            match finding {
                Finding::Answer(answer) => {
                    let shown = self.words(&answer.outcome);
                    ttl = answer.outcome.ttl().ok_or(shown);
                }
                Finding::Path(trace) => path = self.path(&trace, &options),
            }
        }
        (ttl, path)
    }

    fn path(&self, trace: &Trace, options: &TracerouteOptions) -> Cell<Vec<Hop>> {
        if trace.end != TraceEnd::Reached {
            let text = TracerouteText { source: None, target: self.target, options, names: &self.names };
            return Err(text.verdict(trace).unwrap_or_default());
        }
        let hops = trace.hops.iter().map(|hop| hop.answers.iter().find_map(Outcome::from));
        let named = |address: IpAddr| self.names.name(address);
        Ok(hops.map(|address| Hop { name: address.and_then(named), address }).collect())
    }

    /// `timeout`, `net-unreachable from node1 cbr0`
    fn words(&self, outcome: &Outcome) -> String {
        match outcome.from() {
            Some(from) => {
                let name = self.names.name(from).unwrap_or_else(|| from.to_string());
                format!("{outcome} from {name}")
            }
            None => outcome.to_string(),
        }
    }

    /// Everything that takes more than one answer; none if a signal comes.
    fn traffic(&mut self) -> Option<Measured> {
        let (mut tap, mut socket) = match self.sockets() {
            Ok(both) => both,
            Err(why) => return Some(Measured::nothing(&why)),
        };
        let mut measured = Measured::nothing("not tried");
        measured.ping = self.ping_on_wire(&mut tap, &mut socket);
        measured.largest = if self.is_stopped() { return None } else { self.largest(&mut socket) };
        measured.rtt_ms = if self.is_stopped() { return None } else { self.rtt(&mut socket) };
        drop(socket);
        if self.is_stopped() {
            return None;
        }
        (measured.segment, measured.bits_per_second) = self.tcp(tap);
        if self.is_stopped() { None } else { Some(measured) }
    }

    /// One that hears what leaves the source's node, and one to ping with. This process ends up in the source.
    fn sockets(&self) -> Cell<(Tap, IcmpSocket)> {
        let pair = &self.comparison.pair;
        let at = |place: &str, what: &str| {
            let place = format!("{place}: {what}");
            move |error: io::Error| format!("{place}: {error}")
        };
        enter_network(&self.place(&pair.from.node)?).map_err(|error| error.to_string())?;
        let tap = Tap::open(UNDERLAY).map_err(at(&pair.from.node, "listening on eth0"))?;
        enter_network(&self.place(&pair.from.name)?).map_err(|error| error.to_string())?;
        let socket =
            IcmpSocket::open(self.target.into()).map_err(at(&pair.from.name, "opening a raw socket"))?;
        Ok((tap, socket))
    }

    /// Pings, and gives back what came of each; a signal ends it early.
    fn pings(&mut self, socket: &mut IcmpSocket, options: &PingOptions) -> Cell<Vec<PingEvent>> {
        let stop = AtomicBool::new(false);
        let (mut events, interrupts, mut stopped) = (Vec::new(), self.interrupts, false);
        let mut note = |event: &PingEvent| {
            events.push(event.clone());
            if interrupts.take().is_some() {
                stopped = true;
                stop.store(true, Ordering::Relaxed);
            }
        };
        let result = run_ping(socket, self.target, options, &mut note, &stop);
        self.stopped |= stopped;
        result.map(|_| events).map_err(|error| format!("pinging: {error}"))
    }

    /// One ping of that size, tried again while nobody answers.
    fn ping(&mut self, socket: &mut IcmpSocket, size: u16, dont_fragment: DontFragment) -> Cell<Outcome> {
        let options =
            PingOptions { count: Some(1), timeout: PATIENCE, size, dont_fragment, ..PingOptions::default() };
        let mut outcome = Outcome::Timeout;
        for _ in 0..TRIES {
            let events = self.pings(socket, &options)?;
            // A late answer to an earlier one is of another size.
            let whole = usize::from(size) + ECHO_HEADER_LEN;
            let is_its = |event: &PingEvent| event.bytes == whole || event.bytes == 0;
            outcome = events.into_iter().find(is_its).map_or(Outcome::Timeout, |event| event.outcome);
            if outcome != Outcome::Timeout || self.stopped {
                break;
            }
        }
        Ok(outcome)
    }

    fn ping_on_wire(&mut self, tap: &mut Tap, socket: &mut IcmpSocket) -> Cell<OnWire> {
        // A tunnel may shake hands first, and addresses may have to be asked for.
        self.ping(socket, PING_DATA, DontFragment::Kernel)?;
        frames(tap)?;
        let outcome = self.ping(socket, PING_DATA, DontFragment::Kernel)?;
        let Outcome::Reply { .. } = outcome else { return Err(self.words(&outcome)) };
        // `run_ping` counts from 1.
        let data = socket.data_of(1, PING_DATA);
        find(&frames(tap)?, &data, data.len() + ECHO_HEADER_LEN)
    }

    fn largest(&mut self, socket: &mut IcmpSocket) -> Cell<u16> {
        let ip = if self.comparison.family == Family::V4 { 20 } else { 40 };
        let mut search = LargestPing::new(PING_DATA, self.lab.mtu, ip + ECHO_HEADER_LEN as u16);
        while let Some(size) = search.next() {
            let outcome = self.ping(socket, size, DontFragment::Set)?;
            if self.stopped {
                return Err("stopped".into());
            }
            match outcome {
                Outcome::Reply { .. } => search.passed(size),
                other => search.failed(size, other.mtu()),
            }
        }
        Ok(search.largest())
    }

    fn rtt(&mut self, socket: &mut IcmpSocket) -> Cell<f64> {
        let options = PingOptions {
            count: Some(PINGS),
            interval: Duration::ZERO,
            timeout: PATIENCE,
            size: PING_DATA,
            ..PingOptions::default()
        };
        let events = self.pings(socket, &options)?;
        let replies = events.iter().filter(|event| matches!(event.outcome, Outcome::Reply { .. }));
        let mut rtts: Vec<Duration> = replies.filter_map(|event| event.outcome.rtt()).collect();
        rtts.sort();
        let middle = rtts.get(rtts.len() / 2);
        middle.map(|rtt| millis(*rtt)).ok_or_else(|| format!("none of {PINGS} pings was answered"))
    }

    /// A segment on the underlay, and what TCP carries.
    fn tcp(&mut self, mut tap: Tap) -> (Cell<OnWire>, Cell<f64>) {
        let pair = &self.comparison.pair;
        let open = || -> Cell<Stream<'_>> {
            let (from, to) = (self.place(&pair.from.name)?, self.place(&pair.to.name)?);
            let stream = Stream::open(&from, &to, self.target, self.interrupts);
            let stream = stream.map_err(|error| format!("connecting: {error}"))?;
            stream.settle().map_err(|error| format!("sending: {error}"))?;
            Ok(stream)
        };
        let stream = match open() {
            Ok(stream) => stream,
            Err(why) => return (Err(why.clone()), Err(why)),
        };
        let segment = segment_on_wire(&stream, &mut tap);
        // What it would hear from here on is too much for it, and slows it down.
        drop(tap);
        let time = Duration::from_secs_f64(self.comparison.seconds);
        (segment, stream.rate(GET_GOING, time).map_err(|error| error.to_string()))
    }
}

fn segment_on_wire(stream: &Stream<'_>, tap: &mut Tap) -> Cell<OnWire> {
    let size = stream.segment_size().map_err(|error| error.to_string())?;
    // Nothing that TCP has sent before looks like this.
    let data: Vec<u8> =
        (0u32..).map(|at| at.wrapping_mul(2_654_435_761).to_be_bytes()[0]).take(size).collect();
    frames(tap)?;
    stream.send(&data).map_err(|error| error.to_string())?;
    find(&frames(tap)?, &data, size)
}

fn frames(tap: &mut Tap) -> Cell<Vec<Vec<u8>>> {
    tap.sent().map_err(|error| format!("listening on eth0: {error}"))
}

/// What was put there: not what the kernel made by itself, and not what was learnt.
fn entries(sandbox: &Sandbox, found: &Found) -> Entries {
    let is_given = |origin: Origin, of_bridge: bool| match origin {
        Origin::Static => true,
        // A bridge's permanent entries are its own and its ports' addresses; a tunnel has none by itself.
        Origin::Permanent => !of_bridge,
        Origin::Learned => false,
    };
    Entries {
        place: sandbox.name.clone(),
        is_node: sandbox.kind == Kind::Node,
        routes: found.routes.iter().filter(|route| route.protocol != "kernel").count(),
        fdb: found.fdb.iter().filter(|entry| is_given(entry.origin, entry.bridge.is_some())).count(),
        neighbours: found.neighbours.iter().filter(|neighbour| neighbour.state == "permanent").count(),
    }
}
