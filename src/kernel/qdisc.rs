//! Queueing disciplines as the kernel's bytes: what the netlink crate does not know of netem and tbf
//! (linux/pkt_sched.h, net/sched/sch_netem.c, net/sched/sch_tbf.c).

use std::collections::BTreeMap;

use netlink_packet_core::DefaultNla;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::tc::{TcAttribute, TcHandle, TcMessage, TcOption};

use super::error::Result;
use super::inspect::reader::Reader;
use crate::plan::{Impair, Qdisc};

/// `TCA_OPTIONS`.
const OPTIONS: u16 = 2;
/// Attributes of netem's options, which begin with a `tc_netem_qopt`.
const NETEM_REORDER: u16 = 3;
const NETEM_CORRUPT: u16 = 4;
const NETEM_RATE: u16 = 6;
const NETEM_RATE64: u16 = 8;
const NETEM_LATENCY64: u16 = 10;
const NETEM_JITTER64: u16 = 11;
/// Length of `tc_netem_qopt`: latency, limit, loss, gap, duplicate, jitter.
const NETEM: usize = 24;
/// Attributes of tbf's options. `TCA_TBF_PARMS` is a `tc_tbf_qopt`: rate, peak rate, limit, buffer, mtu.
const TBF_PARAMETERS: u16 = 1;
const TBF_RATE64: u16 = 4;
const TBF_BURST: u16 = 6;
/// Lengths of `tc_ratespec` and `tc_tbf_qopt`, and where the rate is in the former.
const RATE: usize = 12;
const TBF: usize = 36;
const BYTES_PER_SECOND: usize = 8;
/// `TC_LINKLAYER_ETHERNET`: otherwise the kernel wants a table of how long each frame takes.
const ETHERNET: u8 = 1;
/// 100 % to netem is all bits of a `u32`.
const WHOLE: u64 = u32::MAX as u64;
const MILLION: u64 = 1_000_000;

/// The request for an interface's root queueing discipline.
pub(super) fn message(index: u32, qdisc: &Qdisc) -> TcMessage {
    let mut message = root(index);
    message.header.handle = TcHandle { major: qdisc.handle(), minor: 0 };
    message.attributes.push(TcAttribute::Kind(qdisc.kind().into()));
    message.attributes.push(TcAttribute::Other(DefaultNla::new(OPTIONS, options(qdisc))));
    message
}

/// The same for an interface that may have one already, whoever made it: without a handle one of the same kind is changed, and
/// one of another kind gives way, as with `tc qdisc replace`. With a handle that such a one has, the kernel refuses.
pub(super) fn replacement(index: u32, qdisc: &Qdisc) -> TcMessage {
    let mut message = message(index, qdisc);
    message.header.handle = TcHandle::UNSPEC;
    message
}

/// A request about an interface's root queueing discipline, whatever it is.
pub(super) fn root(index: u32) -> TcMessage {
    let mut message = TcMessage::with_index(index.cast_signed());
    message.header.parent = TcHandle::ROOT;
    message
}

/// The root queueing disciplines of all interfaces that have netem or tbf, by index.
pub(super) fn all(reader: &mut Reader) -> Result<BTreeMap<u32, Qdisc>> {
    let request = RouteNetlinkMessage::GetQueueDiscipline(TcMessage::default());
    let answers = reader.dump("queueing disciplines", &request)?;
    Ok(answers
        .iter()
        .filter_map(|answer| match answer {
            RouteNetlinkMessage::NewQueueDiscipline(message) => read(message),
            _ => None,
        })
        .collect())
}

/// A root queueing discipline as the kernel tells it, with the index of its interface; `None` for those of other kinds.
fn read(message: &TcMessage) -> Option<(u32, Qdisc)> {
    if message.header.parent != TcHandle::ROOT {
        return None;
    }
    let kind = message.attributes.iter().find_map(|attribute| match attribute {
        TcAttribute::Kind(kind) => Some(kind.as_str()),
        _ => None,
    })?;
    let bytes = message.attributes.iter().find_map(|attribute| match attribute {
        TcAttribute::Options(options) => options.iter().find_map(|option| match option {
            TcOption::Other(bytes) => Some(value_of(bytes)),
            _ => None,
        }),
        _ => None,
    })?;
    let qdisc = match kind {
        "netem" => read_netem(&bytes),
        "tbf" => read_tbf(&bytes),
        _ => None,
    }?;
    Some((message.header.index.cast_unsigned(), qdisc))
}

fn value_of(attribute: &DefaultNla) -> Vec<u8> {
    use netlink_packet_core::Nla as _;
    let mut bytes = vec![0; attribute.value_len()];
    attribute.emit_value(&mut bytes);
    bytes
}

fn options(qdisc: &Qdisc) -> Vec<u8> {
    match qdisc {
        Qdisc::Netem { impair, limit } => netem(impair, *limit),
        Qdisc::Tbf { rate_bps, burst, limit } => tbf(*rate_bps, *burst, *limit),
    }
}

/// Every attribute each time: what a change leaves out, netem leaves as it was.
fn netem(impair: &Impair, limit: u32) -> Vec<u8> {
    let reorder = share(impair.reorder_ppm);
    // A gap of 1 has netem decide about every frame whether it overtakes; without a gap it never does.
    let gap = u32::from(reorder != 0);
    let mut bytes = Vec::with_capacity(96);
    // The old fields for times count in ticks of 64 ns, which not every microsecond is a multiple of; the new ones overrule.
    for field in [0, limit, share(impair.loss_ppm), gap, share(impair.duplicate_ppm), 0] {
        bytes.extend(field.to_ne_bytes());
    }
    attribute(&mut bytes, NETEM_LATENCY64, &nanoseconds(impair.delay_us).to_ne_bytes());
    attribute(&mut bytes, NETEM_JITTER64, &nanoseconds(impair.jitter_us).to_ne_bytes());
    attribute(&mut bytes, NETEM_REORDER, &with_correlation(reorder));
    attribute(&mut bytes, NETEM_CORRUPT, &with_correlation(share(impair.corrupt_ppm)));
    let mut rate = [0; 16];
    let bits = impair.rate_bps.unwrap_or(0);
    rate[..4].copy_from_slice(&bytes_per_second(bits).to_ne_bytes());
    attribute(&mut bytes, NETEM_RATE, &rate);
    whole_rate(&mut bytes, NETEM_RATE64, bits);
    bytes
}

fn tbf(rate_bps: u64, burst: u32, limit: u32) -> Vec<u8> {
    let mut parameters = [0; TBF];
    parameters[1] = ETHERNET;
    parameters[BYTES_PER_SECOND..RATE].copy_from_slice(&bytes_per_second(rate_bps).to_ne_bytes());
    parameters[2 * RATE..2 * RATE + 4].copy_from_slice(&limit.to_ne_bytes());
    let mut bytes = Vec::with_capacity(64);
    attribute(&mut bytes, TBF_PARAMETERS, &parameters);
    attribute(&mut bytes, TBF_BURST, &burst.to_ne_bytes());
    whole_rate(&mut bytes, TBF_RATE64, rate_bps);
    bytes
}

/// The rate once more where 32 bits have no room for it: netlab sets none as high, but `tc` may have.
fn whole_rate(bytes: &mut Vec<u8>, kind: u16, bits: u64) {
    if bytes_per_second(bits) == u32::MAX {
        attribute(bytes, kind, &(bits / 8).to_ne_bytes());
    }
}

fn attribute(bytes: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
    bytes.extend(length.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

fn nanoseconds(microseconds: Option<u64>) -> i64 {
    i64::try_from(microseconds.unwrap_or(0)).unwrap_or(0).saturating_mul(1000)
}

fn bytes_per_second(bits: u64) -> u32 {
    u32::try_from(bits / 8).unwrap_or(u32::MAX)
}

/// Parts per million as the nearest of netem's 2³² steps.
fn share(ppm: Option<u64>) -> u32 {
    u32::try_from((ppm.unwrap_or(0) * WHOLE + MILLION / 2) / MILLION).unwrap_or(u32::MAX)
}

fn with_correlation(share: u32) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&share.to_ne_bytes());
    bytes
}

fn read_netem(bytes: &[u8]) -> Option<Qdisc> {
    let mut impair =
        Impair { loss_ppm: read_share(bytes, 8), duplicate_ppm: read_share(bytes, 16), ..Impair::default() };
    let limit = u32_at(bytes, 4)?;
    for (kind, value) in Attributes(bytes.get(NETEM..)?) {
        match kind {
            NETEM_REORDER => impair.reorder_ppm = read_share(value, 0),
            NETEM_CORRUPT => impair.corrupt_ppm = read_share(value, 0),
            NETEM_RATE => impair.rate_bps = impair.rate_bps.or(read_rate(value)),
            NETEM_RATE64 => impair.rate_bps = read_whole_rate(value),
            NETEM_LATENCY64 => impair.delay_us = read_time(value),
            NETEM_JITTER64 => impair.jitter_us = read_time(value),
            _ => {}
        }
    }
    Some(Qdisc::Netem { impair, limit })
}

fn read_tbf(bytes: &[u8]) -> Option<Qdisc> {
    let (mut rate, mut whole_rate, mut limit, mut ticks) = (None, None, None, None);
    for (kind, value) in Attributes(bytes) {
        match kind {
            TBF_PARAMETERS => {
                rate = read_rate(value.get(BYTES_PER_SECOND..)?);
                limit = u32_at(value, 2 * RATE);
                ticks = u32_at(value, 2 * RATE + 4);
            }
            TBF_RATE64 => whole_rate = read_whole_rate(value),
            _ => {}
        }
    }
    let rate_bps = whole_rate.or(rate)?;
    // As the time that a burst takes, in ticks of 64 ns.
    let burst = u128::from(ticks?) * 64 * u128::from(rate_bps / 8) / 1_000_000_000;
    Some(Qdisc::Tbf { rate_bps, burst: u32::try_from(burst).unwrap_or(u32::MAX), limit: limit? })
}

fn read_share(bytes: &[u8], at: usize) -> Option<u64> {
    let share = u64::from(u32_at(bytes, at)?);
    Some((share * MILLION + WHOLE / 2) / WHOLE).filter(|ppm| *ppm > 0)
}

fn read_rate(bytes: &[u8]) -> Option<u64> {
    u32_at(bytes, 0).map(|rate| u64::from(rate) * 8).filter(|rate| *rate > 0)
}

/// What comes beside a rate of 32 bits that is too small for it.
fn read_whole_rate(bytes: &[u8]) -> Option<u64> {
    let rate = u64::from_ne_bytes(bytes.get(..8)?.try_into().ok()?);
    (rate > 0).then_some(rate.saturating_mul(8))
}

fn read_time(bytes: &[u8]) -> Option<u64> {
    let nanoseconds = i64::from_ne_bytes(bytes.get(..8)?.try_into().ok()?);
    u64::try_from(nanoseconds / 1000).ok().filter(|time| *time > 0)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes)
}

/// The attributes of options: kind and value.
struct Attributes<'a>(&'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let number = |at: usize| Some(u16::from_ne_bytes(self.0.get(at..at + 2)?.try_into().ok()?));
        let (length, kind) = (usize::from(number(0)?), number(2)?);
        let value = self.0.get(4..length)?;
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        // The highest two bits are flags.
        Some((kind & 0x3fff, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Impair = Impair {
        delay_us: Some(10_000),
        jitter_us: Some(2000),
        loss_ppm: Some(10_000),
        rate_bps: Some(8_000_000),
        duplicate_ppm: Some(1_000_000),
        reorder_ppm: Some(250_000),
        corrupt_ppm: Some(1),
    };

    /// What `tc -s qdisc add dev v root netem limit 1000 delay 10ms 2ms loss 1% rate 8mbit duplicate 100% reorder 25%
    /// corrupt 0.0001%` means, written down by the kernel's structures.
    #[test]
    fn netem_is_as_its_structures_say() {
        let words = |bytes: &[u8]| -> Vec<u32> {
            bytes.chunks(4).map(|word| u32::from_ne_bytes(word.try_into().expect("whole words"))).collect()
        };
        let header = |kind: u32, length: u32| u32::from_ne_bytes([length as u8, 0, kind as u8, 0]);
        let bytes = netem(&ALL, 1000);
        let expected = [
            &[0, 1000, 42_949_673, 1, u32::MAX, 0][..],
            &[header(10, 12), 10_000_000, 0],
            &[header(11, 12), 2_000_000, 0],
            &[header(3, 12), 1_073_741_824, 0],
            &[header(4, 12), 4295, 0],
            &[header(6, 20), 1_000_000, 0, 0, 0],
        ];
        assert_eq!(words(&bytes), expected.concat());
    }

    #[test]
    fn tbf_is_as_its_structures_say() {
        let bytes = tbf(8_000_000, 10_000, 110_000);
        assert_eq!(bytes.len(), 4 + 36 + 4 + 4);
        assert_eq!(bytes[..4], [40, 0, 1, 0]);
        assert_eq!(bytes[4..12], [0, 1, 0, 0, 0, 0, 0, 0], "Ethernet");
        assert_eq!(u32_at(&bytes, 12), Some(1_000_000));
        assert_eq!(bytes[16..28], [0; 12], "no peak rate");
        assert_eq!(u32_at(&bytes, 28), Some(110_000));
        assert_eq!(bytes[32..40], [0; 8], "the burst is given in bytes, not as a time");
        assert_eq!((&bytes[40..44], u32_at(&bytes, 44)), (&[8, 0, 6, 0][..], Some(10_000)));
    }

    #[test]
    fn what_is_written_is_read_back() {
        assert_eq!(read_netem(&netem(&ALL, 7)), Some(Qdisc::Netem { impair: ALL, limit: 7 }));
        let nothing = Impair::default();
        assert_eq!(read_netem(&netem(&nothing, 7)), Some(Qdisc::Netem { impair: nothing, limit: 7 }));
        for ppm in [1, 2, 3, 333_333, 500_000, 999_999, 1_000_000] {
            let bytes = share(Some(ppm)).to_ne_bytes();
            assert_eq!(read_share(&bytes, 0), Some(ppm));
        }
    }

    /// `tc qdisc add … rate 40gbit`: 5 GB a second are more than 32 bits have room for.
    #[test]
    fn rates_beyond_32_bits_are_kept() {
        let fast = Impair { rate_bps: Some(40_000_000_000), ..ALL };
        assert_eq!(read_netem(&netem(&fast, 7)), Some(Qdisc::Netem { impair: fast, limit: 7 }));
        let Some(Qdisc::Tbf { rate_bps, .. }) = read_tbf(&tbf(40_000_000_000, 1 << 20, 1 << 24)) else {
            panic!("no tbf")
        };
        assert_eq!(rate_bps, 40_000_000_000);
    }

    #[test]
    fn cut_off_answers_are_no_reason_to_panic() {
        for bytes in [netem(&ALL, 7), tbf(8000, 1, 2)] {
            for end in 0..bytes.len() {
                let _ = (read_netem(&bytes[..end]), read_tbf(&bytes[..end]));
            }
        }
    }
}
