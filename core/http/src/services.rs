//! What is shared by the requests of a source: to the hoster's API and to its git.

use std::sync::Arc;

use forgekeep_failure::{Cancel, ErrorKind, Failure};
use forgekeep_untrusted::{Redactor, Untrusted};
use url::Url;

use super::{Authorization, CredentialGuard, CredentialScope, HttpClient, RetryPolicy};

/// What the requests of a source go through, and what ends them.
#[derive(Clone)]
pub struct Services {
    /// The run's one HTTP client.
    pub http: Arc<dyn HttpClient>,
    /// Where this source's credentials may go.
    pub scope: Arc<CredentialScope>,
    /// Most bytes of a body that are read.
    pub max_body_bytes: u64,
    /// Knows the run's secrets, those too that turn up in the midst of it.
    pub redactor: Arc<Redactor>,
    /// Knows where each of them may go.
    pub guard: CredentialGuard,
    /// Ends the run early.
    pub cancel: Cancel,
    /// How often to retry what broke off.
    pub retry_policy: RetryPolicy,
}

impl Services {
    /// Tells of credentials that a plugin has given for this source: known to the run from here on.
    pub fn know(&self, authorization: &Authorization) {
        if let Some(secret) = authorization.secret() {
            self.guard.know(secret, &self.scope);
        }
    }

    /// Whether to retry after a failure: returns after the wait if so, and the failure if not.
    /// Only for what the client cannot try again by itself: an answer that broke off while it was
    /// read, or turned out to be none. `retry` counts from 0.
    ///
    /// # Errors
    ///
    /// The failure, or the interruption of the wait.
    pub fn retry(&self, retry: &mut u32, failure: Failure) -> Result<(), Failure> {
        let mut failure = self.cancel.explain(failure);
        failure.message = self.redactor.clean(&failure.message).into_owned().into();
        failure.hint = self.redactor.clean(&failure.hint).into_owned().into();
        let kinds = [ErrorKind::Network, ErrorKind::BadAnswer, ErrorKind::Git];
        if failure.permanent
            || !kinds.contains(&failure.kind)
            || *retry >= self.retry_policy.retries
        {
            return Err(failure);
        }
        log::info!("retrying after: {failure}");
        self.cancel
            .wait(self.retry_policy.wait(*retry, fastrand::f64()))?;
        *retry += 1;
        Ok(())
    }

    /// Waits for a limit that a hoster's API told of, as its plugin understands it; whether there was
    /// one, and time for it. What the client has seen by itself, and had no time for, it has none for now.
    ///
    /// # Errors
    ///
    /// The interruption of the wait.
    pub fn wait_out_api(&self, failure: &Failure) -> Result<bool, Failure> {
        if failure.kind != ErrorKind::RateLimited {
            return Ok(false);
        }
        self.http
            .wait_out(self.scope.api_host(), failure.retry_after)
    }

    /// Waits for a limit that a server told of in words (an `ERR` of git's protocol), where the
    /// client has seen an answer like any other; whether there was one, and time for it.
    ///
    /// # Errors
    ///
    /// The interruption of the wait.
    pub fn wait_out(&self, url: &Untrusted, failure: &Failure) -> Result<bool, Failure> {
        if failure.kind != ErrorKind::RateLimited || failure.status.is_some() {
            return Ok(false);
        }
        match host_of(url.raw()).as_deref() {
            Some(host) => self.http.wait_out(host, failure.retry_after),
            None => Ok(false),
        }
    }
}

/// The host of an address: a URL, or `user@host:path` as scp has it.
fn host_of(address: &str) -> Option<String> {
    if let Ok(url) = Url::parse(address)
        && let Some(host) = url.host_str()
    {
        return Some(host.to_owned());
    }
    let (login, _) = address.split_once(':')?;
    let host = login.rsplit_once('@').map_or(login, |(_, host)| host);
    (!host.is_empty() && !host.contains('/')).then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::host_of;

    #[test]
    fn both_ways_to_write_an_address_have_a_host() {
        for (address, host) in [
            ("https://h.example:8443/x", Some("h.example")),
            ("ssh://git@h.example:22/x", Some("h.example")),
            ("git@h.example:a/b", Some("h.example")),
            ("h.example:a/b", Some("h.example")),
            ("/srv/x:y", None),
            ("/srv/x", None),
            ("", None),
        ] {
            assert_eq!(host_of(address).as_deref(), host, "{address}");
        }
    }
}
