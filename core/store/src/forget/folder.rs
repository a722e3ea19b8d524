//! Forgetting in a backup folder: its repositories one after the other.

use std::path::Path;

use forgekeep_durable::lock::{LockError, RunLock};
use forgekeep_failure::Failure;
use forgekeep_untrusted::{Printable, Untrusted};

use super::{Forgotten, Request, forget};
use crate::inventory::Kept;
use crate::layout::lock_file;
use crate::part::{Part, PartKind};

/// What came of a part.
#[derive(Clone, Debug)]
pub struct OfPart {
    /// Whole name of the repository: `TITLE/owner/name`.
    pub name: Printable,
    /// Folder of the part below the backup folder, parts joined by `/`.
    pub path: Untrusted,
    /// What was done.
    pub result: Result<Forgotten, Failure>,
}

/// Forgets in repositories of a backup folder, until interrupted; `done` is told of each part. A
/// failure is its part's own.
///
/// # Errors
///
/// [`LockError`], if a backup is under way for instance.
pub fn run(
    local_folder: &Path,
    repositories: &[&Kept],
    request: Request<'_>,
    done: &mut dyn FnMut(&OfPart),
) -> Result<(), LockError> {
    let _lock = match request.dry_run {
        true => None,
        false => Some(RunLock::take(&lock_file(local_folder))?),
    };
    for kept in repositories {
        let is_meant = |part: &Part| request.snapshots.is_empty() || part.kind == request.part;
        for part in kept.parts().filter(is_meant) {
            if request.cancel.is_cancelled() {
                return Ok(());
            }
            done(&OfPart {
                name: kept.name().printable(),
                path: format!("{}/{}", kept.path.raw(), part.name).into(),
                result: of_kind(part.kind).prune(&part, request),
            });
        }
    }
    Ok(())
}

/// Drops snapshots of a part, and frees their room.
trait Prune: Sync {
    fn prune(&self, part: &Part, request: Request<'_>) -> Result<Forgotten, Failure>;
}

fn of_kind(kind: PartKind) -> &'static dyn Prune {
    match kind {
        PartKind::Repository | PartKind::Wiki => &Mirror,
    }
}

/// A bare git repository.
struct Mirror;

impl Prune for Mirror {
    fn prune(&self, part: &Part, request: Request<'_>) -> Result<Forgotten, Failure> {
        forget(&part.folder, request)
    }
}
