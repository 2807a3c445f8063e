//! An impairment as the kernel knows it: the queueing discipline that an interface sends by.

use serde::Serialize;

use crate::model::Impair;

/// A queueing discipline with everything that netlab sets of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Qdisc {
    /// `tc-netem(8)`.
    Netem {
        /// What it does; a rate too.
        impair: Impair,
        /// Frames that may wait in it.
        limit: u32,
    },
    /// `tc-tbf(8)`: a rate and nothing else, on every kernel that shapes traffic.
    Tbf {
        /// Bits in a second.
        rate_bps: u64,
        /// Bytes that may be sent at once after a pause.
        burst: u32,
        /// Bytes that may wait in it.
        limit: u32,
    },
}

/// Length of an Ethernet header, which counts.
const HEADER: u64 = 14;
/// netem's own default limit, in frames.
const NETEM_LIMIT: u64 = 1000;
/// The limit where there is no rate that would fill the queue: a delay alone is to lose nothing.
const UNLIMITED: u32 = 100_000;
/// How much of a second a queue holds before it drops: what routers are built with, give or take.
const QUEUE: u64 = 10;

impl Qdisc {
    /// What makes an interface of that MTU impair what it sends; `None` for nothing.
    ///
    /// Whatever netem is needed for, it shapes the rate too: an interface has one root. A rate alone is tbf's.
    pub fn new(impair: &Impair, mtu: u32) -> Option<Self> {
        let frame = u64::from(mtu) + HEADER;
        match impair.rate_bps {
            None if impair.is_empty() => None,
            Some(rate) if *impair == (Impair { rate_bps: Some(rate), ..Impair::default() }) => {
                Some(Self::tbf(rate, frame))
            }
            rate => {
                let limit = rate.map_or(UNLIMITED, |rate| netem_limit(impair, rate, frame));
                Some(Self::Netem { impair: *impair, limit })
            }
        }
    }

    /// The bucket holds a hundredth of a second, so that timers as coarse as that (HZ=100) still reach the rate, and at
    /// least two full frames. It need not hold the 64 kB that TCP hands to a veth at once: tbf cuts what is larger than
    /// its bucket into frames of the MTU, as the network card of a slow line would. The queue behind it holds a tenth of a
    /// second, and at least ten frames, or TCP could not begin.
    fn tbf(rate: u64, frame: u64) -> Self {
        let bytes = rate / 8;
        let burst = (bytes / 100).max(2 * frame);
        let limit = burst + (bytes / QUEUE).max(10 * frame);
        Self::Tbf { rate_bps: rate, burst: narrow(burst), limit: narrow(limit) }
    }

    /// What it does.
    pub fn impair(&self) -> Impair {
        match self {
            Self::Netem { impair, .. } => *impair,
            Self::Tbf { rate_bps, .. } => Impair { rate_bps: Some(*rate_bps), ..Impair::default() },
        }
    }

    /// The kernel's name of it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Netem { .. } => "netem",
            Self::Tbf { .. } => "tbf",
        }
    }

    /// The major number of its handle where a plan makes it: one for each kind, so that it says what it is.
    pub fn handle(&self) -> u16 {
        match self {
            Self::Netem { .. } => 1,
            Self::Tbf { .. } => 2,
        }
    }
}

/// As many frames as are on their way at that rate, and a tenth of a second more.
fn netem_limit(impair: &Impair, rate: u64, frame: u64) -> u32 {
    let held = impair.delay_us.unwrap_or(0) + impair.jitter_us.unwrap_or(0) + 1_000_000 / QUEUE;
    // At most 32 Gbit/s for two minutes: no overflow.
    let bytes = rate / 8 / 1000 * (held / 1000);
    narrow((bytes / frame).max(NETEM_LIMIT))
}

fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_alone_is_tbf_and_everything_else_netem() {
        let rate = Impair { rate_bps: Some(10_000_000), ..Impair::default() };
        let tbf = Qdisc::new(&rate, 1500).expect("a qdisc");
        assert_eq!(tbf, Qdisc::Tbf { rate_bps: 10_000_000, burst: 12_500, limit: 137_500 });
        assert_eq!(tbf.impair(), rate);
        let slow = Qdisc::new(&Impair { rate_bps: Some(8000), ..Impair::default() }, 1500);
        assert_eq!(slow, Some(Qdisc::Tbf { rate_bps: 8000, burst: 3028, limit: 18_168 }));
        let both = Impair { delay_us: Some(100_000), ..rate };
        assert_eq!(Qdisc::new(&both, 1500), Some(Qdisc::Netem { impair: both, limit: 1000 }));
        let fast = Impair { rate_bps: Some(1_000_000_000), ..both };
        assert_eq!(Qdisc::new(&fast, 1500), Some(Qdisc::Netem { impair: fast, limit: 16_512 }));
        assert_eq!(Qdisc::new(&Impair::default(), 1500), None);
    }

    #[test]
    fn the_fastest_and_the_longest_fit_the_kernels_numbers() {
        let most = Impair { rate_bps: Some(32_000_000_000), ..Impair::default() };
        assert!(matches!(Qdisc::new(&most, 65_535), Some(Qdisc::Tbf { burst, limit, .. }) if burst < limit));
        let longest = Impair { delay_us: Some(60_000_000), jitter_us: Some(60_000_000), ..most };
        assert!(matches!(Qdisc::new(&longest, 68), Some(Qdisc::Netem { limit, .. }) if limit > 1000));
    }
}
