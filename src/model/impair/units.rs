//! The values of impairments as text: times, shares and rates, as users of `tc` write them.

use super::Value;

/// Why a text is not a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// Why, fit to follow a colon.
    pub why: String,
    /// What to write instead.
    pub instead: String,
}

/// Units of time in microseconds.
const TIMES: &[(&str, u64)] = &[("us", 1), ("ms", 1000), ("s", 1_000_000)];
/// Units of rates in bits per second.
const RATES: &[(&str, u64)] = &[("bit", 1), ("kbit", 1000), ("mbit", 1_000_000), ("gbit", 1_000_000_000)];
/// What `tc` takes for bytes per second and people for bits.
const BYTE_RATES: &[&str] = &["bps", "kbps", "mbps", "gbps"];
/// Parts per million in a percent.
const PERCENT: u64 = 10_000;
/// All of it, in parts per million.
const ALL: u64 = 100 * PERCENT;
/// A minute: longer than anything waits for an answer.
const LONGEST: u64 = 60_000_000;
/// netem counts jitter in 31 bits of nanoseconds.
const WIDEST: u64 = 2_000_000;
/// A full-size frame of 1500 bytes takes a second and a half; below that, not even ARP comes in time.
const SLOWEST: u64 = 8_000;
/// The kernel counts bytes per second in 32 bits, and no virtual cable comes near that.
const FASTEST: u64 = 32_000_000_000;

/// Microseconds, parts per million or bits per second.
pub(super) fn parse(value: Value, text: &str) -> Result<u64, Wrong> {
    match value {
        Value::Delay => {
            let bounds = (LONGEST, "more than a minute", "the longest delay is \"60s\"");
            time(text, bounds, "10ms", "nothing would be delayed: leave it out")
        }
        Value::Jitter => {
            let bounds = (WIDEST, "more than two seconds", "the kernel's largest jitter is \"2s\"");
            time(text, bounds, "2ms", "nothing would vary: leave it out")
        }
        Value::Rate => rate(text),
        Value::Loss | Value::Duplicate | Value::Corrupt => share(text, "1%"),
        Value::Reorder => share(text, "25%"),
    }
}

fn wrong(why: &str, instead: &str) -> Wrong {
    Wrong { why: why.into(), instead: instead.into() }
}

fn time(
    text: &str,
    (most, too_much, help): (u64, &str, &str),
    example: &str,
    nothing: &str,
) -> Result<u64, Wrong> {
    let instead = format!("a time is a number and us, ms or s, such as \"{example}\"");
    match quantity(text, TIMES) {
        Ok(0) => Err(wrong("a time of zero", nothing)),
        Ok(time) if time > most => Err(wrong(too_much, help)),
        Ok(time) => Ok(time),
        Err(Unread::NoUnit) => Err(wrong("a number without its unit", &instead)),
        Err(Unread::TooFine) => Err(wrong("finer than a microsecond", "the shortest time is \"1us\"")),
        Err(Unread::Other) => Err(wrong("not a time", &instead)),
    }
}

fn share(text: &str, example: &str) -> Result<u64, Wrong> {
    let instead = format!("a share is more than 0% and at most 100%, such as \"{example}\"");
    match quantity(text, &[("%", PERCENT)]) {
        Ok(0) => Err(wrong("a share of zero", "it would happen to no frame: leave it out")),
        Ok(share) if share > ALL => Err(wrong("more than all frames", &instead)),
        Ok(share) => Ok(share),
        Err(Unread::NoUnit) => Err(wrong("a number without its %", &instead)),
        Err(Unread::TooFine) => Err(wrong("finer than one in a million", "the least is \"0.0001%\"")),
        Err(Unread::Other) => Err(wrong("not a share of the frames", &instead)),
    }
}

fn rate(text: &str) -> Result<u64, Wrong> {
    let instead = "a rate is a number and bit, kbit, mbit or gbit (in a second), such as \"10mbit\"";
    if let Some(unit) = BYTE_RATES.iter().find(|unit| number_of(text, unit).is_some()) {
        let bits = format!("{}bit", unit.trim_end_matches("bps"));
        let why = format!("to `tc`, {unit} are bytes in a second, and to most people bits");
        return Err(Wrong { why, instead: format!("write bits: a number and {bits}, such as \"10{bits}\"") });
    }
    match quantity(text, RATES) {
        Ok(0) => Err(wrong(
            "nothing would ever pass",
            "`netlab link down` cuts a cable; the least rate is \"8kbit\"",
        )),
        Ok(rate) if rate < SLOWEST => Err(wrong(
            "too slow for anything: a full-size frame would take seconds",
            "the least rate is \"8kbit\"",
        )),
        Ok(rate) if rate > FASTEST => {
            Err(wrong("more than a virtual cable can carry", "the highest rate is \"32gbit\""))
        }
        Ok(rate) => Ok(rate / 8 * 8),
        Err(Unread::NoUnit) => Err(wrong("a number without its unit", instead)),
        Err(Unread::TooFine | Unread::Other) => Err(wrong("not a rate", instead)),
    }
}

enum Unread {
    NoUnit,
    TooFine,
    Other,
}

/// The number before a unit, in either case, if that is what stands there.
fn number_of<'a>(text: &'a str, unit: &str) -> Option<&'a str> {
    let split = text.len().checked_sub(unit.len()).filter(|split| text.is_char_boundary(*split))?;
    let (number, found) = text.split_at(split);
    let number = number.trim_end();
    (found.eq_ignore_ascii_case(unit) && number.ends_with(|c: char| c.is_ascii_digit())).then_some(number)
}

/// A decimal number and one of these units, in the smallest of them.
fn quantity(text: &str, units: &[(&str, u64)]) -> Result<u64, Unread> {
    let found = units.iter().find_map(|(unit, factor)| Some((number_of(text, unit)?, *factor)));
    match found {
        Some((number, factor)) => decimal(number, factor),
        None if decimal(text, 1_000_000).is_ok() => Err(Unread::NoUnit),
        None => Err(Unread::Other),
    }
}

/// A decimal number times a factor, exactly.
fn decimal(text: &str, factor: u64) -> Result<u64, Unread> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) || fraction.len() > 18 {
        return Err(Unread::Other);
    }
    // What has more digits than a u128 is far too large in any unit.
    let digits: u128 = format!("{whole}{fraction}").parse().unwrap_or(u128::MAX);
    let scale = 10u128.pow(u32::try_from(fraction.len()).unwrap_or(18));
    let product = digits.saturating_mul(u128::from(factor));
    if product % scale != 0 && product < scale.saturating_mul(1_000_000) {
        return Err(Unread::TooFine);
    }
    Ok(u64::try_from(product / scale).unwrap_or(u64::MAX))
}

/// As one writes it.
pub(super) fn show(value: Value, number: u64) -> String {
    match value {
        Value::Delay | Value::Jitter => match number {
            0..1000 => format!("{number}us"),
            1_000_000.. if number.is_multiple_of(1_000_000) => format!("{}s", number / 1_000_000),
            _ => format!("{}ms", fraction(number, 1000)),
        },
        Value::Rate => {
            let unit =
                RATES.iter().rev().find(|(_, factor)| number >= *factor && number.is_multiple_of(*factor));
            unit.map_or_else(|| format!("{number}bit"), |(unit, factor)| format!("{}{unit}", number / factor))
        }
        Value::Loss | Value::Duplicate | Value::Reorder | Value::Corrupt => {
            format!("{}%", fraction(number, PERCENT))
        }
    }
}

/// `number / unit` without zeros at the end; `unit` is a power of ten.
fn fraction(number: u64, unit: u64) -> String {
    let digits = unit.ilog10() as usize;
    let text = format!("{}.{:0digits$}", number / unit, number % unit);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_exactly_and_told_as_they_were_written() {
        for (value, text, number) in [
            (Value::Delay, "10ms", 10_000),
            (Value::Delay, "1.5ms", 1500),
            (Value::Delay, "250us", 250),
            (Value::Delay, "60s", 60_000_000),
            (Value::Loss, "100%", 1_000_000),
            (Value::Loss, "0.0001%", 1),
            (Value::Corrupt, "12.5%", 125_000),
            (Value::Rate, "10mbit", 10_000_000),
            (Value::Rate, "1500kbit", 1_500_000),
            (Value::Rate, "8kbit", 8000),
            (Value::Rate, "32gbit", 32_000_000_000),
        ] {
            assert_eq!(parse(value, text), Ok(number), "{text}");
            assert_eq!(show(value, number), text);
        }
        assert_eq!(parse(Value::Rate, "1.5Mbit"), Ok(1_500_000));
        assert_eq!(parse(Value::Delay, "10 ms"), Ok(10_000));
        assert_eq!(parse(Value::Rate, "8001bit"), Ok(8000), "the kernel counts bytes");
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_what_to_write() {
        let why = |value, text| parse(value, text).expect_err(text).why;
        assert_eq!(why(Value::Loss, "101%"), "more than all frames");
        assert_eq!(why(Value::Loss, "0%"), "a share of zero");
        assert_eq!(why(Value::Loss, "1"), "a number without its %");
        assert_eq!(why(Value::Loss, "0.00001%"), "finer than one in a million");
        assert_eq!(why(Value::Delay, "10"), "a number without its unit");
        assert_eq!(why(Value::Delay, "0.5us"), "finer than a microsecond");
        assert_eq!(why(Value::Delay, "61s"), "more than a minute");
        assert_eq!(why(Value::Jitter, "2001ms"), "more than two seconds");
        assert_eq!(why(Value::Delay, "99999999999999999999999999999999999999999s"), "more than a minute");
        assert_eq!(why(Value::Rate, "0mbit"), "nothing would ever pass");
        assert!(why(Value::Rate, "10mbps").contains("bytes in a second"));
        for (value, text) in [
            (Value::Delay, ""),
            (Value::Delay, "ms"),
            (Value::Delay, "-1ms"),
            (Value::Delay, ".ms"),
            (Value::Delay, "1.ms"),
            (Value::Delay, "10mbit"),
            (Value::Loss, "½%"),
            (Value::Rate, "fast"),
            (Value::Rate, "10mbits"),
        ] {
            assert!(why(value, text).starts_with("not a "), "{text}");
        }
    }
}
