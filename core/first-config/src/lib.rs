//! The first configuration of a new user: which of a source's keys have to be asked for, and the commented
//! text that is written. Nothing is read or written here.
//!
//! What a hoster needs follows from the manifest of its plugin alone.

mod setting;
mod text;

use std::path::PathBuf;

use forgekeep_config::PluginKeys;

pub use setting::{Setting, Unset, is_variable};
pub use text::{Syntax, text};

/// What has to be known of a source before it can be configured, by the manifest of its plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// A `name`: whose repositories they are.
    pub name: bool,
    /// An `apiUrl`: the hoster has no address of its own.
    pub api_url: bool,
}

impl Needs {
    /// What a hoster needs whose plugin has these keys, and this address of its API.
    pub fn of(keys: &PluginKeys, api_url: &str) -> Self {
        Self {
            name: !keys.nameless,
            api_url: !keys.nameless && api_url.is_empty(),
        }
    }
}

/// Where the token is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenPlace {
    /// There is none.
    None,
    /// A file, relative to the configuration; or a systemd credential of that name.
    File(String),
    /// An environment variable.
    Variable(String),
}

/// The answers to all questions.
#[derive(Clone, Debug)]
pub struct Answers {
    /// The backup folder, absolute.
    pub folder: PathBuf,
    /// The source's title.
    pub title: String,
    /// Its hoster.
    pub hoster: String,
    /// What the plugin says of itself, in one line.
    pub about: String,
    /// Its `type`.
    pub kind: Option<String>,
    /// Its `name`.
    pub name: Option<String>,
    /// Its `apiUrl`.
    pub api_url: Option<String>,
    /// Its `apiAuthName`.
    pub api_auth_name: Option<String>,
    /// Its `authName`.
    pub auth_name: Option<String>,
    /// Keys of its plugin.
    pub settings: Vec<Setting>,
    /// Its token.
    pub token: TokenPlace,
}
