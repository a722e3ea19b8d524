//! A source as its hoster sees it.

use std::collections::BTreeMap;

use forgekeep_config::{FileContent, Isolation, OptionValue, Protocol};
use forgekeep_untrusted::Secret;

/// A source as its hoster sees it.
#[derive(Clone, Debug, Default)]
pub struct SourceSpec {
    /// Title in the configuration.
    pub title: String,
    /// Workspace, organisation or user to list.
    pub name: String,
    /// `type`: a word that the hoster knows, or empty.
    pub kind: String,
    /// User name for git; may be empty.
    pub auth_name: String,
    /// User name for the API; may be empty.
    pub api_auth_name: String,
    /// Secrets, by key: `password`, and those of the hoster's own options.
    pub secrets: BTreeMap<String, Secret>,
    /// Base of the API, without a slash at the end.
    pub api_url: String,
    /// Values of the hoster's own options, but for secrets and files.
    pub options: BTreeMap<String, OptionValue>,
    /// Contents of the hoster's own options that are files.
    pub files: BTreeMap<String, FileContent>,
    /// Whether it is a target, to write to.
    pub target: bool,
    /// Of a target: the project that repositories are made in.
    pub project: String,
    /// How git is to be fetched.
    pub protocol: Protocol,
    /// Where the plugin runs.
    pub isolation: Isolation,
    /// Names of variables that the plugin's process gets from the environment.
    pub environment: Vec<String>,
}
