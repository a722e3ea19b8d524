//! Marks of runs that have begun: `.forgekeep/runs/<number>.begun`, made before a run writes
//! anything else, and removed when its report is kept. One that is left tells of a run that died.
//!
//! A run holds a lock on its mark, so that it can be told from a dead one without the run lock.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use forgekeep_durable::{atomic_file, regular_file};
use forgekeep_failure::Failure;
use forgekeep_untrusted::{Printable, Show as _, Untrusted};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

const ENDING: &str = ".begun";

/// Most bytes of a mark.
const MAX_BYTES: u64 = 64 * 1024;

/// No run has such a number: what somebody has made up must not use them up.
const MOST: u64 = 1_000_000_000_000;

#[derive(Deserialize, Serialize)]
struct Content {
    run: u64,
    started: Timestamp,
    host: String,
    pid: u32,
}

/// A run that has begun, and of which no report is kept.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Died {
    /// Its number.
    pub run: u64,
    /// When it began, as far as its mark can be read.
    pub started: Option<Timestamp>,
    /// File that tells of it.
    pub mark: Printable,
}

/// A run that has begun and has not ended.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnderWay {
    /// Its number.
    pub run: u64,
    /// When it began, as far as its mark can be read.
    pub started: Option<Timestamp>,
}

/// Whether a file's name is that of a mark; if so, the run's number.
pub fn number(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(ENDING)?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    digits.parse().ok().filter(|number| plain && *number < MOST)
}

/// Where a run's mark is.
pub(super) fn path(folder: &Path, run: u64) -> PathBuf {
    folder.join(format!("{run}{ENDING}"))
}

/// Makes a run's mark. It is locked as long as the file is open.
pub(super) fn make(folder: &Path, run: u64, started: Timestamp) -> Result<File, Failure> {
    let path = path(folder, run);
    let failed = |error: std::io::Error| Failure::disk("write", &path, &error);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    let mut file = options.open(&path).map_err(failed)?;
    // Without locks, a run that is under way looks like a dead one: no more.
    let _ = file.try_lock();
    let content = Content {
        run,
        started,
        host: Untrusted::of_path(gethostname::gethostname()).into_raw(),
        pid: std::process::id(),
    };
    let mut text = serde_json::to_vec(&content).unwrap_or_default();
    text.push(b'\n');
    file.write_all(&text).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    atomic_file::sync_parent(&path)?;
    Ok(file)
}

/// Removes a mark: its run has left a report, or it was told that it died.
pub(super) fn remove(folder: &Path, run: u64) -> Result<(), Failure> {
    let path = path(folder, run);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::disk("remove", &path, &error))
        }
        _ => Ok(()),
    }
}

/// What a mark tells of a run; `None` if that is under way, or has ended meanwhile.
pub(super) fn read(folder: &Path, run: u64) -> Option<Died> {
    let path = path(folder, run);
    let told = |started| {
        Some(Died {
            run,
            started,
            mark: path.shown().into(),
        })
    };
    let Ok(file) = regular_file::open(&path) else {
        return match path.symlink_metadata() {
            Ok(_) => told(None),
            Err(_) => None,
        };
    };
    if let Err(TryLockError::WouldBlock) = file.try_lock_shared() {
        return None;
    }
    drop(file);
    let bytes = regular_file::read_at_most(&path, MAX_BYTES).ok()?;
    let content = serde_json::from_slice::<Content>(&bytes).ok();
    told(content.map(|content| content.started))
}

/// The run of a mark, if it is under way: it holds a lock on it.
pub(super) fn under_way(folder: &Path, run: u64) -> Option<UnderWay> {
    let path = path(folder, run);
    let file = regular_file::open(&path).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => {}
        _ => return None,
    }
    let bytes = regular_file::read_at_most(&path, MAX_BYTES).ok();
    let content = bytes.and_then(|bytes| serde_json::from_slice::<Content>(&bytes).ok());
    Some(UnderWay {
        run,
        started: content.map(|content| content.started),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_names_are_marks() {
        assert_eq!(number("7.begun"), Some(7));
        for name in [
            ".begun",
            "0.begun",
            "007.begun",
            "+7.begun",
            "7.begun.damaged",
            "1000000000000.begun",
            "99999999999999999999999.begun",
        ] {
            assert_eq!(number(name), None, "{name}");
        }
    }
}
