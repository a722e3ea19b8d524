use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::list::Repository;
use crate::macros::document;
use crate::read::{Document, Read};

document! {
    /// Asks what became of a repository that is no longer listed.
    pub struct LookupRequest {
        /// Its identity.
        pub id: String,
        /// Its handle, where one is known from a listing of this run.
        pub handle: String,
        /// Its full name, as last listed.
        pub full_name: String,
    }
}

/// What became of a repository. A status alone proves nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It is there.
    Present(Box<Repository>),
    /// It is hidden from these credentials, or nothing is known of it. Its backup is kept.
    Hidden,
    /// It is deleted. Its backup may be removed, where the user wants that.
    Deleted {
        /// What proves it, in one line.
        proof: String,
    },
}

impl Presence {
    /// It is there.
    pub fn present(repository: Repository) -> Self {
        Self::Present(Box::new(repository))
    }
}

document! {
    /// An answer as it stands in a document.
    pub struct Written {
        /// Which: `present`, `hidden` or `deleted`.
        pub state: String,
        /// Of present.
        pub repository: Option<Box<Repository>>,
        /// Of deleted.
        pub proof: String,
    }
}

impl Serialize for Presence {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let (state, repository, proof) = match self {
            Self::Present(repository) => ("present", Some(repository.clone()), ""),
            Self::Hidden => ("hidden", None, ""),
            Self::Deleted { proof } => ("deleted", None, proof.as_str()),
        };
        let written = Written {
            state: state.to_owned(),
            repository,
            proof: proof.to_owned(),
        };
        written.serialize(to)
    }
}

impl Read for Presence {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let written = Written::deserialize(from)?;
        match (written.state.as_str(), written.repository) {
            ("present", Some(repository)) => Ok(Self::Present(repository)),
            ("hidden", _) => Ok(Self::Hidden),
            ("deleted", _) if !written.proof.is_empty() => Ok(Self::Deleted {
                proof: written.proof,
            }),
            ("present", None) => Err(D::Error::custom("present, but no repository")),
            ("deleted", _) => Err(D::Error::custom("deleted, but no proof")),
            _ => Err(D::Error::custom("an unknown state of a repository")),
        }
    }
}

impl Document for LookupRequest {}
impl Document for Presence {}
