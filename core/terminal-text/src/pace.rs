use std::collections::VecDeque;
use std::time::Duration;

/// A rate is that of so much time.
const WINDOW: Duration = Duration::from_secs(10);

/// A rate over less time than this says nothing.
const LEAST: Duration = Duration::from_secs(1);

/// Before so much time has passed, what is left is a guess.
const SETTLED: Duration = Duration::from_secs(3);

/// How fast something grows: of late, not since it began.
#[derive(Debug, Default)]
pub struct Rate(VecDeque<(Duration, u64)>);

impl Rate {
    /// It is so much, so long after it began.
    pub fn note(&mut self, at: Duration, amount: u64) {
        self.0.push_back((at, amount));
        // One that is older says how much there was when the window began.
        while self.0.len() > 2 && at.saturating_sub(self.0[1].0) >= WINDOW {
            self.0.pop_front();
        }
    }

    /// How much it grows in a second, once that is known; none while it does not.
    pub fn per_second(&self) -> Option<u64> {
        let ((from, before), (to, now)) = (self.0.front()?, self.0.back()?);
        let time = to.saturating_sub(*from);
        let grown = now.saturating_sub(*before);
        // Saturates: it is for a person.
        let rate = (grown as f64 / time.as_secs_f64().max(0.001)) as u64;
        (time >= LEAST && rate > 0).then_some(rate)
    }
}

/// How much time is left, in words, once that is known: `done` of `all` was done in this time.
pub fn left(elapsed: Duration, done: u64, all: u64) -> Option<String> {
    if elapsed < SETTLED || done == 0 || done >= all {
        return None;
    }
    let seconds = elapsed.as_secs_f64() * (all - done) as f64 / done as f64;
    Some(match seconds.ceil() as u64 {
        seconds @ ..60 => format!("{seconds} s left"),
        seconds @ ..5_400 => format!("{} min left", seconds.div_ceil(60)),
        seconds @ ..172_800 => format!("{} h left", seconds.div_ceil(3_600)),
        seconds => format!("{} days left", seconds.div_ceil(86_400)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_known_after_a_second_and_is_that_of_late() {
        let at = Duration::from_secs_f64;
        let mut rate = Rate::default();
        assert_eq!(rate.per_second(), None);
        rate.note(at(0.0), 0);
        rate.note(at(0.5), 500);
        assert_eq!(rate.per_second(), None);
        rate.note(at(1.0), 1_000);
        assert_eq!(rate.per_second(), Some(1_000));
        for second in 2..30 {
            rate.note(at(f64::from(second)), 1_000 + 10 * second as u64);
        }
        assert_eq!(rate.per_second(), Some(10));
        // It stands still, and nothing is said.
        for second in 30..60 {
            rate.note(at(f64::from(second)), 1_290);
        }
        assert_eq!(rate.per_second(), None);
    }

    #[test]
    fn time_left_is_told_once_it_is_known() {
        let told = |seconds, done, all| left(Duration::from_secs(seconds), done, all);
        assert_eq!(told(2, 50, 100), None);
        assert_eq!(told(10, 0, 100), None);
        assert_eq!(told(10, 0, 0), None);
        assert_eq!(told(10, 100, 100), None);
        assert_eq!(told(10, 200, 100), None);
        assert_eq!(told(10, 50, 100).as_deref(), Some("10 s left"));
        assert_eq!(told(100, 50, 100).as_deref(), Some("2 min left"));
        assert_eq!(told(100, 1, 100).as_deref(), Some("3 h left"));
        assert_eq!(told(100, 1, 1_000_000).as_deref(), Some("1158 days left"));
        assert!(told(u64::MAX, 1, u64::MAX).is_some());
    }
}
