//! What comes of mirroring a repository.

use git2::Oid;
use serde::Serialize;

use crate::Failure;
use crate::hoster::Finding;
use crate::refs::{RefName, StoredRefs};
use crate::snapshot::{Change, Changes, Counts, Entry, SnapshotId, Tips};

/// How a mirror came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mirrored {
    /// It is new.
    Cloned,
    /// Something changed.
    Updated,
    /// Nothing changed.
    Unchanged,
    /// Upstream has no ref at all.
    Empty,
}

/// How many refs changed, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RefChanges {
    /// New ones.
    pub created: usize,
    /// Moved forward.
    pub updated: usize,
    /// Moved elsewhere: the old tip is kept.
    pub forced: usize,
    /// Gone upstream: the old tip is kept.
    pub deleted: usize,
}

impl From<&Changes> for RefChanges {
    fn from(changes: &Changes) -> Self {
        let counts = Counts::new(&Tips::new(), changes);
        Self {
            created: counts.created,
            updated: counts.updated,
            forced: counts.forced,
            deleted: counts.deleted,
        }
    }
}

/// Branches that upstream has rewritten or deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// How many.
    pub branches: usize,
    /// How many there were.
    pub of: usize,
}

impl Lost {
    /// `is_there` tells whether upstream still has an old tip, under whatever name.
    pub(super) fn new(
        stored: &StoredRefs,
        changes: &Changes,
        is_there: impl Fn(&Oid) -> bool,
    ) -> Self {
        let lost = left(changes).filter(|oid| !is_there(oid));
        Self {
            branches: lost.count(),
            of: stored.refs.keys().filter(|name| is_branch(name)).count(),
        }
    }
}

fn is_branch(name: &RefName) -> bool {
    name.starts_with(b"refs/heads/")
}

/// The tips that branches had before they were rewritten or deleted.
pub(super) fn left(changes: &Changes) -> impl Iterator<Item = Oid> {
    let branches = changes.refs.iter().filter(|(name, _)| is_branch(name));
    branches.filter_map(|(_, change)| match change {
        Change::Forced(old, _) | Change::Deleted(old) => Some(*old),
        Change::Created(_) | Change::Updated(..) => None,
    })
}

/// What came of mirroring a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How it came out.
    pub mirrored: Mirrored,
    /// What changed.
    pub refs: RefChanges,
    /// Bytes received in packs.
    pub bytes_received: u64,
    /// The snapshot of the new state, if it is new.
    pub snapshot: Option<SnapshotId>,
    /// What upstream has lost.
    pub lost: Lost,
    /// Something worth knowing that is no failure.
    pub note: Option<String>,
    /// Something that somebody should look at.
    pub alarm: Option<String>,
    /// Whether the mirror was there without a snapshot.
    pub had_no_snapshot: bool,
    /// The newest snapshot that it was found with; `None` if it had none, or was not there.
    pub newest_before: Option<Entry>,
    /// What somebody should know although all is well.
    pub warnings: Vec<Finding>,
    /// Parts that are not backed up, each named, with the reason: the repository is partial.
    pub left_out: Vec<Failure>,
}
