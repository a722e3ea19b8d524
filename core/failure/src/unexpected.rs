//! What may be in the place of a file or folder of ours.

use std::io;

use thiserror::Error;

/// What is in the place of a regular file or of a folder.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Unexpected {
    /// A symbolic link.
    #[error("it is a symbolic link, which is not followed here")]
    Link,
    /// A folder, where a file should be.
    #[error("it is a folder, not a file")]
    Folder,
    /// A pipe, a socket or a device.
    #[error("it is not a regular file")]
    Special,
    /// A file, where a folder should be.
    #[error("it is not a folder")]
    NoFolder,
}

impl Unexpected {
    /// As an error of reading or writing.
    pub fn error(self) -> io::Error {
        io::Error::other(self)
    }

    /// What it is about, if an error is of this kind.
    pub fn of(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }

    /// What to do about it.
    pub fn hint(self) -> &'static str {
        match self {
            Self::Link => {
                "remove the link, or replace it by what it points to: only the backup folder and \
                the folders of sources may be links"
            }
            Self::Folder => "move the folder elsewhere: a file belongs in its place",
            Self::Special => {
                "remove this pipe, socket or device: a regular file belongs in its place"
            }
            Self::NoFolder => "move the file elsewhere: a folder belongs in its place",
        }
    }
}
