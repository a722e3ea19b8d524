//! What came of a run. Exit code, terminal and JSON all follow from it.

mod brief;
mod outcome;
mod proof;
#[cfg(feature = "schema")]
mod schema;
mod source;
mod tombstone;

use std::path::PathBuf;

use forgekeep_failure::{Asked, ErrorKind, ExitCode, Failure, Finding, Severity};
use forgekeep_untrusted::{Printable, Untrusted};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use crate::part::PartKind;
use crate::snapshot::SnapshotId;

pub use brief::Brief;
pub use outcome::{RepositoryOutcome, RunOutcome, SourceOutcome};
pub use proof::Proof;
#[cfg(feature = "schema")]
pub use schema::{schema, schema_of};
pub use source::{OwnerReport, OwnerSees, Requests, SourceReport};
pub use tombstone::{Absence, Tombstone};

/// Version of the report's format. Fields are added within it, never renamed.
pub const SCHEMA: u32 = 1;

/// How many refs changed, and how.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
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

/// Branches that upstream has rewritten or deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// How many.
    pub branches: usize,
    /// How many there were.
    pub of: usize,
}

/// What came of a run. That of an earlier one is read with less of each repository, if less is needed:
/// [`Brief`], or nothing.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", schemars(rename = "Report"))]
pub struct Report<R = RepositoryReport> {
    /// Version of this format.
    #[cfg_attr(feature = "schema", schemars(extend("const" = SCHEMA)))]
    pub schema: u32,
    /// Version of Forgekeep that made it.
    #[serde(default)]
    pub version: String,
    /// Number of the run in its backup folder, which only grows; none if it was not begun there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "u64", range(min = 1)))]
    pub run: Option<u64>,
    /// When the run began, UTC.
    #[cfg_attr(feature = "schema", schemars(with = "schema::Time"))]
    pub started: Timestamp,
    /// When it ended, UTC.
    #[cfg_attr(feature = "schema", schemars(with = "schema::Time"))]
    pub finished: Timestamp,
    /// How it ended.
    pub outcome: RunOutcome,
    /// Exit code of the process.
    pub exit_code: ExitCode,
    /// Why the run as a whole could not be made, or what failed besides the sources.
    pub error: Option<Failure>,
    /// What somebody should know about earlier runs, or about what is in the backup folder.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Finding>,
    /// The sources, in the order of the configuration.
    pub sources: Vec<SourceReport<R>>,
    /// Git's blob id of the text of the report that is kept, without this member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub checksum: Option<String>,
    /// Where it is kept, of a run of this process.
    #[serde(skip)]
    pub file: Option<PathBuf>,
}

/// What came of a repository.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryReport {
    /// The hoster's immutable identity.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub id: Printable,
    /// Full name at the hoster.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub name: Printable,
    /// Folder below the backup folder, parts joined by `/`; empty for one that was left out.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub path: Untrusted,
    /// How it came out.
    pub outcome: RepositoryOutcome,
    /// What says so, of one that is unchanged or empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Proof"))]
    pub proof: Option<Proof>,
    /// When git was last asked for it, of one that is unchanged or empty, UTC: in this run, or when it was
    /// found as the listing still has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "schema::Time"))]
    pub checked_at: Option<Timestamp>,
    /// How its refs changed.
    #[serde(default)]
    pub refs: RefChanges,
    /// Bytes received in packs, wiki included.
    #[serde(default)]
    pub bytes_received: u64,
    /// Time it took.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub seconds: f64,
    /// Why it failed, or which part of it is not backed up, and why.
    pub error: Option<Failure>,
    /// Snapshot of the new state, if the run changed any ref.
    #[serde(
        default,
        deserialize_with = "snapshot",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub snapshot: Option<SnapshotId>,
    /// How much upstream has rewritten or deleted, if that is worth an alert.
    #[serde(default, alias = "alarm", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub alert: Option<Printable>,
    /// Branches that upstream has rewritten or deleted, where that is known.
    #[serde(skip)]
    pub lost: Option<Lost>,
    /// Something worth knowing that is no failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub note: Option<Printable>,
    /// What somebody should know although all is well: said however quiet a run shall be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Finding>,
    /// What came of its wiki, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "PartReport"))]
    pub wiki: Option<PartReport>,
}

/// What came of a part of a repository.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PartReport {
    /// How it came out.
    pub outcome: RepositoryOutcome,
    /// How its refs changed.
    #[serde(default)]
    pub refs: RefChanges,
    /// Why it failed or was left out, if so.
    pub error: Option<Failure>,
}

impl RepositoryReport {
    /// A repository nothing was done about yet.
    pub fn new(
        id: impl Into<Printable>,
        name: impl Into<Printable>,
        path: impl Into<Untrusted>,
    ) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            path: path.into(),
            outcome: RepositoryOutcome::Skipped,
            proof: None,
            checked_at: None,
            refs: RefChanges::default(),
            bytes_received: 0,
            seconds: 0.0,
            error: None,
            snapshot: None,
            alert: None,
            lost: None,
            note: None,
            warnings: Vec::new(),
            wiki: None,
        }
    }

    /// One that was left out on purpose.
    #[must_use]
    pub fn skipped(mut self, why: impl Into<Printable>) -> Self {
        self.outcome = RepositoryOutcome::Skipped;
        self.note = Some(why.into());
        self
    }

    /// One that failed.
    #[must_use]
    pub fn failed(mut self, failure: Failure) -> Self {
        self.outcome = RepositoryOutcome::Failed;
        self.error = Some(failure);
        self
    }

    /// The same, if what kept it from being backed up is that the run was interrupted: that is no failure.
    #[must_use]
    pub fn interrupted(mut self) -> Self {
        if self.outcome == RepositoryOutcome::Failed && is_cancelled(self.error.as_ref()) {
            self.outcome = RepositoryOutcome::NotDone;
        }
        if let Some(wiki) = &mut self.wiki
            && wiki.outcome == RepositoryOutcome::Failed
            && is_cancelled(wiki.error.as_ref())
        {
            wiki.outcome = RepositoryOutcome::NotDone;
        }
        self
    }

    /// One that is backed up but for a part, which `failure` names. One that failed stays failed; of
    /// several parts the first is in `error`, the others are in its message.
    #[must_use]
    pub fn without_part(mut self, failure: Failure) -> Self {
        if self.outcome == RepositoryOutcome::Failed {
            return self;
        }
        self.outcome = RepositoryOutcome::Partial;
        match &mut self.error {
            Some(first) => first.message.push_str(&format!("; {}", failure.message)),
            None => self.error = Some(failure),
        }
        self
    }

    /// Where what came of a part stands; of the git repository itself this is the report as a whole.
    fn part_mut(&mut self, kind: PartKind) -> Option<&mut Option<PartReport>> {
        match kind {
            PartKind::Repository => None,
            PartKind::Wiki => Some(&mut self.wiki),
        }
    }

    /// Enters what came of a further part.
    pub fn enter_part(&mut self, kind: PartKind, part: PartReport) {
        if let Some(of_part) = self.part_mut(kind) {
            *of_part = Some(part);
        }
    }

    /// Changes each reason why it, or a part of it, failed.
    pub fn change_errors(&mut self, change: impl Fn(&mut Failure)) {
        self.error.iter_mut().for_each(&change);
        for kind in PartKind::ALL {
            let part = self.part_mut(kind).and_then(Option::as_mut);
            part.and_then(|part| part.error.as_mut())
                .into_iter()
                .for_each(&change);
        }
    }

    /// Adds an alert to those there are.
    pub fn add_alert(&mut self, message: &str) {
        match &mut self.alert {
            Some(all) => all.push_str(&format!("; {message}")),
            None => self.alert = Some(message.into()),
        }
    }

    /// Adds something worth knowing.
    pub fn add_note(&mut self, note: &str) {
        match &mut self.note {
            Some(all) => all.push_str(&format!("; {note}")),
            None => self.note = Some(note.into()),
        }
    }

    /// Whether upstream's present state is in the backup, of a partial one all but the part.
    pub fn is_safe(&self) -> bool {
        self.outcome.is_good() == Some(true)
    }
}

impl Report {
    /// The report of a run over these sources.
    pub fn conclude(started: Timestamp, interrupted: bool, sources: Vec<SourceReport>) -> Self {
        let outcome = if interrupted {
            RunOutcome::Interrupted
        } else {
            run_outcome(&sources)
        };
        Self {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            run: None,
            started,
            finished: Timestamp::now(),
            outcome,
            exit_code: exit_code(outcome, &sources),
            error: None,
            warnings: Vec::new(),
            sources,
            checksum: None,
            file: None,
        }
    }

    /// The report of a run that could not be made.
    pub fn refused(started: Timestamp, exit_code: ExitCode, failure: Failure) -> Self {
        Self {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            run: None,
            started,
            finished: Timestamp::now(),
            outcome: RunOutcome::Failed,
            exit_code,
            error: Some(failure),
            warnings: Vec::new(),
            sources: Vec::new(),
            checksum: None,
            file: None,
        }
    }

    /// Adds what failed besides the sources. It makes a good exit code a bad one.
    pub fn add_error(&mut self, failure: Failure) {
        self.error = Some(failure);
        if self.exit_code == ExitCode::Good {
            self.exit_code = ExitCode::Unexpected;
        }
    }

    /// Whether upstream has lost so much that somebody should look.
    pub fn has_alert(&self) -> bool {
        let of_repositories = self.repositories().any(|r| r.alert.is_some());
        of_repositories || self.sources.iter().any(|s| s.alert.is_some())
    }

    /// Whether there is something that somebody should know although all is well.
    pub fn has_warning(&self) -> bool {
        let of_sources = self.sources.iter().flat_map(|source| &source.notes);
        let of_sources = self.warnings.iter().chain(of_sources);
        let mut all = of_sources.chain(self.repositories().flat_map(|r| &r.warnings));
        all.any(|finding| finding.severity >= Severity::Warning)
    }

    /// All repositories of all sources.
    pub fn repositories(&self) -> impl Iterator<Item = &RepositoryReport> {
        self.sources.iter().flat_map(|source| &source.repositories)
    }
}

fn is_cancelled(failure: Option<&Failure>) -> bool {
    failure.is_some_and(|failure| failure.kind == ErrorKind::Cancelled)
}

fn run_outcome(sources: &[SourceReport]) -> RunOutcome {
    let all = |outcome| sources.iter().all(|source| source.outcome == outcome);
    if all(SourceOutcome::Ok) {
        RunOutcome::Ok
    } else if all(SourceOutcome::Failed) {
        RunOutcome::Failed
    } else {
        RunOutcome::Partial
    }
}

/// The process's exit code for a run that was made.
fn exit_code(outcome: RunOutcome, sources: &[SourceReport]) -> ExitCode {
    match outcome {
        RunOutcome::Ok => ExitCode::Good,
        RunOutcome::Interrupted => ExitCode::Interrupted,
        RunOutcome::Partial | RunOutcome::Newer(_) => ExitCode::Partial,
        RunOutcome::Failed => {
            common_kind(sources).map_or(ExitCode::Partial, |kind| ExitCode::of(kind, Asked::Run))
        }
    }
}

/// What kept a run from backing up anything, if it was the same thing throughout.
fn common_kind(sources: &[SourceReport]) -> Option<ErrorKind> {
    let mut kinds = sources.iter().flat_map(|source| {
        let of_repositories = source.failures().filter_map(|r| r.error.as_ref());
        let of_owners = source
            .owners
            .iter()
            .filter_map(|owner| owner.error.as_ref());
        let all = source.error.iter().chain(of_owners);
        all.chain(of_repositories).map(|e| e.kind)
    });
    let first = kinds.next()?;
    kinds.all(|kind| kind == first).then_some(first)
}

/// An id of another form is one of a newer version, and of no use to this one.
fn snapshot<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SnapshotId>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.and_then(|text| SnapshotId::parse(&text)))
}

#[cfg(test)]
mod tests;
