//! When a frame passed.

/// How times are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stamp {
    /// Seconds since the first frame.
    Relative,
    /// Date and time of day, in UTC.
    Absolute,
    /// Not at all.
    Without,
}

const SECOND: u64 = 1_000_000_000;

impl Stamp {
    /// A time in nanoseconds since 1970, where the first frame's is `start`.
    pub fn write(self, time: u64, start: u64) -> String {
        match self {
            Self::Relative => {
                // Somebody may set the clock back.
                let (sign, since) = if time < start { ("-", start - time) } else { ("", time - start) };
                let text = format!("{sign}{}.{:06}", since / SECOND, since % SECOND / 1000);
                format!("{text:>10}")
            }
            Self::Absolute => absolute(time),
            Self::Without => String::new(),
        }
    }
}

/// `2026-11-22 11:40:01.123456789Z`
fn absolute(time: u64) -> String {
    let (seconds, rest) = (time / SECOND, time % SECOND);
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{rest:09}Z")
}

/// The date so many days after 1 January 1970.
fn date(mut days: u64) -> (u64, u64, u64) {
    let mut year = 1970;
    let is_leap = |year: u64| year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 1;
    for length in months {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_relative_to_the_first_frame() {
        assert_eq!(Stamp::Relative.write(5_000_017_999, 5_000_000_000), "  0.000017");
        assert_eq!(Stamp::Relative.write(1_234_000_000_000, 0), "1234.000000");
        assert_eq!(Stamp::Relative.write(1_000_000, 3_000_000), " -0.002000");
        assert_eq!(Stamp::Without.write(1, 0), "");
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        // As `date -u -d @SECONDS` has them.
        let cases = [
            (0, "1970-01-01 00:00:00.000000000Z"),
            (951_782_400, "2000-02-29 00:00:00.000000000Z"),
            (1_709_251_199, "2024-02-29 23:59:59.000000000Z"),
            (1_735_689_599, "2024-12-31 23:59:59.000000000Z"),
            (1_735_689_600, "2025-01-01 00:00:00.000000000Z"),
            (4_107_542_400, "2100-03-01 00:00:00.000000000Z"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(Stamp::Absolute.write(seconds * SECOND, 0), expected);
        }
        assert!(Stamp::Absolute.write(u64::MAX, 0).starts_with("2554-"));
    }
}
