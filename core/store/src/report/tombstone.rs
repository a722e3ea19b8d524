//! What has left upstream.

use forgekeep_failure::Word;
use forgekeep_untrusted::{Printable, Untrusted};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What is known of a repository that the hoster no longer lists.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Absence {
    /// It is not listed.
    Missing,
    /// The hoster, asked for it, does not show it, which proves nothing.
    Hidden,
    /// The hoster has proved that it was deleted.
    Deleted,
    /// What a newer version calls it.
    #[serde(untagged)]
    #[cfg_attr(feature = "schema", schemars(skip))]
    Newer(Word),
}

/// A repository that the hoster no longer lists.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    /// The hoster's immutable identity.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub id: Printable,
    /// Full name when it was last listed.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub name: Printable,
    /// Folder below the backup folder, parts joined by `/`.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub path: Untrusted,
    /// When a run first missed it, UTC.
    #[cfg_attr(feature = "schema", schemars(with = "super::schema::Time"))]
    pub since: Timestamp,
    /// What is known of it.
    pub state: Absence,
    /// Whole listings that have missed it since.
    #[serde(default)]
    pub runs: u32,
    /// Days (UTC) on which one did.
    #[serde(default)]
    pub days: u32,
    /// Whether it is in the trash.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub trashed: bool,
    /// Whether this run has removed it: to the trash, or from there for good.
    #[serde(default)]
    pub removed: bool,
}
