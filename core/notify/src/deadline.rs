//! How long telling may take.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use forgekeep_failure::Cancel;

/// How long it may take in all.
const TIME: Duration = Duration::from_secs(30);

/// The same once a signal has come.
const AFTER_SIGNAL: Duration = Duration::from_secs(10);

/// When everybody has to be told.
#[derive(Debug)]
pub struct Deadline {
    end: Instant,
    cancel: Cancel,
    signal: OnceLock<Instant>,
}

impl Deadline {
    /// From now on. `cancel` says that a signal has come.
    pub fn for_telling(cancel: Cancel) -> Self {
        Self::within(TIME, cancel)
    }

    /// From now on, after another time than usual.
    pub fn within(time: Duration, cancel: Cancel) -> Self {
        Self {
            end: Instant::now() + time,
            cancel,
            signal: OnceLock::new(),
        }
    }

    /// How much is left of it.
    pub fn left(&self) -> Duration {
        let now = Instant::now();
        let mut end = self.end;
        if self.cancel.is_cancelled() {
            end = end.min(*self.signal.get_or_init(|| now) + AFTER_SIGNAL);
        }
        end.saturating_duration_since(now)
    }

    /// Whether it is over.
    pub fn is_over(&self) -> bool {
        self.left().is_zero()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_leaves_less() {
        let cancel = Cancel::new();
        let deadline = Deadline::for_telling(cancel.clone());
        assert!(deadline.left() > AFTER_SIGNAL);
        cancel.cancel();
        assert!(deadline.left() <= AFTER_SIGNAL);
        assert!(!deadline.is_over());
        assert!(Deadline::within(Duration::ZERO, cancel).is_over());
    }
}
