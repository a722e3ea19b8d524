//! When each repository was last brought back as it was: remembered from one drill to the next.

use forgekeep_untrusted::Untrusted;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::layout::{DRILLED, StateFile};
use crate::remembered::{Entry, Remembered};

/// What the last drill of a repository has shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Drilled {
    /// Title of its source.
    pub source: Untrusted,
    /// The hoster's immutable identity, where it is known.
    pub id: Option<Untrusted>,
    /// Folder below the backup folder, parts joined by `/`.
    pub path: Untrusted,
    /// Full name at the hoster.
    pub name: Untrusted,
    /// When it was brought back.
    pub drilled: Timestamp,
    /// Whether it came back as it was.
    pub good: bool,
    /// What a newer version wrote.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl Entry for Drilled {
    const FILE: StateFile = DRILLED;
    const UNWRITTEN: &str = "the result of the drill was not recorded";

    fn source(&self) -> &Untrusted {
        &self.source
    }

    fn id(&self) -> Option<&Untrusted> {
        self.id.as_ref()
    }

    fn path(&self) -> &Untrusted {
        &self.path
    }
}

/// What is known of all repositories of a backup folder.
pub type Drills = Remembered<Drilled>;
