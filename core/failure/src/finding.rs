//! What there is to say that is no failure.

use forgekeep_untrusted::Printable;
use serde::{Deserialize, Serialize};

use crate::word::Word;

/// How bad a finding is.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Works, but perhaps not as somebody thinks.
    Warning,
    /// Does not work.
    Error,
    /// What a newer version calls it: as bad as can be.
    #[serde(untagged)]
    #[cfg_attr(feature = "schema", schemars(skip))]
    Newer(Word),
}

/// What a validation, a check or a listing found.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Key of the source it is about; may be empty.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub key: Printable,
    /// What and why.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub message: Printable,
    /// What to do; may be empty.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub hint: Printable,
}

impl Finding {
    /// A warning without key or hint.
    pub fn info(message: impl Into<Printable>) -> Self {
        Self {
            severity: Severity::Info,
            ..Self::warning(message)
        }
    }

    /// A warning without a key.
    pub fn warning(message: impl Into<Printable>) -> Self {
        Self {
            severity: Severity::Warning,
            key: Printable::default(),
            message: message.into(),
            hint: Printable::default(),
        }
    }
}
