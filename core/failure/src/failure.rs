//! What can go wrong with a source or a repository.
//!
//! Rules for errors:
//!
//! 1. A [`Failure`] has three parts: what failed and why (`message`), and what to do (`hint`).
//! 2. Its kind decides everything that follows by program: outcome, exit code, retry. The message
//!    is for people only.
//! 3. No secret is ever in it: URLs carry no user, and text from elsewhere went through
//!    a redactor.
//! 4. Message and hint are [`Printable`], whatever they are made of.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fmt, io};

use forgekeep_untrusted::{Printable, Show as _};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::trouble::{self, Trouble};
use crate::unexpected::Unexpected;
use crate::word::Word;

/// What kind of failure it is: the `kind` of an error in the report.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// The credentials were refused.
    Credentials,
    /// The credentials are good, but not for this.
    Forbidden,
    /// What was asked for does not exist, or is hidden from these credentials.
    NotFound,
    /// The hoster has withdrawn it.
    Gone,
    /// Too many requests.
    RateLimited,
    /// The hoster is out of order.
    Unavailable,
    /// The answer is not what the protocol or the hoster's documentation says.
    BadAnswer,
    /// No answer: name resolution, connection refused or reset, silence.
    Network,
    /// TLS: certificate or handshake.
    Tls,
    /// A rule of ours forbids it: credentials to another origin, plain HTTP, a body over the cap.
    Policy,
    /// The run was interrupted.
    Cancelled,
    /// A plugin panicked or broke its contract.
    Plugin,
    /// No plugin serves the source's hoster, or it could not be loaded.
    PluginMissing,
    /// The source's configuration cannot work.
    Config,
    /// The disk: full, read-only, no permission, an I/O error.
    Disk,
    /// The machine: no memory, no file descriptors, no processes. Nothing follows about the disk.
    Machine,
    /// The folder holds something that is not ours.
    ForeignFolder,
    /// A repository's format is one that this version does not know.
    ForeignFormat,
    /// The backup on disk is damaged.
    Damaged,
    /// Git said no: the remote's own error, or libgit2's.
    Git,
    /// A listing that falls short: of the last one, or of what the hoster counts.
    #[serde(alias = "brake")]
    Shortfall,
    /// Upstream has lost so much that somebody should look.
    #[serde(alias = "alarm")]
    Alert,
    /// Anything else.
    Other,
    /// What a newer version calls it: take it for other.
    #[serde(untagged)]
    Newer(Word),
}

impl ErrorKind {
    /// The word used in reports and across the plugin boundary.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not-found",
            Self::Gone => "gone",
            Self::RateLimited => "rate-limited",
            Self::Unavailable => "unavailable",
            Self::BadAnswer => "bad-answer",
            Self::Network => "network",
            Self::Tls => "tls",
            Self::Policy => "policy",
            Self::Cancelled => "cancelled",
            Self::Plugin => "plugin",
            Self::PluginMissing => "plugin-missing",
            Self::Config => "config",
            Self::Disk => "disk",
            Self::Machine => "machine",
            Self::ForeignFolder => "foreign-folder",
            Self::ForeignFormat => "foreign-format",
            Self::Damaged => "damaged",
            Self::Git => "git",
            Self::Shortfall => "shortfall",
            Self::Alert => "alert",
            Self::Other => "other",
            Self::Newer(word) => word.as_str(),
        }
    }

    /// The kind a word stands for; [`ErrorKind::Other`] for words of a newer plugin.
    pub fn from_word(word: &str) -> Self {
        const FROM_PLUGINS: [ErrorKind; 12] = [
            ErrorKind::Credentials,
            ErrorKind::Forbidden,
            ErrorKind::NotFound,
            ErrorKind::Gone,
            ErrorKind::RateLimited,
            ErrorKind::Unavailable,
            ErrorKind::BadAnswer,
            ErrorKind::Network,
            ErrorKind::Tls,
            ErrorKind::Policy,
            ErrorKind::Cancelled,
            ErrorKind::Plugin,
        ];
        FROM_PLUGINS
            .into_iter()
            .find(|kind| kind.as_str() == word)
            .unwrap_or(Self::Other)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a source, a repository or a run failed. The rules are at the head of this module.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, Error, PartialEq, Eq, Serialize, Deserialize)]
#[error("{message}")]
#[cfg_attr(
    feature = "schema",
    schemars(description = "What failed, why, and what to do.")
)]
pub struct Failure {
    /// What kind it is.
    pub kind: ErrorKind,
    /// What failed and why.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub message: Printable,
    /// What to do; may be empty.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub hint: Printable,
    /// Whether trying again in a while is pointless.
    #[serde(skip)]
    pub permanent: bool,
    /// HTTP status behind it, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(with = "u16", range(min = 100, max = 599))
    )]
    pub status: Option<u16>,
    /// How long the hoster asked to wait.
    #[serde(skip)]
    pub retry_after: Option<Duration>,
    /// Whether a file system, or somebody's share of it, is full.
    #[serde(skip)]
    pub out_of_space: bool,
    /// Whether the server has announced git's service, and said nothing of the repository.
    #[serde(skip)]
    pub says_nothing: bool,
    /// The message without the address that it is about, where many may fail for the same reason.
    #[serde(skip)]
    pub cause: Option<Printable>,
    /// Whose trouble it is, where the system has said it.
    #[serde(skip)]
    pub trouble: Option<Trouble>,
    /// Why an object was not read that would take too much memory. Nothing follows about it.
    #[serde(skip)]
    pub too_large: Option<Box<str>>,
    /// What is damaged, where it is a file or folder.
    #[serde(skip)]
    pub damage: Option<Box<Damage>>,
}

/// A file or folder that is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Which one.
    pub path: PathBuf,
    /// What is wrong with it.
    pub why: Printable,
}

impl Failure {
    /// A permanent failure without hint.
    pub fn new(kind: ErrorKind, message: impl Into<Printable>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: Printable::default(),
            permanent: true,
            status: None,
            retry_after: None,
            out_of_space: false,
            says_nothing: false,
            cause: None,
            trouble: None,
            too_large: None,
            damage: None,
        }
    }

    /// A file or folder is not what it should be.
    pub fn damaged(path: &Path, why: impl Into<Printable>) -> Self {
        let why = why.into();
        let message = format!("{} is damaged: {why}", path.shown());
        let mut failure = Self::new(ErrorKind::Damaged, message);
        failure.damage = Some(Box::new(Damage {
            path: path.to_owned(),
            why,
        }));
        failure
    }

    /// Remembers what is the same for all that fail for this reason: the message without the address
    /// that it is about.
    pub fn set_cause(&mut self, address: &str) {
        if !address.is_empty() && self.message.contains(address) {
            self.cause = Some(self.message.replace(address, "<address>").into());
        }
    }

    /// Adds what to do.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<Printable>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Says that trying again may help.
    #[must_use]
    pub fn transient(mut self) -> Self {
        self.permanent = false;
        self
    }

    /// Adds the HTTP status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// Puts what was being done in front of the message.
    #[must_use]
    pub fn while_doing(mut self, what: &str) -> Self {
        self.message = format!("{what}: {}", self.message).into();
        self
    }

    /// The run was interrupted.
    pub fn cancelled() -> Self {
        Self::new(ErrorKind::Cancelled, "interrupted")
            .with_hint("run again to continue; completed repositories are kept")
    }

    /// A file or folder could not be read or written.
    pub fn disk(doing: &str, path: &Path, error: &io::Error) -> Self {
        let hint = Unexpected::of(error).map_or_else(|| remedy(error), Unexpected::hint);
        let kind = match trouble::is_of_process(error) {
            true => ErrorKind::Machine,
            false => ErrorKind::Disk,
        };
        let mut failure = Self::new(kind, format!("cannot {doing} {}: {error}", path.shown()));
        failure.out_of_space = matches!(
            error.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        );
        failure.trouble = trouble::of(error);
        failure.with_hint(hint)
    }

    /// Whether it says nothing about what was to be read: a machine that is well may find it whole.
    /// Never to be taken, or remembered, for damage.
    pub fn is_of_machine(&self) -> bool {
        self.kind == ErrorKind::Machine || self.trouble == Some(Trouble::Machine)
    }

    /// Whether it says that what was to be read is damaged, or that the medium has lost it.
    pub fn is_damage(&self) -> bool {
        match self.kind {
            ErrorKind::Damaged => true,
            ErrorKind::Disk => !self.is_of_machine(),
            _ => false,
        }
    }
}

/// What to do about an error of the system.
fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull => "make room on this file system, then run again",
        io::ErrorKind::QuotaExceeded => {
            "make room or have this user's quota raised, which is used up; then run again"
        }
        io::ErrorKind::FileTooLarge => {
            "raise the limit on the size of files (ulimit -f); if there is none, this file system cannot hold files that large: move the backup to another"
        }
        io::ErrorKind::PermissionDenied => {
            "run as a user who may write there, or correct the permissions"
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            "see the system log: the file system is mounted read-only"
        }
        io::ErrorKind::NotFound => "check whether the disk is mounted and the folder still exists",
        io::ErrorKind::IsADirectory => Unexpected::Folder.hint(),
        io::ErrorKind::InvalidFilename => {
            "move the backup to another file system, or rename: this one does not accept such a \
            name"
        }
        io::ErrorKind::StaleNetworkFileHandle => {
            "mount the network file system again, then run again"
        }
        io::ErrorKind::NotADirectory => "name a folder, or move away the file in its place",
        _ if trouble::is_of_process(error) => {
            "raise the limits of this process (ulimit -n for open files, ulimit -v for memory), \
            or lower --jobs, then run again; this says nothing about the state of the backup"
        }
        _ => "see the system log for errors of this disk",
    }
}
