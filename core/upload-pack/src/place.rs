//! Where a repository is.

use std::fmt;
use std::path::PathBuf;

use forgekeep_untrusted::Shown;

/// Where a repository is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Behind ssh.
    Ssh(SshPlace),
    /// A path on this machine, which the configuration names.
    Local(PathBuf),
}

/// Where a repository is behind ssh. Whoever makes one has checked that no part begins with `-` or holds a
/// control character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshPlace {
    /// User name; empty for the one that the user's configuration of ssh has.
    pub user: String,
    /// Host.
    pub host: String,
    /// Port; none for ssh's own, or the user's configuration.
    pub port: Option<u16>,
    /// The path there.
    pub path: String,
}

impl SshPlace {
    /// Whom to log in as, where: `user@host:port`, for people.
    pub(crate) fn login(&self) -> Login<'_> {
        Login(self)
    }
}

/// A login as it is shown.
pub(crate) struct Login<'a>(&'a SshPlace);

impl fmt::Display for Login<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.0;
        if !place.user.is_empty() {
            write!(f, "{}@", Shown::of(&place.user))?;
        }
        write!(f, "{}", Shown::of(&place.host))?;
        match place.port {
            Some(port) => write!(f, ", port {port}"),
            None => Ok(()),
        }
    }
}
