//! A place's socket for echo requests, and what became of each sequence number.

use std::io;
use std::net::IpAddr;

use crate::kernel::icmp::{Buffer, IcmpSocket, SentAt};
use crate::packet::icmp::Mark;
use crate::probe::{DontFragment, Outcome, Probe};

/// A request that was sent.
#[derive(Clone, Copy)]
struct Sent {
    probe: Probe,
    at: SentAt,
    /// Whether it came in where it was sent.
    came_in: bool,
}

/// What was heard of a request.
pub(super) struct Heard {
    pub(super) probe: Probe,
    pub(super) outcome: Outcome,
    /// Whether the one who asked was asked.
    pub(super) by_itself: bool,
}

/// One socket for all requests of one place and family.
pub(super) struct Echo {
    pub(super) socket: IcmpSocket,
    next: u16,
    /// By sequence number. After 65,536 requests numbers are used again, when nobody waits for the first any more.
    sent: Vec<Option<Sent>>,
}

impl Echo {
    pub(super) fn new(socket: IcmpSocket) -> Self {
        Self { socket, next: 0, sent: Vec::new() }
    }

    /// Answers to what was sent until now are nobody's.
    pub(super) fn forget(&mut self) {
        self.sent.fill(None);
    }

    pub(super) fn send(
        &mut self,
        target: IpAddr,
        probe: Probe,
        size: u16,
        dont_fragment: DontFragment,
    ) -> io::Result<()> {
        self.socket.set_dont_fragment(dont_fragment)?;
        let seq = self.next;
        let at = self.socket.send(target, probe.ttl, seq, size)?;
        self.next = seq.wrapping_add(1);
        let entry = Some(Sent { probe, at, came_in: false });
        match self.sent.get_mut(usize::from(seq)) {
            Some(old) => *old = entry,
            None => self.sent.push(entry),
        }
        Ok(())
    }

    /// Takes one packet off the socket without waiting; `Ok(None)` if it answers nothing that was asked.
    pub(super) fn take(&mut self, buffer: &mut Buffer) -> nix::Result<Option<Heard>> {
        let Some(received) = self.socket.take(buffer)? else { return Ok(None) };
        let Mark::Echo { seq, .. } = received.answer.mark() else { return Ok(None) };
        let Some(Some(sent)) = self.sent.get_mut(usize::from(seq)) else { return Ok(None) };
        let Some(outcome) = received.outcome(&sent.at) else {
            // The kernel hands a request on before it answers it.
            sent.came_in = true;
            return Ok(None);
        };
        Ok(Some(Heard { probe: sent.probe, outcome, by_itself: sent.came_in }))
    }
}
