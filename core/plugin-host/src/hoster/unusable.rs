//! Why a file that may be loaded cannot be used all the same.

use std::path::PathBuf;

use forgekeep_untrusted::{Printable, Show as _};
use thiserror::Error;

use crate::broken::Broken;
use crate::client::NoWorker;
use crate::unfit::Unfit;

/// Why a plugin cannot be used: one line for the user, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unusable {
    /// It cannot be loaded.
    #[error("{0}")]
    Unfit(Unfit),
    /// It does not answer, or not by the rules.
    #[error("{0}")]
    Broken(Broken),
    /// It has answered with an error.
    #[error("it failed to start: {0}")]
    Failed(Printable),
    /// What it has answered is no document.
    #[error("its answer to `{method}` cannot be used: {why}")]
    BadDocument {
        /// What it was asked.
        method: &'static str,
        /// What is wrong.
        why: Printable,
    },
    /// It speaks protocols that are not spoken here.
    #[error("it speaks plugin protocol {from} to {to}; this forgekeep speaks {ours}")]
    OtherProtocol {
        /// The oldest of its protocols.
        from: u32,
        /// The newest.
        to: u32,
        /// The newest of ours.
        ours: u32,
    },
    /// A panic in it would end the process.
    #[error("it was built with panic = \"abort\": a panic in it would end its process")]
    Aborts,
    /// What it says about itself cannot be used.
    #[error("its manifest cannot be used: {0}")]
    BadManifest(Printable),
    /// Its file has the name of another.
    #[error("it is the plugin for \"{id}\", but its file is named for \"{named}\"")]
    WrongName {
        /// Its id.
        id: String,
        /// The id in the file's name.
        named: String,
    },
    /// Another plugin came first.
    #[error("the id \"{id}\" is taken by {}", by.shown())]
    IdTaken {
        /// The id.
        id: String,
        /// The plugin that has it.
        by: PathBuf,
    },
    /// `plugins.allow` does not name it.
    #[error("`plugins.allow` {}: its id is {id}, its SHA-256 {sha256}", not_allowed(*named))]
    NotAllowed {
        /// Its id.
        id: String,
        /// Hash of its file.
        sha256: String,
        /// Whether its id is named, with the hash of another file.
        named: bool,
    },
}

impl From<NoWorker> for Unusable {
    fn from(error: NoWorker) -> Self {
        match error {
            NoWorker::Unfit(unfit) => Self::Unfit(unfit),
            NoWorker::Broken(broken) => Self::Broken(broken),
        }
    }
}

impl Unusable {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Unfit(unfit) => unfit.hint(),
            Self::Broken(broken) => broken.how.hint().to_owned(),
            Self::Failed(_) | Self::BadDocument { .. } | Self::BadManifest(_) => {
                "report it to the plugin's authors".to_owned()
            }
            Self::OtherProtocol { from, ours, .. } if from > ours => {
                "install a newer forgekeep, or an older version of the plugin".to_owned()
            }
            Self::OtherProtocol { .. } => "install a newer version of the plugin".to_owned(),
            Self::Aborts => "rebuild it without `panic = \"abort\"` in its profile".to_owned(),
            Self::WrongName { id, .. } => {
                format!("name the file for its id, {id}, or for one of its aliases")
            }
            Self::IdTaken { .. } => {
                "remove one of the two; until then the order of the folders decides".to_owned()
            }
            Self::NotAllowed { id, sha256, .. } => format!(
                "add '{id}' or '{id}@sha256:{sha256}' to plugins.allow, after making sure that it is what you installed"
            ),
        }
    }
}

fn not_allowed(named: bool) -> &'static str {
    match named {
        true => "names it with the SHA-256 of another file",
        false => "does not name it",
    }
}

impl From<Unfit> for Unusable {
    fn from(unfit: Unfit) -> Self {
        Self::Unfit(unfit)
    }
}
