//! A place's socket for echo requests, and what became of each sequence number.

use std::io;
use std::net::IpAddr;

use crate::kernel::icmp::{Buffer, IcmpSocket, SentAt};
use crate::packet::icmp::Mark;
use crate::probe::{DontFragment, Outcome, Probe};

/// One socket for all requests of one place and family.
pub(super) struct Echo {
    pub(super) socket: IcmpSocket,
    next: u16,
    /// By sequence number. After 65,536 requests numbers are used again, when nobody waits for the first any more.
    sent: Vec<Option<(Probe, SentAt)>>,
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
        let sent_at = self.socket.send(target, probe.ttl, seq, size)?;
        self.next = seq.wrapping_add(1);
        let entry = Some((probe, sent_at));
        match self.sent.get_mut(usize::from(seq)) {
            Some(old) => *old = entry,
            None => self.sent.push(entry),
        }
        Ok(())
    }

    /// Takes one packet off the socket without waiting; `Ok(None)` if it answers nothing that was asked.
    pub(super) fn take(&self, buffer: &mut Buffer) -> nix::Result<Option<(Probe, Outcome)>> {
        let Some(received) = self.socket.take(buffer)? else { return Ok(None) };
        let Mark::Echo { seq, .. } = received.answer.mark() else { return Ok(None) };
        let sent = self.sent.get(usize::from(seq)).copied().flatten();
        Ok(sent.map(|(probe, sent_at)| (probe, received.outcome(&sent_at))))
    }
}
