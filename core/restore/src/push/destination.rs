//! Where to push to.

use std::fmt;
use std::path::PathBuf;

use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_untrusted::{Show as _, Shown};
use url::Url;

/// Where to push to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A server that speaks git's smart protocol over HTTP.
    Http(Url),
    /// A bare repository on this machine.
    Local(PathBuf),
}

impl Destination {
    /// Reads an address or a path, by git's rules.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if it cannot be pushed to; a password in it is not repeated.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        if let Some((scheme, _)) = text.split_once("://") {
            return match scheme {
                "http" | "https" => http_address(text),
                "file" => file_address(text),
                _ => Err(unsupported(scheme)),
            };
        }
        // git takes host:path for an address of ssh unless a slash comes first; C:\ is a drive.
        let begin = text.split(['/', '\\']).next().unwrap_or_default();
        match begin.find(':') {
            Some(at) if at > 1 => Err(unsupported("ssh")),
            _ => Ok(Self::Local(text.into())),
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(url) => Shown::of(url.as_str()).fmt(f),
            Self::Local(path) => path.shown().fmt(f),
        }
    }
}

fn http_address(text: &str) -> Result<Destination, Failure> {
    let url = Url::parse(text).map_err(|error| {
        // The text is not shown: it may hold a password in a place where no parser finds it.
        Failure::new(
            ErrorKind::Config,
            format!("the value of --push is not an address: {error}"),
        )
        .with_hint("give one such as https://hoster.example/acme/web.git; user and password are not part of it, they come from FORGEKEEP_PUSH_USER and FORGEKEEP_PUSH_PASSWORD")
    })?;
    if !url.username().is_empty() || url.password().is_some() {
        let message = format!(
            "the address for {} holds a user or a password",
            url.host_str().unwrap_or("--push")
        );
        return Err(Failure::new(ErrorKind::Config, message).with_hint(
            "take it out of the address, and set FORGEKEEP_PUSH_USER and FORGEKEEP_PUSH_PASSWORD instead; others see what is on a command line: change a password that was on it",
        ));
    }
    Ok(Destination::Http(url))
}

fn file_address(text: &str) -> Result<Destination, Failure> {
    let path = Url::parse(text)
        .ok()
        .and_then(|url| url.to_file_path().ok());
    path.map(Destination::Local).ok_or_else(|| {
        Failure::new(
            ErrorKind::Config,
            format!("\"{text}\" names no file of this machine"),
        )
        .with_hint("give the path itself")
    })
}

fn unsupported(scheme: &str) -> Failure {
    Failure::new(
        ErrorKind::Config,
        format!("cannot push over {scheme}: only https, http and paths of this machine"),
    )
    .with_hint("give the https address of the repository; or restore with --to, and push with git from there")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_are_told_apart_as_git_does() {
        let http = |text: &str| matches!(Destination::parse(text), Ok(Destination::Http(_)));
        assert!(http("https://hoster.example/acme/web.git"));
        assert!(http("http://127.0.0.1:1/x"));
        for path in ["/srv/x.git", "x.git", "./a:b", "C:\\x.git"] {
            let found = Destination::parse(path).unwrap();
            assert_eq!(found, Destination::Local(path.into()));
        }
        if cfg!(unix) {
            let found = Destination::parse("file:///srv/x%20y.git").unwrap();
            assert_eq!(found, Destination::Local("/srv/x y.git".into()));
        }
        for other in [
            "ssh://git@hoster.example/x",
            "git@hoster.example:x",
            "git://h/x",
        ] {
            let failure = Destination::parse(other).unwrap_err();
            assert!(failure.hint.contains("--to"), "{other}: {failure}");
        }
    }

    #[test]
    fn a_password_in_an_address_is_refused_and_not_shown() {
        for text in [
            "https://ada:hunter22@hoster.example/x",
            "https://hunter22@hoster.example/x",
            "https://ada:hunter22@hoster.example:port/x",
        ] {
            let failure = Destination::parse(text).unwrap_err();
            assert_eq!(failure.kind, ErrorKind::Config);
            let shown = format!("{failure:?}");
            assert!(!shown.contains("hunter22"), "{shown}");
        }
    }
}
