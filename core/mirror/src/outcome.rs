//! What comes of mirroring a repository.

use forgekeep_failure::{Failure, Finding};
use forgekeep_git::refs::{RefName, StoredRefs};
use forgekeep_store::report::{Lost, RefChanges, RepositoryOutcome, RepositoryReport};
use forgekeep_store::snapshot::{Change, Changes, Counts, SnapshotFile, SnapshotId, Tips};
use git2::Oid;
use serde::Serialize;

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

/// How refs changed, counted.
pub(super) fn count(changes: &Changes) -> RefChanges {
    let counts = Counts::new(&Tips::new(), changes);
    RefChanges {
        created: counts.created,
        updated: counts.updated,
        forced: counts.forced,
        deleted: counts.deleted,
    }
}

/// What upstream has lost; `is_there` tells whether it still has an old tip, under whatever name.
pub(super) fn lost(
    stored: &StoredRefs,
    changes: &Changes,
    is_there: impl Fn(&Oid) -> bool,
) -> Lost {
    let lost = left(changes).filter(|oid| !is_there(oid));
    Lost {
        branches: lost.count(),
        of: stored.refs.keys().filter(|name| is_branch(name)).count(),
    }
}

fn is_branch(name: &RefName) -> bool {
    name.starts_with(b"refs/heads/")
}

/// The tips that branches had before they were rewritten or deleted upstream.
pub(super) fn left(changes: &Changes) -> impl Iterator<Item = Oid> {
    let is_of_upstream = |name: &RefName| is_branch(name) && !changes.left_out.contains(name);
    let branches = (changes.refs.iter()).filter(move |(name, _)| is_of_upstream(name));
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
    pub alert: Option<String>,
    /// Whether the mirror was there without a snapshot.
    pub had_no_snapshot: bool,
    /// The newest snapshot that it was found with; `None` if it had none, or was not there.
    pub newest_before: Option<SnapshotFile>,
    /// What somebody should know although all is well.
    pub warnings: Vec<Finding>,
    /// Parts that are not backed up, each named, with the reason: the repository is partial.
    pub left_out: Vec<Failure>,
}

impl From<Mirrored> for RepositoryOutcome {
    fn from(mirrored: Mirrored) -> Self {
        match mirrored {
            Mirrored::Cloned => Self::Cloned,
            Mirrored::Updated => Self::Updated,
            Mirrored::Unchanged => Self::Unchanged,
            Mirrored::Empty => Self::Empty,
        }
    }
}

impl Outcome {
    /// Puts it into the report of its repository.
    #[must_use]
    pub fn enter(&self, mut report: RepositoryReport) -> RepositoryReport {
        report.outcome = self.mirrored.into();
        report.refs = self.refs;
        report.bytes_received += self.bytes_received;
        report.snapshot.clone_from(&self.snapshot);
        report.lost = Some(self.lost);
        if let Some(note) = &self.note {
            report.add_note(note);
        }
        report.warnings.extend(self.warnings.iter().cloned());
        let left_out = self.left_out.iter().cloned();
        left_out.fold(report, RepositoryReport::without_part)
    }
}
