//! Listening until it is enough, and handing each frame on in the order of time.

use std::time::{Duration, Instant};

use super::mend::mend;
use super::output::{Noted, Output};
use crate::cmd::is_broken_pipe;
use crate::kernel::Interrupts;
use crate::kernel::capture::{Ears, LATENCY, Woken, now, wait};
use crate::packet::decode::{Start, decode_from};
use crate::packet::filter::Filter;
use crate::packet::heard::{Heard, Merge};
use crate::packet::pcapng::LinkType;
use crate::ui;

/// Why a capture is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Somebody asked for it, or for no more than there is.
    Asked,
    /// Nobody reads it any more.
    Unread,
    /// There is nothing left to hear.
    LabEnded,
}

pub(super) struct Listener {
    ears: Ears,
    filter: Option<Filter>,
    output: Output,
    /// How many frames are still wanted.
    left: Option<u64>,
    merge: Merge,
    captured: u64,
    /// The same by interface.
    accepted: Vec<u64>,
}

impl Listener {
    pub(super) fn new(
        ears: Ears,
        filter: Option<Filter>,
        output: Output,
        left: Option<u64>,
    ) -> anyhow::Result<Self> {
        let (interfaces, places) = (ears.interfaces().len(), ears.places());
        let mut listener =
            Self { ears, filter, output, left, merge: Merge::default(), captured: 0, accepted: Vec::new() };
        listener.output.begin(listener.ears.interfaces())?;
        ui::remark(&format!(
            "capturing on {} of {}",
            count(interfaces as u64, "interface"),
            count(places as u64, "namespace")
        ));
        Ok(listener)
    }

    /// Listens until a signal comes, the time is over, there are enough frames, nobody reads them, or the lab ends.
    pub(super) fn listen(&mut self, interrupts: &Interrupts, time: Option<Duration>) -> anyhow::Result<End> {
        let deadline = time.map(|time| Instant::now() + time);
        // Frames that passed before the end are still on their way then.
        let mut stop = None;
        let mut end = End::Asked;
        loop {
            let drained = self.ears.drain()?;
            self.merge.add(drained.frames);
            if let Some(end) = self.pass_on(drained.complete.min(stop.unwrap_or(u64::MAX)))? {
                return Ok(end);
            }
            if stop.is_some_and(|stop| drained.complete >= stop) {
                return Ok(end);
            }
            match wait(&self.ears, interrupts, self.output.reader(), self.pause(deadline, stop))? {
                Woken::Unread => return Ok(End::Unread),
                // Whoever asks twice does not want to wait.
                Woken::Interrupted if stop.is_some() => return Ok(end),
                Woken::Interrupted => stop = Some(now()),
                Woken::Look => {}
            }
            let is_over = deadline.is_some_and(|deadline| Instant::now() >= deadline);
            if stop.is_none() && is_over {
                stop = Some(now());
            }
            if stop.is_none() && self.ears.gone()?.len() == self.ears.places() {
                (stop, end) = (Some(now()), End::LabEnded);
            }
        }
    }

    /// How long there is nothing to do, if nothing happens; `None`: for ever.
    fn pause(&self, deadline: Option<Instant>, stop: Option<u64>) -> Option<Duration> {
        if stop.is_some() {
            return Some(LATENCY);
        }
        let deadline = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let waiting = self.merge.oldest().map(|_| LATENCY);
        deadline.into_iter().chain(waiting).min()
    }

    /// Hands on what passed up to that time.
    fn pass_on(&mut self, time: u64) -> anyhow::Result<Option<End>> {
        let mut end = None;
        self.accepted.resize(self.ears.interfaces().len(), 0);
        self.output.know(self.ears.interfaces())?;
        for frame in self.merge.until(time) {
            let interface = frame.interface;
            if self.one(frame)? {
                self.captured += 1;
                self.accepted[interface] += 1;
                self.left = self.left.map(|left| left - 1);
            }
            if self.left == Some(0) {
                end = Some(End::Asked);
                break;
            }
        }
        match self.output.flush() {
            Err(error) if error.chain().any(is_broken_pipe) => Ok(Some(End::Unread)),
            Err(error) => Err(error),
            Ok(()) => Ok(end),
        }
    }

    /// Hands a frame on if it is wanted; gives back whether it is.
    fn one(&mut self, mut frame: Heard) -> anyhow::Result<bool> {
        let interface = &self.ears.interfaces()[frame.interface];
        let start = match interface.link {
            LinkType::Ethernet => Start::Ethernet,
            LinkType::RawIp => Start::Ip,
        };
        let headers = decode_from(start, &frame.bytes);
        if self.filter.as_ref().is_some_and(|filter| !filter.matches(&headers)) {
            return Ok(false);
        }
        let mended = mend(&mut frame, &headers, interface);
        self.output.frame(&Noted { frame: &frame, headers: &headers, mended })?;
        Ok(true)
    }

    /// Ends the output, and says how many frames there were.
    pub(super) fn finish(mut self, end: End) -> anyhow::Result<String> {
        let counts = self.ears.counts()?;
        if end != End::Unread {
            self.output.end(self.ears.interfaces(), &self.accepted, &counts)?;
        }
        let text = format!("captured {}", count(self.captured, "frame"));
        let dropped: u64 = counts.iter().map(|(_, counts)| counts.dropped).sum();
        if dropped == 0 {
            return Ok(text + "; none was lost");
        }
        let places: Vec<String> = counts
            .iter()
            .filter(|(_, counts)| counts.dropped > 0)
            .map(|(name, counts)| format!("{} in {name}", counts.dropped))
            .collect();
        let shown = places.iter().take(10).cloned().collect::<Vec<_>>().join(", ");
        let more = if places.len() > 10 { ", …" } else { "" };
        Ok(format!(
            "{text}; {} lost, which came faster than they could be read ({shown}{more}): name fewer interfaces{}",
            if dropped == 1 { "1 more was".to_owned() } else { format!("{dropped} more were") },
            self.output.remedy()
        ))
    }
}

/// `1 frame`, `2 frames`
fn count(number: u64, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}
