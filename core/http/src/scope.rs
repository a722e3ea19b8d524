use std::net::IpAddr;

use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_untrusted::{Printable, Shown};
use url::{Host, Url};

/// Where a source's credentials may go, and whether plain HTTP may be spoken.
///
/// An address comes from a hoster's answer, so it is checked here before anything is sent to it:
/// - it is `https`, or `http` to loopback (or anywhere, if the source says `allowInsecureHttp`);
/// - it carries no user or password;
/// - it is the origin of the source's API, a host that the plugin names as its hoster's own, or,
///   where the source has an `apiUrl`, any port of that host.
#[derive(Clone, Debug)]
pub struct CredentialScope {
    api: Url,
    own_api: bool,
    trusted: Vec<String>,
    allow_insecure_http: bool,
}

impl CredentialScope {
    /// The scope of a source. `own_api` says whether `api` was given by the source itself rather
    /// than by the plugin.
    pub fn new(api: Url, own_api: bool, trusted: &[String], allow_insecure_http: bool) -> Self {
        let trusted = trusted
            .iter()
            .filter_map(|origin| Url::parse(origin).ok())
            .map(|origin| origin.origin().ascii_serialization())
            .collect();
        Self {
            api,
            own_api,
            trusted,
            allow_insecure_http,
        }
    }

    /// Host of the source's API.
    pub fn api_host(&self) -> &str {
        self.api.host_str().unwrap_or_default()
    }

    /// Whether a host is one that may get the credentials over HTTP, on whatever port, or below such a
    /// one: many hosters have a host of its own for ssh (`ssh.…`, `altssh.…`).
    pub fn holds_host(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let is_own = |url: &Url| {
            let own = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
            let below = host
                .strip_suffix(own)
                .is_some_and(|rest| rest.ends_with('.'));
            let here = |name: &str| {
                let ip = name.parse::<IpAddr>();
                is_localhost(name) || ip.is_ok_and(|ip| ip.is_loopback())
            };
            !own.is_empty()
                && (host == own
                    || (below && url.domain().is_some() && own.contains('.'))
                    || (is_loopback(url) && here(&host)))
        };
        let trusted = self
            .trusted
            .iter()
            .filter_map(|origin| Url::parse(origin).ok());
        is_own(&self.api) || trusted.into_iter().any(|url| is_own(&url))
    }

    /// Checks that an address may be asked at all.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Policy`], saying which rule it breaks.
    pub fn check_address(&self, url: &Url) -> Result<(), Failure> {
        let shown = Printable::from(without_user(url));
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(url) || self.allow_insecure_http => {}
            "http" => {
                return Err(Failure::new(
                    ErrorKind::Policy,
                    format!("{shown} is plain HTTP: others on the way could read and change what \
                    is sent"),
                )
                .with_hint("use an https address; or, on a network you trust, set allowInsecureHttp: true for this source"));
            }
            other => {
                return Err(Failure::new(
                    ErrorKind::Policy,
                    format!("{shown} is a {other} address; only https (and http) are supported"),
                )
                .with_hint("report it to the hoster: its listing gives an address that cannot be cloned from over HTTP"));
            }
        }
        if url.host().is_none() {
            return Err(Failure::new(
                ErrorKind::Policy,
                format!("{shown} names no host"),
            ));
        }
        Ok(())
    }

    /// Checks that credentials may go to an address.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Policy`], naming both hosts.
    pub fn check_credentials(&self, url: &Url) -> Result<(), Failure> {
        self.check_address(url)?;
        let origin = url.origin();
        if origin == self.api.origin() || self.trusted.contains(&origin.ascii_serialization()) {
            return Ok(());
        }
        if self.own_api && same_host(url, &self.api) {
            return Ok(());
        }
        Err(Failure::new(
            ErrorKind::Policy,
            format!(
                "the credentials of this source are for {}, not for {}",
                self.api.origin().ascii_serialization(),
                Shown::of(&origin.ascii_serialization())
            ),
        )
        .with_hint("add that host to trustedOrigins of the source if it really is the hoster's, or set apiUrl to an address on it; nothing was sent there"))
    }
}

fn same_host(one: &Url, other: &Url) -> bool {
    one.host() == other.host() || (is_loopback(one) && is_loopback(other))
}

fn without_user(url: &Url) -> String {
    let mut url = url.clone();
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.to_string()
}

/// Whether an address is on this machine: 127.0.0.0/8, ::1 or `localhost` (RFC 6761).
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        Some(Host::Domain(name)) => is_localhost(name),
        None => false,
    }
}

/// Whether a name is this machine's by definition.
pub(super) fn is_localhost(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn cloud() -> CredentialScope {
        CredentialScope::new(
            url("https://api.bitbucket.org"),
            false,
            &["https://bitbucket.org".to_owned()],
            false,
        )
    }

    #[test]
    fn credentials_go_to_the_hoster_alone() {
        let scope = cloud();
        for good in [
            "https://api.bitbucket.org/2.0/x",
            "https://bitbucket.org/acme/web.git",
        ] {
            scope.check_credentials(&url(good)).unwrap();
        }
        for bad in [
            "https://evil.example/acme/web.git",
            "https://bitbucket.org.evil.example/x",
            "https://bitbucket.org:8443/x",
            "http://bitbucket.org/x",
            "http://127.0.0.1/x",
            "file:///etc/passwd",
            "ssh://git@bitbucket.org/x",
        ] {
            let failure = scope.check_credentials(&url(bad)).unwrap_err();
            assert_eq!(failure.kind, ErrorKind::Policy, "{bad}");
        }
    }

    #[test]
    fn an_own_api_trusts_its_host_on_any_port() {
        let scope = CredentialScope::new(url("http://127.0.0.1:8080"), true, &[], false);
        scope
            .check_credentials(&url("http://localhost:9999/acme/web.git"))
            .unwrap();
        assert!(
            scope
                .check_credentials(&url("https://example.com/acme/web.git"))
                .is_err()
        );
        let office = CredentialScope::new(url("http://forge.example:1"), true, &[], true);
        office
            .check_credentials(&url("http://forge.example:2/x"))
            .unwrap();
    }

    #[test]
    fn plain_http_stays_on_this_machine() {
        let scope = cloud();
        scope.check_address(&url("http://[::1]:80/x")).unwrap();
        let failure = scope
            .check_address(&url("http://example.com/x"))
            .unwrap_err();
        assert!(failure.hint.contains("allowInsecureHttp"));
    }
}
