use forgekeep_failure::Finding;
use forgekeep_untrusted::Printable;
use jiff::Timestamp;
use serde::Serialize;

use super::OwnerSeen;

/// What an online check found.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckReport {
    /// Whose and which credentials, in a few words.
    pub identity: Printable,
    /// The account's immutable id, where known.
    pub account_id: Option<Printable>,
    /// What the credentials may do, in the hoster's words; none where it does not say.
    pub scopes: Vec<Printable>,
    /// What they may not do, and would have to.
    pub missing_scopes: Vec<Printable>,
    /// When they expire, where the hoster or the configuration says so.
    pub expires: Option<Timestamp>,
    /// How much may be asked still.
    pub limits: Vec<ApiLimit>,
    /// What is known of owners.
    pub owners: Vec<OwnerSeen>,
    /// Number of repositories visible, where known.
    pub visible: Option<u64>,
    /// How many of them are private, where known.
    pub private: Option<u64>,
    /// Whatever is worth saying.
    pub findings: Vec<Finding>,
}

/// A limit of the hoster's.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ApiLimit {
    /// What is limited.
    pub name: Printable,
    /// How much is left.
    pub remaining: Option<u64>,
    /// How much there is in all.
    pub most: Option<u64>,
    /// When it is whole again.
    pub resets: Option<Timestamp>,
}
