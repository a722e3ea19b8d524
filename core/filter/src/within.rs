use std::fmt;

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// A length of time, as restic writes it: `1y6m10d12h`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Within {
    /// Years.
    pub years: i16,
    /// Months.
    pub months: i16,
    /// Days.
    pub days: i16,
    /// Hours.
    pub hours: i16,
}

impl Within {
    /// Reads one; `None` for anything else, also for no time at all.
    pub fn parse(text: &str) -> Option<Self> {
        let mut within = Self::default();
        let mut rest = text;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit())?;
            // Beyond, no calendar goes.
            let number = rest[..digits].parse().ok().filter(|n| *n <= 9000)?;
            let unit = match rest.as_bytes()[digits] {
                b'y' => &mut within.years,
                b'm' => &mut within.months,
                b'd' => &mut within.days,
                b'h' => &mut within.hours,
                _ => return None,
            };
            *unit = number;
            rest = &rest[digits + 1..];
        }
        (within != Self::default()).then_some(within)
    }

    /// The time that is so long before another one.
    pub fn before(self, time: Timestamp) -> Timestamp {
        let span = Span::new()
            .years(self.years)
            .months(self.months)
            .days(self.days)
            .hours(self.hours);
        // Longer than there is a calendar: everything is within.
        let begin = time.to_zoned(TimeZone::UTC).checked_sub(span);
        begin.map_or(Timestamp::MIN, |begin| begin.timestamp())
    }
}

impl fmt::Display for Within {
    /// As it is written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [
            (self.years, 'y'),
            (self.months, 'm'),
            (self.days, 'd'),
            (self.hours, 'h'),
        ];
        for (number, unit) in all.into_iter().filter(|(number, _)| *number != 0) {
            write!(f, "{number}{unit}")?;
        }
        Ok(())
    }
}
