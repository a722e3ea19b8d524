//! `notify test --json`.

use forgekeep_failure::{ExitCode, Failure};
use forgekeep_notify::Tested;
use serde::Serialize;

use crate::SCHEMA;

/// What `forgekeep notify test --json` prints.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NotifyDocument {
    /// Version of this format.
    #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
    schema: u32,
    /// Exit code of the process.
    exit_code: ExitCode,
    /// The channels, in the order of the configuration.
    channels: Vec<Channel>,
}

/// A channel that was tried.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Serialize)]
struct Channel {
    /// Its place in the configuration.
    key: String,
    /// What it is called, without its secrets; empty where it cannot be used at all.
    channel: String,
    /// What came of an ordinary message; of a ping, of a start.
    normal: Sent,
    /// What came of the worst case.
    worst: Sent,
}

/// What came of a message.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Serialize)]
struct Sent {
    /// Whether it arrived.
    outcome: SentOutcome,
    /// Why it did not, if so.
    error: Option<Failure>,
}

/// Whether a message arrived.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum SentOutcome {
    /// It was accepted.
    Ok,
    /// It was not.
    Failed,
}

impl NotifyDocument {
    /// Of the channels that were tried.
    pub fn new(exit_code: ExitCode, tested: &[Tested]) -> Self {
        let channels = tested.iter().map(|one| Channel {
            key: one.key.clone(),
            channel: one.shown.clone(),
            normal: (&one.normal).into(),
            worst: (&one.worst).into(),
        });
        Self {
            schema: SCHEMA,
            exit_code,
            channels: channels.collect(),
        }
    }
}

impl From<&Result<(), Failure>> for Sent {
    fn from(result: &Result<(), Failure>) -> Self {
        Self {
            outcome: match result {
                Ok(()) => SentOutcome::Ok,
                Err(_) => SentOutcome::Failed,
            },
            error: result.as_ref().err().cloned(),
        }
    }
}
