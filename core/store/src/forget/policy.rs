//! Which snapshots are kept: restic's policy, of which each rule keeps what it keeps whatever the
//! others say.

use std::collections::HashSet;

use forgekeep_config::HistoryOptions;
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_untrusted::Shown;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::snapshot::SnapshotFile;

/// Fewest digits of an id that name a snapshot.
const LEAST_DIGITS: usize = 4;

/// Why a snapshot is kept.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// It is the newest: what upstream had at the last good run.
    Last,
    /// Others were named to be dropped.
    Unnamed,
    /// Nothing is configured.
    All,
    /// `keepWithin`.
    Within,
    /// `keepDaily`.
    Daily,
    /// `keepWeekly`.
    Weekly,
    /// `keepMonthly`.
    Monthly,
    /// `keepYearly`.
    Yearly,
    /// Its time is still to come: the clock was wrong, so no rule can tell.
    Future,
}

/// For each snapshot, the oldest first, why it is kept; it is not if there is no reason. Days and all
/// else are in UTC; weeks begin on Monday (ISO 8601).
pub(super) fn judge(options: &HistoryOptions, entries: &[SnapshotFile]) -> Vec<Vec<Reason>> {
    let times: Vec<Timestamp> = entries.iter().map(|entry| entry.time).collect();
    judge_times(options, &times, Timestamp::now())
}

/// The same where snapshots are named that are to go.
pub(super) fn all_but(
    named: &[String],
    entries: &[SnapshotFile],
) -> Result<Vec<Vec<Reason>>, Failure> {
    let mut reasons = vec![vec![Reason::Unnamed]; entries.len()];
    for asked in named {
        let mut fit = entries.iter().enumerate();
        let found = fit.by_ref().find(|(_, e)| e.id.as_str().starts_with(asked));
        let wrong = |why: &str| {
            let message = format!("\"{}\" {why}", Shown::of(asked));
            Failure::new(ErrorKind::NotFound, message).with_hint(
                "choose from those that `forgekeep snapshots` lists; nothing was removed",
            )
        };
        let Some((at, entry)) = found.filter(|_| asked.len() >= LEAST_DIGITS) else {
            return Err(wrong("is not a snapshot of this repository"));
        };
        if fit.any(|(_, other)| other.id != entry.id && other.id.as_str().starts_with(asked)) {
            return Err(wrong("matches several snapshots"));
        }
        if at + 1 == entries.len() {
            return Err(wrong("is the newest snapshot, which is always kept"));
        }
        reasons[at].clear();
    }
    Ok(reasons)
}

fn judge_times(options: &HistoryOptions, times: &[Timestamp], now: Timestamp) -> Vec<Vec<Reason>> {
    let mut reasons = vec![Vec::new(); times.len()];
    if let Some(last) = reasons.last_mut() {
        last.push(Reason::Last);
    }
    if *options == HistoryOptions::default() {
        reasons.iter_mut().for_each(|all| all.push(Reason::All));
        return reasons;
    }
    // A clock that was wrong once must not make all others old.
    let newest = times.iter().filter(|time| **time <= now).max();
    if let (Some(within), Some(newest)) = (options.keep_within, newest.or(times.last())) {
        let begin = within.before(*newest);
        for (reasons, time) in reasons.iter_mut().zip(times) {
            if *time >= begin {
                reasons.push(Reason::Within);
            }
        }
    }
    for (reasons, _) in reasons
        .iter_mut()
        .zip(times)
        .filter(|(_, time)| **time > now)
    {
        reasons.push(Reason::Future);
    }
    let rules = [
        (options.keep_daily, Reason::Daily),
        (options.keep_weekly, Reason::Weekly),
        (options.keep_monthly, Reason::Monthly),
        (options.keep_yearly, Reason::Yearly),
    ];
    for (count, reason) in rules {
        let mut left = count;
        let mut periods = HashSet::new();
        for (reasons, time) in reasons.iter_mut().zip(times).rev() {
            if left > 0 && *time <= now && periods.insert(period_of(reason, *time)) {
                left -= 1;
                reasons.push(reason);
            }
        }
    }
    reasons
}

/// The period that a time is in, for one of the rules that keep one snapshot of each.
fn period_of(rule: Reason, time: Timestamp) -> (i16, i16) {
    let date = utc(time).date();
    match rule {
        Reason::Daily => (date.year(), date.day_of_year()),
        Reason::Weekly => {
            let week = date.iso_week_date();
            (week.year(), i16::from(week.week()))
        }
        Reason::Monthly => (date.year(), i16::from(date.month())),
        Reason::Last
        | Reason::Unnamed
        | Reason::All
        | Reason::Within
        | Reason::Yearly
        | Reason::Future => (date.year(), 0),
    }
}

fn utc(time: Timestamp) -> jiff::Zoned {
    time.to_zoned(TimeZone::UTC)
}

#[cfg(test)]
mod tests {
    use forgekeep_config::Within;
    use proptest::prelude::*;

    use super::*;

    fn kept(options: &HistoryOptions, times: &[&str]) -> Vec<String> {
        let parsed: Vec<Timestamp> = times.iter().map(|time| time.parse().unwrap()).collect();
        let reasons = judge_times(options, &parsed, "2026-11-23T00:00:00Z".parse().unwrap());
        let kept = times.iter().zip(reasons).filter(|(_, r)| !r.is_empty());
        kept.map(|(time, _)| (*time).to_owned()).collect()
    }

    const TIMES: [&str; 7] = [
        "2024-12-31T12:00:00Z",
        "2025-12-30T12:00:00Z",
        "2026-10-30T12:00:00Z",
        "2026-11-02T08:00:00Z",
        "2026-11-02T23:59:59Z",
        "2026-11-20T12:00:00Z",
        "2026-11-22T12:00:00Z",
    ];

    #[test]
    fn the_last_of_each_period_is_kept() {
        let with = |change: fn(&mut HistoryOptions)| {
            let mut options = HistoryOptions::default();
            change(&mut options);
            kept(&options, &TIMES)
        };
        assert_eq!(kept(&HistoryOptions::default(), &TIMES), TIMES);
        assert_eq!(with(|o| o.keep_daily = 3), &TIMES[4..]);
        assert_eq!(with(|o| o.keep_monthly = 2), [TIMES[2], TIMES[6]]);
        assert_eq!(with(|o| o.keep_yearly = 9), [TIMES[0], TIMES[1], TIMES[6]]);
        // 2025-12-30 is in the first week of 2026.
        assert_eq!(
            with(|o| o.keep_weekly = 9),
            [TIMES[0], TIMES[1], TIMES[2], TIMES[4], TIMES[6]]
        );
        assert_eq!(
            with(|o| o.keep_within = Within::parse("1m")),
            [TIMES[2], TIMES[3], TIMES[4], TIMES[5], TIMES[6]]
        );
    }

    #[test]
    fn a_clock_that_was_wrong_once_makes_nothing_old() {
        let times = [
            "2026-11-19T12:00:00Z",
            "2036-01-01T12:00:00Z",
            "2026-11-20T12:00:00Z",
            "2026-11-20T13:00:00Z",
            "2026-11-22T12:00:00Z",
        ];
        let within = HistoryOptions {
            keep_within: Within::parse("1y"),
            ..HistoryOptions::default()
        };
        assert_eq!(kept(&within, &times), times);
        let daily = HistoryOptions {
            keep_daily: 3,
            ..HistoryOptions::default()
        };
        // The one of the future stays, and takes no day from another.
        assert_eq!(
            kept(&daily, &times),
            [times[0], times[1], times[3], times[4]]
        );
    }

    #[test]
    fn lengths_of_time_are_read_as_restic_does() {
        let within = Within::parse("1y6m10d12h").unwrap();
        assert_eq!(
            (within.years, within.months, within.days, within.hours),
            (1, 6, 10, 12)
        );
        for wrong in ["", "0d", "5", "d", "1x", "1w", "-1d", "99999y", "1 d"] {
            assert_eq!(Within::parse(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn the_newest_always_stays(
            days in proptest::collection::vec(0i64..40_000, 1..30),
            daily in 0u32..4, yearly in 0u32..4, hours in 0i16..100,
        ) {
            let mut times: Vec<_> = days
                .iter()
                .map(|day| Timestamp::from_second(day * 86_400).unwrap())
                .collect();
            times.sort();
            let options = HistoryOptions {
                keep_daily: daily,
                keep_yearly: yearly,
                keep_within: Within::parse(&format!("{hours}h")),
                ..HistoryOptions::default()
            };
            let reasons = judge_times(&options, &times, Timestamp::MAX);
            prop_assert!(!reasons.last().unwrap().is_empty());
        }
    }
}
