//! How long a repository has been missed, by runs and days as well as by the clock: a clock that was
//! wrong once must not use up a grace period.

use forgekeep_store::catalogue::{Missing, RepositoryState};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// Whole listings that have to lack a repository before it may be removed.
const RUNS: u32 = 5;

/// Days (UTC) on which such a listing has to be made.
const DAYS: u32 = 5;

/// A gap between two runs that is longer is taken for a clock that jumped: counting starts again.
const LONGEST_GAP: SignedDuration = SignedDuration::from_hours(45 * 24);

/// What came of counting a repository as missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    /// It was not missed before.
    First,
    /// It was.
    Again,
    /// It was, but so long ago, or at a time that cannot be, that counting starts again.
    Anew,
    /// The clock is behind what is known: nothing was counted.
    ClockBehind,
}

/// Counts one more whole listing without the repository. `known` is a time that has certainly
/// passed: a stamp that is older comes from a clock that is wrong.
pub(super) fn count(state: &mut RepositoryState, now: Timestamp, known: Timestamp) -> Counted {
    let known = known.max(state.created);
    if now < known {
        return Counted::ClockBehind;
    }
    let first = state.gone.is_none();
    let since = state
        .gone
        .filter(|since| (state.created..=now).contains(since));
    let missing = state
        .missing
        .filter(|missing| missing.last <= now && now.duration_since(missing.last) <= LONGEST_GAP);
    let mut counted = match first {
        true => Counted::First,
        false => Counted::Again,
    };
    let (since, missing) = match (since, missing) {
        (Some(since), Some(missing)) => (
            since,
            Missing {
                runs: missing.runs.saturating_add(1),
                days: missing
                    .days
                    .saturating_add(u32::from(day(missing.last) != day(now))),
                last: now,
            },
        ),
        // Marked by version 0.1, which did not count.
        (Some(since), None) if state.missing.is_none() => (since, once(now)),
        _ => {
            if !first {
                counted = Counted::Anew;
            }
            (now, once(now))
        }
    };
    state.gone = Some(since);
    state.missing = Some(missing);
    counted
}

/// Whether it was missed for so many days, often enough.
pub(super) fn is_over(state: &RepositoryState, grace_days: u32, now: Timestamp) -> bool {
    let (Some(since), Some(missing)) = (state.gone, state.missing) else {
        return false;
    };
    let grace = SignedDuration::from_hours(i64::from(grace_days) * 24);
    missing.runs >= RUNS && missing.days >= DAYS && now.duration_since(since) >= grace
}

fn once(now: Timestamp) -> Missing {
    Missing {
        runs: 1,
        days: 1,
        last: now,
    }
}

fn day(time: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(time).date()
}

#[cfg(test)]
mod tests {
    use forgekeep_store::snapshot::Identity;

    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("{text}:00Z").parse().unwrap()
    }

    fn state() -> RepositoryState {
        let identity = Identity {
            hoster: "bitbucket".to_owned(),
            id: "{1}".into(),
            full_name: "acme/web".into(),
        };
        RepositoryState::new(identity, at("2026-01-01T00:00"))
    }

    /// Whether the grace period of a day is over after runs at these times.
    fn over(state: &mut RepositoryState, times: &[&str]) -> bool {
        let mut last = Timestamp::UNIX_EPOCH;
        for time in times {
            last = at(time);
            count(state, last, Timestamp::UNIX_EPOCH);
        }
        is_over(state, 1, last)
    }

    #[test]
    fn runs_and_days_count_as_well_as_time() {
        let days = ["01", "02", "03", "04", "05"].map(|d| format!("2026-02-{d}T03:00"));
        let days: Vec<&str> = days.iter().map(String::as_str).collect();
        assert!(!over(&mut state(), &days[..4]));
        assert!(over(&mut state(), &days));
        // Five runs on one day, and five days seen by two runs.
        assert!(!over(&mut state(), &["2026-02-01T03:00"; 9]));
        assert!(!over(&mut state(), &[days[0], "2026-02-20T03:00"]));
    }

    #[test]
    fn a_clock_that_was_wrong_once_begins_the_period_again() {
        // Version 0.1 stamped 1970.
        let mut old = state();
        old.gone = Some(Timestamp::UNIX_EPOCH);
        assert_eq!(
            count(&mut old, at("2026-02-01T03:00"), at("2026-01-31T03:00")),
            Counted::Anew
        );
        assert_eq!(old.gone, Some(at("2026-02-01T03:00")));
        // A clock that is behind stamps nothing.
        let before = old.clone();
        for known in ["2026-01-31T03:00", "1970-01-01T00:00"] {
            let counted = count(&mut old, at("1970-01-01T00:05"), at(known));
            assert_eq!(counted, Counted::ClockBehind);
        }
        assert_eq!(old, before);
        // One that jumped ahead and came back does not leave its stamp.
        for day in 2..6 {
            count(
                &mut old,
                at(&format!("2026-02-0{day}T03:00")),
                Timestamp::UNIX_EPOCH,
            );
        }
        assert!(is_over(&old, 1, at("2026-02-05T03:00")));
        assert!(!over(&mut old.clone(), &["2099-01-01T00:00"]));
        assert!(!over(&mut old, &["2099-01-01T00:00", "2026-02-06T03:00"]));
        assert_eq!(old.gone, Some(at("2026-02-06T03:00")));
        // A gap, and it is told once.
        let later = ["2026-04-01T03:00", "2026-04-02T03:00"].map(at);
        let counted = later.map(|time| count(&mut old, time, Timestamp::UNIX_EPOCH));
        assert_eq!(counted, [Counted::Anew, Counted::Again]);
    }

    #[test]
    fn what_version_0_1_marked_keeps_its_date_and_begins_to_count() {
        let mut old = state();
        old.gone = Some(at("2026-01-10T00:00"));
        assert_eq!(
            count(&mut old, at("2026-09-01T03:00"), Timestamp::UNIX_EPOCH),
            Counted::Again
        );
        assert_eq!(old.gone, Some(at("2026-01-10T00:00")));
        assert!(!is_over(&old, 30, at("2026-09-01T03:00")));
    }
}
