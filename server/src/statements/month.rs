//! Months and times of day in UTC (RFC 3339), without leap seconds, as Unix time has them.

use std::fmt;
use std::str::FromStr;

const DAY_MS: u64 = 86_400_000;

/// A calendar month, written `2026-11`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Month {
    year: u64,
    /// From 1.
    month: u64,
}

/// Why a text is no month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoMonth;

impl Month {
    /// Its first millisecond, and the first one behind it.
    pub fn range_ms(self) -> (u64, u64) {
        let next = if self.month == 12 {
            Self { year: self.year + 1, month: 1 }
        } else {
            Self { month: self.month + 1, ..self }
        };
        (days_before(self.year, self.month) * DAY_MS, days_before(next.year, next.month) * DAY_MS)
    }
}

impl FromStr for Month {
    type Err = NoMonth;

    fn from_str(text: &str) -> Result<Self, NoMonth> {
        let (year, month) = text.split_once('-').filter(|_| text.len() == 7 && text.is_ascii()).ok_or(NoMonth)?;
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().ok());
        let (year, month) = (digits(year).flatten().ok_or(NoMonth)?, digits(month).flatten().ok_or(NoMonth)?);
        if (1970..=9998).contains(&year) && (1..=12).contains(&month) { Ok(Self { year, month }) } else { Err(NoMonth) }
    }
}

impl fmt::Display for Month {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:04}-{:02}", self.year, self.month)
    }
}

/// A time as `2026-11-21T18:30:00Z`; milliseconds are cut off.
pub fn timestamp(at_ms: u64) -> String {
    let (days, seconds) = (at_ms / DAY_MS, at_ms % DAY_MS / 1_000);
    let mut year = 1970 + days / 366;
    while days_before(year + 1, 1) <= days {
        year += 1;
    }
    let mut month = 1;
    while month < 12 && days_before(year, month + 1) <= days {
        month += 1;
    }
    let day = days - days_before(year, month) + 1;
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Days from 1970 to the first of a month (Gregorian calendar, years from 1970).
fn days_before(year: u64, month: u64) -> u64 {
    const BEFORE: [u64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let leaps = |year: u64| year / 4 - year / 100 + year / 400;
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let leap_day = u64::from(is_leap && month > 2);
    (year - 1970) * 365 + leaps(year - 1) - leaps(1969) + BEFORE[month as usize - 1] + leap_day
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_begin_and_end_where_the_calendar_says() {
        // date -u -d 2024-02-01 +%s, and so on.
        for (month, from_s, end_s) in [
            ("1970-01", 0, 2_678_400),
            ("2024-02", 1_706_745_600, 1_709_251_200),
            ("2026-11", 1_793_491_200, 1_796_083_200),
            ("2026-12", 1_796_083_200, 1_798_761_600),
            ("2100-03", 4_107_542_400, 4_110_220_800),
        ] {
            let parsed: Month = month.parse().unwrap();
            assert_eq!(parsed.range_ms(), (from_s * 1_000, end_s * 1_000), "{month}");
            assert_eq!(parsed.to_string(), month);
        }
    }

    #[test]
    fn what_is_no_month_is_refused() {
        for text in ["", "2026", "2026-13", "2026-00", "2026-1", "1969-12", "+026-01", "2026-+1", "20262-1", "２026-1"]
        {
            assert_eq!(text.parse::<Month>(), Err(NoMonth), "{text}");
        }
    }

    #[test]
    fn times_are_in_utc() {
        assert_eq!(timestamp(0), "1970-01-01T00:00:00Z");
        assert_eq!(timestamp(1_709_164_799_999), "2024-02-28T23:59:59Z");
        assert_eq!(timestamp(1_709_164_800_000), "2024-02-29T00:00:00Z");
        assert_eq!(timestamp(1_798_761_599_000), "2026-12-31T23:59:59Z");
    }
}
