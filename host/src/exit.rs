//! Exit codes, and complaints that end the process. docs/operations.md explains them to users.

use std::path::Path;
use std::{fmt, io};

use forgekeep_config::ConfigError;
use forgekeep_durable::lock::LockError;
use forgekeep_engine::run::RunError;
use forgekeep_failure::{ErrorKind, Failure};

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All good.
    Good,
    /// Something nobody foresaw.
    Unexpected,
    /// The arguments make no sense.
    Usage,
    /// The configuration cannot be used.
    Configuration,
    /// A plugin is missing or cannot be loaded.
    Plugin,
    /// Another run holds the lock.
    Locked,
    /// What the report of a run says.
    Run(u8),
}

impl Ending {
    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Unexpected => 1,
            Self::Usage => 2,
            Self::Configuration => 10,
            Self::Plugin => 11,
            Self::Locked => 13,
            Self::Run(code) => code,
        }
    }
}

/// Why the process ends without having done what it was asked: what, why, and what to do.
#[derive(Debug)]
pub struct Complaint {
    /// How the process ends.
    pub ending: Ending,
    /// What failed and why.
    pub message: String,
    /// What to do; may be empty.
    pub hint: String,
    /// What kind of failure it is, for the report.
    pub kind: ErrorKind,
}

impl Complaint {
    /// A complaint.
    pub fn new(ending: Ending, message: impl Into<String>, hint: impl Into<String>) -> Self {
        let kind = match ending {
            Ending::Configuration | Ending::Usage => ErrorKind::Config,
            Ending::Plugin => ErrorKind::PluginMissing,
            Ending::Good | Ending::Unexpected | Ending::Locked | Ending::Run(_) => ErrorKind::Other,
        };
        Self {
            ending,
            message: message.into(),
            hint: hint.into(),
            kind,
        }
    }

    /// A file of the user's that could not be written.
    pub fn file(doing: &str, path: &Path, error: &io::Error) -> Self {
        let failure = Failure::disk(doing, path, error);
        Self::new(Ending::Unexpected, failure.message, failure.hint)
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "forgekeep: {}", self.message)?;
        if !self.hint.is_empty() {
            write!(f, "\n  hint: {}", self.hint)?;
        }
        Ok(())
    }
}

impl From<ConfigError> for Complaint {
    fn from(error: ConfigError) -> Self {
        Self::new(Ending::Configuration, error.message(), error.hint())
    }
}

impl From<RunError> for Complaint {
    fn from(error: RunError) -> Self {
        match error {
            RunError::UnknownSource { .. } => Self {
                kind: error.to_failure().kind,
                ..Self::new(Ending::Usage, error.to_string(), error.hint())
            },
            RunError::Lock(error) => error.into(),
        }
    }
}

impl From<LockError> for Complaint {
    fn from(error: LockError) -> Self {
        let ending = match &error {
            LockError::Held { .. } => Ending::Locked,
            LockError::Folder(_) => Ending::Unexpected,
        };
        Self {
            kind: error.to_failure().kind,
            ..Self::new(ending, error.to_string(), error.hint())
        }
    }
}
