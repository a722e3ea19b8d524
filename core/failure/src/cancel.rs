//! The flag that ends a run early.

use std::sync::Arc;
use std::time::Duration;

use crate::Failure;
use parking_lot::{Condvar, Mutex, MutexGuard};

/// Shared by everything that may take long; set once, by a signal.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<(Mutex<bool>, Condvar)>);

impl Cancel {
    /// A flag that is not set.
    pub fn new() -> Self {
        Self::default()
    }

    fn flag(&self) -> MutexGuard<'_, bool> {
        self.0.0.lock()
    }

    /// Sets the flag, and wakes whoever waits. For a signal-handling thread.
    pub fn cancel(&self) {
        *self.flag() = true;
        self.0.1.notify_all();
    }

    /// Whether the flag is set.
    pub fn is_cancelled(&self) -> bool {
        *self.flag()
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
        let mut flag = self.flag();
        self.0
            .1
            .wait_while_for(&mut flag, |cancelled| !*cancelled, time);
        if *flag {
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
}
