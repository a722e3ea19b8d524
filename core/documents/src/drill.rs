//! `drill --json`.

use forgekeep_drill::Tried;
use forgekeep_failure::{ExitCode, Failure};
use forgekeep_recovery::drill::DrilledAt;
use serde::Serialize;

use crate::SCHEMA;

/// What `forgekeep drill --json` prints.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DrillDocument<'a> {
    /// Version of this format.
    #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
    schema: u32,
    /// How it came out.
    outcome: DrillOutcome,
    /// Exit code of the process.
    exit_code: ExitCode,
    /// The repositories that were brought back here.
    repositories: &'a [Tried],
    /// What came of the one at a target, with `--to-hoster`.
    #[serde(skip_serializing_if = "Option::is_none")]
    at_target: Option<&'a DrilledAt>,
    /// Why nothing could be tried at the target, if so.
    error: Option<Failure>,
}

/// How a drill came out.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum DrillOutcome {
    /// All came back as they were.
    Ok,
    /// Something did not.
    Failed,
    /// It was interrupted.
    Interrupted,
}

impl<'a> DrillDocument<'a> {
    /// Of what was tried here, and at a target.
    pub fn new(
        exit_code: ExitCode,
        repositories: &'a [Tried],
        at_target: Option<Result<&'a DrilledAt, Failure>>,
    ) -> Self {
        let at_target = at_target.transpose();
        Self {
            schema: SCHEMA,
            outcome: match exit_code {
                ExitCode::Interrupted => DrillOutcome::Interrupted,
                ExitCode::Good => DrillOutcome::Ok,
                _ => DrillOutcome::Failed,
            },
            exit_code,
            repositories,
            at_target: at_target.as_ref().copied().unwrap_or_default(),
            error: at_target.err(),
        }
    }
}
