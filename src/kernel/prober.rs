//! Many probes of one lab at once, from one thread: drives [`Schedule`] over one raw socket per namespace and family.
//!
//! Before anything is judged to be silent, everything that has arrived is looked at, and time counts only while this
//! process gets to look: one that was stopped for a minute reports no timeouts for that.

use std::time::Duration;

use nix::errno::Errno;

use super::error::{Error, Result};
use super::icmp::{Buffer, Family};
use super::interrupt::Interrupts;
use super::probe::local_error;
use super::sockopt::path_mtu;
use crate::plan::Sandbox;
use crate::probe::{Attempt, Finding, Outcome, Probe, Request, Schedule, ScheduleOptions, Step};
use clock::Clock;
use connection::{Connection, Connections};
use descriptors::Round;
use echo::Heard;
use places::Places;
use readiness::{Key, Readiness};

mod clock;
mod connection;
mod descriptors;
mod echo;
mod places;
mod readiness;
mod seen;

pub use seen::Seen;

/// Probes that are sent before answers are looked at again. They lie in the sockets meanwhile, stamped by the kernel.
const BATCH: usize = 64;

/// Asks from all places of a lab. Sockets are opened when they are first needed, and kept.
pub struct Prober {
    places: Places,
    readiness: Readiness,
    buffer: Buffer,
    /// How many descriptors there are for sockets.
    room: u64,
}

impl Prober {
    /// For a lab's namespaces, in the order in which requests name them.
    ///
    /// The process must have one thread. It enters the lab's user namespace, where there is one, and its network
    /// namespaces, and does not come back.
    ///
    /// # Errors
    /// If the kernel has no descriptors left.
    pub fn new(sandboxes: &[Sandbox]) -> Result<Self> {
        Ok(Self {
            places: Places::new(sandboxes),
            readiness: Readiness::new()?,
            buffer: Buffer::default(),
            room: descriptors::room(),
        })
    }

    /// Finds out everything that is asked, in the order of the requests; none where a signal came before it was decided.
    ///
    /// # Errors
    /// If a place that asks is gone, or cannot be entered: the error names it.
    pub fn ask(&mut self, requests: &[Request], interrupts: &Interrupts) -> Result<Vec<Option<Finding>>> {
        let rounds = descriptors::rounds(requests, self.room);
        let [round] = &rounds[..] else { return self.ask_in_rounds(requests, &rounds, interrupts) };
        // What is open from before is of use again, unless it is in the way.
        if self.places.open() > 0 && self.places.open() + descriptors::most(requests) > self.room {
            self.places.close();
        }
        self.ask_at_once(requests, round.connections, interrupts)
    }

    /// Asks for some places after the others, because there are not enough descriptors for all of them.
    fn ask_in_rounds(
        &mut self,
        requests: &[Request],
        rounds: &[Round],
        interrupts: &Interrupts,
    ) -> Result<Vec<Option<Finding>>> {
        let mut findings: Vec<Option<Finding>> = vec![None; requests.len()];
        for round in rounds {
            self.places.close();
            let some: Vec<Request> = round.requests.iter().map(|which| requests[*which].clone()).collect();
            let found = self.ask_at_once(&some, round.connections, interrupts)?;
            // Somebody who stops one round stops them all.
            let is_stopped = found.iter().any(Option::is_none);
            for (which, found) in round.requests.iter().zip(found) {
                findings[*which] = found;
            }
            if is_stopped {
                break;
            }
        }
        Ok(findings)
    }

    fn ask_at_once(
        &mut self,
        requests: &[Request],
        sockets: usize,
        interrupts: &Interrupts,
    ) -> Result<Vec<Option<Finding>>> {
        self.places.start_anew();
        self.readiness.watch(interrupts, Key::Interrupts)?;
        let schedule = Schedule::new(requests, ScheduleOptions { sockets, ..ScheduleOptions::default() });
        let connections = Connections::default();
        let mut asking = Asking { prober: self, requests, schedule, connections, clock: Clock::start() };
        let result = asking.run(interrupts);
        let schedule = asking.schedule;
        self.readiness.forget(interrupts)?;
        result.map(|()| schedule.findings())
    }
}

/// One round of questions.
struct Asking<'a> {
    prober: &'a mut Prober,
    requests: &'a [Request],
    schedule: Schedule,
    connections: Connections,
    clock: Clock,
}

impl Asking<'_> {
    fn run(&mut self, interrupts: &Interrupts) -> Result<()> {
        let mut wait = Duration::ZERO;
        loop {
            // The time of judging is read before the sockets are: what they hold then has come in time.
            let ready = self.prober.readiness.wait(wait)?;
            let now = self.clock.tick(wait);
            self.look_at(ready, now)?;
            loop {
                let ready = self.prober.readiness.wait(Duration::ZERO)?;
                if ready.is_empty() {
                    break;
                }
                if ready.contains(&Key::Interrupts) && interrupts.take().is_some() {
                    return Ok(());
                }
                self.look_at(ready, now)?;
            }
            match self.act(now)? {
                None => return Ok(()),
                Some(until) => wait = until.saturating_sub(now),
            }
        }
    }

    /// Sends what is to be sent; gives back until when there is nothing more to do, or none if all is done.
    fn act(&mut self, now: Duration) -> Result<Option<Duration>> {
        for _ in 0..BATCH {
            match self.schedule.next_action(now) {
                Step::Send(probe) => {
                    if let Some(outcome) = self.send(probe)? {
                        self.schedule.on_answer(probe.which, probe.number, outcome, now);
                        self.close_decided(probe.which);
                    }
                }
                Step::GaveUp { which } => self.connections.close_all(which),
                Step::WaitUntil(until) => return Ok(Some(until)),
                Step::Done => return Ok(None),
            }
        }
        Ok(Some(now))
    }

    /// Sends one probe; what comes back at once is only ever the own kernel's error.
    fn send(&mut self, probe: Probe) -> Result<Option<Outcome>> {
        let Request { from, to, attempt } = &self.requests[probe.which];
        let (size, dont_fragment) = match attempt {
            Attempt::Ping { size, dont_fragment } => (*size, *dont_fragment),
            Attempt::Traceroute(options) => (options.size, options.dont_fragment),
            Attempt::Tcp { .. } | Attempt::Udp { .. } => return self.connect(probe),
        };
        let Prober { places, readiness, .. } = &mut *self.prober;
        let result = places
            .echo(*from, Family::from(*to), readiness)
            .map(|echo| echo.send(*to, probe, size, dont_fragment))?;
        let Err(error) = result else { return Ok(None) };
        if error.raw_os_error() == Some(Errno::EMSGSIZE as i32) {
            places.enter(*from, readiness)?;
        }
        Ok(Some(local_error(&error, || path_mtu(*to))))
    }

    fn connect(&mut self, probe: Probe) -> Result<Option<Outcome>> {
        let Request { from, to, attempt } = &self.requests[probe.which];
        let Prober { places, readiness, .. } = &mut *self.prober;
        places.errors(*from, Family::from(*to), readiness)?;
        places.enter(*from, readiness)?;
        match Connection::open(*from, *to, attempt, probe) {
            Ok(connection) => self.connections.add(connection, readiness).map(|()| None),
            Err(error) if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) => {
                Err(Error::io(format!("{}: opening a socket", places.name(*from)))(error))
            }
            Err(error) => Ok(Some(local_error(&error, || path_mtu(*to)))),
        }
    }

    fn look_at(&mut self, ready: Vec<Key>, now: Duration) -> Result<()> {
        for key in ready {
            match key {
                // Whoever waits looks at these.
                Key::Interrupts => {}
                Key::Holder(place) => return Err(self.prober.places.gone(place)),
                Key::Echo(place, family) => self.take_echoes(place, family, now)?,
                Key::Errors(place, family) => self.take_errors(place, family, now)?,
                Key::Connection(number) => self.look_at_connection(number, now)?,
            }
        }
        Ok(())
    }

    fn take_echoes(&mut self, place: usize, family: Family, now: Duration) -> Result<()> {
        let Prober { places, buffer, readiness, .. } = &mut *self.prober;
        let echo = places.echo(place, family, readiness)?;
        loop {
            match echo.take(buffer) {
                Ok(Some(Heard { probe, outcome, by_itself })) => {
                    let Request { to, attempt, .. } = &self.requests[probe.which];
                    let outcome = match (outcome, attempt) {
                        // A traceroute shows it by having no hops.
                        (Outcome::Reply { rtt, .. }, Attempt::Ping { .. }) if by_itself => {
                            Outcome::OwnAddress { address: *to, rtt }
                        }
                        (outcome, _) => outcome,
                    };
                    self.schedule.on_answer(probe.which, probe.number, outcome, now);
                }
                Ok(None) | Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return Ok(()),
                Err(errno) => return Err(places.failed(place, errno)),
            }
        }
    }

    /// Takes the ICMP errors about connections of a place.
    fn take_errors(&mut self, place: usize, family: Family, now: Duration) -> Result<()> {
        let Prober { places, buffer, readiness, .. } = &mut *self.prober;
        let errors = places.errors(place, family, readiness)?;
        loop {
            match errors.take(buffer) {
                Ok(Some(received)) => {
                    let Some(quoted) = received.answer.quoted() else { continue };
                    let found = self.connections.quoted(place, quoted.mark, quoted.destination);
                    let Some(connection) = found else { continue };
                    connection.told = true;
                    let Probe { which, number, .. } = connection.probe;
                    let Some(outcome) = received.outcome(&connection.sent) else { continue };
                    self.schedule.on_answer(which, number, outcome, now);
                    if self.schedule.is_decided(which) {
                        self.connections.close_all(which);
                    }
                }
                Ok(None) | Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return Ok(()),
                Err(errno) => return Err(places.failed(place, errno)),
            }
        }
    }

    fn look_at_connection(&mut self, number: u64, now: Duration) -> Result<()> {
        let Some(connection) = self.connections.get(number) else { return Ok(()) };
        // An ICMP error says more than the socket does, and has come before.
        let (place, family) = (connection.place, Family::from(connection.to));
        self.take_errors(place, family, now)?;
        let Some(connection) = self.connections.get(number) else { return Ok(()) };
        let Probe { which, number: attempt, .. } = connection.probe;
        let heard = connection.hear(&mut self.prober.buffer);
        if matches!(heard, connection::Heard::Nothing) {
            return Ok(());
        }
        self.connections.close(number);
        if let connection::Heard::Outcome(outcome) = heard {
            self.schedule.on_answer(which, attempt, outcome, now);
            self.close_decided(which);
        }
        Ok(())
    }

    fn close_decided(&mut self, which: usize) {
        if self.schedule.is_decided(which) {
            self.connections.close_all(which);
        }
    }
}
