use std::fmt;

use abi_stable::StableAbi;
use abi_stable::std_types::{RNone, ROption, RString};

use crate::Extras;

/// Why a plugin, or a service of the host, could not do what it was asked.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq)]
pub struct HosterError {
    /// One of [`error_kind`](crate::error_kind).
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
