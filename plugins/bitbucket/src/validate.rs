mod secrets;

use forgekeep_plugin_sdk::{Finding, Severity, Source};
use url::Url;

use crate::advice::create_a_token;
use crate::credentials::{Credentials, Kind};
use crate::text::one_line;
use crate::workspace::{NotAWorkspace, Workspace};

/// Judges a source without a network.
pub(crate) fn validate(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    name(source, &mut findings);
    api_url(source, &mut findings);
    user_names(source, &mut findings);
    secrets::validate(source, &mut findings);
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
        Ok(workspace) if workspace.is_all() => every(source, findings),
        Ok(_) => {}
    }
}

/// Only an account has workspaces.
fn every(source: &Source, findings: &mut Vec<Finding>) {
    let (message, hint) = match Credentials::of(source).kind() {
        Kind::Anonymous => (
            "name: '*' needs credentials: it means every workspace that their account is a member of",
            create_a_token(),
        ),
        Kind::AccessToken => (
            "name: '*' does not work with an access token: it is bound to the workspace, project or repository it was made in",
            "write the id of that workspace as name, or use an API token".to_owned(),
        ),
        _ => return,
    };
    findings.push(Finding::new(Severity::Error, "name", message).with_hint(hint));
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
