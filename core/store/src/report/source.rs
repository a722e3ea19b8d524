//! What came of a source.

use forgekeep_failure::{Failure, Finding, Severity, Word};
use forgekeep_untrusted::Printable;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{RepositoryOutcome, RepositoryReport, SourceOutcome, Tombstone};

/// What came of a source.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", schemars(rename = "SourceReport"))]
pub struct SourceReport<R = RepositoryReport> {
    /// Title in the configuration.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub title: Printable,
    /// Hoster in the configuration.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub hoster: Printable,
    /// How it came out.
    pub outcome: SourceOutcome,
    /// Repositories the hoster listed.
    pub listed: usize,
    /// Why the source as a whole failed, or why its listing is not taken for the whole truth.
    pub error: Option<Failure>,
    /// How much upstream has rewritten or deleted, if that is worth an alert.
    #[serde(default, alias = "alarm", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub alert: Option<Printable>,
    /// Whose repositories were listed, by name, where the hoster says so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<OwnerReport>,
    /// When its credentials expire, where the hoster says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub expires: Option<Timestamp>,
    /// How many requests were made for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Requests"))]
    pub requests: Option<Requests>,
    /// What is in the backup and no longer at the hoster.
    #[serde(default)]
    pub gone: Vec<Tombstone>,
    /// What there was to say about the source.
    #[serde(default)]
    pub notes: Vec<Finding>,
    /// One entry for each repository listed.
    pub repositories: Vec<R>,
}

/// What is known of an owner: a workspace, an organisation, a user.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnerReport {
    /// The hoster's immutable identity.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub id: Printable,
    /// What it is called.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub name: Printable,
    /// Its repositories that were listed.
    pub listed: u64,
    /// How much of its repositories the credentials see.
    pub sees: OwnerSees,
    /// Why not all of them were listed, or why there is doubt about it.
    pub error: Option<Failure>,
}

/// How much of an owner's repositories the credentials see.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OwnerSees {
    /// All: the hoster has shown that.
    All,
    /// Those that were selected for them.
    Selected,
    /// It is not known.
    Unknown,
    /// What a newer version calls it.
    #[serde(untagged)]
    #[cfg_attr(feature = "schema", schemars(skip))]
    Newer(Word),
}

/// Requests that were made, each try counted.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Requests {
    /// To the hoster's API.
    pub api: u64,
    /// To git.
    pub git: u64,
    /// How many more the API allows for now, where it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub api_remaining: Option<u64>,
}

impl SourceReport {
    /// A source of which the listing failed or was never made.
    pub fn failed(title: &str, hoster: &str, failure: Failure) -> Self {
        Self {
            title: title.into(),
            hoster: hoster.into(),
            outcome: SourceOutcome::Failed,
            listed: 0,
            error: Some(failure),
            alert: None,
            owners: Vec::new(),
            expires: None,
            requests: None,
            gone: Vec::new(),
            notes: Vec::new(),
            repositories: Vec::new(),
        }
    }

    /// A source that was listed; [`SourceReport::conclude`] sets its outcome.
    pub fn listed(title: &str, hoster: &str, listed: usize, notes: Vec<Finding>) -> Self {
        Self {
            title: title.into(),
            hoster: hoster.into(),
            outcome: SourceOutcome::Ok,
            listed,
            error: None,
            alert: None,
            owners: Vec::new(),
            expires: None,
            requests: None,
            gone: Vec::new(),
            notes,
            repositories: Vec::new(),
        }
    }

    /// A source that was looked at without being backed up, with the outcome that follows.
    pub fn looked_at(title: &str, hoster: &str, found: Result<Vec<Finding>, Failure>) -> Self {
        match found {
            Err(failure) => Self::failed(title, hoster, failure),
            Ok(findings) => {
                let mut report = Self::listed(title, hoster, 0, findings);
                report.conclude();
                report
            }
        }
    }

    /// Whether what is not listed can be taken for gone: there is no doubt about the listing but for
    /// single owners.
    pub fn is_whole(&self) -> bool {
        let doubtful = self.notes.iter().any(|n| n.severity == Severity::Error);
        let nameless = self.repositories.iter().any(|r| r.id.is_empty());
        self.error.is_none() && !doubtful && !nameless
    }

    /// The outcome that follows from the repositories', and from the notes: one that is an error
    /// says that the listing is not the whole truth.
    pub fn conclude(&mut self) {
        let errors = self.notes.iter().filter(|n| n.severity == Severity::Error);
        let owners = self.owners.iter().filter(|owner| owner.error.is_some());
        let not_done = self.repositories.iter();
        let not_done = not_done.filter(|r| r.outcome == RepositoryOutcome::NotDone);
        let failed = self.failures().count() + not_done.count() + errors.count() + owners.count();
        let safe = self.repositories.iter().filter(|r| r.is_safe()).count();
        self.outcome = match (&self.error, failed, safe) {
            (None, 0, _) => SourceOutcome::Ok,
            (_, _, 0) => SourceOutcome::Failed,
            _ => SourceOutcome::Partial,
        };
    }

    /// The repositories that failed, in whole or in part.
    pub fn failures(&self) -> impl Iterator<Item = &RepositoryReport> {
        self.repositories.iter().filter(|repository| {
            matches!(
                repository.outcome,
                RepositoryOutcome::Failed | RepositoryOutcome::Partial
            )
        })
    }
}
