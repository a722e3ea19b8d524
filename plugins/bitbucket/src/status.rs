use forgekeep_plugin_sdk::{Concern, ErrorKind, HosterError, HttpResponse, page_text, retry};
use serde_json::Value;
use url::Url;

use crate::advice::{CHECK_CONSUMER, REMOVED, SCOPE, TOKEN_PAGE, WORKSPACE_SCOPE, create_a_token};
use crate::api::Account;
use crate::credentials::Kind;
use crate::text::one_line;

/// The error for an answer other than 200, in terms of the credentials that were sent.
pub(crate) fn refusal(response: &HttpResponse, account: &Account) -> HosterError {
    let said = said(response);
    let because = because(&said);
    let status = response.status;
    let who = account.credentials.subject();
    let workspace = account.workspace.id();
    let error = match status {
        401 => HosterError::new(
            ErrorKind::Credentials,
            match account.credentials.kind() {
                Kind::Anonymous => format!("Bitbucket requires credentials for workspace \
                {workspace} (401){because}"),
                Kind::AppPassword => format!("Bitbucket refuses {who} (401): {REMOVED}{because}"),
                _ => format!("Bitbucket refuses {who} (401){because}"),
            },
        )
        .with_hint(demanded(&said).unwrap_or_else(|| refused(account)))
        .about(Concern::Source),
        403 => HosterError::new(
            ErrorKind::Forbidden,
            format!("Bitbucket forbids workspace {workspace} to {who} (403){because}"),
        )
        .with_hint(demanded(&said).unwrap_or_else(|| read_it(&said, forbidden(account)))),
        404 => HosterError::new(
            ErrorKind::NotFound,
            format!("Bitbucket knows no workspace {workspace}, or hides it from {who} (404){because}"),
        )
        .with_hint(format!("check name: it is the id of the workspace, the part after https://bitbucket.org/ in the address of its repositories, which changes when the workspace is renamed; check that the account is a member of it{}", elsewhere(account))),
        410 => HosterError::new(
            ErrorKind::Gone,
            match account.credentials.kind() {
                Kind::AppPassword => format!("Bitbucket refuses {who} (410): {REMOVED}{because}"),
                _ => format!("Bitbucket has withdrawn workspace {workspace}, or this part of its API (410){because}"),
            },
        )
        .with_hint(demanded(&said).unwrap_or_else(|| gone(account))),
        429 => limited(response, account, &because),
        408 | 425 | 500..=599 => HosterError::new(
            ErrorKind::Unavailable,
            format!("Bitbucket is out of order ({status}){because}"),
        )
        .with_hint("look at https://bitbucket.status.atlassian.com and run again later")
        .transient(),
        300..=399 => HosterError::new(
            ErrorKind::BadAnswer,
            format!("the API answered with a redirect ({status}{}), which is not followed", target(response)),
        )
        .with_hint(check_the_way("apiUrl", &account.base)),
        _ => HosterError::new(
            ErrorKind::Other,
            format!("Bitbucket answered {status}{because}"),
        )
        .with_hint(demanded(&said).unwrap_or_else(|| read_it(if status == 400 { "" } else { &said }, format!("check apiUrl ({}); if it is right, this plugin may be older than Bitbucket's API", one_line(&account.base))))),
    };
    error.with_status(status).with_said(said)
}

/// The error for an answer to what was to be written: that takes a scope of its own.
pub(crate) fn refusal_to_write(
    response: &HttpResponse,
    account: &Account,
    scope: &str,
) -> HosterError {
    let error = refusal(response, account);
    if response.status != 403 {
        return error;
    }
    let advice = format!(
        "give the credentials the scope {scope}, and their account the right to do it in the workspace and its project; scopes are fixed: make new credentials"
    );
    let hint = demanded(&error.said).unwrap_or_else(|| read_it(&error.said, advice));
    error.with_hint(hint).about(Concern::Source)
}

/// The error for an answer other than 200 to the question which workspaces the account is a member of.
pub(crate) fn members_refusal(response: &HttpResponse, account: &Account) -> HosterError {
    let said = said(response);
    let status = response.status;
    let who = account.credentials.subject();
    let (kind, hint) = match status {
        403 => (
            ErrorKind::Forbidden,
            demanded(&said).unwrap_or_else(|| format!("the token needs the scope {WORKSPACE_SCOPE} (scopes do not imply one another and are fixed: make a new token at {TOKEN_PAGE}); or name one workspace in each source")),
        ),
        404 => (
            ErrorKind::NotFound,
            format!("name one workspace in each source{}", elsewhere(account)),
        ),
        410 => (
            ErrorKind::Gone,
            "look for a newer version of this plugin, or name one workspace in each source".to_owned(),
        ),
        _ => return refusal(response, account),
    };
    HosterError::new(
        kind,
        format!(
            "Bitbucket does not say which workspaces {who} is a member of ({status}){}",
            because(&said)
        ),
    )
    .with_hint(hint)
    .with_status(status)
    .with_said(said)
}

/// The error for an answer other than 200 to an OAuth consumer that asks for a token.
pub(crate) fn consumer_refusal(response: &HttpResponse, account: &Account) -> HosterError {
    let status = response.status;
    if !matches!(status, 400 | 401 | 403 | 404) {
        return refusal(response, account);
    }
    let said = said(response);
    let word = serde_json::from_slice::<Value>(&response.body).ok();
    let word = word.as_ref().and_then(|body| body.get("error")?.as_str());
    // RFC 6749, section 5.2. Some of these words are about the request; the rest about who asks.
    let is_refused = match word {
        Some("unauthorized_client" | "invalid_client" | "access_denied") => true,
        _ => status == 401,
    };
    let who = account.credentials.subject();
    let error = match (is_refused, status) {
        (true, _) => HosterError::new(
            ErrorKind::Credentials,
            format!("Bitbucket refuses {who} ({status}){}", because(&said)),
        )
        .with_hint(CHECK_CONSUMER),
        (false, 403) => HosterError::new(
            ErrorKind::Forbidden,
            format!(
                "Bitbucket gives no token to {who} ({status}){}",
                because(&said)
            ),
        )
        .with_hint(demanded(&said).unwrap_or_else(|| read_it(&said, CHECK_CONSUMER.to_owned()))),
        (false, _) => HosterError::new(
            ErrorKind::Other,
            format!(
                "{} gives no token to {who} ({status}){}",
                one_line(&account.token_url),
                because(&said)
            ),
        )
        .with_hint(format!(
            "check oauthUrl and apiUrl: tokens are made there; {CHECK_CONSUMER}"
        )),
    };
    error
        .about(Concern::Source)
        .with_status(status)
        .with_said(said)
}

/// The error for an answer from another origin than the API's, where a redirect led: whatever it
/// lists, it is not this workspace.
pub(crate) fn astray(response: &HttpResponse, account: &Account) -> Option<HosterError> {
    astray_of(response, &account.base, "apiUrl")
}

/// The same for an address that a key of the source stands for.
pub(crate) fn astray_of(response: &HttpResponse, asked: &str, key: &str) -> Option<HosterError> {
    let origin = |url: &str| Url::parse(url).ok().map(|url| url.origin());
    let (expected, answered) = (origin(asked)?, origin(&response.url)?);
    if expected == answered {
        return None;
    }
    let error = HosterError::new(
        ErrorKind::BadAnswer,
        format!(
            "the API answered with a redirect to {}, which is not its own address",
            one_line(&answered.ascii_serialization())
        ),
    );
    Some(error.with_hint(check_the_way(key, asked)))
}

fn check_the_way(key: &str, address: &str) -> String {
    format!(
        "check {key} ({}), and whether a proxy or a login page is in between",
        one_line(address)
    )
}

fn because(said: &str) -> String {
    match said.is_empty() {
        true => String::new(),
        false => format!(": {said}"),
    }
}

/// What to do about demands that Bitbucket has words of its own for. Only the hint depends on them.
fn demanded(said: &str) -> Option<String> {
    let said = said.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if says(&[
        "whitelist",
        "allowlist",
        "allow list",
        "ip address",
        "your ip",
    ]) {
        return Some("have an administrator of the workspace add this machine's public IP address to those it allows (Workspace settings, Access controls); the token is not at fault".to_owned());
    }
    if says(&["deactivated"]) {
        return Some("have an administrator of the workspace activate it again: Bitbucket deactivates free workspaces that nobody uses, and deletes them after months; what is in the backup is kept".to_owned());
    }
    if says(&[
        "upgrade",
        "user limit",
        "read-only",
        "read only",
        "storage limit",
    ]) {
        return Some("have an administrator of the workspace look at its plan and the number of its users (Workspace settings, Plan details); the token is not at fault".to_owned());
    }
    if says(&["two-step", "two step", "two-factor", "2fa"]) {
        return Some("turn on two-step verification for the account (Personal Bitbucket settings, Two-step verification), or use an access token made in the workspace, which needs none".to_owned());
    }
    None
}

/// Advice of ours comes after the hoster's own words, where there are any.
fn read_it(said: &str, advice: String) -> String {
    match said.is_empty() || said.contains("privilege scopes") {
        true => advice,
        false => format!("do what Bitbucket says; if that gives no reason: {advice}"),
    }
}

fn refused(account: &Account) -> String {
    match account.credentials.kind() {
        Kind::ApiToken => format!("check at {TOKEN_PAGE} that the token has neither expired nor been revoked, and that it was created with scopes (app Bitbucket, at least {SCOPE}); check that apiAuthName is the e-mail address of that account"),
        Kind::AccessToken => "the token may have expired or been revoked; it works only in the repository, project or workspace it was made in (Settings, Access tokens): check that name is that workspace".to_owned(),
        Kind::Consumer => CHECK_CONSUMER.to_owned(),
        Kind::Anonymous | Kind::AppPassword => create_a_token(),
        Kind::Unknown => format!("the password has the form of no credential that Bitbucket \
        accepts, and account passwords are not accepted either: {}", create_a_token()),
    }
}

fn forbidden(account: &Account) -> String {
    let scope = match account.credentials.kind() {
        Kind::Anonymous | Kind::AppPassword => return create_a_token(),
        Kind::AccessToken => {
            "the token needs the scope Repositories: Read (scopes are fixed: make a new token)"
                .to_owned()
        }
        Kind::Consumer => {
            "the consumer needs the permission Repositories: Read (Workspace settings, OAuth consumers)"
                .to_owned()
        }
        _ => format!(
            "the token needs the scope {SCOPE} (scopes do not imply one another and are fixed: make a new token at {TOKEN_PAGE})"
        ),
    };
    format!(
        "{scope}; else the workspace may allow certain IP addresses only, or demand two-step login of its members"
    )
}

fn gone(account: &Account) -> String {
    match account.credentials.kind() {
        // The API answers 401 to them, or this, as git does.
        Kind::AppPassword => create_a_token(),
        _ => "read what Bitbucket says: an account marked as spam is a matter for Atlassian's support; an endpoint that was removed needs a newer version of this plugin".to_owned(),
    }
}

fn limited(response: &HttpResponse, account: &Account, because: &str) -> HosterError {
    let again = retry(response);
    let until = again.after.map_or_else(String::new, |seconds| {
        format!("; it asks to wait {seconds} s")
    });
    // The edge of the service says so of bursts, which have limits of their own.
    let is_burst = response.header("x-envoy-ratelimited").is_some();
    let what = match is_burst {
        true => "Bitbucket was asked too much at a time (429)",
        false => "Bitbucket's request limit is used up (429)",
    };
    let hint = if is_burst {
        "run again in a few minutes, and look for what else asks Bitbucket from this machine or with this account"
    } else if account.credentials.kind() == Kind::Anonymous {
        "give credentials, or wait an hour: without credentials, Bitbucket answers 60 requests an hour for each IP address"
    } else {
        "wait an hour, and look for what else uses the same account: Bitbucket answers about 1,000 requests an hour for each user or token"
    };
    let mut error = HosterError::new(ErrorKind::RateLimited, format!("{what}{until}{because}"))
        .with_hint(hint)
        .about(Concern::Source)
        .transient();
    error.retry_after = again.after;
    error.retry_at = again.at;
    error
}

/// A 404 may also come from something that is not Bitbucket.
fn elsewhere(account: &Account) -> String {
    if account.base == "https://api.bitbucket.org" {
        String::new()
    } else {
        format!(
            "; check that apiUrl ({}) is Bitbucket's API",
            one_line(&account.base)
        )
    }
}

/// Where a redirect leads: the host alone, as the rest may hold what is not for others.
fn target(response: &HttpResponse) -> String {
    response
        .header("location")
        .and_then(|location| Url::parse(location).ok())
        .map_or_else(String::new, |url| {
            format!(" to {}", one_line(&url.origin().ascii_serialization()))
        })
}

/// Bitbucket's own words: `error.message` and `error.detail`, of which the latter may be anything.
fn said(response: &HttpResponse) -> String {
    let Ok(body) = serde_json::from_slice::<Value>(&response.body) else {
        let text = String::from_utf8_lossy(&response.body);
        return match response.header("content-type").unwrap_or_default() {
            kind if kind.starts_with("text/plain") => one_line(&text),
            _ if text.trim_start().starts_with('<') => one_line(&page_text(&text)),
            _ => String::new(),
        };
    };
    let words = |value: Option<&Value>| match value {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(one_line(text)),
        Some(other) => Some(one_line(&other.to_string())),
    };
    let message = words(body.pointer("/error/message"))
        .or_else(|| words(body.get("error").filter(|error| error.is_string())))
        // What stands before Bitbucket, and its OAuth, have forms of their own.
        .or_else(|| words(body.get("message")))
        .or_else(|| words(body.pointer("/errors/0/message")))
        .or_else(|| words(body.pointer("/errors/0/title")));
    let detail =
        words(body.pointer("/error/detail")).or_else(|| words(body.get("error_description")));
    [message, detail]
        .into_iter()
        .flatten()
        .filter(|words| !words.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}
