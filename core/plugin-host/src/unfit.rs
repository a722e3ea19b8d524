//! Why a file cannot be used as a plugin.

use std::io;
use std::path::PathBuf;

use forgekeep_untrusted::{Show as _, Untrusted};
use serde::{Deserialize, Deserializer, Serialize};
use thiserror::Error;

/// Why a file cannot be used as a plugin: one line for the user, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum Unfit {
    /// It cannot be read.
    #[error("the file cannot be read: {0}")]
    Unreadable(#[serde(deserialize_with = "said")] String),
    /// It is a folder, or something stranger.
    #[error("it is not a file")]
    NotAFile,
    /// Others may change what would run with the rights of this user.
    #[error("{} is writable by others", .0.shown())]
    WritableByOthers(PathBuf),
    /// Somebody else owns it, and may change it at any time.
    #[error("{} belongs to another user (id {owner})", path.shown())]
    ForeignOwner {
        /// File or folder.
        path: PathBuf,
        /// Its owner.
        owner: u32,
    },
    /// It is not the file that was looked at before.
    #[error("the file has changed: its SHA-256 was {expected}, and is {found}")]
    Changed {
        /// Hash of the file that is meant.
        #[serde(deserialize_with = "said")]
        expected: String,
        /// Hash of the file that is there.
        #[serde(deserialize_with = "said")]
        found: String,
    },
    /// The system's loader does not take it.
    #[error("it is not a library this system can load: {0}")]
    NotALibrary(#[serde(deserialize_with = "said")] String),
    /// It is a library, but no plugin.
    #[error("it is a library, but not a Forgekeep plugin: it exports no `forgekeep_plugin_1`")]
    NoSymbol,
    /// It was made for something else that uses abi_stable.
    #[error("it is a library, but not a Forgekeep plugin: {0}")]
    NotOurs(#[serde(deserialize_with = "said")] String),
    /// What it exports under a plugin's name is no plugin's table.
    #[error("its `forgekeep_plugin_1` is not a plugin's table: {0}")]
    NotATable(#[serde(deserialize_with = "said")] String),
    /// It was built for another ABI.
    #[error("it was built for plugin ABI {theirs}; this forgekeep speaks {ours}")]
    OtherAbi {
        /// What it was built for.
        #[serde(deserialize_with = "said")]
        theirs: String,
        /// What is spoken here.
        ours: u32,
    },
    /// The version in abi_stable's header is right, but the types are not.
    #[error("it says it was built for plugin ABI {0}, but its types differ")]
    OtherLayout(u32),
    /// Its two entrances do not lead to the same plugin.
    #[error("abi_stable's header and `forgekeep_plugin_1` lead to different tables")]
    TwoTables,
    /// It failed while starting.
    #[error("it failed to start: {0}")]
    Failed(#[serde(deserialize_with = "said")] String),
}

impl Unfit {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Unreadable(_) => "check the path and the permissions".to_owned(),
            Self::NotAFile => "put the plugin's library there, or remove it".to_owned(),
            Self::WritableByOthers(path) => format!(
                "chmod o-w {}, after making sure that it is what you installed",
                path.shown()
            ),
            Self::ForeignOwner { path, .. } => format!(
                "chown {} to root or to the user who runs forgekeep, after making sure that it is what you installed",
                path.shown()
            ),
            Self::Changed { .. } => {
                "run the command again, after making sure that the file is what you installed"
                    .to_owned()
            }
            Self::NotALibrary(_) => {
                "get the plugin built for this operating system and processor".to_owned()
            }
            Self::NoSymbol | Self::NotOurs(_) => {
                "remove the file, or give it another name: only plugins are called so".to_owned()
            }
            Self::OtherAbi { .. } => {
                "rebuild it with the SDK of this forgekeep, or install the plugin that came with it"
                    .to_owned()
            }
            Self::OtherLayout(abi) => format!(
                "rebuild it against forgekeep-abi {abi} with its own lock file; -vv shows the difference"
            ),
            Self::NotATable(_) | Self::TwoTables | Self::Failed(_) => {
                "report it to the plugin's authors".to_owned()
            }
        }
    }

    /// A file that cannot be read.
    pub(crate) fn unreadable(error: &io::Error) -> Self {
        Self::Unreadable(error.to_string())
    }
}

/// Text of the system or of a plugin, for one line on a terminal.
pub(crate) fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = Untrusted::new(line).into_shown().to_string();
    line.chars().take(400).collect()
}

/// Words of a worker, in which a plugin's code has run by then: nothing of them takes over a terminal.
pub(crate) fn said<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(one_line(&String::deserialize(from)?))
}
