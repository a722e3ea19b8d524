//! The flag that ends a run early.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::Failure;
use parking_lot::{Condvar, Mutex, MutexGuard};

/// Shared by everything that may take long; set once, by a signal.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    set: Condvar,
}

#[derive(Default)]
struct State {
    is_set: bool,
    next: u64,
    told: HashMap<u64, Arc<dyn Fn() + Send + Sync>>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} to be told)", self.is_set, self.told.len())
    }
}

/// As long as it lives, somebody is told when the flag is set.
#[derive(Debug)]
#[must_use]
pub struct Told {
    cancel: Cancel,
    id: u64,
}

impl Drop for Told {
    fn drop(&mut self) {
        let gone = self.cancel.state().told.remove(&self.id);
        // What it holds may take a while to drop.
        drop(gone);
    }
}

impl Cancel {
    /// A flag that is not set.
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock()
    }

    /// Sets the flag, and wakes whoever waits. For a signal-handling thread.
    pub fn cancel(&self) {
        let mut state = self.state();
        state.is_set = true;
        let told: Vec<_> = state.told.values().cloned().collect();
        drop(state);
        self.0.set.notify_all();
        for tell in told {
            tell();
        }
    }

    /// Has somebody told when the flag is set; at once, if it is. It may come twice.
    pub fn tell(&self, tell: impl Fn() + Send + Sync + 'static) -> Told {
        let tell = Arc::new(tell);
        let mut state = self.state();
        let id = state.next;
        state.next += 1;
        state.told.insert(id, Arc::clone(&tell) as _);
        let is_set = state.is_set;
        drop(state);
        if is_set {
            tell();
        }
        Told {
            cancel: self.clone(),
            id,
        }
    }

    /// Whether the flag is set.
    pub fn is_cancelled(&self) -> bool {
        self.state().is_set
    }

    /// What a failure really was: an interruption cuts every connection.
    pub fn explain(&self, failure: Failure) -> Failure {
        if self.is_cancelled() {
            Failure::cancelled()
        } else {
            failure
        }
    }

    /// For use with `?`.
    ///
    /// # Errors
    ///
    /// The run was interrupted.
    pub fn check(&self) -> Result<(), Failure> {
        if self.is_cancelled() {
            Err(Failure::cancelled())
        } else {
            Ok(())
        }
    }

    /// Waits, but no longer than until the flag is set.
    ///
    /// # Errors
    ///
    /// The run was interrupted.
    pub fn wait(&self, time: Duration) -> Result<(), Failure> {
        let mut state = self.state();
        self.0
            .set
            .wait_while_for(&mut state, |state| !state.is_set, time);
        if state.is_set {
            Err(Failure::cancelled())
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interruption_ends_a_wait() {
        let cancel = Cancel::new();
        cancel.wait(Duration::from_millis(1)).unwrap();
        let other = cancel.clone();
        let waiter = std::thread::spawn(move || other.wait(Duration::from_secs(3600)));
        cancel.cancel();
        assert!(waiter.join().unwrap().is_err());
    }

    #[test]
    fn those_are_told_who_still_want_to_be() {
        use std::sync::atomic::{AtomicUsize, Ordering};

        let cancel = Cancel::new();
        let count = Arc::new(AtomicUsize::new(0));
        let tell = || {
            let count = Arc::clone(&count);
            cancel.tell(move || {
                count.fetch_add(1, Ordering::SeqCst);
            })
        };
        let kept = tell();
        drop(tell());
        cancel.cancel();
        assert_eq!(count.load(Ordering::SeqCst), 1);
        let late = tell();
        assert_eq!(count.load(Ordering::SeqCst), 2);
        drop((kept, late));
    }
}
