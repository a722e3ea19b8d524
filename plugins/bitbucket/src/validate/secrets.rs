//! Whether a source's secrets and names fit together.

use forgekeep_plugin_sdk::{Finding, Severity, Source};
use url::Url;

use crate::advice::{create_a_token, only_public};
use crate::credentials::{
    CLIENT_ID, CLIENT_SECRET, Credentials, GIT_USER_OF_API_TOKENS, Kind, OAUTH_URL, is_email,
    trimmed,
};
use crate::text::one_line;

/// Where consumers are made.
const CONSUMERS: &str =
    "the consumer's Key and Secret are in the workspace's settings, OAuth consumers";

pub(super) fn validate(source: &Source, findings: &mut Vec<Finding>) {
    let mut are_readable = true;
    for key in ["password", CLIENT_SECRET] {
        are_readable &= is_readable(source, key, findings);
    }
    if !are_readable || contradict(source, findings) {
        return;
    }
    oauth_url(source, findings);
    match Credentials::of(source).kind() {
        // What that means to a target is said where it is examined.
        Kind::Anonymous if source.target => {}
        Kind::Anonymous => findings.push(no_secret(source)),
        Kind::ApiToken => api_token(source, findings),
        Kind::AccessToken => names_unused(source, "an access token", findings),
        Kind::Consumer => {
            names_unused(source, "an OAuth consumer", findings);
            consumer(source, findings);
        }
        Kind::AppPassword => findings.push(
            Finding::new(
                Severity::Warning,
                "password",
                "password looks like an app password; Bitbucket removed app passwords on 2026-07-28 (CHANGE-3222)",
            )
            .with_hint(create_a_token()),
        ),
        Kind::Unknown => findings.push(
            Finding::new(
                Severity::Info,
                "password",
                "password has neither the form of an API token (ATAT…) nor of an access token (ATCT…); it is tried as it is",
            )
            .with_hint(format!("{}, if it is refused", create_a_token())),
        ),
    }
}

/// Whether a secret is one line. White space around it does no harm.
fn is_readable(source: &Source, key: &str, findings: &mut Vec<Finding>) -> bool {
    let Some(secret) = source.secret(key) else {
        return true;
    };
    let trimmed = trimmed(source, key);
    if trimmed.contains(char::is_control) {
        findings.push(
            Finding::new(
                Severity::Error,
                key,
                format!("{key} holds a control character, such as the end of a line, which no token does"),
            )
            .with_hint("copy it again, all of it and nothing else"),
        );
        return false;
    }
    if trimmed.len() != secret.expose().len() {
        findings.push(Finding::new(
            Severity::Info,
            key,
            format!("{key} begins or ends with white space, which is ignored"),
        ));
    }
    true
}

/// Whether what is filled in belongs to no kind of credentials, or to two.
fn contradict(source: &Source, findings: &mut Vec<Finding>) -> bool {
    let client_id = !source.text(CLIENT_ID).unwrap_or_default().trim().is_empty();
    let client_secret = !trimmed(source, CLIENT_SECRET).is_empty();
    let password = !trimmed(source, "password").is_empty();
    let (key, message, hint) = match (client_id, client_secret, password) {
        (true, true, true) => (
            CLIENT_SECRET,
            "both password and clientSecret are set: the one is a token's, the other an OAuth consumer's",
            "remove password to use the consumer, or clientId and clientSecret to use the token"
                .to_owned(),
        ),
        (true, false, true) => (
            CLIENT_SECRET,
            "clientId is an OAuth consumer's, but its secret is missing, and password is set instead",
            format!(
                "set clientSecret to the consumer's secret and remove password; or remove clientId to use password as a token; {CONSUMERS}"
            ),
        ),
        (true, false, false) => (
            CLIENT_SECRET,
            "clientId is set, but clientSecret is missing",
            format!("set clientSecret too; {CONSUMERS}"),
        ),
        (false, true, _) => (
            CLIENT_ID,
            "clientSecret is set, but clientId is missing",
            format!("set clientId too; {CONSUMERS}"),
        ),
        _ => return false,
    };
    findings.push(Finding::new(Severity::Error, key, message).with_hint(hint));
    true
}

fn oauth_url(source: &Source, findings: &mut Vec<Finding>) {
    let Some(written) = source.text(OAUTH_URL).map(str::trim) else {
        return;
    };
    if written.is_empty() {
        return;
    }
    if !Url::parse(written).is_ok_and(|url| url.has_host()) {
        findings.push(
            Finding::new(
                Severity::Error,
                OAUTH_URL,
                format!("oauthUrl `{}` is not a URL", one_line(written)),
            )
            .with_hint("leave it out for Bitbucket Cloud"),
        );
    } else if Credentials::of(source).kind() != Kind::Consumer {
        findings.push(
            Finding::new(
                Severity::Warning,
                OAUTH_URL,
                "oauthUrl has no effect without clientId and clientSecret",
            )
            .with_hint("remove it, or set clientId and clientSecret"),
        );
    }
}

/// Without any name that is a choice; with one, something was forgotten.
fn no_secret(source: &Source) -> Finding {
    let named = [&source.auth_name, &source.api_auth_name];
    if named.iter().all(|name| name.trim().is_empty()) {
        return Finding::new(Severity::Warning, "password", only_public())
            .with_hint(create_a_token());
    }
    Finding::new(
        Severity::Error,
        "password",
        "a user name, but neither password nor clientSecret: only public repositories would be backed up",
    )
    .with_hint(format!(
        "{}; or remove authName and apiAuthName to back up public repositories only",
        create_a_token()
    ))
}

/// Says which names are not used.
fn names_unused(source: &Source, with: &str, findings: &mut Vec<Finding>) {
    let names = [
        ("authName", &source.auth_name),
        ("apiAuthName", &source.api_auth_name),
    ];
    for (key, _) in names.iter().filter(|(_, name)| !name.trim().is_empty()) {
        findings.push(
            Finding::new(
                Severity::Info,
                key,
                format!("{key} is not used with {with}"),
            )
            .with_hint("leave it out"),
        );
    }
}

fn consumer(source: &Source, findings: &mut Vec<Finding>) {
    let form = Kind::of(trimmed(source, CLIENT_SECRET));
    if matches!(form, Kind::ApiToken | Kind::AccessToken) {
        findings.push(
            Finding::new(
                Severity::Error,
                CLIENT_SECRET,
                "clientSecret has the form of a token (ATAT… or ATCT…), not of an OAuth consumer's secret",
            )
            .with_hint("move it to password, and remove clientId"),
        );
    }
}

fn api_token(source: &Source, findings: &mut Vec<Finding>) {
    const OWNER: &str =
        "set apiAuthName to the e-mail address of the Atlassian account the token belongs to";
    let auth_name = source.auth_name.trim();
    let api_auth_name = source.api_auth_name.trim();
    if api_auth_name.is_empty() && !is_email(auth_name) {
        findings.push(
            Finding::new(
                Severity::Error,
                "apiAuthName",
                "apiAuthName is missing: Bitbucket's API takes an API token only together with the e-mail address of its account",
            )
            .with_hint(OWNER),
        );
        return;
    }
    if api_auth_name.is_empty() {
        findings.push(
            Finding::new(
                Severity::Info,
                "authName",
                format!("authName is an e-mail address: it is used for the API, and {GIT_USER_OF_API_TOKENS} for git, where the address does not work"),
            )
            .with_hint("rename the key to apiAuthName"),
        );
        return;
    }
    if !is_email(api_auth_name) {
        findings.push(
            Finding::new(
                Severity::Warning,
                "apiAuthName",
                format!("apiAuthName `{}` is not an e-mail address; Bitbucket's API takes an API token only together with the e-mail address of its account", one_line(api_auth_name)),
            )
            .with_hint(OWNER),
        );
    }
    if is_email(auth_name) {
        findings.push(
            Finding::new(
                Severity::Info,
                "authName",
                format!("authName is an e-mail address, with which git does not work: {GIT_USER_OF_API_TOKENS} is used for git"),
            )
            .with_hint("leave authName out"),
        );
    }
}
