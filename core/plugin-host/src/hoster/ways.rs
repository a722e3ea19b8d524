//! The ways to a part that a plugin may answer with. It says where a part is; what may be run, and whether
//! this machine's own files or another host's login may be used, the configuration says.

use std::path::PathBuf;

use forgekeep_config::{OptionValue, Protocol};
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_hoster::{Access, Place, SourceSpec, SshPlace};
use forgekeep_http::CredentialScope;
use forgekeep_plugin_documents::{self as documents, Local, Ssh, Way};
use forgekeep_untrusted::Shown;
use url::Url;

use super::convert;

/// Which ways are good for a source.
pub(super) struct Ways {
    plugin: String,
    wants_ssh: bool,
    /// What the source's own options hold, each text by itself.
    named: Vec<String>,
}

impl Ways {
    pub(super) fn of(plugin: &str, source: &SourceSpec) -> Self {
        let mut named = Vec::new();
        for value in source.options.values() {
            match value {
                OptionValue::Text(text) => named.push(text.clone()),
                OptionValue::List(entries) => named.extend(entries.iter().cloned()),
                OptionValue::Number(_) | OptionValue::Flag(_) => {}
            }
        }
        Self {
            plugin: plugin.to_owned(),
            wants_ssh: source.protocol == Protocol::Ssh,
            named,
        }
    }

    /// Access that a plugin gives to the part at an address.
    pub(super) fn access(
        &self,
        access: documents::Access,
        url: &str,
        scope: &CredentialScope,
    ) -> Result<Access, Failure> {
        match access.way {
            Way::Http(auth) if !self.wants_ssh => Ok(Access::Http(convert::authorization(auth))),
            Way::Http(_) => Err(Failure::new(
                ErrorKind::Config,
                format!(
                    "the source says `protocol: ssh`, and the plugin {} fetches by HTTPS",
                    self.plugin
                ),
            )
            .with_hint("remove `protocol: ssh`, or use a plugin that knows it")),
            Way::Ssh(ssh) => self.ssh(ssh, url, scope),
            Way::Local(local) => self.local(local),
        }
    }

    fn ssh(&self, ssh: Ssh, url: &str, scope: &CredentialScope) -> Result<Access, Failure> {
        let is_named = self
            .named
            .iter()
            .any(|entry| Ssh::parse(entry.trim()).is_ok_and(|named| named.host == ssh.host));
        if !is_named && !self.wants_ssh {
            return Err(self.refused(
                "fetches by ssh, which the source does not say",
                "set `protocol: ssh` of the source, if that is wanted",
            ));
        }
        // As with a password: a listing is somebody else's word, and a key opens other hosts, too.
        if !is_named && !scope.holds_host(&ssh.host) {
            return Err(self.refused(
                &format!(
                    "fetches by ssh from {}, which is not the host of this source's API",
                    Shown::of(&ssh.host)
                ),
                "add https:// and that host to trustedOrigins of the source if it really is the hoster's; nothing was sent there",
            ));
        }
        let program = self.program(&ssh.upload_pack)?;
        let path = match ssh.path.is_empty() {
            true => path_of(url),
            false => ssh.path,
        };
        if path.is_empty() {
            return Err(self.refused(
                "gives no path to fetch by ssh from",
                "report it to the plugin's authors",
            ));
        }
        let place = Place::Ssh(SshPlace {
            user: ssh.user,
            host: ssh.host,
            port: ssh.port,
            path,
        });
        Ok(Access::Pipes { place, program })
    }

    fn local(&self, local: Local) -> Result<Access, Failure> {
        let is_path = |entry: &&String| {
            let entry = entry.trim();
            entry == local.path || entry.strip_prefix("file://") == Some(&*local.path)
        };
        if !self.named.iter().any(|entry| is_path(&entry)) {
            return Err(self.refused(
                &format!(
                    "names the path {} on this machine, which the source's configuration does not",
                    Shown::of(&local.path)
                ),
                "report it to the plugin's authors; nothing was read there",
            ));
        }
        let program = self.program(&local.upload_pack)?;
        let place = Place::Local(PathBuf::from(local.path));
        Ok(Access::Pipes { place, program })
    }

    /// A program is run only if the configuration has it.
    fn program(&self, named: &str) -> Result<Option<String>, Failure> {
        if named.is_empty() {
            return Ok(None);
        }
        match self.named.iter().any(|entry| entry == named) {
            true => Ok(Some(named.to_owned())),
            false => Err(self.refused(
                "names a program to run that the source's configuration does not",
                "report it to the plugin's authors; nothing was run",
            )),
        }
    }

    fn refused(&self, what: &str, hint: &str) -> Failure {
        let message = format!("the plugin {} {what}", self.plugin);
        Failure::new(ErrorKind::Policy, message).with_hint(hint)
    }
}

/// The path of an address, whatever its protocol.
fn path_of(url: &str) -> String {
    if let Ok(ssh) = Ssh::parse(url) {
        return ssh.path;
    }
    let Ok(url) = Url::parse(url) else {
        return String::new();
    };
    let path = Ssh {
        host: "host".to_owned(),
        path: url.path().to_owned(),
        ..Ssh::default()
    };
    // What is encoded there is not what a shell is given.
    match path.check().is_ok() && !path.path.contains('%') && path.path != "/" {
        true => path.path,
        false => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn ways(protocol: Protocol, entries: &[&str]) -> Ways {
        let entries = entries.iter().map(|entry| (*entry).to_owned()).collect();
        let options = BTreeMap::from([("urls".to_owned(), OptionValue::List(entries))]);
        let source = SourceSpec {
            protocol,
            options,
            ..SourceSpec::default()
        };
        Ways::of("fake", &source)
    }

    fn scope() -> CredentialScope {
        let api = Url::parse("https://api.forge.example").unwrap();
        CredentialScope::new(api, false, &["https://forge.example".to_owned()], false)
    }

    fn ssh(host: &str, upload_pack: &str) -> documents::Access {
        documents::Access::ssh(Ssh {
            host: host.into(),
            path: "a/b".into(),
            upload_pack: upload_pack.into(),
            ..Ssh::default()
        })
    }

    fn kind(ways: &Ways, access: documents::Access) -> Option<ErrorKind> {
        let url = "https://forge.example/a/b";
        let access = ways.access(access, url, &scope());
        access.err().map(|failure| failure.kind)
    }

    #[test]
    fn ssh_goes_where_the_credentials_would_and_where_the_configuration_says() {
        let by_hoster = ways(Protocol::Ssh, &[]);
        for host in ["forge.example", "ssh.forge.example", "api.forge.example"] {
            assert_eq!(kind(&by_hoster, ssh(host, "")), None, "{host}");
        }
        for host in ["evil.example", "forge.example.evil", "notforge.example"] {
            assert_eq!(kind(&by_hoster, ssh(host, "")), Some(ErrorKind::Policy));
        }
        let named = ways(Protocol::Https, &["git@other.example:x"]);
        assert_eq!(kind(&named, ssh("other.example", "")), None);
        assert_eq!(
            kind(&named, ssh("forge.example", "")),
            Some(ErrorKind::Policy)
        );
        assert_eq!(
            kind(&by_hoster, documents::Access::default()),
            Some(ErrorKind::Config)
        );
    }

    #[test]
    fn paths_and_programs_are_the_configurations() {
        let ways = ways(
            Protocol::Https,
            &["/srv/git/x", "file:///srv/git/y", "h:p", "/opt/up"],
        );
        for path in ["/srv/git/x", "/srv/git/y"] {
            assert_eq!(kind(&ways, documents::Access::local(path)), None, "{path}");
        }
        for path in ["/etc", "/srv/git", "/srv/git/x/../z", ""] {
            let access = documents::Access::local(path);
            assert_eq!(kind(&ways, access), Some(ErrorKind::Policy), "{path}");
        }
        assert_eq!(kind(&ways, ssh("h", "/opt/up")), None);
        assert_eq!(kind(&ways, ssh("h", "id; x")), Some(ErrorKind::Policy));
    }

    #[test]
    fn a_path_that_is_not_given_is_that_of_the_address() {
        assert_eq!(path_of("https://forge.example/a/b.git"), "/a/b.git");
        assert_eq!(path_of("ssh://git@h/a%20b"), "/a b");
        assert_eq!(path_of("git@h:a"), "a");
        for none in ["https://h/", "https://h/a%20b", "x", ""] {
            assert_eq!(path_of(none), "", "{none}");
        }
    }
}
