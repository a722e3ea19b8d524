//! Why a run could not be made.

use forgekeep_durable::lock::LockError;
use forgekeep_failure::{ErrorKind, Failure};
use thiserror::Error;

/// Why a run could not be made at all.
#[derive(Debug, Error)]
pub enum RunError {
    /// A title was asked for that the configuration does not have.
    #[error("the configuration has no source with the title \"{title}\"")]
    UnknownSource {
        /// What was asked for.
        title: String,
        /// The titles there are.
        known: Vec<String>,
    },
    /// The backup folder is not the one that was used before: its disk may not be mounted.
    #[error("{}", .0.message)]
    OtherFolder(Failure),
    /// The backup folder cannot be used, or another run is in it.
    #[error(transparent)]
    Lock(#[from] LockError),
}

impl RunError {
    /// The backup folder cannot be used.
    pub(crate) fn folder(failure: Failure) -> Self {
        Self::Lock(LockError::Folder(failure))
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::UnknownSource { known, .. } => format!("its sources are: {}", known.join(", ")),
            Self::OtherFolder(failure) => failure.hint.to_string(),
            Self::Lock(error) => error.hint().to_owned(),
        }
    }

    /// The same as a failure, for the report.
    pub fn to_failure(&self) -> Failure {
        match self {
            Self::UnknownSource { .. } => {
                Failure::new(ErrorKind::Config, self.to_string()).with_hint(self.hint())
            }
            Self::OtherFolder(failure) => failure.clone(),
            Self::Lock(error) => error.to_failure(),
        }
    }
}
