//! `snapshots --json`.

use forgekeep_failure::{ExitCode, Failure};
use forgekeep_git::refs::ref_text;
use forgekeep_store::inventory::Kept;
use forgekeep_store::snapshot::{Counts, Origin, Snapshot, SnapshotFile, SnapshotId};
use forgekeep_untrusted::Untrusted;
use jiff::Timestamp;
use serde::Serialize;

use crate::SCHEMA;

/// What `forgekeep snapshots --json` prints.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotsDocument {
    /// Version of this format.
    #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
    schema: u32,
    /// Exit code of the process.
    exit_code: ExitCode,
    /// Whole name: `TITLE/owner/name`.
    repository: Untrusted,
    /// The hoster's immutable identity, where it is known.
    id: Option<Untrusted>,
    /// Folder below the backup folder, parts joined by `/`.
    path: Untrusted,
    /// Its snapshots, the oldest first.
    snapshots: Vec<SnapshotListed>,
}

/// A snapshot.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SnapshotListed {
    /// Its id, for `--at`.
    id: SnapshotId,
    /// Its number, which only grows.
    number: u64,
    /// When the refs were read.
    time: Timestamp,
    /// What is in it, if it can be read.
    #[serde(flatten)]
    content: Option<Content>,
    /// Why it cannot be read, if so.
    error: Option<Failure>,
}

/// What is in a snapshot.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    /// Full name of the repository then.
    name: Untrusted,
    /// Why it was made.
    origin: Origin,
    /// The ref that `HEAD` pointed to, or the commit, where known.
    head: Option<Untrusted>,
    /// Its refs, and how many changed.
    counts: Counts,
}

impl SnapshotsDocument {
    /// Of a repository's snapshots, as far as they can be read.
    pub fn new(
        exit_code: ExitCode,
        kept: &Kept,
        read: &[(&SnapshotFile, Result<Snapshot, Failure>)],
    ) -> Self {
        Self {
            schema: SCHEMA,
            exit_code,
            repository: kept.name(),
            id: kept.id().cloned(),
            path: kept.path.clone(),
            snapshots: read.iter().map(|(entry, read)| of(entry, read)).collect(),
        }
    }
}

fn of(entry: &SnapshotFile, read: &Result<Snapshot, Failure>) -> SnapshotListed {
    let content = read.as_ref().ok().map(|snapshot| Content {
        name: snapshot.identity.full_name.clone(),
        origin: snapshot.origin,
        head: snapshot.head.as_deref().map(ref_text),
        counts: snapshot.counts,
    });
    SnapshotListed {
        id: entry.id.clone(),
        number: entry.number,
        time: entry.time,
        content,
        error: read.as_ref().err().cloned(),
    }
}
