//! Restoring the parts of a repository, each in the way of its kind.

use std::path::Path;
use std::sync::atomic::AtomicU64;

use forgekeep_failure::{Cancel, Failure};
use forgekeep_store::part::{Part, PartKind};
use jiff::Timestamp;

use super::{Chosen, Order, RestorePoint, Restored, choose, restore};

/// How a part is restored.
#[derive(Clone, Copy, Debug)]
pub struct Manner<'a> {
    /// Which state; by default the newest.
    pub point: Option<&'a RestorePoint>,
    /// Without a work tree.
    pub bare: bool,
    /// The largest object that is held in memory to be checked out: `options.limits.objectBytes`.
    pub object_bytes: u64,
    /// Whether it may be in the backup folder: for what is removed again.
    pub in_backup: bool,
    /// Counts the bytes that are copied, for whoever shows how far it is.
    pub copied: Option<&'a AtomicU64>,
}

/// Restores a part into a folder, which is new, or empty. Also tells which state it is in now.
///
/// # Errors
///
/// Nothing that looks like a repository is left then, unless it is all there but for a work tree that
/// git has to check out; this is said. [`ErrorKind::ForeignFolder`](forgekeep_failure::ErrorKind::ForeignFolder)
/// if something is in the way, [`ErrorKind::NotFound`](forgekeep_failure::ErrorKind::NotFound) if there
/// is no such state, [`ErrorKind::Damaged`](forgekeep_failure::ErrorKind::Damaged) if something is
/// missing.
pub fn restore_part(
    part: &Part,
    target: &Path,
    manner: Manner<'_>,
    cancel: &Cancel,
) -> Result<(Chosen, Restored), Failure> {
    of_kind(part.kind).restore(part, target, manner, cancel)
}

/// Brings a part back.
pub(super) trait Restore: Sync {
    /// What is added to the repository's name for it, where all are restored side by side.
    fn ending(&self) -> &'static str;

    /// Whether it is known to have come into the backup after a time only.
    fn is_younger(&self, part: &Part, time: Timestamp) -> bool;

    /// As [`restore_part`].
    fn restore(
        &self,
        part: &Part,
        target: &Path,
        manner: Manner<'_>,
        cancel: &Cancel,
    ) -> Result<(Chosen, Restored), Failure>;
}

pub(super) fn of_kind(kind: PartKind) -> &'static dyn Restore {
    match kind {
        PartKind::Repository => &Mirror { ending: "" },
        PartKind::Wiki => &Mirror { ending: ".wiki" },
    }
}

/// A bare git repository.
struct Mirror {
    ending: &'static str,
}

impl Restore for Mirror {
    fn ending(&self) -> &'static str {
        self.ending
    }

    fn is_younger(&self, part: &Part, time: Timestamp) -> bool {
        part.snapshots().entries().is_ok_and(|entries| {
            !entries.is_empty() && entries.iter().all(|entry| entry.time > time)
        })
    }

    fn restore(
        &self,
        part: &Part,
        target: &Path,
        manner: Manner<'_>,
        cancel: &Cancel,
    ) -> Result<(Chosen, Restored), Failure> {
        let chosen = choose(&part.folder, manner.point)?;
        let order = Order {
            mirror: &part.folder,
            chosen: &chosen,
            target,
            bare: manner.bare,
            object_bytes: manner.object_bytes,
            in_backup: manner.in_backup,
            copied: manner.copied,
        };
        let restored = restore(&order, cancel)?;
        Ok((chosen, restored))
    }
}
