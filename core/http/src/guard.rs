//! Where secrets may go, by their value.
//!
//! The `Authorization` field has its own rule: it goes to the origin that it was made for. But a plugin
//! can put a token into any field, into an address or a body, and a server can have it sent on by a
//! redirect. So each request is looked through, whoever made it and whatever it is about, before each hop:
//! a secret that is known to the run goes where its source's credentials may go, and nowhere else.

use std::collections::BTreeMap;
use std::sync::Arc;

use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_untrusted::{Redactor, Secret, SecretIndex};
use parking_lot::RwLock;
use url::Url;

use super::{CredentialScope, MadeBy, Request};

/// Secrets shorter than this are guarded by the rules for addresses alone: they would be found in what
/// only looks like them, and no hoster issues one.
pub const SHORTEST_GUARDED: usize = 8;

/// Fields that go along to another origin. What else a plugin sets (`PRIVATE-TOKEN`, `X-Api-Key`, a
/// cookie) may be a credential that only it knows.
const FIELDS_FOR_ANYBODY: [&str; 8] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "content-type",
    "range",
    "if-none-match",
    "if-modified-since",
    "user-agent",
];

/// Knows the secrets of a run, and which sources each belongs to. Clones share what they know.
#[derive(Clone, Default)]
pub struct CredentialGuard {
    redactor: Redactor,
    /// Scopes of the sources that have a secret. One that has none here may go nowhere.
    scopes: Arc<RwLock<BTreeMap<SecretIndex, Vec<Arc<CredentialScope>>>>>,
}

impl CredentialGuard {
    /// A guard for the secrets that this redactor knows, and will know.
    pub fn new(redactor: Redactor) -> Self {
        Self {
            redactor,
            scopes: Arc::default(),
        }
    }

    /// Tells of a secret of a source: configured, or received in the midst of the run.
    pub fn know(&self, secret: &Secret, scope: &Arc<CredentialScope>) {
        let index = self.redactor.add(secret);
        let mut scopes = self.scopes.write();
        let scopes = scopes.entry(index).or_default();
        if !scopes.iter().any(|known| Arc::ptr_eq(known, scope)) {
            scopes.push(Arc::clone(scope));
        }
    }

    /// Checks that a request takes no secret where it may not go. `url` is the next hop.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Policy`], naming the part of the request and the host. Nothing was sent.
    pub(crate) fn check(&self, request: &Request, url: &Url) -> Result<(), Failure> {
        self.check_part("the address", url.as_str().as_bytes(), url)?;
        for (name, value) in fields_for(request, url) {
            self.check_part(&format!("the field {name}"), value.as_bytes(), url)?;
        }
        match request.made_by {
            MadeBy::Plugin => self.check_part("the body", &request.body, url),
            // What git is told are object ids.
            MadeBy::Host => Ok(()),
        }
    }

    fn check_part(&self, part: &str, bytes: &[u8], url: &Url) -> Result<(), Failure> {
        let found = self.redactor.found_in(bytes, SHORTEST_GUARDED);
        if found.is_empty() {
            return Ok(());
        }
        let scopes = self.scopes.read();
        let may_go = |index: &SecretIndex| {
            let mut of_secret = scopes.get(index).into_iter().flatten();
            of_secret.any(|scope| scope.check_credentials(url).is_ok())
        };
        if found.iter().all(may_go) {
            return Ok(());
        }
        Err(Failure::new(
            ErrorKind::Policy,
            format!(
                "a request to {} would carry a secret of this configuration in {part}",
                url.origin().ascii_serialization()
            ),
        )
        .with_hint("name that host in the source's trustedOrigins if it is the hoster's own, else report it to the plugin's authors; nothing was sent there"))
    }
}

/// The fields of a request that go along to an address.
pub(crate) fn fields_for<'r>(
    request: &'r Request,
    url: &Url,
) -> impl Iterator<Item = &'r (String, String)> + use<'r> {
    let is_elsewhere = url.origin() != request.url.origin();
    request.headers.iter().filter(move |(name, _)| {
        let mut free = FIELDS_FOR_ANYBODY.iter();
        !is_elsewhere || free.any(|free| name.eq_ignore_ascii_case(free))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Authorization;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn scope(api: &str) -> Arc<CredentialScope> {
        Arc::new(CredentialScope::new(url(api), true, &[], false))
    }

    fn request(to: &str) -> Request {
        let url = url(to);
        Request {
            made_by: MadeBy::Plugin,
            ..Request::get(url, Authorization::Anonymous, scope(to))
        }
    }

    fn guard() -> CredentialGuard {
        let secret = Secret::new("glpat-0123456789");
        let guard = CredentialGuard::new(Redactor::new(&[&secret]));
        guard.know(&secret, &scope("https://forge.example/api"));
        guard
    }

    #[test]
    fn a_secret_goes_to_its_own_hoster_in_any_part() {
        let guard = guard();
        for to in [
            "https://forge.example/x?t=glpat-0123456789",
            "https://forge.example:8443/",
        ] {
            let mut request = request(to).header("PRIVATE-TOKEN", "glpat-0123456789");
            request.body = b"token=glpat%2D0123456789".to_vec();
            guard.check(&request, &request.url).unwrap();
        }
    }

    #[test]
    fn a_secret_goes_nowhere_else_in_no_part() {
        let guard = guard();
        let elsewhere = "https://trap.example/";
        let address = request("https://trap.example/?t=glpat%2D0123456789");
        let field = request(elsewhere).header("x", "Z2xwYXQtMDEyMzQ1Njc4OQ==");
        let mut body = request(elsewhere);
        body.method = "POST".to_owned();
        body.body = b"{\"t\":\"glpat-01\\u00323456789\"}".to_vec();
        for (request, part) in [(address, "address"), (field, "field x"), (body, "body")] {
            let failure = guard.check(&request, &request.url).unwrap_err();
            assert_eq!(failure.kind, ErrorKind::Policy);
            assert!(failure.message.contains(part), "{failure}");
            assert!(!failure.message.contains("glpat"), "{failure}");
        }
    }

    #[test]
    fn a_secret_that_came_later_is_guarded_and_one_of_nobody_goes_nowhere() {
        let guard = guard();
        let to = request("https://forge.example/?t=minted-4711");
        guard.check(&to, &to.url).unwrap();
        guard.redactor.add(&Secret::new("minted-4711"));
        assert!(guard.check(&to, &to.url).is_err());
        guard.know(
            &Secret::new("minted-4711"),
            &scope("https://forge.example/"),
        );
        guard.check(&to, &to.url).unwrap();
        let elsewhere = request("https://trap.example/?t=minted-4711");
        assert!(guard.check(&elsewhere, &elsewhere.url).is_err());
    }

    #[test]
    fn what_only_the_plugin_knows_stays_with_the_first_origin() {
        let request = request("https://forge.example/")
            .header("PRIVATE-TOKEN", "unknown to the run")
            .header("Accept", "application/json");
        let names = |to: &str| -> Vec<_> {
            let url = url(to);
            fields_for(&request, &url)
                .map(|(name, _)| name.as_str())
                .collect()
        };
        assert_eq!(
            names("https://forge.example/2"),
            ["PRIVATE-TOKEN", "Accept"]
        );
        assert_eq!(names("https://trap.example/"), ["Accept"]);
    }
}
