//! `schedule … --json`.

use forgekeep_failure::ExitCode;
use forgekeep_schedule::{Installed, Trial};
use serde::Serialize;

use crate::SCHEMA;

/// What `forgekeep schedule install`, `status` and `remove` print with `--json`.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleDocument {
    /// Version of this format.
    #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
    schema: u32,
    /// Exit code of the process.
    exit_code: ExitCode,
    /// What there is to run, of `status`.
    #[serde(skip_serializing_if = "Option::is_none")]
    jobs: Option<Vec<Installed>>,
    /// What a check in the surroundings of what is scheduled has found, of `status`; null if none was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    check: Option<Option<Trial>>,
    /// What somebody should know, of `install`.
    #[serde(skip_serializing_if = "Option::is_none")]
    warnings: Option<Vec<String>>,
}

impl ScheduleDocument {
    /// It was installed, with these warnings.
    pub fn installed(warnings: Vec<String>) -> Self {
        Self {
            warnings: Some(warnings),
            ..Self::removed()
        }
    }

    /// How it stands.
    pub fn status(exit_code: ExitCode, jobs: Vec<Installed>, check: Option<Trial>) -> Self {
        Self {
            exit_code,
            jobs: Some(jobs),
            check: Some(check),
            ..Self::removed()
        }
    }

    /// It was removed.
    pub fn removed() -> Self {
        Self {
            schema: SCHEMA,
            exit_code: ExitCode::Good,
            jobs: None,
            check: None,
            warnings: None,
        }
    }
}
