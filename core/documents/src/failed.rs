//! What is printed in the place of any document.

use forgekeep_failure::{ExitCode, Failure};
use serde::Serialize;

use crate::SCHEMA;

/// The command could not do what it was asked: this is printed in the place of its document.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failed {
    /// Version of this format.
    #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
    schema: u32,
    /// Exit code of the process.
    exit_code: ExitCode,
    /// Why it ends.
    error: Failure,
}

impl Failed {
    /// The process ends for this reason.
    pub fn new(exit_code: ExitCode, error: Failure) -> Self {
        Self {
            schema: SCHEMA,
            exit_code,
            error,
        }
    }
}
