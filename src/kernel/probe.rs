//! Drives the pure probes of [`crate::probe`] over a real socket.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::icmp::{IcmpSocket, Received, SentAt};
use crate::packet::icmp::{IcmpAnswer, Mark};
use crate::probe::{
    Outcome, PingAction, PingEvent, PingOptions, PingSummary, Pinger, Trace, TraceAction, Tracer,
    TracerouteOptions,
};

/// Pings `target` until `options.count` requests are decided or `stop` is set, and tells `on_event` as it goes.
///
/// A request that the own kernel refuses is an event like any other. The caller installs the signal handler that sets `stop`.
///
/// # Errors
/// If the socket itself fails.
pub fn run_ping(
    socket: &mut IcmpSocket,
    target: IpAddr,
    options: &PingOptions,
    on_event: &mut dyn FnMut(&PingEvent),
    stop: &AtomicBool,
) -> io::Result<PingSummary> {
    socket.set_dont_fragment(options.dont_fragment)?;
    let mut ping = Pinger::new(options);
    let mut probes = Probes::new(socket, target, options.size);
    while !stop.load(Ordering::Relaxed) {
        // What has arrived comes first: a deadline is not missed because this process was late.
        let mut answer = probes.receive(Duration::ZERO, stop)?;
        if answer.is_none() {
            match ping.next_action(probes.now()) {
                PingAction::Send { seq } => answer = probes.send((seq & 0xffff) as u16, options.ttl),
                PingAction::GaveUp(event) => on_event(&event),
                PingAction::WaitUntil(deadline) => answer = probes.receive(deadline, stop)?,
                PingAction::Done => break,
            }
        }
        let event = answer
            .and_then(|Answer { seq, outcome, bytes }| ping.on_answer(seq, outcome, bytes, probes.now()));
        if let Some(event) = event {
            on_event(&event);
        }
    }
    Ok(ping.summary().clone())
}

/// Finds the routers on the way to `target`; if `stop` is set, as far as it got.
///
/// # Errors
/// If the socket itself fails.
pub fn run_traceroute(
    socket: &mut IcmpSocket,
    target: IpAddr,
    options: &TracerouteOptions,
    stop: &AtomicBool,
) -> io::Result<Trace> {
    socket.set_dont_fragment(options.dont_fragment)?;
    let mut tracer = Tracer::new(options);
    let mut probes = Probes::new(socket, target, options.size);
    while !stop.load(Ordering::Relaxed) {
        let mut answer = probes.receive(Duration::ZERO, stop)?;
        if answer.is_none() {
            match tracer.next_action(probes.now()) {
                TraceAction::Send { ttl, seq } => answer = probes.send(seq, Some(ttl)),
                TraceAction::WaitUntil(deadline) => answer = probes.receive(deadline, stop)?,
                TraceAction::Done => break,
            }
        }
        if let Some(Answer { seq, outcome, .. }) = answer {
            tracer.on_answer(seq, outcome);
        }
    }
    Ok(tracer.trace())
}

pub(super) struct Answer {
    seq: u16,
    pub(super) outcome: Outcome,
    bytes: usize,
}

/// The requests of one run, on a clock that starts with it.
pub(super) struct Probes<'a> {
    socket: &'a mut IcmpSocket,
    target: IpAddr,
    size: u16,
    start: Instant,
    sent: HashMap<u16, SentAt>,
}

impl<'a> Probes<'a> {
    pub(super) fn new(socket: &'a mut IcmpSocket, target: IpAddr, size: u16) -> Self {
        Self { socket, target, size, start: Instant::now(), sent: HashMap::new() }
    }

    pub(super) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Sends a request; what comes back at once is only ever the own kernel's error.
    pub(super) fn send(&mut self, seq: u16, ttl: Option<u8>) -> Option<Answer> {
        match self.socket.send(self.target, ttl, seq, self.size) {
            Ok(sent_at) => {
                self.sent.insert(seq, sent_at);
                None
            }
            Err(error) => Some(Answer { seq, outcome: self.local_error(&error), bytes: 0 }),
        }
    }

    pub(super) fn receive(&mut self, deadline: Duration, stop: &AtomicBool) -> io::Result<Option<Answer>> {
        let received = self.socket.recv(self.start + deadline, stop)?;
        Ok(received.and_then(|received| self.understand(&received)))
    }

    fn understand(&self, received: &Received) -> Option<Answer> {
        let Mark::Echo { seq, .. } = received.answer.mark() else { return None };
        let outcome = received.outcome(self.sent.get(&seq)?)?;
        let bytes = match received.answer {
            IcmpAnswer::EchoReply { bytes, .. } => bytes,
            _ => 0,
        };
        Some(Answer { seq, outcome, bytes })
    }

    fn local_error(&self, error: &io::Error) -> Outcome {
        local_error(error, || self.socket.path_mtu(self.target))
    }
}

/// What the own kernel's refusal means. The path's MTU is asked for only where the packet was too big for it.
pub(super) fn local_error(error: &io::Error, path_mtu: impl FnOnce() -> Option<u32>) -> Outcome {
    let errno = Errno::from_raw(error.raw_os_error().unwrap_or(0));
    let mtu = if errno == Errno::EMSGSIZE { path_mtu() } else { None };
    Outcome::LocalError { errno: format!("{errno:?}"), text: errno.desc().to_owned(), mtu }
}
