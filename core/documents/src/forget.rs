//! `forget --json`.

use forgekeep_failure::{ExitCode, Failure};
use forgekeep_store::forget::{OfPart, Pruned, Reason};
use forgekeep_store::snapshot::{SnapshotFile, SnapshotId};
use forgekeep_untrusted::{Printable, Untrusted};
use jiff::Timestamp;
use serde::Serialize;

use crate::SCHEMA;

/// What `forgekeep forget --json` prints.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ForgetDocument<'a> {
    /// Version of this format.
    #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
    schema: u32,
    /// Exit code of the process.
    exit_code: ExitCode,
    /// Whether nothing was changed, as that was asked for.
    dry_run: bool,
    /// The mirrors, wikis too.
    mirrors: &'a [ForgetPart],
}

/// What came of a mirror.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Serialize)]
pub struct ForgetPart {
    /// Whole name of the repository: `TITLE/owner/name`.
    name: Printable,
    /// Folder of the mirror below the backup folder, parts joined by `/`.
    path: Untrusted,
    /// Snapshots that are kept.
    kept: Vec<KeptSnapshot>,
    /// Snapshots that are forgotten.
    pub forgotten: Vec<ForgottenSnapshot>,
    /// What pruning has removed.
    pub pruned: Pruned,
    /// Why it failed, if so.
    pub error: Option<Failure>,
}

/// A snapshot that is kept.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Serialize)]
struct KeptSnapshot {
    /// Which one.
    #[serde(flatten)]
    snapshot: ForgottenSnapshot,
    /// Why it is kept.
    reasons: Vec<Reason>,
}

/// A snapshot.
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Snapshot"))]
#[derive(Debug, Serialize)]
pub struct ForgottenSnapshot {
    /// Its id.
    id: SnapshotId,
    /// When the refs were read.
    time: Timestamp,
}

impl<'a> ForgetDocument<'a> {
    /// Of what came of each mirror.
    pub fn new(exit_code: ExitCode, dry_run: bool, mirrors: &'a [ForgetPart]) -> Self {
        Self {
            schema: SCHEMA,
            exit_code,
            dry_run,
            mirrors,
        }
    }
}

impl From<&OfPart> for ForgetPart {
    fn from(part: &OfPart) -> Self {
        let done = part.result.clone().unwrap_or_default();
        let kept = done.kept.iter().map(|(entry, reasons)| KeptSnapshot {
            snapshot: entry.into(),
            reasons: reasons.clone(),
        });
        Self {
            name: part.name.clone(),
            path: part.path.clone(),
            kept: kept.collect(),
            forgotten: done.dropped.iter().map(Into::into).collect(),
            pruned: done.pruned,
            error: part.result.as_ref().err().cloned(),
        }
    }
}

impl From<&SnapshotFile> for ForgottenSnapshot {
    fn from(entry: &SnapshotFile) -> Self {
        Self {
            id: entry.id.clone(),
            time: entry.time,
        }
    }
}
