use forgekeep_http::Authorization;
use forgekeep_upload_pack::Place;

/// How to come to a part of a repository.
#[derive(Clone, Debug)]
pub enum Access {
    /// By HTTP, at the part's address, with these credentials.
    Http(Authorization),
    /// By a program of git's, here or behind ssh. It was checked that the source's configuration lets it.
    Pipes {
        /// Where it is.
        place: Place,
        /// The program in place of `git-upload-pack`.
        program: Option<String>,
    },
}

impl Access {
    /// The credentials, where it is by HTTP.
    pub fn authorization(&self) -> Option<&Authorization> {
        match self {
            Self::Http(authorization) => Some(authorization),
            Self::Pipes { .. } => None,
        }
    }
}
