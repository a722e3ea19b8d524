//! The first configuration of a new user: which of a source's keys have to be asked for, and the commented
//! text that is written. Nothing is read or written here.
//!
//! What a hoster needs follows from the manifest of its plugin alone.

mod setting;
mod text;
mod token;

use std::path::PathBuf;

use forgekeep_config::PluginKeys;

pub use setting::{Setting, Unset, is_variable};
pub use text::{Syntax, text};
pub use token::{BadToken, read_token};

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

/// A title as a part of the name of a file or of a variable.
pub fn plain(title: &str) -> String {
    let dashed = title.to_lowercase().replace(
        |c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_',
        "-",
    );
    match dashed.trim_matches('-') {
        "" => "forgekeep".to_owned(),
        plain => plain.to_owned(),
    }
}

/// The variable for the token of a source of this title.
pub fn variable_name(title: &str) -> String {
    let name = plain(title).to_uppercase().replace('-', "_");
    match name.starts_with(|c: char| c.is_ascii_digit()) {
        true => format!("TOKEN_{name}"),
        false => format!("{name}_TOKEN"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_of_titles() {
        for (title, file, variable) in [
            ("acme", "acme", "ACME_TOKEN"),
            ("../../etc: \"x", "etc---x", "ETC___X_TOKEN"),
            ("7 seas", "7-seas", "TOKEN_7_SEAS"),
            ("\u{fc}", "forgekeep", "FORGEKEEP_TOKEN"),
        ] {
            assert_eq!(
                (plain(title).as_str(), variable_name(title).as_str()),
                (file, variable)
            );
            assert!(is_variable(&variable_name(title)));
        }
    }
}
