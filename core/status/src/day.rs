//! What a day's runs came to, as it is kept.

use std::collections::BTreeMap;

use forgekeep_untrusted::Printable;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What came of a day's runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Day {
    /// The day on which they began, UTC.
    pub day: Date,
    /// How many there were.
    pub runs: u64,
    /// Seconds that they took together.
    pub seconds: f64,
    /// The sources that took part, by title.
    pub sources: Vec<SourceDay>,
    /// What a newer version wrote.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// What came of a source on a day.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceDay {
    /// Title in the configuration.
    pub title: Printable,
    /// Runs in which all of it was backed up.
    pub good: u64,
    /// Runs in which some of it was.
    pub partial: u64,
    /// Runs in which nothing of it was.
    pub failed: u64,
    /// Repositories that the last of them listed.
    pub listed: u64,
    /// Repositories that were safe after the last of them.
    pub backed_up: u64,
    /// Bytes received.
    pub bytes: u64,
    /// Seconds that its repositories took, each for itself.
    pub seconds: f64,
    /// Bytes of its repositories on disk after the last of them, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Alerts.
    #[serde(default, skip_serializing_if = "is_none")]
    pub alerts: u64,
    /// What a newer version wrote.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// The days of a backup folder, each once.
pub type Days = BTreeMap<Date, Day>;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_none(number: &u64) -> bool {
    *number == 0
}
