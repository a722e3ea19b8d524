//! The way to a repository by ssh, and the addresses that name one.
//!
//! What an address holds ends up on a command line here and in a shell at the other end, so all of it is
//! checked after it was decoded: a user or host that begins with `-` would be an option of ssh.

use std::fmt;

use crate::macros::document;
use crate::refused::Refused;

document! {
    /// The way to a part by ssh. The host makes the command.
    pub struct Ssh {
        /// User name. Empty: what the user's configuration of ssh says.
        pub user: String,
        /// Host.
        pub host: String,
        /// Port. Absent: ssh's own, or the user's configuration.
        pub port: Option<u16>,
        /// Path of the repository there. It is relative to the login's home without a slash at the
        /// begin. Empty: the path of the part's address.
        pub path: String,
        /// The program that is run there in place of `git-upload-pack`. The host takes only one that
        /// the source's configuration names.
        pub upload_pack: String,
    }
}

/// Why a text is no address for ssh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSsh {
    /// It is the address of another protocol, or none.
    Other,
    /// It holds a password.
    Password,
    /// The user name cannot be one.
    User,
    /// There is no host, or it cannot be one.
    Host,
    /// The port is no number from 1 to 65535.
    Port,
    /// There is no path, or it cannot be one.
    Path,
}

impl fmt::Display for NotSsh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Other => "it is no address for ssh",
            Self::Password => "it holds a password, which ssh does not take from an address",
            Self::User => {
                "its user name begins with `-`, or holds more than letters, digits and `. _ - + = ~ , @`"
            }
            Self::Host => {
                "its host is empty, begins with `-`, or holds more than letters, digits, `.`, `-` and `_`"
            }
            Self::Port => "its port is no number from 1 to 65535",
            Self::Path => "its path is empty, begins with `-`, or holds a control character",
        })
    }
}

impl std::error::Error for NotSsh {}

impl Ssh {
    /// Whether a text is meant as an address for ssh: `ssh://…`, or `user@host:path` as scp has it.
    pub fn is_meant(address: &str) -> bool {
        match address.split_once("://") {
            Some((scheme, _)) => is_ssh(scheme),
            None => of_scp(address).is_some(),
        }
    }

    /// The way that an address names: `ssh://user@host:port/path`, or `user@host:path` as scp has it. It is
    /// checked after percent-decoding.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn parse(address: &str) -> Result<Self, NotSsh> {
        let way = match address.split_once("://") {
            Some((scheme, rest)) if is_ssh(scheme) => of_url(rest)?,
            Some(_) => return Err(NotSsh::Other),
            None => {
                let (login, path) = of_scp(address).ok_or(NotSsh::Other)?;
                let (user, host) = login.rsplit_once('@').unwrap_or(("", login));
                Self {
                    user: user.to_owned(),
                    host: unbracketed(host).to_owned(),
                    path: path.to_owned(),
                    ..Self::default()
                }
            }
        };
        if way.path.is_empty() {
            return Err(NotSsh::Path);
        }
        way.check().map(|()| way)
    }

    /// Whether nothing in it can be taken for anything else than it is.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), NotSsh> {
        let is_user = |c: char| c.is_ascii_alphanumeric() || "._-+=~,@".contains(c);
        let is_host = |c: char| c.is_ascii_alphanumeric() || ".-_:".contains(c);
        let is_option = |text: &str| text.starts_with('-');
        if is_option(&self.user) || !self.user.chars().all(is_user) {
            return Err(NotSsh::User);
        }
        if self.host.is_empty() || is_option(&self.host) || !self.host.chars().all(is_host) {
            return Err(NotSsh::Host);
        }
        if self.port == Some(0) {
            return Err(NotSsh::Port);
        }
        if is_option(&self.path) || self.path.contains(char::is_control) {
            return Err(NotSsh::Path);
        }
        Ok(())
    }

    pub(crate) fn sound(&self) -> Result<(), Refused> {
        let checked = self.check();
        checked.map_err(|why| Refused::Malformed(format!("the way by ssh cannot be used: {why}")))
    }
}

fn is_ssh(scheme: &str) -> bool {
    ["ssh", "git+ssh", "ssh+git"]
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known))
}

/// What follows `ssh://`.
fn of_url(rest: &str) -> Result<Ssh, NotSsh> {
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    if user.contains(':') {
        return Err(NotSsh::Password);
    }
    let (host, port) = match host.strip_prefix('[') {
        Some(inner) => {
            let (host, after) = inner.split_once(']').ok_or(NotSsh::Host)?;
            let port = match after {
                "" => None,
                after => Some(after.strip_prefix(':').ok_or(NotSsh::Port)?),
            };
            (host, port)
        }
        None => match host.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (host, None),
        },
    };
    let port = match port {
        None | Some("") => None,
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            let port: u16 = digits.parse().map_err(|_| NotSsh::Port)?;
            Some(port)
        }
        Some(_) => return Err(NotSsh::Port),
    };
    let path = decoded(path).ok_or(NotSsh::Path)?;
    // As git has it: what begins with a home has no slash before it.
    let path = match path.strip_prefix('/') {
        Some(home) if home.starts_with('~') => home.to_owned(),
        _ => path,
    };
    if path == "/" {
        return Err(NotSsh::Path);
    }
    Ok(Ssh {
        user: decoded(user).ok_or(NotSsh::User)?,
        host: decoded(host).ok_or(NotSsh::Host)?,
        port: port.filter(|port| *port != 22),
        path,
        ..Ssh::default()
    })
}

/// Login and path of an address as scp has it. A colon behind a slash is part of a path on this machine,
/// `name::…` makes git run a program, and one letter is a drive.
fn of_scp(address: &str) -> Option<(&str, &str)> {
    let from = match address.find('[') {
        Some(at) if at == 0 || address[..at].ends_with('@') => at + address[at..].find(']')?,
        _ => 0,
    };
    let colon = from + address[from..].find(':')?;
    let (login, path) = (&address[..colon], &address[colon + 1..]);
    let is_path = login.contains('/') || login.is_empty();
    let is_drive = cfg!(windows) && login.len() == 1;
    (!is_path && !is_drive && !path.starts_with(':')).then_some((login, path))
}

fn unbracketed(host: &str) -> &str {
    let inner = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    inner.unwrap_or(host)
}

/// Percent-decoded, where it is text then.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let (high, low) = (digit()?, digit()?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn way(user: &str, host: &str, port: Option<u16>, path: &str) -> Ssh {
        Ssh {
            user: user.into(),
            host: host.into(),
            port,
            path: path.into(),
            ..Ssh::default()
        }
    }

    #[test]
    fn both_ways_of_writing_are_read() {
        for (address, expected) in [
            (
                "ssh://git@h.example/a/b.git",
                way("git", "h.example", None, "/a/b.git"),
            ),
            (
                "SSH://h.example:2222/a",
                way("", "h.example", Some(2222), "/a"),
            ),
            ("ssh://h.example:22/a", way("", "h.example", None, "/a")),
            ("ssh://h.example:/a", way("", "h.example", None, "/a")),
            ("git+ssh://h/a%20b", way("", "h", None, "/a b")),
            ("ssh://h/~dev/r", way("", "h", None, "~dev/r")),
            ("ssh://h/%7Edev/r", way("", "h", None, "~dev/r")),
            ("ssh://dev%40corp@h/r", way("dev@corp", "h", None, "/r")),
            (
                "ssh://git@[::1]:2222/r",
                way("git", "::1", Some(2222), "/r"),
            ),
            (
                "git@h.example:a/b.git",
                way("git", "h.example", None, "a/b.git"),
            ),
            ("h:/a/b", way("", "h", None, "/a/b")),
            ("dev@h:~/r it's!", way("dev", "h", None, "~/r it's!")),
            ("git@[::1]:r", way("git", "::1", None, "r")),
            ("h:a%20b", way("", "h", None, "a%20b")),
        ] {
            assert_eq!(Ssh::parse(address), Ok(expected), "{address}");
            assert!(Ssh::is_meant(address), "{address}");
        }
    }

    #[test]
    fn what_would_be_something_else_is_refused() {
        for (address, why) in [
            ("ssh://-oProxyCommand=id/r", NotSsh::Host),
            ("ssh://%2DoProxyCommand=id/r", NotSsh::Host),
            ("-oProxyCommand=id:r", NotSsh::Host),
            ("ssh://-oProxyCommand=id@h/r", NotSsh::User),
            ("ssh://%2Dx@h/r", NotSsh::User),
            ("-x@h:r", NotSsh::User),
            ("ssh://a%0Ab@h/r", NotSsh::User),
            ("ssh://a%00b@h/r", NotSsh::User),
            ("ssh://a$(id)@h/r", NotSsh::User),
            ("ssh://dev:secret@h/r", NotSsh::Password),
            ("ssh://h%0A/r", NotSsh::Host),
            ("ssh://h example/r", NotSsh::Host),
            ("ssh:///r", NotSsh::Host),
            ("ssh://git@/r", NotSsh::Host),
            ("ssh://[::1/r", NotSsh::Host),
            ("ssh://h:-oX/r", NotSsh::Port),
            ("ssh://h:+22/r", NotSsh::Port),
            ("ssh://h:65536/r", NotSsh::Port),
            ("ssh://h:0/r", NotSsh::Port),
            ("ssh://h:acme/web", NotSsh::Port),
            ("ssh://[::1]x/r", NotSsh::Port),
            ("ssh://h", NotSsh::Path),
            ("ssh://h/", NotSsh::Path),
            ("ssh://h/a%00", NotSsh::Path),
            ("ssh://h/a%0a", NotSsh::Path),
            ("ssh://h/a%zz", NotSsh::Path),
            ("h:-x", NotSsh::Path),
            ("h:", NotSsh::Path),
            ("h:a\nb", NotSsh::Path),
            ("https://h/r", NotSsh::Other),
            ("git://h/r", NotSsh::Other),
            ("ext::sh -c id", NotSsh::Other),
            ("ssh::h", NotSsh::Other),
            ("/srv/a:b", NotSsh::Other),
            ("./a:b", NotSsh::Other),
            (":r", NotSsh::Other),
            ("", NotSsh::Other),
        ] {
            assert_eq!(Ssh::parse(address), Err(why), "{address}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_no_option_and_holds_no_control_character(
            address in prop_oneof![
                "\\PC*",
                "(ssh|git\\+ssh)://[-a-z%0-9@:\\[\\]]{0,12}/[-a-z%0-9~/]{0,12}",
                "[-a-z%0-9@\\[\\]]{0,12}:[-a-z%0-9~/\\n]{0,12}",
            ],
        ) {
            if let Ok(way) = Ssh::parse(&address) {
                for text in [&way.user, &way.host, &way.path] {
                    prop_assert!(!text.starts_with('-'));
                    prop_assert!(!text.contains(char::is_control));
                }
                prop_assert!(!way.host.is_empty() && !way.path.is_empty());
                prop_assert!(way.port != Some(0));
                prop_assert!(Ssh::is_meant(&address));
            }
        }
    }
}
