//! Forgetting in a backup folder: its repositories one after the other.

use std::path::{Path, PathBuf};

use forgekeep_durable::lock::{LockError, RunLock};
use forgekeep_failure::Failure;

use super::{Forgotten, Request, forget};
use crate::inventory::Kept;
use crate::layout::{WIKI, lock_file};

/// What came of a mirror.
#[derive(Clone, Debug)]
pub struct OfMirror {
    /// Whole name of the repository: `TITLE/owner/name`.
    pub name: String,
    /// Folder of the mirror below the backup folder, parts joined by `/`.
    pub path: String,
    /// What was done.
    pub result: Result<Forgotten, Failure>,
}

/// Forgets in repositories of a backup folder, until interrupted; `done` is told of each mirror. A
/// failure is its mirror's own.
///
/// # Errors
///
/// [`LockError`], if a backup is under way for instance.
pub fn run(
    local_folder: &Path,
    repositories: &[&Kept],
    request: Request<'_>,
    done: &mut dyn FnMut(&OfMirror),
) -> Result<(), LockError> {
    let _lock = match request.dry_run {
        true => None,
        false => Some(RunLock::take(&lock_file(local_folder))?),
    };
    for kept in repositories {
        let is_meant = |mirror: &PathBuf| {
            request.snapshots.is_empty() || mirror.ends_with(WIKI) == request.wiki
        };
        for mirror in kept.mirrors().filter(is_meant) {
            if request.cancel.is_cancelled() {
                return Ok(());
            }
            let below = mirror.file_name().unwrap_or_default().to_string_lossy();
            done(&OfMirror {
                name: kept.name().printable(),
                path: format!("{}/{below}", kept.path),
                result: forget(&mirror, request),
            });
        }
    }
    Ok(())
}
