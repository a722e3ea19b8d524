//! How a run, a source and a repository come out.

use std::fmt;

use forgekeep_failure::Word;
use serde::{Deserialize, Serialize};

/// How a run ended.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunOutcome {
    /// Everything listed is safe.
    Ok,
    /// Something is safe, something is not.
    Partial,
    /// Nothing was backed up.
    Failed,
    /// Stopped by a signal.
    Interrupted,
    /// What a newer version calls it.
    #[serde(untagged)]
    #[cfg_attr(feature = "schema", schemars(skip))]
    Newer(Word),
}

/// How a source came out.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceOutcome {
    /// Every repository is safe.
    Ok,
    /// Some are, some are not.
    Partial,
    /// None is.
    Failed,
    /// What a newer version calls it.
    #[serde(untagged)]
    #[cfg_attr(feature = "schema", schemars(skip))]
    Newer(Word),
}

/// How a repository came out.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RepositoryOutcome {
    /// New in the backup.
    Cloned,
    /// Changed.
    Updated,
    /// As it was.
    Unchanged,
    /// Has no commit yet.
    Empty,
    /// Left out on purpose; `note` says why.
    Skipped,
    /// Backed up but for a part; `error` names it and says why.
    Partial,
    /// Not backed up in this run; `error` says why.
    Failed,
    /// The run was interrupted before it was this repository's turn, or while it was: not backed up in this
    /// run, and nothing is wrong with it.
    #[serde(rename = "notDone")]
    NotDone,
    /// What a newer version calls it: whether it is backed up cannot be told.
    #[serde(untagged)]
    #[cfg_attr(feature = "schema", schemars(skip))]
    Newer(Word),
}

impl RunOutcome {
    /// The word used in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Newer(word) => word.as_str(),
        }
    }
}

impl SourceOutcome {
    /// The word used in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Newer(word) => word.as_str(),
        }
    }
}

impl RepositoryOutcome {
    /// The word used in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cloned => "cloned",
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
            Self::Empty => "empty",
            Self::Skipped => "skipped",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::NotDone => "notDone",
            Self::Newer(word) => word.as_str(),
        }
    }

    /// Whether upstream's state of that time is in the backup, of a partial one all but the part;
    /// `None` if this version cannot tell.
    pub fn is_good(self) -> Option<bool> {
        match self {
            Self::Cloned | Self::Updated | Self::Unchanged | Self::Empty | Self::Partial => {
                Some(true)
            }
            Self::Skipped | Self::Failed | Self::NotDone => Some(false),
            Self::Newer(_) => None,
        }
    }
}

impl fmt::Display for RunOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newer(word) => newer(*word, f),
            known => f.write_str(known.as_str()),
        }
    }
}

impl fmt::Display for SourceOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newer(word) => newer(*word, f),
            known => f.write_str(known.as_str()),
        }
    }
}

impl fmt::Display for RepositoryOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newer(word) => newer(*word, f),
            Self::NotDone => f.write_str("not done"),
            known => f.write_str(known.as_str()),
        }
    }
}

/// For people: what this version cannot explain is said to be so.
fn newer(word: Word, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{word} (a word that this version does not know)")
}
