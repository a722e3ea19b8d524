//! As much of a repository's report as is kept in memory of an earlier run's: all of it is read, one
//! at a time.

use forgekeep_failure::Failure;
use forgekeep_untrusted::{Printable, Untrusted};
use serde::Deserialize;

use super::{RefChanges, RepositoryOutcome, RepositoryReport};

/// What came of a repository, in brief.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "RepositoryReport")]
pub struct Brief {
    /// The hoster's immutable identity.
    pub id: Printable,
    /// Full name at the hoster.
    pub name: Printable,
    /// Folder below the backup folder, parts joined by `/`; empty for one that was left out.
    pub path: Untrusted,
    /// How it came out.
    pub outcome: RepositoryOutcome,
    /// Why it failed, or which part of it is not backed up, and why.
    pub error: Option<Box<Failure>>,
    /// How its refs changed.
    pub refs: RefChanges,
    /// How much upstream has rewritten or deleted, if that is worth an alert.
    pub alert: Option<Printable>,
}

impl From<RepositoryReport> for Brief {
    fn from(report: RepositoryReport) -> Self {
        Self {
            id: report.id,
            name: report.name,
            path: report.path,
            outcome: report.outcome,
            error: report.error.map(Box::new),
            refs: report.refs,
            alert: report.alert,
        }
    }
}
