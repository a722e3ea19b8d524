//! When something is run next, for schedulers that do not say it.

use jiff::{ToSpan as _, Zoned};

use super::When;

/// How far it is looked ahead: beyond the longest month.
const DAYS: i64 = 62;

/// The next time, local, after this one.
pub(super) fn next(when: When, now: &Zoned) -> Option<String> {
    let (day, hour, minute) = match when {
        When::Daily(hour, minute) => (None, hour, minute),
        When::Monthly(day, hour, minute) => (Some(day), hour, minute),
    };
    let (hour, minute) = (i8::try_from(hour).ok()?, i8::try_from(minute).ok()?);
    let mut days = (0..=DAYS).filter_map(|days| now.date().checked_add(days.days()).ok());
    let at = days.find_map(|date| {
        let is_day = day.is_none_or(|day| i8::try_from(day) == Ok(date.day()));
        let at = date
            .at(hour, minute, 0, 0)
            .to_zoned(now.time_zone().clone());
        at.ok().filter(|at| is_day && at > now)
    });
    at.map(|at| shown(&at))
}

/// A time as people have it here.
pub(super) fn shown(at: &Zoned) -> String {
    at.strftime("%a %Y-%m-%d %H:%M:%S %Z").to_string()
}

/// The times of a line of a crontab, as far as it is one that is written here, or whose numbers were changed.
pub(super) fn of_line(line: &str) -> Option<When> {
    let fields: Vec<&str> = line.split_whitespace().take(5).collect();
    let number = |field: &str, below: u8| field.parse().ok().filter(|number| *number < below);
    match fields.as_slice() {
        [minute, hour, "*", "*", "*"] => Some(When::Daily(number(hour, 24)?, number(minute, 60)?)),
        [minute, hour, day, "*", "*"] => {
            let (hour, minute) = (number(hour, 24)?, number(minute, 60)?);
            Some(When::Monthly(number(day, 32)?, hour, minute))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_time_is_told_in_this_zone() {
        let at = |text: &str| format!("{text}[Europe/Berlin]").parse::<Zoned>().unwrap();
        for (line, now, wanted) in [
            (
                "17 4 * * * x",
                "2026-11-30T04:16:59",
                "Mon 2026-11-30 04:17:00 CET",
            ),
            (
                "17 4 * * * x",
                "2026-11-30T04:17:00",
                "Tue 2026-12-01 04:17:00 CET",
            ),
            (
                "23 15 5 * * x",
                "2026-11-30T04:17:00",
                "Sat 2026-12-05 15:23:00 CET",
            ),
            (
                "23 15 31 * * x",
                "2026-11-30T04:17:00",
                "Thu 2026-12-31 15:23:00 CET",
            ),
            // One night has no such hour.
            (
                "30 2 * * * x",
                "2026-03-28T12:00:00",
                "Sun 2026-03-29 03:30:00 CEST",
            ),
        ] {
            let when = of_line(line).unwrap();
            assert_eq!(
                next(when, &at(now)).as_deref(),
                Some(wanted),
                "{line} {now}"
            );
        }
        for line in [
            "@daily x",
            "*/5 4 * * * x",
            "17 24 * * * x",
            "17 4 * * 1 x",
            "",
        ] {
            assert!(of_line(line).is_none(), "{line}");
        }
    }
}
