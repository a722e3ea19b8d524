//! Complaints that end the process.

use std::path::Path;
use std::{fmt, io};

use forgekeep_config::ConfigError;
use forgekeep_durable::lock::LockError;
use forgekeep_engine::run::RunError;
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_status::Level;
use forgekeep_summary::text;
use forgekeep_terminal_text::{Tone, paint};
use forgekeep_untrusted::Printable;

pub use forgekeep_failure::ExitCode;

/// How the process ends.
#[derive(Clone, Copy, Debug)]
pub enum Ending {
    /// As commands do.
    Command(ExitCode),
    /// As monitors expect it.
    Monitor(Level),
}

impl Ending {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Command(code) => code.code(),
            Self::Monitor(level) => level.code(),
        }
    }

    /// The same, where what was asked for did not arrive: a failure, unless one is known already, which
    /// says more.
    pub fn without_output(self) -> Self {
        match self {
            Self::Command(ExitCode::Good) => Self::Command(ExitCode::Unexpected),
            Self::Monitor(Level::Ok | Level::Warning) => Self::Monitor(Level::Unknown),
            other => other,
        }
    }
}

impl From<ExitCode> for Ending {
    fn from(code: ExitCode) -> Self {
        Self::Command(code)
    }
}

/// Why the process ends without having done what it was asked: what, why, and what to do.
#[derive(Debug)]
pub struct Complaint {
    /// How the process ends.
    pub ending: ExitCode,
    /// What failed and why.
    pub message: Printable,
    /// What to do; may be empty.
    pub hint: Printable,
    /// What kind of failure it is, for the report.
    pub kind: ErrorKind,
}

impl Complaint {
    /// A complaint.
    pub fn new(
        ending: ExitCode,
        message: impl Into<Printable>,
        hint: impl Into<Printable>,
    ) -> Self {
        let kind = match ending {
            ExitCode::Configuration | ExitCode::Usage => ErrorKind::Config,
            ExitCode::Plugin => ErrorKind::PluginMissing,
            ExitCode::Good
            | ExitCode::Unexpected
            | ExitCode::Partial
            | ExitCode::Credentials
            | ExitCode::Locked
            | ExitCode::Interrupted
            | ExitCode::Newer(_) => ErrorKind::Other,
        };
        Self {
            ending,
            message: message.into(),
            hint: hint.into(),
            kind,
        }
    }

    /// The command line cannot be read.
    pub fn usage(error: &clap::Error) -> Self {
        let text = error.render().to_string();
        // What follows shows how it is used, on lines of its own.
        let first = text.split("\n\n").next().unwrap_or_default();
        let lines = first.lines().map(str::trim).collect::<Vec<_>>().join(" ");
        let message = lines.strip_prefix("error: ").unwrap_or(&lines);
        let hint = "run the command with --help to see what it takes";
        Self::new(ExitCode::Usage, message, hint)
    }

    /// The same as reports have it.
    pub fn to_failure(&self) -> Failure {
        Failure::new(self.kind, self.message.clone()).with_hint(self.hint.clone())
    }

    /// A file of the user's that could not be written.
    pub fn file(doing: &str, path: &Path, error: &io::Error) -> Self {
        let failure = Failure::disk(doing, path, error);
        Self::new(ExitCode::Unexpected, failure.message, failure.hint)
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = format!("{} {}", paint(Tone::Bad, "forgekeep:"), self.message);
        f.write_str(&text::advised("", &message, &self.hint))
    }
}

impl From<ConfigError> for Complaint {
    fn from(error: ConfigError) -> Self {
        Self::new(ExitCode::Configuration, error.message(), error.hint())
    }
}

impl From<RunError> for Complaint {
    fn from(error: RunError) -> Self {
        match error {
            RunError::UnknownSource { .. } => Self {
                kind: error.to_failure().kind,
                ..Self::new(ExitCode::Usage, error.to_string(), error.hint())
            },
            RunError::OtherFolder(failure) => Self {
                kind: failure.kind,
                ..Self::new(ExitCode::Configuration, failure.message, failure.hint)
            },
            RunError::Lock(error) => error.into(),
        }
    }
}

impl From<LockError> for Complaint {
    fn from(error: LockError) -> Self {
        let ending = match &error {
            LockError::Held { .. } => ExitCode::Locked,
            LockError::Folder(_) => ExitCode::Unexpected,
        };
        Self {
            kind: error.to_failure().kind,
            ..Self::new(ending, error.to_string(), error.hint())
        }
    }
}
