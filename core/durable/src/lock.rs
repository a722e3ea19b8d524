//! One run at a time in one backup folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_untrusted::{Show as _, Shown, Untrusted};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{mounts, regular_file};

/// Holds the lock until it is dropped. The lock is the operating system's, on an open file, so
/// that a dead run's never blocks; what is in the file only serves to name the run that holds it.
/// On a network file system it holds as far as that file system's locks reach.
#[derive(Debug)]
pub struct RunLock {
    _file: File,
}

/// The run that holds a lock.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Holder {
    /// Name of the machine.
    pub host: String,
    /// Process there.
    pub pid: u32,
    /// When it took the lock.
    pub since: Timestamp,
}

/// Why the lock could not be had.
#[derive(Clone, Debug, Error)]
pub enum LockError {
    /// Another run has it.
    #[error("another run holds {lock}{}", held_by(holder.as_ref()))]
    Held {
        /// The lock file.
        lock: String,
        /// Who holds it, as far as known.
        holder: Option<Holder>,
    },
    /// The backup folder cannot be used.
    #[error("{0}")]
    Folder(Failure),
}

fn held_by(holder: Option<&Holder>) -> String {
    holder.map_or_else(String::new, |holder| {
        format!(
            ": process {} on {}, since {}",
            holder.pid,
            Shown::of(&holder.host),
            holder
                .since
                .round(jiff::Unit::Second)
                .unwrap_or(holder.since)
        )
    })
}

impl LockError {
    /// What to do about it.
    pub fn hint(&self) -> &str {
        match self {
            Self::Held { .. } => "wait until it has finished; a run that has died holds no lock",
            Self::Folder(failure) => &failure.hint,
        }
    }

    /// The same as a failure, for a report.
    pub fn to_failure(&self) -> Failure {
        let kind = match self {
            Self::Held { .. } => ErrorKind::Other,
            Self::Folder(failure) => failure.kind,
        };
        Failure::new(kind, self.to_string()).with_hint(self.hint())
    }
}

impl RunLock {
    /// Takes the lock on a file, which is made if it is not there.
    ///
    /// # Errors
    ///
    /// Another run has it, or the file cannot be used.
    pub fn take(path: &Path) -> Result<Self, LockError> {
        let disk = |error: &io::Error| LockError::Folder(Failure::disk("lock", path, error));
        if let Some(folder) = path.parent() {
            regular_file::make_folder(folder).map_err(LockError::Folder)?;
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = regular_file::open_with(path, &mut options).map_err(|error| disk(&error))?;
        match patiently(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(held(path, &mut file)),
            Err(TryLockError::Error(error)) => return Err(disk(&error)),
        }
        let holder = Holder {
            host: Untrusted::of_path(gethostname::gethostname()).into_raw(),
            pid: std::process::id(),
            since: Timestamp::now(),
        };
        let text = serde_json::to_vec(&holder).unwrap_or_default();
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(&text))
            .map_err(|error| disk(&error))?;
        if let Some(kind) = network_file_system(path) {
            log::warn!(
                "the backup folder is on {kind}: the lock excludes other runs on this machine, \
                and runs on other machines only if the server supports locks"
            );
        }
        Ok(Self { _file: file })
    }
}

/// Locks the file. Somebody may [look] at this very moment, who lets go at once.
fn patiently(file: &File) -> Result<(), TryLockError> {
    for _ in 0..3 {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(20)),
            done => return done,
        }
    }
    file.try_lock()
}

/// Who holds the lock on a file, if anybody does. Nothing is written.
///
/// # Errors
///
/// What would keep a run from taking the lock but another run.
pub fn look(path: &Path) -> Result<Option<LockError>, LockError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    let mut file = match regular_file::open_with(path, &mut options) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(LockError::Folder(Failure::disk("lock", path, &error))),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(Some(held(path, &mut file))),
        Err(TryLockError::Error(error)) => {
            Err(LockError::Folder(Failure::disk("lock", path, &error)))
        }
    }
}

fn held(lock: &Path, file: &mut File) -> LockError {
    let mut text = String::new();
    let _ = file.read_to_string(&mut text);
    LockError::Held {
        lock: lock.shown().to_string(),
        holder: serde_json::from_str(&text).ok(),
    }
}

/// The kind of file system a path is on, if it is one over a network.
fn network_file_system(path: &Path) -> Option<String> {
    const OVER_NETWORK: [&str; 10] = [
        "9p",
        "afs",
        "ceph",
        "cifs",
        "fuse.sshfs",
        "glusterfs",
        "lustre",
        "nfs",
        "nfs4",
        "smb3",
    ];
    let kind = mounts::file_system(path)?;
    OVER_NETWORK.contains(&kind.as_str()).then_some(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_is_first_and_a_dead_one_never_blocks() {
        let folder = tempfile::tempdir().unwrap();
        let lock = folder.path().join("own/lock");
        let first = RunLock::take(&lock).unwrap();
        let Err(LockError::Held {
            holder: Some(holder),
            ..
        }) = RunLock::take(&lock)
        else {
            panic!("the lock was given twice");
        };
        assert_eq!(holder.pid, std::process::id());
        drop(first);
        // The file is still there, as after a kill; the lock is not.
        assert!(lock.exists());
        RunLock::take(&lock).unwrap();
    }
}
