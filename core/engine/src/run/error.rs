//! Why a run could not be made.

use thiserror::Error;

use crate::lock::{Holder, LockError};
use crate::{ErrorKind, Failure, names};

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
    /// Another run is in the same folder.
    #[error("another run holds {lock}{}", held_by(holder.as_ref()))]
    Locked {
        /// The lock file.
        lock: String,
        /// Who holds it, as far as known.
        holder: Option<Holder>,
    },
    /// The backup folder cannot be used.
    #[error("{0}")]
    Folder(Failure),
}

fn held_by(holder: Option<&Holder>) -> String {
    holder.map_or_else(String::new, |holder| {
        format!(
            ": process {} on {}, since {}",
            holder.pid,
            names::printable(&holder.host),
            holder
                .since
                .round(jiff::Unit::Second)
                .unwrap_or(holder.since)
        )
    })
}

impl From<LockError> for RunError {
    fn from(error: LockError) -> Self {
        match error {
            LockError::Held(path, holder) => Self::Locked {
                lock: path.display().to_string(),
                holder,
            },
            LockError::Disk(failure) => Self::Folder(failure),
        }
    }
}

impl RunError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::UnknownSource { known, .. } => format!("its sources are: {}", known.join(", ")),
            Self::Locked { .. } => {
                "wait until it is done; a run that has died never holds the lock".to_owned()
            }
            Self::Folder(failure) => failure.hint.clone(),
        }
    }

    /// The same as a failure, for the report.
    pub fn to_failure(&self) -> Failure {
        let kind = match self {
            Self::UnknownSource { .. } => ErrorKind::Config,
            Self::Locked { .. } => ErrorKind::Other,
            Self::Folder(failure) => failure.kind,
        };
        Failure::new(kind, self.to_string()).with_hint(self.hint())
    }
}
