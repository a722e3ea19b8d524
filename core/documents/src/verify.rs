//! `verify --json`.

use forgekeep_failure::{ExitCode, Failure};
use forgekeep_store::health::{Checked, Damage};
use forgekeep_verify::Verdict;
use serde::Serialize;

use crate::SCHEMA;

/// What `forgekeep verify --json` prints.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifyDocument<'a> {
    /// Version of this format.
    #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
    schema: u32,
    /// How it came out.
    outcome: VerifyOutcome,
    /// Exit code of the process.
    exit_code: ExitCode,
    /// Whether it ended early, since another run waits for the lock.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    gave_way: bool,
    /// The repositories that were verified.
    repositories: &'a [Checked],
    /// Damaged files of the backup folder's own.
    files: &'a [Damage],
    /// Why some of the folder's own files could not be checked.
    unchecked: &'a [Failure],
}

/// How a verification came out.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum VerifyOutcome {
    /// Everything is there and whole.
    Ok,
    /// Something is not.
    Damaged,
    /// Nothing is known to be damaged, and not all could be checked.
    Failed,
    /// It was interrupted.
    Interrupted,
}

impl<'a> From<&'a Verdict> for VerifyDocument<'a> {
    fn from(verdict: &'a Verdict) -> Self {
        Self {
            schema: SCHEMA,
            outcome: match (verdict.interrupted, verdict.is_sound()) {
                (true, _) => VerifyOutcome::Interrupted,
                (false, true) => VerifyOutcome::Ok,
                (false, false) if verdict.is_damaged() => VerifyOutcome::Damaged,
                (false, false) => VerifyOutcome::Failed,
            },
            exit_code: verdict.exit_code(),
            gave_way: verdict.gave_way,
            repositories: &verdict.repositories,
            files: &verdict.files,
            unchecked: &verdict.unchecked,
        }
    }
}
