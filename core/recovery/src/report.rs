//! What came of a restore to a hoster: for people, for programs, and kept.

use forgekeep_failure::{ExitCode, Failure, Finding};
use forgekeep_untrusted::{Printable, Untrusted};
use jiff::Timestamp;
use serde::Serialize;

/// A restore to a target, or what it would do.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RestoreReport {
    /// Version of the report's format: 1.
    #[cfg_attr(feature = "schema", schemars(extend("const" = 1)))]
    pub schema: u32,
    /// Whether nothing was done, and this is what would be.
    pub dry_run: bool,
    /// `ok`, `partial`, `failed` or `interrupted`.
    pub outcome: Outcome,
    /// How the command ends.
    pub exit_code: ExitCode,
    /// Where to.
    pub target: TargetNamed,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
    /// What is expected of all that is to be sent.
    pub expected: Expected,
    /// The repositories.
    pub repositories: Vec<RepositoryRestored>,
    /// What there is to say of the target.
    pub notes: Vec<Finding>,
    /// What does not come back this way.
    pub not_restored: Vec<&'static str>,
    /// What to do next.
    pub next_steps: Vec<Printable>,
}

/// How a restore ended.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Everything is there.
    Ok,
    /// Something is not.
    Partial,
    /// Nothing is.
    Failed,
    /// Stopped by a signal.
    Interrupted,
}

/// A target.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetNamed {
    /// Title in the configuration.
    pub title: Printable,
    /// Id of the hoster's plugin.
    pub hoster: String,
    /// What repositories are made below.
    pub name: Printable,
    /// Base of its API.
    pub api_url: String,
}

/// How much there is to do.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Expected {
    /// Repositories to make.
    pub repositories: usize,
    /// Bytes of what is in the backup: no more than this is sent.
    pub bytes: u64,
    /// Seconds, at 10 MB a second and as many repositories a minute as the target lets be made.
    pub seconds: u64,
}

/// What came of a repository, or is going to.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryRestored {
    /// Title of its source.
    pub source: Untrusted,
    /// The hoster's id in the backup.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Untrusted>,
    /// Full name in the backup.
    pub name: Untrusted,
    /// The snapshot it is restored to; none for the present state of one without snapshots.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Printable>,
    /// What it is at the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<AtTarget>,
    /// What came of it.
    pub outcome: RestoreOutcome,
    /// Its refs.
    pub refs: RefCounts,
    /// Refs that are not there, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<Refused>,
    /// Its default branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_branch: Option<Printable>,
    /// What came of its wiki, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wiki: Option<Printable>,
    /// Bytes that were sent.
    pub bytes_sent: u64,
    /// What there is to say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Printable>,
    /// Why it failed.
    pub error: Option<Failure>,
}

/// A repository at the target.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AtTarget {
    /// The hoster's id of it; none before it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Untrusted>,
    /// Its full name, or its name below the target's.
    pub name: Untrusted,
}

/// A ref that is not at the target.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Refused {
    /// Its name.
    pub name: Printable,
    /// Why, in the server's own words where it was sent.
    pub why: Printable,
}

/// Refs, counted.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RefCounts {
    /// In the state that is restored.
    pub wanted: usize,
    /// At the target, as they were.
    pub there: usize,
    /// Of these, how many had been there before.
    pub before: usize,
    /// Not sent, since hosters make such themselves.
    pub at_home: usize,
}

/// What came of a repository.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum RestoreOutcome {
    /// In a dry run: it would be made, or gone on with.
    Planned,
    /// It was made, and all of it is there.
    Restored,
    /// All of it had been there before, from an earlier restore.
    Present,
    /// It is there, but for what is named.
    Partial,
    /// It is not there, or not known to be.
    Failed,
    /// At the time that was asked for, it was not in the backup yet, or not any more.
    NotThen,
    /// Interrupted before its turn, or the target was given up.
    NotDone,
}

impl RestoreOutcome {
    /// Whether nothing is missing of it.
    pub fn is_good(self) -> bool {
        matches!(
            self,
            Self::Planned | Self::Restored | Self::Present | Self::NotThen
        )
    }
}

impl RepositoryRestored {
    /// Whether nothing of it is missing, as far as can be told.
    pub fn is_whole(&self) -> bool {
        let has_wiki = self
            .wiki
            .as_ref()
            .is_none_or(|wiki| **wiki == *WIKI_IS_THERE);
        self.outcome.is_good() && self.refused.is_empty() && self.error.is_none() && has_wiki
    }
}

/// What is said of a wiki that is there.
pub const WIKI_IS_THERE: &str = "restored";

/// What a hoster cannot be given by git.
pub const NOT_RESTORED: [&str; 4] = [
    "pull requests, issues and their numbers",
    "stars, watchers and forks",
    "permissions, teams, branch protection, webhooks and secrets",
    "objects of Git LFS, releases and packages",
];
