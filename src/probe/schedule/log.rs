//! All probes in the order in which they were sent, read by three readers, each a fixed time behind.

use std::time::Duration;

use super::{CONFIRM_AFTER, PATIENCE};

/// So long after sending, a probe may still be in some queue of the kernel's.
pub(super) const YOUNG: Duration = Duration::from_millis(50);

/// One probe that was sent.
#[derive(Clone, Copy)]
pub(super) struct Sent {
    pub(super) at: Duration,
    pub(super) which: usize,
    pub(super) number: u32,
}

/// The log, and how far each reader is.
#[derive(Default)]
pub(super) struct Log {
    entries: Vec<Sent>,
    /// For each entry, whether it was answered.
    answered: Vec<bool>,
    young: usize,
    aged: usize,
    confirmed: usize,
    given_up: usize,
}

impl Log {
    /// Gives back where the entry is.
    pub(super) fn push(&mut self, sent: Sent) -> usize {
        self.entries.push(sent);
        self.answered.push(false);
        self.young += 1;
        self.entries.len() - 1
    }

    /// How many probes are young and unanswered.
    pub(super) fn young(&self) -> usize {
        self.young
    }

    pub(super) fn answered(&mut self, entry: usize) {
        if !std::mem::replace(&mut self.answered[entry], true) && entry >= self.aged {
            self.young -= 1;
        }
    }

    pub(super) fn age(&mut self, now: Duration) {
        while self.entries.get(self.aged).is_some_and(|sent| sent.at + YOUNG <= now) {
            self.young -= usize::from(!self.answered[self.aged]);
            self.aged += 1;
        }
    }

    /// The requests whose latest probes have been silent long enough to be asked again.
    pub(super) fn take_silent(&mut self, now: Duration, silent: impl Fn(&Sent) -> bool) -> Vec<usize> {
        due(&self.entries, &mut self.confirmed, CONFIRM_AFTER, now, silent)
    }

    /// The requests whose latest probes nobody need wait for.
    pub(super) fn take_hopeless(&mut self, now: Duration, silent: impl Fn(&Sent) -> bool) -> Vec<usize> {
        due(&self.entries, &mut self.given_up, PATIENCE, now, silent)
    }

    /// When each reader comes to something.
    pub(super) fn next_due(&self, silent: impl Fn(&Sent) -> bool) -> impl Iterator<Item = Duration> {
        let next = |from: usize, after: Duration| {
            self.entries[from..].iter().find(|sent| silent(sent)).map(|sent| sent.at + after)
        };
        let aged = self.entries.get(self.aged).map(|sent| sent.at + YOUNG);
        // What has been answered cannot let anybody in by growing older.
        let aged = aged.filter(|_| self.young > 0);
        [aged, next(self.confirmed, CONFIRM_AFTER), next(self.given_up, PATIENCE)].into_iter().flatten()
    }
}

fn due(
    entries: &[Sent],
    reader: &mut usize,
    after: Duration,
    now: Duration,
    silent: impl Fn(&Sent) -> bool,
) -> Vec<usize> {
    let start = *reader;
    // The answered are passed at once, so that nobody wakes up for them.
    while entries.get(*reader).is_some_and(|sent| sent.at + after <= now || !silent(sent)) {
        *reader += 1;
    }
    entries[start..*reader].iter().filter(|sent| silent(sent)).map(|sent| sent.which).collect()
}
