//! Why a pack cannot be read.

use std::io;
use std::path::{Path, PathBuf};

use forgekeep_failure::Failure;

/// Why a pack cannot be read to its end.
#[derive(Debug)]
pub enum Unsound {
    /// It violates the format.
    Invalid(&'static str),
    /// An object of so many bytes would have to be held in memory at once, which is more than is allowed.
    TooLarge(u64),
    /// Two files were made to have the same SHA-1 (<https://shattered.io>), and this is one of them.
    Collision,
    /// A delta is made from an object that is nowhere.
    NoBase(git2::Oid),
    /// The machine cannot do this with that file.
    Disk(&'static str, PathBuf, io::Error),
    /// It was cancelled, or a base cannot be had.
    Failed(Failure),
}

impl Unsound {
    /// An error of the system, met at `doing` this with the file at `path`.
    pub(crate) fn disk(doing: &'static str, path: &Path, error: io::Error) -> Self {
        Self::Disk(doing, path.to_owned(), error)
    }

    /// In words, for the middle of a sentence.
    pub fn why(&self) -> String {
        match self {
            Self::Invalid(why) => (*why).into(),
            Self::TooLarge(size) => {
                format!("an object of {size} bytes would have to be held in memory at once")
            }
            Self::Collision => "an object was made to collide with another under SHA-1".into(),
            Self::NoBase(oid) => format!("the base {oid} of a delta is missing"),
            Self::Disk(_, _, error) => error.to_string(),
            Self::Failed(failure) => failure.message.to_string(),
        }
    }
}

impl From<Failure> for Unsound {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}
