use abi_stable::StableAbi;
use abi_stable::std_types::{RNone, ROption, RString, RVec};

use crate::{Authorization, Extras, SecretString};

/// Who a plugin is.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The `hoster:` of a source: lower-case letters, digits and `-`, at most 32.
    pub id: RString,
    /// Other values of `hoster:` this plugin answers to; same rule as `id`.
    pub aliases: RVec<RString>,
    /// The plugin's own version.
    pub version: RString,
    /// Who made it.
    pub authors: RVec<RString>,
    /// One line for `forgekeep plugins list`.
    pub description: RString,
    /// Base of the hoster's API, for a source without `apiUrl`; empty if each source must give one.
    pub api_url: RString,
    /// Further origins (`https://host`) that may get this hoster's credentials besides the API's
    /// own, such as the host that serves clones. Only used with the plugin's own `api_url`.
    pub trusted_origins: RVec<RString>,
    /// The plugin's own keys of a source.
    pub options: RVec<OptionSpec>,
    /// See [`Extras`].
    pub extras: Extras,
}

/// A key of a source that only this plugin knows.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq)]
pub struct OptionSpec {
    /// Key as written in the configuration, in camelCase.
    pub key: RString,
    /// One line of explanation.
    pub description: RString,
    /// Whether its value is a secret, and is masked wherever it is shown.
    pub secret: bool,
    /// See [`Extras`].
    pub extras: Extras,
}

/// A source of the configuration, as its plugin sees it. Empty strings stand for absent keys.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Title in the configuration; for messages.
    pub title: RString,
    /// Workspace, organisation or user to list.
    pub name: RString,
    /// `user`, `org`, or empty.
    pub kind: RString,
    /// User name for git.
    pub auth_name: RString,
    /// User name (for some hosters: e-mail) for the API.
    pub api_auth_name: RString,
    /// Password or token; never empty when present.
    pub secret: ROption<SecretString>,
    /// Base of the API to talk to, without a slash at the end: the source's, else the manifest's.
    pub api_url: RString,
    /// Values of the plugin's own [`Manifest::options`].
    pub options: Extras,
    /// See [`Extras`].
    pub extras: Extras,
}

/// How bad a finding is.
#[repr(u8)]
#[derive(StableAbi, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Good to know.
    Info,
    /// The source works, but perhaps not as its author thinks.
    Warning,
    /// The source cannot work.
    Error,
}

/// What a validation or a check found.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Key of the source it is about (`name`, `password`, …); may be empty.
    pub key: RString,
    /// What and why, in one line, without secrets.
    pub message: RString,
    /// What to do; may be empty.
    pub hint: RString,
    /// See [`Extras`].
    pub extras: Extras,
}

impl Finding {
    /// A finding about a key.
    pub fn new(severity: Severity, key: &str, message: impl Into<RString>) -> Self {
        Self {
            severity,
            key: key.into(),
            message: message.into(),
            hint: RString::new(),
            extras: Extras::new(),
        }
    }

    /// Adds what to do.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<RString>) -> Self {
        self.hint = hint.into();
        self
    }
}

/// Answer to "is this source sound?", asked online.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// How the plugin authenticated, in a few words, such as `API token of dev@example.com`.
    pub identity: RString,
    /// Number of repositories visible, where the hoster says so without listing all.
    pub visible: ROption<u64>,
    /// Whatever is worth saying.
    pub findings: RVec<Finding>,
    /// See [`Extras`].
    pub extras: Extras,
}

/// A repository of the hoster.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, Default, PartialEq, Eq)]
pub struct Repository {
    /// The hoster's immutable identity, kept over renames and moves.
    pub id: RString,
    /// Full name as the hoster shows it, parts joined by `/`.
    pub full_name: RString,
    /// URL to clone from, without user or password. May be empty when `skip` is set.
    pub clone_url: RString,
    /// URL of the wiki's repository, where the hoster says there is one.
    pub wiki_url: ROption<RString>,
    /// Name of the default branch, without `refs/heads/`; empty if the hoster did not say.
    pub default_branch: RString,
    /// Size in bytes as the hoster states it: a hint for scheduling, never relied upon.
    pub size: ROption<u64>,
    /// Whether it is private.
    pub private: bool,
    /// If set, the repository cannot be backed up by git, and this says why in one line.
    pub skip: ROption<RString>,
    /// See [`Extras`].
    pub extras: Extras,
}

impl Repository {
    /// A repository with what every hoster has.
    pub fn new(
        id: impl Into<RString>,
        full_name: impl Into<RString>,
        clone_url: impl Into<RString>,
    ) -> Self {
        Self {
            id: id.into(),
            full_name: full_name.into(),
            clone_url: clone_url.into(),
            ..Self::default()
        }
    }
}

/// Something said about a listing as a whole.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// How bad it is; an error here does not end the listing.
    pub severity: Severity,
    /// One line.
    pub message: RString,
    /// See [`Extras`].
    pub extras: Extras,
}

/// One page of a listing.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The repositories on it; may be empty.
    pub repositories: RVec<Repository>,
    /// How many there are on all pages, where the hoster says so.
    pub total: ROption<u64>,
    /// What there is to say.
    pub notes: RVec<Note>,
    /// See [`Extras`].
    pub extras: Extras,
}

/// What it takes to clone one repository.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq)]
pub struct GitAccess {
    /// Credentials, sent with the first request.
    pub authorization: Authorization,
    /// See [`Extras`].
    pub extras: Extras,
}

impl GitAccess {
    /// Access with these credentials.
    pub fn new(authorization: Authorization) -> Self {
        Self {
            authorization,
            extras: Extras::new(),
        }
    }
}

impl Default for Source {
    fn default() -> Self {
        Self {
            title: RString::new(),
            name: RString::new(),
            kind: RString::new(),
            auth_name: RString::new(),
            api_auth_name: RString::new(),
            secret: RNone,
            api_url: RString::new(),
            options: Extras::new(),
            extras: Extras::new(),
        }
    }
}
