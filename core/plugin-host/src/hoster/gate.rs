//! How many calls of one source are under way at a time.

use std::time::Duration;

use forgekeep_failure::{Cancel, Failure};
use parking_lot::{Condvar, Mutex};

/// How often a waiting call looks for an interruption.
const GLANCE: Duration = Duration::from_millis(100);

/// Lets as many calls in as a plugin answers at a time: the clock of a call runs from its beginning, so
/// one that waited inside would run out of time by no fault of its own.
pub(super) struct Gate {
    state: Mutex<State>,
    left: Condvar,
}

struct State {
    most: usize,
    inside: usize,
}

/// A call that was let in.
pub(super) struct Inside<'gate>(&'gate Gate);

impl Gate {
    pub(super) fn new(most: usize) -> Self {
        Self {
            state: Mutex::new(State {
                most: most.max(1),
                inside: 0,
            }),
            left: Condvar::new(),
        }
    }

    /// Waits for a place.
    pub(super) fn enter(&self, cancel: &Cancel) -> Result<Inside<'_>, Failure> {
        let mut state = self.state.lock();
        loop {
            cancel.check()?;
            if state.inside < state.most {
                state.inside += 1;
                return Ok(Inside(self));
            }
            self.left.wait_for(&mut state, GLANCE);
        }
    }

    /// From now on one at a time: with several under way, nobody knew which one had ended the process.
    pub(super) fn narrow(&self) {
        self.state.lock().most = 1;
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.state.lock().inside -= 1;
        self.0.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn no_more_than_its_number_are_inside_and_one_after_it_was_narrowed() {
        let (gate, cancel) = (Gate::new(3), Cancel::new());
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let run = || {
            thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        let inside = gate.enter(&cancel);
                        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        thread::yield_now();
                        now.fetch_sub(1, Ordering::SeqCst);
                        drop(inside);
                    });
                }
            });
            most.swap(0, Ordering::SeqCst)
        };
        assert!(run() <= 3);
        gate.narrow();
        assert_eq!(run(), 1);
        cancel.cancel();
        assert!(gate.enter(&cancel).is_err());
    }
}
