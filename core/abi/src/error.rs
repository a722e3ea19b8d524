use std::fmt;

use abi_stable::StableAbi;
use abi_stable::std_types::{RNone, ROption, RString};

use crate::Extras;

/// What [`HosterError::kind`] may hold. Open: a host treats a kind it does not know as
/// [`OTHER`](error_kind::OTHER).
pub mod error_kind {
    /// The credentials were refused (HTTP 401). The host stops asking: more tries lock accounts.
    pub const CREDENTIALS: &str = "credentials";
    /// The credentials are good, but not for this (HTTP 403): a scope, an allow-list, a role.
    pub const FORBIDDEN: &str = "forbidden";
    /// The workspace, project or account does not exist, or is hidden from these credentials.
    pub const NOT_FOUND: &str = "not-found";
    /// The hoster has withdrawn the account or the endpoint (HTTP 410).
    pub const GONE: &str = "gone";
    /// Too many requests (HTTP 429).
    pub const RATE_LIMITED: &str = "rate-limited";
    /// The hoster is out of order (HTTP 5xx).
    pub const UNAVAILABLE: &str = "unavailable";
    /// The answer is not what the hoster documents: HTML for JSON, a loop of pages, missing fields.
    pub const BAD_ANSWER: &str = "bad-answer";
    /// No answer: DNS, refused, reset, timed out.
    pub const NETWORK: &str = "network";
    /// TLS: certificate or handshake.
    pub const TLS: &str = "tls";
    /// The request broke a rule of the host (another origin, plain HTTP, a body over the cap).
    pub const POLICY: &str = "policy";
    /// The run was interrupted.
    pub const CANCELLED: &str = "cancelled";
    /// The plugin panicked, or broke the contract of this boundary.
    pub const PLUGIN: &str = "plugin";
    /// Anything else.
    pub const OTHER: &str = "other";
}

/// Why a plugin, or a service of the host, could not do what it was asked.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq)]
pub struct HosterError {
    /// One of [`error_kind`].
    pub kind: RString,
    /// What failed and why, in one line, without secrets.
    pub message: RString,
    /// What the user can do about it; may be empty.
    pub hint: RString,
    /// Whether trying again in a while is pointless.
    pub permanent: bool,
    /// HTTP status behind the error, where there was one.
    pub status: ROption<u16>,
    /// Seconds the hoster asked to wait.
    pub retry_after: ROption<u64>,
    /// See [`Extras`].
    pub extras: Extras,
}

impl HosterError {
    /// An error of a kind, permanent, without hint.
    pub fn new(kind: &str, message: impl Into<RString>) -> Self {
        Self {
            kind: kind.into(),
            message: message.into(),
            hint: RString::new(),
            permanent: true,
            status: RNone,
            retry_after: RNone,
            extras: Extras::new(),
        }
    }

    /// Adds what the user can do.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<RString>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Says that trying again may help.
    #[must_use]
    pub fn transient(mut self) -> Self {
        self.permanent = false;
        self
    }

    /// Adds the HTTP status behind the error.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = ROption::RSome(status);
        self
    }
}

impl fmt::Display for HosterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for HosterError {}
