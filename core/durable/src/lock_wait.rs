//! Waiting for the lock of another run, and giving way to one that waits.
//!
//! Who waits holds a shared lock on a file beside the lock's, so that whoever has the lock and can end early
//! may look whether it is wanted. As with the lock itself, nothing of that outlives a process.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use forgekeep_failure::Cancel;

use crate::lock::{LockError, RunLock, look};
use crate::regular_file;

/// How often it is looked whether the lock is free.
const LOOK: Duration = Duration::from_millis(100);

/// Takes the lock on a file, and waits for at most so long while another run has it.
///
/// # Errors
///
/// Another run still has it, or the file cannot be used; at once if it is cancelled.
pub fn take(path: &Path, most: Duration, cancel: &Cancel) -> Result<RunLock, LockError> {
    wait(most, cancel, path, || RunLock::take(path))
}

/// The same without taking it, and without a file where there is none.
///
/// # Errors
///
/// As for [`take`].
pub fn until_free(path: &Path, most: Duration, cancel: &Cancel) -> Result<(), LockError> {
    wait(most, cancel, path, || look(path)?.map_or(Ok(()), Err))
}

fn wait<T>(
    most: Duration,
    cancel: &Cancel,
    path: &Path,
    attempt: impl Fn() -> Result<T, LockError>,
) -> Result<T, LockError> {
    let begun = Instant::now();
    let mut waiting = None;
    loop {
        let held = match attempt() {
            Err(held @ LockError::Held { .. }) => held,
            done => return done,
        };
        if begun.elapsed() >= most || cancel.is_cancelled() {
            return Err(held);
        }
        if waiting.is_none() {
            log::info!("{held}: waiting for it");
            waiting = announce(path);
        }
        thread::sleep(LOOK.min(most.saturating_sub(begun.elapsed())));
    }
}

/// Whether somebody waits for the lock on a file.
pub fn is_wanted(path: &Path) -> bool {
    let mut options = OpenOptions::new();
    let file = regular_file::open_with(&waiting(path), options.read(true).write(true));
    file.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

/// Says that somebody waits, as long as the file is open. Where that cannot be said, nobody gives way.
fn announce(path: &Path) -> Option<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let file = regular_file::open_with(&waiting(path), &mut options).ok()?;
    // Somebody may look at this very moment, who lets go at once.
    for _ in 0..50 {
        match file.try_lock_shared() {
            Ok(()) => return Some(file),
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(2)),
            Err(TryLockError::Error(_)) => break,
        }
    }
    None
}

fn waiting(path: &Path) -> PathBuf {
    path.with_extension("waiting")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_is_seen_and_gets_the_lock_once_it_is_free() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own/lock");
        let cancel = Cancel::new();
        let first = RunLock::take(&path).unwrap();
        assert!(!is_wanted(&path));
        thread::scope(|scope| {
            let second = scope.spawn(|| take(&path, Duration::from_secs(60), &cancel).is_ok());
            while !is_wanted(&path) {
                thread::yield_now();
            }
            drop(first);
            assert!(second.join().unwrap());
        });
        assert!(!is_wanted(&path));
    }

    #[test]
    fn nobody_waits_longer_than_is_said_or_once_it_is_cancelled() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own/lock");
        let _first = RunLock::take(&path).unwrap();
        let cancel = Cancel::new();
        let held = |most, cancel: &Cancel| {
            let taken = take(&path, most, cancel);
            matches!(taken, Err(LockError::Held { .. }))
        };
        assert!(held(Duration::ZERO, &cancel));
        assert!(held(Duration::from_millis(1), &cancel));
        cancel.cancel();
        assert!(held(Duration::from_secs(600), &cancel));
        assert!(until_free(&folder.path().join("none"), Duration::ZERO, &cancel).is_ok());
        assert!(!folder.path().join("none").exists());
    }
}
