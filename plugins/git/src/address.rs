use std::path::Path;

use forgekeep_plugin_sdk::{NotSsh, Ssh};
use url::Url;

/// What may be written instead of what is refused.
const WAYS: &str = "write https://host/path, ssh://user@host/path, user@host:path, or an absolute path on this machine";

/// The login that hosters give all their users, each of whom sees the same paths below it.
const SHARED_LOGIN: &str = "git";

/// An address of a repository.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// What it is called, which is its identity: the same repository by https and by ssh.
    pub(crate) name: String,
    pub(crate) place: Place,
    entry: String,
}

/// Where a repository is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Https(Url),
    Ssh(Ssh),
    Local(String),
}

/// Why an address cannot be used, and what to do. It quotes nothing that may be a secret.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unfit {
    pub(crate) why: String,
    pub(crate) hint: String,
}

fn unfit<T>(why: impl Into<String>, hint: &str) -> Result<T, Unfit> {
    Err(Unfit {
        why: why.into(),
        hint: hint.to_owned(),
    })
}

/// The entries of a list that are not remarks, with their numbers, from 1.
pub(crate) fn entries(list: &[String]) -> impl Iterator<Item = (usize, &str)> {
    let all = list.iter().map(|entry| entry.trim());
    let all = (1..).zip(all);
    all.filter(|(_, entry)| !entry.is_empty() && !entry.starts_with('#'))
}

impl Address {
    /// Reads an address.
    pub(crate) fn read(entry: &str) -> Result<Self, Unfit> {
        let entry = entry.trim();
        if entry.contains(char::is_control) {
            return unfit("it holds a control character", "type the address again");
        }
        if entry.starts_with('-') {
            return unfit("it begins with `-`, as an option does", WAYS);
        }
        if let Some(program) = helper(entry) {
            let why = format!(
                "git runs the program `git-remote-{program}` for it, which is not done here"
            );
            return unfit(why, WAYS);
        }
        let (name, place) = match entry.split_once("://") {
            Some((scheme, rest)) => by_scheme(&scheme.to_ascii_lowercase(), rest, entry)?,
            None if Path::new(entry).is_absolute() => local(entry)?,
            None if Ssh::is_meant(entry) => ssh(entry)?,
            None if entry.starts_with('~') => {
                return unfit("`~` is replaced by shells only", "write the whole path");
            }
            None => {
                return unfit("it is neither an address nor an absolute path", WAYS);
            }
        };
        Ok(Self {
            name,
            place,
            entry: entry.to_owned(),
        })
    }

    /// What it is fetched from.
    pub(crate) fn url(&self) -> &str {
        match &self.place {
            Place::Https(url) => url.as_str(),
            Place::Ssh(_) => &self.entry,
            Place::Local(path) => path,
        }
    }
}

/// The program that git would run for `name::…`.
fn helper(entry: &str) -> Option<&str> {
    let is_name = |name: &str| {
        let mut chars = name.chars();
        chars.next().is_some_and(|c| c.is_ascii_alphanumeric())
            && chars.all(|c| c.is_ascii_alphanumeric() || "+-._".contains(c))
    };
    let name = entry.split_once("::").map(|(name, _)| name);
    let name = name.or(entry.strip_prefix("ext:").map(|_| "ext"));
    name.filter(|name| is_name(name))
}

fn by_scheme(scheme: &str, rest: &str, entry: &str) -> Result<(String, Place), Unfit> {
    match scheme {
        "https" | "http" => https(entry),
        "file" if rest.starts_with('/') && !rest.contains('%') => local(rest),
        "file" => unfit(
            "it names another host, or holds encoded characters",
            "write the absolute path without file://",
        ),
        "git" => unfit(
            "`git://` is not supported: nothing of it is encrypted, and nobody knows who answers",
            "write https:// or ssh:// in its place: servers that have one mostly have the others",
        ),
        _ if Ssh::is_meant(entry) => ssh(entry),
        "ftp" | "ftps" | "rsync" => unfit(
            format!("`{scheme}://` is not supported: git gave it up, too"),
            WAYS,
        ),
        _ => unfit("its scheme is not one that is known here", WAYS),
    }
}

fn https(entry: &str) -> Result<(String, Place), Unfit> {
    let Ok(mut url) = Url::parse(entry) else {
        return unfit(
            "it is not a valid address",
            "write it as `git clone` takes it",
        );
    };
    if !url.username().is_empty() || url.password().is_some() {
        return unfit(
            "it holds a user name or a password",
            "move them to `authName` and `password` of the source",
        );
    }
    if url.query().is_some() || url.fragment().is_some() {
        return unfit(
            "it holds a query (`?`) or a fragment (`#`)",
            "write the address as `git clone` takes it",
        );
    }
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let host = Ssh {
        host: host.to_owned(),
        // Of an address with a scheme that is known, only another port is one.
        port: url.port(),
        path: decoded(url.path())?,
        ..Ssh::default()
    };
    let name = name(&host)?;
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok((name, Place::Https(url)))
}

/// Percent-decoded, as ssh's addresses are.
fn decoded(path: &str) -> Result<String, Unfit> {
    match Ssh::parse(&format!("ssh://host{path}")) {
        Ok(ssh) => Ok(ssh.path),
        Err(_) => unfit(
            "its path is empty, or cannot be one",
            "write the address as `git clone` takes it",
        ),
    }
}

fn ssh(entry: &str) -> Result<(String, Place), Unfit> {
    let ssh = Ssh::parse(entry).map_err(|why| Unfit {
        why: why.to_string(),
        hint: match why {
            NotSsh::Port => {
                "write ssh://user@host:port/path with a number, or user@host:path without ssh://"
            }
            NotSsh::Password => "remove the password; ssh logs in with a key",
            _ => "write ssh://user@host:port/path, or user@host:path",
        }
        .to_owned(),
    })?;
    Ok((name(&ssh)?, Place::Ssh(ssh)))
}

fn local(path: &str) -> Result<(String, Place), Unfit> {
    let below = tidy(path)?;
    Ok((format!("local/{below}"), Place::Local(path.to_owned())))
}

/// Host, port and path. A login only where the path is relative to it: the repositories `web` of two users
/// are two.
fn name(ssh: &Ssh) -> Result<String, Unfit> {
    if ssh.host.chars().all(|letter| letter == '.') {
        return unfit("it names no host", WAYS);
    }
    let mut name = ssh.host.to_ascii_lowercase();
    if let Some(port) = ssh.port {
        name = format!("{name}:{port}");
    }
    let path = tidy(&ssh.path)?;
    let home = match ssh.path.strip_prefix("~/") {
        Some(_) => format!("~{}{}", ssh.user, &path[1..]),
        None if ssh.path.starts_with(['/', '~']) || ssh.user == SHARED_LOGIN => path,
        None => format!("~{}/{path}", ssh.user),
    };
    Ok(format!("{name}/{home}"))
}

/// A path without what makes no difference: slashes at both ends and doubled, and `.git`.
fn tidy(path: &str) -> Result<String, Unfit> {
    let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    if segments.iter().any(|part| matches!(*part, "." | "..")) {
        return unfit(
            "its path holds `.` or `..`",
            "write the path without them: it names the folder of the backup",
        );
    }
    let whole = segments.join("/");
    let whole = whole.strip_suffix(".git").unwrap_or(&whole);
    match whole.trim_end_matches('/') {
        "" => unfit("it names no repository", "write the path of one repository"),
        path => Ok(path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn named(entry: &str) -> String {
        Address::read(entry)
            .unwrap_or_else(|why| panic!("{entry}: {why:?}"))
            .name
    }

    #[test]
    fn one_repository_has_one_name_however_it_is_come_by() {
        for one in [
            "https://h.example/acme/web",
            "https://H.example/acme/web.git",
            "https://h.example:443/acme//web/",
            "ssh://h.example/acme/web",
            "ssh://git@h.example:22/acme/web.git/",
            "git@h.example:/acme/web",
            "git@h.example:acme/web.git",
        ] {
            assert_eq!(named(one), "h.example/acme/web", "{one}");
        }
        for (entry, name) in [
            ("alice@h:repo", "h/~alice/repo"),
            ("bob@h:repo", "h/~bob/repo"),
            ("h:repo", "h/~/repo"),
            ("ssh://alice@h/~/repo", "h/~alice/repo"),
            ("ssh://alice@h/~bob/repo", "h/~bob/repo"),
            ("ssh://git@h:2222/x", "h:2222/x"),
            ("https://h:8443/x", "h:8443/x"),
            ("https://h/a%20b", "h/a b"),
            ("ssh://[::1]:2222/x", "::1:2222/x"),
            ("/srv/git/x", "local/srv/git/x"),
            ("/srv/git/x.git/", "local/srv/git/x"),
            ("/srv/work/.git", "local/srv/work"),
            ("file:///srv/git/x", "local/srv/git/x"),
        ] {
            assert_eq!(named(entry), name, "{entry}");
        }
    }

    #[test]
    fn what_is_not_fetched_from_is_refused_by_name() {
        for (entry, why) in [
            ("ext::sh -c id", "git-remote-ext"),
            ("ext:x", "git-remote-ext"),
            ("fd::3", "git-remote-fd"),
            ("codecommit::eu-west-1://x", "git-remote-codecommit"),
            ("git://h/x", "`git://`"),
            ("GIT://h/x", "`git://`"),
            ("ftp://h/x", "`ftp://`"),
            ("s3://bucket/x", "scheme"),
            ("file://h/x", "another host"),
            ("https://./a", "names no host"),
            ("ssh://git@../a", "names no host"),
            ("-oProxyCommand=id", "begins with `-`"),
            ("ssh://-oProxyCommand=id/x", "host"),
            ("ssh://h:acme/web", "port"),
            ("ssh://dev:secret@h/x", "password"),
            ("https://dev:secret@h/x", "password"),
            ("https://h/x?y", "query"),
            ("https://h/", "path"),
            ("https://h/%00", "path"),
            ("/", "no repository"),
            ("/srv/../x", "`..`"),
            ("git@h:../x", "`..`"),
            ("srv/x", "neither"),
            ("./x", "neither"),
            ("~/x", "`~`"),
            ("/srv/a\u{7}", "control"),
        ] {
            let unfit = Address::read(entry).unwrap_err();
            assert!(unfit.why.contains(why), "{entry}: {}", unfit.why);
            let said = format!("{}{}", unfit.why, unfit.hint);
            assert!(!said.contains("secret"), "{entry}: {said}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_read_has_a_name_without_dots_and_is_read_again(
            entry in prop_oneof![
                "\\PC*",
                "(https|ssh|file|git|ext)(://|::|:)[-a-z@:.%0-9]{0,10}/[-a-z.~/%0-9]{0,12}",
                "[-a-z@]{0,8}:[-a-z.~/]{0,12}",
                "/[a-z./]{0,20}",
            ],
        ) {
            if let Ok(address) = Address::read(&entry) {
                let parts: Vec<&str> = address.name.split('/').collect();
                prop_assert!(parts.len() >= 2);
                prop_assert!(parts.iter().all(|part| !matches!(*part, "" | "." | "..")));
                prop_assert!(!address.name.contains(char::is_control));
                let again = Address::read(address.url());
                prop_assert_eq!(again.map(|again| again.name), Ok(address.name));
            }
        }
    }
}
