use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::list::{Part, PartKind, Repository};
use crate::macros::{document, words_that_decide};
use crate::read::{Document, Read};
use crate::refused::Refused;
use crate::secret::Secret;
use crate::ssh::Ssh;
use crate::time::Timestamp;

words_that_decide! {
    /// What access is for.
    pub enum Deed, by default Fetch {
        /// To fetch by git.
        Fetch = "fetch",
        /// To push by git.
        Push = "push",
        /// To get LFS objects.
        Lfs = "lfs",
        /// To export metadata.
        Export = "export",
    }
}

document! {
    /// Which part of a repository.
    pub struct PartRef {
        /// What it is.
        pub kind: PartKind,
        /// [`Part::id`](crate::Part::id).
        pub id: String,
    }
}

document! {
    /// Asks for access to a part of a repository, right before each attempt.
    pub struct AccessRequest {
        /// The repository's identity.
        pub id: String,
        /// Its handle, from the listing.
        pub handle: String,
        /// Its full name.
        pub full_name: String,
        /// Which part.
        pub part: PartRef,
        /// Where the part is.
        pub url: String,
        /// To do what.
        pub deed: Deed,
        /// Whether what was given before was refused: a token that was kept is of no use any more.
        pub refused_before: bool,
    }
}

impl AccessRequest {
    /// For a part of a repository as they were listed, and for the first time.
    pub fn new(repository: &Repository, part: &Part, deed: Deed) -> Self {
        Self {
            id: repository.id.clone(),
            handle: repository.handle.clone(),
            full_name: repository.full_name.clone(),
            part: PartRef {
                kind: part.kind.clone(),
                id: part.id.clone(),
            },
            url: part.url.clone(),
            deed,
            refused_before: false,
        }
    }
}

/// Credentials of an HTTP request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Auth {
    /// None.
    #[default]
    None,
    /// `Authorization: Basic …`.
    Basic {
        /// User name.
        user: String,
        /// Password or token.
        secret: Secret,
    },
    /// `Authorization: Bearer …`.
    Bearer {
        /// Token.
        secret: Secret,
    },
    /// A header of the hoster's own, such as `PRIVATE-TOKEN: …`.
    Header {
        /// The header's name.
        name: String,
        /// Its value.
        secret: Secret,
    },
    /// `Authorization` with another word before the secret, such as `token …`.
    Scheme {
        /// The word.
        scheme: String,
        /// What follows it.
        secret: Secret,
    },
}

impl Auth {
    /// `Authorization: Basic …`.
    pub fn basic(user: impl Into<String>, secret: &Secret) -> Self {
        Self::Basic {
            user: user.into(),
            secret: secret.clone(),
        }
    }

    /// `Authorization: Bearer …`.
    pub fn bearer(secret: &Secret) -> Self {
        Self::Bearer {
            secret: secret.clone(),
        }
    }

    /// A header of the hoster's own.
    pub fn header(name: impl Into<String>, secret: &Secret) -> Self {
        Self::Header {
            name: name.into(),
            secret: secret.clone(),
        }
    }

    /// `Authorization` with another word before the secret.
    pub fn scheme(scheme: impl Into<String>, secret: &Secret) -> Self {
        Self::Scheme {
            scheme: scheme.into(),
            secret: secret.clone(),
        }
    }
}

document! {
    /// A path on this machine. The host takes it only where the source's configuration names it.
    pub struct Local {
        /// The path.
        pub path: String,
        /// The program that is run in place of git's own upload-pack. The host takes only one that the
        /// source's configuration names.
        pub upload_pack: String,
    }
}

/// How to come to a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// By HTTP, at the part's address.
    Http(Auth),
    /// By ssh.
    Ssh(Ssh),
    /// It is here.
    Local(Local),
}

/// How to come to a part, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// How.
    pub way: Way,
    /// When the credentials end, where that is known.
    pub expires: Option<Timestamp>,
}

impl Access {
    /// By HTTP with these credentials, of which no end is known.
    pub fn http(auth: Auth) -> Self {
        Self {
            way: Way::Http(auth),
            expires: None,
        }
    }

    /// By ssh.
    pub fn ssh(ssh: Ssh) -> Self {
        Self {
            way: Way::Ssh(ssh),
            expires: None,
        }
    }

    /// From a path on this machine that the source's configuration names.
    pub fn local(path: impl Into<String>) -> Self {
        Self {
            way: Way::Local(Local {
                path: path.into(),
                ..Local::default()
            }),
            expires: None,
        }
    }

    /// Says when the credentials end.
    #[must_use]
    pub fn until(mut self, expires: Timestamp) -> Self {
        self.expires = Some(expires);
        self
    }
}

impl Default for Access {
    /// By HTTP, without credentials.
    fn default() -> Self {
        Self::http(Auth::None)
    }
}

document! {
    /// All ways and all credentials, as they stand in a document.
    pub struct Written {
        /// Which: `none`, `basic`, `bearer`, `header`, `scheme`, `ssh` or `local`.
        pub kind: String,
        /// Of basic and ssh.
        pub user: String,
        /// Of basic, bearer, header and scheme.
        pub secret: Secret,
        /// Of a header.
        pub name: String,
        /// Of a scheme.
        pub scheme: String,
        /// Of ssh.
        pub host: String,
        /// Of ssh.
        pub port: Option<u16>,
        /// Of ssh and local.
        pub path: String,
        /// Of ssh and local.
        pub upload_pack: String,
        /// When it ends.
        pub expires: Option<Timestamp>,
    }
}

impl Written {
    fn of_auth(auth: &Auth) -> Self {
        let mut written = Self::default();
        let (kind, secret) = match auth {
            Auth::None => ("none", None),
            Auth::Basic { user, secret } => {
                written.user.clone_from(user);
                ("basic", Some(secret))
            }
            Auth::Bearer { secret } => ("bearer", Some(secret)),
            Auth::Header { name, secret } => {
                written.name.clone_from(name);
                ("header", Some(secret))
            }
            Auth::Scheme { scheme, secret } => {
                written.scheme.clone_from(scheme);
                ("scheme", Some(secret))
            }
        };
        written.kind = kind.to_owned();
        written.secret = secret.cloned().unwrap_or_default();
        written
    }

    fn of_access(access: &Access) -> Self {
        let mut written = match &access.way {
            Way::Http(auth) => Self::of_auth(auth),
            Way::Ssh(ssh) => Self {
                kind: "ssh".to_owned(),
                user: ssh.user.clone(),
                host: ssh.host.clone(),
                port: ssh.port,
                path: ssh.path.clone(),
                upload_pack: ssh.upload_pack.clone(),
                ..Self::default()
            },
            Way::Local(local) => Self {
                kind: "local".to_owned(),
                path: local.path.clone(),
                upload_pack: local.upload_pack.clone(),
                ..Self::default()
            },
        };
        written.expires = access.expires;
        written
    }

    /// `None` for what is no credential of HTTP. That a kind is absent is no kind either: what is
    /// sent is never left to a default.
    fn auth(self) -> Option<Auth> {
        Some(match self.kind.as_str() {
            "none" => Auth::None,
            "basic" => Auth::Basic {
                user: self.user,
                secret: self.secret,
            },
            "bearer" => Auth::Bearer {
                secret: self.secret,
            },
            "header" => Auth::Header {
                name: self.name,
                secret: self.secret,
            },
            "scheme" => Auth::Scheme {
                scheme: self.scheme,
                secret: self.secret,
            },
            _ => return None,
        })
    }

    fn access(self) -> Option<Access> {
        let expires = self.expires;
        let way = match self.kind.as_str() {
            "ssh" => Way::Ssh(Ssh {
                user: self.user,
                host: self.host,
                port: self.port,
                path: self.path,
                upload_pack: self.upload_pack,
            }),
            "local" => Way::Local(Local {
                path: self.path,
                upload_pack: self.upload_pack,
            }),
            _ => Way::Http(self.auth()?),
        };
        Some(Access { way, expires })
    }
}

impl Serialize for Auth {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Written::of_auth(self).serialize(to)
    }
}

impl Read for Auth {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let auth = Written::deserialize(from)?.auth();
        auth.ok_or_else(|| D::Error::custom("an unknown kind of credentials"))
    }
}

impl Serialize for Access {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Written::of_access(self).serialize(to)
    }
}

impl Read for Access {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let access = Written::deserialize(from)?.access();
        access.ok_or_else(|| D::Error::custom("an unknown kind of access"))
    }
}

impl Document for AccessRequest {}

impl Document for Access {
    fn sound(&self) -> Result<(), Refused> {
        match &self.way {
            Way::Ssh(ssh) => ssh.sound(),
            Way::Http(_) | Way::Local(_) => Ok(()),
        }
    }
}
