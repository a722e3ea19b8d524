//! Asking a git server over HTTP, and understanding what it answers.

use std::sync::Arc;

use url::Url;

use super::Upstream;
use super::advertisement::Advertisement;
use crate::http::{Authorization, Request, Response, refused};
use crate::names::printable;
use crate::{ErrorKind, Failure};

/// Most bytes of a ref advertisement that are read, decompressed: some three million refs.
const MAX_ADVERTISEMENT: u64 = 256 * 1024 * 1024;

/// And at most so many times what is read of an API's answer: whoever lowers that is short of
/// memory.
const TIMES_MAX_BODY: u64 = 8;

/// Some hosts answer git's protocol only to what calls itself git.
pub(super) const USER_AGENT: &str = concat!("git/2.0 (forgekeep ", env!("CARGO_PKG_VERSION"), ")");

/// What upstream answered.
pub(super) struct Answered {
    /// The refs it has.
    pub advertisement: Advertisement,
    /// The clone URL as it answered, after redirects.
    pub url: Url,
    /// The credentials for it: none, where a redirect has led to another origin.
    pub authorization: Authorization,
}

/// Asks for the refs upstream has.
pub(super) fn advertise(upstream: &Upstream<'_>) -> Result<Answered, Failure> {
    let url = checked_url(upstream)?;
    let request = Request::get(
        service_url(&url, "info/refs", Some("service=git-upload-pack")),
        upstream.authorization.clone(),
        Arc::clone(&upstream.services.scope),
    )
    .header("user-agent", USER_AGENT)
    .header("accept", "application/x-git-upload-pack-advertisement");
    let answer = upstream.services.http.send(&request)?;
    if answer.status == 401 && answer.url.origin() != url.origin() {
        return Err(strayed(&url, &answer));
    }
    if answer.status != 200 {
        return Err(status_failure(&answer, &upstream.authorization));
    }
    expect_kind(&answer, "application/x-git-upload-pack-advertisement")?;
    let answered = clone_url_of(&answer.url)?;
    let limit = upstream
        .services
        .max_body_bytes
        .saturating_mul(TIMES_MAX_BODY);
    let raw = answer
        .body
        .read_all(&answer.url, limit.min(MAX_ADVERTISEMENT))?;
    let authorization = if answered.origin() == url.origin() {
        upstream.authorization.clone()
    } else {
        Authorization::Anonymous
    };
    Ok(Answered {
        advertisement: Advertisement::parse(raw)?,
        url: answered,
        authorization,
    })
}

fn checked_url(upstream: &Upstream<'_>) -> Result<Url, Failure> {
    let mut url = Url::parse(upstream.url).map_err(|error| {
        Failure::new(
            ErrorKind::BadAnswer,
            format!(
                "the hoster gives \"{}\" as the address to clone from: {error}",
                printable(upstream.url)
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
            "{url} redirects to {}, which wants credentials: this source's are not for it",
            printable(&answer.url.origin().ascii_serialization())
        ),
    )
    .with_hint("they were not sent there; report it to the hoster, or if that host is its own, set apiUrl to an address on it")
    .with_status(answer.status)
}

/// The failure behind a status of git's HTTP protocol.
pub(super) fn status_failure(answer: &Response, authorization: &Authorization) -> Failure {
    let url = &answer.url;
    let status = answer.status;
    let said = |what: &str| format!("{url} answered {status}: {what}");
    let failure = match status {
        401 => refused(url, authorization),
        403 => Failure::new(
            ErrorKind::Forbidden,
            said("the credentials are not enough for this repository"),
        )
        .with_hint("give the token the scope to read repositories, and its user access to this one"),
        404 => Failure::new(
            ErrorKind::NotFound,
            said("there is no such repository, or the credentials do not show it"),
        )
        .with_hint("it may have been deleted or renamed since it was listed; the next run tells"),
        410 => Failure::new(ErrorKind::Gone, said("the hoster has withdrawn it"))
            .with_hint("the kind of credentials may be gone (app passwords of Bitbucket are, since 2026-07-28): `forgekeep check` tells"),
        429 => {
            let mut failure = Failure::new(ErrorKind::RateLimited, said("too many requests"))
                .with_hint("run again in an hour, or less often")
                .transient();
            failure.retry_after = answer
                .header("retry-after")
                .and_then(|seconds| seconds.trim().parse().ok())
                .map(std::time::Duration::from_secs);
            failure
        }
        500.. => Failure::new(ErrorKind::Unavailable, said("the hoster is out of order"))
            .with_hint("look at its status page and run again later")
            .transient(),
        300..=399 => Failure::new(ErrorKind::BadAnswer, said("a redirect that cannot be followed"))
            .with_hint("report it to the hoster"),
        _ => Failure::new(ErrorKind::BadAnswer, said("not an answer of git's protocol"))
            .with_hint("check the address of the source"),
    };
    failure.with_status(status)
}

/// Checks that an answer is git's: gitprotocol-http(5) asks clients to.
pub(super) fn expect_kind(answer: &Response, expected: &str) -> Result<(), Failure> {
    let kind = answer.header("content-type").unwrap_or("no content type");
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(expected) {
        return Ok(());
    }
    Err(Failure::new(
        ErrorKind::BadAnswer,
        format!(
            "{} answered with {} instead of git's protocol",
            answer.url,
            printable(kind)
        ),
    )
    .with_hint("a login page, a proxy or an outage page may be in between; run again later")
    .transient())
}

/// The address of one of git's services below a clone URL, as git builds it (gitprotocol-http(5)).
pub(super) fn service_url(clone: &Url, path: &str, query: Option<&str>) -> Url {
    let mut url = clone.clone();
    let base = clone.path().trim_end_matches('/');
    url.set_path(&format!("{base}/{path}"));
    url.set_query(query);
    url.set_fragment(None);
    url
}
