//! One run at a time in one backup folder.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Failure;

/// Folder below the backup folder for what is Forgekeep's own.
pub const OWN_FOLDER: &str = ".forgekeep";

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
#[derive(Debug)]
pub enum LockError {
    /// Another run has it; who, as far as it could be read.
    Held(PathBuf, Option<Holder>),
    /// The disk.
    Disk(Failure),
}

impl RunLock {
    /// Takes the lock of a backup folder, which exists.
    pub fn take(local_folder: &Path) -> Result<Self, LockError> {
        let own = local_folder.join(OWN_FOLDER);
        let path = own.join("lock");
        let disk = |error: &io::Error| LockError::Disk(Failure::disk("lock", &path, error));
        fs::create_dir_all(&own).map_err(|error| disk(&error))?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| disk(&error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let _ = file.read_to_string(&mut text);
                return Err(LockError::Held(path, serde_json::from_str(&text).ok()));
            }
            Err(TryLockError::Error(error)) => return Err(disk(&error)),
        }
        let holder = Holder {
            host: gethostname::gethostname().to_string_lossy().into_owned(),
            pid: std::process::id(),
            since: Timestamp::now(),
        };
        let text = serde_json::to_vec(&holder).unwrap_or_default();
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(&text))
            .map_err(|error| disk(&error))?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_is_first_and_a_dead_one_never_blocks() {
        let folder = tempfile::tempdir().unwrap();
        let first = RunLock::take(folder.path()).unwrap();
        let Err(LockError::Held(_, Some(holder))) = RunLock::take(folder.path()) else {
            panic!("the lock was given twice");
        };
        assert_eq!(holder.pid, std::process::id());
        drop(first);
        // The file is still there, as after a kill; the lock is not.
        assert!(folder.path().join(OWN_FOLDER).join("lock").exists());
        RunLock::take(folder.path()).unwrap();
    }
}
