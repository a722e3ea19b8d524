//! What can go wrong in the demo hoster.

use std::io;

/// An error of the demo hoster.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused something: a port, a file, a socket.
    #[error("the demo hoster could not {action}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// The operating system's answer.
        source: io::Error,
    },
    /// A demo repository could not be made or read.
    #[error("the demo hoster's repositories could not be made or read")]
    Git(#[from] git2::Error),
    /// What a client sent is not what git's protocol allows.
    #[error("not a git request: {0}")]
    Protocol(String),
}

impl Error {
    pub(crate) fn io(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, source }
    }
}
