use forgekeep_plugin_sdk::{Finding, Severity, Source};
use url::Url;

use crate::advice::{ONLY_PUBLIC, create_a_token, only_public};
use crate::credentials::{Credentials, GIT_USER_OF_API_TOKENS, Kind, is_email};
use crate::text::one_line;
use crate::workspace::{NotAWorkspace, Workspace};

/// Judges a source without a network.
pub(crate) fn validate(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    name(source, &mut findings);
    api_url(source, &mut findings);
    user_names(source, &mut findings);
    password(source, &mut findings);
    findings
}

fn name(source: &Source, findings: &mut Vec<Finding>) {
    const WHERE: &str = "the id is the part after https://bitbucket.org/ in the address of any of the workspace's repositories";
    match Workspace::parse(&source.name) {
        Err(NotAWorkspace::Missing) => findings.push(
            Finding::new(
                Severity::Error,
                "name",
                "name is missing: the id of the workspace to back up",
            )
            .with_hint(WHERE),
        ),
        Err(NotAWorkspace::Malformed(name)) => findings.push(
            Finding::new(
                Severity::Error,
                "name",
                format!("name `{name}` is not the id of a workspace: lower-case letters, digits, `-` and `_`, or a {{uuid}} in braces"),
            )
            .with_hint(WHERE),
        ),
        Ok(workspace) if workspace.id() != source.name.trim() => findings.push(
            Finding::new(
                Severity::Warning,
                "name",
                format!(
                    "Bitbucket's workspace ids are lower-case: name `{}` is read as `{}`",
                    one_line(&source.name),
                    workspace.id()
                ),
            )
            .with_hint(format!("write name: {}", workspace.id())),
        ),
        Ok(_) => {}
    }
}

fn api_url(source: &Source, findings: &mut Vec<Finding>) {
    let shown = one_line(&source.api_url);
    let Ok(url) = Url::parse(&source.api_url) else {
        findings.push(
            Finding::new(
                Severity::Error,
                "apiUrl",
                format!("apiUrl `{shown}` is not a URL"),
            )
            .with_hint("leave it out for Bitbucket Cloud"),
        );
        return;
    };
    if matches!(url.host_str(), Some("bitbucket.org" | "www.bitbucket.org")) {
        findings.push(
            Finding::new(
                Severity::Error,
                "apiUrl",
                format!("apiUrl `{shown}` is Bitbucket's web site, not its API"),
            )
            .with_hint("leave it out, or write https://api.bitbucket.org"),
        );
    } else if url.path().contains("/rest/") {
        findings.push(
            Finding::new(
                Severity::Warning,
                "apiUrl",
                format!("apiUrl `{shown}` looks like Bitbucket Data Center"),
            )
            .with_hint(
                "name a source at Bitbucket Cloud; Data Center has another API, which the \
            hoster bitbucket does not support",
            ),
        );
    }
}

fn user_names(source: &Source, findings: &mut Vec<Finding>) {
    for (key, name) in [
        ("authName", &source.auth_name),
        ("apiAuthName", &source.api_auth_name),
    ] {
        let name = name.trim();
        if name.contains(':') {
            findings.push(
                Finding::new(
                    Severity::Error,
                    key,
                    format!("{key} holds a colon, which no user name can"),
                )
                .with_hint("write the user name alone; the token belongs in password"),
            );
        } else if name.chars().any(char::is_control) {
            findings.push(
                Finding::new(
                    Severity::Error,
                    key,
                    format!("{key} holds a control character"),
                )
                .with_hint("type it again by hand"),
            );
        }
    }
}

fn password(source: &Source, findings: &mut Vec<Finding>) {
    if let Some(secret) = source.password() {
        let trimmed = secret.expose().trim();
        if trimmed.contains(char::is_control) {
            findings.push(
                Finding::new(
                    Severity::Error,
                    "password",
                    "password holds a control character, such as the end of a line, which no token does",
                )
                .with_hint("copy the token again, all of it and nothing else"),
            );
            return;
        }
        if trimmed.len() != secret.expose().len() {
            findings.push(Finding::new(
                Severity::Info,
                "password",
                "password begins or ends with white space, which is ignored",
            ));
        }
    }
    match Credentials::of(source).kind() {
        Kind::Anonymous => findings.push(no_password(source)),
        Kind::ApiToken => api_token(source, findings),
        Kind::AccessToken => {}
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

fn no_password(source: &Source) -> Finding {
    let named = !source.auth_name.is_empty() || !source.api_auth_name.is_empty();
    let message = if named {
        format!("a user name, but no password: {ONLY_PUBLIC}")
    } else {
        only_public()
    };
    Finding::new(Severity::Warning, "password", message).with_hint(create_a_token())
}

fn api_token(source: &Source, findings: &mut Vec<Finding>) {
    let auth_name = source.auth_name.trim();
    let api_auth_name = source.api_auth_name.trim();
    if api_auth_name.is_empty() && !is_email(auth_name) {
        findings.push(
            Finding::new(
                Severity::Error,
                "apiAuthName",
                "apiAuthName is missing: Bitbucket's API takes an API token only together with the e-mail address of its account",
            )
            .with_hint("set apiAuthName to the e-mail address of the Atlassian account the token belongs to"),
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
            .with_hint("set apiAuthName to the e-mail address of the Atlassian account the token belongs to"),
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
