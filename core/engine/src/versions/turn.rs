//! When a repository's turn comes to be asked for although nothing says that it has changed.
//!
//! Turns follow one another in steps that are the same for all repositories; where they begin follows
//! from the repository's id, so that they are spread over the days evenly, however many came into the
//! backup on the same one.

use forgekeep_untrusted::Untrusted;
use jiff::Timestamp;

const DAY: i64 = 24 * 60 * 60;

/// No turn comes so soon after git was asked: a push just before it is as good.
const REST: i64 = DAY / 2;

/// Whether git is to be asked now, if it was last asked at `checked`: at the latest after so many days, or
/// in each run if they are 0.
pub(super) fn is_due(id: &Untrusted, checked: Timestamp, now: Timestamp, days: u32) -> bool {
    if days == 0 || now < checked {
        return true;
    }
    // Its turn may come right after the rest: both together are no longer than the days.
    let step = i64::from(days) * DAY - REST;
    let begin = i64::try_from(hash(id.raw()) % step.unsigned_abs()).unwrap_or(0);
    let turn = |second: i64| (second - begin).div_euclid(step);
    turn(now.as_second()) > turn(checked.as_second() + REST)
}

/// FNV-1a with 64 bits: it must be the same in each run and in each version, and nothing else.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn id(number: u32) -> Untrusted {
        format!("{{{number:08x}-0000-4000-8000-000000000000}}").into()
    }

    proptest! {
        #[test]
        fn a_turn_comes_within_the_days_and_not_at_once(
            number: u32,
            checked in 0..4_000_000_000_i64,
            days in 1..3650_u32,
            more in 0..1_000_000_i64,
        ) {
            let after = |seconds: i64| is_due(&id(number), at(checked), at(checked + seconds), days);
            let all = i64::from(days) * DAY;
            prop_assert!(after(all + more));
            prop_assert!(!after(REST.min(more)));
            // Once it has come it stays.
            let mut due = false;
            for quarter in 0..=4 {
                let now = after(all / 4 * quarter);
                prop_assert!(now || !due);
                due = now;
            }
        }
    }

    #[test]
    fn zero_days_are_each_run_and_so_is_a_clock_that_was_set_back() {
        assert!(is_due(&id(1), at(1000), at(1000), 0));
        assert!(is_due(&id(1), at(1000), at(999), 3650));
        assert!(!is_due(&id(1), at(1000), at(1000), 1));
    }

    /// Of 500 that came into the backup together, and a run at the same time each day.
    #[test]
    fn turns_are_spread_over_the_days() {
        let begin = 1_800_000_000;
        let mut checked = vec![at(begin); 500];
        for day in 1..=60_i64 {
            let now = at(begin + day * DAY);
            let mut due = 0;
            for (number, checked) in (0..).zip(&mut checked) {
                if is_due(&id(number), *checked, now, 7) {
                    due += 1;
                    *checked = now;
                }
            }
            // An even share would be 77 of each day's, from the first on, where half a day is rest.
            assert!((20..130).contains(&due), "{due} of 500 on day {day}");
        }
    }
}
