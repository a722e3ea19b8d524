use forgekeep_plugin_sdk::{Finding, Severity, Source, credential_findings, server_address, token};
use url::Url;

use crate::listing::ALL;

/// Judges a source without a network.
pub(crate) fn validate(source: &Source) -> Vec<Finding> {
    let mut findings = credential_findings(source);
    let mut say = |severity, key, message: &str, hint: &str| {
        findings.push(Finding::new(severity, key, message).with_hint(hint));
    };
    let name = source.name.trim();
    let is_letter = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    if name != ALL && (matches!(name, "" | "." | "..") || !name.chars().all(is_letter)) {
        say(
            Severity::Error,
            "name",
            "name is not that of a user or organisation: letters, digits, `-`, `_` and `.`",
            "write the name as it stands in the address of its page, without the rest, or '*' for all that the account owns or is a member of",
        );
    }
    let url = Url::parse(server_address(source, "/api/v1")).ok();
    let is_server = url.is_some_and(|url| {
        let below = format!("{}/", url.path().trim_end_matches('/'));
        let is_page = url.host_str() == Some("codeberg.org") && below != "/";
        url.has_host() && !is_page && !below.contains("/api/") && url.query().is_none()
    });
    if !is_server {
        say(
            Severity::Error,
            "apiUrl",
            "apiUrl is not the address of a server",
            "write the address of the server alone, such as https://codeberg.org; name says whose repositories",
        );
    }
    if token(source).is_none() {
        // '*' is what an account owns or is a member of.
        let severity = match name {
            ALL => Severity::Error,
            _ => Severity::Warning,
        };
        say(
            severity,
            "password",
            "no credentials: only public repositories of a user or organisation can be backed up",
            "make a token at /user/settings/applications of the server, and set password to it",
        );
    }
    findings
}
