//! What says of a repository that nothing has changed, and since when.

use forgekeep_failure::Word;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{RepositoryOutcome, RepositoryReport};

/// What says that a repository is as it was.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Proof {
    /// Its refs, which git was asked for in this run.
    Refs,
    /// The hoster's listing: git was not asked.
    Listing,
    /// What a newer version goes by.
    #[serde(untagged)]
    #[cfg_attr(feature = "schema", schemars(skip))]
    Newer(Word),
}

impl RepositoryReport {
    /// Says when git was asked for one that is as it was, and what says so; nothing of any other.
    pub fn prove(&mut self, proof: Proof, checked_at: Timestamp) {
        let is_as_it_was = matches!(
            self.outcome,
            RepositoryOutcome::Unchanged | RepositoryOutcome::Empty
        );
        self.proof = is_as_it_was.then_some(proof);
        self.checked_at = is_as_it_was.then_some(checked_at);
    }
}
