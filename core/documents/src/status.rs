//! `status --check --json`, where nothing can be told; else it is the status of `forgekeep-status`.

use forgekeep_failure::Failure;
use forgekeep_status::{Concern, Level};
use serde::Serialize;

use crate::SCHEMA;

/// What `forgekeep status --check --json` prints where it cannot be told how the backup stands.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusUntold {
    /// Version of this format.
    #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
    schema: u32,
    /// Always `unknown`.
    level: Level,
    /// Why it cannot be told.
    concerns: [Concern; 1],
    /// Exit code of the process, as monitors expect it.
    exit_code: u8,
    /// Why it cannot be told, as other commands say it.
    error: Failure,
}

impl StatusUntold {
    /// It cannot be told for this reason.
    pub fn new(concern: Concern, error: Failure) -> Self {
        Self {
            schema: SCHEMA,
            level: concern.level,
            exit_code: concern.level.code(),
            concerns: [concern],
            error,
        }
    }
}
