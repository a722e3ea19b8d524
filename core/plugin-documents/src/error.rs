use std::fmt;

use crate::macros::{document, words_that_inform};
use crate::read::Document;
use crate::time::Timestamp;

words_that_inform! {
    /// What kind of error it is. It decides outcome and exit code; messages are for people.
    pub enum ErrorKind, by default Other {
        /// The credentials were refused (401). The host stops asking: more tries lock accounts.
        Credentials = "credentials",
        /// The credentials are good, but not for this (403): a scope, an allow-list, a role.
        Forbidden = "forbidden",
        /// What was asked for does not exist, or is hidden from these credentials (404).
        NotFound = "not-found",
        /// The hoster has withdrawn the account or the endpoint (410).
        Gone = "gone",
        /// Too many requests (429).
        RateLimited = "rate-limited",
        /// The hoster is out of order (5xx).
        Unavailable = "unavailable",
        /// The answer is not what the hoster documents: HTML for JSON, a loop of pages.
        BadAnswer = "bad-answer",
        /// No answer: name resolution, refused, reset, timed out.
        Network = "network",
        /// TLS: certificate or handshake.
        Tls = "tls",
        /// A rule of the host forbids it: another origin, plain HTTP, a body over the cap.
        Policy = "policy",
        /// The run was interrupted.
        Cancelled = "cancelled",
        /// The plugin panicked, or broke the contract.
        Plugin = "plugin",
        /// The receiver does not know the method, or what the document requires.
        Unsupported = "unsupported",
    }
}

words_that_inform! {
    /// What an error is about.
    pub enum Concern, by default Other {
        /// The one repository that was asked about.
        Repository = "repository",
        /// The whole source: the next repository fares no better.
        Source = "source",
    }
}

document! {
    /// Why somebody could not do what was asked.
    pub struct HosterError {
        /// What kind.
        pub kind: ErrorKind,
        /// What failed and why, in one line, without secrets.
        pub message: String,
        /// What the user can do about it.
        pub hint: String,
        /// What it is about. Absent: what was asked for.
        pub concerns: Concern,
        /// Whether asking again in a while is pointless.
        pub permanent: bool,
        /// In how many seconds to ask again.
        pub retry_after: Option<u64>,
        /// When to ask again.
        pub retry_at: Option<Timestamp>,
        /// HTTP status behind it, where there was one.
        pub status: Option<u16>,
        /// What the hoster said itself, in its own words.
        pub said: String,
    }
}

impl HosterError {
    /// An error of a kind, permanent, without hint.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            permanent: true,
            ..Self::default()
        }
    }

    /// Adds what the user can do.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Adds the HTTP status behind the error.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// Adds the hoster's own words.
    #[must_use]
    pub fn with_said(mut self, said: impl Into<String>) -> Self {
        self.said = said.into();
        self
    }

    /// Says what it is about.
    #[must_use]
    pub fn about(mut self, concerns: Concern) -> Self {
        self.concerns = concerns;
        self
    }

    /// Says that asking again may help.
    #[must_use]
    pub fn transient(mut self) -> Self {
        self.permanent = false;
        self
    }
}

impl fmt::Display for HosterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for HosterError {}

impl Document for HosterError {}
