//! `restore --json` to a folder or an address; that to a hoster is the report of `forgekeep-recovery`.

use std::path::Path;

use forgekeep_failure::{ExitCode, Failure};
use forgekeep_git::refs::ref_text;
use forgekeep_recovery::report::Refused;
use forgekeep_restore::{Chosen, Head, Pushed, Restored};
use forgekeep_store::inventory::Kept;
use forgekeep_store::part::PartKind;
use forgekeep_store::snapshot::SnapshotId;
use forgekeep_untrusted::{Printable, Untrusted};
use jiff::Timestamp;
use serde::Serialize;

use crate::SCHEMA;

/// What `forgekeep restore --json` prints, with `--to` and `--push`.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RestoreDocument {
    /// Version of this format.
    #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
    schema: u32,
    /// How it came out.
    outcome: RestoreOutcome,
    /// Exit code of the process.
    exit_code: ExitCode,
    /// Folder that was restored to, with `--to`.
    to: Option<Untrusted>,
    /// Address that was pushed to, without credentials, with `--push`.
    pushed_to: Option<Printable>,
    /// The repositories and wikis.
    repositories: Vec<RestoredPart>,
}

/// How a restore came out.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum RestoreOutcome {
    /// All that was asked for is there.
    Ok,
    /// Some of it is not.
    Partial,
    /// Nothing of it is.
    Failed,
    /// It was interrupted.
    Interrupted,
}

/// What came of a repository, or of its wiki.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RestoredPart {
    /// Title of its source.
    source: Untrusted,
    /// The hoster's immutable identity, where it is known.
    id: Option<Untrusted>,
    /// Full name at the hoster.
    name: Untrusted,
    /// Which part of it: `repository` or `wiki`.
    part: &'static str,
    /// Its folder below the one that was restored to, with `--all`.
    path: Option<Untrusted>,
    /// What came of it.
    outcome: PartOutcome,
    /// The snapshot that it was restored from; none where it has none.
    snapshot: Option<SnapshotId>,
    /// When the refs were as they are in it.
    time: Option<Timestamp>,
    /// Refs that are there now.
    refs: usize,
    /// Of these, how many were there before, with `--push`.
    unchanged: usize,
    /// The ref that `HEAD` points to, or the commit, where known.
    head: Option<Untrusted>,
    /// Refs that the other side has refused, with `--push`.
    refused: Vec<Refused>,
    /// Damage in the backup that did no harm to what was restored.
    warnings: Vec<Failure>,
    /// Files of the work tree that are missing, or are not as git would make them.
    missing: Vec<Failure>,
    /// Why it failed, if so.
    error: Option<Failure>,
}

/// What came of a repository, or of its wiki.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum PartOutcome {
    /// It is there, as it was.
    Restored,
    /// It is there, but not all of it.
    Partial,
    /// It was not in the backup at the time that was asked for.
    NotThen,
    /// It failed.
    Failed,
    /// It was not begun, or given up: interrupted.
    NotDone,
}

impl RestoreDocument {
    /// Of what was restored to a folder.
    pub fn to_folder(exit_code: ExitCode, to: &Path, repositories: Vec<RestoredPart>) -> Self {
        Self {
            to: Some(Untrusted::of_path(to)),
            ..Self::new(exit_code, repositories)
        }
    }

    /// Of what was pushed.
    pub fn pushed(exit_code: ExitCode, to: String, pushed: RestoredPart) -> Self {
        Self {
            pushed_to: Some(to.into()),
            ..Self::new(exit_code, vec![pushed])
        }
    }

    fn new(exit_code: ExitCode, repositories: Vec<RestoredPart>) -> Self {
        let is_there = |part: &RestoredPart| {
            matches!(part.outcome, PartOutcome::Restored | PartOutcome::Partial)
        };
        let outcome = match exit_code {
            ExitCode::Interrupted => RestoreOutcome::Interrupted,
            ExitCode::Good => RestoreOutcome::Ok,
            _ if repositories.iter().any(is_there) => RestoreOutcome::Partial,
            _ => RestoreOutcome::Failed,
        };
        Self {
            schema: SCHEMA,
            outcome,
            exit_code,
            to: None,
            pushed_to: None,
            repositories,
        }
    }
}

impl RestoredPart {
    /// One that is not begun yet.
    pub fn new(kept: &Kept, kind: PartKind) -> Self {
        Self {
            source: kept.title.clone(),
            id: kept.id().cloned(),
            name: kept.full_name.clone(),
            part: kind.word(),
            path: None,
            outcome: PartOutcome::NotDone,
            snapshot: None,
            time: None,
            refs: 0,
            unchanged: 0,
            head: None,
            refused: Vec::new(),
            warnings: Vec::new(),
            missing: Vec::new(),
            error: None,
        }
    }

    /// In a folder of its own.
    #[must_use]
    pub fn in_folder(mut self, path: &Path) -> Self {
        self.path = Some(Untrusted::of_path(path));
        self
    }

    /// It was restored.
    #[must_use]
    pub fn restored(self, chosen: &Chosen, restored: &Restored) -> Self {
        Self {
            outcome: match restored.odd.is_empty() {
                true => PartOutcome::Restored,
                false => PartOutcome::Partial,
            },
            refs: restored.refs,
            head: match &restored.head {
                Head::Born(name) | Head::Unborn(name) => Some(ref_text(name)),
                Head::Detached(oid) => Some(oid.to_string().into()),
                Head::Unknown => None,
            },
            warnings: restored.damaged.clone(),
            missing: restored.odd.clone(),
            ..self.with_state(chosen)
        }
    }

    /// It was pushed.
    #[must_use]
    pub fn pushed(self, chosen: &Chosen, pushed: &Pushed) -> Self {
        let refused = pushed.refused.iter().map(|one| Refused {
            name: one.name.clone(),
            why: one.why.clone(),
        });
        Self {
            outcome: match pushed.refused.is_empty() {
                true => PartOutcome::Restored,
                false => PartOutcome::Partial,
            },
            refs: pushed.accepted,
            unchanged: pushed.unchanged,
            head: chosen.state.head.as_deref().map(ref_text),
            refused: refused.collect(),
            ..self.with_state(chosen)
        }
    }

    /// It was not in the backup then.
    #[must_use]
    pub fn not_then(self) -> Self {
        Self {
            outcome: PartOutcome::NotThen,
            ..self
        }
    }

    /// It failed.
    #[must_use]
    pub fn failed(self, failure: &Failure) -> Self {
        Self {
            outcome: PartOutcome::Failed,
            error: Some(failure.clone()),
            ..self
        }
    }

    fn with_state(self, chosen: &Chosen) -> Self {
        let (snapshot, time) = chosen.snapshot.clone().unzip();
        Self {
            snapshot,
            time,
            ..self
        }
    }
}
