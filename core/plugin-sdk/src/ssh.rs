use forgekeep_plugin_documents::{
    Access, AccessRequest, ErrorKind, HosterError, NotSsh, Source, Ssh,
};

use crate::source::clone_address;

/// The address of a repository for the protocol that the source wants: the one for ssh where it says
/// `protocol: ssh`, else the one for HTTPS, as [`clone_address`] makes it. Empty where the hoster gives none
/// for that protocol: the repository fails then.
pub fn wanted_address(source: &Source, https: &str, ssh: &str) -> String {
    match source.is_ssh() {
        true => ssh.trim().to_owned(),
        false => clone_address(https, &source.api_url),
    }
}

/// The way to a repository by an address for ssh: `ssh://user@host:port/path`, or `user@host:path` as scp has
/// it. User, host, port and path are checked after percent-decoding: none can be taken for an option.
///
/// ```
/// # use forgekeep_plugin_sdk::ssh_address;
/// let way = ssh_address("git@git.example:acme/web.git")?;
/// assert_eq!((&*way.user, &*way.host, &*way.path), ("git", "git.example", "acme/web.git"));
/// # Ok::<(), forgekeep_plugin_sdk::HosterError>(())
/// ```
///
/// # Errors
///
/// [`ErrorKind::BadAnswer`], with what is wrong with it.
pub fn ssh_address(address: &str) -> Result<Ssh, HosterError> {
    Ssh::parse(address.trim()).map_err(|why| {
        let message = format!("the address to fetch by ssh from cannot be used: {why}");
        let hint = match why {
            NotSsh::Other => "report it to the hoster: `protocol: ssh` needs an address such as ssh://git@git.example/acme/web.git",
            _ => "report it to the hoster, or remove `protocol: ssh` from the source",
        };
        HosterError::new(ErrorKind::BadAnswer, message).with_hint(hint)
    })
}

/// Access to a part whose address is one for ssh; `None` where it is another. For `Hoster::access`, before
/// credentials are got:
///
/// ```
/// # use forgekeep_plugin_sdk::{Access, AccessRequest, Result, ssh_access};
/// # fn access(what: &AccessRequest) -> Result<Access> {
/// if let Some(access) = ssh_access(what)? {
///     return Ok(access);
/// }
/// # Ok(Access::default())
/// # }
/// # assert!(access(&AccessRequest { url: "git@h:a/b".into(), ..AccessRequest::default() }).is_ok());
/// ```
///
/// # Errors
///
/// As [`ssh_address`].
pub fn ssh_access(what: &AccessRequest) -> Result<Option<Access>, HosterError> {
    match Ssh::is_meant(&what.url) {
        true => ssh_address(&what.url).map(Access::ssh).map(Some),
        false => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use forgekeep_plugin_documents::{Protocol, Way};

    use super::*;

    #[test]
    fn the_protocol_of_the_source_decides() {
        let mut source = Source {
            api_url: "https://git.example/api/v1".into(),
            ..Source::default()
        };
        let (https, ssh) = ("https://dev@git.example/a.git", "git@git.example:a.git");
        assert_eq!(
            wanted_address(&source, https, ssh),
            "https://git.example/a.git"
        );
        source.protocol = Protocol::Ssh;
        assert_eq!(wanted_address(&source, https, ssh), ssh);
        assert_eq!(wanted_address(&source, https, ""), "");
    }

    #[test]
    fn access_is_by_ssh_where_the_address_is() {
        let access = |url: &str| {
            ssh_access(&AccessRequest {
                url: url.into(),
                ..AccessRequest::default()
            })
        };
        assert_eq!(access("https://git.example/a.git"), Ok(None));
        let way = access("ssh://git@git.example:2222/a.git").unwrap().unwrap();
        assert!(matches!(way.way, Way::Ssh(ssh) if ssh.port == Some(2222) && ssh.path == "/a.git"));
        let error = access("ssh://-oProxyCommand=id/a").unwrap_err();
        assert_eq!(error.kind, ErrorKind::BadAnswer);
    }
}
