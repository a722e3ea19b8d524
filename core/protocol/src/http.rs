//! Asking a git server over HTTP, and understanding what it answers.

use std::io::{self, Read};
use std::sync::Arc;

use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_http::{Authorization, MadeBy, Request, Response, Services, broken_body};
use forgekeep_untrusted::{Show as _, Untrusted};
use url::Url;

use super::advertisement::{Advertisement, most_advertised};
use super::answers::{expect_kind, status_failure, with_words};
use super::conversation::Duplex;

/// Some hosts answer git's protocol only to what calls itself git.
const USER_AGENT: &str = concat!("git/2.0 (forgekeep ", env!("CARGO_PKG_VERSION"), ")");

/// Whom to ask.
#[derive(Clone, Copy)]
pub(super) struct HttpRemote<'a> {
    /// Clone URL as the hoster gave it.
    pub url: &'a Untrusted,
    /// Credentials for it.
    pub authorization: &'a Authorization,
    /// Client, rules and interruption.
    pub services: &'a Services,
}

/// A server that has answered.
#[derive(Clone)]
pub(super) struct HttpConnection<'a> {
    services: &'a Services,
    /// The clone URL as it answered, after redirects.
    url: Url,
    /// The credentials for it: none, where a redirect has led to another origin.
    authorization: Authorization,
}

impl Duplex for HttpConnection<'_> {
    fn is_stateless(&self) -> bool {
        true
    }

    fn exchange(&mut self, request: Vec<u8>) -> Result<Box<dyn Read + '_>, Failure> {
        self.services.cancel.check()?;
        let request = Request {
            method: "POST".to_owned(),
            url: service_url(&self.url, "git-upload-pack", None),
            headers: Vec::new(),
            authorization: self.authorization.clone(),
            body: request,
            upload: None,
            scope: Arc::clone(&self.services.scope),
            // It only asks.
            idempotent: true,
            made_by: MadeBy::Host,
        }
        .header("user-agent", USER_AGENT)
        .header("content-type", "application/x-git-upload-pack-request")
        .header("accept", "application/x-git-upload-pack-result")
        .header("accept-encoding", "identity");
        let mut answer = self.services.http.send(&request)?;
        if answer.status != 200 {
            return Err(status_failure(&mut answer, &self.authorization));
        }
        expect_kind(
            &mut answer,
            "application/x-git-upload-pack-result",
            &self.authorization,
        )?;
        Ok(Box::new(answer.body))
    }

    fn broken(&mut self, error: &io::Error) -> Failure {
        broken_body(&self.url, error)
    }
}

/// Asks for the refs upstream has.
pub(super) fn advertise<'a>(
    upstream: &HttpRemote<'a>,
) -> Result<(Advertisement, HttpConnection<'a>), Failure> {
    let url = checked_url(upstream)?;
    let request = Request::get(
        service_url(&url, "info/refs", Some("service=git-upload-pack")),
        upstream.authorization.clone(),
        Arc::clone(&upstream.services.scope),
    )
    .header("user-agent", USER_AGENT)
    .header("accept", "application/x-git-upload-pack-advertisement");
    let mut answer = upstream.services.http.send(&request)?;
    if answer.status == 401 && answer.url.origin() != url.origin() {
        return Err(strayed(&url, &answer));
    }
    if answer.status != 200 {
        return Err(status_failure(&mut answer, upstream.authorization));
    }
    expect_kind(
        &mut answer,
        "application/x-git-upload-pack-advertisement",
        upstream.authorization,
    )?;
    let answered = clone_url_of(&answer.url)?;
    let most = most_advertised(upstream.services.max_body_bytes);
    let raw = answer.body.read_all(&answer.url, most)?;
    let authorization = if answered.origin() == url.origin() {
        upstream.authorization.clone()
    } else {
        Authorization::Anonymous
    };
    let connection = HttpConnection {
        services: upstream.services,
        url: answered,
        authorization,
    };
    let advertisement = Advertisement::parse(&raw)
        .map_err(|failure| with_words(failure, &raw, upstream.authorization))?;
    Ok((advertisement, connection))
}

fn checked_url(upstream: &HttpRemote<'_>) -> Result<Url, Failure> {
    let mut url = Url::parse(upstream.url.raw()).map_err(|error| {
        Failure::new(
            ErrorKind::BadAnswer,
            format!(
                "the hoster gives \"{}\" as the address to clone from: {error}",
                upstream.url.shown()
            ),
        )
        .with_hint("report it to the hoster")
    })?;
    // Credentials in an address would end up wherever the address is shown.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    let scope = &upstream.services.scope;
    if upstream.authorization.is_anonymous() {
        scope.check_address(&url)?;
    } else {
        scope.check_credentials(&url)?;
    }
    Ok(url)
}

/// The clone URL behind the address of an advertisement, which a redirect may have changed.
fn clone_url_of(info_refs: &Url) -> Result<Url, Failure> {
    let path = info_refs.path().strip_suffix("/info/refs").ok_or_else(|| {
        Failure::new(
            ErrorKind::BadAnswer,
            format!("{info_refs}: a redirect leads away from git's protocol"),
        )
        .with_hint("report it to the hoster")
    })?;
    let mut url = info_refs.clone();
    url.set_path(path);
    url.set_query(None);
    Ok(url)
}

/// The failure when a redirect leads to another origin that wants credentials. It says nothing
/// about the source's: they were not sent there.
fn strayed(url: &Url, answer: &Response) -> Failure {
    Failure::new(
        ErrorKind::Policy,
        format!(
            "{url} redirects to {}, which requires credentials: this source's are not for that \
            host",
            answer.url.origin().ascii_serialization()
        ),
    )
    .with_hint("report it to the hoster, or if that host is its own, set apiUrl to an address on it; they were not sent there")
    .with_status(answer.status)
}

/// The address of one of git's services below a clone URL, as git builds it (gitprotocol-http(5)).
fn service_url(clone: &Url, path: &str, query: Option<&str>) -> Url {
    let mut url = clone.clone();
    let base = clone.path().trim_end_matches('/');
    url.set_path(&format!("{base}/{path}"));
    url.set_query(query);
    url.set_fragment(None);
    url
}
